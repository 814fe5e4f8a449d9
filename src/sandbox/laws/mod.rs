//! Laws that hold for every write, whoever sends it: parts of objects by several managers, with zeros, nulls and empties among
//! them. The server of the sandbox and the structured merge are held against each other and against what an apply promises.
//!
//! `PARCELLE_PROPERTY_CASES` says how many cases are tried; each is a few writes to one object.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use compare::{books, counted, is_odd, others_own_only_what_is_there, same_refusal, same_values, told};
use parts::{Means, PARTS, edited, steps};
use proptest::prelude::*;
use serde_json::{Value, json};

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
use crate::merge::{self, ApplyOptions, UpdateOptions, would_change};

mod compare;
mod parts;

const NOW: &str = "2026-01-01T00:00:00Z";
const MANAGERS: [&str; 3] = ["parcelle", "other", "kubectl-edit"];

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
        let owned = merge::owned(&after, manager).unwrap_or_default();
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
        // What is said empty vanishes and is added by each apply anew, and so is taken from others who said it too, as a real server
        // does: it takes a map of annotations that nobody filled from who patched one the second time, not the first.
        if others_own_only_what_is_there(after, manager) {
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
        let Some(patched) = patched else { return Err(TestCaseError::fail("the merge refuses the patch alone")) };
        let is_written_anew = self.is_written_anew(&before, &patched);
        let Ok(merged) = merge::update(&schemas, Some(&before), patched, &options) else {
            return Err(TestCaseError::fail("the merge refuses it alone"));
        };
        prop_assert_eq!(books(&merged), books(&after), "the same owners");
        same_values(&merged, &after, self.allocates())?;
        if !is_written_anew {
            prop_assert_eq!(
                counted(&before) != counted(&after),
                self.is_wanted_anew(&before, &after),
                "the generation"
            );
        }
        Ok(())
    }
}

const APPLY: &str = "application/apply-patch+yaml";

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
