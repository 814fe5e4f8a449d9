//! Admission policies (`ValidatingAdmissionPolicy`): each write is held against those that are bound, before it is stored.
//!
//! Here is what lies around the expressions: which policies a write meets, their conditions, what a denial says. A policy
//! with parameters or variables cannot be evaluated here, and denies what it meets.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use crate::cel::{AdmissionExpression, AdmissionNames};

use super::{
    access::User,
    http::Call,
    resources::ServedResource,
    scale::selector_text,
    selector::Labels,
    server::{Server, locked},
    status::Status,
};

const POLICIES: &str = "admissionregistration.k8s.io/validatingadmissionpolicies";
const BINDINGS: &str = "admissionregistration.k8s.io/validatingadmissionpolicybindings";

/// A write that is about to be stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Write<'a> {
    pub(crate) user: &'a User,
    pub(crate) resource: &'a ServedResource,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) subresource: &'a str,
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub(crate) operation: &'static str,
    /// The object as it would be stored; `None` where it is deleted.
    pub(crate) object: Option<&'a Value>,
    /// The object as it is; `None` where it is new.
    pub(crate) old: Option<&'a Value>,
    pub(crate) dry_run: bool,
}

impl<'a> Write<'a> {
    /// What a call asks for, without the objects.
    pub(crate) fn of(call: &'a Call, operation: &'static str, name: &'a str, dry_run: bool) -> Self {
        Self {
            user: &call.user,
            resource: &call.resource,
            namespace: &call.place.namespace,
            name,
            subresource: &call.place.subresource,
            operation,
            object: None,
            old: None,
            dry_run,
        }
    }
}

/// The expressions of policies, by the policy's name and version, compiled when a write first meets them.
#[derive(Debug, Default)]
pub(crate) struct CompiledPolicies(Mutex<BTreeMap<String, (u64, Arc<CompiledPolicy>)>>);

/// A policy whose expressions can be evaluated.
#[derive(Debug)]
struct CompiledPolicy {
    name: String,
    spec: Value,
    conditions: Vec<AdmissionExpression>,
    validations: Vec<Validation>,
}

#[derive(Debug)]
struct Validation {
    expression: AdmissionExpression,
    message: Option<AdmissionExpression>,
}

/// Refuses a write that a bound policy denies.
pub(crate) fn admit(server: &Server, write: &Write<'_>) -> Result<(), Status> {
    if is_never_asked(write.resource) {
        return Ok(());
    }
    let bindings = server.store().list(BINDINGS, None);
    for (key, binding) in bindings {
        let binding = Value::Object(binding.body());
        let Some(policy) = policy(server, binding["spec"]["policyName"].as_str().unwrap_or_default()) else { continue };
        let met = [&policy.spec["matchConstraints"], &binding["spec"]["matchResources"]];
        let denies = binding["spec"]["validationActions"].as_array().into_iter().flatten().any(|word| word == "Deny");
        if denies
            && met.iter().all(|constraints| constraints.is_null() || meets(server, constraints, write))
            && let Some((place, message)) = denial(server, &policy, write)
        {
            return Err(denied(&policy, &key.name, place, &message, write));
        }
    }
    Ok(())
}

/// Kinds that a server asks no policy about, so that a policy can always be mended and rights always be asked for.
fn is_never_asked(resource: &ServedResource) -> bool {
    let group = resource.group.as_str();
    ["authentication.k8s.io", "authorization.k8s.io"].contains(&group)
        || (group == "admissionregistration.k8s.io" && resource.plural.starts_with("validatingadmissionpolic"))
}

fn policy(server: &Server, name: &str) -> Option<Arc<CompiledPolicy>> {
    let stored = server.store().get(POLICIES, &super::store::Key::new("", name))?;
    let mut known = locked(&server.policies.0);
    if let Some((revision, policy)) = known.get(name)
        && *revision == stored.revision
    {
        return Some(Arc::clone(policy));
    }
    let spec = Value::Object(stored.body())["spec"].take();
    let read = |one: &Value, name: &str| one[name].as_str().map(AdmissionExpression::new);
    let list = |name: &str| spec[name].as_array().into_iter().flatten();
    let policy = CompiledPolicy {
        name: name.to_owned(),
        conditions: list("matchConditions").filter_map(|one| read(one, "expression")).collect(),
        validations: list("validations")
            .filter_map(|one| Some((read(one, "expression")?, read(one, "messageExpression"))))
            .map(|(expression, message)| Validation { expression, message })
            .collect(),
        spec,
    };
    let policy = Arc::new(policy);
    known.insert(name.to_owned(), (stored.revision, Arc::clone(&policy)));
    Some(policy)
}

/// Why a write is denied, and the place of the validation that does not hold; what cannot be evaluated has no place.
fn denial(server: &Server, policy: &CompiledPolicy, write: &Write<'_>) -> Option<(Option<usize>, String)> {
    let ignores = policy.spec["failurePolicy"] == "Ignore";
    for word in ["paramKind", "variables"] {
        if !policy.spec[word].is_null() {
            let why = format!("the sandbox does not evaluate policies with `{word}`");
            return (!ignores).then_some((None, why));
        }
    }
    let (request, namespace) = (request(write), namespace_of(server, write));
    let names: &AdmissionNames<'_> = &[
        ("object", write.object.unwrap_or(&Value::Null)),
        ("oldObject", write.old.unwrap_or(&Value::Null)),
        ("request", &request),
        ("namespaceObject", &namespace),
    ];
    for condition in &policy.conditions {
        match condition.holds(names) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(why) => return (!ignores).then_some((None, why)),
        }
    }
    policy.validations.iter().enumerate().find_map(|(place, validation)| {
        let written = &policy.spec["validations"][place];
        let expression = written["expression"].as_str().unwrap_or_default();
        let why = match validation.expression.holds(names) {
            Ok(true) => return None,
            Ok(false) => (validation.message.as_ref().and_then(|message| message.text(names)))
                .or_else(|| written["message"].as_str().map(str::to_owned))
                .unwrap_or_else(|| format!("failed expression: {expression}")),
            Err(_) if ignores => return None,
            Err(why) => return Some((None, format!("expression '{expression}' resulted in error: {why}"))),
        };
        Some((Some(place), why))
    })
}

/// What expressions know as `request`: what is empty is not there.
fn request(write: &Write<'_>) -> Value {
    let resource = write.resource;
    let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let named = json!({"group": resource.group, "version": resource.version, "resource": resource.plural});
    let mut request = json!({
        "operation": write.operation,
        "dryRun": write.dry_run,
        "kind": kind,
        "requestKind": kind,
        "resource": named,
        "requestResource": named,
        "userInfo": {"username": write.user.name, "groups": write.user.groups},
    });
    // A namespace stands in the namespace of its name.
    let namespace = if resource.is("", "namespaces") { write.name } else { write.namespace };
    let texts = [
        ("name", write.name),
        ("namespace", namespace),
        ("subResource", write.subresource),
        ("requestSubResource", write.subresource),
    ];
    for (field, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        request[field] = text.into();
    }
    request
}

/// What expressions know as `namespaceObject`: nothing where the object is a namespace or stands in none.
fn namespace_of(server: &Server, write: &Write<'_>) -> Value {
    if write.resource.is("", "namespaces") {
        return Value::Null;
    }
    server.namespace(write.namespace).unwrap_or_default()
}

fn denied(policy: &CompiledPolicy, binding: &str, place: Option<usize>, why: &str, write: &Write<'_>) -> Status {
    let message = format!("ValidatingAdmissionPolicy '{}' with binding '{binding}' denied request: {why}", policy.name);
    let (code, reason) = match place.and_then(|place| policy.spec["validations"][place]["reason"].as_str()) {
        Some("Forbidden") => (403, "Forbidden"),
        Some("Unauthorized") => (401, "Unauthorized"),
        Some("RequestEntityTooLarge") => (413, "RequestEntityTooLarge"),
        _ => (422, "Invalid"),
    };
    let mut status = Status { code, reason, ..Status::forbidden(write.resource, write.name, &message) };
    if let Some(details) = &mut status.details {
        details["causes"] = json!([{"message": message}]);
    }
    status
}

/// Whether a write is among those that `constraints` name.
fn meets(server: &Server, constraints: &Value, write: &Write<'_>) -> bool {
    let listed = |name: &str| constraints[name].as_array().into_iter().flatten().any(|rule| covers(rule, write));
    (constraints["resourceRules"].is_null() || listed("resourceRules"))
        && !listed("excludeResourceRules")
        && selects(&constraints["namespaceSelector"], namespace_labels(server, write).as_ref())
        && [write.object, write.old]
            .into_iter()
            .flatten()
            .any(|object| selects(&constraints["objectSelector"], Some(&object["metadata"]["labels"])))
}

fn namespace_labels(server: &Server, write: &Write<'_>) -> Option<Value> {
    if write.resource.is("", "namespaces") {
        return write.object.or(write.old).map(|object| object["metadata"]["labels"].clone());
    }
    let namespace = server.namespace(write.namespace)?;
    Some(namespace["metadata"]["labels"].clone())
}

/// Whether labels are those that a selector asks for. What has no namespace meets every selector of namespaces.
fn selects(selector: &Value, labels: Option<&Value>) -> bool {
    let (true, Some(labels)) = (selector.is_object(), labels) else { return true };
    Labels::parse(&selector_text(selector)).is_ok_and(|wanted| wanted.accepts(|key| labels[key].as_str()))
}

fn covers(rule: &Value, write: &Write<'_>) -> bool {
    let has = |name: &str, word: &str| {
        let mut words = rule[name].as_array().into_iter().flatten().filter_map(Value::as_str);
        words.any(|known| known == "*" || known == word)
    };
    let (plural, sub) = (write.resource.plural.as_str(), write.subresource);
    let mut resources = rule["resources"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let resource = resources.any(|pattern| {
        let (base, below) = pattern.split_once('/').unwrap_or((pattern, ""));
        (base == "*" || base == plural) && (below == "*" || below == sub)
    });
    let names = rule["resourceNames"].as_array().is_none_or(|names| names.iter().any(|name| name == write.name));
    let scope = match rule["scope"].as_str() {
        Some("Namespaced") => write.resource.namespaced,
        Some("Cluster") => !write.resource.namespaced,
        _ => true,
    };
    has("apiGroups", &write.resource.group)
        && has("apiVersions", &write.resource.version)
        && has("operations", write.operation)
        && resource
        && names
        && scope
}
