//! Cases as they are written, made into what a plan is decided from.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::footprint::state;
use crate::merge::{self, ApplyOptions, Schemas, UpdateOptions};
use crate::model::{Adopt, Deletions, FieldDecision};
use crate::plan::*;
use crate::policy::Grounds;
use crate::quantity::Quantity;
use crate::render::{Generated, Object, OrganisationObjects, Origins, SecretRequest, SecretSource, WaitingRelease};
use crate::source::{FileId, SourceFile, Sources, Span};

const DAY: i64 = 86_400;
const NOW: i64 = 1_793_491_200;

/// A small world and what is expected of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Case {
    pub(super) is: String,
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
    pub(super) expect: Vec<String>,
    pub(super) findings: Vec<String>,
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
    /// Apps whose new release waits.
    waiting: BTreeMap<String, WaitingRelease>,
    /// The version of each app whose past is looked at.
    states: BTreeMap<String, String>,
    hold: Option<String>,
    paused: Option<String>,
    /// Objects that are fought over, and until when (Unix seconds).
    truces: BTreeMap<String, i64>,
    unclean: bool,
    apps: Option<Vec<String>>,
    /// The earlier names of apps.
    was: BTreeMap<String, String>,
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
    /// Fields that were left to others when it was applied.
    left: Vec<String>,
    recovered: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DryRunCase {
    Refused { status: u16, message: String, field: String },
}

/// A case made into what a plan is decided from.
pub(super) struct World {
    garden: Name,
    pub(super) desired: OrganisationObjects,
    pub(super) live: Live,
    pub(super) inventory: Inventory,
    pub(super) directives: Directives,
    limits: Deletions,
    schemas: Schemas,
    sources: Sources,
    pub(super) now: i64,
    grounds: Grounds,
}

impl World {
    pub(super) fn input(&self) -> Input<'_> {
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

    pub(super) fn guard<'a>(&'a self, adopted: &'a BTreeSet<(String, String)>) -> guard::GuardInput<'a> {
        guard::GuardInput {
            garden: &self.garden,
            cluster_uid: "cluster",
            live: &self.live,
            inventory: &self.inventory,
            desired: &self.desired,
            data_names: &self.directives.data_names,
            retired: self.directives.retired.map(|(keep, _)| keep),
            limits: &self.limits,
            adopted,
            grounds: &self.grounds,
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
        "NetworkPolicy" => "networking.k8s.io/v1",
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

/// The state that a case describes.
pub(super) fn world(case: &Case) -> World {
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
                by_hand: BTreeSet::new(),
                app: wanted.app.as_deref().map(name),
                stage: id.facts().stage,
                holds_data: wanted.data,
                id,
                once: None,
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
            terms: Vec::new(),
            next_change: None,
            contributions: Vec::new(),
        },
        live,
        directives,
        limits: Deletions {
            undeclared_at_most: 20,
            undeclared_percent: 10,
            keep_data: Quantity::parse("30", "days").unwrap(),
            span: None,
        },
        schemas,
        sources,
        now: NOW + case.day * DAY,
        grounds: Grounds { namespace: "alternatiba".to_owned(), ..Grounds::default() },
    }
}

fn directives(case: &Case, span: Span) -> Directives {
    let decisions = |texts: &[String], take| {
        let decision = |text: &String| {
            let (kind, name, path, app) = match text.split(' ').collect::<Vec<_>>()[..] {
                [kind, name, path] => (kind, name, path, "cloud"),
                [kind, name, path, app] => (kind, name, path, app),
                _ => panic!("{text}"),
            };
            let app = self::name(app);
            FieldDecision { app, kind: kind.into(), name: name.into(), path: path.into(), take, span }
        };
        texts.iter().map(decision).collect::<Vec<_>>()
    };
    let mut fields = decisions(&case.said.take, true);
    fields.extend(decisions(&case.said.leave, false));
    let apps = case.said.apps.clone().unwrap_or_else(|| vec!["cloud".to_owned(), "pads".to_owned()]);
    Directives {
        apps: apps.iter().map(|app| name(app)).collect(),
        domain: None,
        files: BTreeMap::new(),
        data_names: apps.iter().map(|app| (name(case.said.was.get(app).unwrap_or(app)), name(app))).collect(),
        states: case.said.states.iter().map(|(app, version)| (name(app), state(version))).collect(),
        retired_states: BTreeMap::new(),
        adopt: case
            .said
            .adopt
            .iter()
            .map(|text| text.split_once(' ').unwrap())
            .map(|(kind, name)| Adopt { kind: kind.into(), name: name.into(), span })
            .collect(),
        fields,
        hatches: Vec::new(),
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
    let causes = vec![Cause { field: field.clone(), message: message.clone(), by_rule: false }];
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
            own_fields: fields.map(|fields| OwnFields::of(&fields)).unwrap_or_default().leaving(known.left.clone()),
            holds_data: known.data,
            app: known.app.as_deref().map(name),
            hosts: BTreeSet::new(),
            retired_since: known.retired.map(|day| NOW + day * DAY),
            note: None,
            recovered: known.recovered,
            data: None,
        };
        (id, entry)
    });
    let namespace = case.inventory.iter().find(|known| known.id.starts_with("Namespace "));
    let since = namespace.and_then(|known| Some(NOW + known.retired? * DAY));
    Inventory { entries: entries.collect(), retired_since: since, ..Inventory::default() }
}
