//! Pure: what was said on forges of a run of the line, and of which steps forges are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::judged::{LineJudge, Run};
use super::reviews::LineStep;
use crate::consent::{Allowed, Change, ChangeId, ConsentVerdict, ConsentWord, Unit, Voice};
use crate::forge::ForgeKind;
use crate::forge::consent::{ForgeAnswer, HeardReviews, Hearing, RequestReviews, heard};
use crate::model::{Consent, ConsentSource, WaitingRule};
use crate::name::Name;

/// What reviews come to for a run.
#[derive(Default)]
pub(super) struct HeardRun {
    pub(super) reviews: HeardReviews,
    /// What counts for nothing, a sentence each.
    pub(super) unheard: BTreeSet<String>,
    /// The projects that could not be asked about all of it.
    pub(super) unknown: Vec<String>,
}

impl HeardRun {
    /// Holds what only a time allows that passed, where somebody may have objected and nobody knows.
    pub(super) fn hold_unknown(&self, rules: &Consent, change: &Change, verdict: &mut ConsentVerdict) {
        let concerns = |rule: &WaitingRule| rule.class.is_none_or(|class| change.classes.contains(&class));
        if verdict.allowed == Some(Allowed::Agreed) && !self.unknown.is_empty() && rules.waiting.iter().any(concerns) {
            verdict.allowed = None;
            let whether = |address: &String| format!("whether somebody objects on {address} is not known");
            verdict.refused.extend(self.unknown.iter().map(whether));
        }
    }
}

/// A merged request, and the steps of the line that it brought.
struct ClaimedRequest {
    request: RequestReviews,
    /// The positions at which the steps begin.
    steps: BTreeSet<usize>,
    /// Where the last of them in a row begin.
    begins: usize,
}

/// How a step of the line stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StepState {
    /// It concerns somebody, and has not passed.
    Open,
    /// It concerns nobody.
    Idle,
    /// Everything that it concerns went past it.
    Passed,
}

impl LineJudge<'_> {
    /// What was said of a run on the forges that the rules of its position name.
    pub(super) fn reviews(&self, run: Run) -> Arc<HeardRun> {
        if let Some(known) = self.heard.borrow().get(&run) {
            return Arc::clone(known);
        }
        let found = Arc::new(self.heard_of(run));
        self.heard.borrow_mut().insert(run, Arc::clone(&found));
        found
    }

    fn heard_of(&self, run: Run) -> HeardRun {
        let mut all = HeardRun::default();
        let (Some(rules), Some(repository)) = (self.walked.garden(run.rules), self.repository) else { return all };
        let facts = self.facts(run.from, run.to);
        for source in &rules.consent.sources {
            let ConsentSource::Forge { kind, address, .. } = source else { continue };
            let mut found = HeardReviews::default();
            let claimed = self.claims(source);
            let about = claimed.iter().filter(|one| one.steps.range(run.from..run.to).next().is_some());
            for ClaimedRequest { request, begins, .. } in about.clone() {
                let hearing = Hearing {
                    repository,
                    folder: self.folder,
                    garden: &self.garden,
                    people: &rules.people,
                    kind: *kind,
                    before: self.walked.commit(*begins),
                    content: &facts.content,
                };
                let answer = ForgeAnswer { requests: vec![request.clone()], unasked: 0 };
                found.join(heard(&answer, &hearing));
            }
            let state = self.state.borrow();
            let answers: Vec<_> =
                (run.from..run.to).filter_map(|at| state.reviews.answer(source, &self.step(at))).collect();
            let is_whole = |answer: &&Result<ForgeAnswer, String>| answer.as_ref().is_ok_and(|one| one.unasked == 0);
            found.authors.vouched &= answers.iter().all(is_whole) && about.clone().all(|one| one.request.knows_pushers);
            if answers.iter().any(|answer| answer.is_err()) {
                all.unknown.push(address.clone());
            }
            let forge = ForgeKind::from(*kind);
            let words = found.unheard.iter();
            let words = words.map(|one| format!("what {} said on {forge} does not count: {}", one.account, one.why));
            all.unheard.extend(words);
            all.reviews.join(found);
        }
        all
    }

    /// The merged requests that a forge names for steps of the line, each once.
    fn claims(&self, source: &ConsentSource) -> Vec<ClaimedRequest> {
        let state = self.state.borrow();
        let mut all: BTreeMap<u64, ClaimedRequest> = BTreeMap::new();
        for at in 0..self.walked.last() {
            let Some(Ok(answer)) = state.reviews.answer(source, &self.step(at)) else { continue };
            for request in &answer.requests {
                let new = || ClaimedRequest { request: request.clone(), steps: BTreeSet::new(), begins: at };
                all.entry(request.number).or_insert_with(new).steps.insert(at);
            }
        }
        let mut all: Vec<ClaimedRequest> = all.into_values().collect();
        for one in &mut all {
            let listed = (0..self.walked.last()).filter(|at| one.request.commits.contains(self.walked.commit(at + 1)));
            one.steps.extend(listed);
            // What was on the branch before it is nothing that its reviewers were shown.
            let last = one.steps.last().copied().unwrap_or(one.begins);
            one.begins = (0..=last).rev().take_while(|at| one.steps.contains(at)).last().unwrap_or(last);
        }
        all
    }

    /// The step that begins at a position.
    fn step(&self, at: usize) -> LineStep {
        (self.walked.commit(at).clone(), self.walked.commit(at + 1).clone())
    }

    /// The changes that reviews of steps are of, and those that merged requests brought.
    pub(super) fn reviewed(&self, rules: usize) -> BTreeSet<ChangeId> {
        let mut known = BTreeSet::new();
        for from in 0..self.walked.last() {
            let heard = self.reviews(Run { from, to: from + 1, rules });
            known.extend(heard.reviews.voices.iter().map(|voice| voice.change.clone()));
            known.extend(heard.reviews.brought.iter().cloned());
        }
        known
    }

    /// Objections on forges to anything that was judged: they are remembered, and stand while the forge is away.
    pub(super) fn objections_on_forges(&self) -> Vec<Voice> {
        let judged = self.judged.borrow();
        let mut said = Vec::new();
        for (run, one) in judged.iter().filter(|(_, one)| !one.verdict.objections.is_empty()) {
            let reviews = self.reviews(*run);
            let own = |voice: &&Voice| voice.word == ConsentWord::Object && voice.change == one.change.id;
            said.extend(reviews.reviews.voices.iter().filter(own).cloned());
        }
        said
    }

    /// The steps that forges are asked about where the garden and organisations have reached positions: those that are open, and those
    /// after them that concern nobody, which may be the end of what was merged.
    pub(super) fn open_steps(&self, garden: usize, reached: &BTreeMap<Name, usize>) -> BTreeSet<LineStep> {
        let mut open = BTreeSet::new();
        let mut before = StepState::Passed;
        for at in 0..self.walked.last() {
            let state = self.state_of(at, garden, reached);
            if state == StepState::Open || (state == StepState::Idle && before == StepState::Open) {
                open.insert(self.step(at));
                before = StepState::Open;
            } else {
                before = state;
            }
        }
        open
    }

    fn state_of(&self, at: usize, garden: usize, reached: &BTreeMap<Name, usize>) -> StepState {
        let mut is_idle = self.is_alike(&Unit::Garden, at, at + 1);
        let mut has_passed = is_idle || at < garden;
        let names: BTreeSet<Name> = [at, at + 1]
            .into_iter()
            .filter_map(|at| self.walked.garden(at))
            .flat_map(super::judged::names_of)
            .collect();
        for name in names {
            let unit = Unit::Organisation(name.clone());
            if self.is_alike(&unit, at, at + 1) {
                continue;
            }
            is_idle = false;
            has_passed &= [&self.applied, reached].iter().any(|known| known.get(&name).is_some_and(|one| *one > at));
        }
        if is_idle {
            return StepState::Idle;
        }
        let (facts, after) = (self.facts(at, at + 1), self.walked.commit(at + 1));
        let state = self.state.borrow();
        let is_used = state.record.used.iter().any(|used| used.change == facts.id && used.commit == *after);
        if has_passed || is_used { StepState::Passed } else { StepState::Open }
    }
}
