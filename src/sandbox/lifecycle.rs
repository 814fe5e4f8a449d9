//! What the server itself puts into objects: identity, generation, first status, allocated values;
//! and the objects that are there from the beginning.

use serde_json::{Map, Value, json};

use super::{
    custom, fields::section, generation, resources::ServedResource, server::Server, status::Status, store::Store,
};

/// Identity and first values of a new object, which has its name and namespace already.
///
/// `sent` is the object as the request brought it.
pub(crate) fn prepare_new(server: &Server, resource: &ServedResource, sent: &Value, object: &mut Value) {
    let uid = server.uid();
    let now = server.clock.text();
    let metadata = section(object, "metadata");
    for name in ["deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "selfLink"] {
        metadata.remove(name);
    }
    metadata.insert("uid".to_owned(), Value::from(uid.as_str()));
    metadata.insert("creationTimestamp".to_owned(), Value::from(now));
    metadata.remove("generation");
    if generation::is_counted(resource) {
        metadata.insert("generation".to_owned(), Value::from(1));
    }
    if let Some(custom) = &resource.custom {
        if resource.has("status") {
            drop_member(object, "status");
        }
        // Defaults may say a status, too.
        custom::fill(custom.schema(&resource.version), object);
    } else {
        prepare_built_in(server, resource, sent, object, &uid);
    }
}

fn drop_member(object: &mut Value, name: &str) {
    if let Value::Object(fields) = object {
        fields.remove(name);
    }
}

fn prepare_built_in(server: &Server, resource: &ServedResource, sent: &Value, object: &mut Value, uid: &str) {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => {
            let spec = section(object, "spec");
            let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
            if let Value::Array(list) = finalizers
                && !list.iter().any(|one| one == "kubernetes")
            {
                list.push(json!("kubernetes"));
            }
            object["status"] = json!({"phase": "Active"});
        }
        ("", "persistentvolumeclaims") => {
            add_finalizer(object, "kubernetes.io/pvc-protection");
            object["status"] = json!({"phase": "Pending"});
        }
        ("", "persistentvolumes") => {
            add_finalizer(object, "kubernetes.io/pv-protection");
            object["status"] = json!({"phase": "Pending"});
        }
        ("", "pods") => object["status"] = json!({"phase": "Pending", "qosClass": qos(object)}),
        ("", "services") => allocate(server, object, None),
        ("batch", "jobs") => name_job(sent, object, uid),
        ("apiextensions.k8s.io", "customresourcedefinitions") => prepare_definition(object),
        _ => {}
    }
}

fn qos(pod: &Value) -> &'static str {
    let containers = pod["spec"]["containers"].as_array();
    let mut all = containers.into_iter().flatten().peekable();
    let set =
        |container: &Value, name: &str| container["resources"][name].as_object().is_some_and(|list| !list.is_empty());
    let any = containers.into_iter().flatten().any(|container| set(container, "limits") || set(container, "requests"));
    let full = all.peek().is_some()
        && all.all(|container| {
            let limits = &container["resources"]["limits"];
            let requests = &container["resources"]["requests"];
            ["cpu", "memory"]
                .iter()
                .all(|name| limits[name].is_string() && (requests[name].is_null() || requests[name] == limits[name]))
        });
    match (any, full) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn add_finalizer(object: &mut Value, name: &str) {
    let metadata = section(object, "metadata");
    let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
    if let Value::Array(list) = list
        && !list.iter().any(|one| one == name)
    {
        list.push(json!(name));
    }
}

/// A job finds its pods by labels that hold its uid. A job that is sent without labels shares those of its template.
fn name_job(sent: &Value, object: &mut Value, uid: &str) {
    if object["spec"]["manualSelector"] == json!(true) {
        return;
    }
    let name = object["metadata"]["name"].clone();
    let template = &mut section(object, "spec")["template"];
    let labels = section(template, "metadata");
    let labels = labels.entry("labels").or_insert_with(|| json!({}));
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &json!(uid)),
        ("controller-uid", &json!(uid)),
        ("batch.kubernetes.io/job-name", &name),
        ("job-name", &name),
    ] {
        labels[key] = value.clone();
    }
    let own = labels.clone();
    let metadata = section(object, "metadata");
    let is_empty = |labels: &Value| labels.as_object().is_none_or(Map::is_empty);
    if is_empty(&sent["metadata"]["labels"]) {
        metadata.insert("labels".to_owned(), own);
    }
    section(object, "spec")
        .insert("selector".to_owned(), json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}));
}

pub(crate) fn prepare_definition(object: &mut Value) {
    let spec = section(object, "spec");
    let names = spec.entry("names").or_insert_with(|| json!({}));
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if names["singular"].as_str().is_none_or(str::is_empty) {
        names["singular"] = json!(kind.to_lowercase());
    }
    if names["listKind"].as_str().is_none_or(str::is_empty) {
        names["listKind"] = json!(format!("{kind}List"));
    }
    spec.entry("conversion").or_insert_with(|| json!({"strategy": "None"}));
    let versions = spec.get("versions").and_then(Value::as_array);
    let stored = versions
        .into_iter()
        .flatten()
        .filter(|version| version["storage"] == json!(true))
        .map(|version| version["name"].clone())
        .collect::<Vec<_>>();
    object["status"] = json!({
        "conditions": null,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": stored,
    });
}

/// Gives a Service its address and ports, or keeps those that it has.
pub(crate) fn allocate(server: &Server, object: &mut Value, live: Option<&Value>) {
    let bytes = server.random::<4>();
    let spec = section(object, "spec");
    let kind = spec.get("type").and_then(Value::as_str).unwrap_or("ClusterIP").to_owned();
    if kind == "ExternalName" {
        for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            spec.remove(name);
        }
    } else {
        let had = live.map(|live| &live["spec"]);
        let inherited = had.and_then(|had| had["clusterIP"].as_str()).filter(|ip| !ip.is_empty());
        let given = spec.get("clusterIP").and_then(Value::as_str).filter(|ip| !ip.is_empty());
        let address =
            given.or(inherited).map_or_else(|| format!("10.96.{}.{}", bytes[0], bytes[1].clamp(2, 250)), str::to_owned);
        spec.insert("clusterIP".to_owned(), json!(address));
        if spec.get("clusterIPs").is_none_or(|list| list.as_array().is_none_or(Vec::is_empty)) {
            spec.insert("clusterIPs".to_owned(), json!([address]));
        }
        if spec.get("ipFamilies").is_none_or(|list| list.as_array().is_none_or(Vec::is_empty)) {
            let family = if address.contains(':') { "IPv6" } else { "IPv4" };
            spec.insert("ipFamilies".to_owned(), json!([family]));
        }
        spec.entry("ipFamilyPolicy").or_insert_with(|| json!("SingleStack"));
    }
    if kind == "NodePort" || kind == "LoadBalancer" {
        allocate_node_ports(spec, live, u16::from_be_bytes([bytes[2], bytes[3]]));
    }
    if live.is_none() {
        object["status"] = json!({"loadBalancer": {}});
    }
}

fn allocate_node_ports(spec: &mut Map<String, Value>, live: Option<&Value>, start: u16) {
    let had = live.and_then(|live| live["spec"]["ports"].as_array());
    let Some(Value::Array(ports)) = spec.get_mut("ports") else {
        return;
    };
    for (place, port) in (0_u16..).zip(ports.iter_mut()) {
        if port["nodePort"].as_u64().is_some_and(|number| number > 0) {
            continue;
        }
        let same =
            had.into_iter().flatten().find(|one| one["port"] == port["port"] && one["protocol"] == port["protocol"]);
        let number = same
            .and_then(|one| one["nodePort"].as_u64())
            .unwrap_or_else(|| 30_000 + u64::from(start.wrapping_add(place)) % 2_768);
        port["nodePort"] = json!(number);
    }
}

/// System values of an object that is written over `live`, before its fields are compared: identity
/// cannot be changed, and what belongs to another endpoint stays as it is.
pub(crate) fn carry_over(resource: &ServedResource, subresource: &str, live: &Value, object: &mut Value) {
    let had = &live["metadata"];
    let metadata = section(object, "metadata");
    for name in [
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
        "name",
        "namespace",
        "selfLink",
        "generateName",
    ] {
        match had.get(name) {
            Some(value) => metadata.insert(name.to_owned(), value.clone()),
            None => metadata.remove(name),
        };
    }
    match subresource {
        "status" => {
            let status = object.get("status").cloned();
            let managed = object["metadata"].get("managedFields").cloned();
            let conditions_of_metadata = ["labels", "annotations", "finalizers", "ownerReferences"];
            let kept = object.clone();
            *object = live.clone();
            set(object, "status", status);
            let metadata = section(object, "metadata");
            if let Some(managed) = managed {
                metadata.insert("managedFields".to_owned(), managed);
            }
            if resource.custom.is_none() {
                for name in conditions_of_metadata {
                    match kept["metadata"].get(name) {
                        Some(value) => metadata.insert(name.to_owned(), value.clone()),
                        None => metadata.remove(name),
                    };
                }
            }
        }
        "finalize" => {
            let finalizers = object["spec"].get("finalizers").cloned();
            *object = live.clone();
            set(&mut object["spec"], "finalizers", finalizers);
        }
        _ if resource.has("status") => set(object, "status", live.get("status").cloned()),
        _ => {}
    }
    if resource.is("", "namespaces") && subresource != "finalize" {
        set(section_value(object, "spec"), "finalizers", live["spec"].get("finalizers").cloned());
    }
}

fn section_value<'a>(object: &'a mut Value, name: &str) -> &'a mut Value {
    section(object, name);
    &mut object[name]
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if let Value::Object(fields) = object {
        match value {
            Some(value) => fields.insert(name.to_owned(), value),
            None => fields.remove(name),
        };
    }
}

/// Takes away from a Service whose type moved what only the old type had, where the request left it as it was.
fn drop_fields_of_other_types(live: &Value, object: &mut Value) {
    let balanced: &[&str] = &["LoadBalancer"];
    let exposed: &[&str] = &["LoadBalancer", "NodePort"];
    let (had, has) = (live["spec"]["type"].clone(), object["spec"]["type"].clone());
    let is_over = |types: &[&str]| types.iter().any(|one| had == **one) && !types.iter().any(|one| has == **one);
    for (name, types) in [
        ("allocateLoadBalancerNodePorts", balanced),
        ("healthCheckNodePort", balanced),
        ("loadBalancerClass", balanced),
        ("externalTrafficPolicy", exposed),
    ] {
        if is_over(types) && object["spec"].get(name) == live["spec"].get(name) {
            set(&mut object["spec"], name, None);
        }
    }
    let ports = |object: &Value| -> Vec<Value> {
        object["spec"]["ports"].as_array().into_iter().flatten().map(|port| port["nodePort"].clone()).collect()
    };
    if is_over(exposed) && ports(live) == ports(object) {
        for port in object["spec"]["ports"].as_array_mut().into_iter().flatten() {
            set(port, "nodePort", None);
        }
    }
}

/// Values that the server allocated and clients leave out, taken from what is live; jobs and
/// definitions keep what they were given on creation.
pub(crate) fn keep_allocated(server: &Server, resource: &ServedResource, live: &Value, object: &mut Value) {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "services") => {
            let kind = object["spec"]["type"].as_str().unwrap_or("ClusterIP");
            let same = live["spec"]["type"] != "ExternalName";
            if kind != "ExternalName" && same {
                for name in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                    if object["spec"].get(name).is_none() {
                        set(&mut object["spec"], name, live["spec"].get(name).cloned());
                    }
                }
            }
            drop_fields_of_other_types(live, object);
            allocate(server, object, Some(live));
        }
        ("batch", "jobs") => {
            for name in ["selector", "manualSelector"] {
                if object["spec"].get(name).is_none() {
                    set(&mut object["spec"], name, live["spec"].get(name).cloned());
                }
            }
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            let status = live.get("status").cloned();
            prepare_definition(object);
            set(object, "status", status);
            keep_versions(object);
        }
        _ => {}
    }
}

fn keep_versions(object: &mut Value) {
    let versions = object["spec"]["versions"].as_array().cloned().unwrap_or_default();
    let Some(stored) = object["status"]["storedVersions"].as_array_mut() else {
        return;
    };
    for version in versions.iter().filter(|version| version["storage"] == json!(true)) {
        if !stored.contains(&version["name"]) {
            stored.push(version["name"].clone());
        }
    }
}

/// The conditions by which a new definition is known to be served.
pub(crate) fn establish(server: &Server, definition: &mut Value) {
    let now = server.clock.text();
    let spec = &definition["spec"];
    let mut names = spec["names"].clone();
    if let Value::Object(fields) = &mut names {
        fields.retain(|_, value| !value.is_null());
    }
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let stored = definition["status"]["storedVersions"].clone();
    definition["status"] = json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": names,
        "storedVersions": stored,
    });
}
/// Refuses new objects in a namespace that is not there, or is going.
pub(crate) fn admit_new(server: &Server, resource: &ServedResource, namespace: &str, name: &str) -> Result<(), Status> {
    if !resource.namespaced {
        return Ok(());
    }
    let Some(live) = server.namespace(namespace) else {
        let registry = server.registry();
        let kind = registry.find("", "v1", "namespaces").cloned();
        let kind = kind.ok_or_else(Status::no_such_resource)?;
        return Err(Status::not_found(&kind, namespace));
    };
    if live["status"]["phase"] != "Terminating" && live["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut status = Status::forbidden(resource, name, &why);
    if let Some(details) = &mut status.details {
        details["causes"] = json!([{
            "reason": "NamespaceTerminating",
            "message": format!("namespace {namespace} is being terminated"),
            "field": "metadata.namespace",
        }]);
    }
    Err(status)
}
/// Whether any object of a resource is left.
pub(crate) fn any_left(store: &Store, resource: &ServedResource) -> bool {
    !store.list(&resource.storage(), None).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_sent_without_labels_shares_those_of_its_pods() {
        let job = |labels: Value| json!({"metadata": {"name": "j", "labels": labels}, "spec": {"template": {"metadata": {"labels": {"app": "x"}}}}});
        let named = |sent: Value| {
            let mut object =
                if sent["metadata"]["labels"].is_object() { sent.clone() } else { job(json!({"app": "x"})) };
            name_job(&sent, &mut object, "u");
            object["metadata"]["labels"].clone()
        };
        let all = json!({"app": "x", "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j",
            "controller-uid": "u", "job-name": "j"});
        assert_eq!(named(job(Value::Null)), all);
        assert_eq!(named(job(json!({"app": "x"}))), json!({"app": "x"}));
    }
}
