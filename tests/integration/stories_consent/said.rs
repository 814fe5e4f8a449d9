//! What people say: objections, withdrawals, time, urgency; and who they are.

use super::{Commons, PEOPLE, RULES, alpha, beta, garden, people};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objection_holds_what_was_approved_until_it_is_withdrawn() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "jeanne", &[alpha(&["one"])]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    commons.approved("tim", change);
    let revision = change.to_string();
    let said = commons.say("camille", &["object", &revision, "too early"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let told = commons.pushed(change).await;
    assert!(!commons.has("alpha", "one").await);
    assert!(told.consent.join("\n").contains("camille objects since 2026-11-20"), "{:?}", told.consent);
    // That its ref goes takes nothing back.
    let origin = commons.origin();
    for found in origin.references_glob("refs/parcelle-consent/*camille*").unwrap() {
        found.unwrap().delete().unwrap();
    }
    commons.looked().await;
    assert!(!commons.has("alpha", "one").await, "a deleted ref withdraws nothing");
    commons.people.set_clock("2026-11-20T12:05:00Z");
    commons.this.now += jiff::SignedDuration::from_mins(6);
    let range = format!("{change}^..{change}");
    let said = commons.say("camille", &["withdraw", &range]);
    assert_eq!(said.code, 0, "{}", said.text());
    let told = commons.looked().await;
    assert!(commons.has("alpha", "one").await, "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objection_that_was_seen_before_the_merge_holds_after_its_ref_is_gone() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "jeanne", &[alpha(&["one"])]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    commons.approved("tim", change);
    let said = commons.say("camille", &["object", &change.to_string(), "too early"]);
    assert_eq!(said.code, 0, "{}", said.text());
    // Not merged yet: the loop hears it all the same.
    commons.looked().await;
    let origin = commons.origin();
    for found in origin.references_glob("refs/parcelle-consent/*camille*").unwrap() {
        found.unwrap().delete().unwrap();
    }
    let told = commons.pushed(change).await;
    assert!(!commons.has("alpha", "one").await);
    assert!(told.consent.join("\n").contains("camille objects since 2026-11-20"), "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_withdrawal_holds_after_its_ref_is_gone() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    commons.approved("tim", change);
    commons.people.set_clock("2026-11-20T12:05:00Z");
    commons.this.now += jiff::SignedDuration::from_mins(6);
    assert_eq!(commons.say("tim", &["withdraw", &change.to_string()]).code, 0);
    commons.pushed(change).await;
    assert!(!commons.has("alpha", "one").await);
    let origin = commons.origin();
    for found in origin.references_glob("refs/parcelle-consent/*tim-withdraw*").unwrap() {
        found.unwrap().delete().unwrap();
    }
    let told = commons.looked().await;
    assert!(!commons.has("alpha", "one").await, "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_objects_to_a_whole_objects_to_its_parts_and_the_other_way_round() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let begun = commons.main();
    let first = commons.commit(&[begun], "camille", &[alpha(&["one"])]);
    let second = commons.commit(&[first], "camille", &[beta(&["two"])]);
    commons.branch("work", second);
    assert_eq!(commons.say("jeanne", &["object", &second.to_string(), "a stranger"]).code, 2, "nobody of the garden");
    let said = commons.say("camille", &["object", &second.to_string(), "not this branch"]);
    assert_eq!(said.code, 0, "{}", said.text());
    for range in [format!("{begun}..{first}"), format!("{first}..{second}")] {
        for who in ["pierre", "tim"] {
            assert_eq!(commons.say(who, &["approve", &range]).code, 0);
        }
    }
    let told = commons.pushed(second).await;
    assert!(!commons.has("alpha", "one").await && !commons.has("beta", "two").await, "{:?}", told.consent);
    assert!(told.consent.join("\n").contains("not this branch"), "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_finding_hides_is_asked_about_as_whatever_it_may_be() {
    let rules = "approvals 1 from=operators; waiting 24 hours for=deletions; source signatures";
    let Some(mut commons) = Commons::begun(rules).await else { return };
    let agreed = async |commons: &mut Commons, before: git2::Oid, change: git2::Oid| {
        for who in ["pierre", "tim"] {
            assert_eq!(commons.say(who, &["approve", &format!("{before}..{change}")]).code, 0);
        }
        commons.pushed(change).await
    };
    let begun = commons.main();
    let sites = commons.commit(&[begun], "camille", &[alpha(&["one"])]);
    commons.branch("sites", sites);
    agreed(&mut commons, begun, sites).await;
    assert!(commons.has("alpha", "one").await);
    let (path, text) = alpha(&["retired one"]);
    let hidden = text.as_ref().unwrap().replace("app hedgedoc pads", "app hedgedoc pads { sizee large; }");
    let hidden = commons.commit(&[sites], "camille", &[(path, Some(hidden))]);
    commons.branch("hidden", hidden);
    let told = agreed(&mut commons, sites, hidden).await;
    assert!(told.consent.join("\n").contains("people may object until"), "{:?}", told.consent);
    let mended = commons.commit(&[hidden], "camille", &[(path, text)]);
    commons.branch("mended", mended);
    let told = agreed(&mut commons, hidden, mended).await;
    assert!(told.consent.join("\n").contains("people may object until"), "{:?}", told.consent);
    assert!(!told.writes.iter().any(|write| write.contains("one-web")), "{:?}", told.writes);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_waits_for_its_time() {
    let Some(mut commons) = Commons::begun("waiting 24 hours for=deletions; source signatures").await else { return };
    let more = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    let told = commons.pushed(more).await;
    assert!(commons.has("alpha", "one").await, "nobody is asked about what deletes nothing: {:?}", told.consent);
    let less = commons.commit(&[more], "camille", &[alpha(&["retired one"])]);
    let told = commons.pushed(less).await;
    assert_eq!(told.writes, Vec::<String>::new());
    assert!(told.consent.join("\n").contains("people may object until 2026-11-21 12:00 UTC"), "{:?}", told.consent);
    commons.this.now += jiff::SignedDuration::from_hours(23);
    assert_eq!(commons.looked().await.writes, Vec::<String>::new());
    commons.this.now += jiff::SignedDuration::from_mins(61);
    // Nobody pushes anything: the loop wakes by itself.
    let mut told = Vec::new();
    for _ in 0..5 {
        told.extend(commons.this.next(std::time::Duration::from_secs(2)).await.map(|told| (told.writes, told.consent)));
    }
    assert!(told.iter().any(|(writes, _)| writes == &["Change Deployment one-web"]), "{told:?}");
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wrote_it_does_not_count_and_who_left_neither() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "pierre", &[alpha(&["one"])]);
    commons.branch("work", change);
    commons.approved("pierre", change);
    commons.approved("tim", change);
    let told = commons.pushed(change).await;
    assert!(!commons.has("alpha", "one").await);
    assert!(told.consent.join("\n").contains("pierre wrote it"), "{:?}", told.consent);
    // Tim leaves the garden, which those who stay agree to by the rules before.
    let left: Vec<_> =
        PEOPLE.iter().filter(|(name, _)| *name != "tim").copied().chain([("jeanne", "operators")]).collect();
    let gone = commons.commit(&[change], "camille", &[("garden.kdl", Some(garden(&people(&left), RULES)))]);
    commons.branch("gone", gone);
    let range = format!("{change}..{gone}");
    for who in ["pierre", "hadrien"] {
        let said = commons.say(who, &["approve", &range, "--base", &change.to_string()]);
        assert_eq!(said.code, 0, "{}", said.text());
    }
    let told = commons.pushed(gone).await;
    let waits = told.consent.join("\n");
    assert!(waits.contains("its key is nobody's in the garden"), "{waits}");
    assert!(!commons.has("alpha", "one").await);
    let range = format!("{change}^..{change}");
    for who in ["hadrien", "jeanne"] {
        assert_eq!(commons.say(who, &["approve", &range]).code, 0);
    }
    commons.looked().await;
    assert!(commons.has("alpha", "one").await);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_urgent_is_applied_at_once_and_agreed_afterwards() {
    let Some(mut commons) = Commons::begun(RULES).await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[beta(&["one"])]);
    commons.branch("work", change);
    let revision = change.to_string();
    // Somebody who is no operator cannot say so.
    assert_eq!(commons.say("camille", &["urgent", &revision, "now"]).code, 0);
    commons.pushed(change).await;
    assert!(!commons.has("beta", "one").await);
    let range = format!("{change}^..{change}");
    let said = commons.say("pierre", &["urgent", &range, "the petition opens at noon"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let told = commons.looked().await;
    assert!(commons.has("beta", "one").await, "{:?}", told.consent);
    let open = told.consent.join("\n");
    assert!(open.contains("the petition opens at noon") && open.contains("is not agreed yet"), "{open}");
    for who in ["tim", "hadrien"] {
        let said = commons.say(who, &["approve", &revision]);
        assert_eq!(said.code, 0, "{}", said.text());
    }
    let told = commons.looked().await;
    assert_eq!(told.consent, Vec::<String>::new());
    // Who decides is never urgent.
    let alone = garden(&people(&[("pierre", "operators"), ("tim", "operators"), ("hadrien", "operators")]), RULES);
    let rules = commons.commit(&[commons.main()], "camille", &[("garden.kdl", Some(alone))]);
    commons.branch("rules", rules);
    assert_eq!(commons.say("pierre", &["urgent", &rules.to_string(), "now"]).code, 0);
    let told = commons.pushed(rules).await;
    assert!(told.consent.join("\n").contains("the rules, the people"), "{:?}", told.consent);
    commons.this.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_knows_what_was_decided() {
    let Some(mut commons) = Commons::begun("waiting 24 hours; source signatures").await else { return };
    let change = commons.commit(&[commons.main()], "camille", &[alpha(&["one"])]);
    commons.pushed(change).await;
    commons.this.now += jiff::SignedDuration::from_hours(20);
    commons.looked().await;
    // The loop ends and another begins, which reads what the first one remembered.
    let folder = commons.this.folder.path().to_owned();
    let next = crate::stories_loop::daemon(&commons.this.handle, &folder, "another-mirror");
    Box::pin(std::mem::replace(&mut commons.this.daemon, Box::new(next)).close()).await;
    let told = commons.this.turn(parcelle::engine::Event::Resync).await.unwrap();
    assert!(told.consent.join("\n").contains("people may object until 2026-11-21 12:00 UTC"), "{:?}", told.consent);
    assert!(!commons.has("alpha", "one").await);
    commons.this.now += jiff::SignedDuration::from_hours(5);
    for _ in 0..5 {
        commons.this.next(std::time::Duration::from_secs(2)).await;
    }
    commons.this.until_calm().await;
    assert!(commons.has("alpha", "one").await);
    commons.this.ended().await;
}
