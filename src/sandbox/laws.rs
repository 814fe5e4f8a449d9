//! Laws that hold for every write, whoever sends it: parts of objects by several managers, with zeros, nulls and empties among
//! them. The server of the sandbox and the structured merge are held against each other and against what an apply promises.
//!
//! `PARCELLE_PROPERTY_CASES` says how many cases are tried; each is a few writes to one object.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    access::User,
    bootstrap::bootstrap,
    generation,
    http::{Call, Encoding},
    patch,
    reply::Reply,
    route::{Query, ResourcePath},
    server::{Clock, Server},
    status::Status,
    store::{Key, Store},
    validate,
    write::live_of,
};
use crate::merge::{self, ApplyError, ApplyOptions, FieldSet, UpdateOptions, would_change};

const NOW: &str = "2026-01-01T00:00:00Z";
const MANAGERS: [&str; 3] = ["parcelle", "other", "kubectl-edit"];

/// Bodies of each resource as a real server was sent them.
static PARTS: LazyLock<BTreeMap<String, Vec<Value>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../tests/cases/merge/parts.json")).expect("the parts are JSON")
});

/// What is done to one place of a body before it is sent.
#[derive(Clone, Copy, Debug)]
enum Edit {
    Remove,
    Null,
    /// The zero of its type: `0`, `""`, `false`, `[]`, `{}`.
    Zero,
    /// The value that another body has there.
    Other(usize),
}

#[derive(Clone, Copy, Debug)]
enum Means {
    Apply {
        force: bool,
    },
    MergePatch,
    StrategicPatch,
    /// An apply of nothing but the name: the manager gives up what it owns.
    Leave,
}

/// One write: by whom, how, which body, and what is changed in it.
#[derive(Clone, Debug)]
struct Step {
    manager: usize,
    means: Means,
    body: usize,
    edits: Vec<(usize, Edit)>,
}

fn step() -> impl Strategy<Value = Step> {
    let means = prop_oneof![
        5 => any::<bool>().prop_map(|force| Means::Apply { force }),
        1 => Just(Means::MergePatch),
        1 => Just(Means::StrategicPatch),
        1 => Just(Means::Leave),
    ];
    let edit = prop_oneof![
        3 => Just(Edit::Remove),
        1 => Just(Edit::Null),
        2 => Just(Edit::Zero),
        1 => (0..8_usize).prop_map(Edit::Other),
    ];
    let edits = vec((0..400_usize, edit), 0..5);
    (0..MANAGERS.len(), means, 0..8_usize, edits).prop_map(|(manager, means, body, edits)| Step {
        manager,
        means,
        body,
        edits,
    })
}

fn steps() -> impl Strategy<Value = (String, Vec<Step>)> {
    let resources: Vec<String> = PARTS.keys().cloned().collect();
    (prop::sample::select(resources), vec(step(), 1..6))
}

/// Every place of a body that may be edited.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    let mut below = |name: &str, value: &Value| {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if !matches!(at.as_str(), "/apiVersion" | "/kind") {
            out.push(at.clone());
            places(value, &at, out);
        }
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| below(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| below(&at.to_string(), value)),
        _ => {}
    }
}

fn edited(bodies: &[Value], step: &Step) -> Value {
    let mut body = bodies[step.body % bodies.len()].clone();
    for (nth, edit) in &step.edits {
        let mut all = Vec::new();
        places(&body, "", &mut all);
        if all.is_empty() {
            continue;
        }
        let place = all[nth % all.len()].clone();
        let Some(value) = body.pointer_mut(&place) else { continue };
        match edit {
            Edit::Null => *value = Value::Null,
            Edit::Zero => *value = zero(value),
            Edit::Other(other) => {
                if let Some(other) = bodies[other % bodies.len()].pointer(&place) {
                    *value = other.clone();
                }
            }
            Edit::Remove => remove(&mut body, &place),
        }
    }
    body
}

fn zero(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => json!(false),
        Value::Number(_) => json!(0),
        Value::String(_) => json!(""),
        Value::Array(_) => json!([]),
        Value::Object(_) => json!({}),
    }
}

fn remove(body: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match body.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(&name.replace("~1", "/").replace("~0", "~"))),
        Some(Value::Array(items)) => drop(name.parse::<usize>().map(|at| items.remove(at))),
        _ => {}
    }
}

thread_local! {
    /// A server, and how many objects it was asked about: a new one now and then keeps its history short.
    static SERVER: RefCell<(Arc<Server>, usize)> = RefCell::new((server(), 0));
}

fn server() -> Arc<Server> {
    let now: jiff::Timestamp = NOW.parse().expect("a time");
    let server = Server::new(Store::new(1), BTreeMap::new(), Clock::new(move || now), None);
    bootstrap(&server, None, true, &[]);
    Arc::new(server)
}

/// One object of one kind on a server.
struct Subject {
    server: Arc<Server>,
    group: String,
    version: String,
    plural: String,
    name: String,
    /// `apiVersion` and `kind` alone.
    bare: Value,
}

impl Subject {
    fn new(plural: &str, body: &Value) -> Self {
        let (server, nth) = SERVER.with_borrow_mut(|(server, nth)| {
            *nth += 1;
            if *nth % 200 == 0 {
                *server = self::server();
            }
            (Arc::clone(server), *nth)
        });
        let api_version = body["apiVersion"].as_str().expect("a version");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            server,
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            name: format!("o{nth}"),
            bare: json!({ "apiVersion": api_version, "kind": body["kind"] }),
        }
    }

    fn call(&self, content_type: &str, query: &str, body: &Value) -> Call {
        let resource = self.server.resource(&self.group, &self.version, &self.plural).expect("it is served");
        Call {
            verb: "patch",
            resource,
            place: ResourcePath {
                group: self.group.clone(),
                version: self.version.clone(),
                plural: self.plural.clone(),
                namespace: "default".to_owned(),
                name: self.name.clone(),
                subresource: String::new(),
            },
            query: Query::parse(query),
            content_type: content_type.to_owned(),
            body: body.to_string().into_bytes().into(),
            form: Encoding::Whole,
            user: User { name: "admin".to_owned(), groups: vec!["system:masters".to_owned()] },
            agent: "test".to_owned(),
            stale: None,
            rewrites: Vec::new(),
        }
    }

    fn live(&self) -> Option<Value> {
        let resource = self.server.resource(&self.group, &self.version, &self.plural).expect("it is served");
        let stored = self.server.store().get(&resource.storage(), &Key::new("default", &self.name))?;
        Some(live_of(&resource, &stored))
    }

    fn send(&self, content_type: &str, query: &str, body: &Value) -> Result<Value, Status> {
        match patch::patch(&self.server, &self.call(content_type, query, body))? {
            Reply::Json { text, .. } => Ok(serde_json::from_str(&text).expect("JSON")),
            _ => panic!("a patch is answered with an object"),
        }
    }

    /// The body as it is applied: with the name that it is sent to.
    fn named(&self, body: &Value) -> Value {
        let mut body = body.clone();
        if !body["metadata"].is_object() {
            body["metadata"] = json!({});
        }
        body["metadata"]["name"] = self.name.as_str().into();
        body["metadata"]["namespace"] = "default".into();
        body
    }

    /// Whether what is sent empty is a change each time, as a real server does with network policies and immutable data.
    fn is_written_anew(&self, live: &Value, body: &Value) -> bool {
        let resource = self.server.resource(&self.group, &self.version, &self.plural).expect("it is served");
        generation::says_empties(&resource, body) || validate::empties_immutable(&resource, live, body)
    }

    /// Whether the server gives values of its own where none are sent.
    fn allocates(&self) -> bool {
        matches!(self.plural.as_str(), "services" | "jobs")
    }

    fn apply(&self, manager: &str, force: bool, body: &Value) -> Result<(), TestCaseError> {
        let schemas = self.server.fields().schemas().clone();
        let (body, before) = (self.named(body), self.live());
        let query = format!("fieldManager={manager}&force={force}");
        let dry = self.send(APPLY, &format!("{query}&dryRun=All"), &body);
        prop_assert_eq!(&self.live(), &before, "a dry run writes nothing");
        let answer = self.send(APPLY, &query, &body);
        prop_assert_eq!(told(&dry), told(&answer), "a dry run says what the apply does");
        let options = ApplyOptions { manager, force, subresource: None, now: NOW };
        let merged = merge::apply(&schemas, before.as_ref(), &body, &options);
        let after = match (&merged, answer) {
            (Err(error), Err(status)) => return same_refusal(error, &status),
            (Err(error), Ok(_)) => return Err(TestCaseError::fail(format!("the merge refuses it alone: {error}"))),
            (Ok(_), Err(status)) => {
                prop_assert!(!matches!(status.code, 409 | 500), "the server refuses it alone: {:?}", status);
                prop_assert_eq!(&self.live(), &before, "what is refused writes nothing");
                return Ok(());
            }
            (Ok(_), Ok(after)) => after,
        };
        let merged = merged.expect("it was looked at");
        prop_assert_eq!(books(&merged), books(&after), "the same owners");
        same_values(&merged, &after, before.is_none() || self.allocates())?;
        let said = merge::own_fields(&schemas, &body).expect("it was applied");
        let owned = merge::owned(&after, manager).unwrap_or_else(FieldSet::new);
        prop_assert_eq!(&owned, &said, "what is owned is what was said");
        if let Some(before) = &before {
            self.moves(before, &after, &body, manager)?;
        }
        self.settles(manager, &body, &after)
    }

    /// The test of the loop knows what moves, and the generation rises with what is wanted.
    fn moves(&self, before: &Value, after: &Value, body: &Value, manager: &str) -> Result<(), TestCaseError> {
        let schemas = self.server.fields().schemas().clone();
        let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
        let is_moved = version(before) != version(after);
        let foreseen = would_change(&schemas, before, body, manager);
        if !self.is_written_anew(before, body) {
            prop_assert!(!is_moved || foreseen, "a change is not foreseen");
            let is_clash = self.is_clash(before, body, manager);
            prop_assert!(is_moved || !foreseen || is_clash || self.allocates(), "a change is foreseen that is none");
            prop_assert_eq!(counted(before) != counted(after), self.is_wanted_anew(before, after), "the generation");
        }
        Ok(())
    }

    /// Whether something stands beside what is applied that only one of several may be, which custom kinds let be.
    fn is_clash(&self, live: &Value, body: &Value, manager: &str) -> bool {
        let options = ApplyOptions { manager, force: true, subresource: None, now: NOW };
        merge::displacement(self.server.fields().schemas(), live, body, &options).is_some()
    }

    /// Whether a change is one of what is wanted; of a Deployment, its annotations are too.
    fn is_wanted_anew(&self, before: &Value, after: &Value) -> bool {
        let wanted = |object: &Value| {
            let mut object = object.clone();
            object
                .as_object_mut()
                .expect("an object")
                .retain(|name, _| !matches!(name.as_str(), "metadata" | "status"));
            object
        };
        let annotations = |object: &Value| object["metadata"].get("annotations").cloned();
        counted(before).is_some()
            && (wanted(before) != wanted(after)
                || (self.plural == "deployments" && annotations(before) != annotations(after)))
    }

    /// Applied once more nothing changes, and the loop would not even ask.
    fn settles(&self, manager: &str, body: &Value, after: &Value) -> Result<(), TestCaseError> {
        // Where nobody owns anything, the next apply gives everything to those before it. A `null` in the place of a map leaves
        // the map at first; in that of a key it makes another item each time, as a key does for which a default is stored.
        if self.is_written_anew(after, body) || books(after).is_null() || is_odd(body) {
            return Ok(());
        }
        let query = format!("fieldManager={manager}&force=true");
        let again = || self.send(APPLY, &query, body).map_err(|status| TestCaseError::fail(format!("{status:?}")));
        let twice = again()?;
        // What is said empty vanishes and is added by each apply anew, and so is taken from others who said it too.
        if MANAGERS.iter().all(|other| *other == manager || owns_only_what_is_there(after, other)) {
            prop_assert_eq!(&twice, after, "applied twice");
        }
        prop_assert_eq!(&again()?, &twice, "applied three times");
        let is_foreseen = would_change(self.server.fields().schemas(), &twice, body, manager);
        prop_assert!(!is_foreseen || self.is_clash(&twice, body, manager), "and the loop would ask");
        Ok(())
    }

    /// A manager that applies nothing any more owns nothing any more.
    fn leave(&self, manager: &str) -> Result<(), TestCaseError> {
        let Some(before) = self.live() else { return Ok(()) };
        let answer = self.send(APPLY, &format!("fieldManager={manager}&force=true"), &self.named(&self.bare));
        if let Ok(after) = &answer {
            let schemas = self.server.fields().schemas().clone();
            prop_assert_eq!(merge::owned(after, manager), None, "it owns something still");
            let options = ApplyOptions { manager, force: true, subresource: None, now: NOW };
            let merged = merge::apply(&schemas, Some(&before), &self.named(&self.bare), &options);
            prop_assert_eq!(merged.as_ref().map(books).ok(), Some(books(after)));
        }
        Ok(())
    }

    fn update(&self, manager: &str, strategic: bool, part: &Value) -> Result<(), TestCaseError> {
        let Some(before) = self.live() else { return Ok(()) };
        let schemas = self.server.fields().schemas().clone();
        let kind = if strategic { "application/strategic-merge-patch+json" } else { "application/merge-patch+json" };
        let query = format!("fieldManager={manager}&fieldValidation=Ignore");
        let dry = self.send(kind, &format!("{query}&dryRun=All"), part);
        prop_assert_eq!(&self.live(), &Some(before.clone()), "a dry run writes nothing");
        let answer = self.send(kind, &query, part);
        prop_assert_eq!(told(&dry), told(&answer), "a dry run says what the patch does");
        let Ok(after) = answer else { return Ok(()) };
        let patched = if strategic {
            merge::strategic_merge_patch(&schemas, before.clone(), part).ok()
        } else {
            Some(merge::json_merge_patch(before.clone(), part))
        };
        let options = UpdateOptions { manager, subresource: None, now: NOW };
        let merged = patched.and_then(|patched| merge::update(&schemas, Some(&before), patched, &options).ok());
        let Some(merged) = merged else { return Err(TestCaseError::fail("the merge refuses it alone")) };
        prop_assert_eq!(books(&merged), books(&after), "the same owners");
        same_values(&merged, &after, self.allocates())?;
        prop_assert_eq!(counted(&before) != counted(&after), self.is_wanted_anew(&before, &after), "the generation");
        Ok(())
    }
}

const APPLY: &str = "application/apply-patch+yaml";

fn counted(object: &Value) -> Option<u64> {
    object["metadata"]["generation"].as_u64()
}

/// Who owns what.
fn books(object: &Value) -> Value {
    object["metadata"].get("managedFields").cloned().unwrap_or_default()
}

/// What an answer says, without what differs from write to write.
fn told(answer: &Result<Value, Status>) -> Result<Value, (u16, String, BTreeSet<String>)> {
    match answer {
        Ok(object) => {
            let mut object = object.clone();
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.retain(|name, _| !matches!(name.as_str(), "uid" | "resourceVersion"));
            }
            for name in ["clusterIP", "clusterIPs", "ports"] {
                object["spec"].as_object_mut().map(|spec| spec.remove(name));
            }
            Ok(without_uids(object))
        }
        // The order of conflicts is not stable.
        Err(status) => Err((status.code, status.reason.to_owned(), causes(status))),
    }
}

/// A Job's own labels name its uid, which each trial makes anew.
fn without_uids(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(name, _)| !name.ends_with("controller-uid"));
            Value::Object(kept.map(|(name, value)| (name, without_uids(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(without_uids).collect(),
        other => other,
    }
}

fn causes(status: &Status) -> BTreeSet<String> {
    let causes = status.details.as_ref().and_then(|details| details["causes"].as_array());
    causes.into_iter().flatten().map(Value::to_string).collect()
}

fn same_refusal(error: &ApplyError, status: &Status) -> Result<(), TestCaseError> {
    match error {
        ApplyError::Conflicts(conflicts) => {
            prop_assert_eq!(status.code, 409);
            let fields: BTreeSet<String> = conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
            let details = status.details.clone().unwrap_or_default();
            let told = details["causes"].as_array().into_iter().flatten();
            let told: BTreeSet<String> = told.filter_map(|cause| cause["field"].as_str().map(str::to_owned)).collect();
            prop_assert_eq!(told, fields);
        }
        other => prop_assert_eq!((status.code, &status.message), (500, &other.to_string())),
    }
    Ok(())
}

/// Whether every field that a manager owns has a value.
fn owns_only_what_is_there(object: &Value, manager: &str) -> bool {
    merge::owned(object, manager).is_none_or(|owned| owned.paths().iter().all(|path| path.get(object).is_some()))
}

/// The same values; what the server adds by itself counts as the same where it `gives` some.
fn same_values(merged: &Value, stored: &Value, gives: bool) -> Result<(), TestCaseError> {
    let plain = |object: &Value| {
        let mut object = object.clone();
        object.as_object_mut().expect("an object").remove("status");
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        metadata.retain(|name, _| {
            !matches!(
                name.as_str(),
                "uid" | "resourceVersion" | "generation" | "creationTimestamp" | "managedFields" | "namespace"
            )
        });
        object
    };
    let (merged, stored) = (plain(merged), plain(stored));
    if gives {
        prop_assert!(is_within(&merged, &stored), "{merged} is not in {stored}");
    } else {
        prop_assert_eq!(merged, stored);
    }
    Ok(())
}

fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(name, value)| {
            whole.get(name).map_or(value.is_null() || is_zero(value), |whole| is_within(value, whole))
        }),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_within(part, whole))
        }
        (Value::Null, _) => true,
        _ => part == whole,
    }
}

fn is_zero(value: &Value) -> bool {
    *value == zero(value)
}

/// Whether a body says something that is stored otherwise than it is told apart: `null`, or an empty protocol.
fn is_odd(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(is_odd),
        Value::Object(map) => map.iter().any(|(name, value)| is_odd(value) || (name == "protocol" && value == "")),
        _ => false,
    }
}

fn cases() -> u32 {
    std::env::var("PARCELLE_PROPERTY_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn merge_and_server_agree_with_each_other_and_with_what_an_apply_promises((plural, steps) in steps()) {
        let bodies = &PARTS[&plural];
        let subject = Subject::new(&plural, &bodies[0]);
        for step in &steps {
            let manager = MANAGERS[step.manager];
            let body = edited(bodies, step);
            match step.means {
                Means::Apply { force } => subject.apply(manager, force, &body)?,
                Means::Leave => subject.leave(manager)?,
                Means::MergePatch | Means::StrategicPatch => {
                    let mut part = body;
                    part.as_object_mut().expect("an object").retain(|name, _| !matches!(name.as_str(), "apiVersion" | "kind"));
                    subject.update(manager, matches!(step.means, Means::StrategicPatch), &part)?;
                }
            }
        }
        for manager in MANAGERS {
            subject.leave(manager)?;
        }
    }
}
