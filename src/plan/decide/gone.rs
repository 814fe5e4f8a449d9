//! What is done where data is gone that nobody here deleted: nothing of its app is made or scaled up, until it is there again
//! or a person says that the app may start empty.
//!
//! | the object that held it | what it means |
//! |---|---|
//! | is not there, and parcelle did not delete it | its data is gone |
//! | is being deleted, and not by parcelle | its data goes once nothing uses it |
//! | is another one under the same name | that one is taken when a person says so |
//! | is another one with the nonce and label of ours, on the same data | it was brought back, and is ours |
//! | was about to be made, and never was | nothing is lost |

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::action::Action;
use super::create::create_for;
use super::deed::Deed;
use super::object;
use super::reason::{Creating, Holding, Keeping, Refusing};
use super::restores;
use crate::kind::{self, DataLoss};
use crate::name::Name;
use crate::plan::state::gone::{DataLost, GoneData};
use crate::plan::state::input::kind_key;
use crate::plan::state::lost::was_not_there;
use crate::plan::state::standing::{Index, is_same};
use crate::plan::{Entry, Input, LiveObject};
use crate::render::{Object, ObjectId, Stage};

/// The data of an organisation that is gone.
#[derive(Default)]
pub(in crate::plan) struct Losses {
    /// What is to be remembered of it, in order of object.
    pub(in crate::plan) records: Vec<GoneData>,
    /// What became of each object, by its id.
    lost: BTreeMap<ObjectId, Lost>,
    /// The apps that are held, each with the first object that it lacks and since when.
    held: BTreeMap<Name, (ObjectId, i64)>,
}

/// An object that the garden asks for and whose data is gone.
pub(in crate::plan) struct Lost {
    how: DataLost,
    since: i64,
    acknowledged: Option<String>,
}

impl Losses {
    /// Finds what is gone, beside what was known to be.
    pub(in crate::plan) fn find(input: &Input<'_>, index: &Index<'_>) -> Self {
        let mut losses = Self::default();
        let mut known: BTreeMap<ObjectId, GoneData> = BTreeMap::new();
        for gone in &input.inventory.gone {
            // Whoever waits for it does so under its present name.
            let apps = gone.apps.iter().map(|app| index.renames.now(app).clone()).collect();
            known.insert(gone.id.clone(), GoneData { apps, ..gone.clone() });
        }
        let ground = is_ground_lost(input, index);
        let objects = input.desired.objects.iter().filter(|object| !index.is_past(input.now, object.app.as_ref()));
        for object in objects.filter(|object| object.holds_data && !object.id.is(kind::NAMESPACE)) {
            // Where the version of its API moved, it is the same object.
            let key = known.keys().find(|id| id.identity() == object.id.identity()).cloned();
            let before = key.and_then(|key| known.remove(&key));
            losses.look(input, index, object, before, ground);
        }
        losses.records.extend(known.into_values().filter(|gone| is_remembered(input, index, &gone.id, &gone.apps)));
        losses.remember_vanished(input, index, ground);
        losses.records.sort_by(|a, b| a.id.cmp(&b.id));
        let is_asked = |app: &Name| input.desired.objects.iter().any(|object| object.app.as_ref() == Some(app));
        for gone in &losses.records {
            for app in gone.apps.iter().filter(|app| is_asked(app)) {
                losses.held.entry(app.clone()).or_insert_with(|| (gone.id.clone(), gone.since));
            }
        }
        losses
    }

    /// What became of an object; `None` where its data is not gone.
    pub(in crate::plan) fn of(&self, id: &ObjectId) -> Option<&Lost> {
        self.lost.get(id)
    }

    fn look(&mut self, input: &Input<'_>, index: &Index<'_>, object: &Object, before: Option<GoneData>, ground: bool) {
        let id = &object.id;
        if input.live.unread.contains_key(&kind_key(id)) {
            self.records.extend(before);
            return;
        }
        let (entry, live) = (index.entry(id), index.live(id));
        let is_settled = input.live.settled.contains_key(id);
        let is_open = before.as_ref().is_some_and(|gone| gone.acknowledged.is_none());
        let uid = entry.and_then(Entry::uid);
        let is_unknown = uid.is_some_and(was_not_there);
        let may_be_lost = before.is_some() || is_unknown || uid.is_some_and(|_| loses_data(object, ground));
        let how = if is_settled || !may_be_lost { None } else { state(input, entry, live, before.as_ref()) };
        let Some(how) = how else {
            // What others had in it is gone although it was made anew.
            let came_back = live.is_some_and(|live| before.as_ref().is_some_and(|gone| gone.uid == live.uid));
            self.records.extend(before.filter(|gone| !is_open && !came_back && !gone.apps.is_empty()));
            return;
        };
        let is_about_another = matches!(how, DataLost::Another { .. })
            || before.as_ref().is_some_and(|gone| uid.is_some_and(|uid| uid != gone.uid));
        let uid = uid.map(str::to_owned).or_else(|| before.as_ref().map(|gone| gone.uid.clone())).unwrap_or_default();
        let gone = match before {
            // A word was about the loss that there was then, not about whatever came after it.
            // Whoever has data in it by now is held, whatever its app is called meanwhile.
            Some(gone) if gone.acknowledged.is_none() => {
                GoneData { id: id.clone(), uid, apps: users(input, index, object), ..gone }
            }
            Some(gone) if !is_about_another => GoneData { id: id.clone(), ..gone },
            before => {
                let since = before.map_or(input.now, |gone| gone.since);
                GoneData { id: id.clone(), uid, since, apps: users(input, index, object), acknowledged: None }
            }
        };
        let lost = Lost { how, since: gone.since, acknowledged: gone.acknowledged.clone() };
        self.lost.insert(id.clone(), lost);
        self.records.push(gone);
    }

    /// Remembers the data of apps that are not in the garden for now, and that nobody retired: they may come back to it.
    fn remember_vanished(&mut self, input: &Input<'_>, index: &Index<'_>, ground: bool) {
        let entries = input.inventory.entries.iter().filter(|(id, entry)| {
            if !entry.holds_data {
                return false;
            }
            let facts = id.facts();
            let is_data = facts.data == DataLoss::Own || (ground && facts.data == DataLoss::InClaims);
            is_data && facts.reclaim_policy.is_none() && !id.is(kind::NAMESPACE)
        });
        for (id, entry) in entries {
            let (Some(uid), Some(app)) = (entry.uid(), entry.app.as_ref()) else { continue };
            let apps = BTreeSet::from([app.clone()]);
            let is_there = input.live.settled.contains_key(id)
                || input.live.unread.contains_key(&kind_key(id))
                || index.live(id).is_some_and(|live| is_same(entry, live, input.garden));
            let is_known = self.records.iter().any(|gone| gone.id == *id);
            if is_there || is_known || input.inventory.deleting.contains(uid) || !is_remembered(input, index, id, &apps)
            {
                continue;
            }
            let (id, uid) = (id.clone(), uid.to_owned());
            self.records.push(GoneData { id, uid, since: input.now, apps, acknowledged: None });
        }
    }

    /// Holds back what would start, or make, something of an app without its data.
    pub(in crate::plan) fn hold(&self, input: &Input<'_>, actions: &mut [Action]) {
        if self.held.is_empty() {
            return;
        }
        // A Secret that went with the data is told with it: whoever starts empty gets another one.
        let is_lost = |action: &Action| matches!(action.deed, Deed::Refused { why: Refusing::SecretLost, .. });
        for action in actions.iter_mut().filter(|action| action.verb().writes() || is_lost(action)) {
            let of = action.app.as_ref().filter(|app| !(is_delete(action) && input.desired.retired.contains_key(*app)));
            let Some((of, since)) = of.and_then(|app| self.held.get(app)) else { continue };
            if !may_go_on(input, action) {
                action.hold(Holding::WithoutData { of: of.clone(), since: *since });
            }
        }
    }
}

impl Lost {
    /// What is done with the object itself.
    pub(in crate::plan) fn decided(&self, input: &Input<'_>, object: &Object) -> Action {
        match (&self.acknowledged, &self.how) {
            (Some(who), DataLost::Missing) => create_for(input, object, Creating::Acknowledged { who: who.clone() }),
            (Some(_), DataLost::Leaving) => object::action(input, object, Deed::keep(Keeping::Terminating)),
            (_, how) => {
                let why = Holding::DataGone { how: how.clone(), since: self.since };
                object::action(input, object, Deed::held(why))
            }
        }
    }
}

/// What became of an object that was applied or is remembered as gone; `None` where it is there.
fn state(
    input: &Input<'_>,
    entry: Option<&Entry>,
    live: Option<&LiveObject>,
    before: Option<&GoneData>,
) -> Option<DataLost> {
    let is_deleting = |uid: &str| input.inventory.deleting.contains(uid);
    let Some(live) = live else {
        return match entry.and_then(Entry::uid) {
            Some(uid) => (!is_deleting(uid)).then_some(DataLost::Missing),
            None => before.is_some().then_some(DataLost::Missing),
        };
    };
    let is_ours = entry.is_some_and(|entry| is_same(entry, live, input.garden));
    if !is_ours {
        return Some(DataLost::Another { uid: live.uid.clone() });
    }
    (live.is_terminating() && !is_deleting(&live.uid)).then_some(DataLost::Leaving)
}

/// Whether an object's data goes with it. What is inside of a database server stays there by its policy, and the claims of a
/// StatefulSet outlive it, unless the namespace went with everything in it.
fn loses_data(object: &Object, ground: bool) -> bool {
    let (facts, spec) = (object.id.facts(), &object.body["spec"]);
    let by_policy = facts.reclaim_policy.is_none_or(|policy| spec[policy.field()] != "retain");
    let takes_claims = || spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete";
    by_policy && (facts.data != DataLoss::InClaims || ground || takes_claims())
}

/// Whether the namespace itself is gone, is going, or is another one.
fn is_ground_lost(input: &Input<'_>, index: &Index<'_>) -> bool {
    let mut namespaces = input.inventory.entries.iter().filter(|(id, _)| id.is(kind::NAMESPACE));
    namespaces.any(|(id, entry)| {
        let is_known = entry.uid().is_some() && !input.live.settled.contains_key(id);
        let is_there = |live: &LiveObject| entry.uid() == Some(&live.uid) && !live.is_terminating();
        is_known && !input.live.unread.contains_key(&kind_key(id)) && !index.live(id).is_some_and(is_there)
    })
}

/// Whether data that nothing asks for now stays remembered as gone: its app is not in the garden, and nobody retired it.
fn is_remembered(input: &Input<'_>, index: &Index<'_>, id: &ObjectId, apps: &BTreeSet<Name>) -> bool {
    let is_asked = input.desired.objects.iter().any(|object| object.id.identity() == id.identity());
    let lives = |app: &Name| {
        let rendered = input.desired.objects.iter().any(|object| object.app.as_ref() == Some(app));
        rendered || input.desired.retired.contains_key(app)
    };
    index.retired_organisation.is_none() && !is_asked && !apps.is_empty() && !apps.iter().any(lives)
}

/// The apps that have data in an object: its own, or those that have something inside of what is the organisation's.
pub(in crate::plan) fn users(input: &Input<'_>, index: &Index<'_>, object: &Object) -> BTreeSet<Name> {
    if let Some(app) = &object.app {
        return BTreeSet::from([app.clone()]);
    }
    let name = |spec: &Value| spec["cluster"]["name"] == *object.id.name;
    let objects = || input.desired.objects.iter().filter(|other| !index.is_past(input.now, other.app.as_ref()));
    let apps = || objects().filter_map(|other| Some((other.app.as_ref()?, other)));
    let inside = apps().filter(|(_, other)| other.id.namespace == object.id.namespace && name(&other.body["spec"]));
    let inside: BTreeSet<Name> = inside.map(|(app, _)| app.clone()).collect();
    if inside.is_empty() { apps().map(|(app, _)| app.clone()).collect() } else { inside }
}

/// Whether an action may be done although data of its app is gone: it only brings back what was applied, and neither holds
/// data nor starts anything that would.
fn may_go_on(input: &Input<'_>, action: &Action) -> bool {
    let facts = action.id.facts();
    let is_quiet = matches!(action.stage, Stage::Ground | Stage::Configuration)
        || action.id.is(kind::SERVICE)
        || action.id.is(kind::HTTP_ROUTE)
        || action.id.is(kind::LISTENER_SET)
        || action.id.is(kind::INGRESS)
        || action.id.is(kind::CERTIFICATE);
    let starts = !facts.pod_spec.is_empty() || facts.scales || action.holds_data || facts.may_hold_data();
    restores(input, action) && is_quiet && !starts
}

fn is_delete(action: &Action) -> bool {
    matches!(action.deed, Deed::Delete { .. })
}
