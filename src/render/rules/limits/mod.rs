//! Limits of Kubernetes and of its operators, held against the objects as they will be: what an API server would refuse
//! is refused here first, at the line that decided it.
//!
//! The limits are data: the schemas of built-in and custom kinds (`schemas/kubernetes/`), and the rules of
//! [`crate::validation`], by which the sandbox answers too. `further` has what no server says, though it is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::judged::SettledAmounts;
use crate::finding::{Code, Findings};
use crate::kind;
use crate::merge;
use crate::model::Organisation;
use crate::render::{Object, ObjectId, OrganisationObjects, Origins, SecretPiece, SecretRequest, SecretSource, custom};
use crate::source::Span;
use crate::validation::{self, FieldError, Subject};

mod further;
mod twice;
mod words;

/// A value over a limit, or one that Kubernetes takes nowhere.
pub(crate) const LIMIT: Code = Code::new("E0460");
/// An item of a list said twice.
pub(crate) const TWICE: Code = Code::new("E0461");

/// The schemas of custom kinds by API version and kind: of those that are rendered, and of what is limited in others that
/// `object` may write.
static CUSTOM: LazyLock<BTreeMap<(String, String), Value>> = LazyLock::new(|| {
    let mut schemas = BTreeMap::new();
    for definition in custom::definitions().into_iter().chain(custom::others()) {
        let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (group, kind) = (text("/spec/group"), text("/spec/names/kind"));
        for version in definition["spec"]["versions"].as_array().into_iter().flatten() {
            let api = format!("{group}/{}", version["name"].as_str().unwrap_or_default());
            schemas.insert((api, kind.to_owned()), version["schema"]["openAPIV3Schema"].clone());
        }
    }
    schemas
});

/// An object with the places that decided it.
struct Held<'a> {
    id: &'a ObjectId,
    body: &'a Value,
    origins: &'a Origins,
    /// The scalars that a hatch wrote, by JSON pointer.
    by_hand: &'a BTreeSet<String>,
    /// The app, or the organisation itself: what the object's name is made of.
    owner: Span,
}

impl Held<'_> {
    /// The line that decided the value at a JSON pointer.
    fn span(&self, pointer: &str) -> Span {
        let origin = || self.origins.of(pointer).unwrap_or(self.owner);
        if pointer.starts_with("/metadata/name") { self.owner } else { origin() }
    }
}

/// Every object and Secret of an organisation.
pub(super) fn check(
    organisation: &Organisation,
    out: &OrganisationObjects,
    settled: &SettledAmounts,
    findings: &mut Findings,
) {
    let owner = |app: &Option<crate::name::Name>| {
        app.as_ref().and_then(|app| organisation.apps.get(app)).map_or(organisation.span, |app| app.span)
    };
    for (place, Object { id, body, origins, app, by_hand, .. }) in out.objects.iter().enumerate() {
        let held = Held { id, body, origins, by_hand, owner: owner(app) };
        let is_settled = |pointer: &str| {
            let amounts = pointer.split_inclusive("/resources/").next().unwrap_or_default();
            settled.contains(&(place, amounts.to_owned()))
        };
        check_object(&held, &is_settled, findings);
    }
    let nothing = BTreeSet::new();
    for request in &out.secrets {
        let origins = Origins(BTreeMap::from([(String::new(), request.origin)]));
        let (body, owner) = (body_of(request), owner(&request.app));
        let held = Held { id: &request.id, body: &body, origins: &origins, by_hand: &nothing, owner };
        check_object(&held, &|_| false, findings);
    }
}

/// What is wrong with an object; `is_settled` says of which values there is a finding already.
fn check_object(held: &Held, is_settled: &dyn Fn(&str) -> bool, findings: &mut Findings) {
    let facts = custom::facts().kind(&held.id.api_version, &held.id.kind);
    if facts.as_ref().is_some_and(|facts| twice::check(held, facts, findings)) {
        return;
    }
    let built_in = facts.is_some_and(|facts| !facts.is_custom());
    for error in errors(held, built_in) {
        if !is_settled(&words::place(held, &error)) {
            findings.push(words::finding(held, &error));
        }
    }
    further::check(held, findings);
}

/// What an API server would say of a new object.
fn errors(held: &Held, built_in: bool) -> Vec<FieldError> {
    let ObjectId { api_version, kind, .. } = held.id;
    let group = kind::group_of(api_version);
    let key = || (api_version.to_string(), kind.to_string());
    let schema = if built_in { None } else { CUSTOM.get(&key()) };
    let subject = Subject { group, kind, schema, rules: None };
    // The rules bear values that are not there: what is wrong without the defaults is looked at once more with them.
    let errors = validation::new_object(subject, held.body);
    if errors.is_empty() || schema.is_some() {
        return errors;
    }
    match merge::decoded(custom::facts(), held.body) {
        Ok(stored) => validation::new_object(subject, &stored),
        Err(why) => vec![FieldError::invalid("", &Value::Null, why)],
    }
}

/// A requested Secret as far as it is known: its keys, and as much of the text as is no secret.
fn body_of(request: &SecretRequest) -> Value {
    let known = |pieces: &[SecretPiece]| -> String {
        let text = |piece: &SecretPiece| match piece {
            SecretPiece::Text(text) => "A".repeat(text.len().div_ceil(3) * 4),
            SecretPiece::Secret { .. } => String::new(),
        };
        pieces.iter().map(text).collect()
    };
    let data: Map<String, Value> = match &request.source {
        SecretSource::Generated { keys } => keys.keys().map(|key| (key.clone(), json!(""))).collect(),
        SecretSource::Copied { keys, .. } => keys.values().map(|key| (key.clone(), json!(""))).collect(),
        SecretSource::Template { keys } => {
            keys.iter().map(|(key, pieces)| (key.clone(), Value::from(known(pieces)))).collect()
        }
    };
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": &*request.id.name, "namespace": &*request.id.namespace, "labels": request.labels },
        "type": request.secret_type,
        "data": data,
    })
}

#[cfg(test)]
mod tests;
