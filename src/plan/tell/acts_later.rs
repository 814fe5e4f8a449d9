//! What a plan holds that acts later than it is applied: what the garden says of hours, days and brakes, beside what was
//! applied of that last.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words;
use crate::kind;
use crate::name::Name;
use crate::plan::decide;
use crate::plan::decide::action::{Action, Place, Verb, What};
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::Keeping;
use crate::plan::{Input, OrganisationPlan};
use crate::render::{ObjectId, State, Term, TermWord, WaitingRelease, of_deletions};

/// A line of the garden that acts later, where it says something else than was applied last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LaterAct {
    /// Which word of the garden.
    pub(crate) word: TermWord,
    /// The app that it is about; absent for the whole organisation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<Name>,
    /// What was applied last; absent where nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<String>,
    /// What the garden says; absent where it says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// When it first acts, in Unix seconds, where that is a day rather than an hour of each day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<i64>,
    /// The day of that, where the organisation is; in UTC where data goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) day: Option<String>,
    /// What it acts on then: what goes on the day of `keep-data`, what stops for a night, what a release changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<String>,
    /// The line; absent where it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
}

/// How far a plan is that of the hour at which it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HourOfPlan {
    /// Apps that sleep at the moment.
    pub(crate) asleep: Vec<Name>,
    /// Apps that have more replicas at the moment, for a peak.
    pub(crate) at_peak: Vec<Name>,
    /// Apps that have nights or peaks, and run as usual at the moment.
    pub(crate) awake: Vec<Name>,
    /// From when on the plan may be another one, in Unix seconds.
    pub(crate) until: i64,
}

/// What acts later of an organisation, and was not applied as it is said: brakes and days first.
pub(in crate::plan) fn of(input: &Input<'_>, plan: &OrganisationPlan) -> Vec<LaterAct> {
    let is_first = input.inventory.terms.is_none() && input.inventory.commit.is_empty();
    let nothing = BTreeMap::new();
    let releases = decide::waiting_releases(input);
    let mut later: Vec<LaterAct> =
        releases.map(|(app, waits, running)| release(input, plan, app, waits, running)).collect();
    let Some(known) = input.inventory.terms.as_ref().or(is_first.then_some(&nothing)) else { return later };
    let terms = terms(input);
    let told = terms.iter().filter(|term| known.get(&term.key) != Some(&term.says));
    let told = told.filter(|term| term.over.is_none_or(|over| over > input.now));
    // What is usual needs no word where everything is new.
    let told = told.filter(|term| !is_first || !matches!(term.word, TermWord::Deletions | TermWord::Backup));
    later.extend(told.filter_map(|term| act(input, plan, term, known.get(&term.key))));
    later.extend(known.iter().filter_map(|(key, says)| ended(input, &terms, key, says)));
    later.sort_by(|a, b| (a.word, a.at, &a.app).cmp(&(b.word, b.at, &b.app)));
    later
}

/// All that acts later of an organisation, the garden's brakes among it.
fn terms(input: &Input<'_>) -> Vec<Term> {
    input.desired.terms.iter().cloned().chain(of_deletions(input.limits)).collect()
}

/// What an inventory remembers of all that, once it is applied.
pub(in crate::plan) fn remembered(input: &Input<'_>) -> BTreeMap<String, String> {
    terms(input).into_iter().map(|term| (term.key, term.says)).collect()
}

/// What is told of a term; nothing of data that nobody has.
fn act(input: &Input<'_>, plan: &OrganisationPlan, term: &Term, before: Option<&String>) -> Option<LaterAct> {
    let (at, day, objects) = match term.word {
        TermWord::KeepData => {
            let mut kept: Vec<&Action> = kept(plan, term).collect();
            // What people know comes first.
            kept.sort_by_key(|action| weight(action));
            let day = kept.iter().filter_map(|action| day_of(plan, action)).max()?;
            (Some(day), Some(words::day(day)), kept.into_iter().map(|action| action.id.to_string()).collect())
        }
        TermWord::Nights => (None, None, sleeps(input, term.app.as_ref())),
        _ => (term.at, term.day.clone(), Vec::new()),
    };
    Some(LaterAct {
        word: term.word,
        app: term.app.clone(),
        before: before.cloned(),
        after: Some(term.says.clone()),
        at,
        day,
        objects,
        origin: term.origin.map(|span| Place::of(input.sources, span)),
    })
}

/// What holds data and stays until its day, of a retired app or need.
fn kept<'a>(plan: &'a OrganisationPlan, term: &'a Term) -> impl Iterator<Item = &'a Action> {
    let need = term.key.split_once(' ').map_or("", |(_, need)| need);
    plan.actions.iter().filter(move |action| {
        let is_of_term = match &term.app {
            Some(app) => action.app.as_ref() == Some(app),
            None => *action.id.name == *need,
        };
        is_of_term && action.holds_data && !matches!(action.verb(), Verb::Delete | Verb::Create)
    })
}

/// The day on which the data of an object goes.
fn day_of(plan: &OrganisationPlan, action: &Action) -> Option<i64> {
    let of_app = action.app.as_ref().and_then(|app| plan.retired.get(app)).or(plan.retired_organisation.as_ref());
    match &action.deed {
        Deed::Keep { why: Keeping::DataKept { until }, .. } => Some(*until),
        _ => of_app.map(|retired| retired.until),
    }
}

/// A line that is no longer said of an app that is still there, and would still have acted.
fn ended(input: &Input<'_>, terms: &[Term], key: &str, says: &str) -> Option<LaterAct> {
    if TermWord::start_of_key(key).is_some_and(|start| start <= input.now) {
        return None;
    }
    let (word, data) = TermWord::of_key(key).filter(|_| terms.iter().all(|term| term.key != key))?;
    let app = match data {
        Some(data) => Some(input.directives.data_names.get(data)?.clone()),
        None => None,
    };
    // An app that is retired sleeps whatever the hour, and is told as such.
    let lives = app.as_ref().is_none_or(|app| !input.desired.retired.contains_key(app));
    lives.then(|| LaterAct {
        word,
        app,
        before: Some(says.to_owned()),
        after: None,
        at: None,
        day: None,
        objects: Vec::new(),
        origin: None,
    })
}

/// A release that waits for its window, and what it changes then.
fn release(input: &Input<'_>, plan: &OrganisationPlan, app: &Name, waits: &WaitingRelease, running: &str) -> LaterAct {
    let held = plan.actions.iter().filter(|action| action.app.as_ref() == Some(app) && action.verb() == Verb::Held);
    let mut held: Vec<&ObjectId> = held.map(|action| &action.id).collect();
    // What runs comes first.
    held.sort_by_key(|id| !(id.is(kind::DEPLOYMENT) || id.is(kind::STATEFUL_SET) || id.is(kind::JOB)));
    LaterAct {
        word: TermWord::Upgrade,
        app: Some(app.clone()),
        before: Some(format!("release {running}")),
        after: Some(waits.says()),
        at: waits.opens,
        day: waits.day.clone(),
        objects: held.into_iter().map(ToString::to_string).collect(),
        origin: waits.origin.map(|span| Place::of(input.sources, span)),
    }
}

/// Where data lies comes before what leads to it, and Secrets last.
fn weight(action: &Action) -> u8 {
    match &*action.id.kind {
        "PersistentVolumeClaim" => 0,
        "Database" | "PerconaServerMongoDB" | "GarageBucket" => 1,
        _ if action.what == What::Secret || action.id.is(kind::SECRET) => 3,
        _ => 2,
    }
}

/// What stops for the nights of an app.
fn sleeps(input: &Input<'_>, app: Option<&Name>) -> Vec<String> {
    let of_app = input.desired.objects.iter().filter(|object| object.app.as_ref() == app);
    of_app
        .filter(|object| object.id.is(kind::DEPLOYMENT) || object.id.is(kind::STATEFUL_SET))
        .map(|object| object.id.to_string())
        .collect()
}

/// How far a plan that has something to say is that of the hour.
pub(in crate::plan) fn hour(input: &Input<'_>, plan: &OrganisationPlan) -> Option<HourOfPlan> {
    let until = input.desired.next_change?.as_second();
    if !plan.changes_anything() && plan.later.is_empty() {
        return None;
    }
    let timed: Vec<&Name> = { input.desired.terms.iter() }
        .filter(|term| matches!(term.word, TermWord::Nights | TermWord::Peak))
        .filter_map(|term| term.app.as_ref())
        .collect();
    let all = input.desired.states.iter();
    let in_state = |is: &dyn Fn(&State) -> bool| -> Vec<Name> {
        all.clone().filter(|(_, state)| is(state)).map(|(app, _)| app.clone()).collect()
    };
    let asleep = in_state(&|state| matches!(state, State::Night(_)));
    let at_peak = in_state(&|state| matches!(state, State::Peak(_)));
    let mut awake = in_state(&|state| matches!(state, State::Awake));
    awake.retain(|app| timed.contains(&app));
    let depends = !(asleep.is_empty() && at_peak.is_empty() && awake.is_empty());
    depends.then_some(HourOfPlan { asleep, at_peak, awake, until })
}
