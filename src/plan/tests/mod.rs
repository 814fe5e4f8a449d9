//! Decisions as data: tests/cases/plan/*.json, each a small world and the plan that is expected of it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::plan::deed::Prepare;
use crate::plan::order::{Phase, steps};
use crate::render::{Object, Origins};
use world::{Case, World, world};

mod footprint;
mod recovered;
mod renames;
mod values;
mod world;

/// A plan in the words of the cases.
fn told(plan: &OrganisationPlan) -> Vec<String> {
    let show = |shown: &Option<Shown>| match shown {
        None => "-".to_owned(),
        Some(Shown::Secret) => "(secret)".to_owned(),
        Some(Shown::Others) => "(others)".to_owned(),
        Some(Shown::Value(value)) => value.to_string(),
        Some(Shown::Part { value, others }) => format!("{value} and {others}"),
    };
    let mut lines = Vec::new();
    for action in &plan.actions {
        let verb = format!("{:?}", action.verb()).to_lowercase();
        let force = if action.force() { " by force" } else { "" };
        lines.push(format!("{verb} {}{force}: {}", action.id, action.reason()));
        if let Some(Prepare::TakeAway { fields, .. }) = action.prepare() {
            lines.push(format!("  first takes away {}", fields.join(", ")));
        }
        for change in action.changes.iter().filter(|_| action.base().is_some()) {
            let origin = change.origin.as_ref().map(|place| format!(" at {}", place.line)).unwrap_or_default();
            let by =
                if change.drift_by.is_empty() { String::new() } else { format!(" by {}", change.drift_by.join(",")) };
            lines.push(format!("  {} {} > {}{origin}{by}", change.path, show(&change.before), show(&change.after)));
        }
    }
    lines.extend(plan.gone.iter().map(|id| format!("gone {id}")));
    lines
}

fn cases(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap()
}

fn all_cases() -> Vec<Case> {
    let files = [
        include_str!("../../../tests/cases/plan/changes.json"),
        include_str!("../../../tests/cases/plan/deletions.json"),
        include_str!("../../../tests/cases/plan/fields.json"),
        include_str!("../../../tests/cases/plan/recovered.json"),
        include_str!("../../../tests/cases/plan/gone.json"),
        include_str!("../../../tests/cases/plan/unions.json"),
    ];
    files.into_iter().flat_map(cases).collect()
}

#[test]
fn plans_decide_as_the_cases_say() {
    let mut wrong = Vec::new();
    for case in all_cases() {
        let world = world(&case);
        let plan = organisation(&world.input());
        let findings: Vec<_> =
            plan.findings.iter().map(|finding| format!("{} {}", finding.code.as_str(), finding.title)).collect();
        if (told(&plan), findings.clone()) != (case.expect.clone(), case.findings.clone()) {
            wrong.push(format!("{}\n{:#?}\n{findings:#?}", case.is, told(&plan)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_guard_lets_every_decided_plan_pass() {
    for case in all_cases() {
        let world = world(&case);
        let plan = organisation(&world.input());
        let adopted = world.directives.adopt.iter().map(|adopt| (adopt.kind.clone(), adopt.name.clone())).collect();
        assert_eq!(guard::check(&plan, &world.guard(&adopted)), Vec::new(), "{}", case.is);
    }
}

#[test]
fn the_guard_lets_only_fields_of_the_object_itself_be_taken_away_and_nothing_of_what_holds_data() {
    let case = cases(include_str!("../../../tests/cases/plan/unions.json")).remove(0);
    let world = world(&case);
    let adopted = BTreeSet::new();
    let check = |fields: &[&str], holds_data: bool| {
        let mut plan = organisation(&world.input());
        let Deed::Change { take_away, .. } = &mut plan.actions[0].deed else { panic!("a change") };
        *take_away = fields.iter().map(|field| (*field).to_owned()).collect();
        plan.actions[0].holds_data = holds_data;
        guard::check(&plan, &world.guard(&adopted)).first().map(|broken| broken.promise)
    };
    let field = "spec.template.spec.containers[name=app].env[name=A].value";
    assert_eq!(check(&[field], false), None);
    assert_eq!(check(&[field], true), Some(Promise::NoDataLost));
    assert_eq!(check(&[field, "metadata.labels"], false), Some(Promise::NoForeignDelete));
    assert_eq!(check(&[field, "spec.strategy.nothing"], false), Some(Promise::AsPlanned));
}

#[test]
fn the_guard_lets_nobody_make_lost_data_again_without_a_persons_word() {
    let case = cases(include_str!("../../../tests/cases/plan/gone.json")).remove(0);
    let mut world = world(&case);
    let adopted = BTreeSet::new();
    let check = |world: &World| {
        let mut plan = organisation(&world.input());
        let claim = plan.actions.iter_mut().find(|action| &*action.id.kind == "PersistentVolumeClaim").unwrap();
        claim.deed = Deed::Create(Creating::DeletedBehindOurBack);
        guard::check(&plan, &world.guard(&adopted)).first().map(|broken| broken.promise)
    };
    assert_eq!(check(&world), Some(Promise::NoDataLost));
    let mut gone = organisation(&world.input()).lost.remove(0);
    gone.acknowledged = Some("tim".to_owned());
    world.inventory.gone.push(gone);
    assert_eq!(check(&world), None);
}

#[test]
fn an_inventory_written_ahead_holds_all_that_the_plan_makes_and_survives_its_file() {
    for case in all_cases() {
        let world = world(&case);
        let plan = organisation(&world.input());
        let next = ahead(&world.input(), &plan, "n0nce");
        for action in plan.actions.iter().filter(|action| action.verb().writes()) {
            assert!(next.find(&action.id).is_some(), "{}: {}", case.is, action.id);
        }
        let read: Inventory = serde_json::from_value(serde_json::to_value(&next).unwrap()).unwrap();
        assert_eq!(read, next, "{}", case.is);
        let saved: OrganisationPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(saved.actions, plan.actions, "{}", case.is);
    }
}

/// A world with one delete of each sort, all of them right.
fn deleting() -> Case {
    cases(include_str!("../../../tests/cases/plan/deletions.json"))
        .into_iter()
        .find(|case| case.is.contains("exactly its objects"))
        .unwrap()
}

/// The garden asks for an object after all.
fn want(world: &mut World, id: &ObjectId) {
    world.desired.retired.clear();
    world.directives.retired = None;
    world.desired.objects.push(Object {
        id: id.clone(),
        body: (*world.live.objects[id].body).clone(),
        origins: Origins::default(),
        app: world.inventory.entries[id].app.clone(),
        stage: id.facts().stage,
        by_hand: std::collections::BTreeSet::default(),
        holds_data: false,
        once: None,
    });
}

proptest! {
    #[test]
    fn the_guard_refuses_every_delete_that_a_mutation_made_wrong(which in 0_usize..16, mutation in 0_u8..11) {
        let mut world = world(&deleting());
        let mut plan = organisation(&world.input());
        let deletes: Vec<usize> = (0..plan.actions.len()).filter(|at| plan.actions[*at].verb() == Verb::Delete).collect();
        let at = deletes[which % deletes.len()];
        let id = plan.actions[at].id.clone();
        let data = world.inventory.entries[&id].holds_data;
        let mut body = (*world.live.objects[&id].body).clone();
        match mutation {
            0 => { world.inventory.entries.remove(&id); }
            1 => { world.live.objects.get_mut(&id).unwrap().uid = "another".to_owned(); }
            2 => { body["metadata"]["labels"] = json!({}); }
            3 => { body["metadata"]["labels"][GARDEN_LABEL] = "another".into(); }
            4 => { body["metadata"]["managedFields"] = json!([]); }
            5 => {
                let Deed::Delete { base, .. } = &mut plan.actions[at].deed else { unreachable!("it is a delete") };
                base.uid = "another".to_owned();
            }
            6 => { world.directives.clean = false; }
            7 => { plan.actions[at].id.namespace = "lescommuns".into(); }
            8 => { world.live.cluster_uid = "another".to_owned(); }
            10 => want(&mut world, &id),
            // Young data.
            _ if data => { world.inventory.entries.get_mut(&id).unwrap().retired_since = Some(world.now - 5); }
            _ => { world.live.objects.remove(&id); }
        }
        if (2..=4).contains(&mutation) {
            world.live.objects.get_mut(&id).unwrap().body = body.into();
        }
        let adopted = BTreeSet::new();
        let refusals = guard::check(&plan, &world.guard(&adopted));
        let broken = match mutation {
            6 => Promise::CleanPrune,
            7 => Promise::OneOrganisation,
            8 => Promise::OneCluster,
            10 => Promise::Wanted,
            9 if data => Promise::NoDataLost,
            _ => Promise::NoForeignDelete,
        };
        let refusal = refusals.iter().find(|refusal| refusal.action == at);
        prop_assert_eq!(refusal.map(|refusal| refusal.promise), Some(broken), "{:?}", refusals);
        guard::enforce(&mut plan, &world.guard(&adopted));
        prop_assert_eq!(plan.actions[at].verb(), Verb::Refused);
    }
}

#[test]
fn data_goes_last_and_the_namespace_after_it() {
    let world = world(&deleting());
    let plan = organisation(&world.input());
    let order: Vec<String> = steps(&plan)
        .into_iter()
        .filter(|step| step.phase == Phase::Delete)
        .map(|step| step.actions.iter().map(|at| plan.actions[*at].id.to_string()).collect::<Vec<_>>().join(", "))
        .collect();
    assert_eq!(order, ["Deployment pads, Service pads", "ConfigMap pads", "PersistentVolumeClaim pads-files"]);
}

#[test]
fn the_promises_of_the_guard_are_those_of_the_architecture() {
    let page = include_str!("../../../ARCHITECTURE.md").split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for (number, promise) in [
        (1, Promise::NoForeignDelete),
        (2, Promise::NoDataLost),
        (4, Promise::CleanPrune),
        (5, Promise::AsPlanned),
        (9, Promise::OneCluster),
        (10, Promise::OneOrganisation),
        (11, Promise::Wanted),
    ] {
        let said = format!("{number}. {promise}");
        assert!(page.contains(&said), "ARCHITECTURE.md does not say `{said}`");
    }
}
