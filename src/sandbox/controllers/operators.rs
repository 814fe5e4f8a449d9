//! What custom resources need to be ready, and what their operators leave behind.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use serde_json::{Map, Value, json};

use super::{
    workloads::{ClusterView, condition},
    write::ControllerWrite,
};
use crate::sandbox::server::hex;

/// The writes that make a custom resource ready; none when it is, or needs nothing.
pub(crate) fn writes(group: &str, kind: &str, object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    match (group, kind) {
        ("postgresql.cnpg.io", "Cluster") => cluster(object, world),
        ("postgresql.cnpg.io", "Database" | "DatabaseRole") => vec![ControllerWrite::Status(applied(object, world))],
        ("postgresql.cnpg.io", "Pooler") => pooler(object),
        ("garage.rajsingh.info", "GarageBucket") => vec![ControllerWrite::Status(bucket(object, world))],
        ("garage.rajsingh.info", "GarageKey") => key(object, world),
        ("cert-manager.io", "Certificate") => certificate(object, world),
        ("gateway.networking.k8s.io", "HTTPRoute") => vec![ControllerWrite::Status(route(object, world))],
        ("gateway.networking.k8s.io", "ListenerSet" | "Gateway") => {
            vec![ControllerWrite::Status(listeners(kind, object, world))]
        }
        ("gateway.networking.k8s.io", "GatewayClass") => {
            vec![ControllerWrite::Status(json!({"conditions": [observed(object, world, "Accepted", "Accepted")]}))]
        }
        ("psmdb.percona.com", "PerconaServerMongoDB") => mongodb(object, world),
        ("objectbucket.io", "ObjectBucketClaim") => claim(object, world),
        ("k8s.mariadb.com" | "garage.rajsingh.info", _) | ("cert-manager.io", "Issuer" | "ClusterIssuer") => {
            vec![ControllerWrite::Status(json!({"conditions": [observed(object, world, "Ready", "Ready")]}))]
        }
        _ => Vec::new(),
    }
}

fn ready_or<'a>(world: &ClusterView<'_>, ready: &'a str, failed: &'a str) -> &'a str {
    if world.failure.is_some() { failed } else { ready }
}

/// A condition with the generation that it was made for.
fn observed(object: &Value, world: &ClusterView<'_>, kind: &str, reason: &str) -> Value {
    let reason = ready_or(world, reason, "Failed");
    let mut condition = condition(world, kind, world.failure.is_none(), reason, world.failure.unwrap_or_default());
    if let Some(generation) = object["metadata"].get("generation") {
        condition["observedGeneration"] = generation.clone();
    }
    condition
}

fn word<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Letters and digits that nobody guesses.
fn secret_word() -> String {
    let mut bytes = [0; 24];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return String::new();
    }
    hex(&bytes)
}

/// Letters and digits that stay the same for one object.
fn stable_word(object: &Value, purpose: &str, length: usize) -> String {
    let uid = word(object, "/metadata/uid");
    let hash = digest::digest(&digest::SHA256, format!("{purpose}/{uid}").as_bytes());
    let digits = hex(hash.as_ref());
    digits[..length.min(digits.len())].to_owned()
}

fn owner(object: &Value) -> Value {
    json!([{
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"],
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

fn secret(object: &Value, name: &str, kind: &str, data: &[(&str, String)], owned: bool) -> ControllerWrite {
    let data: Map<String, Value> =
        data.iter().map(|(key, value)| ((*key).to_owned(), json!(STANDARD.encode(value)))).collect();
    let mut made = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": object["metadata"]["namespace"]},
        "type": kind,
        "data": data,
    });
    if owned {
        made["metadata"]["ownerReferences"] = owner(object);
    }
    ControllerWrite::Ensure("secrets", made)
}

/// The Service of its poolers, and how many there are.
fn pooler(object: &Value) -> Vec<ControllerWrite> {
    let name = word(object, "/metadata/name");
    let selector = json!({"cnpg.io/poolerName": name});
    let instances = object["spec"]["instances"].as_i64().unwrap_or(1);
    let service =
        operator_service(object, name, &selector, json!({"name": "pgbouncer", "port": 5432, "targetPort": 5432}));
    vec![service, ControllerWrite::Status(json!({"instances": instances}))]
}

/// The headless Service of each replica set, the operator's own users, the claims of the servers, and their state.
fn mongodb(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let name = word(object, "/metadata/name");
    let default = format!("{name}-secrets");
    let users = object.pointer("/spec/secrets/users").and_then(Value::as_str).unwrap_or(&default);
    let made = ["BACKUP", "DATABASE_ADMIN", "CLUSTER_ADMIN", "CLUSTER_MONITOR", "USER_ADMIN"];
    let words: Vec<(String, String)> =
        made.iter().map(|user| (format!("MONGODB_{user}_PASSWORD"), secret_word())).collect();
    let data: Vec<(&str, String)> = words.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let mut writes = vec![secret(object, users, "Opaque", &data, false)];
    let mut size = 0;
    for set in object["spec"]["replsets"].as_array().into_iter().flatten() {
        let set_name = set["name"].as_str().unwrap_or("rs0");
        let selector = json!({"app.kubernetes.io/instance": name, "app.kubernetes.io/replset": set_name});
        let ports = json!({"name": "mongodb", "port": 27017, "targetPort": 27017});
        writes.push(operator_service(object, &format!("{name}-{set_name}"), &selector, ports));
        let members = set["size"].as_i64().unwrap_or(1);
        writes.extend((0..members).map(|number| mongodb_claim(object, set, &format!("{name}-{set_name}-{number}"))));
        size += members;
    }
    let paused = object["spec"]["pause"] == true;
    let state = if paused { "paused" } else { ready_or(world, "ready", "error") };
    let ready = if paused || world.failure.is_some() { 0 } else { size };
    writes.push(ControllerWrite::Status(json!({
        "state": state,
        "ready": ready,
        "size": size,
        "observedGeneration": object["metadata"]["generation"],
    })));
    writes
}

/// The claim of one server. It stays when the replica set goes.
fn mongodb_claim(object: &Value, set: &Value, server: &str) -> ControllerWrite {
    let spec = set["volumeSpec"]["persistentVolumeClaim"].clone();
    ControllerWrite::Ensure(
        "persistentvolumeclaims",
        json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": format!("mongod-data-{server}"),
                "namespace": object["metadata"]["namespace"],
                "labels": {"app.kubernetes.io/instance": word(object, "/metadata/name")},
            },
            "spec": spec,
        }),
    )
}

fn operator_service(object: &Value, name: &str, selector: &Value, port: Value) -> ControllerWrite {
    ControllerWrite::Ensure(
        "services",
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": name,
                "namespace": object["metadata"]["namespace"],
                "ownerReferences": owner(object),
            },
            "spec": {"selector": selector, "ports": [port]},
        }),
    )
}

fn cluster(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let name = word(object, "/metadata/name");
    let namespace = word(object, "/metadata/namespace");
    let instances = object["spec"]["instances"].as_i64().unwrap_or(1);
    let mut writes = cluster_secrets(object, name, namespace);
    for role in ["rw", "ro", "r"] {
        writes.push(cluster_service(object, name, role));
    }
    for number in 1..=instances {
        writes.push(cluster_claim(object, name, number));
    }
    let names: Vec<String> = (1..=instances).map(|number| format!("{name}-{number}")).collect();
    let ready = if world.failure.is_some() { 0 } else { instances };
    let conditions = json!([
        condition(
            world,
            "Ready",
            world.failure.is_none(),
            ready_or(world, "ClusterIsReady", "ClusterIsNotReady"),
            world.failure.unwrap_or("Cluster is Ready"),
        ),
        condition(world, "ContinuousArchiving", true, "ContinuousArchivingSuccess", "Continuous archiving is working"),
    ]);
    writes.push(ControllerWrite::Status(json!({
        "instances": instances,
        "readyInstances": if ready == 0 { Value::Null } else { json!(ready) },
        "currentPrimary": names.first(),
        "targetPrimary": names.first(),
        "instanceNames": names,
        "image": object["spec"].get("imageName"),
        "phase": ready_or(world, "Cluster in healthy state", "Not enough disk space"),
        "phaseReason": world.failure,
        "readService": format!("{name}-r"),
        "writeService": format!("{name}-rw"),
        "pvcCount": instances,
        "systemID": stable_word(object, "system", 19),
        "healthyPVC": names,
        "conditions": conditions,
    })));
    writes
}

fn cluster_secrets(object: &Value, name: &str, namespace: &str) -> Vec<ControllerWrite> {
    let init = &object["spec"]["bootstrap"]["initdb"];
    let database = init["database"].as_str().unwrap_or("app");
    let user = init["owner"].as_str().unwrap_or(database);
    let mut writes = Vec::new();
    if init["secret"].is_null() {
        writes.push(login(object, &format!("{name}-app"), user, database, name, namespace));
    }
    if object["spec"]["enableSuperuserAccess"] == json!(true) && object["spec"]["superuserSecret"].is_null() {
        writes.push(login(object, &format!("{name}-superuser"), "postgres", "*", name, namespace));
    }
    let data = [("ca.crt", "simulated".to_owned()), ("ca.key", "simulated".to_owned())];
    writes.push(secret(object, &format!("{name}-ca"), "Opaque", &data, true));
    writes
}

fn login(
    object: &Value,
    secret_name: &str,
    user: &str,
    database: &str,
    cluster: &str,
    namespace: &str,
) -> ControllerWrite {
    let password = secret_word();
    let host = format!("{cluster}-rw");
    let address = format!("{host}.{namespace}:5432/{database}");
    let data = [
        ("username", user.to_owned()),
        ("user", user.to_owned()),
        ("password", password.clone()),
        ("dbname", database.to_owned()),
        ("host", host.clone()),
        ("port", "5432".to_owned()),
        ("pgpass", format!("{host}:5432:{database}:{user}:{password}\n")),
        ("uri", format!("postgresql://{user}:{password}@{address}")),
        ("jdbc-uri", format!("jdbc:postgresql://{address}?password={password}&user={user}")),
    ];
    secret(object, secret_name, "kubernetes.io/basic-auth", &data, true)
}

fn cluster_service(object: &Value, name: &str, role: &str) -> ControllerWrite {
    let mut selector = json!({"cnpg.io/cluster": name});
    match role {
        "rw" => selector["cnpg.io/instanceRole"] = json!("primary"),
        "ro" => selector["cnpg.io/instanceRole"] = json!("replica"),
        _ => selector["cnpg.io/podRole"] = json!("instance"),
    }
    ControllerWrite::Ensure(
        "services",
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": format!("{name}-{role}"),
                "namespace": object["metadata"]["namespace"],
                "labels": {"cnpg.io/cluster": name},
                "ownerReferences": owner(object),
            },
            "spec": {"selector": selector, "ports": [{"name": "postgres", "port": 5432, "targetPort": 5432}]},
        }),
    )
}

fn cluster_claim(object: &Value, name: &str, number: i64) -> ControllerWrite {
    let storage = &object["spec"]["storage"];
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage["size"].as_str().unwrap_or("1Gi")}},
    });
    if let Some(class) = storage["storageClass"].as_str() {
        spec["storageClassName"] = json!(class);
    }
    ControllerWrite::Ensure(
        "persistentvolumeclaims",
        json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                "name": format!("{name}-{number}"),
                "namespace": object["metadata"]["namespace"],
                "labels": {"cnpg.io/cluster": name, "cnpg.io/pvcRole": "PG_DATA"},
                "ownerReferences": owner(object),
            },
            "spec": spec,
        }),
    )
}

fn applied(object: &Value, world: &ClusterView<'_>) -> Value {
    json!({
        "applied": world.failure.is_none(),
        "message": world.failure,
        "observedGeneration": object["metadata"]["generation"],
    })
}

fn bucket(object: &Value, world: &ClusterView<'_>) -> Value {
    let name = word(object, "/metadata/name");
    json!({
        "phase": ready_or(world, "Ready", "Failed"),
        "bucketId": stable_word(object, "bucket", 64),
        "globalAlias": object["spec"]["globalAlias"].as_str().unwrap_or(name),
        "observedGeneration": object["metadata"]["generation"],
        "createdAt": world.now,
        "conditions": [observed(object, world, "Ready", "BucketReady")],
    })
}

fn key(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let template = &object["spec"]["secretTemplate"];
    let name = template["name"].as_str().unwrap_or_else(|| word(object, "/metadata/name"));
    let id = format!("GK{}", stable_word(object, "key", 24));
    let mut writes = Vec::new();
    if world.failure.is_none() {
        writes.push(key_secret(object, template, name, &id));
    }
    writes.push(ControllerWrite::Status(json!({
        "phase": ready_or(world, "Ready", "Failed"),
        "accessKeyId": id,
        "keyId": id,
        "secretRef": {"name": name, "namespace": object["metadata"]["namespace"]},
        "observedGeneration": object["metadata"]["generation"],
        "createdAt": world.now,
        "conditions": [observed(object, world, "Ready", "KeyReady")],
    })));
    writes
}

fn key_secret(object: &Value, template: &Value, name: &str, id: &str) -> ControllerWrite {
    let named = |field: &str, default: &'static str| template[field].as_str().unwrap_or(default).to_owned();
    let wanted = |field: &str, default: bool| template[field].as_bool().unwrap_or(default);
    let cluster = word(object, "/spec/clusterRef/name");
    let namespace = object["spec"]["clusterRef"]["namespace"].as_str();
    let namespace = namespace.unwrap_or_else(|| word(object, "/metadata/namespace"));
    let host = format!("{cluster}.{namespace}.svc.cluster.local:3900");
    let password = secret_word();
    let mut data = vec![
        (named("accessKeyIdKey", "access-key-id"), id.to_owned()),
        (named("secretAccessKeyKey", "secret-access-key"), password.clone()),
    ];
    if wanted("includeEndpoint", true) {
        data.push((named("endpointKey", "endpoint"), format!("http://{host}")));
        data.push((named("hostKey", "host"), host));
        data.push((named("schemeKey", "scheme"), "http".to_owned()));
    }
    if wanted("includeRegion", true) {
        data.push((named("regionKey", "region"), "garage".to_owned()));
    }
    let permissions = object["spec"]["bucketPermissions"].as_array();
    let first = permissions.and_then(|list| list.first());
    let bucket = first.and_then(|one| one["globalAlias"].as_str().or_else(|| one["bucketRef"]["name"].as_str()));
    if let Some(bucket) = bucket.filter(|_| wanted("includeBucketName", true)) {
        data.push((named("bucketNameKey", "bucket"), bucket.to_owned()));
    }
    if wanted("includeCredentialsFile", false) {
        let profile = named("credentialsFileProfile", "default");
        let file = format!("[{profile}]\naws_access_key_id={id}\naws_secret_access_key={password}\n");
        data.push((named("credentialsFileKey", "credentials"), file));
    }
    for (name, value) in template["additionalData"].as_object().into_iter().flatten() {
        data.push((name.clone(), value.as_str().unwrap_or_default().to_owned()));
    }
    let data: Vec<(&str, String)> = data.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let mut write = secret(object, name, template["type"].as_str().unwrap_or("Opaque"), &data, true);
    if let ControllerWrite::Ensure(_, secret) = &mut write {
        for member in ["labels", "annotations"] {
            if template[member].is_object() {
                secret["metadata"][member] = template[member].clone();
            }
        }
    }
    write
}

fn certificate(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    let name = word(object, "/spec/secretName");
    let mut writes = Vec::new();
    if world.failure.is_none() && !name.is_empty() {
        let text = |what: &str| format!("-----BEGIN {what}-----\nc2ltdWxhdGVk\n-----END {what}-----\n");
        let data =
            [("tls.crt", text("CERTIFICATE")), ("tls.key", text("PRIVATE KEY")), ("ca.crt", text("CERTIFICATE"))];
        let mut write = secret(object, name, "kubernetes.io/tls", &data, false);
        if let ControllerWrite::Ensure(_, secret) = &mut write {
            for member in ["labels", "annotations"] {
                let wanted = &object["spec"]["secretTemplate"][member];
                if wanted.is_object() {
                    secret["metadata"][member] = wanted.clone();
                }
            }
        }
        writes.push(write);
    }
    let message = world.failure.unwrap_or("Certificate is up to date and has not expired");
    let mut ready = observed(object, world, "Ready", "Ready");
    ready["message"] = json!(message);
    writes.push(ControllerWrite::Status(json!({
        "conditions": [ready],
        "revision": 1,
        "notBefore": world.now,
        "notAfter": later(world.now, 90),
        "renewalTime": later(world.now, 60),
    })));
    writes
}

/// So many days later.
fn later(now: &str, days: i64) -> String {
    let now: Result<jiff::Timestamp, _> = now.parse();
    let then = now.map(|now| now + jiff::SignedDuration::from_hours(24 * days));
    then.map(|then| then.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

const GATEWAY_CONTROLLER: &str = "parcelle.dev/sandbox";

fn route(object: &Value, world: &ClusterView<'_>) -> Value {
    let parents = object["spec"]["parentRefs"].as_array().cloned().unwrap_or_default();
    let parents: Vec<Value> = parents
        .iter()
        .map(|parent| {
            json!({
                "parentRef": parent,
                "controllerName": GATEWAY_CONTROLLER,
                "conditions": [
                    observed(object, world, "Accepted", "Accepted"),
                    observed(object, world, "ResolvedRefs", "ResolvedRefs"),
                ],
            })
        })
        .collect();
    json!({"parents": parents})
}

fn listeners(kind: &str, object: &Value, world: &ClusterView<'_>) -> Value {
    let mut no_conflict = observed(object, world, "Conflicted", "NoConflicts");
    no_conflict["status"] = json!("False");
    let listeners = object["spec"]["listeners"].as_array().cloned().unwrap_or_default();
    let listeners: Vec<Value> = listeners
        .iter()
        .map(|listener| {
            json!({
                "name": listener["name"],
                "attachedRoutes": 0,
                "supportedKinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
                "conditions": [
                    observed(object, world, "Accepted", "Accepted"),
                    observed(object, world, "Programmed", "Programmed"),
                    observed(object, world, "ResolvedRefs", "ResolvedRefs"),
                    no_conflict,
                ],
            })
        })
        .collect();
    let mut status = json!({
        "conditions": [
            observed(object, world, "Accepted", "Accepted"),
            observed(object, world, "Programmed", "Programmed"),
        ],
        "listeners": listeners,
    });
    if kind == "Gateway" {
        status["addresses"] = json!([{"type": "IPAddress", "value": "192.0.2.10"}]);
    }
    status
}

fn claim(object: &Value, world: &ClusterView<'_>) -> Vec<ControllerWrite> {
    if world.failure.is_some() {
        return vec![ControllerWrite::Status(json!({"phase": "Failed"}))];
    }
    let name = word(object, "/metadata/name");
    let data = [("AWS_ACCESS_KEY_ID", stable_word(object, "claim", 20)), ("AWS_SECRET_ACCESS_KEY", secret_word())];
    vec![secret(object, name, "Opaque", &data, true), ControllerWrite::Status(json!({"phase": "Bound"}))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> ClusterView<'static> {
        ClusterView {
            now: "2026-11-21T10:00:00Z",
            failure: None,
            run: crate::sandbox::controllers::SimulatedRun::Fails,
            replicas: None,
        }
    }

    fn decoded(write: &ControllerWrite, key: &str) -> String {
        let ControllerWrite::Ensure(_, secret) = write else { panic!("no secret") };
        let text = secret["data"][key].as_str().unwrap_or_default();
        String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn a_database_cluster_leaves_the_login_of_its_application() {
        let object = json!({"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",
            "metadata": {"name": "pg", "namespace": "n", "uid": "u"},
            "spec": {"instances": 2, "bootstrap": {"initdb": {"database": "cloud", "owner": "bob"}}}});
        let made = writes("postgresql.cnpg.io", "Cluster", &object, &world());
        let ControllerWrite::Ensure("secrets", secret) = &made[0] else { panic!() };
        assert_eq!(secret["metadata"]["name"], "pg-app");
        assert_eq!(decoded(&made[0], "username"), "bob");
        assert_eq!(decoded(&made[0], "host"), "pg-rw");
        let password = decoded(&made[0], "password");
        assert_eq!(decoded(&made[0], "uri"), format!("postgresql://bob:{password}@pg-rw.n:5432/cloud"));
        let Some(ControllerWrite::Status(status)) = made.last() else { panic!() };
        assert_eq!(status["phase"], "Cluster in healthy state");
    }

    #[test]
    fn a_garage_key_names_the_keys_of_its_secret_as_asked() {
        let object = json!({"metadata": {"name": "k", "namespace": "n", "uid": "u"},
            "spec": {"clusterRef": {"name": "garage", "namespace": "storage"},
                "bucketPermissions": [{"bucketRef": {"name": "files"}}],
                "secretTemplate": {"name": "s3", "accessKeyIdKey": "KEY"}}});
        let made = writes("garage.rajsingh.info", "GarageKey", &object, &world());
        let ControllerWrite::Ensure("secrets", secret) = &made[0] else { panic!() };
        assert_eq!(secret["metadata"]["name"], "s3");
        assert!(decoded(&made[0], "KEY").starts_with("GK"));
        assert_eq!(decoded(&made[0], "bucket"), "files");
    }
}
