//! What the loop looks at next, and when: organisations that changed, that were stirred, that are to be tried again.
//!
//! Pure: the time comes in, and so does chance. Nothing is tried again sooner than its patience says; an organisation that
//! waits holds nothing up, it is only a name and a time here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::name::Name;
use crate::plan::{Changing, Done, Keeping, OrganisationOutcome, OrganisationPlan, Outcome, Reason, Skip, Verb};
use crate::render::{ObjectId, Packed};

/// The first wait before something is tried again; doubled with every further one.
pub(crate) const FIRST_PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait.
pub(crate) const LONGEST_PATIENCE: Duration = Duration::from_mins(10);
/// What was due and could not be looked at is due again after this.
const POSTPONED: Duration = Duration::from_mins(1);
/// A field that was corrected so often, each time within [`FIGHT_WINDOW`] of the last, is fought over.
pub(crate) const FIGHT_CORRECTIONS: u32 = 5;
/// Corrections further apart than this are no fight.
pub(crate) const FIGHT_WINDOW: Duration = Duration::from_mins(10);
/// How long an object that is fought over is left as others write it; doubled with every further fight.
pub(crate) const FIRST_TRUCE: Duration = Duration::from_mins(30);
/// The longest such time.
pub(crate) const LONGEST_TRUCE: Duration = Duration::from_hours(12);
/// One organisation is verified with the server so often, while any is due.
pub(crate) const VERIFY_PACE: Duration = Duration::from_secs(2);
/// Everything is verified with the server so often.
pub(crate) const VERIFY_EVERY: Duration = Duration::from_hours(24);

/// What is known of each organisation's last try, and what is due.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    tried: BTreeMap<Name, Tried>,
    fights: BTreeMap<(Name, ObjectId), Fight>,
    /// Clusters that could not be read: they rest, so that they delay nobody else.
    resting: BTreeMap<Name, Rest>,
    to_verify: VecDeque<Name>,
}

#[derive(Debug)]
struct Tried {
    objects: Arc<Packed>,
    left: Left,
    failures: u32,
    /// When it may be tried again, in Unix milliseconds.
    due: i64,
    /// When the first of its jobs that run is overdue, in Unix milliseconds: that is to be told.
    overdue: Option<i64>,
}

/// What a try left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    Nothing,
    /// For a person: it is tried again when something changes.
    ForPeople,
    /// It may pass by itself.
    Passing,
}

#[derive(Debug)]
struct Rest {
    failures: u32,
    due: i64,
}

#[derive(Debug)]
struct Fight {
    corrections: u32,
    last: i64,
    truces: u32,
    until: i64,
}

/// A moment: milliseconds since the epoch, and a number from 0 to 1 for jitter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// In Unix milliseconds.
    pub(crate) now: i64,
    /// Spreads what would otherwise happen all at once.
    pub(crate) chance: f64,
}

impl Moment {
    /// So much later, a quarter more or less.
    fn after(self, wait: Duration) -> i64 {
        self.now + millis(wait.mul_f64(0.75 + self.chance / 2.0))
    }
}

impl Attention {
    /// Whether something is left to do in an organisation.
    pub(crate) fn is_open_in(&self, name: &Name) -> bool {
        self.tried.get(name).is_some_and(|tried| tried.left != Left::Nothing)
    }

    /// Whether these are the objects that were tried last.
    pub(crate) fn was_tried(&self, name: &Name, objects: &Arc<Packed>) -> bool {
        self.tried.get(name).is_some_and(|tried| Arc::ptr_eq(&tried.objects, objects))
    }

    /// The objects that were tried last, by organisation.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&Name, &Arc<Packed>)> {
        self.tried.iter().map(|(name, tried)| (name, &tried.objects))
    }

    /// Organisations whose time to be tried again has come.
    pub(crate) fn due(&self, now: i64) -> BTreeSet<Name> {
        let passing = self.tried.iter().filter(|(_, tried)| tried.left == Left::Passing && tried.due <= now);
        let truces = self.fights.iter().filter(|(_, fight)| fight.until != 0 && fight.until <= now);
        let overdue = self.tried.iter().filter(|(_, tried)| tried.overdue.is_some_and(|overdue| overdue <= now));
        let passing = passing.chain(overdue);
        passing.map(|(name, _)| name.clone()).chain(truces.map(|((name, _), _)| name.clone())).collect()
    }

    /// When the next one is due, in Unix milliseconds.
    pub(crate) fn next_due(&self) -> Option<i64> {
        let passing = self.tried.values().filter(|tried| tried.left == Left::Passing).map(|tried| tried.due);
        let truces = self.fights.values().map(|fight| fight.until).filter(|until| *until != 0);
        let overdue = self.tried.values().filter_map(|tried| tried.overdue);
        passing.chain(overdue).chain(truces).chain(self.resting.values().map(|rest| rest.due)).min()
    }

    /// Clusters that could not be read, and are left alone for a while.
    pub(crate) fn resting(&self, now: i64) -> BTreeSet<&Name> {
        self.resting.iter().filter(|(_, rest)| rest.due > now).map(|(name, _)| name).collect()
    }

    /// Clusters that could not be read, and are to be tried again.
    pub(crate) fn rested(&self, now: i64) -> BTreeSet<Name> {
        self.resting.iter().filter(|(_, rest)| rest.due <= now).map(|(name, _)| name.clone()).collect()
    }

    /// Takes note of whether a cluster could be read.
    pub(crate) fn note_cluster(&mut self, cluster: &Name, read: bool, at: Moment) {
        if read {
            self.resting.remove(cluster);
            return;
        }
        let rest = self.resting.entry(cluster.clone()).or_insert(Rest { failures: 0, due: 0 });
        rest.failures += 1;
        rest.due = at.after(patience(FIRST_PATIENCE, LONGEST_PATIENCE, rest.failures));
    }

    /// Objects that are left as others write them, and until when (Unix seconds).
    pub(crate) fn truces(&self, now: i64) -> BTreeMap<ObjectId, i64> {
        let standing = self.fights.iter().filter(|(_, fight)| fight.until > now);
        standing.map(|((_, id), fight)| (id.clone(), fight.until / 1000)).collect()
    }

    /// All of some organisations are to be verified with the server, one after the other.
    pub(crate) fn verify(&mut self, organisations: impl Iterator<Item = Name>) {
        let queued: BTreeSet<Name> = self.to_verify.iter().cloned().collect();
        self.to_verify.extend(organisations.filter(|name| !queued.contains(name)));
    }

    /// Whether any organisation is to be verified.
    pub(crate) fn has_to_verify(&self) -> bool {
        !self.to_verify.is_empty()
    }

    /// The next one that is to be verified.
    pub(crate) fn next_to_verify(&mut self) -> Option<Name> {
        self.to_verify.pop_front()
    }

    /// Takes note of what came of a plan.
    pub(crate) fn note(
        &mut self,
        objects: Option<&Arc<Packed>>,
        plan: &OrganisationPlan,
        outcome: &OrganisationOutcome,
        at: Moment,
    ) {
        self.note_fights(plan, outcome, at.now);
        let Some(objects) = objects else {
            self.tried.remove(&plan.organisation);
            return;
        };
        let left = left(outcome);
        let before = self.tried.get(&plan.organisation).filter(|tried| tried.left == Left::Passing);
        let failures = if left == Left::Passing { before.map_or(0, |tried| tried.failures) + 1 } else { 0 };
        let due = at.after(patience(FIRST_PATIENCE, LONGEST_PATIENCE, failures));
        let until = plan.actions.iter().filter_map(|action| match action.reason() {
            Reason::Keeping(Keeping::JobRuns { until, .. }) => *until,
            _ => None,
        });
        let overdue = until.min().map(|until| until.saturating_mul(1_000).max(at.now));
        self.tried
            .insert(plan.organisation.clone(), Tried { objects: Arc::clone(objects), left, failures, due, overdue });
    }

    /// Counts how often the same object is corrected; too often is a fight, and ends in a truce.
    fn note_fights(&mut self, plan: &OrganisationPlan, outcome: &OrganisationOutcome, now: i64) {
        for (action, outcome) in plan.actions.iter().zip(&outcome.outcomes) {
            let drift = matches!(
                action.reason(),
                Reason::Changing(Changing::Drift { .. } | Changing::GardenChangedAndDrift { .. })
            );
            if !(drift && action.verb() == Verb::Change && matches!(outcome.done, Done::Applied { .. })) {
                continue;
            }
            let key = (plan.organisation.clone(), action.id.clone());
            let fight = self.fights.entry(key).or_insert(Fight { corrections: 0, last: now, truces: 0, until: 0 });
            let quick = now - fight.last <= millis(FIGHT_WINDOW) || fight.until != 0;
            fight.corrections = if quick { fight.corrections + 1 } else { 1 };
            (fight.last, fight.until) = (now, 0);
            if fight.corrections >= FIGHT_CORRECTIONS {
                fight.truces += 1;
                fight.until = now + millis(patience(FIRST_TRUCE, LONGEST_TRUCE, fight.truces));
                // After a truce, one more correction that is undone begins the next.
                fight.corrections = FIGHT_CORRECTIONS - 1;
            }
        }
        self.fights.retain(|_, fight| fight.until != 0 || now - fight.last <= 2 * millis(FIGHT_WINDOW));
    }

    /// Forgets organisations and clusters that the garden does not have any more.
    pub(crate) fn forget(&mut self, known: impl Fn(&Name) -> bool, cluster: impl Fn(&Name) -> bool) {
        self.tried.retain(|name, _| known(name));
        self.fights.retain(|(name, _), _| known(name));
        self.resting.retain(|name, _| cluster(name));
        self.to_verify.retain(&known);
    }

    /// After a round: what was due is due no more. A truce that has passed is over; what the round could not look at (others
    /// lead its cluster, a finding stops it) is due again a little later, or when something stirs it.
    pub(crate) fn settle_dues(&mut self, looked_at: &BTreeSet<Name>, at: Moment) {
        let later = at.after(POSTPONED);
        for (_, tried) in
            self.tried.iter_mut().filter(|(name, tried)| !looked_at.contains(*name) && tried.due <= at.now)
        {
            tried.due = later;
        }
        for tried in self.tried.iter_mut().filter(|(name, _)| !looked_at.contains(*name)).map(|(_, tried)| tried) {
            tried.overdue = tried.overdue.map(|overdue| if overdue <= at.now { later } else { overdue });
        }
        for ((name, _), fight) in self.fights.iter_mut().filter(|(_, fight)| fight.until != 0 && fight.until <= at.now)
        {
            fight.until = if looked_at.contains(name) { 0 } else { later };
        }
        for rest in self.resting.values_mut().filter(|rest| rest.due <= at.now) {
            rest.due = later;
        }
    }
}

/// `first`, doubled with every failure after the first, and never more than `longest`.
fn patience(first: Duration, longest: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn left(outcome: &OrganisationOutcome) -> Left {
    if outcome.failure.is_some() {
        return Left::Passing;
    }
    outcome.outcomes.iter().filter(|outcome| outcome.is_open()).map(left_of).max().unwrap_or(Left::Nothing)
}

/// What one open outcome asks for. What only follows another's failure asks for nothing of its own.
fn left_of(outcome: &Outcome) -> Left {
    match &outcome.done {
        Done::Failed { passing: true, .. } => Left::Passing,
        Done::Skipped { why: Skip::WaitsFor { .. } | Skip::Stale { .. } | Skip::Interrupted } => Left::Passing,
        _ => Left::ForPeople,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_round_could_not_look_at_is_not_due_at_once_again() {
        let (ada, alpha) = (Name::new("ada").unwrap(), Name::new("alpha").unwrap());
        let id = ObjectId { api_version: "v1".into(), kind: "Secret".into(), namespace: "o".into(), name: "s".into() };
        let at = |now| Moment { now, chance: 0.5 };
        for (looked_at, next) in
            [(BTreeSet::new(), Some(millis(POSTPONED) + 9_000)), (BTreeSet::from([alpha.clone()]), None)]
        {
            let mut attention = Attention::default();
            let fight = Fight { corrections: 4, last: 0, truces: 1, until: 8_000 };
            attention.fights.insert((alpha.clone(), id.clone()), fight);
            assert_eq!(attention.due(9_000), BTreeSet::from([alpha.clone()]));
            attention.settle_dues(&looked_at, at(9_000));
            assert_eq!((attention.due(9_000), attention.next_due()), (BTreeSet::new(), next));
        }
        let mut attention = Attention::default();
        attention.note_cluster(&ada, false, at(0));
        attention.settle_dues(&BTreeSet::new(), at(9_000));
        assert!(attention.next_due().unwrap() > 9_000);
        attention.forget(|_| true, |_| false);
        assert_eq!(attention.next_due(), None);
    }

    #[test]
    fn patience_doubles_and_ends() {
        let of = |failures| patience(FIRST_PATIENCE, LONGEST_PATIENCE, failures).as_secs();
        assert_eq!([of(1), of(2), of(3), of(7), of(8), of(40)], [5, 10, 20, 320, 600, 600]);
    }

    #[test]
    fn a_cluster_that_cannot_be_read_rests_longer_each_time_and_is_forgiven_at_once() {
        let ada = Name::new("ada").unwrap();
        let mut attention = Attention::default();
        let at = |now| Moment { now, chance: 0.5 };
        attention.note_cluster(&ada, false, at(0));
        assert!(attention.resting(4_999).contains(&ada));
        assert_eq!(attention.rested(5_000), BTreeSet::from([ada.clone()]));
        attention.note_cluster(&ada, false, at(5_000));
        assert_eq!(attention.next_due(), Some(15_000));
        attention.note_cluster(&ada, true, at(15_000));
        assert_eq!((attention.next_due(), attention.resting(0)), (None, BTreeSet::new()));
    }
}
