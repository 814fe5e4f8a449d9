//! What a doctor finds before the first apply: on a cluster that has everything, and on one that lacks something.

use std::collections::BTreeMap;

use parcelle::check::{Checked, check};
use parcelle::cluster::{self, Access, Limits};
use parcelle::engine::{RoundOptions, RoundState, Survey, survey};
use parcelle::git;
use parcelle::name::Name;
use parcelle::render::providers::{copied_from, wants};
use parcelle::sandbox::{self, ControllerOptions, User};
use serde_json::{Value, json};

const NOON: &str = "2026-11-20T12:00:00Z";

fn garden() -> Checked {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    check(git::worktree_snapshot(root, &root.join("orgs"), None).unwrap(), None, NOON.parse().unwrap())
}

/// What a survey of `ada-lovelace` finds on a sandbox with these objects, by its administrator or by somebody else.
async fn surveyed(checked: &Checked, uid: &str, made: Vec<Value>, by: Option<&str>) -> Survey {
    let ada = Name::new("ada-lovelace").unwrap();
    let mut options = sandbox::Options {
        cluster_uid: Some(uid.to_owned()),
        made,
        controllers: ControllerOptions { enabled: false, ..ControllerOptions::default() },
        ..sandbox::Options::default()
    };
    options.tokens.extend(by.map(|user| ("token-of-another".to_owned(), User::named(user))));
    let handle = sandbox::serve(options).await.unwrap();
    let mut kubeconfig = handle.kubeconfig("ada-lovelace");
    if by.is_some() {
        kubeconfig = kubeconfig.replace(&handle.token, "token-of-another");
    }
    let access = Access::Text { kubeconfig, context: "ada-lovelace".to_owned() };
    let connection = cluster::connect(&ada, &access, Limits::default()).await.unwrap();
    let clusters = BTreeMap::from([(ada.clone(), connection)]);
    let (garden, options) = (checked.garden.as_ref().unwrap(), RoundOptions::unasked(NOON.parse().unwrap()));
    let (objects, organisations) = (BTreeMap::new(), checked.objects.values().map(|packed| packed.open()));
    let round = RoundState { clusters: &clusters, ..RoundState::of(checked, garden, &objects, &options) };
    let survey = survey(&round, &ada, organisations).await.unwrap();
    handle.shutdown().await;
    survey
}

fn titles(survey: &Survey) -> Vec<String> {
    survey.findings.iter().map(|finding| format!("{} {}", finding.code.as_str(), finding.title)).collect()
}

/// Everything that the file of `ada-lovelace` names and its organisations copy.
pub(crate) fn everything(checked: &Checked) -> Vec<Value> {
    let garden = checked.garden.as_ref().unwrap();
    let ada = garden.clusters.values().find(|cluster| cluster.name.as_str() == "ada-lovelace").unwrap();
    let mut made: Vec<Value> = Vec::new();
    for want in wants(ada).into_iter().chain(checked.objects.values().flat_map(|packed| copied_from(&packed.open()))) {
        let api = match want.kind {
            "Secret" => "v1",
            "StorageClass" => "storage.k8s.io/v1",
            "Gateway" => "gateway.networking.k8s.io/v1",
            "GarageCluster" => "garage.rajsingh.info/v1beta2",
            _ => "cert-manager.io/v1",
        };
        let mut object = json!({"apiVersion": api, "kind": want.kind, "metadata": {"name": want.name}});
        if !want.namespace.is_empty() {
            object["metadata"]["namespace"] = want.namespace.into();
        }
        if want.kind == "Secret" {
            object["data"] =
                want.keys.into_iter().map(|key| (key, "eA==")).collect::<BTreeMap<_, _>>().into_iter().collect();
        }
        made.push(object);
    }
    made
}

fn uid(checked: &Checked) -> String {
    let garden = checked.garden.as_ref().unwrap();
    garden.clusters.values().find(|cluster| cluster.name.as_str() == "ada-lovelace").unwrap().uid.value.clone()
}

#[tokio::test]
async fn a_cluster_that_has_everything_lacks_nothing() {
    let checked = garden();
    let survey = surveyed(&checked, &uid(&checked), everything(&checked), None).await;
    assert_eq!(titles(&survey), [] as [String; 0]);
    assert!(survey.looked_at > 20, "{} looked at", survey.looked_at);
}

#[tokio::test]
async fn each_thing_that_is_missing_is_named_on_its_line() {
    let checked = garden();
    let mut made = everything(&checked);
    made.retain(|object| object["metadata"]["name"] != "fast" && object["kind"] != "Gateway");
    for object in &mut made {
        if object["metadata"]["name"] == "smtp-relay" {
            object["data"].as_object_mut().unwrap().remove("password");
        }
    }
    let survey = surveyed(&checked, "another", made, None).await;
    assert_eq!(
        titles(&survey),
        [
            "E0493 the server that answers is not cluster `ada-lovelace`",
            "E0491 cluster `ada-lovelace` has no storage class `fast`",
            "E0491 cluster `ada-lovelace` has no gateway `public`",
            "E0491 the Secret with credentials `smtp-relay` on cluster `ada-lovelace` is not whole",
        ]
    );
    let smtp = survey.findings.iter().next_back().unwrap();
    assert_eq!(smtp.why.as_deref(), Some("`Secret parcelle-system/smtp-relay` lacks the keys password"));
}

#[tokio::test]
async fn rights_that_are_missing_are_named() {
    let checked = garden();
    let mut made = everything(&checked);
    let (api, role) = ("rbac.authorization.k8s.io/v1", "looks");
    let rules = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    made.push(json!({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules}));
    made.push(json!({
        "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "parcelle"}],
    }));
    let survey = surveyed(&checked, &uid(&checked), made, Some("parcelle")).await;
    assert_eq!(titles(&survey), ["E0492 parcelle may not do on cluster `ada-lovelace` what it has to"]);
    let why = survey.findings.iter().next().and_then(|finding| finding.why.clone()).unwrap();
    assert!(why.contains("patch deployments.apps") && why.contains("delete secrets"), "{why}");
    assert!(!why.contains("list "), "{why}");
}
