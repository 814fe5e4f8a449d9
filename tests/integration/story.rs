//! What the stories about clusters stand on: a garden of hand-made objects, a sandbox or a real API server, a second person.
//!
//! With `PARCELLE_TEST_KUBECONFIG` the stories run against that server, each in namespaces and a garden of its own, cleaned up
//! after; those that need faults or controllers are for the sandbox only.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test's own scaffold")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use parcelle::check::Checked;
use parcelle::cluster::{self, Access, Connection, Limits, Permit};
use parcelle::engine::{self, Ask, LiveState, RoundOptions, RoundOutcome, RoundState, stages};
use parcelle::finding::Findings;
use parcelle::model::{Adopt, Cluster, Deletions, Garden, Organisation};
use parcelle::name::Name;
use parcelle::plan::{self, Action, Done, OrganisationPlan, Plan, Verb};
use parcelle::quantity::{Dimension, Quantity};
use parcelle::render::{
    Generated, Object, ObjectId, OrganisationObjects, Origins, SecretRequest, SecretSource, Stage, naming,
};
use parcelle::sandbox::{self, ControllerOptions, Fault, FaultEffect, Faults, Handle, RequestMatcher};
use parcelle::source::{FileId, SourceFile, Sources, Span, Spanned};
use serde_json::{Value, json};

/// A garden, its cluster, and what is asked of it.
pub(crate) struct World {
    pub(crate) sandbox: Option<Handle>,
    pub(crate) connection: Connection,
    /// The cluster as somebody else reaches it.
    pub(crate) admin: kube::Client,
    pub(crate) garden: Garden,
    pub(crate) sources: Sources,
    pub(crate) objects: BTreeMap<Name, Arc<OrganisationObjects>>,
    pub(crate) commit: String,
    pub(crate) now: i64,
    pub(crate) wait: Option<std::time::Duration>,
    pub(crate) permit: Permit,
    /// Whether plans ask the server.
    pub(crate) ask: bool,
    access: Access,
    suffix: String,
    /// The cluster that organisations have objects on, where it is not this one.
    pub(crate) homes: BTreeMap<Name, Name>,
}

/// One round: what was planned, what came of it.
pub(crate) struct Round {
    pub(crate) plan: Plan,
    pub(crate) outcome: RoundOutcome,
}

/// What a round stands on beside the garden.
struct Reach {
    options: RoundOptions,
    checked: Checked,
    clusters: BTreeMap<Name, Connection>,
    permits: BTreeMap<Name, Permit>,
}

fn guarded(round: &RoundState<'_>, live: &LiveState) -> Plan {
    stages::guard(round, live, stages::plan(round, live))
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name in a test")
}

/// Whether the stories run against a real API server.
pub(crate) fn real() -> Option<String> {
    std::env::var("PARCELLE_TEST_KUBECONFIG").ok().filter(|path| !path.is_empty())
}

impl World {
    /// An empty garden on a fresh cluster without controllers.
    pub(crate) async fn new() -> Self {
        Self::with(ControllerOptions { enabled: false, ..ControllerOptions::default() }).await
    }

    /// A cluster without the custom resources of any operator.
    pub(crate) async fn bare() -> Self {
        let controllers = ControllerOptions { enabled: false, ..ControllerOptions::default() };
        Self::on(sandbox::Options { controllers, definitions: false, ..sandbox::Options::default() }).await
    }

    /// An empty garden; with controllers only in the sandbox.
    pub(crate) async fn with(controllers: ControllerOptions) -> Self {
        Self::on(sandbox::Options { controllers, ..sandbox::Options::default() }).await
    }

    async fn on(options: sandbox::Options) -> Self {
        let cluster = name("ada");
        let (sandbox, access) = if let Some(path) = real() {
            let kubeconfig = std::fs::read_to_string(path).expect("the kubeconfig of the test server");
            let context = kube::config::Kubeconfig::from_yaml(&kubeconfig).unwrap().current_context.unwrap();
            (None, Access::Text { kubeconfig, context })
        } else {
            let handle = sandbox::serve(options).await.expect("the sandbox starts");
            let kubeconfig = handle.kubeconfig("ada");
            (Some(handle), Access::Text { kubeconfig, context: "ada".to_owned() })
        };
        let limits = Limits { answer: std::time::Duration::from_secs(5), ..Limits::default() };
        let connection = cluster::connect(&cluster, &access, limits).await.unwrap();
        let uid = connection.uid().await.unwrap();
        let mut sources = Sources::default();
        let text = (1..=200).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        let file = sources.add(SourceFile::new("orgs/test.kdl", &text));
        let suffix = suffix();
        Self {
            sandbox,
            admin: client(&access).await,
            connection,
            garden: garden(&format!("garden-{suffix}"), &cluster, &uid, file),
            sources,
            objects: BTreeMap::new(),
            commit: "c1".to_owned(),
            now: 1_800_000_000,
            wait: None,
            permit: Permit::Always,
            ask: true,
            homes: BTreeMap::new(),
            access,
            suffix,
        }
    }

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
            id,
            body: whole,
            app: app.map(name),
            stage,
            holds_data: kind == "PersistentVolumeClaim",
        };
        let objects = &mut self.objects_of(organisation).objects;
        objects.retain(|other| other.id != object.id);
        objects.push(object);
        objects.sort_by(|a, b| (a.stage, &a.id).cmp(&(b.stage, &b.id)));
    }

    /// The garden says `adopt KIND NAME` in the app `web` of an organisation.
    pub(crate) fn adopt(&mut self, organisation: &Name, kind: &str, object: &str) {
        let mut written = (*self.garden.organisations[organisation]).clone();
        let app = written.apps.entry(name("web")).or_insert_with(|| app("web"));
        app.adopt.push(Adopt { kind: kind.to_owned(), name: object.to_owned(), span: line(4) });
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

    /// The faults of the sandbox; absent on a real server, which has none on demand.
    pub(crate) fn faults(&self) -> Option<Faults> {
        let faults = self.sandbox.as_ref().map(Handle::faults);
        if faults.is_none() {
            println!("skipped: a real server has no faults on demand");
        }
        faults
    }

    /// Connects anew, as a new process does, with so much patience for an answer.
    pub(crate) async fn reconnect(&mut self, answer: std::time::Duration) {
        let limits = Limits { answer, silence: answer, ..Limits::default() };
        self.connection = cluster::connect(&name("ada"), &self.access, limits).await.unwrap();
    }

    /// The same server, asked with another token.
    pub(crate) async fn with_token(&mut self, token: &str) {
        let Some(sandbox) = &self.sandbox else { return };
        let kubeconfig = sandbox::kubeconfig(&[("ada", &sandbox.url(), token)]);
        let access = Access::Text { kubeconfig, context: "ada".to_owned() };
        self.connection = cluster::connect(&name("ada"), &access, Limits::default()).await.unwrap();
    }

    fn options(&self) -> RoundOptions {
        RoundOptions {
            now: jiff::Timestamp::from_second(self.now).unwrap(),
            wait: self.wait,
            ask: if self.ask { Ask::WhereUnsure } else { Ask::Nothing },
            ..RoundOptions::everything(jiff::Timestamp::UNIX_EPOCH)
        }
    }

    /// The clusters of the garden, and the right to write to them.
    fn reach(&self) -> Reach {
        let ada = name("ada");
        Reach {
            options: self.options(),
            checked: Checked { sources: Arc::new(self.sources.clone()), ..Checked::default() },
            clusters: BTreeMap::from([(ada.clone(), self.connection.clone())]),
            permits: BTreeMap::from([(ada, self.permit.clone())]),
        }
    }

    fn round_state<'a>(&'a self, reach: &'a Reach) -> RoundState<'a> {
        RoundState {
            commit: &self.commit,
            renderer_hash: "r1",
            clusters: &reach.clusters,
            homes: &self.homes,
            permits: &reach.permits,
            ..RoundState::of(&reach.checked, &self.garden, &self.objects, &reach.options)
        }
    }

    /// Reads and plans.
    pub(crate) async fn plan(&self) -> (LiveState, Plan) {
        let reach = self.reach();
        let round = self.round_state(&reach);
        let live = stages::read(&round, BTreeMap::new()).await;
        let plan = guarded(&round, &live);
        (live, plan)
    }

    /// Applies a plan that was made before, as it is.
    pub(crate) async fn apply(&self, live: &mut LiveState, plan: &Plan) -> RoundOutcome {
        stages::apply(&self.round_state(&self.reach()), live, plan).await
    }

    /// Why a saved plan is stale.
    pub(crate) async fn stale(&self, plan: &Plan) -> Vec<String> {
        let reach = self.reach();
        let round = self.round_state(&reach);
        engine::stale(&round, &stages::read(&round, BTreeMap::new()).await, plan)
    }

    /// What is live of ours, as `parcelle snapshot` keeps it.
    pub(crate) async fn snapshot(&self) -> engine::LiveSnapshot {
        let reach = self.reach();
        let round = self.round_state(&reach);
        engine::snapshot(&round, &stages::read(&round, BTreeMap::new()).await)
    }

    /// A plan from a snapshot: no cluster is asked.
    pub(crate) fn plan_from(&self, snapshot: &engine::LiveSnapshot) -> Plan {
        let reach = self.reach();
        let round = self.round_state(&reach);
        guarded(&round, &engine::state(&round, snapshot))
    }

    /// What the cluster would hold had another commit been applied.
    pub(crate) fn as_applied(
        &self,
        commit: &str,
        objects: &BTreeMap<Name, Arc<OrganisationObjects>>,
    ) -> engine::LiveSnapshot {
        engine::as_applied(&self.round_state(&self.reach()), commit, objects)
    }

    /// One round: read, plan, apply.
    pub(crate) async fn round(&self) -> Round {
        let reach = self.reach();
        let round = self.round_state(&reach);
        let mut live = stages::read(&round, BTreeMap::new()).await;
        let plan = guarded(&round, &live);
        let outcome = stages::apply(&round, &mut live, &plan).await;
        Round { plan, outcome }
    }

    /// One round that ends after so many writes, as if the process had been killed.
    pub(crate) async fn killed_after(&mut self, writes: u64) -> Round {
        self.permit = Permit::AtMost(Arc::new(AtomicU64::new(writes)));
        let round = self.round().await;
        self.permit = Permit::Always;
        // A new process knows nothing of the old one's connections.
        self.reconnect(std::time::Duration::from_secs(5)).await;
        round
    }

    pub(crate) async fn writer(&self) -> cluster::Writer {
        let cluster = &self.garden.clusters[&name("ada")];
        self.connection.writer(cluster, Permit::Always).await.unwrap()
    }

    // ── the cluster as somebody else sees it ──

    pub(crate) fn api(&self, kind: &str, namespace: &Name) -> Api<DynamicObject> {
        let resource = resource(kind);
        if kind == "Namespace" {
            Api::all_with(self.admin.clone(), &resource)
        } else {
            Api::namespaced_with(self.admin.clone(), namespace.as_str(), &resource)
        }
    }

    pub(crate) async fn get(&self, kind: &str, namespace: &Name, object: &str) -> Option<Value> {
        let found = self.api(kind, namespace).get_opt(object).await.unwrap()?;
        Some(serde_json::to_value(found).unwrap())
    }

    /// Somebody edits an object (a merge patch by `kubectl-edit`).
    pub(crate) async fn edit(&self, kind: &str, namespace: &Name, object: &str, patch: Value) {
        let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
        self.api(kind, namespace).patch(object, &by, &Patch::Merge(patch)).await.unwrap();
    }

    /// Whether the cluster knows the custom resources of CloudNativePG; said where it does not.
    pub(crate) async fn has_databases(&self) -> bool {
        let found = definitions(&self.admin).get_opt("databases.postgresql.cnpg.io").await.unwrap().is_some();
        if !found {
            println!("skipped: this server has no databases of CloudNativePG");
        }
        found
    }

    /// Somebody makes an object.
    pub(crate) async fn make(&self, kind: &str, namespace: &Name, object: &str, body: Value) {
        let (api_version, _) = facts(kind);
        let mut whole = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": object}});
        merge(&mut whole, body);
        let whole: DynamicObject = serde_json::from_value(whole).unwrap();
        self.api(kind, namespace).create(&kube::api::PostParams::default(), &whole).await.unwrap();
    }

    /// Somebody who is called `manager` writes a part of an object.
    pub(crate) async fn write_as(&self, manager: &str, kind: &str, namespace: &Name, object: &str, patch: Value) {
        let by = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        self.api(kind, namespace).patch(object, &by, &Patch::Merge(patch)).await.unwrap();
    }

    /// The cluster learns a kind of a stranger, in these versions; the last one is stored. A version more or less is a change.
    pub(crate) async fn define_widgets(&self, versions: &[(&str, bool)]) {
        let last = versions.len() - 1;
        let schema = json!({"openAPIV3Schema": {"type": "object", "properties":
            {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}});
        let version = |(at, (version, served)): (usize, &(&str, bool))| json!({"name": version, "served": served, "storage": at == last, "schema": schema});
        let versions: Vec<Value> = versions.iter().enumerate().map(version).collect();
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "widgets.example.org"},
            "spec": {"group": "example.org", "scope": "Namespaced", "versions": versions,
                "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}},
        });
        let api = definitions(&self.admin);
        api.patch("widgets.example.org", &PatchParams::apply("stranger").force(), &Patch::Apply(definition))
            .await
            .unwrap();
    }

    /// The cluster forgets that kind, and every object of it.
    pub(crate) async fn forget_widgets(&self) {
        definitions(&self.admin).delete("widgets.example.org", &DeleteParams::default()).await.unwrap();
    }

    pub(crate) async fn delete(&self, kind: &str, namespace: &Name, object: &str) {
        self.api(kind, namespace).delete(object, &DeleteParams::default()).await.unwrap();
    }

    /// What controllers do in a whole cluster: objects whose deletion has begun lose their finalizers.
    pub(crate) async fn finish_deletions(&self, namespace: &Name) {
        for kind in ["PersistentVolumeClaim", "Deployment", "Job", "StatefulSet"] {
            for object in self.api(kind, namespace).list(&kube::api::ListParams::default()).await.unwrap() {
                if object.metadata.deletion_timestamp.is_some() {
                    let none = json!({"metadata": {"finalizers": null}});
                    self.edit(kind, namespace, &object.metadata.name.unwrap(), none).await;
                }
            }
        }
    }

    /// Uid and resourceVersion of everything in a namespace that the stories know, and of the inventories.
    pub(crate) async fn versions(&self, organisations: &[&Name]) -> BTreeMap<String, String> {
        let mut versions = BTreeMap::new();
        let system = name(naming::SYSTEM_NAMESPACE);
        let kinds = ["ConfigMap", "Secret", "Service", "PersistentVolumeClaim", "Deployment"];
        let mut places: Vec<(&str, &Name)> = organisations.iter().flat_map(|o| kinds.map(|kind| (kind, *o))).collect();
        places.push(("ConfigMap", &system));
        for (kind, namespace) in places {
            let ours = kube::api::ListParams::default().labels(&format!("parcelle.dev/garden={}", self.garden.name));
            for object in self.api(kind, namespace).list(&ours).await.unwrap() {
                let key = format!("{kind} {namespace}/{}", object.metadata.name.unwrap());
                let value = format!("{} {}", object.metadata.uid.unwrap(), object.metadata.resource_version.unwrap());
                versions.insert(key, value);
            }
        }
        versions
    }

    /// What the cluster stores of an organisation.
    pub(crate) async fn inventory(&self, organisation: &Name) -> plan::Inventory {
        let mut all = cluster::inventory::read(&self.connection, &self.garden.name).await.unwrap();
        all.remove(organisation).map(|stored| stored.unwrap().inventory).unwrap_or_default()
    }

    /// Every entry has the uid of what is there, and everything there that carries our labels has an entry.
    pub(crate) async fn assert_inventory_exact(&self, organisation: &Name) {
        let inventory = self.inventory(organisation).await;
        let known: BTreeSet<(String, Option<String>)> = inventory
            .entries
            .iter()
            .map(|(id, entry)| (format!("{} {}", id.kind, id.name), entry.uid().map(str::to_owned)))
            .collect();
        let mut there = BTreeSet::new();
        for kind in ["Namespace", "ConfigMap", "Secret", "Service", "PersistentVolumeClaim", "Deployment", "Job"] {
            let ours = kube::api::ListParams::default()
                .labels(&format!("parcelle.dev/garden={},parcelle.dev/organisation={organisation}", self.garden.name));
            for object in self.api(kind, organisation).list(&ours).await.unwrap() {
                there.insert((format!("{kind} {}", object.metadata.name.unwrap()), object.metadata.uid));
            }
        }
        assert_eq!(known, there, "the inventory of {organisation}, and what is there");
    }

    /// Removes what a story left on a real server.
    pub(crate) async fn end(self) {
        if self.sandbox.is_some() {
            return;
        }
        let system = name(naming::SYSTEM_NAMESPACE);
        let ours = kube::api::ListParams::default().labels(&format!("parcelle.dev/garden={}", self.garden.name));
        let leases = format!("parcelle-{}", self.garden.name);
        let lease = ApiResource::from_gvk(&GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease"));
        let api: Api<DynamicObject> = Api::namespaced_with(self.admin.clone(), system.as_str(), &lease);
        let _ = api.delete(&leases, &DeleteParams::default()).await;
        let _ = self.api("ConfigMap", &system).delete_collection(&DeleteParams::default(), &ours).await;
        for organisation in self.objects.keys() {
            let _ = self.api("Namespace", organisation).delete(organisation.as_str(), &DeleteParams::default()).await;
        }
    }
}

impl Round {
    pub(crate) fn of(&self, organisation: &Name) -> &OrganisationPlan {
        self.plan.organisations.iter().find(|plan| plan.organisation == *organisation).expect("a plan")
    }

    pub(crate) fn action(&self, organisation: &Name, kind: &str, object: &str) -> &Action {
        action(&self.plan, organisation, kind, object)
    }

    pub(crate) fn done(&self, organisation: &Name, kind: &str, object: &str) -> &Done {
        let outcome =
            self.outcome.organisations.iter().find(|one| one.organisation == *organisation).expect("an outcome");
        let found = outcome.outcomes.iter().find(|one| &*one.id.kind == kind && &*one.id.name == object);
        &found.unwrap_or_else(|| panic!("no outcome of {kind} {object}: {outcome:?}")).done
    }

    /// Verb and id of everything that writes.
    pub(crate) fn writes(&self) -> Vec<String> {
        writes(&self.plan)
    }

    pub(crate) fn assert_all_done(&self) {
        for one in &self.outcome.organisations {
            assert_eq!(one.failure, None, "{}", one.organisation);
            for outcome in &one.outcomes {
                assert!(!outcome.is_open(), "{} {}: {:?}", one.organisation, outcome.id, outcome.done);
            }
        }
    }

    pub(crate) fn findings(&self) -> Findings {
        let mut all = self.outcome.findings.clone();
        self.plan.organisations.iter().for_each(|plan| all.extend(plan.findings.clone()));
        all
    }
}

pub(crate) fn writes(plan: &Plan) -> Vec<String> {
    let actions = plan.organisations.iter().flat_map(|plan| &plan.actions);
    actions.filter(|action| action.verb().writes()).map(|action| format!("{:?} {}", action.verb(), action.id)).collect()
}

pub(crate) fn action<'a>(plan: &'a Plan, organisation: &Name, kind: &str, object: &str) -> &'a Action {
    let plan = plan.organisations.iter().find(|plan| plan.organisation == *organisation).expect("a plan");
    let found = plan.actions.iter().find(|action| &*action.id.kind == kind && &*action.id.name == object);
    found.unwrap_or_else(|| panic!("no action on {kind} {object}: {:?}", plan.actions))
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

fn facts(kind: &str) -> (&'static str, Stage) {
    match kind {
        "Namespace" => ("v1", Stage::Ground),
        "ConfigMap" | "Secret" => ("v1", Stage::Configuration),
        "PersistentVolumeClaim" => ("v1", Stage::Data),
        "Cluster" => ("postgresql.cnpg.io/v1", Stage::Data),
        "Job" => ("batch/v1", Stage::Upgrade),
        "Deployment" => ("apps/v1", Stage::Workload),
        "Service" => ("v1", Stage::Workload),
        "StatefulSet" => ("apps/v1", Stage::Workload),
        "Database" => ("postgresql.cnpg.io/v1", Stage::Data),
        "Widget" => ("example.org/v1alpha1", Stage::Configuration),
        other => panic!("no facts about {other}"),
    }
}

fn resource(kind: &str) -> ApiResource {
    let (api_version, _) = facts(kind);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                merge(whole.entry(key).or_insert(Value::Null), value);
            }
        }
        (whole, part) => *whole = part,
    }
}

/// An app of a small garden, for what the garden says about it.
fn app(text: &str) -> parcelle::model::App {
    let garden = format!(
        "edition 2026\n\ngarden g {{\n    title G\n}}\ncluster ada {{\n    title Ada\n    uid \"0c0ffee0-0000-4000-8000-000000000000\"\n    \
         timezone \"Europe/Paris\"\n    domain ada.example\n    provides {{\n        volume storage-class {{ class fast; }}\n        \
         route ingress {{ class nginx; namespace ingress; certificates letsencrypt; }}\n    }}\n}}\norganisation o {{\n    title O\n    cluster ada\n    domain o.example\n    \
         app static-site {text}\n}}\n"
    );
    let file = parcelle::git::RawFile {
        path: "orgs/garden.kdl".to_owned(),
        bytes: garden.into_bytes().into(),
        blob: "1".to_owned(),
    };
    let snapshot = parcelle::git::Snapshot { commit: None, folder: "orgs".to_owned(), files: vec![file] };
    let checked = parcelle::check::check(snapshot, None, jiff::Timestamp::UNIX_EPOCH);
    let garden = checked.garden.unwrap_or_else(|| panic!("{:?}", checked.findings));
    let organisation = garden.organisations.get(&name("o")).unwrap_or_else(|| panic!("{:?}", checked.findings));
    organisation.apps[&name(text)].clone()
}

fn definitions(client: &kube::Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    Api::all_with(client.clone(), &ApiResource::from_gvk(&kind))
}

/// A fault on requests of these verbs for a resource (`deployments.apps`; empty for all), so many times (0: always).
pub(crate) fn fault(verbs: &[&str], resource: &str, times: u64, effect: FaultEffect) -> Fault {
    let on = RequestMatcher {
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        resource: (!resource.is_empty()).then(|| resource.to_owned()),
        times: (times > 0).then_some(times),
        ..RequestMatcher::default()
    };
    Fault { on, effect }
}

/// A refusal in the words of whoever refuses.
pub(crate) fn refusal(code: u16, reason: &str, message: &str) -> FaultEffect {
    FaultEffect::Status { code, reason: reason.to_owned(), retry_after: None, message: message.to_owned() }
}

async fn client(access: &Access) -> kube::Client {
    let Access::Text { kubeconfig, context } = access else { panic!("a text") };
    let kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig).unwrap();
    let options = kube::config::KubeConfigOptions { context: Some(context.clone()), ..Default::default() };
    kube::Client::try_from(kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap()).unwrap()
}

fn suffix() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    format!("{:x}{next}", std::process::id())
}

fn garden(text: &str, cluster: &Name, uid: &str, file: FileId) -> Garden {
    let span = Span::new(file, 0..6);
    let written = Cluster {
        name: cluster.clone(),
        title: String::new(),
        uid: Spanned::new(uid.to_owned(), span),
        timezone: "Europe/Paris".to_owned(),
        domain: None,
        complete: true,
        provides: BTreeMap::new(),
        span,
    };
    Garden {
        name: name(text),
        title: String::new(),
        span,
        people: BTreeMap::new(),
        consent: Vec::new(),
        deletions: Deletions {
            undeclared_at_most: 3,
            undeclared_percent: 50,
            keep_data: Quantity { dimension: Dimension::Duration, amount: 14 * 86_400 },
        },
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
        unreadable: BTreeSet::new(),
    }
}

fn organisation_node(organisation: &Name, cluster: Arc<Cluster>) -> Organisation {
    Organisation {
        name: organisation.clone(),
        title: String::new(),
        note: None,
        offer: None,
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

/// A verb, for stories that count them.
pub(crate) fn count(plan: &Plan, verb: Verb) -> usize {
    plan.organisations.iter().flat_map(|plan| &plan.actions).filter(|action| action.verb() == verb).count()
}
