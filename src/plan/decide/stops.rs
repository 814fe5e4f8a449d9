//! Nothing starts on an app's data while an earlier workload of it still runs there, and nothing is made empty in its place.
//!
//! | what an app no longer has | what waits |
//! |---|---|
//! | a workload that this plan does not stop (held, refused, on its way out) | workloads and jobs of that app that are new, what the earlier one needs to run, policies that let it reach others |
//! | pods that nothing stands behind any more, on its data or with its labels | the same |
//! | data of a kind of which it would get a new, empty object | that object, and with it all later stages of the app |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::action::{Action, Verb, What};
use super::deed::Deed;
use super::reason::{Creating, Deleting, Holding, Keeping, Refusing};
use super::restores;
use crate::kind::{self, GroupKind};
use crate::name::Name;
use crate::plan::state::left_pods::Surroundings;
use crate::plan::state::renames::Renames;
use crate::plan::state::standing::Index;
use crate::plan::{Entry, Input, LiveObject};
use crate::render::{Object, ObjectId};

/// Holds back what would work on the same data as an earlier workload of its app that this plan does not stop.
pub(super) fn hold_starts(input: &Input<'_>, actions: &mut [Action]) {
    let renames = Renames::of(input);
    let mut running = Running::of(actions);
    running.note_stray_pods(input, &renames, actions);
    if running.apps.is_empty() && running.kept.is_empty() {
        return;
    }
    for action in actions.iter_mut().filter(|action| action.verb().writes()) {
        // What was deleted behind our back leaves pods, too.
        if restores(input, action) && !running.has_stray_pods(action) {
            continue;
        }
        let cut_off = || cut_off(input, &renames, action).into_iter().find_map(|app| running.apps.get(app));
        if let Some(why) = running.beside(action).or_else(cut_off) {
            action.hold(why.clone());
        }
    }
}

/// Earlier workloads that a plan leaves running, as what is held back for them says it.
struct Running {
    /// For the first one of each app.
    apps: BTreeMap<Name, Holding>,
    /// For those that stay for the data in their claims, by name.
    kept: BTreeMap<Arc<str>, Holding>,
}

impl Running {
    fn of(actions: &[Action]) -> Self {
        let mut running = Self { apps: BTreeMap::new(), kept: BTreeMap::new() };
        let earlier =
            |action: &&Action| action.what == What::Object && action.desired_hash.is_empty() && runs_pods(&action.id);
        for action in actions.iter().filter(earlier) {
            let still_runs = |leaves| Holding::StillRuns { of: action.id.clone(), leaves };
            let why = match &action.deed {
                Deed::Keep { why: Keeping::Leaving, .. } => still_runs(true),
                // A job that no definition has any more runs on the data that another one would be brought to.
                Deed::Keep { why: Keeping::JobRuns { until: None, .. }, .. } => {
                    Holding::AfterJob { of: action.id.clone(), failed: false }
                }
                // What people hold is nothing that went wrong.
                Deed::Held { why: why @ (Holding::Hold { .. } | Holding::Paused { .. }), .. } => why.clone(),
                Deed::Held { .. } | Deed::Refused { .. } => still_runs(false),
                Deed::Keep { why: Keeping::Detached | Keeping::DataKept { .. }, .. } => {
                    running.kept.insert(Arc::clone(&action.id.name), still_runs(false));
                    continue;
                }
                _ => continue,
            };
            if let Some(app) = &action.app {
                running.apps.entry(app.clone()).or_insert(why);
            }
        }
        running
    }

    /// Notes the pods that nothing stands behind, of the apps of which something would start.
    fn note_stray_pods(&mut self, input: &Input<'_>, renames: &Renames<'_>, actions: &[Action]) {
        let seen = &input.live.pods;
        if seen.pods.is_empty() && seen.unread.is_none() {
            return;
        }
        let surroundings = Surroundings::of(input);
        let standing = surroundings.uids();
        for action in actions.iter().filter(|action| starts(action)) {
            let object = input.desired.objects.iter().find(|object| object.id == action.id);
            let Some((app, object)) = action.app.as_ref().zip(object) else { continue };
            let mut pods = surroundings.left(renames, &standing, &seen.pods, object);
            pods.truncate(TOLD);
            let unread = seen.unread.clone().filter(|_| surroundings.had_pods(renames, object));
            if !pods.is_empty() || unread.is_some() {
                self.apps.entry(app.clone()).or_insert(Holding::StrayPods { pods, unread });
            }
        }
    }

    /// Whether an action would start something beside pods that nothing stands behind.
    fn has_stray_pods(&self, action: &Action) -> bool {
        let why = action.app.as_ref().and_then(|app| self.apps.get(app));
        starts(action) && matches!(why, Some(Holding::StrayPods { .. }))
    }

    /// What still runs on the data that an action would bring another workload to, or needs what it would take away.
    fn beside(&self, action: &Action) -> Option<&Holding> {
        let starts = starts(action);
        let takes_away =
            !runs_pods(&action.id) && matches!(action.deed, Deed::Delete { why: Deleting::Renamed { .. }, .. });
        let of_app = action.app.as_ref().and_then(|app| self.apps.get(app)).filter(|_| starts || takes_away);
        of_app.or_else(|| self.kept.get(&action.id.name).filter(|_| starts))
    }
}

/// The apps whose earlier workloads a change of a network policy would cut off.
fn cut_off<'a>(input: &Input<'a>, renames: &Renames<'a>, action: &Action) -> Vec<&'a Name> {
    let is_policy = action.id.is(kind::NETWORK_POLICY) && action.verb() == Verb::Change;
    let live = input.live.objects.get(&action.id).filter(|_| is_policy);
    let wanted = input.desired.objects.iter().find(|object| is_policy && object.id == action.id);
    live.zip(wanted).map(|(live, wanted)| renames.cut_off(&live.body, &wanted.body)).unwrap_or_default()
}

/// So many pods are named.
const TOLD: usize = 3;

/// Whether an action brings pods that are not there yet.
pub(crate) fn starts(action: &Action) -> bool {
    runs_pods(&action.id) && matches!(action.verb(), Verb::Create | Verb::Replace | Verb::Adopt)
}

/// Whether an object has pods.
pub(in crate::plan) fn runs_pods(id: &ObjectId) -> bool {
    !id.facts().pod_spec.is_empty()
}

/// Refuses to make data empty where an object of the same app and kind holds what it had until now, and nobody said that it
/// may go.
pub(super) fn refuse_empty_twins(index: &Index<'_>, actions: &mut [Action]) {
    let detached: Vec<(Name, ObjectId)> = actions
        .iter()
        .filter(|action| {
            matches!(action.deed, Deed::Keep { why: Keeping::Detached, .. }) && !is_password_of_cache(action, actions)
        })
        .filter_map(|action| Some((action.app.clone()?, action.id.clone())))
        .collect();
    if detached.is_empty() {
        return;
    }
    let group_kind = |id: &ObjectId| (id.group().to_owned(), id.kind.clone());
    let made = |action: &&mut Action| {
        action.holds_data && matches!(action.deed, Deed::Create(Creating::NotThere | Creating::SecretMade))
    };
    for action in actions.iter_mut().filter(made) {
        let is_twin = |app: &Name, of: &ObjectId| {
            action.app.as_ref() == Some(app)
                && group_kind(of) == group_kind(&action.id)
                && (action.what == What::Object || has_keys(index.live(of), action))
        };
        if let Some((_, of)) = detached.iter().find(|(app, of)| is_twin(app, of)) {
            action.refuse(Refusing::DataElsewhere { of: of.clone() });
            action.causes.clear();
        }
    }
}

/// Whether a Secret has just the keys that another one would be made with.
fn has_keys(live: Option<&LiveObject>, action: &Action) -> bool {
    let data = live.and_then(|live| live.body.get("data")?.as_object());
    let path = |key: &String| if key.contains('.') { format!("data[{key}]") } else { format!("data.{key}") };
    let keys = |data: &Map<String, Value>| data.keys().map(path).collect::<BTreeSet<_>>();
    let wanted: BTreeSet<String> = action.changes.iter().map(|change| change.path.clone()).collect();
    data.is_some_and(|data| keys(data) == wanted)
}

/// Whether a Secret holds no more than the password of a server that goes with all it has.
fn is_password_of_cache(secret: &Action, actions: &[Action]) -> bool {
    const CACHE: GroupKind = kind::DEPLOYMENT;
    let is_its_server = |other: &&Action| other.id.is(CACHE) && other.id.name == secret.id.name;
    secret.id.is(kind::SECRET) && actions.iter().any(|other| is_its_server(&other))
}

/// The earlier and the present name of the app of an object, where the inventory knows it by an earlier one.
pub(super) fn renamed(input: &Input<'_>, app: Option<&Name>, entry: &Entry) -> Option<(Name, Name)> {
    let (from, to) = (entry.app.as_ref()?, app?);
    (from != to && !input.directives.apps.contains(from)).then(|| (from.clone(), to.clone()))
}

/// Whether a StatefulSet that is made anew takes the claims of the one before it: they stay when it goes, and are called alike.
pub(super) fn keeps_its_claims(object: &Object, live: &Value) -> bool {
    let names = |body: &Value| -> Vec<String> {
        let templates = body["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
        templates.map(|template| template["metadata"]["name"].to_string()).collect()
    };
    object.id.is(kind::STATEFUL_SET)
        && live["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] != "Delete"
        && names(live) == names(&object.body)
}
