//! Stories of fields that somebody added to an object of ours and that undo what it is there for: drift, told with who wrote it, and
//! taken back; and of objects that cannot be taken as the garden says, told before anything is.

use kube::api::{DeleteParams, Patch, PatchParams};
use parcelle::plan::{Reason, Refusing, Verb};
use serde_json::{Value, json};

use crate::stories_loop::{Loop, files};
use crate::story::{World, deployment};

async fn patched(this: &Loop, of: (&str, &str, &str), change: Value) {
    let (api_version, kind, name) = of;
    let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    this.api(api_version, kind, "alpha").patch(name, &by, &Patch::Merge(change)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_policy_or_a_service_would_newly_let_through_is_taken_back() {
    let mut this = Loop::begun_with(&files()).await;
    let policy = |name: &'static str| ("networking.k8s.io/v1", "NetworkPolicy", name);
    let anywhere = json!([{ "to": [{ "ipBlock": { "cidr": "0.0.0.0/0" } }] }]);
    let cases = [
        (policy("default--deny"), json!({ "spec": { "egress": anywhere } }), "/spec/egress"),
        (policy("default--deny"), json!({ "spec": { "ingress": [{}] } }), "/spec/ingress"),
        (
            policy("default--deny"),
            json!({ "spec": { "podSelector": { "matchLabels": { "nobody": "at-all" } } } }),
            "/spec/podSelector/matchLabels",
        ),
        (policy("default--dns"), json!({ "spec": { "ingress": [{}] } }), "/spec/ingress"),
        (policy("default--deny"), json!({ "spec": { "policyTypes": ["Ingress"] } }), ""),
        (
            policy("www--app"),
            json!({ "spec": { "podSelector": { "matchLabels": { "parcelle.dev/app": "pads" } } } }),
            "",
        ),
        (("v1", "Service", "www-web"), json!({ "spec": { "externalIPs": ["198.51.100.7"] } }), "/spec/externalIPs"),
        (("v1", "Service", "www-web"), json!({ "spec": { "selector": { "parcelle.dev/app": "pads" } } }), ""),
        (("v1", "Service", "www-web"), json!({ "spec": { "type": "NodePort" } }), ""),
    ];
    for (of, change, gone) in cases {
        let before = this.api(of.0, of.1, "alpha").get(of.2).await.unwrap();
        patched(&this, of, change.clone()).await;
        let told = this.next(std::time::Duration::from_secs(5)).await.expect("it is seen");
        assert_eq!((told.writes, told.open), (vec![format!("Change {} {}", of.1, of.2)], false), "{change}");
        let action =
            told.plans[0].actions.iter().find(|action| *action.id.name == *of.2 && action.verb() == Verb::Change);
        assert_eq!(action.unwrap().reason().to_string(), "drift: `kubectl-edit` changed it in the cluster", "{change}");
        let after = this.api(of.0, of.1, "alpha").get(of.2).await.unwrap();
        if of.1 == "NetworkPolicy" {
            assert_eq!(after.data["spec"], before.data["spec"], "{change}");
        } else {
            assert_eq!(after.data["spec"]["selector"], before.data["spec"]["selector"], "{change}");
            assert_eq!(after.data["spec"]["type"], before.data["spec"]["type"], "{change}");
        }
        assert!(gone.is_empty() || after.data.pointer(gone).is_none(), "{change}: {}", after.data);
        this.until_calm().await;
        // What undoes nothing is left to whoever wrote it.
        patched(&this, of, json!({ "metadata": { "annotations": { "theirs": "x" } } })).await;
        assert!(this.next(std::time::Duration::from_millis(700)).await.is_none(), "{change}");
    }
    this.ended().await;
}

#[tokio::test]
async fn nothing_of_an_app_is_adopted_where_one_object_cannot_be_and_the_way_out_leads_on() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    let mut theirs = deployment(2);
    theirs["spec"]["selector"] = json!({ "matchLabels": { "release": "web" } });
    theirs["spec"]["template"]["metadata"]["labels"] = json!({ "release": "web" });
    world.make("Deployment", &alpha, "web", theirs).await;
    world.make("ConfigMap", &alpha, "settings", json!({ "data": { "shape": "round" } })).await;
    world.put(&alpha, "Deployment", "web", Some("web"), deployment(2));
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({ "data": { "colour": "green" } }));
    for (kind, name) in [("Deployment", "web"), ("ConfigMap", "settings")] {
        world.adopt(&alpha, kind, name);
    }
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    let otherwise = Refusing::AdoptedOtherwise { path: "spec.selector".to_owned() };
    assert_eq!(round.action(&alpha, "Deployment", "web").reason(), Reason::Refusing(&otherwise));
    assert_eq!(round.action(&alpha, "ConfigMap", "settings").verb(), Verb::Held);
    let findings: Vec<_> = round.plan.organisations.iter().flat_map(|plan| plan.findings.iter()).collect();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0481").expect("it is told");
    let command = format!("`kubectl delete deployment web --namespace {alpha}`");
    assert!(finding.help[0].contains(&command), "{:?}", finding.help);
    // A person does what it says.
    world.api("Deployment", &alpha).delete("web", &DeleteParams::default()).await.unwrap();
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), ["Adopt ConfigMap settings", "Create Deployment web"]);
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn what_another_object_keeps_is_taken_by_no_word() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.make("ConfigMap", &alpha, "keeper", json!({ "data": {} })).await;
    let keeper = world.get("ConfigMap", &alpha, "keeper").await.unwrap();
    let uid = &keeper["metadata"]["uid"];
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "keeper", "uid": uid, "controller": true }]);
    let kept = json!({ "metadata": { "ownerReferences": owner }, "data": { "b": "theirs" } });
    world.make("ConfigMap", &alpha, "kept", kept).await;
    world.put(&alpha, "ConfigMap", "kept", Some("web"), json!({ "data": { "a": "ours" } }));
    let kept = Refusing::Controlled { by: "ConfigMap keeper".to_owned() };
    for said in [false, true] {
        if said {
            world.adopt(&alpha, "ConfigMap", "kept");
        }
        let round = world.round().await;
        assert_eq!(round.action(&alpha, "ConfigMap", "kept").reason(), Reason::Refusing(&kept), "{said}");
        assert_eq!(round.writes(), Vec::<String>::new(), "{said}");
    }
    // Once its keeper let go of it, the word counts.
    let free = Patch::Merge(json!({ "metadata": { "ownerReferences": null } }));
    world.api("ConfigMap", &alpha).patch("kept", &PatchParams::default(), &free).await.unwrap();
    assert_eq!(world.round().await.writes(), ["Adopt ConfigMap kept"]);
    world.end().await;
}
