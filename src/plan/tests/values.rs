//! No value of a field that is not ours is in a plan or in what is kept: others write canaries wherever the schema lets them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Case, World, world};
use crate::merge::{self, ListKind, ScalarKind, Schemas, TypeId, TypeShape, TypeTable, UpdateOptions};
use crate::plan::state::kept::kept;
use crate::plan::*;

/// What no text may hold.
const CANARY: &str = "canary";

/// Writes canaries into the fields of one object that nobody asks for, and into what ours tells a process.
struct Planter<'a> {
    table: &'a TypeTable,
    /// Which of the places are written to.
    picks: Vec<bool>,
    place: usize,
}

impl Planter<'_> {
    fn picks(&mut self) -> bool {
        self.place += 1;
        self.picks.is_empty() || self.picks[self.place % self.picks.len()]
    }

    fn value(&self) -> Value {
        format!("{CANARY}-{}", self.place).into()
    }

    /// A value of a type that is somebody else's; `None` where a text cannot stand.
    fn made(&self, of: TypeId) -> Option<Value> {
        let schema = self.table.get(of);
        match &schema.shape {
            TypeShape::Scalar(ScalarKind::String) if schema.allowed.is_empty() => Some(self.value()),
            TypeShape::List(list) => Some(json!([self.made(list.items)?])),
            TypeShape::Map(object) if object.fields.is_empty() => Some(json!({"theirs": self.made(object.values?)?})),
            _ => None,
        }
    }

    fn plant(&mut self, of: TypeId, live: &mut Value, told: bool) {
        match (&self.table.get(of).shape, live) {
            (TypeShape::Map(object), Value::Object(map)) => {
                for (name, value) in map.iter_mut().filter(|(name, _)| !is_of_server(name)) {
                    let told = told || matches!(&**name, "env" | "args" | "command");
                    object.child(name).into_iter().for_each(|of| self.plant(of, value, told));
                }
                let absent: Vec<_> = object.fields.iter().filter(|(name, _)| !map.contains_key(&***name)).collect();
                for (name, field) in absent.into_iter().filter(|(name, _)| !is_of_server(name)) {
                    let value = self.made(field.of).filter(|_| self.picks());
                    value.into_iter().for_each(|value| drop(map.insert(name.to_string(), value)));
                }
                if let Some(value) = object.values.and_then(|of| self.made(of)).filter(|_| self.picks()) {
                    map.insert(format!("theirs-{}", self.place), value);
                }
            }
            (TypeShape::List(list), Value::Array(items)) => {
                items.iter_mut().for_each(|item| self.plant(list.items, item, told));
                let more = match (&list.kind, items.first()) {
                    (_, None) => None,
                    (_, Some(first)) if first.is_object() => Some(self.like(first)),
                    (ListKind::Atomic | ListKind::Set | ListKind::Map(_), Some(_)) => self.made(list.items),
                };
                items.extend(more.filter(|_| self.picks()));
            }
            (TypeShape::Scalar(ScalarKind::String), text @ Value::String(_)) if told && text != "A" && self.picks() => {
                *text = self.value();
            }
            _ => {}
        }
    }

    /// An item like another one: its name is one, all other texts are canaries.
    fn like(&self, item: &Value) -> Value {
        match item {
            Value::Object(map) => {
                let other = |(name, value): (&String, &Value)| match &**name {
                    "name" => (name.clone(), format!("theirs-{}", self.place).into()),
                    "containerPort" | "port" => (name.clone(), (1000 + self.place).into()),
                    "protocol" | "operator" | "type" | "imagePullPolicy" => (name.clone(), value.clone()),
                    _ => (name.clone(), self.like(value)),
                };
                Value::Object(map.iter().map(other).collect())
            }
            Value::Array(items) => items.iter().map(|item| self.like(item)).collect(),
            Value::String(_) => self.value(),
            other => other.clone(),
        }
    }
}

fn is_of_server(name: &str) -> bool {
    let names = ["apiVersion", "kind", "status", "managedFields", "name", "namespace", "uid", "resourceVersion"];
    let more = ["generateName", "selfLink", "creationTimestamp", "deletionTimestamp", "ownerReferences"];
    // What one of several may be is for the tests of unions.
    let unions = ["type", "valueFrom", "value", "clusterIP", "clusterIPs", "matchLabels", "matchExpressions"];
    names.contains(&name) || more.contains(&name) || unions.contains(&name)
}

/// What we applied, and what we would apply: values that move, items that come and go.
fn asked(second: bool) -> Vec<(&'static str, Value)> {
    let (image, host) = if second { ("app:2", "b") } else { ("app:1", "a") };
    let pod = json!({
        "metadata": {"labels": {"a": "b"}, "annotations": {"ours": host}},
        "spec": {"nodeSelector": {"disk": host}, "hostAliases": [{"ip": "10.0.0.1", "hostnames": [host]}],
            "volumes": [{"name": "data", "emptyDir": {}}, {"name": host, "configMap": {"name": "c"}}],
            "containers": [{"name": "app", "image": image, "args": ["--a", host], "command": ["run"],
                "env": [{"name": "A", "value": host}, {"name": "B", "value": "2"}], "ports": [{"containerPort": 80}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "livenessProbe": {"httpGet": {"port": 80, "path": "/", "httpHeaders": [{"name": "H", "value": host}]}}}]},
    });
    vec![
        ("Deployment web", json!({"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pod}})),
        ("CronJob tick", json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": pod}}}})),
        ("ConfigMap settings", json!({"data": {"colour": host}})),
        (
            "NetworkPolicy web",
            json!({"spec": {"podSelector": {"matchLabels": {"a": host}}, "policyTypes": ["Ingress"], "ingress": [
            {"from": [{"podSelector": {"matchLabels": {"a": "b", "c": host}}}], "ports": [{"port": 80, "protocol": "TCP"}]},
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]}]}}),
        ),
        ("Service web", json!({"spec": {"selector": {"a": host}, "ports": [{"name": "http", "port": 80}]}})),
    ]
}

/// The world in which the first was applied, others wrote, and the second is asked for.
fn planted(picks: &[bool]) -> World {
    let objects = |asked: Vec<(&str, Value)>| -> Vec<Value> {
        asked.into_iter().map(|(id, body)| json!({"id": id, "app": "cloud", "body": body})).collect()
    };
    let mut case = json!({"is": "", "desired": objects(asked(true)), "live": objects(asked(false)),
        "inventory": objects(asked(false))});
    case["live"].as_array_mut().unwrap().iter_mut().for_each(|one| drop(one.as_object_mut().unwrap().remove("app")));
    let mut world = world(&serde_json::from_value::<Case>(case).unwrap());
    let schemas = Schemas::builtin();
    for live in world.live.objects.values_mut() {
        let mut after = (*live.body).clone();
        let of = schemas.of(&live.body).unwrap();
        let mut planter = Planter { table: of.table(), picks: picks.to_vec(), place: 0 };
        planter.plant(of.root(), &mut after, false);
        let options = UpdateOptions { manager: "kubectl-edit", subresource: None, now: "2026-01-01T00:00:00Z" };
        let after = merge::update(&schemas, Some(&live.body), after, &options).unwrap();
        *live = LiveObject::new(after);
    }
    world
}

/// Everything that is told of a plan, and everything that is kept of what is live.
fn told(world: &World) -> Vec<String> {
    let plan = organisation(&world.input());
    let findings = plan.findings.iter().map(|finding| format!("{finding:?}"));
    let objects = world.live.objects.iter().map(|(id, live)| {
        let wanted = world.desired.objects.iter().find(|object| object.id == *id);
        kept(&Schemas::builtin(), &live.body, wanted.map(|object| &object.body)).to_string()
    });
    [serde_json::to_string_pretty(&plan).unwrap()].into_iter().chain(findings).chain(objects).collect()
}

fn assert_silent(world: &World) {
    for text in told(world) {
        let at = text.find(CANARY).map(|at| &text[at.saturating_sub(300)..(at + 100).min(text.len())]);
        assert_eq!(at, None, "{text}");
    }
}

#[test]
fn names_of_what_others_put_in_are_not_kept() {
    let world = planted(&[]);
    for (id, live) in &world.live.objects {
        let wanted = world.desired.objects.iter().find(|object| object.id == *id).map(|object| &object.body);
        assert!(live.body.to_string().contains("theirs"), "{id}");
        let kept = kept(&Schemas::builtin(), &live.body, wanted).to_string();
        let at = kept.find("theirs").map(|at| &kept[at.saturating_sub(200)..(at + 60).min(kept.len())]);
        assert_eq!(at, None, "{id}");
    }
}

#[test]
fn canaries_of_others_everywhere_are_in_no_plan_and_in_nothing_that_is_kept() {
    let world = planted(&[]);
    let count = |text: &str| text.matches(CANARY).count();
    let planted: usize = world.live.objects.values().map(|live| count(&live.body.to_string())).sum();
    assert!(planted > 150, "{planted} canaries");
    assert_silent(&world);
}

#[test]
fn an_object_that_is_adopted_or_no_longer_asked_for_tells_none_either() {
    let mut world = planted(&[]);
    world.inventory.entries.clear();
    assert_silent(&world);
    let mut world = planted(&[]);
    world.desired.objects.clear();
    assert_silent(&world);
}

#[test]
fn what_is_kept_comes_to_the_same_plan_but_for_what_is_not_shown() {
    let mut world = planted(&[]);
    let verbs = |world: &World| -> Vec<String> {
        let plan = organisation(&world.input());
        plan.actions.iter().map(|action| format!("{:?} {} {}", action.verb(), action.id, action.reason())).collect()
    };
    let live = verbs(&world);
    for (id, live) in &mut world.live.objects {
        let wanted = world.desired.objects.iter().find(|object| object.id == *id);
        *live = LiveObject::new(kept(&Schemas::builtin(), &live.body, wanted.map(|object| &object.body)));
    }
    assert_eq!(verbs(&world), live);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn canaries_of_others_anywhere_are_in_no_plan_and_in_nothing_that_is_kept(picks in proptest::collection::vec(any::<bool>(), 7..40)) {
        assert_silent(&planted(&picks));
    }
}
