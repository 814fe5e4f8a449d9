//! What a step is: its content, its classes, its authors. IO: the repository. All of it is remembered, since commits do not change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{ConsentState, Walked};
use crate::consent::{Authors, Between, Change, ChangeId, MOST_COMMITS, Unit, unsigned};
use crate::git::{ChangedFiles, CommitId, Repository, WrittenCommit};
use crate::impact::EditedLines;
use crate::model::{Class, Garden, Person};
use crate::name::Name;

/// What is known of the way from one commit to a later one.
pub(super) struct StepFacts {
    pub(super) id: ChangeId,
    pub(super) content: ChangedFiles,
    pub(super) edits: EditedLines,
    pub(super) classes: BTreeSet<Class>,
    /// Its commits; absent where there are more than are looked at, or they cannot be read.
    pub(super) written: Option<Vec<WrittenCommit>>,
}

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
        let written = repository.and_then(|found| found.written_between(&key.0, &key.1, folder, MOST_COMMITS).ok()?);
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

    /// The change between two positions, as people at a position of the line judge it; `others` are those who wrote it as forges say.
    pub(super) fn change(
        &self,
        facts: &StepFacts,
        (from, to): (usize, usize),
        (people, others): (&BTreeMap<Name, Person>, Authors),
        signed: bool,
    ) -> Change {
        let commits = facts.written.as_deref();
        let mut authors = Authors::of(commits, people);
        authors.join(others);
        Change {
            id: facts.id.clone(),
            before: self.commit(from).clone(),
            after: self.commit(to).clone(),
            files: facts.content.files.keys().cloned().collect(),
            classes: authors.classes(facts.classes.clone()),
            authors,
            unsigned: if signed { unsigned(commits, self.commit(to), people) } else { Vec::new() },
        }
    }
}
