//! The moments at which a process is asked to end: what it is doing, and which of its requests is held up, and how.

use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};

/// What the process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// The loop begins on a cluster that has nothing.
    First,
    /// A single round on a cluster that has nothing.
    Once,
    /// The loop begins where everything is applied.
    Again,
    /// The loop is at rest, and a commit comes.
    Commit,
    /// The loop is at rest, and a commit takes something away.
    Removal,
    /// The loop is at rest, and a commit calls an app otherwise.
    Rename,
    /// The loop is at rest, and somebody changes an object.
    Drift,
    /// Another one leads.
    Standby,
    /// Another one led and was killed.
    Takeover,
    /// The loop is at rest.
    Rest,
}

/// What happens to the request that is the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hold {
    /// It is answered a little after the signal.
    Slow,
    /// It is not answered before the process has ended.
    Silent,
    /// It is refused for now, to be sent again in half a minute.
    Busy,
    /// It is done, and its answer lost.
    Lost,
    /// It is a watch that shows nothing.
    Still,
}

impl Hold {
    fn effect(self) -> FaultEffect {
        match self {
            Self::Slow => FaultEffect::Delay { milliseconds: 800 },
            Self::Silent => FaultEffect::Delay { milliseconds: 60_000 },
            Self::Busy => FaultEffect::Status {
                code: 429,
                reason: "TooManyRequests".to_owned(),
                retry_after: Some(30),
                message: String::new(),
            },
            Self::Lost => FaultEffect::CutAfter,
            Self::Still => FaultEffect::WatchStalls,
        }
    }
}

/// The n-th request of a verb for a resource, in a scene.
pub(crate) struct HeldRequest(
    pub(crate) Scene,
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) u64,
    pub(crate) Hold,
);

use Hold::{Busy, Lost, Silent, Slow, Still};
use Scene::{Again, Commit, Drift, First, Once, Removal, Rename, Rest, Standby, Takeover};

const LEASES: &str = "leases.coordination.k8s.io";
pub(crate) const POLICIES: &str = "networkpolicies.networking.k8s.io";
const ROUTES: &str = "httproutes.gateway.networking.k8s.io";
pub(crate) const DATABASES: &str = "clusters.postgresql.cnpg.io";

/// The moments that are requests. A trial (`dryRun`) is no patch here, but a verb of its own.
pub(crate) const MOMENTS: &[HeldRequest] = &[
    // Reaching the cluster, taking the lease.
    HeldRequest(First, "get", "namespaces", 1, Silent),
    HeldRequest(First, "get", LEASES, 1, Slow),
    HeldRequest(First, "create", LEASES, 1, Silent),
    HeldRequest(First, "create", LEASES, 2, Slow),
    HeldRequest(Again, "update", LEASES, 1, Lost),
    HeldRequest(First, "create", "namespaces", 1, Busy),
    // Reading inventories and the first lists.
    HeldRequest(First, "list", "configmaps", 1, Silent),
    HeldRequest(Again, "list", "configmaps", 1, Slow),
    HeldRequest(First, "list", "deployments.apps", 1, Slow),
    HeldRequest(Again, "list", "deployments.apps", 1, Silent),
    HeldRequest(First, "list", ROUTES, 1, Busy),
    HeldRequest(Again, "list", "secrets", 1, Busy),
    HeldRequest(Once, "list", "services", 1, Slow),
    HeldRequest(First, "get", "customresourcedefinitions.apiextensions.k8s.io", 1, Slow),
    // Planning with the server.
    HeldRequest(First, "trial", "namespaces", 1, Slow),
    HeldRequest(Commit, "trial", "deployments.apps", 1, Silent),
    HeldRequest(Commit, "trial", "deployments.apps", 1, Busy),
    // The inventory ahead of the writes.
    HeldRequest(First, "create", "configmaps", 1, Slow),
    HeldRequest(First, "create", "configmaps", 1, Silent),
    HeldRequest(Once, "create", "configmaps", 1, Lost),
    // The first apply, stage by stage.
    HeldRequest(First, "patch", "namespaces", 1, Slow),
    HeldRequest(Once, "patch", "namespaces", 1, Silent),
    HeldRequest(First, "patch", POLICIES, 1, Slow),
    HeldRequest(First, "patch", POLICIES, 4, Lost),
    HeldRequest(First, "patch", POLICIES, 7, Busy),
    HeldRequest(First, "create", "secrets", 1, Slow),
    HeldRequest(First, "create", "secrets", 2, Lost),
    HeldRequest(Once, "create", "secrets", 1, Silent),
    HeldRequest(First, "patch", "configmaps", 1, Slow),
    HeldRequest(First, "patch", DATABASES, 1, Slow),
    HeldRequest(Once, "patch", DATABASES, 1, Busy),
    HeldRequest(First, "patch", "persistentvolumeclaims", 1, Silent),
    // Waiting for health.
    HeldRequest(Once, "watch", DATABASES, 1, Still),
    HeldRequest(Once, "watch", "databaseroles.postgresql.cnpg.io", 1, Still),
    HeldRequest(Once, "patch", "deployments.apps", 1, Slow),
    HeldRequest(Once, "patch", ROUTES, 2, Lost),
    HeldRequest(Once, "patch", "services", 1, Busy),
    // The inventory after the writes.
    HeldRequest(First, "update", "configmaps", 1, Slow),
    HeldRequest(First, "update", "configmaps", 1, Silent),
    HeldRequest(Once, "update", "configmaps", 1, Lost),
    // Commits, deletions, drift.
    HeldRequest(Commit, "update", "configmaps", 1, Slow),
    HeldRequest(Commit, "patch", "deployments.apps", 1, Slow),
    HeldRequest(Commit, "patch", "deployments.apps", 1, Silent),
    HeldRequest(Removal, "delete", "configmaps", 1, Slow),
    HeldRequest(Removal, "delete", "configmaps", 1, Lost),
    HeldRequest(Removal, "delete", "configmaps", 1, Silent),
    HeldRequest(Drift, "patch", "deployments.apps", 1, Slow),
    HeldRequest(Drift, "patch", "deployments.apps", 1, Busy),
    // At rest, standing by, taking over.
    HeldRequest(Rest, "update", LEASES, 1, Slow),
    HeldRequest(Rest, "update", LEASES, 1, Silent),
    HeldRequest(Standby, "get", LEASES, 2, Slow),
    HeldRequest(Standby, "get", LEASES, 2, Silent),
    HeldRequest(Takeover, "update", LEASES, 1, Slow),
    HeldRequest(Takeover, "list", "configmaps", 1, Slow),
    HeldRequest(Takeover, "list", "deployments.apps", 1, Silent),
    // An app is called otherwise: what ran stops, its successor starts, the rest of the old name goes.
    HeldRequest(Rename, "delete", "deployments.apps", 1, Silent),
    HeldRequest(Rename, "patch", "persistentvolumeclaims", 1, Lost),
    HeldRequest(Rename, "patch", "secrets", 1, Slow),
    HeldRequest(Rename, "delete", ROUTES, 1, Lost),
    HeldRequest(Rename, "delete", "deployments.apps", 1, Lost),
    HeldRequest(Rename, "patch", "deployments.apps", 1, Silent),
    HeldRequest(Rename, "delete", POLICIES, 1, Busy),
    HeldRequest(Rename, "delete", "serviceaccounts", 1, Silent),
    HeldRequest(Rename, "update", "configmaps", 2, Lost),
];

impl HeldRequest {
    pub(crate) fn name(&self) -> String {
        let Self(scene, verb, resource, nth, hold) = self;
        format!("{scene:?}, {verb} {resource} {nth}, {hold:?}")
    }

    pub(crate) fn fault(&self) -> Fault {
        let Self(_, verb, resource, nth, hold) = self;
        let (verb, dry_run) = if *verb == "trial" { ("patch", Some(true)) } else { (*verb, None) };
        let on = RequestMatcher {
            verbs: vec![verb.to_owned()],
            resource: Some((*resource).to_owned()),
            nth: Some(*nth),
            dry_run: dry_run.or((verb == "patch").then_some(false)),
            ..RequestMatcher::default()
        };
        Fault { on, effect: hold.effect() }
    }
}
