//! A workload with unions, and what somebody does to them.

use serde_json::{Value, json};

/// A workload with a union of every kind that others meet.
pub(crate) fn web() -> Value {
    json!({"spec": {
        "replicas": 2,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [{
                    "name": "app",
                    "image": "example.org/web:1",
                    "env": [
                        {"name": "PLAIN", "value": "1"},
                        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ],
                    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 7},
                    "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a"}],
                }],
                "volumes": [{"name": "v", "emptyDir": {}}],
            },
        },
    }})
}

pub(crate) fn container(part: Value) -> Value {
    let mut part = part;
    part["name"] = "app".into();
    json!({"spec": {"template": {"spec": {"containers": [part]}}}})
}

/// What somebody does to it (strategic patches), and the field that has to go.
pub(crate) fn breaks() -> Vec<(Value, &'static str)> {
    vec![
        (container(json!({"env": [{"name": "TOKEN", "value": "x", "valueFrom": null}]})), "env[name=TOKEN].value"),
        (
            container(json!({"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": null,
                "configMapKeyRef": {"name": "c", "key": "k"}}}]})),
            "valueFrom.configMapKeyRef",
        ),
        (
            container(json!({"env": [{"name": "PLAIN", "value": null,
                "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]})),
            "env[name=PLAIN].valueFrom",
        ),
        (
            container(json!({"readinessProbe": {"httpGet": null, "tcpSocket": {"port": 8080}}})),
            "readinessProbe.tcpSocket",
        ),
        (container(json!({"lifecycle": {"preStop": {"sleep": null, "exec": {"command": ["a"]}}}})), "preStop.exec"),
        (
            container(json!({"volumeMounts": [{"mountPath": "/v", "subPath": null, "subPathExpr": "$(A)"}]})),
            "subPathExpr",
        ),
        (
            json!({"spec": {"template": {"spec": {"volumes": [{"name": "v", "emptyDir": null, "hostPath": {"path": "/etc"}}]}}}}),
            "volumes[name=v].hostPath",
        ),
        (
            json!({"spec": {"template": {"spec": {"securityContext": {"seccompProfile":
                {"type": "Localhost", "localhostProfile": "p"}}}}}}),
            "seccompProfile.localhostProfile",
        ),
        (
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}),
            "strategy.rollingUpdate",
        ),
    ]
}
