//! The lines of the garden that were edited since what is applied of each organisation.

use std::collections::{BTreeMap, BTreeSet};

use super::daemon::Turn;
use super::known::AppliedState;
use super::session::Session;
use super::snapshot::LiveSnapshot;
use super::source::Source;
use crate::git::{CommitId, RawFile, Repository, Workspace};
use crate::impact::EditedLines;
use crate::impact::edits::MOST_STATES;
use crate::name::Name;

/// What each organisation was applied from.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppliedFrom {
    /// The commit of each.
    commits: BTreeMap<Name, CommitId>,
    /// Those that another parcelle rendered.
    upgraded: BTreeSet<Name>,
}

impl AppliedFrom {
    /// What is known of it; `renderer` is the hash of this parcelle.
    pub(super) fn of(applied: Option<&AppliedState>, renderer: &str) -> Self {
        let Some(applied) = applied else { return Self::default() };
        let other = applied.renderers.iter().filter(|(_, hash)| !hash.is_empty() && *hash != renderer);
        Self { commits: applied.commits.clone(), upgraded: other.map(|(name, _)| name.clone()).collect() }
    }
}

/// Compares the files with those of the commits that are applied, the most common first. IO: what `read` does.
fn edited_since(
    applied: &AppliedFrom,
    after: &[RawFile],
    read: impl Fn(&CommitId) -> Option<Vec<RawFile>>,
) -> EditedLines {
    let commits = &applied.commits;
    let mut of_commit: BTreeMap<&CommitId, BTreeSet<Name>> = BTreeMap::new();
    for (name, commit) in commits {
        of_commit.entry(commit).or_default().insert(name.clone());
    }
    let mut states: Vec<_> = of_commit.into_iter().collect();
    states.sort_by_key(|(_, organisations)| std::cmp::Reverse(organisations.len()));
    let states: Vec<_> = { states.into_iter().enumerate() }
        .map(|(at, (commit, organisations))| (organisations, (at < MOST_STATES).then(|| read(commit)).flatten()))
        .collect();
    EditedLines::since(&states, after).upgraded(applied.upgraded.clone())
}

impl Session {
    /// The lines that were edited since what is applied. IO: the repository.
    pub(crate) fn edited(&self) -> EditedLines {
        self.source.edited_since(&AppliedFrom::of(self.known.applied.as_ref(), &self.checked.renderer_hash))
    }
}

impl Turn<'_> {
    /// The lines that were edited since what was applied before this turn. IO: the repository.
    pub(crate) fn edited(&self) -> EditedLines {
        match &self.applied_before {
            Some(applied) => self.source.edited_since(applied),
            None => EditedLines::between(&[], &[]),
        }
    }
}

impl Source {
    fn edited_since(&self, applied: &AppliedFrom) -> EditedLines {
        if applied.commits.is_empty() {
            return EditedLines::default();
        }
        match self.files() {
            Some(after) => edited_since(applied, &after, |commit| self.files_at(commit)),
            None => EditedLines::default(),
        }
    }
}

/// The lines of a garden's files that were edited since what a snapshot of its clusters holds; `renderer` is the hash of this
/// parcelle. IO: the repository.
pub(crate) fn edited_since_snapshot(
    workspace: &Workspace,
    live: &LiveSnapshot,
    after: &[RawFile],
    renderer: &str,
) -> EditedLines {
    let mut applied = AppliedFrom::default();
    for (name, one) in live.clusters.values().flat_map(|cluster| &cluster.organisations) {
        let inventory = &one.inventory;
        if !inventory.commit.is_empty() && !inventory.entries.is_empty() {
            applied.commits.insert(name.clone(), CommitId(inventory.commit.clone()));
            applied.upgraded.extend((inventory.renderer_hash != renderer).then(|| name.clone()));
        }
    }
    let holds =
        |commit: &CommitId| workspace.repository.as_ref().is_some_and(|repository: &Repository| repository.has(commit));
    edited_since(&applied, after, |commit| {
        let earlier = holds(commit).then(|| workspace.earlier(&commit.0).ok()).flatten().flatten();
        earlier.map(|snapshot| snapshot.files)
    })
}
