//! The lines of the garden that were edited since what is applied of each organisation.

use std::collections::{BTreeMap, BTreeSet};

use super::daemon::Turn;
use super::session::Session;
use super::snapshot::LiveSnapshot;
use super::source::Source;
use crate::git::{CommitId, RawFile, Repository, Workspace};
use crate::impact::EditedLines;
use crate::impact::edits::MOST_STATES;
use crate::name::Name;

/// The commit that each organisation was applied from.
pub(crate) type AppliedCommits = BTreeMap<Name, CommitId>;

/// Compares the files with those of the commits that are applied, the most common first. IO: what `read` does.
fn edited_since(
    commits: &AppliedCommits,
    after: &[RawFile],
    read: impl Fn(&CommitId) -> Option<Vec<RawFile>>,
) -> EditedLines {
    let mut of_commit: BTreeMap<&CommitId, BTreeSet<Name>> = BTreeMap::new();
    for (name, commit) in commits {
        of_commit.entry(commit).or_default().insert(name.clone());
    }
    let mut states: Vec<_> = of_commit.into_iter().collect();
    states.sort_by_key(|(_, organisations)| std::cmp::Reverse(organisations.len()));
    let states: Vec<_> = { states.into_iter().enumerate() }
        .map(|(at, (commit, organisations))| (organisations, (at < MOST_STATES).then(|| read(commit)).flatten()))
        .collect();
    EditedLines::since(&states, after)
}

impl Session {
    /// The lines that were edited since what is applied. IO: the repository.
    pub(crate) fn edited(&self) -> EditedLines {
        let nothing = AppliedCommits::new();
        let commits = self.known.applied.as_ref().map_or(&nothing, |applied| &applied.commits);
        self.source.edited_since(commits)
    }
}

impl Turn<'_> {
    /// The lines that were edited since what was applied before this turn. IO: the repository.
    pub(crate) fn edited(&self) -> EditedLines {
        match &self.applied_before {
            Some(commits) => self.source.edited_since(commits),
            None => EditedLines::between(&[], &[]),
        }
    }
}

impl Source {
    fn edited_since(&self, commits: &AppliedCommits) -> EditedLines {
        if commits.is_empty() {
            return EditedLines::default();
        }
        match self.files() {
            Some(after) => edited_since(commits, &after, |commit| self.files_at(commit)),
            None => EditedLines::default(),
        }
    }
}

/// The lines of a garden's files that were edited since what a snapshot of its clusters holds. IO: the repository.
pub(crate) fn edited_since_snapshot(workspace: &Workspace, live: &LiveSnapshot, after: &[RawFile]) -> EditedLines {
    let held = live.clusters.values().flat_map(|cluster| &cluster.organisations);
    let known = held.filter(|(_, one)| !one.inventory.commit.is_empty() && !one.inventory.entries.is_empty());
    let commits = known.map(|(name, one)| (name.clone(), CommitId(one.inventory.commit.clone()))).collect();
    let holds =
        |commit: &CommitId| workspace.repository.as_ref().is_some_and(|repository: &Repository| repository.has(commit));
    edited_since(&commits, after, |commit| {
        let earlier = holds(commit).then(|| workspace.earlier(&commit.0).ok()).flatten().flatten();
        earlier.map(|snapshot| snapshot.files)
    })
}
