//! Signed statements in a repository: refs below `refs/parcelle-consent/`, each a commit of its own with one file, `statement`.
//!
//! They are commits since libgit2 walks from every ref that a repository has, and fails at what is none.

use std::collections::BTreeMap;
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
const AT_ONCE: usize = 2_000;
/// How many fetches statements take at most: where one of many cannot be fetched, it is looked for.
const MOST_TRIES: usize = 64;
/// The file of a commit that holds the statement.
const FILE: &str = "statement";

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
        let inner = self.inner();
        let blob = inner.blob(bytes).map_err(doing())?;
        let mut tree = inner.treebuilder(None).map_err(doing())?;
        tree.insert(FILE, blob, 0o100_644).map_err(doing())?;
        let tree = tree.write().and_then(|tree| inner.find_tree(tree)).map_err(doing())?;
        let who =
            inner.signature().or_else(|_| git2::Signature::now("parcelle", "parcelle@localhost")).map_err(doing())?;
        let message = "parcelle: a signed statement\n";
        let commit = inner.commit(None, &who, &who, message, &tree, &[]).map_err(doing())?;
        inner.reference(name, commit, true, "parcelle: a statement").map(drop).map_err(doing())
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
        let unreadable = |_| "it cannot be read".to_owned();
        let sized = |id: git2::Oid, kind: git2::ObjectType, most: usize| {
            let (size, found) = self.inner().odb().and_then(|objects| objects.read_header(id)).map_err(unreadable)?;
            match (found == kind, size <= most) {
                (true, true) => Ok(()),
                (true, false) => Err(format!("it has more than {} KiB", most >> 10)),
                (false, _) => Err("it is no statement of parcelle's".to_owned()),
            }
        };
        sized(id, git2::ObjectType::Commit, LARGEST_STATEMENT)?;
        let tree = self.inner().find_commit(id).map(|commit| commit.tree_id()).map_err(unreadable)?;
        sized(tree, git2::ObjectType::Tree, LARGEST_STATEMENT)?;
        let tree = self.inner().find_tree(tree).map_err(unreadable)?;
        let file = tree.get_name(FILE).map(|entry| entry.id()).ok_or("it is no statement of parcelle's")?;
        sized(file, git2::ObjectType::Blob, LARGEST_STATEMENT)?;
        Ok(self.inner().find_blob(file).map_err(unreadable)?.content().into())
    }
}

impl RemoteMirror {
    /// Brings the statements of the repository into a namespace of the mirror's own; those that are gone there go here. What is
    /// there in other namespaces is not asked for.
    ///
    /// # Errors
    /// The repository cannot be asked.
    pub(crate) fn fetch_statements(&self) -> Result<(), GitError> {
        let is_plain = |name: &String| {
            name.len() <= LONGEST_NAME
                && !name.contains("..")
                && name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"-_./".contains(&letter))
        };
        let offered = self.offered(PUSHED)?.into_iter().filter(|(name, _)| is_plain(name)).take(MOST_STATEMENTS);
        let offered: BTreeMap<String, git2::Oid> = offered.collect();
        let kept = self.kept_statements();
        let new: Vec<String> =
            offered.iter().filter(|(name, id)| kept.get(*name) != Some(id)).map(|(name, _)| name.clone()).collect();
        let mut tries = MOST_TRIES;
        for some in new.chunks(AT_ONCE) {
            self.bring_statements(some, &mut tries);
        }
        for (name, id) in self.kept_statements() {
            let inner = self.repository().inner();
            let kind = inner.odb().and_then(|objects| objects.read_header(id)).map(|(_, kind)| kind);
            if offered.contains_key(&name) && matches!(kind, Ok(git2::ObjectType::Commit)) {
                continue;
            }
            // One that stays is looked at again with the next fetch.
            let _stays = inner.find_reference(&format!("{KEPT}{name}")).and_then(|mut kept| kept.delete());
        }
        Ok(())
    }

    /// The statements that the mirror holds, by the names of their refs.
    fn kept_statements(&self) -> BTreeMap<String, git2::Oid> {
        let Ok(kept) = self.repository().inner().references_glob(&format!("{KEPT}*")) else { return BTreeMap::new() };
        let each =
            kept.flatten().filter_map(|kept| Some((kept.name().ok()?.strip_prefix(KEPT)?.to_owned(), kept.target()?)));
        each.collect()
    }

    /// Fetches some; where one of them cannot be, the others are by themselves.
    fn bring_statements(&self, names: &[String], tries: &mut usize) {
        let Some(left) = tries.checked_sub(1) else { return };
        *tries = left;
        let specs: Vec<String> = names.iter().map(|name| format!("+{PUSHED}{name}:{KEPT}{name}")).collect();
        match self.bring_all(&specs) {
            Ok(()) => {}
            Err(error) if names.len() < 2 => tracing::debug!(%error, "a statement cannot be fetched"),
            Err(_) => {
                let (one, other) = names.split_at(names.len() / 2);
                self.bring_statements(one, tries);
                self.bring_statements(other, tries);
            }
        }
    }
}
