//! What becomes of an app that is called otherwise, as one plan: what passes on, what goes and in which order, what waits.

use serde_json::{Value, json};

use super::*;
use crate::kind;
use crate::plan::decide::deed::Deed;
use crate::plan::decide::reason::{Deleting, Replacing};

/// `notes`, which was `pads`: what is applied under the old name, and what the garden asks for now; `change` is laid over it.
fn renamed(change: Value) -> World {
    let policy = json!({"spec": {"podSelector": {"matchLabels": {"parcelle.dev/app": "pads"}}}});
    let workload = |app: &str| json!({"spec": {"selector": {"matchLabels": {"parcelle.dev/app": app}}}});
    let known = ["Service pads-web", "ConfigMap pads-a", "ConfigMap pads-b", "ConfigMap pads-c", "ServiceAccount pads"];
    let mut case = json!({
        "said": {"apps": ["cloud", "notes"], "was": {"notes": "pads"}},
        "desired": [
            {"id": "PersistentVolumeClaim pads-files", "app": "notes", "data": true, "body": {"spec": {"storageClassName": "fast"}}},
            {"id": "Deployment notes-web", "app": "notes", "body": workload("notes")},
            {"id": "Job pads-upgrade", "app": "notes", "body": {}},
        ],
        "live": [
            {"id": "PersistentVolumeClaim pads-files"},
            {"id": "Deployment pads-web", "body": workload("pads")},
            {"id": "NetworkPolicy pads--app", "body": policy},
        ],
        "inventory": [
            {"id": "PersistentVolumeClaim pads-files", "app": "pads", "data": true},
            {"id": "Deployment pads-web", "app": "pads", "body": workload("pads")},
            {"id": "NetworkPolicy pads--app", "body": policy},
        ],
    });
    for id in known {
        case["live"].as_array_mut().unwrap().push(json!({"id": id, "body": {}}));
        case["inventory"].as_array_mut().unwrap().push(json!({"id": id, "app": "pads", "body": {}}));
    }
    for (list, more) in change.as_object().unwrap() {
        case[list].as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
    }
    world(&serde_json::from_value(case).unwrap())
}

/// The plan once the guard has looked at it.
fn guarded(world: &World) -> OrganisationPlan {
    let mut plan = organisation(&world.input());
    let adopted = BTreeSet::new();
    guard::enforce(&mut plan, &world.guard(&adopted));
    hold_later(&world.input(), &mut plan.actions);
    plan
}

fn line_of<'a>(told: &'a [String], id: &str) -> &'a str {
    told.iter()
        .find(|line| line.contains(&format!(" {id}:")))
        .unwrap_or_else(|| panic!("nothing about {id} in {told:#?}"))
}

#[test]
fn all_of_the_old_name_goes_by_word_and_under_no_budget() {
    let plan = guarded(&renamed(json!({})));
    let gone =
        plan.actions.iter().filter(|action| matches!(action.deed, Deed::Delete { why: Deleting::Renamed { .. }, .. }));
    assert_eq!(gone.count(), 7, "{:#?}", told(&plan));
    assert!(plan.actions.iter().all(|action| action.app.as_ref().is_none_or(|app| app.as_str() == "notes")));
}

#[test]
fn what_ran_stops_before_the_first_pods_and_policies_go_last() {
    let plan = guarded(&renamed(json!({})));
    let order: Vec<(Phase, Vec<&str>)> = steps(&plan)
        .iter()
        .map(|step| (step.phase, step.actions.iter().map(|at| &*plan.actions[*at].id.name).collect()))
        .collect();
    let place =
        |phase: Phase, name: &str| order.iter().position(|(other, names)| *other == phase && names.contains(&name));
    let stop = place(Phase::Stop, "pads-web").expect("it is stopped");
    assert!(place(Phase::Apply, "pads-upgrade").is_some_and(|start| stop < start), "{order:?}");
    assert!(place(Phase::Apply, "notes-web").is_some_and(|start| stop < start), "{order:?}");
    assert_eq!(order.last().map(|(phase, _)| *phase), Some(Phase::Delete));
    assert!(place(Phase::Delete, "pads--app").is_some(), "{order:?}");
}

#[test]
fn nothing_starts_beside_what_cannot_be_stopped_and_that_keeps_what_it_needs() {
    let mut world = renamed(json!({}));
    let (_, web) = world.live.objects.iter_mut().find(|(id, _)| &*id.name == "pads-web").unwrap();
    let mut body = (*web.body).clone();
    body["metadata"]["labels"].as_object_mut().unwrap().remove(GARDEN_LABEL);
    *web = LiveObject::new(body);
    let told = told(&guarded(&world));
    assert!(line_of(&told, "Deployment pads-web").starts_with("refused"), "{told:#?}");
    for waits in ["Deployment notes-web", "Job pads-upgrade", "NetworkPolicy pads--app", "ServiceAccount pads"] {
        let line = line_of(&told, waits);
        assert!(line.starts_with("held") && line.contains("still runs on the same data"), "{line}");
    }
}

#[test]
fn the_guard_lets_nobody_call_a_deletion_a_renaming() {
    let mut world = renamed(json!({}));
    let plan = organisation(&world.input());
    world.directives.data_names.clear();
    let adopted = BTreeSet::new();
    let refusals = guard::check(&plan, &world.guard(&adopted));
    assert_eq!(refusals.len(), 7, "{refusals:?}");
    assert!(refusals.iter().all(|refusal| refusal.promise == Promise::CleanPrune));
}

/// Servers whose pods each have a claim: they keep their name, and their pods another label.
fn servers(app: &str) -> Value {
    let labels = json!({"matchLabels": {"parcelle.dev/app": app}});
    json!({"spec": {"serviceName": "a", "selector": labels, "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}})
}

#[test]
fn servers_with_claims_are_made_anew_and_take_them_again() {
    let world = renamed(json!({
        "desired": [{"id": "StatefulSet pads-db", "app": "notes", "data": true, "body": servers("notes")}],
        "live": [{"id": "StatefulSet pads-db", "body": servers("pads")}],
        "inventory": [{"id": "StatefulSet pads-db", "app": "pads", "data": true, "body": servers("pads")}],
    }));
    let plan = guarded(&world);
    let action = plan.actions.iter().find(|action| action.id.is(kind::STATEFUL_SET)).unwrap();
    assert!(matches!(action.deed, Deed::Replace { why: Replacing::Renamed { .. }, .. }), "{:#?}", told(&plan));
    let ahead = ahead(&world.input(), &plan, "n1");
    let was = ahead.entries[&action.id].former_uid();
    assert_eq!(was, Some("uid of StatefulSet pads-db"), "a run that ends in between lost nothing");
    let mut gone = world;
    let (_, live) = gone.live.objects.iter_mut().find(|(id, _)| id.is(kind::STATEFUL_SET)).unwrap();
    let mut body = (*live.body).clone();
    body["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({"whenDeleted": "Delete"});
    *live = LiveObject::new(body);
    let adopted = BTreeSet::new();
    assert!(guard::check(&plan, &gone.guard(&adopted)).iter().any(|one| one.promise == Promise::NoDataLost));
    assert!(line_of(&told(&organisation(&gone.input())), "StatefulSet pads-db").starts_with("refused"));
}
