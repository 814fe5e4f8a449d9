//! Which kinds a cluster serves: two requests (aggregated discovery), kept for the run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::connect::Connection;
use super::errors::ApiError;
use crate::kind::{self, GroupKind, Kind, group_of};
use crate::render::ObjectId;

/// One kind as the server names it in paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) api_version: Arc<str>,
    pub(crate) kind: Arc<str>,
    pub(crate) plural: Arc<str>,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// Whether its objects can be listed.
    pub(crate) listable: bool,
}

/// The kinds of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    served: BTreeMap<(Arc<str>, Arc<str>), Arc<Resource>>,
    /// API groups whose server did not answer: what they hold is unknown, not absent.
    pub(crate) silent_groups: BTreeSet<String>,
    /// No server was asked: nothing is known of any group.
    unasked: bool,
}

/// A kind that the cluster does not serve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("the cluster serves no `{kind}` of `{api_version}`{}", operator_hint(.api_version))]
pub(crate) struct MissingKind {
    /// Of which API.
    pub(crate) api_version: Arc<str>,
    pub(crate) kind: Arc<str>,
    /// Whether its API group exists and did not answer, rather than being absent.
    pub(crate) silent: bool,
}

/// API group of a provider's objects: the need it meets, the provider's name in a `cluster` file, what to install.
const OPERATORS: &[(&str, &str, &str, &str)] = &[
    ("postgresql.cnpg.io", "postgres", "cloudnative-pg", "the CloudNativePG operator"),
    ("garage.rajsingh.info", "bucket", "garage", "the Garage operator"),
    ("gateway.networking.k8s.io", "route", "gateway-api", "the Gateway API and a gateway controller"),
    ("cert-manager.io", "route", "gateway-api", "cert-manager"),
    ("barmancloud.cnpg.io", "backup", "k8up", "the Barman Cloud plugin of CloudNativePG"),
    ("psmdb.percona.com", "mongodb", "percona", "the Percona operator for MongoDB"),
    ("k8up.io", "backup", "k8up", "the K8up operator"),
    ("k8s.mariadb.com", "mariadb", "mariadb", "the MariaDB operator"),
];

impl MissingKind {
    /// The need and the provider that want this kind, and what to install; of the kinds of our providers.
    pub(crate) fn wanted_by(&self) -> Option<(&'static str, &'static str, &'static str)> {
        let group = group_of(&self.api_version);
        let found = OPERATORS.iter().find(|(known, ..)| *known == group)?;
        Some((found.1, found.2, found.3))
    }
}

fn operator_hint(api_version: &str) -> String {
    let group = group_of(api_version);
    let found = OPERATORS.iter().find(|(known, ..)| *known == group);
    found.map_or_else(String::new, |(_, need, provider, install)| {
        format!("; the need `{need}` by `{provider}` wants it: install {install}")
    })
}

impl Resource {
    /// Whether its objects are of that kind.
    pub(crate) fn is(&self, kind: GroupKind) -> bool {
        kind.is_of(&self.api_version, &self.kind)
    }

    /// Why its objects could not be read, or listed.
    pub(super) fn why_unread(&self, error: &ApiError, verb: &str) -> String {
        error.why_unread(verb, group_of(&self.api_version), &self.plural)
    }

    /// The facts about its kind.
    pub(super) fn facts(&self) -> &'static Kind {
        kind::facts(group_of(&self.api_version), &self.kind)
    }
}

impl Kinds {
    /// The kinds of a cluster that was not asked: whatever is looked for is unknown, not absent.
    pub(crate) fn unasked() -> Self {
        Self { unasked: true, ..Self::default() }
    }

    /// The resource of a kind.
    pub(crate) fn get(&self, api_version: &str, kind: &str) -> Result<&Arc<Resource>, MissingKind> {
        let key: (Arc<str>, Arc<str>) = (api_version.into(), kind.into());
        self.served.get(&key).ok_or_else(|| {
            let silent = self.unasked || self.silent_groups.contains(group_of(api_version));
            MissingKind { api_version: key.0, kind: key.1, silent }
        })
    }

    /// The resource of an object.
    pub(crate) fn of(&self, id: &ObjectId) -> Result<&Arc<Resource>, MissingKind> {
        self.get(&id.api_version, &id.kind)
    }

    /// The resource of a kind that can be listed, in another version of its API where that one is no longer served.
    pub(super) fn serving(&self, api_version: &str, kind: &str) -> Result<&Arc<Resource>, MissingKind> {
        self.get(api_version, kind).or_else(|missing| {
            let mut same = self.iter().filter(|found| {
                &*found.kind == kind && group_of(&found.api_version) == group_of(api_version) && found.listable
            });
            same.next().ok_or(missing)
        })
    }

    /// Every resource of the cluster.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.served.values()
    }

    fn insert(&mut self, resource: Resource) {
        self.served.insert((resource.api_version.clone(), resource.kind.clone()), Arc::new(resource));
    }
}

impl Resource {
    /// `/apis/apps/v1/namespaces/x/deployments`; all namespaces where `namespace` is empty.
    pub(crate) fn list_path(&self, namespace: &str) -> String {
        let root = if self.api_version.contains('/') { "apis" } else { "api" };
        if self.namespaced && !namespace.is_empty() {
            format!("/{root}/{}/namespaces/{namespace}/{}", self.api_version, self.plural)
        } else {
            format!("/{root}/{}/{}", self.api_version, self.plural)
        }
    }

    /// The path of one object.
    pub(crate) fn path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.list_path(namespace))
    }
}

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Asks a cluster for its kinds: two requests, or one a group where the server is old.
pub async fn discover(connection: &Connection) -> Result<Kinds, ApiError> {
    let (core, groups): (Value, Value) =
        futures::try_join!(connection.get_as("/api", AGGREGATED), connection.get_as("/apis", AGGREGATED))?;
    let mut kinds = Kinds::default();
    for answer in [&core, &groups] {
        if answer["kind"] == "APIGroupDiscoveryList" {
            read_aggregated(answer, &mut kinds);
        } else {
            for group_version in listed_versions(answer) {
                read_legacy(connection, &group_version, &mut kinds).await?;
            }
        }
    }
    Ok(kinds)
}

fn read_aggregated(list: &Value, kinds: &mut Kinds) {
    for group in array(list, "items") {
        let name = group.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        for version in array(group, "versions") {
            if text(version, "freshness") == "Stale" {
                kinds.silent_groups.insert(name.to_owned());
            }
            let api_version: Arc<str> = match name {
                "" => text(version, "version").into(),
                _ => format!("{name}/{}", text(version, "version")).into(),
            };
            for resource in array(version, "resources") {
                let Some(kind) = resource.pointer("/responseKind/kind").and_then(Value::as_str) else { continue };
                kinds.insert(Resource {
                    api_version: api_version.clone(),
                    kind: kind.into(),
                    plural: text(resource, "resource").into(),
                    namespaced: text(resource, "scope") == "Namespaced",
                    listable: array(resource, "verbs").iter().any(|verb| verb == "list"),
                });
            }
        }
    }
}

fn listed_versions(answer: &Value) -> Vec<String> {
    let core = array(answer, "versions").iter().filter_map(Value::as_str).map(str::to_owned);
    let groups = array(answer, "groups").iter().flat_map(|group| array(group, "versions"));
    core.chain(groups.map(|version| text(version, "groupVersion").to_owned())).collect()
}

async fn read_legacy(connection: &Connection, group_version: &str, kinds: &mut Kinds) -> Result<(), ApiError> {
    let root = if group_version.contains('/') { "apis" } else { "api" };
    let list = match connection.get(&format!("/{root}/{group_version}")).await {
        Ok(list) => list,
        Err(error) if error.is_passing() || error.is_of_this_alone() => {
            kinds.silent_groups.insert(group_of(group_version).to_owned());
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for resource in array(&list, "resources").iter().filter(|resource| !text(resource, "name").contains('/')) {
        kinds.insert(Resource {
            api_version: group_version.into(),
            kind: text(resource, "kind").into(),
            plural: text(resource, "name").into(),
            namespaced: resource["namespaced"].as_bool().unwrap_or(false),
            listable: array(resource, "verbs").iter().any(|verb| verb == "list"),
        });
    }
    Ok(())
}

fn array<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn kinds_are_found_with_scope_and_path_and_silent_groups_are_not_absent() {
        let list = json!({"kind": "APIGroupDiscoveryList", "items": [
            {"metadata": {"name": "apps"}, "versions": [{"version": "v1", "freshness": "Current", "resources": [
                {"resource": "deployments", "scope": "Namespaced", "responseKind": {"kind": "Deployment"}}]}]},
            {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
        ]});
        let mut kinds = Kinds::default();
        read_aggregated(&list, &mut kinds);
        let deployments = kinds.get("apps/v1", "Deployment").unwrap();
        assert_eq!(deployments.path("a", "web"), "/apis/apps/v1/namespaces/a/deployments/web");
        assert!(kinds.get("metrics.k8s.io/v1", "PodMetrics").unwrap_err().silent);
        let missing = kinds.get("postgresql.cnpg.io/v1", "Cluster").unwrap_err();
        assert_eq!(missing.wanted_by().unwrap().1, "cloudnative-pg");
    }
}
