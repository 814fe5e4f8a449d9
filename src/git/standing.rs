//! How long a claim stands in the history: of two that say one domain, the older is told by it where nothing is applied.

use super::Repository;

/// Commits that are looked at for one question, of all files together.
const MOST_STEPS: usize = 20_000;
/// Bytes of a file in which a claim is looked for.
const LARGEST_CLAIM: usize = 1 << 20;

impl Repository {
    /// For each path, how many commits back from `revision` along first parents its file has held a text without a break; absent
    /// where that is not known: there is no such commit, or the history is longer than is looked at.
    pub(crate) fn standing(&self, revision: &str, claims: &[(&str, &str)]) -> Option<Vec<usize>> {
        let tip = self.inner().revparse_single(revision).ok()?.peel_to_commit().ok()?;
        let mut steps = MOST_STEPS;
        claims.iter().map(|(path, text)| self.stands(tip.clone(), path, text, &mut steps)).collect()
    }

    fn stands(&self, tip: git2::Commit<'_>, path: &str, text: &str, steps: &mut usize) -> Option<usize> {
        let (mut commit, mut stood, mut known) = (tip, 0, None);
        loop {
            *steps = steps.checked_sub(1)?;
            let blob =
                commit.tree().and_then(|tree| tree.get_path(std::path::Path::new(path))).map(|entry| entry.id()).ok();
            let holds = match (blob, known) {
                (None, _) => false,
                (Some(id), Some((before, holds))) if id == before => holds,
                (Some(id), _) => self.holds_text(id, text),
            };
            known = blob.map(|id| (id, holds));
            if !holds {
                return Some(stood);
            }
            stood += 1;
            commit = match commit.parent(0) {
                Ok(parent) => parent,
                Err(_) if self.inner().is_shallow() => return None,
                Err(_) => return Some(stood),
            };
        }
    }

    fn holds_text(&self, id: git2::Oid, text: &str) -> bool {
        let small = self.inner().odb().and_then(|odb| odb.read_header(id)).is_ok_and(|(size, _)| size <= LARGEST_CLAIM);
        small
            && self
                .inner()
                .find_blob(id)
                .is_ok_and(|blob| std::str::from_utf8(blob.content()).is_ok_and(|content| content.contains(text)))
    }
}
