//! Signed statements in a repository: refs below `refs/parcelle-consent/`, each a commit of its own with one file, `statement`.
//!
//! They are commits since libgit2 walks from every ref that a repository has, and fails at what is none. Which refs are read is
//! chosen by `choice`, by their names alone; a mirror fetches them by `fetched`, and keeps no ref of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{GitError, Repository};
use crate::cause::reason_of;
use crate::name::Name;
use choice::Choice;

mod choice;
mod fetched;
#[cfg(test)]
mod tests;

pub(super) use fetched::HeldStatements;

/// Where statements lie in the repository that is followed, and in clones of it.
const PUSHED: &str = "refs/parcelle-consent/";
/// The most statements that are read.
pub(crate) const MOST_STATEMENTS: usize = 10_000;
/// The most statements that are read of one person, by the names of their refs.
pub(crate) const MOST_OF_A_PERSON: usize = 2_000;
/// The most bytes of one statement.
pub(crate) const LARGEST_STATEMENT: usize = 64 << 10;
/// The most bytes of all statements together.
const LARGEST_TOGETHER: usize = 64 << 20;
/// The characters of a change's id, and of a statement's digest, in the name of a ref.
const SHORT: usize = 12;
/// The file of a commit that holds the statement.
const FILE: &str = "statement";

/// The name of the ref of a statement: `CHANGE/PERSON-WORD-DIGEST` below the common prefix.
pub(crate) fn statement_ref(change: &str, person: &Name, word: &str, digest: &str) -> String {
    let short = |text: &str| text.get(..SHORT).unwrap_or(text).to_owned();
    format!("{PUSHED}{}/{person}-{word}-{}", short(change), short(digest))
}

/// The statements that a repository holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Statements {
    /// The name of each ref, below the common prefix, and its bytes; in order of name.
    pub(crate) read: Vec<(String, Arc<[u8]>)>,
    /// Refs that hold no statement, with the reason in words; those that are not named as statements are stand here together.
    pub(crate) left_out: Vec<(String, String)>,
    /// How many refs that may hold statements are not read, by the person whom their names name.
    pub(crate) unread: BTreeMap<Name, usize>,
    /// Why the refs could not be looked at, in words: anybody may have said something since.
    pub(crate) silent: Option<String>,
}

impl Statements {
    /// Those of chosen refs, as their commits hold them; absent for one that may hold a statement and is not there.
    fn of(choice: Choice, mut content: impl FnMut(git2::Oid) -> Option<Result<Arc<[u8]>, String>>) -> Self {
        let left_out = choice.misnamed();
        let mut all = Self { unread: choice.unread, left_out: left_out.into_iter().collect(), ..Self::default() };
        let mut together = 0;
        for (name, person, id) in choice.chosen {
            match content(id) {
                Some(Ok(bytes)) if together + bytes.len() <= LARGEST_TOGETHER => {
                    together += bytes.len();
                    all.read.push((name, bytes));
                }
                Some(Err(why)) => all.left_out.push((name, why)),
                Some(Ok(_)) | None => *all.unread.entry(person).or_default() += 1,
            }
        }
        all.read.sort();
        all.left_out.sort();
        all
    }
}

/// Why a commit gives no statement.
enum Unreadable {
    /// It is none, in words.
    NoStatement(String),
    /// An object of it is not there, or damaged.
    Missing,
}

fn missing(_: git2::Error) -> Unreadable {
    Unreadable::Missing
}

impl Repository {
    /// Reads the statements that lie in somebody's clone.
    pub(crate) fn statements(&self) -> Statements {
        let offered = self.inner().references_glob(&format!("{PUSHED}*")).and_then(|refs| {
            let each = refs.map(|found| {
                let found = found?;
                let name = String::from_utf8_lossy(found.name_bytes()).into_owned();
                // One that names another ref is no statement, like one that names nothing.
                Ok((
                    name.strip_prefix(PUSHED).unwrap_or_default().to_owned(),
                    found.target().unwrap_or(git2::Oid::ZERO_SHA1),
                ))
            });
            each.collect::<Result<Vec<_>, git2::Error>>()
        });
        match offered {
            Ok(offered) => Statements::of(Choice::of(offered, &|_| false, &BTreeSet::new()), |id| self.statement(id)),
            Err(error) => {
                let why = format!("the refs of statements cannot be read: {}", reason_of(&error));
                Statements { silent: Some(why), ..Statements::default() }
            }
        }
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

    /// The bytes of a statement, or why a commit holds none; absent where objects of it are missing.
    fn statement(&self, id: git2::Oid) -> Option<Result<Arc<[u8]>, String>> {
        match self.read_statement(id) {
            Ok(bytes) => Some(Ok(bytes)),
            Err(Unreadable::NoStatement(why)) => Some(Err(why)),
            Err(Unreadable::Missing) => None,
        }
    }

    fn read_statement(&self, id: git2::Oid) -> Result<Arc<[u8]>, Unreadable> {
        let none = || Unreadable::NoStatement("it is no statement of parcelle's".to_owned());
        let sized = |id: git2::Oid, kind: git2::ObjectType| {
            let (size, found) = self.inner().odb().and_then(|objects| objects.read_header(id)).map_err(missing)?;
            match (found == kind, size <= LARGEST_STATEMENT) {
                (true, true) => Ok(()),
                (true, false) => {
                    Err(Unreadable::NoStatement(format!("it has more than {} KiB", LARGEST_STATEMENT >> 10)))
                }
                (false, _) => Err(none()),
            }
        };
        if id.is_zero() {
            return Err(none());
        }
        sized(id, git2::ObjectType::Commit)?;
        let tree = self.inner().find_commit(id).map(|commit| commit.tree_id()).map_err(missing)?;
        sized(tree, git2::ObjectType::Tree)?;
        let tree = self.inner().find_tree(tree).map_err(missing)?;
        let file = tree.get_name(FILE).map(|entry| entry.id()).ok_or_else(none)?;
        sized(file, git2::ObjectType::Blob)?;
        Ok(self.inner().find_blob(file).map_err(missing)?.content().into())
    }
}
