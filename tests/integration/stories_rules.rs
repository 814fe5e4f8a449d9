//! Rules that definitions of custom kinds write in CEL: told on the line before a cluster is asked, by the built program.

use serde_json::{Value, json};

use crate::command::{Process, TestEnvironment};
use crate::sandbox_replay::Replay;

const ROUTES: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io";

/// A garden in a repository, and a sandbox process that serves its cluster.
struct Ground {
    environment: TestEnvironment,
    sandbox: Process,
    address: String,
}

fn organisation(domain: &str) -> String {
    format!(
        "edition 2026\n\norganisation alpha {{\n    title \"Alpha\"\n    cluster ada\n    domain {domain}\n\n    \
         app static-site www\n}}\n"
    )
}

impl Ground {
    fn new() -> Self {
        let garden = "edition 2026\n\ngarden grounds {\n    title \"Grounds\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n";
        let cluster = "edition 2026\n\ncluster ada {\n    title \"Ada\"\n    uid \"5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a12\"\n    \
             timezone \"Europe/Paris\"\n    domain ada.example\n    provides {\n        volume storage-class { class fast; }\n        \
             route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n    network { nodes \"203.0.113.0/26\"; api-server \"203.0.113.2\"; }\n}\n";
        let environment = TestEnvironment::new();
        environment.garden([
            ("garden.kdl", garden),
            ("ada.kdl", cluster),
            ("organisations/alpha.kdl", &organisation("alpha.example")),
        ]);
        environment.commit("a garden");
        let sandbox = environment.sandbox(&["--state", "none"]);
        let kubeconfig: Value = serde_json::from_str(&environment.read("kubeconfig")).unwrap();
        let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap();
        let address = server.rsplit('@').next().unwrap().to_owned();
        Self { environment, sandbox, address }
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let mut request = json!({"method": method, "path": path, "accept": "application/json",
            "contentType": "application/json"});
        if let Some(body) = body {
            request["body"] = body.clone();
        }
        Replay::new(&self.address).call(&request)
    }

    /// Gives the routes of the cluster rules about their `spec`.
    fn rule(&self, rules: &Value) {
        let (status, mut definition) = self.call("GET", ROUTES, None);
        assert_eq!(status, 200, "{definition}");
        for version in definition["spec"]["versions"].as_array_mut().unwrap() {
            version["schema"]["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"] = rules.clone();
        }
        let (status, answer) = self.call("PUT", ROUTES, Some(&definition));
        assert_eq!(status, 200, "{answer}");
    }

    fn good(&self, arguments: &[&str]) -> String {
        let output = self.environment.run(arguments);
        assert_eq!(output.code, 0, "{}", output.text());
        output.text()
    }

    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.environment.run(arguments);
        assert_eq!(output.code, 1, "{}", output.text());
        output.text()
    }
}

/// A rule about a change, one that nobody can judge here, and one with a message and a path of its own.
fn rules() -> Value {
    json!([
        {"rule": "self.hostnames == oldSelf.hostnames", "message": "hosts are immutable"},
        {"rule": "mystery(self.hostnames)", "message": "nobody knows"},
        {"rule": "self.hostnames.all(h, !h.endsWith('bad.example'))", "fieldPath": ".hostnames",
            "messageExpression": "'not served: ' + self.hostnames.join(', ')"},
    ])
}

#[test]
fn a_rule_is_told_on_the_line_that_broke_it_before_a_cluster_is_asked() {
    let mut ground = Ground::new();
    ground.good(&["run", "--once"]);
    ground.rule(&rules());
    ground.good(&["snapshot", "--output", "../live.json"]);
    assert!(!ground.environment.read("live.json").contains("Hostnames defines"), "no descriptions are kept");
    ground.sandbox.kill();
    let clean = ground.good(&["check", "--live", "../live.json"]);
    assert!(clean.contains("no findings") && !clean.contains("left to"), "what does not change is not judged: {clean}");

    ground.environment.garden([("organisations/alpha.kdl", organisation("new.example"))]);
    for command in [["check", "--live", "../live.json"], ["plan", "--live", "../live.json"]] {
        let told = ground.refused(&command);
        assert!(told.contains("error[E0494]: `spec` of `HTTPRoute www-web` breaks a rule of its definition"), "{told}");
        assert!(told.contains("alpha.kdl:6:12") && !told.contains("┌─ <schemas>"), "{told}");
        assert!(told.contains("why   hosts are immutable"), "{told}");
        assert!(!told.contains("not served"), "{told}");
        assert_eq!(told.matches("left to the API server: nobody knows").count(), 1, "{told}");
    }
    ground.environment.garden([("organisations/beta.kdl", organisation("bad.example").replace("alpha", "beta"))]);
    let told = ground.refused(&["check", "--live", "../live.json"]);
    assert!(told.contains("`spec.hostnames` of `HTTPRoute www-web` breaks"), "{told}");
    assert!(told.contains("why   not served: www.bad.example") && told.contains("beta.kdl:"), "{told}");
}

#[test]
fn what_cannot_be_asked_about_is_judged_and_nothing_of_it_is_made() {
    let ground = Ground::new();
    ground.rule(&json!([{"rule": "self.hostnames.all(h, !h.startsWith('www'))", "message": "no www here"}]));
    let told = ground.refused(&["plan"]);
    assert!(told.contains("error[E0494]: `spec` of `HTTPRoute www-web`") && told.contains("no www here"), "{told}");
    let output = ground.environment.run(["run", "--once"]);
    assert_ne!(output.code, 0, "{}", output.text());
    assert!(output.text().contains("E0494"), "{}", output.text());
    let (_, routes) = ground.call("GET", "/apis/gateway.networking.k8s.io/v1/httproutes", None);
    assert_eq!(routes["items"], json!([]), "it is in a namespace that the same round makes");
    ground.rule(&json!([{"rule": "self.hostnames.size() == 1"}]));
    ground.good(&["run", "--once"]);
    ground.rule(&json!([{"rule": "self.hostnames == oldSelf.hostnames", "message": "hosts are immutable"}]));
    ground.environment.garden([("organisations/alpha.kdl", organisation("new.example"))]);
    let told = ground.refused(&["plan"]);
    assert!(told.contains("error[E0494]: `spec` of `HTTPRoute www-web`") && told.contains("alpha.kdl:6"), "{told}");
}

/// A definition of plots with these rules.
fn plots(rules: &Value) -> Value {
    let text = json!({"type": "string"});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "plots.t.dev"},
        "spec": {"group": "t.dev", "scope": "Namespaced", "names": {"plural": "plots", "singular": "plot", "kind": "Plot"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
                "properties": {"spec": {"type": "object", "x-kubernetes-validations": rules, "properties": {
                    "size": {"type": "integer"}, "host": text, "list": {"type": "array", "items": text},
                    "port": {"x-kubernetes-int-or-string": true},
                    "mode": {"type": "string", "default": "plain"}}}}}}}]}})
}

#[test]
fn hostile_definitions_neither_stop_nor_break_the_sandbox() {
    let ground = Ground::new();
    let hostile = json!([
        {"rule": "mystery()"}, {"rule": ")(", "message": "no expression"}, {"rule": "K{a: 1} == self"},
        {"rule": format!("{}true{}", "(".repeat(5000), ")".repeat(5000))},
        {"rule": format!("1{} > 0", " + 1".repeat(3000))},
        {"rule": "self.host.matches('((a{1000}){1000}){1000}')"},
        {"rule": "self.list.all(a, self.list.all(b, self.list.all(c, self.list.all(d, a == b))))"},
        {"rule": "self.mode == 'plain'", "messageExpression": "self.nothing", "message": "plain only"},
        {"rule": "self.size < 5", "messageExpression": "'x'.replace('x', '')", "message": "small only"},
    ]);
    let (status, answer) =
        ground.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", Some(&plots(&hostile)));
    assert_eq!(status, 201, "{answer}");
    let path = "/apis/t.dev/v1/namespaces/default/plots";
    let plot = |name: &str, spec: Value| json!({"apiVersion": "t.dev/v1", "kind": "Plot", "metadata": {"name": name}, "spec": spec});
    let (status, answer) = ground.call("POST", path, Some(&plot("a", json!({"size": 1, "host": "a", "list": ["a"]}))));
    assert_eq!(status, 201, "{answer}");
    let (status, answer) =
        ground.call("POST", path, Some(&plot("b", json!({"size": 9, "host": "a", "list": [], "mode": "other"}))));
    assert_eq!(status, 422, "{answer}");
    let causes = answer["details"]["causes"].as_array().unwrap().iter().map(|cause| cause["message"].as_str().unwrap());
    assert_eq!(causes.collect::<Vec<_>>(), ["Invalid value: plain only", "Invalid value: small only"]);
    let wide: Vec<String> = (0..3000).map(|at| at.to_string()).collect();
    let dear = json!([{"rule": "self.list.all(a, self.list.exists_one(b, a == b))", "message": "each once"}]);
    let (_, definition) =
        ground.call("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/plots.t.dev", None);
    let mut changed = plots(&dear);
    changed["metadata"]["resourceVersion"] = definition["metadata"]["resourceVersion"].clone();
    let (status, answer) =
        ground.call("PUT", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/plots.t.dev", Some(&changed));
    assert_eq!(status, 200, "{answer}");
    let (status, answer) = ground.call("POST", path, Some(&plot("c", json!({"list": wide}))));
    assert_eq!(status, 422, "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("call cost exceeds limit for rule: each once"), "{answer}");
    let (status, _) = ground.call("GET", "/readyz", None);
    assert_eq!(status, 200, "and goes on");
}

#[test]
fn what_was_invalid_before_a_rule_came_stays_until_it_is_touched() {
    let ground = Ground::new();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let (status, answer) = ground.call("POST", definitions, Some(&plots(&json!([]))));
    assert_eq!(status, 201, "{answer}");
    let path = "/apis/t.dev/v1/namespaces/default/plots";
    let plot = json!({"apiVersion": "t.dev/v1", "kind": "Plot", "metadata": {"name": "a"}, "spec": {"size": 9, "port": "http"}});
    let (status, mut live) = ground.call("POST", path, Some(&plot));
    assert_eq!(status, 201, "{live}");
    let (_, definition) = ground.call("GET", &format!("{definitions}/plots.t.dev"), None);
    let mut changed = plots(&json!([{"rule": "self.size < 5", "message": "small only"},
        {"rule": "self.port > 5", "message": "high ports"}]));
    changed["metadata"]["resourceVersion"] = definition["metadata"]["resourceVersion"].clone();
    assert_eq!(ground.call("PUT", &format!("{definitions}/plots.t.dev"), Some(&changed)).0, 200);
    live["metadata"]["labels"] = json!({"a": "b"});
    live["spec"].as_object_mut().unwrap().remove("port");
    let (status, answer) = ground.call("PUT", &format!("{path}/a"), Some(&live));
    assert_eq!(status, 422, "{answer}");
    assert_eq!(
        answer["details"]["causes"],
        json!([
        {"reason": "FieldValueInvalid", "message": "Invalid value: small only", "field": "spec"},
        {"reason": "FieldValueInvalid", "message": "Invalid value: \"object\": no such key: port evaluating rule: high ports", "field": "spec"}])
    );
    live["spec"]["port"] = json!(80);
    live["spec"]["size"] = json!(1);
    assert_eq!(ground.call("PUT", &format!("{path}/a"), Some(&live)).0, 200);
}
