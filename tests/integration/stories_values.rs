//! The story of strangers' values: somebody writes canaries into every kind of object beside what is ours and over it, and
//! nothing that the built program prints or keeps holds one of them, whatever it is asked. What is ours is still shown.

use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use parcelle::check::check;
use parcelle::git::{RawFile, Snapshot};
use parcelle::sandbox::{self, Handle};
use serde_json::{Value, json};

use crate::command::TestEnvironment;
use crate::sandbox::client_of;
use crate::stories_canary::{all, kept};
use crate::stories_doctor::everything;
use crate::story::{fault, refusal, rights};

const UID: &str = "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11";

/// How every value of somebody else begins.
const CANARY: &str = "canary-";

/// What somebody wrote into a field of ours, and people may see.
const DRIFT: &str = "visible-drift";

/// A port that somebody wrote over one of ours.
const DRIFTED_PORT: u16 = 64_321;

/// Somebody who writes to objects of others.
const STRANGER: &str = "kubectl-edit";

/// A garden of apps of several shapes; `lines` stand in its static site.
fn garden(storage: usize, lines: &str) -> Vec<(&'static str, String)> {
    let garden = "edition 2026\n\ngarden values {\n    title Values\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n";
    let cluster = format!(
        "edition 2026\n\ncluster ada-lovelace {{\n    title Ada\n    uid \"{UID}\"\n    timezone \"Europe/Paris\"\n    domain ada.example\n    \
         provides {{\n        postgres cloudnative-pg {{ storage-class fast; }}\n        redis valkey\n        \
         bucket garage {{ cluster storage; namespace garage; endpoint \"https://s3.example\"; }}\n        \
         volume storage-class {{ class fast; shared-class shared; }}\n        \
         route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n        \
         mail relay {{ host smtp.example; port 587; credentials smtp-relay; }}\n        backup k8up {{ endpoint \"https://s3.backups.example\"; region main; bucket parcelles; credentials backups; }}\n    }}\n}}\n"
    );
    let offer = "edition 2026\n\noffer large {\n    title Large\n    allow env patch\n    grants {\n        cpu 32 cores\n        memory 64 GiB\n        storage 2 TiB\n    }\n}\n";
    let organisation = format!(
        "edition 2026\n\norganisation alpha {{\n    title Alpha\n    offer large\n    cluster ada-lovelace\n    domain alpha.example\n    \
         contact admin@alpha.example role=technical\n\n    app static-site www {{\n        at www.alpha.example\n{lines}    }}\n\n    \
         app hedgedoc pads\n\n    app nextcloud cloud {{\n        storage {storage} GiB\n        modules calendar\n        backup {{ keep daily=14; }}\n    }}\n}}\n"
    );
    vec![
        ("garden.kdl", garden.to_owned()),
        ("clusters/ada.kdl", cluster),
        ("offers/large.kdl", offer.to_owned()),
        ("organisations/alpha.kdl", organisation),
    ]
}

/// A cluster in which everything is there that the garden needs.
async fn cluster() -> Handle {
    let raw = |(path, text): (&str, String)| RawFile {
        path: path.to_owned(),
        blob: path.to_owned(),
        bytes: text.into_bytes().into(),
    };
    let files = garden(20, "").into_iter().map(raw).collect();
    let snapshot = Snapshot::of(files);
    let made = everything(&check(snapshot, None, jiff::Timestamp::UNIX_EPOCH));
    let cluster_uid = Some(UID.to_owned());
    rights::serve_with_policy(sandbox::Options { cluster_uid, made, ..sandbox::Options::default() }).await
}

/// The kinds of objects that are written to, each with the places in which its strangers keep what is theirs.
const KINDS: [(&str, &str); 15] = [
    ("v1", "Namespace"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "LimitRange"),
    ("apps/v1", "Deployment"),
    ("batch/v1", "Job"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("cert-manager.io/v1", "Certificate"),
    ("k8up.io/v1", "Schedule"),
    ("postgresql.cnpg.io/v1", "Cluster"),
];

/// Somebody who counts the canaries that they write.
struct Stranger<'a> {
    handle: &'a Handle,
    count: usize,
}

impl Stranger<'_> {
    fn canary(&mut self) -> Value {
        self.count += 1;
        format!("{CANARY}{:04}-x9", self.count).into()
    }

    /// Writes to every object of the organisation, and to its namespace.
    async fn writes(&mut self) {
        for (api_version, kind) in KINDS {
            let found = all(self.handle, api_version, kind).await;
            let ours = found.into_iter().filter(|object| {
                object["metadata"]["labels"]["parcelle.dev/organisation"] == "alpha"
                    && object["metadata"]["namespace"] != "parcelle-system"
            });
            let mut some = false;
            for object in ours {
                some = true;
                self.writes_to(api_version, kind, &object).await;
            }
            // A one-time job that is done goes once that is recorded.
            assert!(some || kind == "Job", "there is a {kind}");
        }
    }

    /// Writes to one object; where its controller was quicker, to what that left.
    #[expect(clippy::unwrap_used, reason = "a test")]
    async fn writes_to(&mut self, api_version: &str, kind: &str, object: &Value) {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        let client = client_of(&self.handle.url(), &self.handle.token);
        let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        };
        let name = object["metadata"]["name"].as_str().unwrap();
        let by = PostParams { field_manager: Some(STRANGER.to_owned()), ..PostParams::default() };
        loop {
            let mut object = serde_json::to_value(api.get(name).await.unwrap()).unwrap();
            self.beside(&mut object);
            self.over(kind, &mut object);
            match api.replace(name, &by, &serde_json::from_value(object).unwrap()).await {
                Ok(_) => return,
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => panic!("{kind} {name}: {error}"),
            }
        }
    }

    /// Values beside ours, in every kind.
    fn beside(&mut self, object: &mut Value) {
        let said = format!("{{\"spec\":{{\"password\":{}}}}}", self.canary());
        let metadata = &mut object["metadata"];
        metadata["annotations"]["theirs.example/note"] = self.canary();
        metadata["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = said.into();
        metadata["labels"]["theirs.example/label"] = self.canary();
    }

    /// Values over ours and in the lists that hold ours, kind by kind.
    fn over(&mut self, kind: &str, object: &mut Value) {
        match kind {
            "ConfigMap" => {
                object["metadata"]["labels"]["app.kubernetes.io/part-of"] = DRIFT.into();
                let secret = format!("\npassword = {}\n", self.canary().as_str().unwrap_or_default());
                let data = object["data"].as_object_mut().expect("it has data");
                let first = data.values_mut().next().expect("it has a file");
                *first = format!("{}{secret}", first.as_str().unwrap_or_default()).into();
                data.insert("theirs.conf".to_owned(), self.canary());
            }
            "Service" => object["spec"]["selector"]["theirs"] = self.canary(),
            "NetworkPolicy" => {
                // Of the first rule of ours a port, which people may see.
                if let Some(port) = object.pointer_mut("/spec/ingress/0/ports/0/port") {
                    *port = DRIFTED_PORT.into();
                }
                let rule = json!({"from": [{"podSelector": {"matchLabels": {"theirs": self.canary()}}}]});
                push(&mut object["spec"]["ingress"], rule);
            }
            "HTTPRoute" => {
                let host = format!("{}.example", self.canary().as_str().unwrap_or_default());
                push(&mut object["spec"]["hostnames"], host.into());
                let set = json!([{"name": "Authorization", "value": self.canary()}]);
                let filter = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": set}});
                push(&mut object["spec"]["rules"][0]["filters"], filter);
                let mut rule = object["spec"]["rules"][0].clone();
                rule["matches"] = json!([{"headers": [{"name": "X-Key", "value": self.canary()}]}]);
                push(&mut object["spec"]["rules"], rule);
            }
            "Schedule" => {
                let selector = json!({"matchLabels": {"theirs": self.canary()}});
                push(&mut object["spec"]["backup"]["labelSelectors"], selector);
                push(&mut object["spec"]["backup"]["tags"], self.canary());
            }
            "Certificate" => push(
                &mut object["spec"]["dnsNames"],
                format!("{}.example", self.canary().as_str().unwrap_or_default()).into(),
            ),
            "Cluster" => object["spec"]["postgresql"]["parameters"]["search_path"] = self.canary(),
            "Deployment" => {
                object["spec"]["minReadySeconds"] = 77.into();
                self.pod(&mut object["spec"]["template"]);
            }
            "CronJob" => self.pod(&mut object["spec"]["jobTemplate"]["spec"]["template"]),
            _ => {}
        }
    }

    fn pod(&mut self, template: &mut Value) {
        template["metadata"]["annotations"]["theirs.example/pod"] = self.canary();
        let spec = &mut template["spec"];
        spec["nodeSelector"]["theirs"] = self.canary();
        push(
            &mut spec["hostAliases"],
            json!({"ip": "10.9.9.9", "hostnames": [format!("{}.example", self.canary().as_str().unwrap_or_default())]}),
        );
        push(&mut spec["volumes"], json!({"name": "theirs", "nfs": {"server": self.canary(), "path": "/x"}}));
        let csi = json!({"driver": "theirs.example", "volumeAttributes": {"key": self.canary()}});
        push(&mut spec["volumes"], json!({"name": "theirs-too", "csi": csi}));
        let container = &mut spec["containers"][0];
        for variable in container["env"].as_array_mut().into_iter().flatten() {
            // A password that is typed by hand, over a value and over what comes from a Secret.
            *variable = json!({"name": variable["name"], "value": self.canary()});
        }
        push(&mut container["env"], json!({"name": "THEIR_WORD", "value": self.canary()}));
        push(&mut container["args"], self.canary());
        container["lifecycle"]["preStop"] = json!({"exec": {"command": ["sh", self.canary()]}});
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            if container[probe]["httpGet"].is_object() {
                push(
                    &mut container[probe]["httpGet"]["httpHeaders"],
                    json!({"name": "Authorization", "value": self.canary()}),
                );
            }
        }
        let sidecar = json!({"name": "theirs", "image": "theirs:1", "args": [self.canary()], "env": [{"name": "X", "value": self.canary()}]});
        push(&mut spec["containers"], sidecar);
    }
}

/// Adds an item to a list, in the place of one of the same name or address.
fn push(list: &mut Value, item: Value) {
    match list {
        Value::Array(items) => {
            let is_same = |other: &Value, key: &str| item.get(key).is_some() && other.get(key) == item.get(key);
            items.retain(|other| !is_same(other, "name") && !is_same(other, "ip"));
            items.push(item);
        }
        other => *other = json!([item]),
    }
}

/// What the program prints, both ways, with all that it can tell of its work.
fn parcelle(environment: &TestEnvironment, texts: &mut Vec<(String, String)>, arguments: &[&str]) -> String {
    let text = environment.run_with(&[("PARCELLE_LOG", "trace")], arguments).text();
    texts.push((arguments.join(" "), text.clone()));
    text
}

/// Everything that speaks of what is live, in every format.
fn ask(environment: &TestEnvironment, texts: &mut Vec<(String, String)>, saved: &str) {
    for arguments in [
        &["plan"][..],
        &["plan", "-vv"],
        &["plan", "--format", "json"],
        &["plan", "--format", "markdown"],
        &["plan", "-vv", "--save", saved],
        &["plan", "--base", "HEAD~1", "-vv"],
        &["snapshot", "--output", "live.json"],
        &["plan", "--live", "live.json", "-vv"],
        &["plan", "--live", "live.json", "--format", "json"],
        &["plan", "--live", "live.json", "--format", "markdown"],
        &["check", "--live", "live.json"],
        &["check", "--live", "live.json", "--format", "json"],
        &["status"],
        &["status", "alpha", "-vv"],
        &["status", "--format", "json"],
        &["doctor"],
        &["render", "alpha"],
        &["explain", "alpha/cloud.storage"],
    ] {
        parcelle(environment, texts, arguments);
    }
}

/// The words of servers that quote what they are shown: of each object what the stranger wrote into it.
async fn quoting(handle: &Handle) {
    let kinds = [
        ("apps/v1", "Deployment", "deployments.apps"),
        ("batch/v1", "CronJob", "cronjobs.batch"),
        ("v1", "ConfigMap", "configmaps"),
        ("v1", "Service", "services"),
    ];
    for (api_version, kind, resource) in kinds {
        for object in all(handle, api_version, kind).await {
            let text = object.to_string();
            let found: Vec<&str> = text.match_indices(CANARY).map(|(at, _)| &text[at..at + 14]).collect();
            let (Some(name), Some(first), Some(last)) =
                (object["metadata"]["name"].as_str(), found.first(), found.last())
            else {
                continue;
            };
            let denied = format!("admission webhook \"x\" denied the request: it has {first} and \\\"{last}\\\"");
            let dump = format!(
                "spec.template: Invalid value: core.PodTemplateSpec{{Env:[]core.EnvVar{{core.EnvVar{{Name:\"T\", Value:\"{first}: }}\"}}}}}}: field is immutable"
            );
            let effect = match kind {
                "Deployment" => refusal(422, "Invalid", &dump),
                "CronJob" => refusal(403, "Forbidden", &denied),
                "ConfigMap" => refusal(400, "BadRequest", &denied),
                _ => sandbox::FaultEffect::Warn { message: denied },
            };
            let mut fault = fault(&["patch"], resource, 0, effect);
            fault.on.name = Some(name.to_owned());
            handle.faults().add(fault);
        }
    }
}

fn assert_silent(texts: &[(String, String)]) {
    for (whose, text) in texts {
        let found = text.find(CANARY).map(|at| text[..at].lines().count());
        let around = found.map(|line| text.lines().skip(line.saturating_sub(4)).take(6).collect::<Vec<_>>().join("\n"));
        assert_eq!(around, None, "{whose} holds a canary");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_others_are_told_and_kept_nowhere_and_ours_are_shown() {
    let environment = TestEnvironment::new();
    let handle = cluster().await;
    environment.write("kubeconfig", rights::kubeconfig(&handle, "ada-lovelace"));
    environment.garden(garden(20, ""));
    environment.commit("first");
    let mut texts = Vec::new();
    let first = parcelle(&environment, &mut texts, &["run", "--once", "--wait", "20s"]);
    assert!(first.contains("1 organisation"), "{first}");

    let mut stranger = Stranger { handle: &handle, count: 0 };
    stranger.writes().await;
    assert!(stranger.count > 120, "{} canaries", stranger.count);
    ask(&environment, &mut texts, "drifted.json");
    let plan = environment.run(["plan", "-vv"]).text();
    assert!(plan.contains(DRIFT), "what somebody wrote into a label of ours is shown:\n{plan}");
    assert!(plan.contains("of others") && plan.contains("(secret)"), "{plan}");
    assert!(plan.contains(&DRIFTED_PORT.to_string()), "a list that is ours whole is shown as it is:\n{plan}");
    for list in ["spec.ingress", "spec.rules", "spec.hostnames", "spec.dnsNames", "spec.backup.labelSelectors"] {
        let lines = plan.lines().skip_while(|line| !line.contains(list));
        let told: Vec<&str> = lines.take(4).collect();
        assert!(!told.is_empty() && !told[0].contains("(secret)"), "{list}: {told:?}\n{plan}");
    }
    let snapshot = environment.read("garden/live.json");
    let named = snapshot.find("theirs").map(|at| &snapshot[at.saturating_sub(200)..at + 20]);
    assert_eq!(named, None, "a snapshot names what others put in");

    // The garden asks for more, what the stranger has among it.
    let lines = "        env THEIR_WORD mine\n        patch Deployment www-web { spec { minReadySeconds 20; }; }\n";
    environment.garden(garden(30, lines));
    environment.commit("second");
    ask(&environment, &mut texts, "asked.json");
    let plan = environment.run(["plan"]).text();
    assert!(plan.contains("is `77` by `kubectl-edit`, the garden asks for `20`"), "{plan}");
    assert!(plan.contains("is (not shown) by `kubectl-edit`"), "{plan}");

    quoting(&handle).await;
    parcelle(&environment, &mut texts, &["plan", "-vv"]);
    let told = parcelle(&environment, &mut texts, &["run", "--once", "-vv", "--no-wait"]);
    assert!(told.contains("denied the request") && told.contains("(not shown)"), "{told}");
    handle.faults().clear();
    parcelle(&environment, &mut texts, &["apply", "--plan", "drifted.json", "--yes"]);
    stranger.writes().await;
    environment.garden(garden(30, ""));
    environment.commit("third");
    parcelle(&environment, &mut texts, &["run", "--once", "-vv", "--no-wait"]);
    parcelle(&environment, &mut texts, &["pause", "alpha", "--reason", "a look", "--yes"]);
    ask(&environment, &mut texts, "paused.json");
    parcelle(&environment, &mut texts, &["resume", "alpha"]);

    for (api_version, kind) in [("v1", "ConfigMap"), ("coordination.k8s.io/v1", "Lease"), ("v1", "Event")] {
        let items = all(&handle, api_version, kind).await;
        let ours =
            items.iter().filter(|item| item["metadata"]["namespace"] == "parcelle-system" || kind != "ConfigMap");
        texts.extend(ours.map(|item| (format!("{kind} {}", item["metadata"]["name"]), item.to_string())));
    }
    environment.repository();
    std::fs::remove_file(environment.path("garden/organisations/alpha.kdl")).expect("it is there");
    environment.commit("gone");
    parcelle(&environment, &mut texts, &["plan", "-vv"]);
    parcelle(&environment, &mut texts, &["eject", "alpha", "--yes"]);
    for folder in ["state", "home", "config", "cache", "tmp", "garden"] {
        kept(&environment.path(folder), &mut texts);
    }
    assert!(texts.len() > 80, "there are {} texts", texts.len());
    assert_silent(&texts);
    handle.shutdown().await;
}
