//! IO: the record of consent, read from and written to the clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;

use super::judged::JudgedRun;
use super::{Reached, Walked, contains_in};
use crate::cause::reason_of;
use crate::cluster::{Permit, consent};
use crate::consent::{Allowed, ChangeId, ForgottenUse, Record, UnreadRecord, UrgentUse, Used};
use crate::engine::session::Session;
use crate::finding::Findings;
use crate::git::{CommitId, FirstParents};
use crate::model::Boundary;
use crate::source::Sources;
use crate::syntax;

/// The most commits that are asked for the first rules of consent.
const MOST_LOOKED_AT: usize = 10_000;
/// So many steps the written record may lie behind where nothing else is to be written.
const FAR_BEHIND: usize = 50;

impl Session {
    /// IO: reads the records of the clusters, where they were not read yet.
    pub(super) async fn read_records(&mut self) {
        let Some(clusters) = self.clusters.as_ref().filter(|_| !self.consent.is_read) else { return };
        let (connections, garden) = (clusters.connections(), clusters.garden.clone());
        let reads =
            connections.iter().map(async |(name, connection)| (name.clone(), consent::read(connection, &garden).await));
        let (mut records, mut stored, mut damaged) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut all = true;
        for (cluster, read) in join_all(reads).await {
            match read {
                Ok(read) => {
                    match read.text.as_deref().map(Record::parse) {
                        Some(Ok(record)) => records.push(record),
                        // What a newer parcelle remembers is not written over.
                        Some(Err(why @ UnreadRecord::Foreign(_))) => {
                            all = false;
                            damaged.insert(cluster, why.to_string());
                            continue;
                        }
                        Some(Err(why)) => drop(damaged.insert(cluster.clone(), why.to_string())),
                        None => {}
                    }
                    stored.insert(cluster, read);
                }
                // A cluster that is silent may hold the newest record: it is read again with the next look.
                Err(error) => {
                    all = false;
                    damaged.insert(cluster, reason_of(&error));
                }
            }
        }
        let contains = contains_in(self.source.repository());
        let known = std::mem::take(&mut self.consent.record);
        records.push(known);
        self.consent.record = Record::merged(records, &contains);
        (self.consent.stored, self.consent.damaged, self.consent.is_read) = (stored, damaged, all);
    }

    /// Begins the record where there is none. Where nothing was ever applied the head is accepted as it is; where something is, and
    /// rules counted for it, the record was lost, and the oldest commit that anything is applied at is accepted. Says
    /// whether that is known: a cluster that is silent may know better. IO: the repository.
    pub(super) fn begin_record(&mut self, head: &CommitId, folder: &str, now: i64) -> bool {
        if !self.consent.is_read || !self.known.unread.is_empty() {
            return false;
        }
        let applied = self.applied_commits();
        let Some(oldest) = self.oldest(&applied) else {
            self.consent.is_first = true;
            self.accept(head);
            return true;
        };
        let is_lost = applied.iter().any(|commit| self.asks_at(commit, folder));
        self.consent.record.lost = is_lost.then_some(now);
        if is_lost {
            // Which approvals were used is lost too: all that was given before the newest commit that is applied counts as used.
            let newest = self.newest(&applied).unwrap_or_else(|| oldest.clone());
            self.consent.record.forgotten = Some(ForgottenUse { commit: newest, when: now });
        }
        let first =
            if self.asks_at(&oldest, folder) { Some(oldest) } else { self.first_that_asks(&oldest, head, folder) };
        // The commit that brought the rules was made before anybody was asked.
        self.accept(first.as_ref().unwrap_or(head));
        true
    }

    /// The first commit after `oldest` on the line to `head` at which the garden asks for consent.
    fn first_that_asks(&self, oldest: &CommitId, head: &CommitId, folder: &str) -> Option<CommitId> {
        let line = self.source.repository()?.first_parents(oldest, head, MOST_LOOKED_AT).ok()?;
        let FirstParents::Line(line) = line else { return None };
        line.into_iter().find(|commit| self.asks_at(commit, folder))
    }

    /// Whether the garden asks for consent at a commit.
    fn asks_at(&self, commit: &CommitId, folder: &str) -> bool {
        let path = Boundary::garden_file(folder);
        let Some(raw) = self.source.repository().and_then(|repository| repository.file_at(commit, &path)) else {
            return false;
        };
        let (mut sources, mut findings) = (Sources::default(), Findings::default());
        let (file, _) = raw.decode(&mut sources);
        let document = syntax::parse(file, &sources.file(file).text, &mut findings);
        let mut gardens = document.nodes.iter().filter(|node| node.name.value == "garden");
        gardens.any(|garden| garden.child("consent").is_some())
    }

    fn applied_commits(&self) -> BTreeSet<CommitId> {
        let applied = self.known.applied.iter();
        applied.flat_map(|applied| applied.commits.values().chain(applied.begun.values())).cloned().collect()
    }

    /// The newest of some commits.
    fn newest(&self, commits: &BTreeSet<CommitId>) -> Option<CommitId> {
        let contains = contains_in(self.source.repository());
        commits.iter().cloned().reduce(|newest, one| if contains(&one, &newest) { one } else { newest })
    }

    /// The oldest of some commits.
    fn oldest(&self, commits: &BTreeSet<CommitId>) -> Option<CommitId> {
        let repository = self.source.repository();
        let is_older = |one: &CommitId, than: &CommitId| repository.is_some_and(|found| found.holds(than, one));
        commits.iter().cloned().reduce(|oldest, one| if is_older(&one, &oldest) { one } else { oldest })
    }

    fn accept(&mut self, commit: &CommitId) {
        self.consent.record.accepted = Some(commit.clone());
        self.consent.record.floor = Some(commit.clone());
        self.consent.is_dirty = true;
    }

    /// Takes note of how far everything went: what was said of changes that pass is used, what is open is announced. What moved is
    /// written with the next round, before anything is applied.
    pub(super) fn note_agreed(&mut self, walked: &Walked, agreed: &mut Reached, passed: &[Arc<JudgedRun>], now: i64) {
        let contains = contains_in(self.source.repository());
        let state = &mut self.consent;
        let before = state.record.clone();
        for one in passed {
            let JudgedRun { change, verdict, urgent, .. } = &**one;
            if verdict.allowed == Some(Allowed::Urgent)
                && let Some(voice) = urgent
            {
                state.record.open_urgent(UrgentUse {
                    change: change.id.clone(),
                    before: change.before.clone(),
                    commit: change.after.clone(),
                    person: voice.person.clone(),
                    reason: voice.reason.clone(),
                    when: voice.when,
                    classes: change.classes.clone(),
                });
            }
            let (id, commit, by) = (change.id.clone(), change.after.clone(), verdict.approved.clone());
            state.record.use_change(Used { change: id, commit, when: now, by }, &contains);
        }
        let mut open: BTreeSet<ChangeId> = BTreeSet::new();
        for (change, seen) in &agreed.announced {
            state.record.announce(change, *seen);
            open.insert(change.clone());
        }
        state.record.fold(&open);
        let unkept = agreed.said.iter().filter(|voice| !state.record.note_said(voice, now)).count();
        if unkept > 0 {
            agreed.agreement.silent.push(format!(
                "{unkept} words of people find no room in what is remembered: they count only while their refs are there"
            ));
        }
        // What was lost is told until everything is agreed again.
        if open.is_empty() && state.record.lost.is_some_and(|since| since < now) {
            state.record.lost = None;
        }
        let is_obeyed = agreed.agreement.is_obeyed;
        let last = walked.last();
        // What began is told with the commit that it began at.
        state.is_first &= last == 0;
        let floor = agreed.organisations.values().copied().chain([agreed.garden]).min().unwrap_or(last);
        let (accepted, floor) = if is_obeyed { (agreed.garden, floor) } else { (last, last) };
        let moved = before != state.record;
        state.record.accepted = Some(walked.commit(accepted).clone());
        let far = walked.positions.iter().position(|one| Some(&one.commit.id) == state.written_floor.as_ref());
        state.record.floor = Some(walked.commit(floor).clone());
        state.is_dirty |= moved || far.is_none_or(|at| floor.saturating_sub(at) >= FAR_BEHIND);
        agreed.agreement.urgent.clone_from(&state.record.urgent);
        agreed.agreement.is_first = state.is_first;
        agreed.agreement.lost = state.record.lost;
    }

    /// IO: writes the record to the clusters that this process leads, where it moved. Where that fails nothing is applied there in
    /// this round: what was said must not be used twice.
    pub(in crate::engine) async fn write_record(&mut self) {
        if !self.consent.is_dirty {
            return;
        }
        let Some(clusters) = &self.clusters else { return };
        let (garden, text) = (clusters.garden.clone(), self.consent.record.text());
        let (connections, permits) = (self.connections(), self.permits());
        let mut all = true;
        for (cluster, connection) in &connections {
            if self.is_left_alone(cluster) {
                all &= self.refused.contains_key(cluster);
                continue;
            }
            let Some(written) = self.clusters.as_ref().and_then(|clusters| clusters.written.get(cluster)) else {
                continue;
            };
            // Of one whose record was not read yet nothing else was either.
            let Some(mut stored) = self.consent.stored.remove(cluster) else {
                all = false;
                if let Some(why) = self.consent.damaged.get(cluster) {
                    self.unasked.insert(cluster.clone(), format!("the record of consent cannot be read: {why}"));
                }
                continue;
            };
            let permit = permits.get(cluster).cloned().unwrap_or(Permit::Always);
            let done = match connection.writer(written, permit).await {
                Ok(writer) => {
                    consent::write(&writer, &garden, &mut stored, &text).await.map_err(|error| reason_of(&error))
                }
                Err(error) => Err(reason_of(&error)),
            };
            self.consent.stored.insert(cluster.clone(), stored);
            if done.is_ok() {
                self.consent.damaged.remove(cluster);
            }
            if let Err(why) = done {
                (all, self.consent.is_read) = (false, false);
                let why = format!("the record of consent cannot be written: {why}");
                self.unasked.insert(cluster.clone(), why);
            }
        }
        if all {
            self.consent.is_dirty = false;
            self.consent.written_floor.clone_from(&self.consent.record.floor);
        }
    }
}
