//! What is applied where not everything goes as far: the accepted commit's own words, and each organisation at its commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::judged::{JudgedRun, LineJudge, Run};
use super::reviews::LineStep;
use super::{Reached, Walked};
use crate::check::Checked;
use crate::consent::OpenChange;
use crate::engine::failure::Failure;
use crate::engine::session::Session;
use crate::git::{CommitId, RawFile, Snapshot};
use crate::model::{CLAIMED, ConsentSource, Garden};
use crate::name::Name;
use crate::render::Packed;

/// How often organisations are held back further because what they claim is another's in the mixture.
const MOST_CONFLICTS: usize = 8;

/// A mixture, and which of its organisations claim what is another's in it.
pub(super) type Conflicts = (Vec<(Name, CommitId)>, BTreeSet<Name>);

impl Session {
    /// How far everything goes, and what that makes. IO: the repository.
    pub(super) async fn stand(
        &mut self,
        walked: &Walked,
        snapshot: &Snapshot,
        now: jiff::Timestamp,
    ) -> Result<(Reached, Vec<Arc<JudgedRun>>), Failure> {
        let mut most = BTreeMap::new();
        for _ in 0..MOST_CONFLICTS {
            let (agreed, passed) = self.judge_line(walked, snapshot, &most, now);
            let conflicts = self.conflicts(walked, &agreed, snapshot, now).await?;
            let before = most.clone();
            for name in conflicts {
                if let Some(at) = agreed.organisations.get(&name).filter(|at| **at > 0) {
                    most.insert(name, at - 1);
                }
            }
            if most == before {
                return Ok((agreed, passed));
            }
        }
        Ok(self.judge_line(walked, snapshot, &most, now))
    }

    /// What forges are asked about where the garden and organisations have reached positions: what is open on the line, and what was
    /// applied before it was agreed; nothing where the rules there name no forge.
    pub(super) fn open_steps(
        &mut self,
        walked: &Walked,
        (garden, reached): (usize, &BTreeMap<Name, usize>),
        folder: &str,
        now: jiff::Timestamp,
    ) -> BTreeSet<LineStep> {
        let asks =
            |garden: &Garden| garden.consent.sources.iter().any(|one| matches!(one, ConsentSource::Forge { .. }));
        if !walked.garden(garden).is_some_and(asks) {
            return BTreeSet::new();
        }
        let mut steps = self.judging(walked, folder, now, |judging| judging.open_steps(garden, reached));
        let urgent = self.consent.record.urgent.iter();
        steps.extend(urgent.map(|urgent| (urgent.before.clone(), urgent.commit.clone())));
        steps
    }

    /// The position of the accepted commit; the first where it is not on the line.
    pub(super) fn accepted_position(&self, walked: &Walked) -> usize {
        let accepted = self.consent.record.accepted.as_ref();
        walked.positions.iter().position(|one| Some(&one.commit.id) == accepted).unwrap_or(0)
    }

    /// Judges a line that organisations are applied along.
    fn judging<T>(
        &mut self,
        walked: &Walked,
        folder: &str,
        now: jiff::Timestamp,
        ask: impl FnOnce(&LineJudge<'_>) -> T,
    ) -> T {
        let mut state = std::mem::take(&mut self.consent);
        let none = BTreeMap::new();
        let applied = self.known.applied.as_ref().map_or(&none, |applied| &applied.commits);
        let place = (self.garden_name(walked), folder);
        let judging = LineJudge::new(walked, &mut state, self.source.repository(), place, applied, now);
        let answer = ask(&judging);
        drop(judging);
        self.consent = state;
        answer
    }

    fn judge_line(
        &mut self,
        walked: &Walked,
        snapshot: &Snapshot,
        most: &BTreeMap<Name, usize>,
        now: jiff::Timestamp,
    ) -> (Reached, Vec<Arc<JudgedRun>>) {
        let accepted = self.accepted_position(walked);
        self.judging(walked, &snapshot.folder, now, |judging| {
            let agreed = judging.agreed(accepted, most);
            let passed = judging.passed(&agreed);
            (agreed, passed)
        })
    }

    /// What the rules of the first of three positions make of what lies between the others, and the reviews of it that count for
    /// nothing.
    pub(super) fn judge_alone(
        &mut self,
        walked: &Walked,
        folder: &str,
        now: jiff::Timestamp,
    ) -> (OpenChange, BTreeSet<String>) {
        let mut state = std::mem::take(&mut self.consent);
        let place = (self.garden_name(walked), folder);
        let judging = LineJudge::new(walked, &mut state, self.source.repository(), place, &BTreeMap::new(), now);
        let run = Run { from: 1, to: 2, rules: 0 };
        let (judged, unheard) = (judging.judged(run), judging.reviews(run).unheard.clone());
        drop(judging);
        self.consent = state;
        let open = OpenChange {
            change: judged.change.clone(),
            summary: walked.positions[2].commit.summary.clone(),
            verdict: judged.verdict.clone(),
            holds: Vec::new(),
            holds_garden: false,
        };
        (open, unheard)
    }

    /// The name of the garden that the line is of.
    pub(super) fn garden_name(&self, walked: &Walked) -> Name {
        let named =
            walked.positions.iter().find_map(|one| one.checked.garden.as_ref()).map(|garden| garden.name.clone());
        let known = self.clusters.as_ref().map(|clusters| clusters.garden.clone());
        known.or(named).unwrap_or_else(|| Name::new("garden").expect("a word of a to z is a name"))
    }

    /// IO: the organisations that claim, in the mixture that would be applied, what is another's there: the files of each as they
    /// are at its commit are checked together. Who has it in a cluster keeps it.
    async fn conflicts(
        &mut self,
        walked: &Walked,
        agreed: &Reached,
        snapshot: &Snapshot,
        now: jiff::Timestamp,
    ) -> Result<BTreeSet<Name>, Failure> {
        let apart: Vec<(Name, CommitId)> = agreed
            .organisations
            .iter()
            .filter(|(_, at)| **at != agreed.garden)
            .map(|(name, at)| (name.clone(), walked.commit(*at).clone()))
            .collect();
        if apart.is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut key = apart.clone();
        key.push((self.garden_name(walked), walked.commit(agreed.garden).clone()));
        if let Some((_, known)) = self.consent.conflicts.as_ref().filter(|(of, _)| *of == key) {
            return Ok(known.clone());
        }
        let Some(mixed) = self.files_of(walked, agreed, snapshot) else { return Ok(BTreeSet::new()) };
        let checked = self.known.check_beside(mixed, now, &self.shutdown).await.ok_or(Failure::Ending)?;
        let mut found = BTreeSet::new();
        if let Some(garden) = &checked.garden {
            let claimed: BTreeSet<_> = checked
                .findings
                .iter()
                .filter(|one| CLAIMED.contains(&one.code))
                .map(crate::finding::Finding::file)
                .collect();
            for (name, at) in &agreed.organisations {
                let Some(own) = walked.garden(*at).and_then(|garden| garden.organisations.get(name)) else { continue };
                if garden.broken.contains(name) && claimed.contains(&own.file) {
                    found.insert(name.clone());
                }
            }
        }
        self.consent.conflicts = Some((key, found.clone()));
        Ok(found)
    }

    /// IO: the shared files of the accepted position, with each organisation's own as they are at its commit.
    fn files_of(&self, walked: &Walked, agreed: &Reached, snapshot: &Snapshot) -> Option<Snapshot> {
        let accepted = self.source.snapshot_at(walked.commit(agreed.garden), &snapshot.folder)?;
        let mut by_position: BTreeMap<usize, Snapshot> = BTreeMap::new();
        let mut files: BTreeMap<String, RawFile> =
            accepted.files.iter().map(|file| (file.path.clone(), file.clone())).collect();
        for (name, at) in agreed.organisations.iter().filter(|(_, at)| **at != agreed.garden) {
            let path_at = |position: usize| {
                let checked = &walked.positions[position].checked;
                let organisation = checked.garden.as_ref()?.organisations.get(name)?;
                checked.sources.path(organisation.file).map(str::to_owned)
            };
            if let Some(path) = path_at(agreed.garden) {
                files.remove(&path);
            }
            let Some(path) = path_at(*at) else { continue };
            if !by_position.contains_key(at) {
                by_position.insert(*at, self.source.snapshot_at(walked.commit(*at), &snapshot.folder)?);
            }
            let file = by_position[at].files.iter().find(|file| file.path == path).cloned();
            files.extend(file.map(|file| (path, file)));
        }
        Some(Snapshot { commit: None, files: files.into_values().collect(), ..accepted })
    }

    /// Pure: what is applied: the head, or the mixture.
    pub(super) fn mixed(&mut self, walked: &Walked, agreed: Reached, now: jiff::Timestamp) -> Arc<Checked> {
        let Reached { agreement, garden: accepted, organisations, .. } = agreed;
        let (last, agreement) = (walked.last(), Arc::new(agreement));
        let head = &walked.positions[last].checked;
        let is_whole = accepted == last && organisations.values().all(|at| *at == last);
        if is_whole || !agreement.is_obeyed {
            let mut checked = Checked::clone(head);
            checked.agreement = Some(agreement);
            return Arc::new(checked);
        }
        let base = &walked.positions[accepted].checked;
        // The sources of the check that was made last hold the texts of all.
        let sources = self.known.memo.sources();
        let mut mixed = Checked { sources, findings: head.findings.clone(), ..Checked::clone(base) };
        mixed.commit.clone_from(&head.commit);
        mixed.rendered = head.rendered;
        mixed.agreement = Some(agreement);
        let Some(garden) = &mut mixed.garden else { return Arc::new(mixed) };
        let mut rendered_anew = BTreeMap::new();
        for (name, at) in organisations {
            let from = &walked.positions[at];
            if at != last {
                mixed.commits.insert(name.clone(), from.commit.id.clone());
            }
            if at == accepted && !is_due(from.checked.objects.get(&name), now) {
                continue;
            }
            place(garden, from.checked.garden.as_ref(), &name);
            for (to, from) in [(&mut mixed.objects, &from.checked.objects), (&mut mixed.stopped, &from.checked.stopped)]
            {
                to.remove(&name);
                to.extend(from.get_key_value(&name).map(|(name, packed)| (name.clone(), Arc::clone(packed))));
            }
            if let Some(packed) = mixed.objects.get_mut(&name)
                && is_due(Some(packed), now)
            {
                let key = (name.clone(), from.commit.id.clone());
                let known = self.consent.rendered.get(&key).filter(|known| !is_due(Some(known), now)).cloned();
                let anew = known.or_else(|| rendered(from.checked.garden.as_ref()?, &name, now));
                if let Some(anew) = anew {
                    rendered_anew.insert(key, Arc::clone(&anew));
                    *packed = anew;
                }
            }
        }
        self.consent.rendered = rendered_anew;
        Arc::new(mixed)
    }
}

/// Whether a night or a peak has changed what is rendered since.
fn is_due(packed: Option<&Arc<Packed>>, now: jiff::Timestamp) -> bool {
    packed.and_then(|packed| packed.next_change).is_some_and(|next| next <= now)
}

/// An organisation of a garden, rendered for the hour.
fn rendered(garden: &Garden, name: &Name, now: jiff::Timestamp) -> Option<Arc<Packed>> {
    let objects = crate::render::organisation(garden, garden.organisations.get(name)?, now);
    Some(Arc::new(Packed::of(&objects, &mut crate::render::Room::default())))
}

/// Puts an organisation into a garden as another one has it.
fn place(garden: &mut Garden, from: Option<&Garden>, name: &Name) {
    garden.organisations.remove(name);
    garden.stopped.remove(name);
    garden.broken.remove(name);
    garden.awaited.remove(name);
    let Some(from) = from else {
        garden.broken.insert(name.clone());
        return;
    };
    garden.organisations.extend(from.organisations.get(name).map(|one| (name.clone(), Arc::clone(one))));
    garden.stopped.extend(from.stopped.get(name).map(|one| (name.clone(), Arc::clone(one))));
    garden.broken.extend(from.broken.get(name).cloned());
    garden.awaited.extend(from.awaited.get(name).map(|awaited| (name.clone(), awaited.clone())));
}
