//! Who is interrupted by a plan, how, and for about how long.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Whose;
use super::images;
use super::subject::PlannedOrganisation;
use super::wording::{OneLine, about, best_line, count, is_built_in, list, many, moves, short, who};
use crate::model::Organisation;
use crate::name::Name;
use crate::plan::{Action, Deleting, Place, Reason, Verb, What};
use crate::render::{Stage, State};
use estimate::Away;
use kinds::Runs;
use workload::PodsEffect;

mod estimate;
mod kinds;
#[cfg(test)]
mod tests;
mod workload;

/// What becomes of apps, in the order in which people need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum How {
    /// They stop, and stay so.
    Stops,
    /// An address leads nowhere any more.
    AddressGoes,
    /// They are away while they restart.
    Away,
    /// Several servers of a database, one of which takes over from another: connections break once.
    Switches,
    /// Whether they restart is not known.
    MayRestart,
    /// Their pods restart one after the other, and nobody is interrupted.
    Restarts,
    /// They start.
    Starts,
}

/// Apps that are interrupted in one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Interruption {
    /// What becomes of them.
    pub(crate) how: How,
    /// The apps that are interrupted, by organisation.
    pub(crate) whose: Whose,
    /// The opening words: `Interrupted for about a minute each:`.
    pub(crate) lead: String,
    /// The rest of the sentence.
    pub(crate) words: String,
    /// The one line behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
    /// For how long each is away, in seconds: an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<u64>,
    /// The longest that one of them is away, in seconds, where their fields say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_most_seconds: Option<u64>,
    /// How many pods restart, stop or start.
    pub(crate) pods: u64,
    /// The kinds behind them.
    pub(crate) kinds: BTreeSet<String>,
    /// Addresses that lead nowhere any more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) addresses: BTreeSet<String>,
}

/// What is told in one line, for however many apps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    how: How,
    /// As it is said: `about a minute`.
    time: Option<String>,
    /// What is put in, or why: `nextcloud 33.0.7 → 33.0.9`.
    why: Option<String>,
    /// Whether they sleep at the hour of the plan.
    asleep: bool,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    whose: Whose,
    line: OneLine,
    away: Away,
    pods: u64,
    kinds: BTreeSet<String>,
    addresses: BTreeSet<String>,
    /// How many addresses there are, named or not.
    all_addresses: usize,
}

/// So many addresses are kept of one line.
const ADDRESSES: usize = 100;

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct InterruptionTally {
    found: BTreeMap<Key, Sum>,
}

/// What becomes of one app: the worst of what becomes of its workloads.
#[derive(Default)]
struct AppEffect {
    worst: Option<How>,
    away: Away,
    pods: u64,
    kinds: BTreeSet<String>,
    line: Option<Place>,
    release: Option<String>,
    /// A job brings its data to another release.
    job: bool,
    reason: Option<&'static str>,
    /// Whether all of it sleeps at the hour of the plan.
    asleep: Option<bool>,
}

impl InterruptionTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, subject: &PlannedOrganisation<'_>) {
        let mut apps: BTreeMap<Option<Name>, AppEffect> = BTreeMap::new();
        for action in subject.writes().filter(|action| action.what == What::Object) {
            let app = app_of(action);
            let effect = match kinds::runs(&action.id) {
                Runs::Workload => workload::of_workload(subject, action),
                Runs::Operated(facts) => workload::of_operated(subject, action, facts),
                Runs::Unknown => may_restart(action),
                Runs::Once => {
                    let brings = action.stage == Stage::Upgrade && action.verb() != Verb::Delete;
                    if brings {
                        apps.entry(app).or_default().job = true;
                    }
                    None
                }
                Runs::Nothing => None,
            };
            if let Some(effect) = effect {
                apps.entry(app_of(action)).or_default().take(subject, action, effect);
            }
        }
        for (app, effect) in apps {
            self.of_app(subject, app.as_ref(), effect);
        }
        self.addresses(subject);
    }

    fn of_app(&mut self, subject: &PlannedOrganisation<'_>, app: Option<&Name>, mut effect: AppEffect) {
        let Some(mut how) = effect.worst else { return };
        if effect.job && matches!(how, How::Away | How::Restarts | How::MayRestart) {
            // While a job moves its data, the app that is there shows a page or answers with errors.
            how = How::Away;
            effect.away.seconds += estimate::JOB;
        }
        let job = effect.job.then_some("a job brings its data to it first");
        let why = match how {
            How::Stops => effect.reason.map(str::to_owned),
            _ => effect.release.map(|release| match job {
                Some(job) => format!("{release}, {job}"),
                None => release,
            }),
        };
        let is_away = how == How::Away;
        let asleep = effect.asleep.unwrap_or(false);
        let key = Key { how, time: is_away.then(|| about(effect.away.seconds)), why, asleep };
        let sum = self.found.entry(key).or_default();
        sum.whose.add(subject.name(), app);
        sum.line.add(effect.line);
        sum.away.seconds = sum.away.seconds.max(effect.away.seconds);
        sum.away.most = sum.away.most.max(effect.away.most);
        sum.pods += effect.pods;
        sum.kinds.extend(effect.kinds);
    }

    /// The addresses that people lose: those that the organisation had and has no more, nor has anybody else in the garden.
    fn addresses(&mut self, subject: &PlannedOrganisation<'_>) {
        let hosts = |organisation: &Organisation| -> BTreeMap<String, Name> {
            let apps = organisation.apps.values();
            apps.flat_map(|app| app.hosts.iter().map(|host| (host.value.clone(), app.name.clone()))).collect()
        };
        let Some(before) = subject.applied().filter(|_| subject.plan.changes_anything()) else { return };
        let after = subject.written().map(hosts).unwrap_or_default();
        for (host, app) in hosts(before).into_iter().filter(|(host, _)| !after.contains_key(host)) {
            let sum =
                self.found.entry(Key { how: How::AddressGoes, time: None, why: None, asleep: false }).or_default();
            sum.whose.add(subject.name(), Some(&app));
            sum.line.add(None);
            sum.all_addresses += 1;
            if sum.addresses.len() < ADDRESSES {
                sum.addresses.insert(short(&host));
            }
        }
    }

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<Interruption> {
        self.found.into_iter().map(|(key, sum)| told(key, sum)).collect()
    }
}

/// The app whose users notice: after a renaming it is the one that goes on.
fn app_of(action: &Action) -> Option<Name> {
    match action.reason() {
        Reason::Deleting(Deleting::Renamed { to, .. }) => Some(to.clone()),
        _ => action.app.clone(),
    }
}

/// What may become of the pods behind a kind that nobody here knows.
fn may_restart(action: &Action) -> Option<PodsEffect> {
    let changes_more = action.changes.iter().any(|change| !change.path.starts_with("metadata."));
    (action.verb() == Verb::Change && changes_more).then_some(PodsEffect {
        how: How::MayRestart,
        away: Away::default(),
        pods: 0,
        asleep: false,
    })
}

impl AppEffect {
    fn take(&mut self, subject: &PlannedOrganisation<'_>, action: &Action, effect: PodsEffect) {
        self.worst = Some(self.worst.map_or(effect.how, |worst| worst.min(effect.how)));
        self.away.seconds = self.away.seconds.max(effect.away.seconds);
        self.away.most = self.away.most.max(effect.away.most);
        self.asleep = Some(self.asleep.unwrap_or(true) && effect.asleep);
        self.pods += effect.pods;
        self.kinds.insert(action.id.kind.to_string());
        if self.line.as_ref().is_none_or(is_built_in) {
            let moved = || action.changes.iter().filter(|change| moves(change));
            let counts = moved().filter(|change| matches!(&*change.path, "spec.replicas" | "spec.pause"));
            let restarts = moved().filter(|change| change.path.starts_with("spec."));
            self.line = best_line(action, counts.chain(images::change(action)).chain(restarts)).or(self.line.take());
        }
        self.release = self.release.take().or_else(|| images::release(action));
        self.reason = self.reason.or_else(|| stopped(subject, action));
    }
}

/// Why an app does not run any more, as the garden says it.
fn stopped(subject: &PlannedOrganisation<'_>, action: &Action) -> Option<&'static str> {
    let state = subject.after()?.states.get(action.app.as_ref()?)?;
    match state {
        State::Night(_) => Some("asleep for the night"),
        State::Paused(_) => Some("paused; its address answers with an error"),
        State::Archived(_) => Some("archived; its address shows a page"),
        State::Retired(_) => Some("retired; its address shows a page"),
        State::Awake | State::Peak(_) => None,
    }
}

fn told(key: Key, sum: Sum) -> Interruption {
    let own = if key.how == How::Away { "the databases, and the apps on them," } else { "the databases" };
    let of = who(&sum.whose, Some(own));
    let several = count(&sum.whose) > 1;
    let why = key.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let pods = many(usize::try_from(sum.pods).unwrap_or(usize::MAX), "copy").replace("copys", "copies");
    let lead = match key.how {
        How::Stops => if several { "Stop:" } else { "Stops:" }.to_owned(),
        How::AddressGoes => {
            if sum.all_addresses > 1 { "Addresses that lead nowhere:" } else { "Leads nowhere:" }.to_owned()
        }
        How::Away => {
            let time = key.time.clone().unwrap_or_default();
            format!("Interrupted for {time}{}:", if several { " each" } else { "" })
        }
        How::Switches => "Interrupted for some seconds:".to_owned(),
        How::MayRestart => "May restart:".to_owned(),
        How::Restarts => "Restarts without an interruption:".to_owned(),
        How::Starts => if several { "Start:" } else { "Starts:" }.to_owned(),
    };
    let words = match key.how {
        How::AddressGoes => {
            let rest = sum.all_addresses - sum.addresses.len().min(sum.all_addresses);
            let named = list(sum.addresses.iter());
            let named = if rest > 0 { format!("{named} and {rest} further ones") } else { named };
            format!("{named} ({of})")
        }
        How::Switches => format!("{of}{why}: their servers restart one after the other, and connections break once"),
        How::MayRestart => format!("{of}{why}; what changes may need it, and only the cluster decides"),
        How::Restarts if sum.pods > u64::try_from(count(&sum.whose)).unwrap_or(u64::MAX) => {
            format!("{of}{why}: {pods}, one after the other")
        }
        How::Restarts => format!("{of}{why}: a new copy is ready before the old one ends"),
        How::Stops | How::Away | How::Starts => format!("{of}{why}"),
    };
    let hour = if key.asleep { ", where it is applied by day: asleep at this hour" } else { "" };
    let words = format!("{words}{hour}");
    let is_away = key.how == How::Away;
    Interruption {
        how: key.how,
        whose: sum.whose,
        lead,
        words,
        origin: sum.line.get().filter(|place| !is_built_in(place)),
        seconds: is_away.then_some(sum.away.seconds),
        at_most_seconds: (is_away && sum.away.most > 0).then_some(sum.away.most),
        pods: sum.pods,
        kinds: sum.kinds,
        addresses: sum.addresses,
    }
}
