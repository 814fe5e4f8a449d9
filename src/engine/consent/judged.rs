//! Pure: what the rules make of each step and run of the line, and how far everything goes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::StepFacts;
use super::{ConsentState, Reached, Walked};
use crate::consent::{
    Agreement, Change, CommitLine, ConsentVerdict, Exchange, HeldBack, OpenChange, Question, Unheard, Unit,
    UnitStanding, Voice, heard, hold_for_unread, judge, standings,
};
use crate::git::{ChangedFiles, CommitId, Repository};
use crate::model::{Claims, Garden, Organisation};
use crate::name::Name;

/// A run of the line that is judged by the rules of a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The position whose rules and people count.
    pub(super) rules: usize,
}

/// What came of a run.
pub(super) struct JudgedRun {
    pub(super) change: Change,
    pub(super) verdict: ConsentVerdict,
    /// Who says that it is urgent.
    pub(super) urgent: Option<Voice>,
}

/// The line, with everything that judging it needs.
pub(super) struct LineJudge<'s> {
    pub(super) walked: &'s Walked,
    pub(super) state: RefCell<&'s mut ConsentState>,
    pub(super) repository: Option<&'s Repository>,
    pub(super) garden: Name,
    pub(super) folder: &'s str,
    /// The commit that each organisation is applied at: what is there was allowed.
    pub(super) applied: BTreeMap<Name, usize>,
    pub(super) now: jiff::Timestamp,
    voices: RefCell<BTreeMap<usize, Arc<(Vec<Voice>, Vec<Unheard>)>>>,
    judged: RefCell<BTreeMap<Run, Arc<JudgedRun>>>,
}

impl<'s> LineJudge<'s> {
    pub(super) fn new(
        walked: &'s Walked,
        state: &'s mut ConsentState,
        repository: Option<&'s Repository>,
        (garden, folder): (Name, &'s str),
        applied: &BTreeMap<Name, CommitId>,
        now: jiff::Timestamp,
    ) -> Self {
        let position = |commit: &CommitId| walked.positions.iter().position(|one| one.commit.id == *commit);
        let applied = applied.iter().filter_map(|(name, commit)| Some((name.clone(), position(commit)?)));
        Self {
            applied: applied.collect(),
            walked,
            state: RefCell::new(state),
            repository,
            garden,
            folder,
            now,
            voices: RefCell::default(),
            judged: RefCell::default(),
        }
    }

    fn facts(&self, from: usize, to: usize) -> Arc<StepFacts> {
        let mut state = self.state.borrow_mut();
        self.walked.facts(&mut state, self.repository, (from, to), (&self.garden, self.folder), self.now)
    }

    /// What was said, by the people of a position, and which statements count for nothing there.
    fn voices(&self, rules: usize) -> Arc<(Vec<Voice>, Vec<Unheard>)> {
        if let Some(known) = self.voices.borrow().get(&rules) {
            return Arc::clone(known);
        }
        let people = self.walked.garden(rules).map(|garden| &garden.people);
        let before = self.voices.borrow().range(..rules).next_back().map(|(at, known)| (*at, Arc::clone(known)));
        let same = before.filter(|(at, _)| self.walked.garden(*at).map(|garden| &garden.people) == people);
        let found = match (same, people) {
            (Some((_, known)), _) => known,
            (None, Some(people)) => {
                let state = self.state.borrow();
                let statements = state.statements.read.iter().map(|(place, bytes)| (place.as_str(), &**bytes));
                let (voices, mut unheard) = heard(&self.garden, people, statements);
                unheard.extend(state.statements.left_out.iter().cloned().map(|(place, why)| Unheard { place, why }));
                Arc::new((voices, unheard))
            }
            (None, None) => Arc::default(),
        };
        self.voices.borrow_mut().insert(rules, Arc::clone(&found));
        found
    }

    /// What the rules of a position make of a run.
    pub(super) fn judged(&self, run: Run) -> Arc<JudgedRun> {
        if let Some(known) = self.judged.borrow().get(&run) {
            return Arc::clone(known);
        }
        let facts = self.facts(run.from, run.to);
        let voices = self.voices(run.rules);
        let judged = if let Some(rules) = self.walked.garden(run.rules) {
            let change = self.walked.change(&facts, (run.from, run.to), &rules.people, rules.consent.signed);
            let state = self.state.borrow();
            let contains = |commit: &CommitId, earlier: &CommitId| {
                commit == earlier || self.repository.is_some_and(|repository| repository.holds(commit, earlier))
            };
            let question = Question {
                rules: &rules.consent,
                people: &rules.people,
                change: &change,
                voices: &voices.0,
                record: &state.record,
                now: self.now.as_second(),
                contains: &contains,
            };
            let (mut verdict, urgent) = (judge(&question), question.urgent_voice().cloned());
            hold_for_unread(&mut verdict, &state.statements, (&rules.consent, &rules.people));
            JudgedRun { change, verdict, urgent }
        } else {
            // Without rules that can be read nobody can agree.
            let change = self.walked.change(&facts, (run.from, run.to), &BTreeMap::new(), false);
            let refused = vec!["the rules before it cannot be read".to_owned()];
            JudgedRun { change, verdict: ConsentVerdict { refused, ..ConsentVerdict::default() }, urgent: None }
        };
        let judged = Arc::new(judged);
        self.judged.borrow_mut().insert(run, Arc::clone(&judged));
        judged
    }

    fn is_alike(&self, unit: &Unit, from: usize, to: usize) -> bool {
        if let (Unit::Organisation(name), Some(before), Some(after)) =
            (unit, self.walked.garden(from), self.walked.garden(to))
        {
            let same = before.organisations.get(name).zip(after.organisations.get(name));
            if before.deletions == after.deletions && same.is_some_and(|(one, other)| Arc::ptr_eq(one, other)) {
                return true;
            }
        }
        let facts = self.facts(from, to);
        self.walked.is_alike(&mut self.state.borrow_mut(), unit, from, to, &facts, self.now)
    }

    /// Runs of several steps that somebody spoke of, or that were allowed together before.
    fn runs(&self, rules: usize) -> BTreeSet<(usize, usize)> {
        let voices = self.voices(rules);
        let mut known: BTreeSet<_> = voices.0.iter().map(|voice| voice.change.clone()).collect();
        known.extend(self.state.borrow().record.used.iter().map(|used| used.change.clone()));
        let mut runs = BTreeSet::new();
        if known.is_empty() {
            return runs;
        }
        let steps: Vec<ChangedFiles> =
            (0..self.walked.last()).map(|from| self.facts(from, from + 1).content.clone()).collect();
        for from in 0..steps.len() {
            let mut together = ChangedFiles::default();
            for (to, step) in steps.iter().enumerate().skip(from) {
                together = together.then(step);
                if to > from && known.contains(&crate::consent::ChangeId::of(&together, &self.garden)) {
                    runs.insert((from, to + 1));
                }
            }
        }
        runs
    }

    /// How far the garden's own words go: each step by the rules before it. `accepted` is how far they went before.
    fn garden(&self, accepted: usize) -> UnitStanding {
        let runs = self.runs(accepted);
        let allowed = |_: &Unit, from: usize, to: usize| {
            to <= accepted
                || ((to == from + 1 || runs.contains(&(from, to)))
                    && self.judged(Run { from, to, rules: from.max(accepted) }).verdict.allowed.is_some())
        };
        let alike = |unit: &Unit, from: usize, to: usize| self.is_alike(unit, from, to);
        let line = CommitLine { last: self.walked.last(), allowed: &allowed, alike: &alike, exchanges: &[] };
        let mut standings = standings(&[Unit::Garden], &line);
        standings.remove(&Unit::Garden).unwrap_or(UnitStanding { at: accepted, held_by: None, with: None })
    }

    /// How far each organisation goes, by the rules of the accepted position.
    fn organisations(&self, rules: usize, most: &BTreeMap<Name, usize>) -> BTreeMap<Name, UnitStanding> {
        let runs = self.runs(rules);
        let allowed = |unit: &Unit, from: usize, to: usize| {
            let Unit::Organisation(name) = unit else { return false };
            if most.get(name).is_some_and(|most| to > *most) {
                return false;
            }
            self.applied.get(name).is_some_and(|at| to <= *at)
                || ((to == from + 1 || runs.contains(&(from, to)))
                    && self.judged(Run { from, to, rules }).verdict.allowed.is_some())
        };
        let alike = |unit: &Unit, from: usize, to: usize| {
            let Unit::Organisation(name) = unit else { return false };
            most.get(name).is_none_or(|most| to <= *most) && self.is_alike(unit, from, to)
        };
        let names: BTreeSet<Name> =
            self.walked.positions.iter().flat_map(|one| one.checked.garden.iter()).flat_map(names_of).collect();
        let units: Vec<Unit> = names.into_iter().map(Unit::Organisation).collect();
        let exchanges = self.exchanges();
        let line = CommitLine { last: self.walked.last(), allowed: &allowed, alike: &alike, exchanges: &exchanges };
        let each = standings(&units, &line).into_iter();
        each.filter_map(|(unit, standing)| match unit {
            Unit::Organisation(name) => Some((name, standing)),
            Unit::Garden => None,
        })
        .collect()
    }

    /// Hosts and sender domains that pass from one organisation to another, or are lent, by step.
    fn exchanges(&self) -> Vec<Exchange> {
        let mut all = Vec::new();
        for step in 0..self.walked.last() {
            let (Some(before), Some(after)) = (self.walked.garden(step), self.walked.garden(step + 1)) else {
                continue;
            };
            let names: BTreeSet<&Name> = before.organisations.keys().chain(after.organisations.keys()).collect();
            let moved: Vec<&Name> = names
                .into_iter()
                .filter(|name| match (before.organisations.get(*name), after.organisations.get(*name)) {
                    (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
                    _ => true,
                })
                .collect();
            if moved.len() < 2 {
                continue;
            }
            let claims = |garden: &Garden, name: &Name| garden.organisations.get(name).map(|one| Claims::of(one));
            let mut given: BTreeMap<String, &Name> = BTreeMap::new();
            let mut taken: BTreeMap<String, &Name> = BTreeMap::new();
            for name in moved {
                let (was, is) = (claims(before, name).unwrap_or_default(), claims(after, name).unwrap_or_default());
                let words = |claims: &Claims| -> BTreeSet<String> {
                    claims.hosts.keys().chain(&claims.domains).chain(&claims.senders).cloned().collect()
                };
                let (was, is) = (words(&was), words(&is));
                let lent = |garden: &Garden| -> BTreeSet<String> {
                    garden.organisations.get(name).map(|one| lent_by(one)).unwrap_or_default()
                };
                let (lent_before, lent_after) = (lent(before), lent(after));
                given.extend(was.difference(&is).map(|word| (word.clone(), name)));
                given.extend(lent_after.symmetric_difference(&lent_before).map(|word| (word.clone(), name)));
                taken.extend(is.symmetric_difference(&was).map(|word| (word.clone(), name)));
            }
            let pairs: BTreeSet<(&Name, &Name)> = given
                .iter()
                .filter_map(|(word, gives)| Some((*gives, *taken.get(word)?)))
                .filter(|(gives, takes)| gives != takes)
                .collect();
            let exchange = |(gives, takes): (&Name, &Name)| Exchange {
                step: step + 1,
                gives: gives.clone(),
                takes: takes.clone(),
            };
            all.extend(pairs.into_iter().map(exchange));
        }
        all
    }

    /// How far everything goes, `accepted` being how far the garden went before, and no organisation further than `most`.
    pub(super) fn agreed(&self, accepted: usize, most: &BTreeMap<Name, usize>) -> Reached {
        let garden = self.garden(accepted);
        let each = self.organisations(garden.at, most);
        let mut open: BTreeMap<Run, (BTreeSet<Name>, bool)> = BTreeMap::new();
        if let Some((from, to)) = garden.held_by {
            open.entry(Run { from, to, rules: garden.at }).or_default().1 = true;
        }
        for (name, standing) in &each {
            if let Some((from, to)) = standing.held_by {
                open.entry(Run { from, to, rules: garden.at }).or_default().0.insert(name.clone());
            }
        }
        let last = self.walked.last();
        let runs: Vec<Run> = open.keys().copied().collect();
        let held = each.iter().filter(|(_, standing)| standing.at < last).map(|(name, standing)| {
            let by =
                standing.held_by.and_then(|(from, to)| runs.iter().position(|run| (run.from, run.to) == (from, to)));
            (name.clone(), HeldBack { at: self.walked.commit(standing.at).clone(), by, with: standing.with.clone() })
        });
        let held = held.collect();
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
            ..Agreement::default()
        };
        let organisations = each.into_iter().map(|(name, standing)| (name, standing.at)).collect();
        let ids: BTreeSet<_> = agreement.open.iter().map(|open| &open.change.id).collect();
        let said = self.voices(garden.at).0.iter().filter(|voice| ids.contains(&voice.change)).cloned().collect();
        Reached { agreement, garden: garden.at, organisations, said }
    }

    /// The runs that were judged and are allowed by what people said or by a time that passed: what was said of them is used
    /// where everything that they concern goes past them.
    pub(super) fn passed(&self, agreed: &Reached) -> Vec<Arc<JudgedRun>> {
        let judged = self.judged.borrow();
        let goes_past = |run: &Run| {
            let any = agreed.organisations.values().any(|at| *at >= run.to) || agreed.garden >= run.to;
            run.rules <= agreed.garden && any
        };
        judged
            .iter()
            .filter(|(run, one)| one.verdict.allowed.is_some() && goes_past(run))
            .map(|(_, one)| Arc::clone(one))
            .collect()
    }
}

fn names_of(garden: &Garden) -> impl Iterator<Item = Name> {
    garden.organisations.keys().chain(&garden.broken).cloned()
}

/// The hosts that an organisation lends to others.
fn lent_by(organisation: &Organisation) -> BTreeSet<String> {
    organisation.delegates.iter().map(|(host, _)| host.value.clone()).collect()
}
