//! The garden of a story: its organisations and their hand-made objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parcelle::model::{Adopt, Cluster, Deletions, Garden, Organisation};
use parcelle::name::Name;
use parcelle::quantity::{Dimension, Quantity};
use parcelle::render::{
    Generated, Object, ObjectId, OrganisationObjects, Origins, SecretRequest, SecretSource, Stage, naming,
};
use parcelle::source::{FileId, Span, Spanned};
use serde_json::{Value, json};

use super::{World, name};
use crate::layout::laid_out;

impl World {
    /// A name that no other story on the same server has.
    pub(crate) fn own(&self, text: &str) -> Name {
        name(&format!("{text}-{}", self.suffix))
    }

    /// Adds an organisation with its namespace and nothing else.
    pub(crate) fn organisation(&mut self, text: &str) -> Name {
        let organisation = self.own(text);
        let cluster = self.garden.clusters.values().next().unwrap().clone();
        let written = Arc::new(organisation_node(&organisation, cluster));
        self.garden.organisations.insert(organisation.clone(), written);
        let objects = OrganisationObjects {
            organisation: organisation.clone(),
            cluster: name("ada"),
            namespace: organisation.as_str().into(),
            objects: Vec::new(),
            secrets: Vec::new(),
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
            retired: BTreeMap::new(),
            states: BTreeMap::new(),
            terms: Vec::new(),
            contributions: Vec::new(),
            next_change: None,
        };
        self.objects.insert(organisation.clone(), Arc::new(objects));
        self.put(&organisation, "Namespace", organisation.as_str(), None, json!({}));
        organisation
    }

    /// Asks for an object, in place of one of the same kind and name. Its line is 10 for `""`, and one more for each field that
    /// `lines` knows.
    pub(crate) fn put(&mut self, organisation: &Name, kind: &str, object: &str, app: Option<&str>, body: Value) {
        let (api_version, stage) = facts(kind);
        let namespace = if kind == "Namespace" { "" } else { organisation.as_str() };
        let id = ObjectId {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: object.into(),
        };
        let mut whole = json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": { "name": object, "labels": self.labels(organisation, app) },
        });
        if !namespace.is_empty() {
            whole["metadata"]["namespace"] = namespace.into();
        }
        merge(&mut whole, body);
        let object = Object {
            origins: origins(&whole),
            by_hand: BTreeSet::new(),
            id,
            body: whole,
            app: app.map(name),
            stage,
            holds_data: kind == "PersistentVolumeClaim",
            once: None,
        };
        let objects = &mut self.objects_of(organisation).objects;
        objects.retain(|other| other.id != object.id);
        objects.push(object);
        objects.sort_by(|a, b| (a.stage, &a.id).cmp(&(b.stage, &b.id)));
    }

    /// The garden says `adopt KIND NAME` in the app `web` of an organisation.
    pub(crate) fn adopt(&mut self, organisation: &Name, kind: &str, object: &str) {
        let mut written = (*self.garden.organisations[organisation]).clone();
        let app = written.apps.entry(name("web")).or_insert_with(|| app("web", ""));
        app.adopt.push(Adopt { kind: kind.to_owned(), name: object.to_owned(), span: line(4) });
        self.garden.organisations.insert(organisation.clone(), Arc::new(written));
    }

    /// The garden says this of an app of an organisation.
    pub(crate) fn say(&mut self, organisation: &Name, app: parcelle::model::App) {
        let mut written = (*self.garden.organisations[organisation]).clone();
        written.apps.insert(app.name.clone(), app);
        self.garden.organisations.insert(organisation.clone(), Arc::new(written));
    }

    /// The garden says `field KIND NAME "path" take` in the app `web` of an organisation.
    pub(crate) fn take(&mut self, organisation: &Name, kind: &str, object: &str, path: &str) {
        self.decide(organisation, &[&format!("field {kind} {object} \"{path}\" take")]);
    }

    /// The garden says these lines, and no others, in the app `web` of an organisation.
    pub(crate) fn decide(&mut self, organisation: &Name, lines: &[&str]) {
        let mut written = (*self.garden.organisations[organisation]).clone();
        let mut taking = app("web", &lines.join("\n        "));
        if let Some(before) = written.apps.get(&name("web")) {
            taking.adopt.clone_from(&before.adopt);
        }
        written.apps.insert(name("web"), taking);
        self.garden.organisations.insert(organisation.clone(), Arc::new(written));
    }

    pub(crate) fn objects_of(&mut self, organisation: &Name) -> &mut OrganisationObjects {
        Arc::make_mut(self.objects.get_mut(organisation).unwrap())
    }

    /// Asks for an object no more.
    pub(crate) fn drop_object(&mut self, organisation: &Name, kind: &str, object: &str) {
        let objects = &mut self.objects_of(organisation).objects;
        objects.retain(|other| !(&*other.id.kind == kind && &*other.id.name == object));
    }

    pub(crate) fn request(&mut self, organisation: &Name, secret: &str, source: SecretSource) {
        let id = ObjectId {
            api_version: "v1".into(),
            kind: "Secret".into(),
            namespace: organisation.as_str().into(),
            name: secret.into(),
        };
        let labels = self.labels(organisation, None);
        let labels = serde_json::from_value(labels).unwrap();
        let request =
            SecretRequest { id, source, labels, secret_type: "Opaque".to_owned(), app: None, origin: line(20) };
        self.objects_of(organisation).secrets.push(request);
    }

    pub(crate) fn generated(&mut self, organisation: &Name, secret: &str) {
        let keys = BTreeMap::from([("password".to_owned(), Generated::Random { length: 40 })]);
        self.request(organisation, secret, SecretSource::Generated { keys });
    }

    fn labels(&self, organisation: &Name, app: Option<&str>) -> Value {
        let mut labels = json!({
            "app.kubernetes.io/managed-by": "parcelle",
            "parcelle.dev/garden": self.garden.name.as_str(),
            "parcelle.dev/organisation": organisation.as_str(),
            "applyset.kubernetes.io/part-of": naming::applyset(&self.garden.name, organisation),
        });
        if let Some(app) = app {
            labels["parcelle.dev/app"] = app.into();
        }
        labels
    }

    /// A second organisation's worth of ordinary things: a ConfigMap, a Deployment, a Service.
    pub(crate) fn ordinary(&mut self, organisation: &Name) {
        self.put(organisation, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "green", "size": "3"}}));
        self.put(organisation, "Deployment", "web", Some("web"), deployment(2));
        let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]});
        self.put(organisation, "Service", "web", Some("web"), json!({"spec": spec}));
    }
}

pub(crate) fn deployment(replicas: u32) -> Value {
    json!({"spec": {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{
                "name": "app",
                "image": "example.org/web:1",
                "ports": [{"containerPort": 8080, "protocol": "TCP"}],
                "resources": {"limits": {"memory": "64Mi"}},
            }]},
        },
    }})
}

/// The line that decided a value: 10 for the whole object, then in order of their pointers.
fn origins(body: &Value) -> Origins {
    let mut pointers = Vec::new();
    leaves(body, String::new(), &mut pointers);
    let mut map: BTreeMap<String, Span> =
        pointers.into_iter().zip(30..).map(|(pointer, at)| (pointer, line(at))).collect();
    map.insert(String::new(), line(10));
    Origins(map)
}

fn leaves(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            leaves(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, value)| leaves(value, format!("{at}/{i}"), out)),
        _ => out.push(at),
    }
}

/// The span of a line of the test's only file.
pub(crate) fn line(at: usize) -> Span {
    let start: usize = (1..at).map(|line| format!("line {line}\n").len()).sum();
    Span::new(FileId(0), start..start + format!("line {at}").len())
}

pub(super) fn facts(kind: &str) -> (&'static str, Stage) {
    match kind {
        "Namespace" | "LimitRange" | "ResourceQuota" => ("v1", Stage::Ground),
        "NetworkPolicy" => ("networking.k8s.io/v1", Stage::Ground),
        "ConfigMap" | "Secret" | "ServiceAccount" => ("v1", Stage::Configuration),
        "PersistentVolumeClaim" => ("v1", Stage::Data),
        "Cluster" => ("postgresql.cnpg.io/v1", Stage::Data),
        "Job" => ("batch/v1", Stage::Upgrade),
        "Deployment" => ("apps/v1", Stage::Workload),
        "Service" | "Pod" => ("v1", Stage::Workload),
        "StatefulSet" => ("apps/v1", Stage::Workload),
        "Database" => ("postgresql.cnpg.io/v1", Stage::Data),
        "CronJob" => ("batch/v1", Stage::Edge),
        "Certificate" => ("cert-manager.io/v1", Stage::Edge),
        "HTTPRoute" | "ListenerSet" => ("gateway.networking.k8s.io/v1", Stage::Edge),
        "Widget" => ("example.org/v1alpha1", Stage::Configuration),
        other => panic!("no facts about {other}"),
    }
}

pub(super) fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                merge(whole.entry(key).or_insert(Value::Null), value);
            }
        }
        (whole, part) => *whole = part,
    }
}

/// An app of a small garden, with one line in it, for what the garden says about it.
fn app(text: &str, line: &str) -> parcelle::model::App {
    small_garden(text, line).organisations[&name("o")].apps[&name(text)].clone()
}

/// A small garden of one app, with one line in it.
fn small_garden(text: &str, line: &str) -> Garden {
    let garden = format!(
        "edition 2026\n\ngarden g {{\n    title G\n    ceiling {{ cpu 64 cores; memory 256 GiB; storage 8 TiB; }}\n}}\ncluster ada {{\n    title Ada\n    uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    \
         timezone \"Europe/Paris\"\n    domain ada.example\n    provides {{\n        volume storage-class {{ class fast; }}\n        \
         route ingress {{ class nginx; namespace ingress; certificates letsencrypt; }}\n    }}\n}}\norganisation o {{\n    title O\n    cluster ada\n    domain o.example\n    \
         app static-site {text} {{\n        {line}\n    }}\n}}\n"
    );
    let raw = |(path, text): (String, String)| parcelle::git::RawFile {
        blob: text.clone(),
        bytes: text.into_bytes().into(),
        path,
    };
    // The file of the organisation comes first, since the spans of a story are those of its only file.
    let files = laid_out(&garden).into_iter().rev().map(raw).collect();
    let snapshot = parcelle::git::Snapshot::of(files);
    let checked = parcelle::check::check(snapshot, None, jiff::Timestamp::UNIX_EPOCH);
    let garden = checked.garden.unwrap_or_else(|| panic!("{:?}", checked.findings));
    assert!(garden.organisations.contains_key(&name("o")), "{:?}", checked.findings);
    garden
}

pub(super) fn garden(text: &str, cluster: &Name, uid: &str, file: FileId) -> Garden {
    let span = Span::new(file, 0..6);
    let written = Cluster {
        name: cluster.clone(),
        title: String::new(),
        uid: Spanned::new(uid.to_owned(), span),
        timezone: "Europe/Paris".to_owned(),
        domain: None,
        claims: parcelle::model::ClusterClaims::default(),
        network: parcelle::model::ClusterNetwork::default(),
        namespaces: BTreeMap::new(),
        complete: true,
        // Classes and the like that hand-made objects of stories name.
        provides: small_garden("www", "").clusters[&name("ada")].provides.clone(),
        span,
    };
    Garden {
        name: name(text),
        title: String::new(),
        span,
        people: BTreeMap::new(),
        consent: parcelle::model::Consent::default(),
        reviewer: parcelle::model::Reviewer::default(),
        deletions: Deletions {
            undeclared_at_most: 3,
            undeclared_percent: 50,
            keep_data: Quantity { dimension: Dimension::Duration, amount: 14 * 86_400 },
            span: None,
        },
        ceiling: None,
        hold: None,
        pin: None,
        rollback: None,
        clusters: BTreeMap::from([(cluster.clone(), Arc::new(written))]),
        offers: BTreeMap::new(),
        definitions: BTreeMap::new(),
        organisations: BTreeMap::new(),
        broken: BTreeSet::new(),
        stopped: BTreeMap::new(),
        judgement: parcelle::model::Judgement::default(),
        awaited: BTreeMap::new(),
        undecided: BTreeSet::new(),
        unreadable: BTreeSet::new(),
    }
}

fn organisation_node(organisation: &Name, cluster: Arc<Cluster>) -> Organisation {
    Organisation {
        name: organisation.clone(),
        title: String::new(),
        note: None,
        offer: None,
        grants: parcelle::model::Grants::default(),
        cluster,
        domain: None,
        timezone: "Europe/Paris".to_owned(),
        delegates: Vec::new(),
        contacts: Vec::new(),
        hold: None,
        retired: None,
        apps: BTreeMap::new(),
        retired_needs: BTreeMap::new(),
        file: FileId(0),
        span: line(1),
    }
}
