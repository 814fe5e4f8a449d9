//! Discovery, legacy and aggregated; version and health.

use serde_json::{Map, Value, json};

use super::{
    reply::Reply,
    resources::{Registry, ServedResource},
    route::Target,
    server::{Server, locked},
    status::Status,
};

/// Content type of aggregated discovery.
pub(crate) const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Answers a request for anything but objects.
pub(crate) fn answer(server: &Server, target: &Target, accept: &str) -> Result<Reply, Status> {
    let registry = server.registry();
    let silent = locked(&server.faults).silent_groups();
    let aggregated = accept.split(',').take_while(|range| range.contains("as=")).any(|range| {
        range.contains("as=APIGroupDiscoveryList") && range.contains("v=v2") && !range.contains("v2beta1")
    });
    let value = match target {
        Target::Core if aggregated => aggregate(&registry, true, &silent),
        Target::Groups if aggregated => aggregate(&registry, false, &silent),
        Target::Version(group, _) if silent.contains(group) => {
            return Err(Status::plain(
                503,
                "ServiceUnavailable",
                "the server is currently unable to handle the request",
            ));
        }
        Target::Core => json!({
            "kind": "APIVersions",
            "versions": ["v1"],
            "serverAddressByClientCIDRs": [],
        }),
        Target::Groups => json!({
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": groups(&registry).iter().map(|name| group(&registry, name)).collect::<Vec<_>>(),
        }),
        Target::Group(name) if groups(&registry).contains(name) => {
            let mut one = group(&registry, name);
            one["kind"] = json!("APIGroup");
            one["apiVersion"] = json!("v1");
            one
        }
        Target::Version(group, version) if registry.serves(group, version) => version_list(&registry, group, version),
        Target::Other(path) if path.starts_with("/openapi/v3") => open_api(&registry, path)?,
        Target::Other(path) => return other(path),
        _ => return Err(unknown()),
    };
    Ok(Reply::ok(value.to_string()))
}

fn unknown() -> Status {
    Status::plain(404, "", "404 page not found")
}

fn other(path: &str) -> Result<Reply, Status> {
    let health = ["/healthz", "/livez", "/readyz"];
    if health.iter().any(|start| path == *start || path.starts_with(&format!("{start}/"))) {
        return Ok(Reply::Text(200, "ok".to_owned()));
    }
    match path {
        "/version" | "/version/" => Ok(Reply::ok(version().to_string())),
        "/" | "" => {
            let paths = json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version"]});
            Ok(Reply::ok(paths.to_string()))
        }
        _ => Err(unknown()),
    }
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": "v1.36.2",
        "gitCommit": "sandbox",
        "gitTreeState": "clean",
        "buildDate": "2026-07-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// Names of the groups in the order of discovery, without the core group.
fn groups(registry: &Registry) -> Vec<String> {
    let mut names = Vec::new();
    for resource in registry.all() {
        if !resource.group.is_empty() && !names.contains(&resource.group) {
            names.push(resource.group.clone());
        }
    }
    names
}

fn versions(registry: &Registry, group: &str) -> Vec<String> {
    let mut names = Vec::new();
    for resource in registry.all().filter(|resource| resource.group == group) {
        if !names.contains(&resource.version) {
            names.push(resource.version.clone());
        }
    }
    names.sort_by_key(|name| std::cmp::Reverse(rank(name)));
    names
}

/// Order of versions: `v2` over `v1` over `v1beta2` over `v1alpha1`.
fn rank(version: &str) -> (u8, u64, u64) {
    let rest = version.trim_start_matches('v');
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let major = rest[..end].parse().unwrap_or(0);
    let tail = &rest[end..];
    let minor = tail.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let stage = match tail {
        "" => 2,
        tail if tail.starts_with("beta") => 1,
        _ => 0,
    };
    (stage, major, minor.parse().unwrap_or(0))
}

fn group(registry: &Registry, name: &str) -> Value {
    let versions: Vec<Value> = versions(registry, name)
        .iter()
        .map(|version| json!({"groupVersion": format!("{name}/{version}"), "version": version}))
        .collect();
    json!({"name": name, "versions": versions, "preferredVersion": versions.first()})
}

fn list_members(resource: &ServedResource, entry: &mut Value) {
    for (name, words) in [("shortNames", &resource.short_names), ("categories", &resource.categories)] {
        if !words.is_empty() {
            entry[name] = json!(words);
        }
    }
}

/// Kind of a subresource: group, version, kind.
fn subresource_kind(resource: &ServedResource, name: &str) -> (String, String, String) {
    match name {
        "scale" => ("autoscaling".to_owned(), "v1".to_owned(), "Scale".to_owned()),
        "eviction" => ("policy".to_owned(), "v1".to_owned(), "Eviction".to_owned()),
        "token" => ("authentication.k8s.io".to_owned(), "v1".to_owned(), "TokenRequest".to_owned()),
        _ => (String::new(), String::new(), resource.kind.clone()),
    }
}

fn subresource_verbs(name: &str) -> &'static [&'static str] {
    match name {
        "eviction" | "token" => &["create"],
        "finalize" => &["update"],
        _ => &["get", "patch", "update"],
    }
}

fn version_list(registry: &Registry, group: &str, version: &str) -> Value {
    let mut entries: Vec<Value> = Vec::new();
    let wanted = |resource: &&std::sync::Arc<ServedResource>| resource.group == group && resource.version == version;
    for resource in registry.all().filter(wanted) {
        let mut entry = json!({
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": resource.verbs,
        });
        list_members(resource, &mut entry);
        entries.push(entry);
        for name in &resource.subresources {
            let (of, version, kind) = subresource_kind(resource, name);
            let mut entry = json!({
                "name": format!("{}/{name}", resource.plural),
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": kind,
                "verbs": subresource_verbs(name),
            });
            if !of.is_empty() {
                entry["group"] = json!(of);
                entry["version"] = json!(version);
            }
            entries.push(entry);
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": entries,
    })
}

fn aggregated_resource(resource: &ServedResource) -> Value {
    let kind = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": kind(&resource.group, &resource.version, &resource.kind),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    list_members(resource, &mut entry);
    let subresources: Vec<Value> = resource
        .subresources
        .iter()
        .map(|name| {
            let (mut group, mut version, word) = subresource_kind(resource, name);
            if version.is_empty() {
                (group, version) = (resource.group.clone(), resource.version.clone());
            }
            json!({
                "subresource": name,
                "responseKind": kind(&group, &version, &word),
                "verbs": subresource_verbs(name),
            })
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = json!(subresources);
    }
    entry
}

/// Of a group that is silent the versions are known, and none of their kinds.
fn aggregate(registry: &Registry, core: bool, silent: &[String]) -> Value {
    let names = if core { vec![String::new()] } else { groups(registry) };
    let items: Vec<Value> = names
        .iter()
        .map(|name| {
            let versions: Vec<Value> = versions(registry, name)
                .iter()
                .map(|version| {
                    if silent.contains(name) {
                        return json!({"version": version, "freshness": "Stale"});
                    }
                    let wanted = |resource: &&std::sync::Arc<ServedResource>| {
                        resource.group == *name && resource.version == *version
                    };
                    let resources: Vec<Value> =
                        registry.all().filter(wanted).map(|resource| aggregated_resource(resource)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let mut metadata = Map::new();
            if !name.is_empty() {
                metadata.insert("name".to_owned(), json!(name));
            }
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

/// As much of `OpenAPI` v3 as kubectl needs to learn that fields are validated here: the patch of each
/// resource with its parameter `fieldValidation`. There are no schemas in it.
fn open_api(registry: &Registry, path: &str) -> Result<Value, Status> {
    let place = |resource: &ServedResource| {
        let root = if resource.group.is_empty() { "api" } else { "apis" };
        format!("{root}/{}", resource.api_version())
    };
    let wanted = path.trim_start_matches("/openapi/v3").trim_matches('/');
    if wanted.is_empty() {
        let paths: Map<String, Value> = registry
            .all()
            .map(|resource| {
                let place = place(resource);
                let address = format!("/openapi/v3/{place}");
                (place, json!({"serverRelativeURL": address}))
            })
            .collect();
        return Ok(json!({"paths": paths}));
    }
    let paths: Map<String, Value> = registry
        .all()
        .filter(|resource| place(resource) == wanted && resource.stored())
        .map(|resource| {
            let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
            let operation = json!({
                "x-kubernetes-group-version-kind":
                    {"group": resource.group, "version": resource.version, "kind": resource.kind},
                "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"description": "OK"}},
            });
            (format!("/{wanted}/{scope}{}/{{name}}", resource.plural), json!({"patch": operation}))
        })
        .collect();
    if paths.is_empty() {
        return Err(unknown());
    }
    let info = json!({"title": "sandbox", "version": "v1.36.2"});
    Ok(json!({"openapi": "3.0.0", "info": info, "paths": paths}))
}
