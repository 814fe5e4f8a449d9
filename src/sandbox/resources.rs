//! Which resources are served: the built-in ones and those of installed definitions.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;

use super::custom::Custom;

const BUILT_IN: &str = include_str!("../../schemas/kubernetes/resources.json");

/// One resource in one version, as discovery shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServedResource {
    /// API group; empty for the core group.
    pub(crate) group: String,
    /// Version such as `v1`.
    pub(crate) version: String,
    /// Name in paths, such as `deployments`.
    pub(crate) plural: String,
    /// Name of one, such as `deployment`.
    pub(crate) singular: String,
    /// Kind of its objects.
    pub(crate) kind: String,
    /// Whether its objects live in namespaces.
    pub(crate) namespaced: bool,
    /// What may be done with it.
    pub(crate) verbs: Vec<String>,
    /// Abbreviations for the command line.
    #[serde(default)]
    pub(crate) short_names: Vec<String>,
    /// Groups of resources such as `all`.
    #[serde(default)]
    pub(crate) categories: Vec<String>,
    /// Served subresources such as `status`.
    #[serde(default)]
    pub(crate) subresources: Vec<String>,
    /// Kind of a list when it is not `KIND` + `List`.
    #[serde(default)]
    pub(crate) list_kind: Option<String>,
    /// Present for resources of a definition.
    #[serde(skip)]
    pub(crate) custom: Option<Arc<Custom>>,
}

impl ServedResource {
    /// `deployments.apps`, or `pods` in the core group.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `apps/v1`, or `v1` in the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Key of its objects in the store: the same for all versions, and for both groups of events.
    pub(crate) fn storage(&self) -> String {
        if self.group == "events.k8s.io" {
            return "/events".to_owned();
        }
        format!("{}/{}", self.group, self.plural)
    }

    /// Kind of a list of its objects.
    pub(crate) fn list_kind(&self) -> String {
        self.list_kind.clone().unwrap_or_else(|| format!("{}List", self.kind))
    }

    /// Whether a subresource of that name is served.
    pub(crate) fn has(&self, subresource: &str) -> bool {
        self.subresources.iter().any(|name| name == subresource)
    }

    /// Whether that is the resource `plural` of `group`.
    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }

    /// Whether objects of that kind are kept, rather than only answered (as reviews are).
    pub(crate) fn stored(&self) -> bool {
        self.verbs.iter().any(|verb| verb == "get")
    }
}

/// All resources served at one moment, in the order of discovery.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    resources: Vec<Arc<ServedResource>>,
    /// (group, version, plural) to the place in `resources`.
    index: BTreeMap<(String, String, String), usize>,
}

static BUILT_IN_RESOURCES: LazyLock<Vec<Arc<ServedResource>>> = LazyLock::new(|| {
    serde_json::from_str::<Vec<ServedResource>>(BUILT_IN)
        .expect("the table of built-in resources is part of the program")
        .into_iter()
        .map(Arc::new)
        .collect()
});

impl Registry {
    /// The built-in resources, and those of definitions.
    pub(crate) fn new(custom: Vec<ServedResource>) -> Self {
        let mut resources = BUILT_IN_RESOURCES.clone();
        resources.extend(custom.into_iter().map(Arc::new));
        let index = resources
            .iter()
            .enumerate()
            .map(|(place, resource)| {
                let key = (resource.group.clone(), resource.version.clone(), resource.plural.clone());
                (key, place)
            })
            .collect();
        Self { resources, index }
    }

    /// The resource of that name in that group and version.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<ServedResource>> {
        let key = (group.to_owned(), version.to_owned(), plural.to_owned());
        self.index.get(&key).map(|place| &self.resources[*place])
    }

    /// The resource of a kind.
    pub(crate) fn of_kind(&self, group: &str, version: &str, kind: &str) -> Option<&Arc<ServedResource>> {
        let same =
            |found: &&Arc<ServedResource>| found.group == group && found.version == version && found.kind == kind;
        self.resources.iter().find(same)
    }

    /// The first version of a resource of that group.
    pub(crate) fn any_version(&self, group: &str, plural: &str) -> Option<&Arc<ServedResource>> {
        self.resources.iter().find(|resource| resource.is(group, plural))
    }

    /// Whether anything is served in that group and version.
    pub(crate) fn serves(&self, group: &str, version: &str) -> bool {
        self.resources.iter().any(|resource| resource.group == group && resource.version == version)
    }

    /// All resources, in the order of discovery.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<ServedResource>> {
        self.resources.iter()
    }
}
