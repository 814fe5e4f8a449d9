//! Stories of rights: told with those of `examples/install/parcelle.yaml`, or less. What may not be read concerns the one
//! organisation that it is for, is told there, and is never taken for absent.

use std::sync::Arc;

use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use parcelle::finding::Findings;
use parcelle::model::Retired;
use parcelle::name::Name;
use parcelle::plan::{Holding, Reason, Refusing, Verb};
use parcelle::render::SecretSource;
use parcelle::report::plan::TextStyle;
use serde_json::json;

use crate::command::TestEnvironment;
use crate::sandbox::client_of;
use crate::story::rights::{put_in_place, rights_of, without};
use crate::story::{Round, World, fault, line, refusal};

fn told(findings: &Findings) -> Vec<String> {
    let words = |finding: &parcelle::finding::Finding| {
        let (why, help) = (finding.why.as_deref().unwrap_or_default(), finding.help.join(" "));
        format!("{} {} | {why} | {help}", finding.code.as_str(), finding.title)
    };
    findings.iter().map(words).collect()
}

/// The cluster was read, and of this organisation all is done.
fn assert_done(round: &Round, organisation: &Name) {
    let one = round.outcome.organisations.iter().find(|one| one.organisation == *organisation);
    let one = one.unwrap_or_else(|| panic!("{organisation} was not read"));
    assert_eq!(one.failure, None, "{organisation}");
    for outcome in &one.outcomes {
        assert!(!outcome.is_open(), "{organisation}: {} {:?}", outcome.id, outcome.done);
    }
}

/// Its time has come.
fn retire(world: &mut World, organisation: &Name) {
    let mut written = (*world.garden.organisations[organisation]).clone();
    let keep_data = world.garden.deletions.keep_data;
    written.retired = Some(Retired { keep_data, span: line(2) });
    world.garden.organisations.insert(organisation.clone(), Arc::new(written));
}

#[tokio::test]
async fn an_organisation_called_like_a_namespace_that_exists_stops_nobody_under_the_shipped_rights() {
    let mut world = World::new().await;
    let taken = world.own("taken");
    world.make("Namespace", &taken, taken.as_str(), json!({})).await;
    world.restricted(|_| ()).await;
    let (taken, beta) = (world.organisation("taken"), world.organisation("beta"));
    world.ordinary(&taken);
    world.ordinary(&beta);
    let round = world.round().await;
    assert_done(&round, &beta);
    assert!(world.get("Deployment", &beta, "web").await.is_some());
    let reason = round.action(&taken, "Namespace", taken.as_str()).reason();
    assert_eq!(reason, Reason::Refusing(&Refusing::NotOurs));
    assert!(world.get("ConfigMap", &taken, "settings").await.is_none(), "nothing goes into a stranger's namespace");
    // It is empty as far as parcelle may look, which is not far enough to take it.
    world.adopt(&taken, "Namespace", taken.as_str());
    let round = world.round().await;
    assert_done(&round, &beta);
    let action = round.action(&taken, "Namespace", taken.as_str());
    assert!(matches!(action.reason(), Reason::Refusing(Refusing::NotKnownEmpty { .. })), "{action:?}");
    let said = told(&round.findings()).join("\n");
    assert!(said.contains("may not list") && said.contains("daemonsets.apps"), "{said}");
    assert!(said.contains("parcelle's role: - {apiGroups: ") && said.contains("], verbs: [list]}"), "{said}");
    let namespace = world.get("Namespace", &taken, taken.as_str()).await.unwrap();
    assert!(namespace["metadata"]["labels"]["parcelle.dev/garden"].is_null(), "it is nobody's");
    assert!(world.get("ConfigMap", &taken, "settings").await.is_none());
    // Whoever adds the rule gets it.
    world.restricted(|rules| rules.push(json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]}))).await;
    world.round().await.assert_all_done();
    assert!(world.get("Deployment", &taken, "web").await.is_some());
    world.end_of_rights().await;
}

#[tokio::test]
async fn a_retired_organisation_whose_namespace_is_not_known_to_be_empty_keeps_it_and_stops_nobody() {
    let mut world = World::new().await;
    world.restricted(|_| ()).await;
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    world.ordinary(&alpha);
    world.ordinary(&beta);
    world.round().await.assert_all_done();
    retire(&mut world, &alpha);
    world.put(&beta, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "blue"}}));
    assert_done(&world.round().await, &beta);
    assert_eq!(world.get("ConfigMap", &beta, "settings").await.unwrap()["data"]["colour"], "blue");
    world.now += i64::try_from(world.garden.deletions.keep_data.amount).unwrap() + 1;
    for _ in 0..3 {
        let round = world.round().await;
        assert_done(&round, &beta);
        world.finish_deletions(&alpha).await;
    }
    assert!(world.get("Deployment", &alpha, "web").await.is_none(), "what is ours goes");
    let (_, plan) = world.plan().await;
    let action = crate::story::action(&plan, &alpha, "Namespace", alpha.as_str());
    let Reason::Holding(Holding::NotKnownEmpty { .. }) = action.reason() else { panic!("{action:?}") };
    let words = action.reason().to_string();
    assert!(words.contains("may not list") && words.contains("daemonsets.apps"), "{words}");
    let style = TextStyle { drawing: parcelle::report::Drawing::Plain, verbose: true, asked: true };
    let text = parcelle::report::plan::text(&plan, style);
    assert!(text.contains("add to the rules of parcelle's role: - {apiGroups: "), "{text}");
    assert!(world.get("Namespace", &alpha, alpha.as_str()).await.is_some());
    // With the rule that is named it goes.
    world.restricted(|rules| rules.push(json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["list"]}))).await;
    world.round().await;
    let namespace = world.get("Namespace", &alpha, alpha.as_str()).await;
    assert!(namespace.is_none_or(|namespace| !namespace["metadata"]["deletionTimestamp"].is_null()));
    world.end_of_rights().await;
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_holds_what_is_of_it_and_nothing_else() {
    for verbs in [&["list"][..], &["get", "list"]] {
        let mut world = World::new().await;
        let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
        world.ordinary(&alpha);
        world.put(&beta, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "green"}}));
        world.round().await.assert_all_done();
        world.restricted(|rules| without(rules, "", "services", verbs)).await;
        world.drop_object(&alpha, "Service", "web");
        world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red"}}));
        world.put(&beta, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red"}}));
        let round = world.round().await;
        assert_done(&round, &beta);
        let action = round.action(&alpha, "Service", "web");
        let words = action.reason().to_string();
        assert!(matches!(action.reason(), Reason::Holding(Holding::NotRead { .. })), "{action:?}");
        assert!(words.contains("cannot list resource \"services\""), "{words}");
        assert!(words.ends_with("- {apiGroups: [\"\"], resources: [services], verbs: [list]}"), "{words}");
        for organisation in [&alpha, &beta] {
            let settings = world.get("ConfigMap", organisation, "settings").await.unwrap();
            assert_eq!(settings["data"]["colour"], "red", "{organisation}");
        }
        assert!(world.get("Service", &alpha, "web").await.is_some());
        assert!(world.inventory(&alpha).await.entries.keys().any(|id| &*id.kind == "Service"), "it is not forgotten");
        world.end_of_rights().await;
    }
}

#[tokio::test]
async fn a_namespace_that_may_not_be_read_is_neither_made_nor_written_into() {
    let mut world = World::new().await;
    let taken = world.own("taken");
    world.make("Namespace", &taken, taken.as_str(), json!({})).await;
    let Some(faults) = world.faults() else { return world.end().await };
    let (taken, beta) = (world.organisation("taken"), world.organisation("beta"));
    world.ordinary(&taken);
    world.ordinary(&beta);
    for (code, reason) in [(403, "Forbidden"), (404, ""), (405, "MethodNotAllowed")] {
        let mut on = fault(&["get"], "namespaces", 0, refusal(code, reason, "not for you"));
        on.on.name = Some(taken.to_string());
        faults.clear();
        faults.add(on);
        let round = world.round().await;
        assert_done(&round, &beta);
        let action = round.action(&taken, "Namespace", taken.as_str());
        assert!(matches!(action.reason(), Reason::Holding(Holding::NotRead { .. })), "{code}: {action:?}");
        let action = round.action(&taken, "Deployment", "web");
        assert!(action.reason().to_string().contains("not for you"), "{code}: {action:?}");
        assert!(world.get("ConfigMap", &taken, "settings").await.is_none());
    }
    world.end().await;
}

#[tokio::test]
async fn whatever_the_server_says_of_one_kind_in_one_namespace_stays_there() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    world.ordinary(&alpha);
    world.ordinary(&beta);
    world.round().await.assert_all_done();
    retire(&mut world, &alpha);
    world.round().await;
    world.now += i64::try_from(world.garden.deletions.keep_data.amount).unwrap() + 1;
    for (code, reason) in
        [(403, "Forbidden"), (404, ""), (404, "NotFound"), (405, "MethodNotAllowed"), (503, "ServiceUnavailable")]
    {
        // A status 503 of a whole group is that of a server of its own that is down.
        let (verbs, resource) = if code == 503 { (&[][..], "*.k8up.io") } else { (&["list"][..], "daemonsets.apps") };
        let mut on = fault(verbs, resource, 0, refusal(code, reason, "not now"));
        on.on.namespace = (code != 503).then(|| alpha.to_string());
        faults.clear();
        faults.add(on);
        let round = world.round().await;
        world.finish_deletions(&alpha).await;
        assert_done(&round, &beta);
        let namespace = round.action(&alpha, "Namespace", alpha.as_str());
        assert_ne!(namespace.verb(), Verb::Delete, "{code} {reason}");
        let namespace = world.get("Namespace", &alpha, alpha.as_str()).await.unwrap();
        assert!(namespace["metadata"]["deletionTimestamp"].is_null(), "{code} {reason}");
    }
    faults.clear();
    world.round().await;
    let namespace = world.get("Namespace", &alpha, alpha.as_str()).await;
    assert!(namespace.is_none_or(|namespace| !namespace["metadata"]["deletionTimestamp"].is_null()));
    world.end().await;
}

#[tokio::test]
async fn a_single_object_that_may_not_be_read_is_not_taken_for_absent() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"a": "1"}}));
    world.ordinary(&beta);
    world.round().await.assert_all_done();
    // It has lost its labels, so that no list shows it; nothing asks for it any more.
    world.edit("ConfigMap", &alpha, "settings", json!({"metadata": {"labels": {"parcelle.dev/garden": null}}})).await;
    world.drop_object(&alpha, "ConfigMap", "settings");
    for (code, reason) in [(403, "Forbidden"), (404, ""), (405, "MethodNotAllowed")] {
        let mut on = fault(&["get"], "configmaps", 0, refusal(code, reason, "not for you"));
        on.on.namespace = Some(alpha.to_string());
        faults.clear();
        faults.add(on);
        let round = world.round().await;
        assert_done(&round, &beta);
        let action = round.action(&alpha, "ConfigMap", "settings");
        assert!(matches!(action.reason(), Reason::Holding(Holding::NotRead { .. })), "{code}: {action:?}");
        let known = world.inventory(&alpha).await;
        assert!(known.entries.keys().any(|id| &*id.kind == "ConfigMap"), "{code}: it is not forgotten");
    }
    world.end().await;
}

#[tokio::test]
async fn a_secret_whose_source_may_not_be_read_waits_alone() {
    let mut world = World::new().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let elsewhere = world.own("elsewhere");
    world.make("Namespace", &elsewhere, elsewhere.as_str(), json!({})).await;
    world.make("Secret", &elsewhere, "relay", json!({"data": {"password": "eA=="}})).await;
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    world.ordinary(&alpha);
    world.ordinary(&beta);
    world.round().await.assert_all_done();
    let keys = [("password".to_owned(), "password".to_owned())].into();
    let source = SecretSource::Copied { namespace: elsewhere.to_string(), name: "relay".to_owned(), keys };
    world.request(&alpha, "relay", source);
    for (code, reason) in [(403, "Forbidden"), (404, ""), (405, "MethodNotAllowed")] {
        let mut on = fault(&["get"], "secrets", 0, refusal(code, reason, "not for you"));
        on.on.namespace = Some(elsewhere.to_string());
        faults.clear();
        faults.add(on);
        let round = world.round().await;
        assert_done(&round, &beta);
        let action = round.action(&alpha, "Secret", "relay");
        assert!(matches!(action.reason(), Reason::Holding(Holding::SourceNotRead { .. })), "{code}: {action:?}");
        assert!(world.get("Secret", &alpha, "relay").await.is_none());
    }
    faults.clear();
    world.round().await.assert_all_done();
    assert_eq!(world.get("Secret", &alpha, "relay").await.unwrap()["data"]["password"], "eA==");
    // A copy that is there stays as it is while its source may not be read.
    let mut on = fault(&["get"], "secrets", 0, refusal(403, "Forbidden", "not for you"));
    on.on.namespace = Some(elsewhere.to_string());
    faults.add(on);
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    assert_eq!(world.get("Secret", &alpha, "relay").await.unwrap()["data"]["password"], "eA==");
    world.end().await;
}

/// A garden with an organisation called like a namespace that exists, a retired one and an ordinary one.
fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "garden.kdl",
            "edition 2026\n\ngarden rights {\n    title \"Rights\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n",
        ),
        (
            "ada.kdl",
            "edition 2026\n\ncluster ada {\n    title \"Ada\"\n    uid \"5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a12\"\n    timezone \"Europe/Paris\"\n    \
             domain ada.example\n    provides {\n        volume storage-class { class fast; }\n        \
             route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n",
        ),
        (
            "organisations/taken.kdl",
            "edition 2026\n\norganisation taken {\n    title \"Taken\"\n    cluster ada\n    domain taken.example\n    app static-site www\n}\n",
        ),
        (
            "organisations/gone.kdl",
            "edition 2026\n\nretired organisation gone {\n    title \"Gone\"\n    cluster ada\n    domain gone.example\n    app static-site www\n}\n",
        ),
        (
            "organisations/beta.kdl",
            "edition 2026\n\norganisation beta {\n    title \"Beta\"\n    cluster ada\n    domain beta.example\n    app static-site www\n}\n",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_with_the_shipped_rights_goes_on_and_its_doctor_says_what_it_may_not_see() {
    let environment = TestEnvironment::new();
    environment.garden(files());
    environment.commit("a garden");
    let _sandbox = environment.sandbox(&["--state", "none"]);
    let mut kubeconfig = kube::config::Kubeconfig::from_yaml(&environment.read("kubeconfig")).unwrap();
    let server = kubeconfig.clusters[0].cluster.clone().unwrap().server.unwrap();
    let admin = client_of(&server, "admintoken");
    for namespace in ["taken", "gone", "parcelle-system"] {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        put_in_place(&admin, object).await;
    }
    for object in rights_of("parcelle", |_| ()) {
        put_in_place(&admin, object).await;
    }
    for user in &mut kubeconfig.auth_infos {
        user.auth_info.get_or_insert_default().impersonate = Some("parcelle".to_owned());
    }
    environment.write("kubeconfig", serde_json::to_string(&kubeconfig).unwrap());

    let doctor = environment.run(["doctor"]);
    let said = doctor.text();
    assert_eq!(doctor.code, 0, "{said}");
    assert!(said.contains("warning[W0490]: whether cluster `ada` has the storage class `fast` is not known"), "{said}");
    assert!(said.contains("kubectl get storageclasses.storage.k8s.io fast"), "{said}");
    assert!(said.contains("{apiGroups: [gateway.networking.k8s.io], resources: [gateways], verbs: [get]}"), "{said}");
    assert!(said.contains("ada: nothing is known to be missing") && said.contains("5 things could not be"), "{said}");
    assert!(!said.contains("E0491") && !said.contains("E0492"), "{said}");

    let run = environment.run(["run", "--once"]);
    let said = run.text();
    assert!(!said.contains("daemonsets"), "{said}");
    let deployments = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
    let there = |namespace: &str| Api::<DynamicObject>::namespaced_with(admin.clone(), namespace, &deployments);
    assert!(there("beta").get_opt("www-web").await.unwrap().is_some(), "{said}");
    assert!(there("taken").get_opt("www-web").await.unwrap().is_none(), "{said}");
}
