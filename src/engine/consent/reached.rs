//! Pure: how far everything goes along the line, what waits for whom, and what passed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Reached;
use super::judged::{JudgedRun, LineJudge, Run, SpokenRuns};
use crate::consent::{Agreement, Allowed, ChangeId, ConsentWord, HeldBack, OpenChange, Unit, UnitStanding, Voice};
use crate::name::Name;

impl LineJudge<'_> {
    /// How far everything goes, `accepted` being how far the garden went before, and no organisation further than `most`.
    pub(super) fn agreed(&self, accepted: usize, most: &BTreeMap<Name, usize>) -> Reached {
        let garden = self.garden(accepted);
        let each = self.organisations(garden.at, most);
        let spoken = self.runs(garden.at);
        let mut open: BTreeMap<Run, (BTreeSet<Name>, bool)> = BTreeMap::new();
        for run in self.open_runs(&garden, &spoken, garden.at) {
            open.entry(run).or_default().1 = true;
        }
        let mut first = BTreeMap::new();
        for (name, standing) in &each {
            let runs = self.open_runs(standing, &spoken, garden.at);
            first.extend(runs.first().filter(|_| standing.with.is_none()).map(|run| (name.clone(), *run)));
            for run in runs {
                open.entry(run).or_default().0.insert(name.clone());
            }
        }
        let last = self.walked.last();
        let runs: Vec<Run> = open.keys().copied().collect();
        let held = each.iter().filter(|(_, standing)| standing.at < last).map(|(name, standing)| {
            let by = first.get(name).and_then(|first| runs.iter().position(|run| run == first));
            (name.clone(), HeldBack { at: self.walked.commit(standing.at).clone(), by, with: standing.with.clone() })
        });
        let held = held.collect();
        // A run that is announced keeps the times of its steps too.
        let steps = runs.iter().flat_map(|run| (run.from..run.to).map(|from| Run { from, to: from + 1, ..*run }));
        let waiting: BTreeSet<Run> = runs.iter().copied().chain(steps).collect();
        let unheard: BTreeSet<String> = runs.iter().flat_map(|run| self.reviews(*run).unheard.clone()).collect();
        let open = open.into_iter().map(|(run, (holds, holds_garden))| {
            let judged = self.judged(run);
            OpenChange {
                change: judged.change.clone(),
                summary: self.walked.positions[run.to].commit.summary.clone(),
                verdict: judged.verdict.clone(),
                holds: holds.into_iter().collect(),
                holds_garden,
            }
        });
        let agreement = Agreement {
            head: Some(self.walked.commit(last).clone()),
            accepted: Some(self.walked.commit(garden.at).clone()),
            open: open.collect(),
            held,
            unheard: self.voices(garden.at).1.clone(),
            unheard_reviews: unheard.into_iter().collect(),
            ..Agreement::default()
        };
        let organisations = each.into_iter().map(|(name, standing)| (name, standing.at)).collect();
        let announced: BTreeMap<ChangeId, i64> =
            waiting.iter().map(|run| self.judged(*run)).map(|one| (one.change.id.clone(), one.announced)).collect();
        let said = self.worth_remembering(garden.at, &announced);
        let elsewhere = if agreement.open.is_empty() { Vec::new() } else { self.approvals_elsewhere(garden.at) };
        Reached { agreement, garden: garden.at, organisations, said, elsewhere, announced }
    }

    /// What people said of changes that wait, and objections to any that was not applied: also to one that is not on the line yet.
    fn worth_remembering(&self, rules: usize, waiting: &BTreeMap<ChangeId, i64>) -> Vec<Voice> {
        let used: BTreeSet<ChangeId> = self.state.borrow().record.used.iter().map(|used| used.change.clone()).collect();
        let outlives = |voice: &&Voice| {
            waiting.contains_key(&voice.change)
                || (matches!(voice.word, ConsentWord::Object | ConsentWord::Withdraw) && !used.contains(&voice.change))
        };
        let mut said: Vec<Voice> = self.voices(rules).0.iter().filter(outlives).cloned().collect();
        said.extend(self.objections_on_forges());
        said
    }

    /// What a unit waits for: each step that is not allowed by itself, and the run around it instead where people spoke of that.
    fn open_runs(&self, standing: &UnitStanding, spoken: &SpokenRuns, rules: usize) -> Vec<Run> {
        let mut open = Vec::new();
        let mut past = standing.at;
        for (from, to) in standing.open.iter().copied().filter(|(_, to)| *to > standing.at) {
            if to <= past {
                continue;
            }
            let around = spoken.iter().filter(|run| run.0 <= from && run.1 >= to);
            let (from, to) = around.copied().min_by_key(|run| run.1 - run.0).unwrap_or((from, to));
            past = to;
            let run = Run { from, to, rules };
            // What is allowed and not reached waits for a step before it, or for what another claims.
            if self.judged(run).verdict.allowed.is_none() {
                open.push(run);
            }
        }
        open
    }

    /// The runs that were judged and are allowed by what people said or by a time that passed: what was said of them is used
    /// where everything that they concern goes past them.
    pub(super) fn passed(&self, agreed: &Reached) -> Vec<Arc<JudgedRun>> {
        let judged: Vec<(Run, Arc<JudgedRun>)> =
            self.judged.borrow().iter().map(|(run, one)| (*run, Arc::clone(one))).collect();
        let moves = |run: &Run, unit: &Unit, at: usize| at >= run.to && !self.is_alike(unit, run.from, run.to);
        let goes_past = |run: &Run| {
            let organisation = |(name, at): (&Name, &usize)| moves(run, &Unit::Organisation(name.clone()), *at);
            run.rules <= agreed.garden
                && (moves(run, &Unit::Garden, agreed.garden) || agreed.organisations.iter().any(organisation))
        };
        let is_used = |one: &JudgedRun| matches!(one.verdict.allowed, Some(Allowed::Agreed | Allowed::Urgent));
        judged.into_iter().filter(|(run, one)| is_used(one) && goes_past(run)).map(|(_, one)| one).collect()
    }
}
