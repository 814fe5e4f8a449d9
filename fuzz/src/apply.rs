//! Writes of several managers to one object of a built-in or custom kind: nothing panics, and the laws of apply hold.

use arbitrary::{Result, Unstructured};
use serde_json::{Value, json};

use crate::merge::{
    ApplyError, ApplyOptions, Schemas, UpdateOptions, apply, json_merge_patch, own_fields, owned,
    strategic_merge_patch, update, would_change,
};
use crate::{any, fitting, schema};

const KINDS: &[(&str, &str)] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("v1", "PersistentVolumeClaim"),
    ("f.io/v1", "Fuzz"),
];
const WORDS: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "template",
    "containers",
    "name",
    "labels",
    "annotations",
    "env",
    "ports",
    "containerPort",
    "protocol",
    "managedFields",
    "fieldsV1",
    "f:spec",
    "k:{\"name\":\"a\"}",
    ".",
    "manager",
    "operation",
    "replicas",
    "resources",
    "requests",
    "cpu",
    "data",
    "stringData",
    "$patch",
    "$retainKeys",
    "$setElementOrder/containers",
    "$deleteFromPrimitiveList/args",
    "ownerReferences",
    "uid",
    "finalizers",
];

/// With `SHOW` in the environment every step is printed, to read what a crash did.
fn show(step: impl FnOnce() -> String) {
    if std::env::var_os("SHOW").is_some() {
        eprintln!("{}", step());
    }
}

struct World {
    schemas: Schemas,
    version: &'static str,
    kind: &'static str,
    live: Option<Value>,
    hour: u32,
}

impl World {
    fn new(u: &mut Unstructured<'_>) -> Result<Self> {
        let (version, kind) = *u.choose(KINDS)?;
        let mut schemas = Schemas::builtin();
        if kind == "Fuzz" {
            let mut root = json!({"type": "object", "properties": {"spec": schema(u, 0)?}});
            if u.arbitrary()? {
                let mut status = schema(u, 1)?;
                // A real server puts this default there when it reads, which is not the merge's part.
                status.as_object_mut().map(|status| status.remove("default"));
                root["properties"]["status"] = status;
            }
            let subresources = if u.arbitrary()? { json!({"status": {}}) } else { json!({}) };
            let version = json!({"name": "v1", "schema": {"openAPIV3Schema": root}, "subresources": subresources});
            let definition = json!({"spec": {"group": "f.io", "names": {"kind": "Fuzz"}, "versions": [version]}});
            show(|| definition.to_string());
            schemas.add_crd(&definition).expect("a schema with a structure");
        }
        Ok(Self { schemas, version, kind, live: None, hour: 0 })
    }

    fn body(&self, u: &mut Unstructured<'_>) -> Result<Value> {
        let of = self.schemas.kind(self.version, self.kind).expect("a known kind");
        let mut body = if u.ratio(1, 8)? { any(u, WORDS, 0)? } else { fitting(u, &of, of.root(), 0)? };
        if !body.is_object() {
            body = json!({});
        }
        body["apiVersion"] = json!(self.version);
        body["kind"] = json!(self.kind);
        if !body["metadata"].is_object() {
            body["metadata"] = json!({});
        }
        body["metadata"]["name"] = json!("a");
        for words in ["labels", "annotations"] {
            if u.ratio(1, 4)? {
                body["metadata"][words] = json!({*u.choose(&["l", "m"])?: *u.choose(&["1", "2", ""])?});
            }
        }
        if u.ratio(1, 8)? {
            body["metadata"]["finalizers"] = json!([*u.choose(&["x/y", "z"])?]);
        }
        Ok(body)
    }

    fn time(&mut self) -> String {
        self.hour += 1;
        format!("2026-01-{:02}T{:02}:00:00Z", 1 + self.hour / 24, self.hour % 24)
    }

    fn apply(&mut self, manager: &str, force: bool, subresource: Option<&str>, body: &Value) {
        show(|| format!("apply {subresource:?} as {manager}, force {force}: {body}"));
        let (now, later) = (self.time(), self.time());
        let with = |force, now| ApplyOptions { manager, force, subresource, now };
        let after = match apply(&self.schemas, self.live.as_ref(), body, &with(force, &now)) {
            Ok(after) => after,
            Err(ApplyError::Conflicts(conflicts)) => {
                assert!(!force && !conflicts.is_empty(), "{conflicts:?}");
                return;
            }
            Err(_) => return,
        };
        if !force {
            let forced = apply(&self.schemas, self.live.as_ref(), body, &with(true, &now));
            assert_eq!(forced.as_ref(), Ok(&after), "force changes nothing where nothing conflicts");
        }
        if says_only_its_part(body, subresource) && holds_what_was_said(&self.schemas, &after, body) {
            let again = apply(&self.schemas, Some(&after), body, &with(force, &later));
            assert_eq!(again.as_ref(), Ok(&after), "applied twice: {body}");
            if subresource.is_none() {
                assert!(!would_change(&self.schemas, &after, body, manager), "{body}");
                let said = own_fields(&self.schemas, body).expect("it was applied");
                assert_eq!(owned(&after, manager).unwrap_or_default(), said, "{body}");
            }
        }
        show(|| format!("  gives {after}"));
        self.live = Some(after);
    }

    fn update(&mut self, manager: &str, subresource: Option<&str>, wanted: Value) {
        show(|| format!("update {subresource:?} as {manager}: {wanted}"));
        let now = self.time();
        let options = UpdateOptions { manager, subresource, now: &now };
        // A server refuses values of the wrong type before it merges them.
        let fits = own_fields(&self.schemas, &wanted).is_ok();
        let Ok(after) = update(&self.schemas, self.live.as_ref(), wanted, &options) else { return };
        if !fits {
            return;
        }
        let later = self.time();
        let options = UpdateOptions { manager, subresource, now: &later };
        let again = update(&self.schemas, Some(&after), after.clone(), &options);
        assert_eq!(again.as_ref(), Ok(&after), "updated with itself");
        self.live = Some(after);
    }

    fn step(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let manager = *u.choose(&["us", "them", "kubectl"])?;
        let subresource = if self.live.is_some() && u.ratio(1, 6)? { Some("status") } else { None };
        let mut body = self.body(u)?;
        if !u.ratio(1, 10)? {
            match subresource {
                None => drop(body.as_object_mut().and_then(|body| body.remove("status"))),
                Some(_) => {
                    body.as_object_mut().map(|body| body.retain(|name, _| name != "spec" && name != "data"));
                    body["metadata"] = json!({"name": "a"});
                }
            }
        }
        match u.int_in_range(0..=5)? {
            0..=2 => self.apply(manager, u.arbitrary()?, subresource, &body),
            3 => {
                // An update carries what the server manages.
                let mut wanted = body;
                if let Some(entries) = self.live.as_ref().and_then(|live| live["metadata"].get("managedFields")) {
                    wanted["metadata"]["managedFields"] = entries.clone();
                }
                self.update(manager, subresource, wanted);
            }
            4 => {
                let live = self.live.clone().unwrap_or_else(|| json!({}));
                self.update(manager, subresource, json_merge_patch(live, &body));
            }
            _ => {
                let live = self.live.clone().unwrap_or_else(|| json!({}));
                if let Ok(wanted) = strategic_merge_patch(&self.schemas, live, &body) {
                    self.update(manager, subresource, wanted);
                }
            }
        }
        Ok(())
    }
}

/// Whether a body says nothing of what that way of writing leaves alone. What it does say of that is merged first and
/// put back afterwards, so that a server counts the apply as a change every time.
fn says_only_its_part(body: &Value, subresource: Option<&str>) -> bool {
    // The same goes for nulls, which are owned and not kept.
    if has_null(body) {
        return false;
    }
    match subresource {
        None => body.get("status").is_none(),
        Some(_) => {
            let names = |value: &Value| value.as_object().map_or(0, serde_json::Map::len);
            names(body) == 3 + usize::from(body.get("status").is_some()) && names(&body["metadata"]) == 1
        }
    }
}

/// Whether the object holds what the body says, and who said so. Where nobody owns anything, the next apply gives
/// everything to those before it; a map or list that is said to be empty goes when its last member does, as in the
/// server's library, and comes back with the next apply.
fn holds_what_was_said(schemas: &Schemas, after: &Value, body: &Value) -> bool {
    let said = own_fields(schemas, body).expect("it was applied").paths();
    after["metadata"].get("managedFields").is_some()
        && said.iter().all(|path| path.get(after).is_some_and(|value| !value.is_null()))
        && (body["kind"] != "Fuzz" || has_members(after, body))
}

/// Whether all members of maps are there.
fn has_members(after: &Value, body: &Value) -> bool {
    body.as_object().into_iter().flatten().all(|(name, value)| {
        let there = after.get(name);
        there.is_some_and(|there| !there.is_null() && has_members(there, value))
    })
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(map) => map.values().any(has_null),
        _ => false,
    }
}

/// Objects that no server would hold: only that nothing panics.
fn anything(u: &mut Unstructured<'_>) -> Result<()> {
    let schemas = Schemas::builtin();
    let (version, kind) = *u.choose(&KINDS[..KINDS.len() - 1])?;
    let mut object = || -> Result<Value> {
        let mut object = any(u, WORDS, 0)?;
        if object.is_object() {
            (object["apiVersion"], object["kind"]) = (json!(version), json!(kind));
        }
        Ok(object)
    };
    let (live, body) = (object()?, object()?);
    let options = ApplyOptions { manager: "us", force: u.arbitrary()?, subresource: None, now: "2026-01-01T00:00:00Z" };
    let _ = apply(&schemas, Some(&live), &body, &options);
    let _ = would_change(&schemas, &live, &body, "us");
    let _ = strategic_merge_patch(&schemas, live.clone(), &body);
    let options = UpdateOptions { manager: "us", subresource: None, now: "2026-01-01T00:00:00Z" };
    let _ = update(&schemas, Some(&live), body.clone(), &options);
    let _ = Schemas::builtin().add_crd(&body);
    Ok(())
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    if u.ratio(1, 6)? {
        return anything(u);
    }
    let mut world = World::new(u)?;
    for _ in 0..8 {
        if u.is_empty() {
            break;
        }
        world.step(u)?;
    }
    Ok(())
}

/// Runs the target on the fuzzer's bytes.
pub fn check(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}
