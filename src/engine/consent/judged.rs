//! Pure: what the rules make of each step and run of the line, and how far everything goes.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::StepFacts;
use super::hearing::HeardRun;
use super::{ConsentState, Walked, contains_in};
use crate::consent::{
    Allowed, Authors, Between, Change, ChangeId, CommitLine, ConsentVerdict, ConsentWord, Fingerprint, Objection,
    Question, Unheard, Unit, UnitStanding, Voice, heard, hold_for_unread, is_untouched, judge, standings,
};
use crate::git::{ChangedFiles, CommitId, Repository};
use crate::model::{ConsentSource, Garden};
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
    /// When it was seen first, in Unix seconds.
    pub(super) announced: i64,
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
    pub(super) heard: RefCell<BTreeMap<Run, Arc<HeardRun>>>,
    pub(super) judged: RefCell<BTreeMap<Run, Arc<JudgedRun>>>,
    runs: RefCell<BTreeMap<usize, Arc<SpokenRuns>>>,
    together: OnceCell<BTreeMap<ChangeId, Vec<(usize, usize)>>>,
    prints: RefCell<BTreeMap<(Name, usize), Fingerprint>>,
}

/// Runs of several steps that somebody spoke of, from and to positions.
pub(super) type SpokenRuns = BTreeSet<(usize, usize)>;

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
            heard: RefCell::default(),
            judged: RefCell::default(),
            runs: RefCell::default(),
            together: OnceCell::new(),
            prints: RefCell::default(),
        }
    }

    pub(super) fn facts(&self, from: usize, to: usize) -> Arc<StepFacts> {
        let mut state = self.state.borrow_mut();
        self.walked.facts(&mut state, self.repository, (from, to), (&self.garden, self.folder), self.now)
    }

    /// What was said, by the people of a position, and which statements count for nothing there.
    pub(super) fn voices(&self, rules: usize) -> Arc<(Vec<Voice>, Vec<Unheard>)> {
        if let Some(known) = self.voices.borrow().get(&rules) {
            return Arc::clone(known);
        }
        let listens =
            |garden: &'s Garden| (&garden.people, garden.consent.sources.contains(&ConsentSource::Signatures));
        let people = self.walked.garden(rules).map(listens);
        let before = self.voices.borrow().range(..rules).next_back().map(|(at, known)| (*at, Arc::clone(known)));
        let same = before.filter(|(at, _)| self.walked.garden(*at).map(listens) == people);
        let found = match (same, people) {
            (Some((_, known)), _) => known,
            (None, Some((people, approves))) => {
                let state = self.state.borrow();
                let statements = state.statements.read.iter().map(|(place, bytes)| (place.as_str(), &**bytes));
                let (mut voices, mut unheard) = heard(&self.garden, people, statements);
                let foreign = voices.extract_if(.., |voice| voice.word == ConsentWord::Approve && !approves);
                unheard.extend(foreign.map(|voice| Unheard {
                    place: format!("of {}", voice.person),
                    why: "`consent` names no `source signatures`".to_owned(),
                }));
                unheard.extend(state.statements.left_out.iter().cloned().map(|(place, why)| Unheard { place, why }));
                Arc::new((voices, unheard))
            }
            (None, None) => Arc::default(),
        };
        self.voices.borrow_mut().insert(rules, Arc::clone(&found));
        found
    }

    /// What the rules of a position make of a run. Who objects to a whole objects to each part of it, and who objects to a part, to the
    /// whole.
    pub(super) fn judged(&self, run: Run) -> Arc<JudgedRun> {
        if let Some(known) = self.judged.borrow().get(&run) {
            return Arc::clone(known);
        }
        let mut judged = self.judged_alone(run);
        if judged.verdict.allowed != Some(Allowed::Recorded) {
            let of_others = self.objected(run.rules).into_iter().filter(|(from, to)| {
                (*from, *to) != (run.from, run.to)
                    && ((*from <= run.from && *to >= run.to) || (*from >= run.from && *to <= run.to))
            });
            for (from, to) in of_others {
                let other = self.judged_alone(Run { from, to, rules: run.rules });
                let verdict = &mut judged.verdict;
                let new = other.verdict.objections.into_iter().filter(|one| !verdict.objections.contains(one));
                let new: Vec<Objection> = new.collect();
                if !new.is_empty() {
                    verdict.objections.extend(new);
                    verdict.allowed = None;
                }
            }
        }
        let judged = Arc::new(judged);
        self.judged.borrow_mut().insert(run, Arc::clone(&judged));
        judged
    }

    /// The steps and runs of the line that somebody objected to, whether that stands or not.
    fn objected(&self, rules: usize) -> Vec<(usize, usize)> {
        let voices = self.voices(rules);
        let object = |voice: &&Voice| voice.word == ConsentWord::Object;
        let mut changes: BTreeSet<ChangeId> =
            voices.0.iter().filter(object).map(|voice| voice.change.clone()).collect();
        changes.extend(self.state.borrow().record.said.iter().filter(object).map(|voice| voice.change.clone()));
        if changes.is_empty() {
            return Vec::new();
        }
        let steps = (0..self.walked.last()).filter(|from| changes.contains(&self.facts(*from, from + 1).id));
        let mut runs: Vec<(usize, usize)> = steps.map(|from| (from, from + 1)).collect();
        if self.walked.last() > 1 {
            let together = self.together();
            runs.extend(changes.iter().filter_map(|change| together.get(change)).flatten().copied());
        }
        runs
    }

    /// What the rules make of a run by what was said of it alone.
    fn judged_alone(&self, run: Run) -> JudgedRun {
        let facts = self.facts(run.from, run.to);
        let reviews = self.reviews(run);
        let voices: Vec<Voice> = self.voices(run.rules).0.iter().chain(&reviews.reviews.voices).cloned().collect();
        if let Some(rules) = self.walked.garden(run.rules) {
            let people = (&rules.people, reviews.reviews.authors.clone());
            let change = self.walked.change(&facts, (run.from, run.to), people, rules.consent.signed);
            let announced = self.announced(&facts, run);
            let earlier = self.earlier(&facts.id, run, &voices);
            let state = self.state.borrow();
            let contains = contains_in(self.repository);
            let question = Question {
                announced,
                earlier: &earlier,
                rules: &rules.consent,
                people: &rules.people,
                change: &change,
                voices: &voices,
                record: &state.record,
                now: self.now.as_second(),
                contains: &contains,
            };
            let (mut verdict, urgent) = (judge(&question), question.urgent_voice().cloned());
            reviews.hold_unknown(&rules.consent, &change, &mut verdict);
            hold_for_unread(&mut verdict, &state.statements, (&rules.consent, &rules.people));
            let announced = announced.unwrap_or_else(|| self.now.as_second());
            JudgedRun { change, verdict, urgent, announced }
        } else {
            // Without rules that can be read nobody can agree.
            let nobody = (&BTreeMap::new(), Authors::default());
            let change = self.walked.change(&facts, (run.from, run.to), nobody, false);
            let rules = self.walked.commit(run.rules).short();
            let refused = vec![format!(
                "the rules of {rules} before it cannot be read: where the repository lacks that commit, push it"
            )];
            let verdict = ConsentVerdict { refused, ..ConsentVerdict::default() };
            JudgedRun { change, verdict, urgent: None, announced: self.now.as_second() }
        }
    }

    /// When a run was seen first: by itself, or the last of its steps.
    fn announced(&self, facts: &StepFacts, run: Run) -> Option<i64> {
        let seen = |id: &ChangeId| self.state.borrow().record.announced.get(id).copied();
        let steps = || {
            let steps = (run.from..run.to).map(|from| seen(&self.facts(from, from + 1).id));
            steps.collect::<Option<Vec<i64>>>()?.into_iter().max()
        };
        seen(&facts.id).or_else(|| if run.to > run.from + 1 { steps() } else { None })
    }

    /// The commits before a run that the same change came to. Where nobody speaks of it nothing is asked.
    fn earlier(&self, change: &ChangeId, run: Run, voices: &[Voice]) -> Vec<CommitId> {
        if run.from == 0 || voices.iter().all(|voice| voice.change != *change) {
            return Vec::new();
        }
        let steps = (0..run.from).filter(|from| self.facts(*from, from + 1).id == *change).map(|from| from + 1);
        let together =
            self.together().get(change).into_iter().flatten().map(|(_, to)| *to).filter(|to| *to <= run.from);
        steps.chain(together).map(|at| self.walked.commit(at).clone()).collect()
    }

    pub(super) fn is_alike(&self, unit: &Unit, from: usize, to: usize) -> bool {
        let (before, after) = (self.walked.garden(from), self.walked.garden(to));
        if let Unit::Organisation(name) = unit
            && is_untouched(before, after, name)
        {
            return true;
        }
        let key = (unit.clone(), self.walked.commit(from).clone(), self.walked.commit(to).clone());
        if let Some(known) = self.state.borrow().alike.get(&key) {
            return *known;
        }
        // What is rendered is compared first: each position is rendered once, whatever it is compared with.
        let is_rendered_alike = match unit {
            Unit::Organisation(name) => self.print(name, from) == self.print(name, to),
            Unit::Garden => true,
        };
        let alike = is_rendered_alike && {
            let between = Between { before, after, edits: &self.facts(from, to).edits, now: self.now };
            match unit {
                Unit::Garden => between.is_garden_alike(),
                Unit::Organisation(name) => between.says_the_same(name),
            }
        };
        self.state.borrow_mut().alike.insert(key, alike);
        alike
    }

    /// What an organisation is rendered to at a position.
    fn print(&self, name: &Name, at: usize) -> Fingerprint {
        let key = (name.clone(), at);
        if let Some(known) = self.prints.borrow().get(&key) {
            return *known;
        }
        let print = Fingerprint::of(self.walked.garden(at), name, self.now);
        self.prints.borrow_mut().insert(key, print);
        print
    }

    /// Runs of several steps, by what they change together.
    pub(super) fn together(&self) -> &BTreeMap<ChangeId, Vec<(usize, usize)>> {
        self.together.get_or_init(|| {
            let steps: Vec<ChangedFiles> =
                (0..self.walked.last()).map(|from| self.facts(from, from + 1).content.clone()).collect();
            let mut runs: BTreeMap<ChangeId, Vec<(usize, usize)>> = BTreeMap::new();
            for from in 0..steps.len() {
                let mut together = ChangedFiles::default();
                for (to, step) in steps.iter().enumerate().skip(from) {
                    together = together.then(step);
                    if to > from {
                        runs.entry(ChangeId::of(&together, &self.garden)).or_default().push((from, to + 1));
                    }
                }
            }
            runs
        })
    }

    /// Runs of several steps that somebody spoke of or a merge request brought, or that were allowed together before.
    pub(super) fn runs(&self, rules: usize) -> Arc<SpokenRuns> {
        if let Some(known) = self.runs.borrow().get(&rules) {
            return Arc::clone(known);
        }
        let found = Arc::new(self.runs_of(rules));
        self.runs.borrow_mut().insert(rules, Arc::clone(&found));
        found
    }

    fn runs_of(&self, rules: usize) -> SpokenRuns {
        let voices = self.voices(rules);
        let mut known: BTreeSet<_> = voices.0.iter().map(|voice| voice.change.clone()).collect();
        let state = self.state.borrow();
        known.extend(state.record.used.iter().map(|used| used.change.clone()));
        known.extend(state.record.said.iter().map(|voice| voice.change.clone()));
        drop(state);
        known.extend(self.reviewed(rules));
        if known.is_empty() || self.walked.last() < 2 {
            return SpokenRuns::new();
        }
        let together = self.together();
        known.iter().filter_map(|change| together.get(change)).flatten().copied().collect()
    }

    /// How far the garden's own words go: each step by the rules before it. `accepted` is how far they went before.
    pub(super) fn garden(&self, accepted: usize) -> UnitStanding {
        let runs = self.runs(accepted);
        let allowed = |_: &Unit, from: usize, to: usize| {
            to <= accepted
                || ((to == from + 1 || runs.contains(&(from, to)))
                    && self.judged(Run { from, to, rules: from.max(accepted) }).verdict.allowed.is_some())
        };
        let alike = |unit: &Unit, from: usize, to: usize| self.is_alike(unit, from, to);
        let line = CommitLine { last: self.walked.last(), allowed: &allowed, alike: &alike, exchanges: &[] };
        let mut standings = standings(&[Unit::Garden], &line);
        standings.remove(&Unit::Garden).unwrap_or(UnitStanding { at: accepted, open: Vec::new(), with: None })
    }

    /// How far each organisation goes, by the rules of the accepted position.
    pub(super) fn organisations(&self, rules: usize, most: &BTreeMap<Name, usize>) -> BTreeMap<Name, UnitStanding> {
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
        let exchanges = self.walked.exchanges();
        let line = CommitLine { last: self.walked.last(), allowed: &allowed, alike: &alike, exchanges: &exchanges };
        let each = standings(&units, &line).into_iter();
        each.filter_map(|(unit, standing)| match unit {
            Unit::Organisation(name) => Some((name, standing)),
            Unit::Garden => None,
        })
        .collect()
    }
}

pub(super) fn names_of(garden: &Garden) -> impl Iterator<Item = Name> {
    garden.organisations.keys().chain(&garden.broken).cloned()
}
