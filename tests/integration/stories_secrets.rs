//! Stories of Secrets: made once, following their sources, in no text.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parcelle::expression::SecretRef;
use parcelle::plan::{Done, Reason, Refusing, Verb};
use parcelle::render::{Escape, Generated, SecretPiece, SecretSource, naming};
use parcelle::report::Format;
use parcelle::report::plan::TextStyle;
use parcelle::sandbox::FaultEffect;
use serde_json::json;

use crate::story::{World, name};

#[expect(clippy::unwrap_used, reason = "a test")]
fn decoded(secret: &serde_json::Value, key: &str) -> String {
    String::from_utf8(STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_generated_secret_is_made_once_and_its_loss_is_said() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    let keys = BTreeMap::from([
        ("password".to_owned(), Generated::Random { length: 40 }),
        ("url".to_owned(), Generated::Joined("redis://:{password}@cache".to_owned())),
    ]);
    world.request(&alpha, "cache", SecretSource::Generated { keys });
    world.round().await.assert_all_done();
    let secret = world.get("Secret", &alpha, "cache").await.unwrap();
    assert_eq!(decoded(&secret, "url"), format!("redis://:{}@cache", decoded(&secret, "password")));
    assert_eq!(world.round().await.writes(), Vec::<String>::new());

    world.delete("Secret", &alpha, "cache").await;
    let round = world.round().await;
    let action = round.action(&alpha, "Secret", "cache");
    assert_eq!((action.verb(), action.reason()), (Verb::Refused, Reason::Refusing(&Refusing::SecretLost)));
    assert!(world.get("Secret", &alpha, "cache").await.is_none(), "nothing is made in its place silently");
    assert!(round.findings().has_errors());
    world.end().await;
}

#[tokio::test]
async fn a_key_that_a_newer_definition_asks_for_is_added_and_the_others_stay() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.generated(&alpha, "instance");
    world.round().await.assert_all_done();
    let before = world.get("Secret", &alpha, "instance").await.unwrap();
    let request = &mut world.objects_of(&alpha).secrets[0];
    let SecretSource::Generated { keys } = &mut request.source else { panic!("generated") };
    keys.insert("salt".to_owned(), Generated::Random { length: 12 });
    world.round().await.assert_all_done();
    let after = world.get("Secret", &alpha, "instance").await.unwrap();
    assert_eq!(after["data"]["password"], before["data"]["password"]);
    assert_eq!(decoded(&after, "salt").len(), 12);
    assert_eq!(world.round().await.writes(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn a_secret_of_somebody_else_with_the_name_of_ours_is_kept() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    world.make("Secret", &alpha, "instance", json!({"data": {"password": STANDARD.encode("theirs")}})).await;
    world.generated(&alpha, "instance");
    let round = world.round().await;
    assert_eq!(round.action(&alpha, "Secret", "instance").reason(), Reason::Refusing(&Refusing::NotOurs));
    assert_eq!(decoded(&world.get("Secret", &alpha, "instance").await.unwrap(), "password"), "theirs");
    world.end().await;
}

#[tokio::test]
async fn copies_and_templates_follow_their_sources_and_no_value_is_in_any_text() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    let system = name(naming::SYSTEM_NAMESPACE);
    world.round().await.assert_all_done();
    let relay = world.own("relay");
    let (canary, second) = ("canary-one-1f9b", "canary-two-77aa");
    world.make("Secret", &system, relay.as_str(), json!({"data": {"pass": STANDARD.encode(canary)}})).await;
    let keys = BTreeMap::from([("pass".to_owned(), "password".to_owned())]);
    let (namespace, from) = (system.to_string(), relay.to_string());
    world.request(&alpha, "smtp", SecretSource::Copied { namespace, name: from, keys });
    let value =
        SecretPiece::Secret { from: SecretRef { secret: "smtp".into(), key: "password".into() }, escape: Escape::Ini };
    let keys = BTreeMap::from([("mail.ini".to_owned(), vec![SecretPiece::Text("pass = \"".to_owned()), value])]);
    world.request(&alpha, "mail-file", SecretSource::Template { keys });

    let mut texts = Vec::new();
    let round = world.round().await;
    round.assert_all_done();
    texts.push(format!("{:?} {:?}", round.plan, round.outcome));
    assert_eq!(decoded(&world.get("Secret", &alpha, "smtp").await.unwrap(), "password"), canary);
    assert_eq!(
        decoded(&world.get("Secret", &alpha, "mail-file").await.unwrap(), "mail.ini"),
        format!("pass = \"{canary}")
    );
    let quiet = world.round().await;
    assert_eq!(quiet.writes(), Vec::<String>::new());

    world.edit("Secret", &system, relay.as_str(), json!({"data": {"pass": STANDARD.encode(second)}})).await;
    for _ in 0..2 {
        let round = world.round().await;
        texts.push(format!("{:?} {:?}", round.plan, round.outcome));
    }
    assert_eq!(decoded(&world.get("Secret", &alpha, "smtp").await.unwrap(), "password"), second);
    assert_eq!(
        decoded(&world.get("Secret", &alpha, "mail-file").await.unwrap(), "mail.ini"),
        format!("pass = \"{second}")
    );
    assert_eq!(world.round().await.writes(), Vec::<String>::new());

    world.delete("Secret", &system, relay.as_str()).await;
    let round = world.round().await;
    assert!(matches!(
        round.action(&alpha, "Secret", "smtp").reason(),
        Reason::Refusing(Refusing::SourceMissing { .. })
    ));
    let told: Vec<&str> = round.of(&alpha).findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(told, ["E0487"]);
    let (state, _) = world.plan().await;
    texts.push(format!("{state:?} {:?}", world.inventory(&alpha).await));
    for text in texts {
        for value in [canary, second] {
            assert!(!text.contains(value) && !text.contains(&STANDARD.encode(value)), "a value in {text}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_refusal_that_echoes_a_secret_is_masked() {
    let mut world = World::new().await;
    let alpha = world.organisation("alpha");
    world.round().await.assert_all_done();
    // A key that no Secret may have: the server refuses the body and quotes from it.
    let keys = BTreeMap::from([("not a key".to_owned(), Generated::Random { length: 30 })]);
    world.request(&alpha, "wrong", SecretSource::Generated { keys });
    let round = world.round().await;
    if let Done::Failed { why, .. } = round.done(&alpha, "Secret", "wrong") {
        assert!(!why.contains("Invalid value: \""), "{why}");
    }
    world.end().await;
}

/// Every form in which a value could be given away: plain, base64, and as a hash that anybody can make.
fn forms(value: &str) -> Vec<String> {
    let hash = ring::digest::digest(&ring::digest::SHA256, value.as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    vec![value.to_owned(), STANDARD.encode(value), hex, STANDARD.encode(hash.as_ref())]
}

/// All that is stored outside of Secrets, as the server has it.
#[expect(clippy::unwrap_used, reason = "a test")]
async fn everything_else(world: &World, organisation: &parcelle::name::Name) -> String {
    let system = name(naming::SYSTEM_NAMESPACE);
    let mut text = String::new();
    for namespace in [&system, organisation] {
        for kind in ["ConfigMap", "Deployment", "Service", "Job", "PersistentVolumeClaim"] {
            let list = world.api(kind, namespace).list(&kube::api::ListParams::default()).await.unwrap();
            text.push_str(&serde_json::to_string(&list).unwrap());
        }
    }
    text
}

/// The same fault; a refusal without words echoes what was sent.
fn echoing(effect: &FaultEffect, canary: &str) -> FaultEffect {
    let mut effect = effect.clone();
    if let FaultEffect::Status { message, .. } = &mut effect
        && message.is_empty()
    {
        *message = format!("Secret \"smtp\" is refused: data.password: {}: {canary}", STANDARD.encode(canary));
    }
    effect
}

/// Everything that is told of a round.
fn told(world: &World, round: &crate::story::Round) -> Vec<String> {
    let style = TextStyle { drawing: parcelle::report::Drawing::Plain, verbose: true, asked: true };
    vec![
        format!("{:?} {:?}", round.plan, round.outcome),
        serde_json::to_string(&round.plan).expect("a plan is JSON"),
        parcelle::report::plan::text(&round.plan, style),
        parcelle::report::plan::markdown(&round.plan, 60_000),
        parcelle::report::plan::outcome(&round.outcome.organisations, TextStyle::default()),
        parcelle::report::render(Format::Json, &round.findings(), &world.sources, parcelle::report::Drawing::Plain),
    ]
}

#[tokio::test]
async fn no_secret_is_told_whatever_fails() {
    let effects = [
        None,
        Some(FaultEffect::CutBefore),
        Some(FaultEffect::CutAfter),
        Some(FaultEffect::Truncate),
        Some(crate::story::refusal(403, "Forbidden", "")),
        Some(crate::story::refusal(422, "Invalid", "")),
        Some(crate::story::refusal(500, "", "etcdserver: request timed out")),
    ];
    for effect in effects {
        let mut world = World::new().await;
        let alpha = world.organisation("alpha");
        let system = name(naming::SYSTEM_NAMESPACE);
        world.round().await.assert_all_done();
        let Some(faults) = world.faults() else { return world.end().await };
        let canary = "canary-5f0e-in-every-secret";
        world.make("Secret", &system, "relay", json!({"data": {"pass": STANDARD.encode(canary)}})).await;
        let keys = BTreeMap::from([("pass".to_owned(), "password".to_owned())]);
        let (namespace, from) = (system.to_string(), "relay".to_owned());
        world.request(&alpha, "smtp", SecretSource::Copied { namespace, name: from, keys });
        let from = SecretRef { secret: "smtp".into(), key: "password".into() };
        let value = SecretPiece::Secret { from, escape: Escape::Ini };
        let keys = BTreeMap::from([("mail.ini".to_owned(), vec![SecretPiece::Text("p = ".to_owned()), value])]);
        world.request(&alpha, "mail-file", SecretSource::Template { keys });
        world.generated(&alpha, "instance");
        // What people write may name the variable of a secret: it stays the text that it is.
        world.put(&alpha, "ConfigMap", "settings", Some("web"), json!({"data": {"text": "$(CANARY)"}}));
        if let Some(effect) = &effect {
            // Of the Secret itself: a server echoes what it was sent, not what somebody else sent.
            let mut fault = crate::story::fault(&["patch"], "secrets", 3, echoing(effect, canary));
            fault.on.name = Some("smtp".to_owned());
            faults.add(fault);
        }
        let mut texts = Vec::new();
        for _ in 0..3 {
            let round = world.round().await;
            texts.extend(told(&world, &round));
            faults.clear();
        }
        let made = decoded(&world.get("Secret", &alpha, "instance").await.expect("it was made"), "password");
        assert_eq!(decoded(&world.get("Secret", &alpha, "smtp").await.expect("it was copied"), "password"), canary);
        let (state, plan) = world.plan().await;
        texts.push(format!("{state:?} {plan:?} {:?}", world.connection.take_warnings()));
        texts.push(serde_json::to_string(&world.snapshot().await).expect("a snapshot is JSON"));
        texts.push(everything_else(&world, &alpha).await);
        for form in [canary, &made].into_iter().flat_map(forms) {
            for text in &texts {
                assert!(!text.contains(&form), "{effect:?}: {form} in {text}");
            }
        }
        world.end().await;
    }
}
