//! What a step is: its content, its classes, its authors. IO: the repository. All of it is remembered, since commits do not change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ConsentState, Walked};
use crate::consent::signature::{COMMITS, signer};
use crate::consent::{Authors, Between, Change, ChangeId, Unit};
use crate::git::{ChangedFiles, CommitId, Repository, WrittenCommit};
use crate::impact::EditedLines;
use crate::model::{Class, Garden, Person};
use crate::name::Name;

/// The most commits of one change that are asked who wrote them.
pub(super) const MOST_COMMITS: usize = 1_000;

/// What is known of the way from one commit to a later one.
pub(super) struct StepFacts {
    pub(super) id: ChangeId,
    pub(super) content: ChangedFiles,
    pub(super) edits: EditedLines,
    pub(super) classes: BTreeSet<Class>,
    /// Its commits; absent where there are more than are looked at, or they cannot be read.
    pub(super) written: Option<Vec<Written>>,
}

/// A commit of a change, with whether it writes anything of the garden itself.
pub(super) struct Written {
    pub(super) commit: WrittenCommit,
    pub(super) writes: bool,
}

type People = BTreeMap<Name, Person>;

/// Whose likeness between which commits.
pub(super) type AlikeKey = (Unit, CommitId, CommitId);

impl Walked {
    /// The garden at a position.
    pub(super) fn garden(&self, at: usize) -> Option<&Garden> {
        self.positions[at].checked.garden.as_ref()
    }

    pub(super) fn commit(&self, at: usize) -> &CommitId {
        &self.positions[at].commit.id
    }

    pub(super) fn last(&self) -> usize {
        self.positions.len() - 1
    }

    /// What is known of the way between two positions.
    pub(super) fn facts(
        &self,
        state: &mut ConsentState,
        repository: Option<&Repository>,
        (from, to): (usize, usize),
        (garden, folder): (&Name, &str),
        now: jiff::Timestamp,
    ) -> Arc<StepFacts> {
        let key = (self.commit(from).clone(), self.commit(to).clone());
        if let Some(known) = state.facts.get(&key) {
            return Arc::clone(known);
        }
        let content = repository.and_then(|repository| repository.content(&key.0, &key.1, folder).ok());
        let edits = repository.zip(content.as_ref()).map(|(repository, content)| {
            let (before, after) = repository.both_sides(content);
            EditedLines::between(&before, &after)
        });
        let written = repository.and_then(|repository| written(repository, &key.0, &key.1, folder));
        // What cannot be read has no content that anybody could have agreed to: its id is of the commits themselves.
        let id = match &content {
            Some(content) => ChangeId::of(content, garden),
            None => ChangeId(format!("unreadable-{}-{}", key.0.short(), key.1.short())),
        };
        let is_read = content.is_some();
        let edits = edits.unwrap_or_default();
        let between = Between { before: self.garden(from), after: self.garden(to), edits: &edits, now };
        let mut classes = between.classes();
        if !is_read {
            classes.extend([Class::Deletions, Class::Data, Class::Offers, Class::People, Class::Clusters]);
        }
        let facts = Arc::new(StepFacts { id, content: content.unwrap_or_default(), edits, classes, written });
        state.facts.insert(key, Arc::clone(&facts));
        facts
    }

    /// Whether nothing of a unit is another at two positions.
    pub(super) fn is_alike(
        &self,
        state: &mut ConsentState,
        unit: &Unit,
        from: usize,
        to: usize,
        facts: &StepFacts,
        now: jiff::Timestamp,
    ) -> bool {
        let key = (unit.clone(), self.commit(from).clone(), self.commit(to).clone());
        if let Some(known) = state.alike.get(&key) {
            return *known;
        }
        let between = Between { before: self.garden(from), after: self.garden(to), edits: &facts.edits, now };
        let alike = match unit {
            Unit::Garden => between.is_garden_alike(),
            Unit::Organisation(name) => between.is_alike(name),
        };
        state.alike.insert(key, alike);
        alike
    }

    /// The change between two positions, as people at a position of the line judge it.
    pub(super) fn change(
        &self,
        facts: &StepFacts,
        (from, to): (usize, usize),
        people: &People,
        signed: bool,
    ) -> Change {
        let mut classes = facts.classes.clone();
        let authors = authors(facts, people);
        if classes.is_empty() {
            classes.insert(Class::Routine);
        }
        if authors.people.is_empty() {
            classes.insert(Class::Contribution);
        }
        Change {
            id: facts.id.clone(),
            before: self.commit(from).clone(),
            after: self.commit(to).clone(),
            files: facts.content.files.keys().cloned().collect(),
            classes,
            authors,
            unsigned: if signed { unsigned(facts, people) } else { Vec::new() },
        }
    }
}

/// The commits of a change, each with whether it writes anything of the garden: a merge that only brings together what others
/// wrote does not.
fn written(repository: &Repository, before: &CommitId, after: &CommitId, folder: &str) -> Option<Vec<Written>> {
    let commits = repository.written_between(before, after, MOST_COMMITS).ok()??;
    let writes = |commit: &WrittenCommit| match commit.parents.as_slice() {
        [] => true,
        [parent] => repository.content(parent, &commit.id, folder).map_or(true, |content| !content.files.is_empty()),
        [first, second] => {
            let joined = || {
                let base = repository.shared(&first.0, &second.0).ok()?;
                let theirs = repository.content(&base, second, folder).ok()?;
                Some(theirs == repository.content(first, &commit.id, folder).ok()?)
            };
            !joined().unwrap_or(false)
        }
        _ => true,
    };
    Some(commits.into_iter().map(|commit| Written { writes: writes(&commit), commit }).collect())
}

/// Who wrote a change, as its commits say: addresses are names that anybody can write, signatures are not.
fn authors(facts: &StepFacts, people: &People) -> Authors {
    let Some(written) = &facts.written else {
        return Authors { others: BTreeSet::from(["commits that were not all read".to_owned()]), ..Authors::default() };
    };
    let mut authors = Authors { vouched: !written.is_empty(), ..Authors::default() };
    for Written { commit, .. } in written.iter().filter(|written| written.writes) {
        let signed =
            commit.signature.as_ref().and_then(|(signature, signed)| signer(people, COMMITS, signed, signature).ok());
        authors.vouched &= signed.is_some();
        authors.people.extend(signed.cloned());
        for address in [&commit.author, &commit.committer] {
            let person = people.iter().find(|(_, person)| person.email.eq_ignore_ascii_case(address));
            match person {
                Some((name, _)) => drop(authors.people.insert(name.clone())),
                None => drop(authors.others.insert(address.clone())),
            }
        }
    }
    authors
}

/// The commits of a change that write something of the garden and that nobody of the people signed.
fn unsigned(facts: &StepFacts, people: &People) -> Vec<(CommitId, String)> {
    let Some(written) = &facts.written else {
        return vec![(CommitId(String::new()), format!("there are more than {MOST_COMMITS} commits to look at"))];
    };
    let refused = written.iter().filter(|written| written.writes).filter_map(|Written { commit, .. }| {
        let why = match &commit.signature {
            None => "it is not signed".to_owned(),
            Some((signature, signed)) => signer(people, COMMITS, signed, signature).err()?,
        };
        Some((commit.id.clone(), why))
    });
    refused.collect()
}
