//! What may be in the cluster, before and after a plan.

use serde_json::json;

use super::world::{Case, World, world};
use super::*;
use crate::model::{AppFootprint, AppliedApp, Footprint};

/// A job and a workload that go from release 32 to 33, with what else the garden says.
fn upgrade(said: serde_json::Value) -> World {
    let body = |version: u32| json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": version.to_string()}]}}}});
    let wanted = |id: &str| json!({"id": id, "app": "cloud", "body": body(33)});
    let there = |id: &str, uid: &str| json!({"id": id, "uid": uid, "body": body(32)});
    let known = |id: &str, uid: &str| json!({"id": id, "uid": uid, "app": "cloud", "body": body(32)});
    let mut said = said;
    said["states"] = json!({"cloud": "33"});
    let case: Case = serde_json::from_value(json!({
        "is": "an upgrade",
        "said": said,
        "desired": [wanted("apps/v1 Deployment web"), wanted("apps/v1 StatefulSet side")],
        "live": [there("apps/v1 Deployment web", "u1"), there("apps/v1 StatefulSet side", "u2")],
        "inventory": [known("apps/v1 Deployment web", "u1"), known("apps/v1 StatefulSet side", "u2")],
    }))
    .unwrap();
    let mut world = world(&case);
    world.inventory.commit = "before".to_owned();
    world.inventory.footprint.apps.insert(Name::new("cloud").unwrap(), AppFootprint::of_whole(state("32")));
    world
}

/// The releases that may be there, and the commit that was begun.
fn told(footprint: &Footprint) -> (Vec<&str>, &str) {
    let apps = footprint.apps.values().flat_map(|app| app.possible(false));
    (apps.map(|app| &*app.version).collect(), &footprint.begun)
}

/// Writes a plan ahead, and records what came of it: the same for every action that writes.
fn run(world: &mut World, done: impl Fn(usize) -> Done) -> (Footprint, Footprint) {
    let plan = organisation(&world.input());
    let earlier = world.inventory.footprint.clone();
    let before = ahead(&world.input(), &plan, "n0nce");
    world.inventory = before.clone();
    let outcomes = plan.actions.iter().enumerate().map(|(at, action)| Outcome {
        id: action.id.clone(),
        verb: action.verb(),
        app: action.app.clone(),
        warnings: Vec::new(),
        done: if action.verb().writes() { done(at) } else { Done::Skipped { why: Skip::Planned } },
    });
    let outcome = OrganisationOutcome {
        organisation: plan.organisation.clone(),
        cluster: plan.cluster.clone(),
        outcomes: outcomes.collect(),
        unchanged: 0,
        failure: None,
    };
    let next = after(&world.input(), before.clone(), &plan, &outcome, &BTreeSet::new(), &earlier);
    (before.footprint, next.footprint)
}

fn applied() -> Done {
    Done::Applied { uid: "u".to_owned(), health: None }
}

fn failed(passing: bool) -> Done {
    Done::Failed { why: "no".to_owned(), place: None, passing }
}

#[test]
fn what_is_begun_stands_beside_what_was_whole_until_it_is_whole_or_known_not_to_be_there() {
    let skipped = |why| Done::Skipped { why };
    let both = (vec!["32", "33"], "c0ffee");
    let (mut all, mut none, mut one, mut unsure, mut killed) =
        (upgrade(json!({})), upgrade(json!({})), upgrade(json!({})), upgrade(json!({})), upgrade(json!({})));
    let (before, after) = run(&mut all, |_| applied());
    assert_eq!((told(&before), told(&after)), (both.clone(), (vec!["33"], "c0ffee")), "the commit is set by others");
    let (before, after) = run(&mut none, |_| failed(false));
    assert_eq!((told(&before), told(&after)), (both.clone(), (vec!["32"], "")), "refused: nothing of it is there");
    let (_, after) = run(&mut one, |at| if at == 0 { applied() } else { failed(false) });
    assert_eq!(told(&after), both);
    let (_, after) = run(&mut unsure, |_| failed(true));
    assert_eq!(told(&after), both, "an answer that is lost says nothing");
    let (_, after) = run(&mut killed, |_| skipped(Skip::Interrupted));
    assert_eq!(told(&after), both);
}

#[test]
fn what_is_held_and_what_only_brings_back_what_was_there_begins_nothing() {
    let mut held = upgrade(json!({"held": {"cloud": "after the fair"}}));
    let (before, after) = run(&mut held, |_| applied());
    assert_eq!((told(&before), told(&after)), ((vec!["32"], ""), (vec!["32"], "")));
    // Once whole, drift is put back without a word in the inventory.
    let mut whole = upgrade(json!({}));
    let (_, after) = run(&mut whole, |_| applied());
    whole.inventory.footprint = after.clone();
    let hashes = organisation(&whole.input()).actions.into_iter().map(|action| (action.id, action.desired_hash));
    for (id, hash) in hashes {
        whole.inventory.entries.get_mut(&id).unwrap().desired_hash = hash;
    }
    let (before, _) = run(&mut whole, |_| applied());
    assert_eq!(before, after);
}

#[test]
fn each_state_that_may_be_there_is_kept_once_in_order() {
    let mut app = AppFootprint::of_whole(state("32"));
    for version in ["32", "33", "33", "34", "33", "32"] {
        app.begin(&state(version));
    }
    let versions = |taken_back| app.possible(taken_back).map(|app| &*app.version).collect::<Vec<_>>();
    assert_eq!(versions(false), ["32", "34", "33", "32"]);
    assert_eq!(versions(true), ["32"]);
    let written = serde_json::to_value(&app).unwrap();
    assert_eq!(serde_json::from_value::<AppFootprint>(written).unwrap(), app);
}

/// What is compared of an app at a version.
pub(super) fn state(version: &str) -> AppliedApp {
    AppliedApp {
        definition: Name::new("nextcloud").unwrap(),
        version: version.to_owned(),
        data: None,
        settings: BTreeMap::new(),
        senders: BTreeSet::new(),
        stores: None,
        sizes: BTreeMap::new(),
    }
}
