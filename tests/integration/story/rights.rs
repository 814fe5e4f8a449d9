//! A story told by somebody who may do no more than a role says: that of `examples/install`, or less.

use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use parcelle::cluster::{self, Access, Limits};
use parcelle::sandbox;
use serde_json::{Value, json};

use super::{World, name};

/// The token of parcelle's account: it may do everything that the shipped admission policy lets it do.
pub(crate) const TOKEN: &str = "parcelletoken";

/// The name of parcelle's account.
pub(crate) const ACCOUNT: &str = "system:serviceaccount:parcelle-system:parcelle";

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// The objects of `examples/install/parcelle.yaml`.
pub(crate) fn shipped() -> Vec<Value> {
    let text = include_str!("../../../examples/install/parcelle.yaml");
    let documents = text.split("\n---\n").map(|text| serde_saphyr::from_str::<Value>(text).unwrap());
    documents.collect()
}

/// Starts a sandbox that knows parcelle's account and holds it to the shipped admission policy.
pub(crate) async fn serve_with_policy(mut options: sandbox::Options) -> sandbox::Handle {
    options.tokens.insert(TOKEN.to_owned(), sandbox::User::administrator_called(ACCOUNT));
    let handle = sandbox::serve(options).await.expect("the sandbox starts");
    let admin = super::administrator(&handle).await;
    for object in policy_for("parcelle", ACCOUNT) {
        put_in_place(&admin, object).await;
    }
    handle.reset_stats();
    handle
}

/// A sandbox of [`serve_with_policy`] as parcelle's account reaches it.
pub(crate) fn kubeconfig(handle: &sandbox::Handle, context: &str) -> String {
    sandbox::kubeconfig(&[(context, &handle.url(), TOKEN)])
}

/// The shipped admission policy and its binding under a name of their own, for a user.
fn policy_for(called: &str, user: &str) -> impl Iterator<Item = Value> {
    let policies = shipped().into_iter().filter(|object| object["apiVersion"] == ADMISSION);
    policies.map(move |mut object| {
        object["metadata"]["name"] = called.into();
        if object["kind"] == "ValidatingAdmissionPolicy" {
            let condition = &mut object["spec"]["matchConditions"][0]["expression"];
            let text = condition.as_str().unwrap();
            assert!(text.contains(ACCOUNT), "{text}");
            *condition = text.replace(ACCOUNT, user).into();
        } else {
            object["spec"]["policyName"] = called.into();
        }
        object
    })
}

/// The shipped rights as those of a user of this name; `change` may alter the rules for the whole cluster.
pub(crate) fn rights_of(user: &str, change: impl FnOnce(&mut Vec<Value>)) -> Vec<Value> {
    let mut change = Some(change);
    let rights = shipped().into_iter().filter(|object| object["apiVersion"] == RBAC).map(|mut object| {
        if object["kind"] == "ClusterRole"
            && let Some(change) = change.take()
        {
            change(object["rules"].as_array_mut().unwrap());
        }
        object["metadata"]["name"] = user.into();
        if object["roleRef"].is_object() {
            object["roleRef"]["name"] = user.into();
            object["subjects"] = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]);
        }
        object
    });
    rights.collect()
}

/// Takes these verbs for a resource away, as of one whose role was written too short.
pub(crate) fn without(rules: &mut Vec<Value>, group: &str, resource: &str, verbs: &[&str]) {
    let mut left = Vec::new();
    for rule in rules.iter_mut().filter(|rule| rule["apiGroups"] == json!([group])) {
        let resources = rule["resources"].as_array_mut().unwrap();
        let before = resources.len();
        resources.retain(|other| other != resource);
        if resources.len() < before {
            let mut rule = rule.clone();
            rule["resources"] = json!([resource]);
            rule["verbs"].as_array_mut().unwrap().retain(|verb| !verbs.contains(&verb.as_str().unwrap()));
            left.push(rule);
        }
    }
    assert!(!left.is_empty(), "the role says nothing of {resource}");
    rules.extend(left);
}

/// Writes an object as it is given, whether it is there or not.
pub(crate) async fn put_in_place(admin: &kube::Client, object: Value) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let api_version = text(&object["apiVersion"]);
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap()));
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(admin.clone(), namespace, &resource),
        None => Api::all_with(admin.clone(), &resource),
    };
    let by = PatchParams::apply("story").force();
    api.patch(&text(&object["metadata"]["name"]), &by, &Patch::Apply(object)).await.unwrap();
}

impl World {
    /// The name under which this story's rights are kept.
    pub(crate) fn user(&self) -> String {
        format!("story-{}", self.suffix)
    }

    /// From now on the story is told by a user with the shipped rights, altered by `change`; a second call replaces them.
    pub(crate) async fn restricted(&mut self, change: impl FnOnce(&mut Vec<Value>)) {
        let system = shipped().into_iter().find(|object| object["kind"] == "Namespace").unwrap();
        put_in_place(&self.admin, system).await;
        for object in rights_of(&self.user(), change) {
            put_in_place(&self.admin, object).await;
        }
        let Access::Text { kubeconfig, context } = &self.access else { panic!("a text") };
        let mut kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig).unwrap();
        for user in &mut kubeconfig.auth_infos {
            user.auth_info.get_or_insert_default().impersonate = Some(self.user());
        }
        let kubeconfig = serde_json::to_string(&kubeconfig).unwrap();
        let access = Access::Text { kubeconfig, context: context.clone() };
        self.connection = cluster::connect(&name("ada"), &access, Limits::default()).await.unwrap();
    }

    /// From now on the story is told by a user who may do everything that the shipped admission policy lets it do; as that
    /// user. On the sandbox this is so from the start.
    pub(crate) async fn under_policy(&mut self) -> kube::Client {
        let Access::Text { kubeconfig, context } = &self.access else { panic!("a text") };
        if self.sandbox.is_none() {
            for object in policy_for(&self.user(), &self.user()) {
                put_in_place(&self.admin, object).await;
            }
            let mut kubeconfig = kube::config::Kubeconfig::from_yaml(kubeconfig).unwrap();
            for user in &mut kubeconfig.auth_infos {
                let user = user.auth_info.get_or_insert_default();
                user.impersonate = Some(self.user());
                user.impersonate_groups = Some(vec!["system:masters".to_owned()]);
            }
            let kubeconfig = serde_json::to_string(&kubeconfig).unwrap();
            self.access = Access::Text { kubeconfig, context: context.clone() };
            self.connection = cluster::connect(&name("ada"), &self.access, Limits::default()).await.unwrap();
            self.policy_is_known().await;
        }
        super::client(&self.access).await
    }

    /// Waits until the server has taken note of the policy.
    async fn policy_is_known(&self) {
        let client = super::client(&self.access).await;
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "ConfigMap"));
        let api: Api<DynamicObject> = Api::namespaced_with(client, "default", &resource);
        let trial = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "trial"}});
        let mut tried = PatchParams::apply("story").force();
        tried.dry_run = true;
        for _ in 0..100 {
            if api.patch("trial", &tried, &Patch::Apply(&trial)).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("the server does not hold writes against the policy");
    }

    /// Takes the policy away again, on a server that outlives it.
    pub(crate) async fn end_of_policy(self) {
        if self.sandbox.is_none() {
            for kind in ["ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"] {
                let resource =
                    ApiResource::from_gvk(&GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind));
                let api: Api<DynamicObject> = Api::all_with(self.admin.clone(), &resource);
                let _ = api.delete(&self.user(), &kube::api::DeleteParams::default()).await;
            }
        }
        self.end().await;
    }

    /// Takes the rights of the story away again, on a server that outlives it.
    pub(crate) async fn end_of_rights(self) {
        if self.sandbox.is_none() {
            for kind in ["ClusterRoleBinding", "ClusterRole"] {
                let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind));
                let api: Api<DynamicObject> = Api::all_with(self.admin.clone(), &resource);
                let _ = api.delete(&self.user(), &kube::api::DeleteParams::default()).await;
            }
            for kind in ["RoleBinding", "Role"] {
                let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("rbac.authorization.k8s.io", "v1", kind));
                let api: Api<DynamicObject> = Api::namespaced_with(self.admin.clone(), "parcelle-system", &resource);
                let _ = api.delete(&self.user(), &kube::api::DeleteParams::default()).await;
            }
        }
        self.end().await;
    }
}
