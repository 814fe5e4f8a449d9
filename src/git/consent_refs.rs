//! Signed statements in a repository: refs below `refs/parcelle-consent/`, each a blob.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{GitError, RemoteMirror, Repository};

/// Where statements lie in the repository that is followed, and in clones of it.
pub(crate) const PUSHED: &str = "refs/parcelle-consent/";
/// Where the mirror keeps those that it fetched: nothing that a remote names moves any other ref of ours.
const KEPT: &str = "refs/parcelle/consent/";
/// The most refs of statements that are looked at.
pub(crate) const MOST_STATEMENTS: usize = 10_000;
/// The most bytes of one statement.
pub(crate) const LARGEST_STATEMENT: usize = 64 << 10;
/// The most bytes of a ref's name.
const LONGEST_NAME: usize = 250;
/// How many refs one fetch asks for.
const AT_ONCE: usize = 500;

/// The statements that a repository holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statements {
    /// The name of each ref, below the common prefix, and its bytes; in order of name.
    pub(crate) read: Vec<(String, Arc<[u8]>)>,
    /// Refs that are not read, with the reason in words.
    pub(crate) left_out: Vec<(String, String)>,
}

impl Repository {
    /// Reads the statements: those that a mirror fetched, and those that lie in somebody's clone.
    pub(crate) fn statements(&self) -> Statements {
        let mut all = Statements::default();
        for prefix in [KEPT, PUSHED] {
            let Ok(refs) = self.inner().references_glob(&format!("{prefix}*")) else { continue };
            for found in refs.flatten() {
                let Some(place) = found.name().ok().and_then(|name| name.strip_prefix(prefix)).map(str::to_owned)
                else {
                    continue;
                };
                if all.read.len() + all.left_out.len() >= MOST_STATEMENTS {
                    all.left_out.push((place, format!("there are more than {MOST_STATEMENTS}")));
                    return all;
                }
                match found.target().map(|id| self.statement(id)) {
                    Some(Ok(bytes)) => all.read.push((place, bytes)),
                    Some(Err(why)) => all.left_out.push((place, why)),
                    None => all.left_out.push((place, "it is no ref to anything".to_owned())),
                }
            }
        }
        all.read.sort();
        all.read.dedup();
        all
    }

    /// Keeps a statement under a name of its own in somebody's clone.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub(crate) fn put_statement(&self, name: &str, bytes: &[u8]) -> Result<(), GitError> {
        let doing = || GitError::git("keep the statement in the repository");
        let blob = self.inner().blob(bytes).map_err(doing())?;
        self.inner().reference(name, blob, true, "parcelle: a statement").map(drop).map_err(doing())
    }

    /// The remote that statements are pushed to: `origin`, else the only one.
    pub(crate) fn remote_for_statements(&self) -> Option<String> {
        let remotes = self.remotes();
        let first = remotes.first()?;
        (first == "origin" || remotes.len() == 1).then(|| first.clone())
    }

    /// A setting of Git, as it counts in this repository.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        self.inner().config().ok()?.get_string(name).ok()
    }

    fn statement(&self, id: git2::Oid) -> Result<Arc<[u8]>, String> {
        let header = self.inner().odb().and_then(|objects| objects.read_header(id));
        match header {
            Ok((size, git2::ObjectType::Blob)) if size <= LARGEST_STATEMENT => {
                let blob = self.inner().find_blob(id).map_err(|_| "it cannot be read")?;
                Ok(blob.content().into())
            }
            Ok((_, git2::ObjectType::Blob)) => Err(format!("it has more than {} KiB", LARGEST_STATEMENT >> 10)),
            Ok(_) => Err("it is no file".to_owned()),
            Err(_) => Err("it cannot be read".to_owned()),
        }
    }
}

impl RemoteMirror {
    /// Brings the statements of the repository into a namespace of the mirror's own; those that are gone there go here. What is
    /// there in other namespaces is not asked for.
    ///
    /// # Errors
    /// The repository cannot be asked, or has more than is fetched at once.
    pub(crate) fn fetch_statements(&self) -> Result<(), GitError> {
        let inner = self.repository().inner();
        let offered = self.offered(PUSHED)?;
        let is_plain = |name: &String| {
            name.len() <= LONGEST_NAME
                && !name.contains("..")
                && name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_./".contains(&letter))
        };
        let offered: Vec<String> = offered.into_iter().filter(is_plain).take(MOST_STATEMENTS).collect();
        let specs: Vec<String> = offered.iter().map(|name| format!("+{PUSHED}{name}:{KEPT}{name}")).collect();
        for some in specs.chunks(AT_ONCE) {
            self.bring_all(some)?;
        }
        let offered: BTreeSet<String> = offered.into_iter().collect();
        let Ok(kept) = inner.references_glob(&format!("{KEPT}*")) else { return Ok(()) };
        for mut kept in kept.flatten() {
            let is_gone =
                kept.name().ok().and_then(|name| name.strip_prefix(KEPT)).is_some_and(|name| !offered.contains(name));
            if is_gone {
                // One that stays is looked at again with the next fetch.
                let _stays = kept.delete();
            }
        }
        Ok(())
    }
}
