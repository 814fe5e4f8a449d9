//! Holds back what comes after something that cannot be done: a new version does not run where its job was refused.
//!
//! | what cannot be done | what waits |
//! |---|---|
//! | an object of an app | the later stages of that app, its deletions among them |
//! | what an app says `adopt` of | whatever else it would adopt |
//! | what an app needs: data, or a Secret | changes of that app in earlier stages too |
//! | anything before its pods, or these | policies that would let it through less |
//! | a Secret of the organisation itself | the later stages of what is the organisation's own: no app reads it |
//! | another object of the organisation itself (its namespace, a quota, a policy) | the later stages of all |
//!
//! What only brings back what was applied goes on, as under a hold.

use std::collections::BTreeMap;

use super::action::{Action, Verb, What};
use super::deed::Deed;
use super::reason::{Holding, Keeping, Refusing};
use super::restores;
use crate::name::Name;
use crate::plan::Input;
use crate::render::{ObjectId, Stage};

/// Holds back, among the actions of a plan that the guard has looked at, what comes after something that cannot be done.
pub(crate) fn hold_later(input: &Input<'_>, actions: &mut [Action]) {
    let obstacles = Obstacles::of(input, actions);
    let later = actions.iter_mut().filter(|action| action.verb().writes() && !restores(input, action));
    later.for_each(|action| obstacles.hold(action));
    super::cut_off::hold_policies(input, actions, |app| obstacles.of_pods(app).map(Obstacle::holding));
    super::stops::hold_starts(input, actions);
}

/// The first thing that cannot be done, by whose later stages it holds back.
#[derive(Default)]
struct Obstacles {
    all: Option<Obstacle>,
    own: Option<Obstacle>,
    apps: BTreeMap<Name, Obstacle>,
}

struct Obstacle {
    stage: Stage,
    of: ObjectId,
    hinders: Hindrance,
    /// Whether it is data or a Secret that an app needs, and was refused.
    is_need: bool,
    /// Whether it was to be adopted, and cannot be: then nothing of its app is.
    is_adopted: bool,
}

/// How something that cannot be done now holds up what comes after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hindrance {
    /// It was refused.
    Refused,
    /// It is only on its way out, and made again by itself once it is gone.
    Leaves,
    /// It is a job that failed.
    JobFailed,
    /// It is a job that waits for an earlier run.
    JobWaits,
}

impl Obstacles {
    fn of(input: &Input<'_>, actions: &[Action]) -> Self {
        let mut obstacles = Self::default();
        for action in actions {
            let Some(hinders) = obstructs(input, action) else { continue };
            let is_need = hinders == Hindrance::Refused && (action.holds_data || action.what == What::Secret);
            let is_adopted = input.directives.adopts(&action.id) && input.inventory.find(&action.id).is_none();
            let obstacle = Obstacle { stage: action.stage, of: action.id.clone(), hinders, is_need, is_adopted };
            let of = match (&action.app, action.what) {
                (Some(app), _) => {
                    obstacles.apps.entry(app.clone()).and_modify(|first| first.or(&obstacle)).or_insert(obstacle);
                    continue;
                }
                (None, What::Secret) => &mut obstacles.own,
                (None, What::Object) => &mut obstacles.all,
            };
            match of {
                Some(first) => first.or(&obstacle),
                none => *none = Some(obstacle),
            }
        }
        obstacles
    }

    /// Holds an action back where something before it cannot be done.
    fn hold(&self, action: &mut Action) {
        let own = match &action.app {
            Some(app) => self.apps.get(app),
            None => self.own.as_ref(),
        };
        let deletes = matches!(action.deed, Deed::Delete { .. });
        let before = |obstacle: &&Obstacle| deletes || obstacle.stage < action.stage;
        // What runs reads its configuration again at any time, and would find that of what it will not be.
        let around = |obstacle: &&Obstacle| {
            obstacle.is_need && obstacle.stage > action.stage && matches!(action.verb(), Verb::Change | Verb::Replace)
        };
        let adopts = |obstacle: &&Obstacle| obstacle.is_adopted && action.verb() == Verb::Adopt;
        let hinders = |obstacle: &&Obstacle| before(obstacle) || around(obstacle) || adopts(obstacle);
        if let Some(first) = self.all.as_ref().filter(before).or(own.filter(hinders)) {
            action.hold(first.holding());
        }
    }

    /// What keeps the pods of an app, or those of the organisation itself, as they are.
    fn of_pods(&self, app: Option<&Name>) -> Option<&Obstacle> {
        let own = app.map_or(self.own.as_ref(), |app| self.apps.get(app));
        own.or(self.all.as_ref()).filter(|obstacle| obstacle.stage <= Stage::Workload)
    }
}

impl Obstacle {
    fn holding(&self) -> Holding {
        let of = self.of.clone();
        match self.hinders {
            Hindrance::Refused => Holding::After { of, leaves: false },
            Hindrance::Leaves => Holding::After { of, leaves: true },
            Hindrance::JobFailed => Holding::AfterJob { of, failed: true },
            Hindrance::JobWaits => Holding::AfterJob { of, failed: false },
        }
    }

    /// Stays the one that comes first.
    fn or(&mut self, other: &Self) {
        if (other.stage, &other.of) < (self.stage, &self.of) {
            let (is_need, is_adopted) = (self.is_need || other.is_need, self.is_adopted || other.is_adopted);
            *self = Self { of: other.of.clone(), is_need, is_adopted, ..*other };
        } else {
            self.is_need |= other.is_need;
            self.is_adopted |= other.is_adopted;
        }
    }
}

/// Whether an object that the garden asks for is not there as asked, and will not be by this plan. What is held by word holds its app already, and deletions hold nothing up.
fn obstructs(input: &Input<'_>, action: &Action) -> Option<Hindrance> {
    match &action.deed {
        Deed::Refused { why: Refusing::Disowned { .. }, .. } => None,
        Deed::Refused { why: Refusing::JobFailed { .. }, .. } => Some(Hindrance::JobFailed),
        Deed::Refused { why: Refusing::JobEndUnknown { .. }, .. } => Some(Hindrance::JobWaits),
        Deed::Held {
            why: Holding::AfterJob { .. } | Holding::PodsLeft { .. } | Holding::PodsNotRead { .. }, ..
        } => Some(Hindrance::JobWaits),
        Deed::Refused { .. } => is_asked(action).then_some(Hindrance::Refused),
        // Of what is only read by others a kind that cannot be listed keeps nothing from running.
        Deed::Held { why: Holding::NotRead { .. }, .. } => {
            (is_asked(action) && matches!(action.stage, Stage::Data | Stage::Upgrade)).then_some(Hindrance::Refused)
        }
        Deed::Held { why: Holding::SourceNotRead { .. }, .. } => {
            input.inventory.find(&action.id).is_none().then_some(Hindrance::Refused)
        }
        Deed::Held { why: Holding::FoughtOver { .. }, .. } => {
            (!is_applied(input, action)).then_some(Hindrance::Refused)
        }
        // What is there as it was applied last only drifted.
        Deed::Held { why: Holding::NotAgreed { .. }, base } => {
            (is_asked(action) && (base.is_none() || !is_applied(input, action))).then_some(Hindrance::Refused)
        }
        Deed::Keep { why: Keeping::Terminating, .. } => Some(Hindrance::Leaves),
        _ => None,
    }
}

/// Whether the garden asks for the object: what is only in the inventory has no hash.
fn is_asked(action: &Action) -> bool {
    action.what == What::Secret || !action.desired_hash.is_empty()
}

/// Whether the garden asks for the same of an object as was applied last.
fn is_applied(input: &Input<'_>, action: &Action) -> bool {
    input.inventory.find(&action.id).is_some_and(|(_, entry)| entry.desired_hash == action.desired_hash)
}
