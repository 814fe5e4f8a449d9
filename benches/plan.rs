//! Deciding over 4,500 objects that are as they should be, and over the same with one field changed in each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use parcelle::merge::{self, ApplyOptions, Schemas};
use parcelle::model::Deletions;
use parcelle::name::Name;
use parcelle::plan::{self, Directives, Entry, Input, Inventory, Live, LiveObject, OwnFields, Presence};
use parcelle::quantity::Quantity;
use parcelle::render::{Object, ObjectId, OrganisationObjects, Origins, Stage};
use parcelle::source::Sources;
use serde_json::{Value, json};

const OBJECTS: usize = 45;
const ORGANISATIONS: usize = 100;

fn body(at: usize, replicas: u64) -> Value {
    let name = format!("cloud-{at}");
    let container = |part: &str| {
        json!({"name": part, "image": "docker.io/library/nextcloud:33.0.7-apache", "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}],
            "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
            "volumeMounts": [{"name": "html", "mountPath": "/var/www/html"}],
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}})
    };
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "o", "labels": {"parcelle.dev/garden": "g", "app.kubernetes.io/name": name}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [container("app"), container("side")], "volumes": [{"name": "html", "emptyDir": {}}]}}}})
}

struct World {
    desired: OrganisationObjects,
    live: Live,
    inventory: Inventory,
}

/// One organisation, with so many replicas in the garden and two in the cluster.
fn world(schemas: &Schemas, replicas: u64) -> World {
    let mut objects = Vec::new();
    let (mut live, mut inventory) = (Live::default(), Inventory::default());
    for at in 0..OBJECTS {
        let id = ObjectId {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "o".into(),
            name: format!("cloud-{at}").into(),
        };
        let applied = body(at, 2);
        let options =
            ApplyOptions { manager: plan::MANAGER, force: false, subresource: None, now: "2026-01-01T00:00:00Z" };
        let mut there = merge::apply(schemas, None, &applied, &options).expect("a Deployment applies");
        there["metadata"]["uid"] = "u".into();
        live.objects.insert(id.clone(), LiveObject::new(Arc::new(there)));
        let fields = merge::own_fields(schemas, &applied).expect("a Deployment has fields");
        let entry = Entry {
            presence: Presence::Known { uid: "u".to_owned(), nonce: None },
            desired_hash: plan::hash_of(&applied),
            own_fields: OwnFields::of(&fields),
            holds_data: false,
            app: None,
            hosts: std::collections::BTreeSet::new(),
            retired_since: None,
            note: None,
            recovered: false,
            data: None,
        };
        inventory.entries.insert(id.clone(), entry);
        objects.push(Object {
            body: body(at, replicas),
            origins: Origins::default(),
            by_hand: BTreeSet::default(),
            once: None,
            app: None,
            stage: Stage::Workload,
            holds_data: false,
            id,
        });
    }
    let name = |text| Name::new(text).expect("a name");
    let desired = OrganisationObjects {
        organisation: name("o"),
        cluster: name("c"),
        namespace: "o".into(),
        objects,
        secrets: Vec::new(),
        held: BTreeMap::new(),
        waiting: BTreeMap::new(),
        retired: BTreeMap::new(),
        states: BTreeMap::new(),
        terms: Vec::new(),
        contributions: Vec::new(),
        next_change: None,
    };
    World { desired, live, inventory }
}

fn decide(schemas: &Schemas, world: &World) -> usize {
    let garden = Name::new("g").expect("a name");
    let keep_data = Quantity::parse("30", "days").expect("a duration");
    let limits = Deletions { undeclared_at_most: 20, undeclared_percent: 10, keep_data, span: None };
    let input = Input {
        garden: &garden,
        commit: "c",
        renderer_hash: "r",
        desired: &world.desired,
        live: &world.live,
        inventory: &world.inventory,
        directives: &Directives { clean: true, ..Directives::default() },
        limits: &limits,
        now: 0,
        schemas,
        sources: &Sources::default(),
    };
    (0..ORGANISATIONS)
        .map(|_| plan::organisation(&input).actions.iter().filter(|action| action.verb().writes()).count())
        .sum()
}

fn plans(criterion: &mut Criterion) {
    let schemas = Schemas::builtin();
    let (same, changed) = (world(&schemas, 2), world(&schemas, 3));
    assert_eq!(decide(&schemas, &same), 0);
    assert_eq!(decide(&schemas, &changed), OBJECTS * ORGANISATIONS);
    criterion.bench_function("4,500 Deployments as they should be", |bench| bench.iter(|| decide(&schemas, &same)));
    criterion
        .bench_function("4,500 Deployments with one field changed", |bench| bench.iter(|| decide(&schemas, &changed)));
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = plans }
criterion_main!(benches);
