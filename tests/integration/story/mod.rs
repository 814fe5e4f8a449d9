//! What the stories about clusters stand on: a garden of hand-made objects, a sandbox or a real API server, a second person.
//!
//! With `PARCELLE_TEST_KUBECONFIG` the stories run against that server, each in namespaces and a garden of its own, cleaned up
//! after; those that need faults or controllers are for the sandbox only.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test's own scaffold")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parcelle::check::Checked;
use parcelle::cluster::{self, Access, Connection, Limits, Permit};
use parcelle::engine::{self, Ask, LiveState, RoundOptions, RoundOutcome, RoundState, stages};
use parcelle::finding::Findings;
use parcelle::model::Garden;
use parcelle::name::Name;
use parcelle::plan::{Action, Done, OrganisationPlan, Plan, Verb};
use parcelle::render::OrganisationObjects;
use parcelle::sandbox::{self, ControllerOptions, Fault, FaultEffect, Faults, Handle, RequestMatcher};
use parcelle::source::{SourceFile, Sources};

mod garden;
mod requests;
pub(crate) mod rights;
pub(crate) mod unions;

pub(crate) use garden::{deployment, line};

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
            let handle = rights::serve_with_policy(options).await;
            let kubeconfig = rights::kubeconfig(&handle, "ada");
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
            admin: match &sandbox {
                Some(handle) => administrator(handle).await,
                None => client(&access).await,
            },
            sandbox,
            connection,
            garden: garden::garden(&format!("garden-{suffix}"), &cluster, &uid, file),
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
        let mut plan = guarded(&round, &live);
        engine::stamp(round.objects, &mut plan);
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
                assert!(
                    !outcome.is_open(),
                    "{} {}: {:?} {:#?}",
                    one.organisation,
                    outcome.id,
                    outcome.done,
                    self.findings()
                );
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

/// The sandbox as its administrator reaches it.
pub(crate) async fn administrator(handle: &Handle) -> kube::Client {
    client(&Access::Text { kubeconfig: handle.kubeconfig("ada"), context: "ada".to_owned() }).await
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

/// A verb, for stories that count them.
pub(crate) fn count(plan: &Plan, verb: Verb) -> usize {
    plan.organisations.iter().flat_map(|plan| &plan.actions).filter(|action| action.verb() == verb).count()
}
