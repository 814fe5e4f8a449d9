//! IO: the line of commits from where everything stands to the head, each checked.

use std::sync::Arc;

use super::{MOST_POSITIONS, Position, Walked};
use crate::check::Checked;
use crate::engine::failure::Failure;
use crate::engine::session::Session;
use crate::git::{Commit, CommitId, FirstParents, Snapshot};

impl Session {
    /// IO: the line from the floor of the record to the head. Where the floor is not on the first-parent line, or too far back, the
    /// whole difference from the accepted commit is one step.
    pub(super) async fn walk(
        &mut self,
        head: Checked,
        commit: Commit,
        snapshot: &Snapshot,
        now: jiff::Timestamp,
    ) -> Result<Walked, Failure> {
        let floor = self.consent.record.floor.clone().unwrap_or_else(|| commit.id.clone());
        self.source.ask_for([floor.clone()]).await;
        let line = match self.repository() {
            Some(repository) if repository.has(&floor) => {
                repository.first_parents(&floor, &commit.id, MOST_POSITIONS).map_err(Failure::Git)?
            }
            _ => FirstParents::Apart,
        };
        let commits = match line {
            FirstParents::Line(line) => line,
            FirstParents::Apart | FirstParents::TooFar => {
                let accepted = self.consent.record.accepted.clone().filter(|accepted| *accepted != commit.id);
                let mut commits = vec![floor];
                commits.extend(accepted.filter(|accepted| !commits.contains(accepted)));
                commits.push(commit.id.clone());
                commits.dedup();
                commits
            }
        };
        let state = &mut self.consent;
        let is_on = |one: &CommitId, other: &CommitId| commits.contains(one) && commits.contains(other);
        state.facts.retain(|(from, to), _| is_on(from, to));
        state.alike.retain(|(_, from, to), _| is_on(from, to));
        if self.consent.begun != self.known.memo.begun {
            (self.consent.begun, self.consent.checked) = (self.known.memo.begun, std::collections::BTreeMap::new());
        }
        let mut positions = Vec::with_capacity(commits.len());
        for at in commits.iter().filter(|at| **at != commit.id) {
            positions.push(self.position(at, snapshot, now).await?);
        }
        let checked = Arc::new(head);
        positions.push(Position { commit, checked });
        self.consent.checked.retain(|at, _| commits.contains(at));
        let newest = positions.last().map(|last| (last.commit.id.clone(), Arc::clone(&last.checked)));
        self.consent.checked.extend(newest);
        Ok(Walked { positions })
    }

    /// IO: a commit of the line, checked beside the head; one that holds no garden that can be read has none.
    pub(super) async fn position(
        &mut self,
        at: &CommitId,
        snapshot: &Snapshot,
        now: jiff::Timestamp,
    ) -> Result<Position, Failure> {
        let unknown = || Commit { id: at.clone(), summary: String::new(), author: String::new(), time: 0 };
        let commit = self.repository().and_then(|repository| repository.commit(&at.0).ok()).unwrap_or_else(unknown);
        if let Some(checked) = self.consent.checked.get(at) {
            return Ok(Position { commit, checked: Arc::clone(checked) });
        }
        let earlier = self.source.snapshot_at(at, &snapshot.folder);
        let checked = match earlier {
            Some(earlier) => self.known.check_beside(earlier, now, &self.shutdown).await.ok_or(Failure::Ending)?,
            None => Checked { commit: Some(commit.clone()), ..Checked::default() },
        };
        let checked = Arc::new(checked);
        self.consent.checked.insert(at.clone(), Arc::clone(&checked));
        Ok(Position { commit, checked })
    }
}
