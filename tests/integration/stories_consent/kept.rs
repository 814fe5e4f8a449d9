//! What is remembered of consent, and who else obeys it: records that are lost, damaged or another's, nights of what waits, `apply`.

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use parcelle::engine::Event;
use serde_json::json;

use super::{Commons, RULES, alpha, beta, organisation};
use crate::stories_loop;

impl Commons {
    fn records(&self) -> kube::Api<DynamicObject> {
        self.this.api("v1", "ConfigMap", "parcelle-system")
    }

    /// What lies on the cluster of consent.
    async fn record(&self) -> Option<String> {
        let found = self.records().get_opt("parcelle-loops.consent").await.unwrap()?;
        found.data["data"]["consent.json"].as_str().map(str::to_owned)
    }

    /// Somebody writes over what lies there.
    async fn overwrite(&self, text: &str) {
        let patch = Patch::Merge(json!({ "data": { "consent.json": text } }));
        self.records().patch("parcelle-loops.consent", &PatchParams::default(), &patch).await.unwrap();
    }

    /// The loop ends and another begins, which knows what the clusters remember.
    async fn begun_anew(&mut self, mirror: &str) -> stories_loop::Told {
        let folder = self.this.folder.path().to_owned();
        let next = stories_loop::daemon(&self.this.handle, &folder, mirror);
        Box::pin(std::mem::replace(&mut self.this.daemon, Box::new(next)).close()).await;
        let told = self.this.turn(Event::Resync).await.unwrap();
        self.this.until_calm().await;
        told
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_lost_is_told_and_nobody_is_asked_again_for_what_is_applied() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let first = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("first", first);
    commons.approved("pierre", first);
    commons.approved("tim", first);
    commons.pushed(first).await;
    assert!(commons.has("alpha", "one").await);
    commons.records().delete("parcelle-loops.consent", &DeleteParams::default()).await.unwrap();
    let second = commons.commit(&[first], "camille", &[beta(&["two"])]);
    commons.pushed(second).await;
    let told = commons.begun_anew("lost").await;
    let lines = told.consent.join("\n");
    assert!(
        lines.contains("the record of who agreed was lost") && lines.contains("waits: 2 more of operators"),
        "{lines}"
    );
    assert!(commons.has("alpha", "one").await && !commons.has("beta", "two").await);
    commons.approved("pierre", second);
    commons.approved("hadrien", second);
    commons.looked().await;
    assert!(commons.has("beta", "two").await);
    // What was agreed before the loss counts as used.
    let back = commons.commit(&[second], "camille", &[alpha(&[])]);
    commons.branch("back", back);
    commons.approved("pierre", back);
    commons.approved("tim", back);
    commons.pushed(back).await;
    let again = commons.commit(&[back], "camille", &[alpha(&["one"])]);
    let told = commons.pushed(again).await;
    assert!(told.consent.join("\n").contains("waits: 2 more of operators"), "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_damaged_is_told_and_one_of_a_newer_parcelle_is_not_written_over() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.pushed(change).await;
    let newer = r#"{"schema":"parcelle.dev/consent/v9","accepted":["more"]}"#;
    commons.overwrite(newer).await;
    commons.approved("pierre", change);
    commons.approved("tim", change);
    let told = commons.begun_anew("newer").await;
    let lines = told.consent.join("\n");
    assert!(lines.contains("`ada-lovelace` cannot be read: another parcelle wrote it"), "{lines}");
    assert!(!commons.has("alpha", "one").await, "nothing is applied by rules that nobody can look up");
    assert_eq!(commons.record().await.as_deref(), Some(newer), "it stays as it is");
    commons.overwrite("{\"schema\":\"parcelle.dev/consent/v1\",\"accepted\":7").await;
    let told = commons.begun_anew("damaged").await;
    let lines = told.consent.join("\n");
    assert!(lines.contains("`ada-lovelace` cannot be read: it is damaged at column"), "{lines}");
    assert!(lines.contains("the record of who agreed was lost"), "{lines}");
    let kept = commons.record().await.unwrap();
    assert!(kept.contains("\"accepted\":\""), "{kept}");
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_waits_at_once_and_a_run_since_its_last_step() {
    let rules = "approvals 1 from=operators; waiting 24 hours for=deletions; source signatures";
    let Some(mut commons) = Commons::begun(rules).await else { return };
    let sites = commons.commit(&[commons.main()], "camille", &[alpha(&["one", "two"])]);
    commons.branch("sites", sites);
    commons.approved("pierre", sites);
    commons.approved("tim", sites);
    commons.pushed(sites).await;
    assert!(commons.has("alpha", "two").await);
    // Two deletions one after the other, and three steps of another organisation that are approved together.
    let first = commons.commit(&[sites], "camille", &[alpha(&["retired one", "two"])]);
    let second = commons.commit(&[first], "camille", &[alpha(&["retired one", "retired two"])]);
    let third = commons.commit(&[second], "camille", &[beta(&["three"])]);
    let fourth = commons.commit(&[third], "camille", &[beta(&["retired three"])]);
    let last = commons.commit(&[fourth], "camille", &[beta(&["retired three", "five"])]);
    let told = commons.pushed(last).await;
    assert_eq!(told.consent.len(), 5, "all that is to be agreed is told: {:#?}", told.consent);
    for range in [format!("{sites}..{first}"), format!("{first}..{second}"), format!("{second}..{last}")] {
        for who in ["pierre", "hadrien"] {
            let said = commons.say(who, &["approve", &range]);
            assert_eq!(said.code, 0, "{}", said.text());
        }
    }
    commons.this.now += jiff::SignedDuration::from_hours(10);
    let told = commons.looked().await;
    let until =
        told.consent.iter().filter(|line| line.contains("people may object until 2026-11-21 12:00 UTC")).count();
    assert_eq!((told.consent.len(), until), (3, 3), "{:#?}", told.consent);
    commons.this.now += jiff::SignedDuration::from_hours(15);
    // The loop wakes by itself.
    let mut waits = None;
    for _ in 0..5 {
        waits = commons.this.next(std::time::Duration::from_secs(2)).await.map(|told| told.consent).or(waits);
    }
    assert_eq!(waits, Some(Vec::new()));
    assert!(commons.has("beta", "five").await);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organisation_that_waits_goes_to_sleep_at_its_agreed_hour() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let asleep = |sites: &[&str]| {
        let text = organisation("alpha", sites)
            .replace("app static-site www", "app static-site www { nights asleep from=\"22:00\" to=\"07:00\"; }");
        ("organisations/alpha.kdl", Some(text))
    };
    let nights = commons.commit(&[commons.main()], "camille", &[asleep(&[])]);
    commons.branch("nights", nights);
    commons.approved("pierre", nights);
    commons.approved("tim", nights);
    commons.pushed(nights).await;
    let waits = commons.commit(&[nights], "camille", &[asleep(&["one"])]);
    let told = commons.pushed(waits).await;
    assert_eq!(told.consent.len(), 1, "{:?}", told.consent);
    let replicas = async |commons: &Commons| {
        let site = commons.this.api("apps/v1", "Deployment", "alpha").get("www-web").await.unwrap();
        site.data["spec"]["replicas"].clone()
    };
    assert_ne!(replicas(&commons).await, json!(0));
    // 23:00 in Paris.
    commons.this.now = "2026-11-20T22:00:00Z".parse().unwrap();
    commons.this.turn(Event::Resync).await.unwrap();
    commons.this.until_calm().await;
    assert_eq!(replicas(&commons).await, json!(0));
    assert!(!commons.has("alpha", "one").await);
    commons.this.now = "2026-11-21T08:00:00Z".parse().unwrap();
    commons.this.turn(Event::Resync).await.unwrap();
    commons.this.until_calm().await;
    assert_ne!(replicas(&commons).await, json!(0));
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apply_obeys_like_the_loop_with_a_saved_plan_too() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.pushed(change).await;
    assert!(!commons.has("alpha", "one").await);
    let Commons { this: stories_loop::Loop { handle, daemon, folder, .. }, people, .. } = commons;
    Box::pin(daemon.close()).await;
    people.write("kubeconfig", crate::story::rights::kubeconfig(&handle, "ada-lovelace"));
    let has_one = async || {
        let client = crate::sandbox::client_of(&handle.url(), &handle.token);
        let deployment =
            kube::api::ApiResource::from_gvk(&kube::api::GroupVersionKind::gvk("apps", "v1", "Deployment"));
        let api: kube::Api<DynamicObject> = kube::Api::namespaced_with(client, "alpha", &deployment);
        api.get_opt("one-web").await.unwrap().is_some()
    };
    let brought = || {
        let clone = git2::Repository::open(people.path("garden")).unwrap();
        let mut origin = clone.find_remote("origin").unwrap();
        origin.fetch(&["+refs/heads/*:refs/remotes/origin/*"], None, None).unwrap();
        let object = clone.find_object(change, None).unwrap();
        clone.reset(&object, git2::ResetType::Hard, None).unwrap();
    };
    brought();
    let output = people.run(["apply", "--yes"]);
    assert!(
        output.text().contains("1 more of operators") || output.text().contains("2 more of operators"),
        "{}",
        output.text()
    );
    assert!(!has_one().await, "{}", output.text());
    let output = people.run(["plan", "--output", "saved.plan"]);
    assert!(!output.text().contains("one-web"), "{}", output.text());
    for who in ["pierre", "tim"] {
        let key = people.path(&format!("keys/{who}")).display().to_string();
        let range = format!("{change}^..{change}");
        let said = people.run(["approve", &range, "--key", &key]);
        assert_eq!(said.code, 0, "{}", said.text());
    }
    let output = people.run(["apply", "--yes"]);
    assert!(has_one().await, "{}", output.text());
    handle.shutdown().await;
    drop(folder);
}
