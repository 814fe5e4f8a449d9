//! Stories of objects that reach out of their organisation and that no check has refused: the guard does, before the first
//! write, and what is good goes on.

use std::collections::BTreeSet;

use parcelle::name::Name;
use parcelle::plan::{Reason, Refusing, Verb};
use serde_json::{Value, json};

use crate::story::{Round, World, deployment};

/// What reaches out, in an object that no hatch wrote in: kind and body.
fn reaching() -> Vec<(&'static str, Value)> {
    let with = |pointer: &str, part: Value| {
        let mut body = deployment(1);
        let place = body.pointer_mut(pointer).and_then(Value::as_object_mut).expect("a map");
        place.extend(part.as_object().cloned().expect("a map"));
        ("Deployment", body)
    };
    let pod = |part| with("/spec/template/spec", part);
    let container = |part| with("/spec/template/spec/containers/0", part);
    let service = |part: Value| {
        let mut spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP"}]});
        spec.as_object_mut().expect("a map").extend(part.as_object().cloned().expect("a map"));
        ("Service", json!({ "spec": spec }))
    };
    let claim = json!({
        "volumeName": "of-another", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    });
    vec![
        pod(json!({"hostNetwork": true})),
        pod(json!({"hostPID": true})),
        pod(json!({"serviceAccountName": "admin"})),
        pod(json!({"automountServiceAccountToken": true})),
        pod(json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}})),
        container(json!({"securityContext": {"privileged": true}})),
        container(json!({"securityContext": {"allowPrivilegeEscalation": true}})),
        container(json!({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}})),
        container(json!({"ports": [{"containerPort": 8080, "hostPort": 80}]})),
        container(json!({"livenessProbe": {"httpGet": {"host": "169.254.169.254", "port": 80}}})),
        service(json!({"type": "NodePort"})),
        service(json!({"externalIPs": ["192.0.2.1"]})),
        ("PersistentVolumeClaim", json!({ "spec": claim })),
    ]
}

#[tokio::test]
async fn an_object_that_reaches_out_of_its_organisation_is_refused_before_the_first_write() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    for (at, (kind, body)) in reaching().into_iter().enumerate() {
        world.put(&alpha, kind, &format!("bad-{at}"), Some("web"), body);
    }
    let round = world.round().await;
    for (at, (kind, body)) in reaching().into_iter().enumerate() {
        let name = format!("bad-{at}");
        refused(&round, &alpha, kind, &name, &body);
        assert!(world.get(kind, &alpha, &name).await.is_none(), "{body}");
    }
    assert!(world.get("ConfigMap", &alpha, "settings").await.is_some(), "what is not after it goes on");
    world.end().await;
}

fn refused(round: &Round, organisation: &Name, kind: &str, name: &str, body: &Value) {
    let action = round.action(organisation, kind, name);
    assert_eq!(action.verb(), Verb::Refused, "{body}");
    assert!(matches!(action.reason(), Reason::Refusing(Refusing::Guarded { .. })), "{body}: {:?}", action.reason());
}

#[tokio::test]
async fn what_a_hatch_wrote_may_do_less_than_what_parcelle_wrote() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    let mut body = deployment(1);
    let named = json!([{"name": "P", "valueFrom": {"secretKeyRef": {"name": "postgres-app", "key": "password"}}}]);
    body["spec"]["template"]["spec"]["containers"][0]["env"] = named;
    world.put(&alpha, "Deployment", "ours", Some("web"), body.clone());
    world.put(&alpha, "Deployment", "theirs", Some("web"), body.clone());
    let pointer = "/spec/template/spec/containers/0/env/0/valueFrom/secretKeyRef/name";
    let objects = &mut world.objects_of(&alpha).objects;
    let theirs = objects.iter_mut().find(|object| &*object.id.name == "theirs").unwrap();
    theirs.by_hand = BTreeSet::from([pointer.to_owned()]);
    let round = world.round().await;
    refused(&round, &alpha, "Deployment", "theirs", &body);
    assert_eq!(round.action(&alpha, "Deployment", "ours").verb(), Verb::Create);
    assert!(world.get("Deployment", &alpha, "theirs").await.is_none());
    world.end().await;
}
