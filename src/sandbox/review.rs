//! Objects that are answered and not kept (reviews of access, tokens), and the paths below
//! `/sandbox/` by which faults are set from outside.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    access::{self, User, Wish},
    delete,
    faults::Fault,
    http::Call,
    json as bodies,
    reply::Reply,
    request,
    server::{Server, locked},
    status::Status,
    store::Key,
};

fn created(value: &Value) -> Reply {
    Reply::Json { code: 201, text: value.to_string(), warnings: Vec::new() }
}

/// Answers the creation of a review.
pub(crate) fn create(server: &Server, call: &Call) -> Result<Reply, Status> {
    let mut review = request::body(call)?.value;
    if !review.is_object() {
        return Err(Status::bad_request("the body is no object"));
    }
    let resource = &call.resource;
    review["apiVersion"] = json!(resource.api_version());
    review["kind"] = json!(resource.kind);
    if !review["metadata"].is_object() {
        review["metadata"] = json!({});
    }
    let spec = review["spec"].clone();
    review["status"] = match resource.plural.as_str() {
        "selfsubjectaccessreviews" => decide(server, &call.user, &spec),
        "subjectaccessreviews" | "localsubjectaccessreviews" => decide(server, &subject(&spec), &spec),
        "selfsubjectrulesreviews" => rules(server, &call.user, &spec),
        "selfsubjectreviews" => json!({"userInfo": info(&call.user)}),
        "tokenreviews" => match spec["token"].as_str().and_then(|token| server.user(token)) {
            Some(user) => json!({"authenticated": true, "user": info(&user)}),
            None => json!({"user": {}, "error": "[invalid bearer token]"}),
        },
        _ => return Err(Status::not_allowed()),
    };
    Ok(created(&review))
}

fn info(user: &User) -> Value {
    json!({"username": user.name, "groups": user.groups})
}

fn subject(spec: &Value) -> User {
    let groups = spec["groups"].as_array().into_iter().flatten();
    User {
        name: spec["user"].as_str().unwrap_or_default().to_owned(),
        groups: groups.filter_map(Value::as_str).map(str::to_owned).collect(),
    }
}

fn decide(server: &Server, user: &User, spec: &Value) -> Value {
    let word = |section: &str, name: &str| spec[section][name].as_str().unwrap_or_default();
    let store = server.store();
    let allowed = if spec["nonResourceAttributes"].is_object() {
        let wish =
            Wish::Path { verb: word("nonResourceAttributes", "verb"), path: word("nonResourceAttributes", "path") };
        access::allowed(&store, user, &wish)
    } else {
        let section = "resourceAttributes";
        let mut resource = word(section, "resource").to_owned();
        let sub = word(section, "subresource");
        if !sub.is_empty() {
            resource = format!("{resource}/{sub}");
        }
        let wish = Wish::Objects {
            verb: word(section, "verb"),
            group: word(section, "group"),
            resource: &resource,
            namespace: word(section, "namespace"),
            name: word(section, "name"),
        };
        access::allowed(&store, user, &wish)
    };
    json!({"allowed": allowed})
}

fn rules(server: &Server, user: &User, spec: &Value) -> Value {
    let namespace = spec["namespace"].as_str().unwrap_or_default();
    let mut granted = access::granted(&server.store(), user, namespace);
    if user.is_administrator() {
        granted.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        granted.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
    }
    let (paths, objects): (Vec<Value>, Vec<Value>) =
        granted.into_iter().partition(|rule| rule["nonResourceURLs"].is_array());
    json!({"resourceRules": objects, "nonResourceRules": paths, "incomplete": false})
}

/// Answers a create below an object: a token of a service account, the eviction of a pod.
pub(crate) fn subresource(server: &Server, call: &Call) -> Result<Reply, Status> {
    let key = Key::new(&call.place.namespace, &call.place.name);
    if server.store().get(&call.resource.storage(), &key).is_none() {
        return Err(Status::not_found(&call.resource, &call.place.name));
    }
    if call.place.subresource == "eviction" {
        delete::one(server, call)?;
        return Ok(created(
            &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}),
        ));
    }
    let request = request::body(call)?.value;
    let token = URL_SAFE_NO_PAD.encode(server.random::<32>());
    server.admit(token.clone(), User::service_account(&call.place.namespace, &call.place.name));
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    let end = server.clock.now() + jiff::SignedDuration::from_secs(seconds.clamp(600, 1 << 32));
    Ok(created(&json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": call.place.name, "namespace": call.place.namespace},
        "spec": {"audiences": request["spec"]["audiences"], "expirationSeconds": seconds},
        "status": {"token": token, "expirationTimestamp": end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()},
    })))
}

/// Answers the paths below `/sandbox/`: faults, open watches, counted requests.
pub(crate) fn administer(server: &Server, method: &::http::Method, what: &str, body: &[u8]) -> Result<Reply, Status> {
    let table = || {
        let all = locked(&server.faults).all();
        let list = all.iter().map(|(fault, hit)| json!({"on": fault.on, "effect": fault.effect, "hit": hit}));
        list.collect::<Vec<_>>()
    };
    match (method.as_str(), what) {
        ("GET", "faults") => {}
        ("POST", "faults") => {
            let body = bodies::yaml(body, true)?;
            let list = if body.is_array() { body } else { json!([body]) };
            let faults: Vec<Fault> = serde_json::from_value(list)
                .map_err(|error| Status::bad_request(format!("this is no list of faults: {error}")))?;
            for fault in faults {
                locked(&server.faults).add(fault);
            }
        }
        ("PUT", "seed") => {
            let seed = bodies::yaml(body, true)?;
            let seed = seed.as_u64().ok_or_else(|| Status::bad_request("a seed is a number"))?;
            locked(&server.faults).seed(seed);
        }
        ("DELETE", "faults") => {
            locked(&server.faults).clear();
            server.control.send_modify(|control| control.stalled = false);
        }
        ("POST", "watches/expire") => {
            server.store().compact();
            server.control.send_modify(|control| control.expired += 1);
        }
        ("POST", "watches/stall") => server.control.send_modify(|control| control.stalled = true),
        ("POST", "watches/resume") => server.control.send_modify(|control| control.stalled = false),
        ("GET", "stats") => {
            let (objects, bytes) = server.store().size();
            let counted = server.counted();
            let requests: Vec<Value> = counted
                .iter()
                .map(|((verb, resource), count)| json!({"verb": verb, "resource": resource, "count": count}))
                .collect();
            let stats = json!({"objects": objects, "bytes": bytes, "requests": requests});
            return Ok(Reply::ok(stats.to_string()));
        }
        _ => return Err(Status::not_allowed()),
    }
    Ok(Reply::ok(json!({"faults": table()}).to_string()))
}
