//! Decisions as data: tests/cases/plan/*.json, each a small world and the plan that is expected of it.

use crate::plan::order::Phase;
use crate::plan::order::steps;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::merge::{self, ApplyOptions, Schemas, UpdateOptions};
use crate::model::{Adopt, Deletions, FieldDecision};
use crate::quantity::Quantity;
use crate::render::{Generated, Object, OrganisationObjects, Origins, SecretRequest, SecretSource};
use crate::source::{FileId, SourceFile, Sources, Span};

const DAY: i64 = 86_400;
const NOW: i64 = 1_793_491_200;

/// A small world and what is expected of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    is: String,
    /// Days from the start of the world.
    day: i64,
    said: SaidCase,
    desired: Vec<Wanted>,
    secrets: Vec<String>,
    live: Vec<There>,
    foreign: Vec<String>,
    unread: Vec<String>,
    inventory: Vec<Known>,
    dry_runs: BTreeMap<String, DryRunCase>,
    expect: Vec<String>,
    findings: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct SaidCase {
    adopt: Vec<String>,
    take: Vec<String>,
    leave: Vec<String>,
    /// Retired apps and for how many days their data is kept.
    retired: BTreeMap<String, u64>,
    retired_organisation: Option<u64>,
    retired_needs: BTreeMap<String, u64>,
    held: BTreeMap<String, String>,
    /// Apps whose new release waits: its version, and when it may come.
    waiting: BTreeMap<String, (String, String)>,
    hold: Option<String>,
    paused: Option<String>,
    /// Objects that are fought over, and until when (Unix seconds).
    truces: BTreeMap<String, i64>,
    unclean: bool,
    apps: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Wanted {
    id: String,
    app: Option<String>,
    data: bool,
    body: Value,
    /// JSON pointer to line.
    lines: BTreeMap<String, usize>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct There {
    id: String,
    /// The body as parcelle applied it; the desired one where absent.
    body: Value,
    /// Who made it; parcelle where absent.
    by: Option<String>,
    /// Merge patches of others.
    then: Vec<(String, Value)>,
    uid: Option<String>,
    nonce: Option<String>,
    garden: Option<String>,
    leaving: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Known {
    id: String,
    uid: Option<String>,
    intended: Option<String>,
    app: Option<String>,
    data: bool,
    /// What was applied last; the desired one where absent.
    body: Value,
    /// The day since when it is retired.
    retired: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DryRunCase {
    Refused { status: u16, message: String, field: String },
}

/// A case made into what a plan is decided from.
struct World {
    garden: Name,
    desired: OrganisationObjects,
    live: Live,
    inventory: Inventory,
    directives: Directives,
    limits: Deletions,
    schemas: Schemas,
    sources: Sources,
    now: i64,
}

impl World {
    fn input(&self) -> Input<'_> {
        Input {
            garden: &self.garden,
            commit: "c0ffee",
            renderer_hash: "r1",
            desired: &self.desired,
            live: &self.live,
            inventory: &self.inventory,
            directives: &self.directives,
            limits: &self.limits,
            now: self.now,
            schemas: &self.schemas,
            sources: &self.sources,
        }
    }

    fn guard<'a>(&'a self, adopted: &'a BTreeSet<(String, String)>) -> guard::GuardInput<'a> {
        guard::GuardInput {
            garden: &self.garden,
            cluster_uid: "cluster",
            live: &self.live,
            inventory: &self.inventory,
            limits: &self.limits,
            adopted,
            clean: self.directives.clean,
            now: self.now,
        }
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "StatefulSet" => "apps/v1",
        "Job" | "CronJob" => "batch/v1",
        "Database" | "Cluster" => "postgresql.cnpg.io/v1",
        _ => "v1",
    }
}

fn id(text: &str) -> ObjectId {
    let (kind, name) = text.split_once(' ').unwrap();
    let namespace = if kind == "Namespace" { "" } else { "alternatiba" };
    ObjectId {
        api_version: api_version(kind).into(),
        kind: kind.into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}

/// A whole body from the parts that a case gives.
fn body(id: &ObjectId, parts: &Value) -> Value {
    let mut body = json!({
        "apiVersion": &*id.api_version, "kind": &*id.kind,
        "metadata": {"name": &*id.name, "labels": {GARDEN_LABEL: "indiehosters", ORGANISATION_LABEL: "alternatiba"}},
    });
    if !id.namespace.is_empty() {
        body["metadata"]["namespace"] = (&*id.namespace).into();
    }
    if parts.is_null() { body } else { merge::json_merge_patch(body, parts) }
}

fn world(case: &Case) -> World {
    let mut sources = Sources::default();
    let file = sources.add(SourceFile::new("orgs/alternatiba.kdl", &"x\n".repeat(99)));
    let span_at = |line: usize| Span::new(FileId(file.0), (line - 1) * 2..(line - 1) * 2 + 1);
    let objects: Vec<Object> = case
        .desired
        .iter()
        .map(|wanted| {
            let id = id(&wanted.id);
            let mut origins = Origins::default();
            origins.0.insert(String::new(), span_at(2));
            origins.0.extend(wanted.lines.iter().map(|(pointer, at)| (pointer.clone(), span_at(*at))));
            Object {
                body: body(&id, &wanted.body),
                origins,
                app: wanted.app.as_deref().map(name),
                stage: id.facts().stage,
                holds_data: wanted.data,
                id,
            }
        })
        .collect();
    let secrets = case.secrets.iter().map(|secret| SecretRequest {
        id: id(&format!("Secret {secret}")),
        source: SecretSource::Generated { keys: [("password".to_owned(), Generated::Random { length: 30 })].into() },
        labels: BTreeMap::new(),
        secret_type: "Opaque".to_owned(),
        app: Some(name("cloud")),
        origin: span_at(5),
    });
    let find = |of: &ObjectId| objects.iter().find(|object| object.id == *of).map(|object| object.body.clone());
    let schemas = Schemas::builtin();
    let present = case.live.iter().map(|there| (id(&there.id), there_is(&schemas, there, &find)));
    let live = Live {
        cluster_uid: "cluster".to_owned(),
        objects: present.collect(),
        foreign: case.foreign.iter().map(|text| id(text)).collect(),
        unread: case.unread.iter().map(|kind| (kind.clone(), "403".to_owned())).collect(),
        dry_runs: case.dry_runs.iter().map(|(text, answer)| (id(text), dry_run(answer))).collect(),
        ..Live::default()
    };
    let retired = |days: u64| (days * DAY.unsigned_abs(), span_at(9));
    let directives = directives(case, span_at(1));
    World {
        garden: name("indiehosters"),
        inventory: inventory(case, &schemas, &find),
        desired: OrganisationObjects {
            organisation: name("alternatiba"),
            cluster: name("ada-lovelace"),
            namespace: "alternatiba".into(),
            secrets: secrets.collect(),
            held: case.said.held.iter().map(|(app, why)| (name(app), why.clone())).collect(),
            waiting: case.said.waiting.iter().map(|(app, waits)| (name(app), waits.clone())).collect(),
            retired: case.said.retired.iter().map(|(app, days)| (name(app), retired(*days))).collect(),
            objects,
            states: BTreeMap::new(),
            next_change: None,
            contributions: Vec::new(),
        },
        live,
        directives,
        limits: Deletions {
            undeclared_at_most: 20,
            undeclared_percent: 10,
            keep_data: Quantity::parse("30", "days").unwrap(),
        },
        schemas,
        sources,
        now: NOW + case.day * DAY,
    }
}

fn directives(case: &Case, span: Span) -> Directives {
    let decisions = |texts: &[String], take| {
        let decision = |text: &String| {
            let [kind, name, path] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
            FieldDecision { kind: kind.into(), name: name.into(), path: path.into(), take, span }
        };
        texts.iter().map(decision).collect::<Vec<_>>()
    };
    let mut fields = decisions(&case.said.take, true);
    fields.extend(decisions(&case.said.leave, false));
    let apps = case.said.apps.clone().unwrap_or_else(|| vec!["cloud".to_owned(), "pads".to_owned()]);
    Directives {
        apps: apps.iter().map(|app| name(app)).collect(),
        adopt: case
            .said
            .adopt
            .iter()
            .map(|text| text.split_once(' ').unwrap())
            .map(|(kind, name)| Adopt { kind: kind.into(), name: name.into(), span })
            .collect(),
        fields,
        retired: case.said.retired_organisation.map(|days| (days * DAY.unsigned_abs(), span)),
        retired_needs: case
            .said
            .retired_needs
            .iter()
            .map(|(need, days)| (need.clone(), (days * DAY.unsigned_abs(), span)))
            .collect(),
        hold: case.said.hold.clone(),
        paused: case.said.paused.clone(),
        truces: case.said.truces.iter().map(|(text, until)| (id(text), *until)).collect(),
        clean: !case.said.unclean,
        span: Some(span),
    }
}

fn dry_run(case: &DryRunCase) -> DryRun {
    let DryRunCase::Refused { status, message, field } = case;
    let causes = vec![Cause { field: field.clone(), message: message.clone() }];
    DryRun::Refused { status: *status, message: message.clone(), causes }
}

fn there_is(schemas: &Schemas, there: &There, find: &dyn Fn(&ObjectId) -> Option<Value>) -> LiveObject {
    let id = id(&there.id);
    let now = "2026-01-01T00:00:00Z";
    let mut applied = match &there.body {
        Value::Null => find(&id).unwrap_or_else(|| body(&id, &json!({}))),
        parts => body(&id, parts),
    };
    if let Some(nonce) = &there.nonce {
        applied["metadata"]["annotations"][NONCE] = nonce.as_str().into();
    }
    if let Some(garden) = &there.garden {
        applied["metadata"]["labels"][GARDEN_LABEL] = garden.as_str().into();
    }
    let options = ApplyOptions { manager: MANAGER, force: false, subresource: None, now };
    let known = schemas.of(&applied).is_some();
    let mut live = match &there.by {
        None if known => merge::apply(schemas, None, &applied, &options).unwrap(),
        Some(manager) if known => {
            applied["metadata"].as_object_mut().unwrap().remove("labels");
            merge::update(schemas, None, applied, &UpdateOptions { manager, subresource: None, now }).unwrap()
        }
        _ => {
            applied["metadata"]["managedFields"] = json!([{"manager": MANAGER, "operation": "Apply", "fieldsV1": {}}]);
            applied
        }
    };
    for (manager, patch) in &there.then {
        let after = merge::json_merge_patch(live.clone(), patch);
        live = merge::update(schemas, Some(&live), after, &UpdateOptions { manager, subresource: None, now }).unwrap();
    }
    live["metadata"]["uid"] = there.uid.clone().unwrap_or_else(|| format!("uid of {}", there.id)).into();
    live["metadata"]["resourceVersion"] = "7".into();
    if there.leaving {
        live["metadata"]["deletionTimestamp"] = now.into();
    }
    LiveObject::new(live)
}

fn inventory(case: &Case, schemas: &Schemas, find: &dyn Fn(&ObjectId) -> Option<Value>) -> Inventory {
    let entries = case.inventory.iter().map(|known| {
        let id = id(&known.id);
        let applied = match &known.body {
            Value::Null => find(&id),
            parts => Some(body(&id, parts)),
        };
        let fields = applied.as_ref().and_then(|applied| merge::own_fields(schemas, applied).ok());
        let presence = if let Some(nonce) = &known.intended {
            Presence::Intended { nonce: nonce.clone(), was: None }
        } else {
            let uid = known.uid.clone().unwrap_or_else(|| format!("uid of {}", known.id));
            Presence::Known { uid, nonce: None }
        };
        let entry = Entry {
            presence,
            desired_hash: applied.as_ref().map(hash_of).unwrap_or_default(),
            own_fields: fields.map(|fields| OwnFields::of(&fields)).unwrap_or_default(),
            holds_data: known.data,
            app: known.app.as_deref().map(name),
            retired_since: known.retired.map(|day| NOW + day * DAY),
            note: None,
        };
        (id, entry)
    });
    let retired_since = case.inventory.iter().find(|known| known.id.starts_with("Namespace "));
    Inventory {
        entries: entries.collect(),
        retired_since: retired_since.and_then(|known| known.retired).map(|day| NOW + day * DAY),
        ..Inventory::default()
    }
}

/// A plan in the words of the cases.
fn told(plan: &OrganisationPlan) -> Vec<String> {
    let show = |shown: &Option<Shown>| match shown {
        None => "-".to_owned(),
        Some(Shown::Secret) => "(secret)".to_owned(),
        Some(Shown::Value(value)) => value.to_string(),
    };
    let mut lines = Vec::new();
    for action in &plan.actions {
        let verb = format!("{:?}", action.verb()).to_lowercase();
        let force = if action.force() { " by force" } else { "" };
        lines.push(format!("{verb} {}{force}: {}", action.id, action.reason()));
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
    let files =
        [include_str!("../../tests/cases/plan/changes.json"), include_str!("../../tests/cases/plan/deletions.json")];
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
    cases(include_str!("../../tests/cases/plan/deletions.json"))
        .into_iter()
        .find(|case| case.is.contains("exactly its objects"))
        .unwrap()
}

proptest! {
    #[test]
    fn the_guard_refuses_every_delete_that_a_mutation_made_wrong(which in 0_usize..16, mutation in 0_u8..10) {
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
    let page = include_str!("../../ARCHITECTURE.md").split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for (number, promise) in [
        (1, Promise::NoForeignDelete),
        (2, Promise::NoDataLost),
        (4, Promise::CleanPrune),
        (5, Promise::AsPlanned),
        (9, Promise::OneCluster),
        (10, Promise::OneOrganisation),
    ] {
        let said = format!("{number}. {promise}");
        assert!(page.contains(&said), "ARCHITECTURE.md does not say `{said}`");
    }
}
