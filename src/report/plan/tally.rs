//! What a plan comes to, counted organisation by organisation: its sums may stand before what they are the sums of.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::later::{LaterLine, LaterTally};
use super::words::{counted, has_news, many};
use crate::kind;
use crate::plan::{Action, Holding, Keeping, OrganisationPlan, Plan, Reason, Verb};

/// What a plan comes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    counts: BTreeMap<Verb, usize>,
    organisations: usize,
    /// Organisations with anything to tell.
    news: usize,
    /// Changes that no server was asked about: in namespaces that do not exist yet, and elsewhere.
    reckoned: (usize, usize),
    /// Jobs that have done their work and go.
    finished: usize,
    /// Organisations that use hatches.
    hatched: usize,
    /// How many are new.
    fresh: usize,
    /// What acts later than it is applied.
    later: LaterTally,
}

impl Tally {
    /// Of a whole plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut tally = Self::default();
        plan.organisations.iter().for_each(|one| tally.add(one));
        tally
    }

    /// Counts one organisation more.
    pub(crate) fn add(&mut self, plan: &OrganisationPlan) {
        for (verb, count) in plan.counts() {
            *self.counts.entry(verb).or_default() += count;
        }
        self.organisations += 1;
        self.later.add(plan);
        self.news += usize::from(has_news(plan));
        let is_paused = matches!(plan.standstill, Some(Holding::Paused { .. }));
        let is_done = |action: &&Action| matches!(action.reason(), Reason::Keeping(Keeping::JobDone));
        self.finished += plan.actions.iter().filter(|_| !is_paused).filter(is_done).count();
        self.hatched += usize::from(!plan.hatches.is_empty());
        self.fresh += plan.hatches.iter().filter(|hatch| hatch.new).count();
        let is_open = |action: &&Action| action.verb().writes() && !action.verified;
        let open = plan.actions.iter().filter(is_open).count();
        let is_new = |action: &Action| action.verb() == Verb::Create && action.id.is(kind::NAMESPACE);
        if plan.actions.iter().any(is_new) {
            self.reckoned.0 += open;
        } else {
            self.reckoned.1 += open;
        }
    }

    /// How many objects there are of each verb.
    pub(super) fn counts(&self) -> &BTreeMap<Verb, usize> {
        &self.counts
    }

    /// How many organisations the plan is for.
    pub(crate) fn organisations(&self) -> usize {
        self.organisations
    }

    /// How many actions write something.
    pub(crate) fn changes(&self) -> usize {
        self.counts.iter().filter(|(verb, _)| verb.writes()).map(|(_, count)| count).sum()
    }

    /// How many organisations use hatches.
    pub(super) fn hatched(&self) -> usize {
        self.hatched
    }

    /// Whether anything acts later than it is applied, and was not applied as it is said.
    pub(crate) fn acts_later(&self) -> bool {
        !self.later.is_empty()
    }

    /// What acts later, brakes and days first.
    pub(super) fn later(&self) -> impl Iterator<Item = LaterLine> {
        self.later.lines()
    }

    /// How far the plan is that of the hour at which it was made.
    pub(super) fn hour(&self) -> Option<String> {
        self.later.hour()
    }

    /// "2 organisations use hatches; 1 hatch is new or changed." Empty where nobody uses one.
    fn of_hatches(&self) -> String {
        let uses = if self.hatched == 1 { "uses" } else { "use" };
        let fresh = match self.fresh {
            0 => String::new(),
            1 => "; 1 hatch is new or changed".to_owned(),
            fresh => format!("; {fresh} hatches are new or changed"),
        };
        match self.hatched {
            0 => String::new(),
            hatched => format!("{} {uses} hatches{fresh}.\n", many(hatched, "organisation")),
        }
    }

    /// "3 create, 1 change in 2 of 10 organisations; 8 unchanged."
    pub(super) fn summary(&self) -> String {
        let mut counts = self.counts.clone();
        counts.remove(&Verb::Keep);
        let (all, news) = (self.organisations, self.news);
        let all_of_them = many(all, "organisation");
        if counts.is_empty() && self.later.is_empty() {
            return format!("Nothing changes in {all_of_them}.\n{}{}", self.of_finished(), self.of_hatches());
        }
        let later = self.later.organisations();
        if counts.is_empty() {
            let (finished, of_hatches) = (self.of_finished(), self.of_hatches());
            return format!(
                "Nothing changes now in {all_of_them}; in {later} something acts later.\n{finished}{of_hatches}"
            );
        }
        let rest = if news < all { format!("; {} unchanged", all - news) } else { String::new() };
        let later = if later > 0 { format!("; in {later} something acts later") } else { String::new() };
        let mut text = format!("{} in {news} of {all_of_them}{rest}{later}.\n", counted(&counts));
        text.push_str(&self.of_finished());
        text.push_str(&self.unasked());
        text.push_str(&self.of_hatches());
        text
    }

    /// "2 finished Jobs go once they are recorded." Empty where none is there.
    fn of_finished(&self) -> String {
        match self.finished {
            0 => String::new(),
            1 => "1 finished Job goes once it is recorded.\n".to_owned(),
            finished => format!("{finished} finished Jobs go once they are recorded.\n"),
        }
    }

    /// What the server was not asked about, and why. Empty where it was asked about everything.
    fn unasked(&self) -> String {
        let mut text = String::new();
        for (count, why) in [
            (self.reckoned.0, "their namespace does not exist yet, so the server has its say when they are applied"),
            (self.reckoned.1, "no server was asked"),
        ] {
            if count > 0 {
                let _ = writeln!(text, "{} reckoned by parcelle alone: {why}.", many(count, "change"));
            }
        }
        text
    }
}
