//! Who asks and what they may do: tokens, impersonation, roles and their bindings.

use std::collections::BTreeMap;

use ::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    resources::ServedResource,
    server::Server,
    status::Status,
    store::{Key, Store},
};

/// Somebody who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Name, such as `system:serviceaccount:NAMESPACE:NAME`.
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
}

const MASTERS: &str = "system:masters";
const AUTHENTICATED: &str = "system:authenticated";

impl User {
    /// A user of that name, in the group of all who have a name.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), groups: vec![AUTHENTICATED.to_owned()] }
    }

    /// One who may do everything.
    pub(crate) fn administrator() -> Self {
        Self::administrator_called("admin")
    }

    /// One of this name who may do everything.
    pub fn administrator_called(name: &str) -> Self {
        Self { name: name.to_owned(), groups: vec![MASTERS.to_owned(), AUTHENTICATED.to_owned()] }
    }

    /// The sandbox's own controllers.
    pub(crate) fn controllers() -> Self {
        Self { name: "system:sandbox-controllers".to_owned(), ..Self::administrator() }
    }

    /// Whether this is one of the sandbox's own controllers.
    pub(crate) fn is_controller(&self) -> bool {
        self.name == "system:sandbox-controllers"
    }

    /// Whether this one may do everything.
    pub(crate) fn is_administrator(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }

    fn anonymous() -> Self {
        Self { name: "system:anonymous".to_owned(), groups: vec!["system:unauthenticated".to_owned()] }
    }

    /// The account of a workload.
    pub(crate) fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                AUTHENTICATED.to_owned(),
            ],
        }
    }
}

/// What somebody wants to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish<'a> {
    /// Something with objects.
    Objects {
        verb: &'a str,
        group: &'a str,
        /// With the subresource, as in `deployments/scale`.
        resource: &'a str,
        namespace: &'a str,
        name: &'a str,
    },
    /// Something with another path.
    Path { verb: &'a str, path: &'a str },
}

/// Who sends a request, by token and impersonation headers.
pub(crate) fn caller(server: &Server, headers: &HeaderMap) -> Result<User, Status> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let user = match text("authorization") {
        None => User::anonymous(),
        Some(line) => {
            let token = token(line).ok_or_else(Status::unauthorized)?;
            server.user(&token).ok_or_else(Status::unauthorized)?
        }
    };
    impersonated(server, headers, user)
}

/// The token of an `Authorization` header. A password counts as one, since kubectl sends no tokens
/// over plain HTTP, but does send the password of a URL such as `http://sandbox:TOKEN@127.0.0.1`.
fn token(line: &str) -> Option<String> {
    let (scheme, value) = line.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(value.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}

fn impersonated(server: &Server, headers: &HeaderMap, user: User) -> Result<User, Status> {
    let all = |name: &str| {
        let values = headers.get_all(name).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    let names = all("impersonate-user");
    let groups = all("impersonate-group");
    let Some(name) = names.first().filter(|name| !name.is_empty()) else {
        if groups.is_empty() && all("impersonate-uid").is_empty() {
            return Ok(user);
        }
        return Err(Status::plain(
            500,
            "InternalError",
            "Internal error occurred: requested impersonation of groups, uid or extra without impersonating a user",
        ));
    };
    let mut target = User { name: name.clone(), groups };
    if let Some((namespace, account)) =
        name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
    {
        may_impersonate(server, &user, "serviceaccounts", namespace, account)?;
        if target.groups.is_empty() {
            target = User::service_account(namespace, account);
        }
    } else {
        may_impersonate(server, &user, "users", "", name)?;
    }
    for group in &target.groups {
        may_impersonate(server, &user, "groups", "", group)?;
    }
    let known = [AUTHENTICATED, "system:unauthenticated"];
    if name != "system:anonymous" && !target.groups.iter().any(|group| known.contains(&&**group)) {
        target.groups.push(AUTHENTICATED.to_owned());
    }
    Ok(target)
}

fn may_impersonate(server: &Server, user: &User, resource: &str, namespace: &str, name: &str) -> Result<(), Status> {
    let wish = Wish::Objects { verb: "impersonate", group: "", resource, namespace, name };
    if allowed(&server.store(), user, &wish) {
        return Ok(());
    }
    Err(refusal(user, &wish))
}

/// The 403 for a wish that is not granted.
pub(crate) fn refusal(user: &User, wish: &Wish<'_>) -> Status {
    match wish {
        Wish::Path { verb, path } => Status {
            details: Some(serde_json::json!({})),
            ..Status::plain(403, "Forbidden", format!("forbidden: User {:?} cannot {verb} path {path:?}", user.name))
        },
        Wish::Objects { verb, group, resource, namespace, name } => {
            let place = if namespace.is_empty() {
                "at the cluster scope".to_owned()
            } else {
                format!("in the namespace {namespace:?}")
            };
            let why =
                format!("User {:?} cannot {verb} resource {resource:?} in API group {group:?} {place}", user.name);
            let plural = resource.split('/').next().unwrap_or_default();
            Status::forbidden(&bare(group, plural), name, &why)
        }
    }
}

/// A resource of which only the name counts, for messages.
fn bare(group: &str, plural: &str) -> ServedResource {
    ServedResource {
        group: group.to_owned(),
        version: String::new(),
        plural: plural.to_owned(),
        singular: String::new(),
        kind: String::new(),
        namespaced: false,
        verbs: Vec::new(),
        short_names: Vec::new(),
        categories: Vec::new(),
        subresources: Vec::new(),
        list_kind: None,
        custom: None,
    }
}

/// Whether a wish is granted.
pub(crate) fn allowed(store: &Store, user: &User, wish: &Wish<'_>) -> bool {
    if user.is_administrator() || open_to_all(user, wish) {
        return true;
    }
    let namespace = match wish {
        Wish::Objects { namespace, .. } => namespace,
        Wish::Path { .. } => "",
    };
    granted(store, user, namespace).iter().any(|rule| covers(rule, wish))
}

/// What a real server's own roles grant to everybody, or to all who have a name.
fn open_to_all(user: &User, wish: &Wish<'_>) -> bool {
    let named = user.groups.iter().any(|group| group == AUTHENTICATED);
    match wish {
        Wish::Path { verb: "get", path } => {
            let open = ["/healthz", "/livez", "/readyz", "/version"];
            let below = |start: &&str| path == start || path.starts_with(&format!("{start}/"));
            open.iter().any(below) || (named && ["/api", "/apis", "/openapi"].iter().any(below))
        }
        Wish::Path { .. } => false,
        Wish::Objects { verb, group, resource, .. } => {
            let own = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];
            let groups = ["authorization.k8s.io", "authentication.k8s.io"];
            named && *verb == "create" && groups.contains(group) && own.contains(resource)
        }
    }
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn is_subject(subject: &Value, user: &User) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => name == user.name,
        Some("Group") => user.groups.iter().any(|group| group == name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or_default();
            user.name == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

/// The rules of a role that a binding in `namespace` (empty for cluster bindings) refers to.
pub(crate) fn rules_of(store: &Store, role: &Value, namespace: &str) -> Vec<Value> {
    let name = role["name"].as_str().unwrap_or_default();
    let (resource, key) = if role["kind"] == "Role" {
        ("roles", Key::new(namespace, name))
    } else {
        ("clusterroles", Key::new("", name))
    };
    let Some(role) = store.get(&format!("rbac.authorization.k8s.io/{resource}"), &key) else {
        return Vec::new();
    };
    let body = Value::Object(role.body());
    list(&body, "rules").cloned().collect()
}

/// All rules that a user has in a namespace (empty: in the whole cluster).
pub(crate) fn granted(store: &Store, user: &User, namespace: &str) -> Vec<Value> {
    let mut rules = Vec::new();
    let mut bindings = store.list("rbac.authorization.k8s.io/clusterrolebindings", None);
    if !namespace.is_empty() {
        bindings.extend(store.list("rbac.authorization.k8s.io/rolebindings", Some(namespace)));
    }
    for (_, binding) in bindings {
        let binding = Value::Object(binding.body());
        if list(&binding, "subjects").any(|subject| is_subject(subject, user)) {
            rules.extend(rules_of(store, &binding["roleRef"], namespace));
        }
    }
    rules
}

fn has(rule: &Value, name: &str, wanted: &str) -> bool {
    list(rule, name).any(|word| word == wanted || word == "*")
}

fn covers(rule: &Value, wish: &Wish<'_>) -> bool {
    match wish {
        Wish::Path { verb, path } => {
            has(rule, "verbs", verb)
                && list(rule, "nonResourceURLs")
                    .filter_map(Value::as_str)
                    .any(|url| url == *path || url.strip_suffix('*').is_some_and(|start| path.starts_with(start)))
        }
        Wish::Objects { verb, group, resource, name, .. } => {
            let sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            let resource = has(rule, "resources", resource)
                || sub.is_some_and(|sub| list(rule, "resources").any(|word| *word == *sub));
            let mut names = list(rule, "resourceNames").peekable();
            let name = names.peek().is_none() || names.any(|word| word == name);
            resource && name && has(rule, "verbs", verb) && has(rule, "apiGroups", group)
        }
    }
}

/// Rules of `wanted` that `held` does not cover, each reduced to one thing.
pub(crate) fn missing(held: &[Value], wanted: &[Value]) -> Vec<Value> {
    let mut missing: BTreeMap<String, Value> = BTreeMap::new();
    let words = |rule: &Value, name: &str| {
        let words = list(rule, name).filter_map(Value::as_str);
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    for rule in wanted {
        for verb in words(rule, "verbs") {
            for path in words(rule, "nonResourceURLs") {
                let wish = Wish::Path { verb: &verb, path: &path };
                if !held.iter().any(|rule| covers(rule, &wish)) {
                    let key = format!("{{NonResourceURLs:[{path:?}], Verbs:[{verb:?}]}}");
                    missing.insert(key, rule.clone());
                }
            }
        }
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                let names = words(rule, "resourceNames");
                let verbs: Vec<String> = words(rule, "verbs")
                    .into_iter()
                    .filter(|verb| {
                        let covered = |name: &str| {
                            let wish = Wish::Objects { verb, group: &group, resource: &resource, namespace: "", name };
                            held.iter().any(|rule| covers(rule, &wish))
                        };
                        let all = names.is_empty() && covered("");
                        let each = !names.is_empty() && names.iter().all(|name| covered(name));
                        !(all || each)
                    })
                    .collect();
                if !verbs.is_empty() {
                    let quoted = |words: &[String]| {
                        let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                        words.join(" ")
                    };
                    let names =
                        if names.is_empty() { String::new() } else { format!(", ResourceNames:[{}]", quoted(&names)) };
                    let key = format!(
                        "{{APIGroups:[{group:?}], Resources:[{resource:?}]{names}, Verbs:[{}]}}",
                        quoted(&verbs)
                    );
                    missing.insert(key, rule.clone());
                }
            }
        }
    }
    missing.into_keys().map(Value::String).collect()
}

/// Refuses roles and bindings that would grant more than the one who writes them has.
pub(crate) fn no_escalation(
    server: &Server,
    user: &User,
    resource: &ServedResource,
    object: &Value,
) -> Result<(), Status> {
    if resource.group != "rbac.authorization.k8s.io" || user.is_administrator() {
        return Ok(());
    }
    let store = server.store();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let binding = resource.plural.ends_with("bindings");
    let (verb, target, wanted) = if binding {
        let role = &object["roleRef"];
        let plural = if role["kind"] == "Role" { "roles" } else { "clusterroles" };
        let target = (plural, role["name"].as_str().unwrap_or_default());
        ("bind", target, rules_of(&store, role, namespace))
    } else {
        let rules = list(object, "rules").cloned().collect();
        ("escalate", (resource.plural.as_str(), name), rules)
    };
    let wish = Wish::Objects { verb, group: &resource.group, resource: target.0, namespace, name: target.1 };
    if allowed(&store, user, &wish) {
        return Ok(());
    }
    let missing = missing(&granted(&store, user, namespace), &wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let lines: Vec<&str> = missing.iter().filter_map(Value::as_str).collect();
    let groups: Vec<String> = user.groups.iter().map(|group| format!("{group:?}")).collect();
    let why = format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        groups.join(" "),
        lines.join("\n")
    );
    Err(Status::forbidden(resource, name, &why))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_cover_verbs_groups_resources_and_names() {
        let rule = json!({"verbs": ["get", "patch"], "apiGroups": ["apps"],
            "resources": ["deployments", "*/scale"], "resourceNames": ["web"]});
        let wish = |verb: &'static str, resource: &'static str, name: &'static str| Wish::Objects {
            verb,
            group: "apps",
            resource,
            namespace: "n",
            name,
        };
        assert!(covers(&rule, &wish("get", "deployments", "web")));
        assert!(covers(&rule, &wish("patch", "statefulsets/scale", "web")));
        assert!(!covers(&rule, &wish("get", "deployments", "other")));
        assert!(!covers(&rule, &wish("list", "deployments", "web")));
        assert!(!covers(&rule, &wish("get", "statefulsets", "web")));
    }

    #[test]
    fn what_is_missing_is_named() {
        let held = [json!({"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]})];
        let wanted = [json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps", "secrets"]})];
        assert_eq!(
            missing(&held, &wanted),
            [
                json!("{APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"list\"]}"),
                json!("{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"list\"]}")
            ]
        );
    }
}
