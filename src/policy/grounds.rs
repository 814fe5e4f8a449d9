//! What an organisation may name and reach: the facts that its final objects are judged by.

use std::collections::{BTreeMap, BTreeSet};

/// All that an organisation may name, by what its cluster file says and its own apps have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Grounds {
    /// The organisation's name, which is its namespace.
    pub(crate) namespace: String,
    /// What each app has of its own.
    pub(crate) apps: BTreeMap<String, AppGrounds>,
    /// What lies in the namespace, of all apps and the organisation itself.
    pub(crate) whole: Owned,
    /// What the cluster file names.
    pub(crate) cluster: ClusterGrounds,
}

/// What an app may name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AppGrounds {
    /// The hosts that it claims.
    pub(crate) hosts: BTreeSet<String>,
    /// Its name, and the earlier one that the names of its data bear.
    pub(crate) names: Vec<String>,
    pub(crate) owned: Owned,
    /// The variables that say as whom its mail is sent, with what a line of the app says instead, which is held against others'.
    pub(crate) senders: BTreeMap<String, Option<String>>,
    /// The keys of its files that say it.
    pub(crate) sender_files: BTreeSet<String>,
}

/// Objects by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owned {
    /// Secrets that parcelle makes, or that a line of the app names as the organisation's own.
    pub(crate) secrets: BTreeSet<String>,
    pub(crate) config_maps: BTreeSet<String>,
    pub(crate) claims: BTreeSet<String>,
    pub(crate) services: BTreeSet<String>,
    pub(crate) listener_sets: BTreeSet<String>,
    pub(crate) buckets: BTreeSet<String>,
    /// What has replicas, as `KIND/NAME`.
    pub(crate) workloads: BTreeSet<String>,
}

/// What the cluster file names, each where it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClusterGrounds {
    /// The gateway of routes: name and namespace.
    pub(crate) gateway: Option<(String, String)>,
    /// The page of apps that sleep for long: Service and namespace.
    pub(crate) page: Option<(String, String)>,
    pub(crate) ingress_class: Option<String>,
    /// Who signs certificates.
    pub(crate) issuer: Option<String>,
    pub(crate) storage_classes: BTreeSet<String>,
    /// Garage's cluster: name and namespace.
    pub(crate) garage: Option<(String, String)>,
    /// Where the organisation's backups go: the address of the service, and the organisation's bucket there.
    pub(crate) backup: Option<(String, String)>,
    /// The name of the organisation's own database cluster.
    pub(crate) database: String,
    /// The beginning of the names of the organisation's buckets, where all organisations share one space of names.
    pub(crate) buckets: String,
    /// Namespaces of operators and services that policies may name.
    pub(crate) namespaces: BTreeSet<String>,
    /// Blocks of addresses that policies may name, each with what it leaves out.
    pub(crate) blocks: BTreeMap<String, Vec<String>>,
    /// Whether the API server is among them, so that nothing is reached at any address.
    pub(crate) names_api_server: bool,
}

impl Grounds {
    /// What may be named in an object of an app: by a hatch only what the app has, else all of the organisation.
    pub(super) fn owned(&self, app: Option<&str>, by_hand: bool) -> Option<&Owned> {
        if by_hand { app.and_then(|app| self.apps.get(app)).map(|app| &app.owned) } else { Some(&self.whole) }
    }

    /// Whether a name is that of a part of an app, as parcelle gives them.
    pub(super) fn is_part_of(&self, app: Option<&str>, name: &str) -> bool {
        let names = app.and_then(|app| self.apps.get(app)).into_iter().flat_map(|app| &app.names);
        names.into_iter().any(|app| name.strip_prefix(app.as_str()).is_some_and(|part| part.starts_with('-')))
    }

    /// Whether an app claims a host.
    pub(super) fn has_host(&self, app: Option<&str>, host: &str) -> bool {
        app.and_then(|app| self.apps.get(app)).is_some_and(|app| app.hosts.contains(host))
    }
}
