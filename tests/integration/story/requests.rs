//! What others do to the cluster of a story, and what is read of it.

use std::collections::{BTreeMap, BTreeSet};

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use parcelle::cluster;
use parcelle::name::Name;
use parcelle::plan;
use parcelle::render::naming;
use serde_json::{Value, json};

use super::garden::{facts, merge};
use super::{World, name};

impl World {
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

    /// Whether the cluster knows the custom resources of CloudNativePG.
    pub(crate) async fn knows_databases(&self) -> bool {
        definitions(&self.admin).get_opt("databases.postgresql.cnpg.io").await.unwrap().is_some()
    }

    /// The same, said where it does not.
    pub(crate) async fn has_databases(&self) -> bool {
        let found = self.knows_databases().await;
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

fn resource(kind: &str) -> ApiResource {
    let (api_version, _) = facts(kind);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

fn definitions(client: &kube::Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    Api::all_with(client.clone(), &ApiResource::from_gvk(&kind))
}
