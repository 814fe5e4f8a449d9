//! Stories of others: what they hold is taken over by word, let go whole, and never touched otherwise.

use kube::api::{Patch, PatchParams};
use parcelle::cluster::{self, eject};
use parcelle::plan::{Reason, Refusing, Verb};
use serde_json::{Value, json};

use crate::command::TestEnvironment;
use crate::story::{World, deployment, name};

/// What somebody applied with `helm`, as its old versions do (`Update`) or as its new ones do (`Apply`).
#[expect(clippy::unwrap_used, reason = "a test")]
async fn released(world: &World, alpha: &parcelle::name::Name, server_side: bool) -> Value {
    let mut body = deployment(2);
    body["metadata"] = json!({
        "name": "web", "labels": {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "web-1.2.3"},
        "annotations": {"meta.helm.sh/release-name": "web"},
    });
    body["apiVersion"] = "apps/v1".into();
    body["kind"] = "Deployment".into();
    let api = world.api("Deployment", alpha);
    if server_side {
        api.patch("web", &PatchParams::apply("helm"), &Patch::Apply(body)).await.unwrap();
    } else {
        let by = kube::api::PostParams { field_manager: Some("helm".to_owned()), dry_run: false };
        api.create(&by, &serde_json::from_value(body).unwrap()).await.unwrap();
    }
    world.get("Deployment", alpha, "web").await.unwrap()
}

#[tokio::test]
async fn a_running_helm_release_is_adopted_without_restarting_a_pod() {
    for server_side in [false, true] {
        let mut world = World::new().await;
        let alpha = world.organisation("alpha");
        world.round().await.assert_all_done();
        let before = released(&world, &alpha, server_side).await;
        world.put(&alpha, "Deployment", "web", Some("web"), deployment(2));
        // Without the word it is left alone.
        assert_eq!(
            world.round().await.action(&alpha, "Deployment", "web").reason(),
            Reason::Refusing(&Refusing::NotOurs)
        );
        world.adopt(&alpha, "Deployment", "web");
        let round = world.round().await;
        let action = round.action(&alpha, "Deployment", "web");
        assert_eq!((action.verb(), action.conflicts.len()), (Verb::Adopt, 0), "{action:?}");
        assert_eq!(action.note.as_deref(), Some("the fields of `helm` become parcelle's"), "the plan says from whom");
        let paths: Vec<&str> = action.changes.iter().map(|change| &*change.path).collect();
        assert!(paths.iter().all(|path| path.starts_with("metadata.")), "nothing of the pods moves: {paths:?}");
        round.assert_all_done();

        let after = world.get("Deployment", &alpha, "web").await.unwrap();
        assert_eq!(after["spec"], before["spec"]);
        assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
        assert_eq!(after["metadata"]["labels"]["app.kubernetes.io/managed-by"], "parcelle");
        assert!(after["metadata"]["labels"]["helm.sh/chart"].is_null(), "what the garden does not ask for goes");
        let managers = after["metadata"]["managedFields"].as_array().unwrap();
        assert!(managers.iter().all(|entry| entry["manager"] == "parcelle"), "{managers:?}");
        world.assert_inventory_exact(&alpha).await;
        assert_eq!(world.round().await.writes(), Vec::<String>::new());
        // From now on a field that is dropped from the garden goes, although helm made it.
        let mut body = deployment(2);
        body["spec"]["template"]["spec"]["containers"][0].as_object_mut().unwrap().remove("ports");
        world.put(&alpha, "Deployment", "web", Some("web"), body);
        world.round().await.assert_all_done();
        let after = world.get("Deployment", &alpha, "web").await.unwrap();
        assert!(after["spec"]["template"]["spec"]["containers"][0]["ports"].is_null());
        world.end().await;
    }
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_adopted_with_its_values() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.make("Secret", &alpha, "web-instance", json!({"data": {"password": "dGhlaXJz"}})).await;
    world.generated(&alpha, "web-instance");
    world.adopt(&alpha, "Secret", "web-instance");
    world.round().await.assert_all_done();
    let secret = world.get("Secret", &alpha, "web-instance").await.unwrap();
    assert_eq!(secret["data"], json!({"password": "dGhlaXJz"}), "its value stays");
    assert_eq!(secret["metadata"]["labels"]["parcelle.dev/organisation"], alpha.as_str());
    world.assert_inventory_exact(&alpha).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new(), "adopted once");
    world.end().await;
}

/// Lets an organisation go, as `parcelle eject` does.
#[expect(clippy::unwrap_used, reason = "a test")]
async fn ejected(world: &World, organisation: &parcelle::name::Name, objects_only: bool) -> usize {
    let garden = &world.garden.name;
    let kinds = cluster::discover(&world.connection).await.unwrap();
    let stored = cluster::inventory::read(&world.connection, garden).await.unwrap().remove(organisation);
    let stored = stored.unwrap().unwrap();
    let ejection = eject::look(&world.connection, &kinds, garden, &stored).await.unwrap();
    assert!(ejection.unread.is_empty() && ejection.others.is_empty(), "{ejection:?}");
    let writer = world.writer().await;
    let count = eject::let_go(&writer, &kinds, garden, &stored, &ejection.held).await.unwrap();
    if !objects_only {
        eject::forget(&writer, garden, organisation, &stored).await.unwrap();
    }
    count
}

#[tokio::test]
async fn an_ejected_organisation_keeps_everything_and_is_nobodys() {
    let mut world = World::new().await;
    let (alpha, beta) = (world.organisation("alpha"), world.organisation("beta"));
    for organisation in [&alpha, &beta] {
        world.ordinary(organisation);
        world.generated(organisation, "web-instance");
    }
    world.round().await.assert_all_done();
    world.edit("ConfigMap", &alpha, "settings", json!({"metadata": {"annotations": {"theirs": "stays"}}})).await;
    let kinds = [
        ("Namespace", alpha.as_str()),
        ("ConfigMap", "settings"),
        ("Deployment", "web"),
        ("Service", "web"),
        ("Secret", "web-instance"),
    ];
    let everything = async |world: &World| {
        let mut all = Vec::new();
        for (kind, object) in kinds {
            all.push(world.get(kind, &alpha, object).await.expect("it stays"));
        }
        all
    };
    let before = everything(&world).await;
    world.objects.remove(&alpha);
    world.garden.organisations.remove(&alpha);
    // Interrupted after the objects, it is completed by running it again.
    assert_eq!(ejected(&world, &alpha, true).await, 5);
    assert_eq!(ejected(&world, &alpha, false).await, 0);

    for (before, after) in before.iter().zip(everything(&world).await) {
        let labels = after["metadata"]["labels"].to_string();
        assert!(!labels.contains("parcelle"), "{labels}");
        let managers = after["metadata"]["managedFields"].to_string();
        assert!(!managers.contains("\"parcelle\""), "{managers}");
        for part in ["spec", "data", "type"] {
            assert_eq!(after[part], before[part], "{part} of {}: no pod restarts", after["kind"]);
        }
        let meta = |field: &str| (before["metadata"][field].clone(), after["metadata"][field].clone());
        for (before, after) in [meta("uid"), meta("deletionTimestamp")] {
            assert_eq!(before, after);
        }
    }
    let theirs = world.get("ConfigMap", &alpha, "settings").await.unwrap();
    assert_eq!(theirs["metadata"]["annotations"]["theirs"], "stays");
    assert!(theirs["metadata"]["annotations"]["parcelle.dev/nonce"].is_null());
    // The loop goes on with the others and knows nothing of it.
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    assert!(round.plan.organisations.iter().all(|plan| plan.organisation == beta));
    assert!(world.inventory(&alpha).await.entries.is_empty());
    world.assert_inventory_exact(&beta).await;

    // It comes back by word: its namespace with everything in it, and with less it does not.
    let uids = async |world: &World| {
        let mut all = Vec::new();
        for (kind, object) in kinds {
            all.push(world.get(kind, &alpha, object).await.expect("it stays")["metadata"]["uid"].clone());
        }
        all
    };
    let before = uids(&world).await;
    // A person labels what is to be adopted: parcelle's account may not.
    let garden = world.garden.name.to_string();
    let label = json!({"metadata": {"labels": {"parcelle.dev/garden": garden}}});
    world.edit("Namespace", &alpha, alpha.as_str(), label).await;
    let again = world.organisation("alpha");
    world.ordinary(&again);
    world.generated(&again, "web-instance");
    world.adopt(&again, "Namespace", again.as_str());
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    for (kind, object) in &kinds[1..] {
        world.adopt(&again, kind, object);
    }
    world.round().await.assert_all_done();
    assert_eq!(uids(&world).await, before, "nothing is made anew");
    world.assert_inventory_exact(&again).await;
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn what_somebody_made_anew_is_not_let_go_of() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.round().await.assert_all_done();
    world.delete("ConfigMap", &alpha, "settings").await;
    world
        .make("ConfigMap", &alpha, "settings", json!({"metadata": {"labels": {"parcelle.dev/garden": "theirs"}}}))
        .await;
    let kinds = cluster::discover(&world.connection).await.unwrap();
    let mut all = cluster::inventory::read(&world.connection, &world.garden.name).await.unwrap();
    let stored = all.remove(&alpha).unwrap().unwrap();
    let ejection = eject::look(&world.connection, &kinds, &world.garden.name, &stored).await.unwrap();
    assert_eq!(ejection.others.iter().map(ToString::to_string).collect::<Vec<_>>(), ["ConfigMap settings"]);
    world.end().await;
}

#[tokio::test]
async fn two_gardens_on_one_cluster_share_nothing() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    world.round().await.assert_all_done();
    let before = world.versions(&[&alpha]).await;

    // Another garden with an organisation of the same name.
    let first = world.garden.name.clone();
    let mine = world.own("second");
    world.garden.name = mine.clone();
    world.objects.clear();
    world.garden.organisations.clear();
    let again = world.organisation("alpha");
    world.ordinary(&again);
    let round = world.round().await;
    assert_eq!(round.writes(), Vec::<String>::new());
    let other = Reason::Refusing(&Refusing::OtherGarden { garden: first.to_string() });
    assert_eq!(round.action(&again, "Namespace", again.as_str()).reason(), other);
    let findings = round.findings();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0488").expect("a readable refusal");
    assert_eq!(finding.title, format!("`Namespace {again}` belongs to the garden `{first}`"));
    // Not even by word.
    world.adopt(&again, "Namespace", again.as_str());
    world.adopt(&again, "ConfigMap", "settings");
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    // Nor does it see, prune or pause what the first one holds.
    world.objects.clear();
    world.garden.organisations.clear();
    assert!(world.round().await.plan.organisations.is_empty());
    world.garden.name = first;
    assert_eq!(world.versions(&[&alpha]).await, before);
    world.end().await;
}

#[tokio::test]
async fn a_plan_for_another_cluster_writes_nothing_there() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.ordinary(&alpha);
    let (mut state, plan) = world.plan().await;
    // The kubeconfig points somewhere else than the garden by the time of the apply.
    let mut cluster = (*world.garden.clusters[&name("ada")]).clone();
    cluster.uid.value = "0c0ffee0-0000-4000-8000-000000000000".to_owned();
    world.garden.clusters.insert(name("ada"), cluster.into());
    let outcome = world.apply(&mut state, &plan).await;
    let failure = outcome.organisations[0].failure.clone().unwrap();
    assert!(failure.contains("is left alone") && failure.contains("write `uid"), "{failure}");
    assert_eq!(world.connection.counts().writes, 0);
    assert!(world.get("Namespace", &alpha, alpha.as_str()).await.is_none());
    world.end().await;
}

/// Runs the program with an embedded sandbox, whose state is kept; what it said, and its exit code.
fn parcelle(environment: &TestEnvironment, arguments: &[&str]) -> (String, i32) {
    let said = environment.run(arguments.iter().chain(&["--sandbox"]));
    (said.text(), said.code)
}

const GARDEN: &str = r#"edition 2026

garden g {
    title "G"
    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }
}
cluster ada {
    title "Ada"
    uid "0c0ffee0-0000-4000-8000-000000000000"
    timezone "Europe/Paris"
    provides {
        volume storage-class { class fast; }
    }
}
definition note {
    about "One object."
    releases { channel stable 1; release 1 image="example.org/app:1"; }
    object ConfigMap text { data { a "1"; } }
}
"#;

const ORGANISATION: &str = r#"edition 2026

organisation alpha {
    title "A"
    cluster ada
    app note text
}
"#;

#[test]
fn eject_asks_that_the_garden_lets_go_first_and_leaves_nothing_behind() {
    let environment = TestEnvironment::new();
    environment.garden([("garden.kdl", GARDEN), ("organisations/alpha.kdl", ORGANISATION)]);
    environment.commit("a garden");
    let (said, code) = parcelle(&environment, &["run", "--once"]);
    assert!(said.contains("alpha") && code == 0, "{said}");

    let eject = ["eject", "alpha", "--yes"];
    let (said, code) = parcelle(&environment, &eject);
    assert!(said.contains("`alpha` is still in the garden") && code == 2, "{said}");
    std::fs::remove_file(environment.path("garden/organisations/alpha.kdl")).unwrap();
    let (said, _) = parcelle(&environment, &eject);
    assert!(said.contains("is still in the garden"), "what counts is the commit: {said}");
    environment.commit("alpha goes");
    let (said, code) = parcelle(&environment, &["eject", "alpha"]);
    assert!(said.contains("ConfigMap text") && said.contains("nobody to ask") && code == 2, "{said}");
    let (said, code) = parcelle(&environment, &eject);
    assert!(said.contains("let go, and the inventory removed") && code == 0, "{said}");
    let (said, code) = parcelle(&environment, &eject);
    assert!(said.contains("no cluster of the garden holds anything of `alpha`") && code == 2, "{said}");
    let (said, code) = parcelle(&environment, &["run", "--once"]);
    assert!(!said.contains("E0413") && code == 0, "nothing is missed: {said}");
}

#[test]
fn a_commit_that_takes_back_what_is_applied_is_refused_until_the_garden_says_so() {
    let environment = TestEnvironment::new();
    let write = |word: &str, value: &str| {
        let text = GARDEN.replace("title \"G\"", &format!("title \"G\"\n    {word}")).replace("a \"1\"", value);
        environment.garden([("garden.kdl", text)]);
        environment.commit("a change")
    };
    let run = || parcelle(&environment, &["run", "--once"]);
    environment.garden([("organisations/alpha.kdl", ORGANISATION)]);
    let first = write("", "a \"1\"");
    let second = write("", "a \"2\"");
    assert_eq!(run().1, 0);
    // Somebody pushes the older commit, then something else on top of it.
    for beside in [false, true] {
        environment.reset(&first);
        if beside {
            write("", "a \"3\"");
        }
        let (said, code) = run();
        let kept = format!("kept: alpha is at {}, which this commit takes back", &second[..12]);
        assert!(said.contains(&kept) && code == 1, "{said}");
        assert!(
            said.contains(&format!("commit `rollback to=\"{}\"` in garden.kdl on top of it", &first[..12])),
            "{said}"
        );
        assert!(!said.contains("ConfigMap"), "nothing is planned: {said}");
    }
    // The way out that was told; another commit is not the one that both share.
    environment.reset(&first);
    write(&format!("rollback to=\"{}\"", &second[..12]), "a \"1\"");
    assert_eq!(run().1, 1);
    environment.reset(&first);
    write(&format!("rollback to=\"{}\"", &first[..12]), "a \"1\"");
    let (said, code) = run();
    assert!(said.contains("data.a: \"2\" → \"1\"") && code == 0, "{said}");
    let (said, code) = run();
    assert!(said.contains("Nothing changes") && code == 0, "{said}");
}
