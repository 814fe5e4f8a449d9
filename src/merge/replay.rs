//! The recorded answers of a real API server, step by step, against this module alone.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};

use serde_json::{Value, json};

use super::*;

struct Replay {
    schemas: Schemas,
    store: BTreeMap<String, Value>,
    clock: u32,
    differences: Vec<String>,
    compared: usize,
}

/// The HTTP status that a server answers to an apply that it refuses.
fn status_of(error: &ApplyError) -> u16 {
    match error {
        ApplyError::Conflicts(_) => 409,
        ApplyError::Typed(_) => 500,
        ApplyError::BadRequest(_) => 400,
        ApplyError::UnknownKind { .. } => 404,
    }
}

/// A request's path, taken apart.
struct Target {
    key: String,
    subresource: Option<String>,
    query: BTreeMap<String, String>,
}

fn target(request: &Value) -> Target {
    let (path, query) =
        request["path"].as_str().unwrap().split_once('?').unwrap_or((request["path"].as_str().unwrap(), ""));
    let query =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let prefix = if path.starts_with("/api/") { 3 } else { 4 };
    let parts: Vec<&str> = path.split('/').collect();
    let rest = &parts[prefix.min(parts.len())..];
    let in_namespace =
        rest.first() == Some(&"namespaces") && rest.len() > 2 && !["status", "finalize"].contains(&rest[2]);
    let name_at = if in_namespace { 3 } else { 1 };
    let subresource = rest.get(name_at + 1).map(|s| (*s).to_owned());
    let mut key = path.to_owned();
    if let Some(subresource) = &subresource {
        key.truncate(key.len() - subresource.len() - 1);
    } else if request["method"] == "POST" {
        let name = request["body"].pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        key = format!("{key}/{name}");
    }
    Target { key, subresource, query }
}

impl Replay {
    fn new() -> Self {
        Self { schemas: Schemas::builtin(), store: BTreeMap::new(), clock: 0, differences: Vec::new(), compared: 0 }
    }

    fn file(&mut self, recording: &Value) {
        for step in recording["steps"].as_array().unwrap() {
            if let Some(during) = step.pointer("/watch/during").and_then(Value::as_array) {
                for step in during {
                    self.step(&recording["name"], step);
                }
            } else {
                self.step(&recording["name"], step);
            }
        }
    }

    fn step(&mut self, recording: &Value, step: &Value) {
        let (request, response) = (&step["request"], &step["response"]);
        let what = format!("{recording}: {}", step["step"]);
        let body = &response["body"];
        let target = target(request);
        match request["method"].as_str() {
            Some("DELETE") if response["status"] == 200 && !target.query.contains_key("dryRun") => {
                self.store.retain(|key, _| *key != target.key);
            }
            // What controllers and the server itself wrote meanwhile.
            Some("GET") if body.get("metadata").is_some_and(|m| m.get("uid").is_some()) => {
                if let Some(object) = self.store.get_mut(&target.key) {
                    object["metadata"]["resourceVersion"] = body["metadata"]["resourceVersion"].clone();
                }
            }
            Some("POST" | "PUT" | "PATCH") if request["body"].is_object() || request["body"].is_array() => {
                self.write(&what, request, response, &target);
            }
            _ => {}
        }
    }

    fn write(&mut self, what: &str, request: &Value, response: &Value, target: &Target) {
        self.clock += 1;
        let now = format!("2026-01-01T00:{:02}:{:02}Z", self.clock / 60, self.clock % 60);
        let live = self.store.get(&target.key).cloned();
        let result = self.ask(request, target, live.as_ref(), &now);
        let status = response["status"].as_u64().unwrap();
        let Some(result) = result else { return };
        match result {
            Ok(object) if status < 300 => self.compare(what, response, target, live.as_ref(), object),
            Ok(_) => {
                let told = response.pointer("/body/details/causes/0/reason") == Some(&json!("FieldManagerConflict"));
                // The rest is refused by what stands around the merge.
                if told || (status == 500) {
                    self.differences.push(format!("{what}: should be refused: {}", response["body"]["message"]));
                }
            }
            Err(error) => self.compare_error(what, response, &error),
        }
    }

    fn ask(
        &self,
        request: &Value,
        target: &Target,
        live: Option<&Value>,
        now: &str,
    ) -> Option<Result<Value, ApplyError>> {
        let manager = target.query.get("fieldManager").map_or("unknown", String::as_str);
        let subresource = target.subresource.as_deref();
        if subresource.is_some_and(|s| s != "status" && s != "scale") {
            return None;
        }
        let body = &request["body"];
        let options = UpdateOptions { manager, subresource, now };
        let path = Path::of_fields(["spec", "replicas"]);
        let view = (subresource == Some("scale")).then(|| scale_of(live.unwrap(), &path));
        let base = view.as_ref().or(live);
        let result = match request["contentType"].as_str()? {
            "application/apply-patch+yaml" => {
                target.query.get("fieldManager")?;
                let force = target.query.get("force").is_some_and(|force| force == "true");
                apply(&self.schemas, base, body, &ApplyOptions { manager, force, subresource, now })
            }
            "application/merge-patch+json" => {
                update(&self.schemas, base, json_merge_patch(base?.clone(), body), &options)
            }
            "application/strategic-merge-patch+json" => strategic_merge_patch(&self.schemas, base?.clone(), body)
                .and_then(|patched| update(&self.schemas, base, patched, &options)),
            "application/json-patch+json" => {
                let mut patched = base?.clone();
                json_patch::patch(&mut patched, &serde_json::from_value::<json_patch::Patch>(body.clone()).ok()?)
                    .ok()?;
                update(&self.schemas, base, patched, &options)
            }
            _ => {
                self.schemas.of(body)?;
                update(&self.schemas, base, body.clone(), &options)
            }
        };
        match view {
            Some(view) => Some(result.map(|scale| {
                if scale == view { live.unwrap().clone() } else { write_scale(live.unwrap().clone(), &scale, &path) }
            })),
            None => Some(result),
        }
    }

    fn compare(&mut self, what: &str, response: &Value, target: &Target, live: Option<&Value>, mut object: Value) {
        let wanted = &response["body"];
        if wanted.get("metadata").is_none() {
            return;
        }
        let same_version =
            live.map(|live| &live["metadata"]["resourceVersion"]) == Some(&wanted["metadata"]["resourceVersion"]);
        let dry = target.query.contains_key("dryRun");
        let is_same = live == Some(&object);
        let written_anew = is_same && WRITTEN_ANEW.contains(&object["kind"].as_str().unwrap_or_default());
        if !dry && !written_anew && same_version != is_same {
            self.differences.push(format!("{what}: version stays: {same_version}, but the object is {object:#}"));
        }
        // The server behind the merge gives these.
        for name in ["uid", "resourceVersion", "generation", "creationTimestamp", "namespace"] {
            if let Some(value) = wanted["metadata"].get(name) {
                object["metadata"][name] = value.clone();
            }
        }
        if wanted["kind"] == object["kind"] {
            self.compared += 1;
            let (mut wanted, mut got) = (comparable(wanted), comparable(&object));
            match live {
                None => given_by_stores(&mut wanted, &mut got),
                Some(_) => take_from_stores(&wanted, &mut got, Value::is_null),
            }
            if wanted != got {
                self.differences.push(format!("{what}:\nwanted {wanted:#}\ngot    {got:#}"));
            }
        }
        if !dry {
            if object["kind"] == "CustomResourceDefinition" {
                self.schemas.add_crd(&object).unwrap();
            }
            if let Some(finalizers) = wanted.pointer("/metadata/finalizers") {
                object["metadata"]["finalizers"] = finalizers.clone();
            }
            take_from_stores(wanted, &mut object, |_| true);
            self.store.insert(target.key.clone(), object);
        }
    }

    fn compare_error(&mut self, what: &str, response: &Value, error: &ApplyError) {
        let body = &response["body"];
        // Rights, names and strictness are looked at before.
        if matches!(body["code"].as_u64(), Some(400 | 403 | 404 | 422)) {
            return;
        }
        if body["message"] != json!(error.to_string()) || body["code"] != json!(status_of(error)) {
            self.differences.push(format!(
                "{what}: wanted {} {}, got {} {error}",
                body["code"],
                body["message"],
                status_of(error)
            ));
        }
        let ApplyError::Conflicts(conflicts) = error else { return };
        let mut causes: Vec<Value> = conflicts
            .iter()
            .map(|one| json!({ "reason": "FieldManagerConflict", "message": one.message(), "field": one.path.to_string() }))
            .collect();
        let mut wanted = body["details"]["causes"].as_array().cloned().unwrap_or_default();
        causes.sort_by_key(Value::to_string);
        wanted.sort_by_key(Value::to_string);
        assert_eq!(causes, wanted, "{what}");
        self.compared += 1;
    }
}

/// Entries as a set, times alike.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(entries) = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut) {
        for entry in entries.iter_mut() {
            if entry.get("time").is_some() {
                entry["time"] = json!("<time>");
            }
        }
        entries.sort_by_key(Value::to_string);
    }
    let conditions = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten().filter(|condition| condition["lastTransitionTime"].is_string()) {
        condition["lastTransitionTime"] = json!("<time>");
    }
    object
}

/// Kinds whose objects a real server writes anew although nothing of them differs: policies with empty lists, and claims
/// whose amount is stored as it was sent.
const WRITTEN_ANEW: [&str; 2] = ["NetworkPolicy", "PersistentVolumeClaim"];

/// Where a store writes into objects of a kind, beyond the reach of a merge.
fn places_of_stores(kind: &Value) -> &'static [&'static [&'static str]] {
    match kind.as_str().unwrap_or_default() {
        "Namespace" => &[&["spec"]],
        "SelfSubjectAccessReview" => &[&["status"]],
        "PersistentVolumeClaim" => &[&["metadata", "finalizers"]],
        "Service" => {
            &[&["spec", "clusterIP"], &["spec", "clusterIPs"], &["spec", "ipFamilies"], &["spec", "ipFamilyPolicy"]]
        }
        "Job" => &[&["metadata", "labels"], &["spec", "selector"], &["spec", "template", "metadata"]],
        _ => &[],
    }
}

/// Gives an object what the store gave to the one recorded, where `takes` says so of what it has.
fn take_from_stores(wanted: &Value, object: &mut Value, takes: fn(&Value) -> bool) {
    for path in places_of_stores(&wanted["kind"]) {
        let Some(value) = path.iter().try_fold(wanted, |at, name| at.get(*name)) else { continue };
        let (last, parents) = path.split_last().unwrap();
        let parent = parents.iter().fold(&mut *object, |at, name| &mut at[*name]);
        if takes(&parent[*last]) {
            parent[*last] = value.clone();
        }
    }
}

/// Takes out of both what a store adds.
fn given_by_stores(wanted: &mut Value, got: &mut Value) {
    for path in places_of_stores(&wanted["kind"].clone()) {
        for object in [&mut *wanted, &mut *got] {
            let (last, parents) = path.split_last().unwrap();
            let parent = parents.iter().try_fold(object, |at, name| at.get_mut(*name));
            if let Some(parent) = parent.and_then(Value::as_object_mut) {
                parent.remove(*last);
            }
        }
    }
}

/// The JSON files of a folder, sorted by name; `None` where there is no such folder.
#[expect(clippy::disallowed_methods, reason = "the recordings are files beside the tests")]
fn read_folder(folder: &FilePath) -> Option<Vec<Value>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    let read = |path: &PathBuf| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    Some(files.iter().map(read).collect())
}

/// Replays recordings on a merge that knows these definitions. Returns how many answers were compared.
fn replayed(recordings: &[Value], definitions: &[Value]) -> usize {
    let mut differences = Vec::new();
    let mut compared = 0;
    for recording in recordings {
        let mut replay = Replay::new();
        for definition in definitions {
            replay.schemas.add_crd(definition).unwrap();
        }
        replay.file(recording);
        differences.extend(replay.differences);
        compared += replay.compared;
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n\n"));
    println!("{compared} recorded answers compared");
    compared
}

#[test]
fn every_recorded_write_gives_what_the_real_server_gave() {
    let folder = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/conformance");
    let compared = replayed(&read_folder(&folder).unwrap(), &[]);
    assert!(compared >= 80, "only {compared} answers were compared");
}

#[test]
fn every_write_recorded_later_gives_what_the_real_server_gave() {
    let shared = std::env::var_os("PARCELLE_SHARED")
        .map_or_else(|| FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let read = |folder: &str| read_folder(&shared.join(folder));
    let (Some(second), Some(operators)) = (read("conformance/second"), read("conformance/operators")) else {
        println!("skipped: the later recordings are not beside the repository");
        return;
    };
    let compared = replayed(&second, &[]) + replayed(&operators, &read("crds").unwrap());
    assert!(compared >= 800, "only {compared} answers were compared");
}
