//! What a change is: known by its content, whatever commits carry it.

use std::collections::{BTreeMap, BTreeSet};

use super::signature::{COMMITS, signer};
use crate::git::{ChangedFiles, CommitId, WrittenCommit};
use crate::model::{Class, Person};
use crate::name::Name;
use crate::visible;

/// The most commits of one change that are asked who wrote them.
pub(crate) const MOST_COMMITS: usize = 1_000;

/// A change's id: the SHA-256 of its garden's name and of what it makes of each file, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub(crate) struct ChangeId(pub(crate) String);

impl ChangeId {
    /// The id of what a change makes of a garden's files.
    pub(crate) fn of(content: &ChangedFiles, garden: &Name) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        let mut add = |text: &[u8]| {
            context.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(text);
        };
        add(b"parcelle.dev/change/v1");
        add(garden.as_str().as_bytes());
        for (path, (before, after)) in &content.files {
            add(path.as_bytes());
            for state in [before, after] {
                let (mode, blob) = state.as_ref().map_or((0, ""), |state| (state.mode, &state.blob));
                add(&mode.to_be_bytes());
                add(blob.as_bytes());
            }
        }
        Self(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The first twelve characters, as people are told of it.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

/// The most files that are named of those that moved since an approval.
const MOST_MOVED: usize = 3;

/// Which files make two changes differ, of which somebody approved the one that ends at a commit.
pub(crate) fn moved_since(approved: &CommitId, then: &ChangedFiles, now: &ChangedFiles) -> String {
    let (then, now) = (&then.files, &now.files);
    let paths = now.keys().chain(then.keys());
    let moved: BTreeSet<&String> = paths.filter(|path| now.get(*path) != then.get(*path)).collect();
    let more = moved.len().saturating_sub(MOST_MOVED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named: Vec<String> = moved.iter().take(MOST_MOVED).map(|path| format!("`{}`", visible::line(path))).collect();
    format!("it is of `{}`, and {}{more} changed since", approved.short(), named.join(", "))
}

/// Who wrote a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Authors {
    /// Those of the garden's people who did: opener and pusher on a forge, author, committer or signature of any commit.
    pub(crate) people: BTreeSet<Name>,
    /// Others, as they are named.
    pub(crate) others: BTreeSet<String>,
    /// Whether a forge or signed commits say so; names in commits alone can be anybody's.
    pub(crate) vouched: bool,
}

impl Authors {
    /// Who wrote some commits: addresses are names that anybody can write, signatures are not. Absent where there are more than are
    /// looked at, or they cannot be read.
    pub(crate) fn of(commits: Option<&[WrittenCommit]>, people: &BTreeMap<Name, Person>) -> Self {
        let Some(commits) = commits else {
            return Self { others: BTreeSet::from(["commits that were not all read".to_owned()]), ..Self::default() };
        };
        let mut authors = Self { vouched: !commits.is_empty(), ..Self::default() };
        for commit in commits.iter().filter(|commit| commit.writes) {
            let signed = signed_by(commit, people).ok();
            authors.vouched &= signed.is_some();
            authors.people.extend(signed.cloned());
            for address in [&commit.author, &commit.committer] {
                match people.iter().find(|(_, person)| person.email.eq_ignore_ascii_case(address)) {
                    Some((name, _)) => authors.people.insert(name.clone()),
                    None => authors.others.insert(visible::line(address)),
                };
            }
        }
        authors
    }

    /// Adds those whom another source names; it is enough that one of them vouches.
    pub(crate) fn join(&mut self, other: Self) {
        self.people.extend(other.people);
        self.others.extend(other.others);
        self.vouched |= other.vouched;
    }

    /// The kinds of a change that does this, with what follows from who wrote it.
    pub(crate) fn classes(&self, mut classes: BTreeSet<Class>) -> BTreeSet<Class> {
        if classes.is_empty() {
            classes.insert(Class::Routine);
        }
        if self.people.is_empty() {
            classes.insert(Class::Contribution);
        }
        classes
    }
}

/// The one of the people who signed a commit.
fn signed_by<'p>(commit: &WrittenCommit, people: &'p BTreeMap<Name, Person>) -> Result<&'p Name, String> {
    let (signature, signed) = commit.signature.as_ref().ok_or("it is not signed")?;
    signer(people, COMMITS, signed, signature)
}

/// The commits of a change up to `last` that write something of the garden and that nobody of the people signed, with the reason.
pub(crate) fn unsigned(
    commits: Option<&[WrittenCommit]>,
    last: &CommitId,
    people: &BTreeMap<Name, Person>,
) -> Vec<(CommitId, String)> {
    let Some(commits) = commits else {
        return vec![(last.clone(), format!("there are more than {MOST_COMMITS} commits, or they cannot be read"))];
    };
    let written = commits.iter().filter(|commit| commit.writes);
    written.filter_map(|commit| Some((commit.id.clone(), signed_by(commit, people).err()?))).collect()
}

/// A change on the line of commits that the loop follows: one commit, or several in a row together.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) id: ChangeId,
    /// The commit that it is made to.
    pub(crate) before: CommitId,
    /// The commit that it comes to.
    pub(crate) after: CommitId,
    /// The garden files that it touches, in order.
    pub(crate) files: Vec<String>,
    /// What it does, by kind.
    pub(crate) classes: BTreeSet<Class>,
    pub(crate) authors: Authors,
    /// Where commits must be signed: those that change the garden and are not, with the reason.
    pub(crate) unsigned: Vec<(CommitId, String)>,
}
