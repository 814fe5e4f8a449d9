//! Faults 9–15, 21, 22, 24: requests that are refused, lost, cut, or not served for now.

use std::time::{Duration, Instant};

use parcelle::plan::{Done, Reason, Refusing, Skip, Verb};
use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};
use serde_json::json;

use super::{assert_completes, data, only, settled, why};
use crate::story::{World, fault, refusal};

const WRITES: &[&str] = &["create", "update", "patch", "delete"];

#[tokio::test]
async fn scenario_09_conflict_on_apply_is_reported_not_forced() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "green"}}));
    world.put(&alpha, "ConfigMap", "other", Some("web"), data("1"));
    world.round().await.assert_all_done();
    world.edit("ConfigMap", &alpha, "settings", json!({"data": {"shape": "round"}})).await;

    world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red", "shape": "square"}}));
    world.put(&alpha, "ConfigMap", "other", Some("web"), data("2"));
    let round = world.round().await;
    let action = round.action(&alpha, "ConfigMap", "settings");
    assert_eq!((action.verb(), action.reason()), (Verb::Refused, Reason::Refusing(&Refusing::Conflict)));
    assert_eq!((&*action.conflicts[0].manager, &*action.conflicts[0].field), ("kubectl-edit", ".data.shape"));
    let settings = world.get("ConfigMap", &alpha, "settings").await.unwrap();
    assert_eq!(settings["data"], json!({"colour": "green", "shape": "round"}), "nothing of the object is applied");
    assert_eq!(world.get("ConfigMap", &alpha, "other").await.unwrap()["data"]["a"], "2");
    let findings = round.findings();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0480").expect("a finding");
    let told = finding.why.clone().unwrap();
    assert_eq!(told, "`data.shape` is `\"round\"` by `kubectl-edit`, the garden asks for `\"square\"`");
    world.end().await;
}

#[tokio::test]
async fn scenario_10_conflict_on_a_uid_precondition_keeps_the_entry_and_tries_again() {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "ConfigMap", "extra", Some("web"), data("1"));
    world.round().await.assert_all_done();
    world.drop_object(&alpha, "ConfigMap", "extra");

    // Between plan and delete somebody puts another object in its place.
    let (mut state, plan) = world.plan().await;
    world.delete("ConfigMap", &alpha, "extra").await;
    world.make("ConfigMap", &alpha, "extra", data("theirs")).await;
    let outcome = world.apply(&mut state, &plan).await;
    let extra = outcome.organisations[0].outcomes.iter().find(|one| &*one.id.name == "extra").unwrap();
    assert!(matches!(extra.done, Done::Skipped { why: Skip::Stale { .. } }), "{extra:?}");
    assert!(world.inventory(&alpha).await.entries.keys().any(|id| &*id.name == "extra"), "the entry is kept");
    world.round().await.assert_all_done();
    assert_eq!(world.get("ConfigMap", &alpha, "extra").await.unwrap()["data"]["a"], "theirs");
    world.assert_inventory_exact(&alpha).await;

    // The server itself says that the precondition failed: it is read again, and deleted while it is still ours.
    let Some(faults) = world.faults() else { return world.end().await };
    world.put(&alpha, "ConfigMap", "more", Some("web"), data("1"));
    world.round().await.assert_all_done();
    world.drop_object(&alpha, "ConfigMap", "more");
    faults.add(fault(
        &["delete"],
        "configmaps",
        1,
        refusal(409, "Conflict", "the UID in the precondition does not match"),
    ));
    world.round().await.assert_all_done();
    assert!(world.get("ConfigMap", &alpha, "more").await.is_none());
    world.assert_inventory_exact(&alpha).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_11_too_many_requests_are_sent_again_when_the_server_says() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    let words = "storage is (re)initializing";
    let later = |message: &str| FaultEffect::Status {
        code: 429,
        reason: "TooManyRequests".to_owned(),
        retry_after: Some(1),
        message: message.to_owned(),
    };
    faults.add(fault(&["list"], "configmaps", 1, later(words)));
    faults.add(fault(&["patch"], "configmaps", 2, later("too many requests, please try again later")));
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    let begun = Instant::now();
    world.round().await.assert_all_done();
    assert!(begun.elapsed() >= Duration::from_secs(3), "three times a second, as asked: {:?}", begun.elapsed());
    assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["a"], "2");
    world.end().await;
}

#[tokio::test]
async fn scenario_12_after_a_server_error_the_result_is_read_and_not_assumed() {
    for (code, message) in
        [(500, "etcdserver: request timed out"), (503, "apiserver is shutting down"), (504, "timeout")]
    {
        let (mut world, alpha) = settled().await;
        let Some(faults) = world.faults() else { return world.end().await };
        world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
        world.put(&alpha, "ConfigMap", "new", Some("web"), data("1"));
        // Neither write was done, and the engine cannot know.
        faults.add(fault(&["patch"], "configmaps", 2, refusal(code, "", message)));
        world.ask = false;
        world.round().await.assert_all_done();
        assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["a"], "2", "{code}");
        world.assert_inventory_exact(&alpha).await;

        // A server that stays unwell is a failure that says so and may pass.
        world.put(&alpha, "ConfigMap", "settings", Some("web"), data("3"));
        faults.add(fault(&["patch"], "configmaps", 0, refusal(code, "", message)));
        let round = world.round().await;
        let done = round.done(&alpha, "ConfigMap", "settings");
        assert!(matches!(done, Done::Failed { passing: true, why, .. } if why.contains(message)), "{done:?}");
        faults.clear();
        assert_completes(&world, &alpha).await;
        world.end().await;
    }
}

/// A world with something to create, change and delete, and a Secret to make.
async fn moving() -> (World, parcelle::name::Name) {
    let (mut world, alpha) = settled().await;
    world.put(&alpha, "ConfigMap", "extra", Some("web"), data("1"));
    world.round().await.assert_all_done();
    world.drop_object(&alpha, "ConfigMap", "extra");
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    world.put(&alpha, "ConfigMap", "new", Some("web"), data("1"));
    world.generated(&alpha, "web-instance");
    (world, alpha)
}

async fn assert_survives(effect: FaultEffect) {
    for nth in 1..=6 {
        let (world, alpha) = moving().await;
        let Some(faults) = world.faults() else { return world.end().await };
        let verbs = WRITES.iter().map(|verb| (*verb).to_owned()).collect();
        faults.add(Fault {
            on: RequestMatcher { verbs, nth: Some(nth), ..RequestMatcher::default() },
            effect: effect.clone(),
        });
        world.round().await.assert_all_done();
        faults.clear();
        assert!(world.get("ConfigMap", &alpha, "extra").await.is_none());
        assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["a"], "2");
        let secret = world.get("Secret", &alpha, "web-instance").await.unwrap()["data"].clone();
        assert_completes(&world, &alpha).await;
        assert_eq!(world.get("Secret", &alpha, "web-instance").await.unwrap()["data"], secret, "made once");
        world.end().await;
    }
}

#[tokio::test]
async fn scenario_13_the_connection_is_cut_after_the_request_and_before_the_reply() {
    assert_survives(FaultEffect::CutAfter).await;
}

#[tokio::test]
async fn scenario_14_a_reply_that_is_no_json() {
    assert_survives(FaultEffect::Truncate).await;
    // Of a list, half an answer is no answer: nothing counts as missing.
    let (world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    faults.add(fault(&["list"], "configmaps", 1, FaultEffect::Truncate));
    let round = world.round().await;
    round.assert_all_done();
    assert_eq!(round.writes(), Vec::<String>::new());
    world.assert_inventory_exact(&alpha).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_15_a_reply_that_does_not_come_ends_at_a_deadline() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    world.reconnect(Duration::from_millis(400)).await;
    world.put(&alpha, "ConfigMap", "new", Some("web"), data("1"));
    let slow = FaultEffect::Delay { milliseconds: 1_500 };
    // One that is done late, after we stopped listening: it is found, not made twice.
    world.ask = false;
    faults.add(fault(&["patch"], "configmaps", 1, slow.clone()));
    world.round().await.assert_all_done();
    assert_completes(&world, &alpha).await;

    // All of them: the round ends, says so, and touches nothing.
    let before = world.versions(&[&alpha]).await;
    faults.add(fault(&["list", "get"], "", 0, slow));
    let begun = Instant::now();
    let round = world.round().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let failure = only(&round).failure.clone().unwrap();
    assert!(failure.contains("no answer within"), "{failure}");
    faults.clear();
    assert_eq!(world.versions(&[&alpha]).await, before);
    world.end().await;
}

#[tokio::test]
async fn scenario_21_rights_that_are_revoked_midway_leave_a_part_done_and_the_inventory_kept() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    world.ask = false;
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    world.put(&alpha, "Service", "more", Some("web"), json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}}));
    world.drop_object(&alpha, "Deployment", "web");
    let words = "services \"more\" is forbidden: User \"parcelle\" cannot patch resource \"services\" in the namespace";
    faults.add(fault(&["patch"], "services", 0, refusal(403, "Forbidden", words)));
    let round = world.round().await;
    assert!(why(&round, &alpha, "Service", "more").contains("cannot patch resource"));
    assert_eq!(world.get("ConfigMap", &alpha, "settings").await.unwrap()["data"]["a"], "2", "what came before is done");
    assert!(world.get("Deployment", &alpha, "web").await.is_some(), "nothing is deleted after a failure");
    let known: Vec<String> = world.inventory(&alpha).await.entries.keys().map(ToString::to_string).collect();
    assert!(known.contains(&"Deployment web".to_owned()) && known.contains(&"Service more".to_owned()), "{known:?}");
    let findings = round.findings();
    let finding = findings.iter().find(|finding| finding.code.as_str() == "E0652").expect("a finding");
    assert!(finding.help.iter().any(|help| help.contains("parcelle doctor")), "{:?}", finding.help);
    assert_eq!(world.inventory(&alpha).await.commit, "c1");
    faults.clear();
    assert_completes(&world, &alpha).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_22_a_token_that_is_no_longer_good_is_said_and_nothing_is_lost() {
    let (mut world, alpha) = settled().await;
    let Some(faults) = world.faults() else { return world.end().await };
    world.put(&alpha, "ConfigMap", "settings", Some("web"), data("2"));
    let before = world.versions(&[&alpha]).await;
    world.with_token("expired").await;
    let round = world.round().await;
    let failure = only(&round).failure.clone().unwrap();
    assert!(failure.contains("Unauthorized"), "{failure}");
    assert_eq!(world.versions(&[&alpha]).await, before);

    // It ends in the middle of a run, and the next one has the new token.
    world.reconnect(Duration::from_secs(5)).await;
    world.put(&alpha, "ConfigMap", "new", Some("web"), data("1"));
    world.ask = false;
    let on = RequestMatcher {
        verbs: vec!["patch".to_owned(), "update".to_owned()],
        nth: Some(3),
        ..RequestMatcher::default()
    };
    faults.add(Fault { on, effect: refusal(401, "Unauthorized", "Unauthorized") });
    assert!(world.round().await.outcome.is_open());
    world.reconnect(Duration::from_secs(5)).await;
    assert_completes(&world, &alpha).await;
    world.end().await;
}

#[tokio::test]
async fn scenario_24_a_server_that_has_little_left_for_us_is_asked_until_it_is_done() {
    let (world, alpha) = moving().await;
    let Some(faults) = world.faults() else { return world.end().await };
    faults.seed(24);
    let on = RequestMatcher { probability: Some(0.35), ..RequestMatcher::default() };
    faults.add(Fault { on, effect: refusal(429, "TooManyRequests", "too many requests, please try again later") });
    let mut rounds = 0;
    while world.round().await.outcome.is_open() {
        rounds += 1;
        assert!(rounds < 10, "each round gets further");
    }
    let hits: u64 = faults.all().iter().map(|(_, hits)| hits).sum();
    assert!(hits > 5, "{hits} requests were refused");
    faults.clear();
    assert_completes(&world, &alpha).await;
    world.end().await;
}
