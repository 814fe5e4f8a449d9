//! A process that ends in the middle of taking something back: nothing is done twice, and nothing is lost.

use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};

use super::{applied, ended, entries, lose, marks, say, skipped};
use crate::ground::side_by_side;

#[test]
fn a_recovery_that_is_killed_at_any_write_comes_about_once() {
    if skipped() {
        return;
    }
    // The mark, the inventory, the mark again.
    let points = [("create", 1), ("create", 2), ("delete", 1)];
    let failed = side_by_side(
        3,
        &points,
        |point| format!("{point:?}"),
        async |(verb, nth)| {
            let ground = applied().await;
            let (live, before) = (ground.live("alpha").await, ended(&ground));
            lose(&ground).await;
            let on = RequestMatcher {
                verbs: vec![(*verb).to_owned()],
                resource: Some("configmaps".to_owned()),
                namespace: Some("parcelle-system".to_owned()),
                nth: Some(*nth),
                ..RequestMatcher::default()
            };
            ground.handle.faults().add(Fault { on, effect: FaultEffect::Delay { milliseconds: 600_000 } });
            let kubeconfig = ground.environment.path("two").display().to_string();
            let mut process =
                ground.environment.spawn(["recover", "inventory", "alpha", "--yes", "--kubeconfig", &kubeconfig]);
            ground.until("it is held up", async || ground.handle.faults().all().iter().any(|(_, hit)| *hit > 0)).await;
            process.kill();
            ground.handle.faults().clear();
            let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
            assert!(said.code == 0 || said.text().contains("is not lost"), "{verb} {nth}: {}", said.text());
            // It waits until the lease of the killed process has run out.
            let said = say(&ground, &["apply", "--yes"]);
            assert_eq!(said.code, 0, "{verb} {nth}: {}", said.text());
            let (recovered, others) = entries(&ground).await;
            assert!(others.is_empty() && recovered.len() > 10, "{verb} {nth}: {others:?}");
            assert_eq!(marks(&ground).await, 0, "{verb} {nth}");
            assert_eq!((ground.live("alpha").await, ended(&ground)), (live, before), "{verb} {nth}");
        },
    );
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_back_is_named_by_the_commit_that_calls_its_app_otherwise() {
    if skipped() {
        return;
    }
    let ground = applied().await;
    lose(&ground).await;
    let said = say(&ground, &["recover", "inventory", "alpha", "--yes"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let renamed = crate::ground::organisation("alpha", "Alpha", "app page web { was www; version 1; }");
    ground.commit("organisations/alpha.kdl", &renamed, "another name");
    let mut said = say(&ground, &["apply", "--yes"]);
    for _ in 0..3 {
        if said.text().contains("Nothing was written") {
            break;
        }
        said = say(&ground, &["apply", "--yes"]);
    }
    assert!(said.code == 0 && said.text().contains("Nothing was written"), "{}", said.text());
    let live = ground.live("alpha").await;
    assert!(live.contains_key("Deployment web-web") && !live.contains_key("Deployment www-web"), "{live:?}");
    assert!(live.contains_key("PersistentVolumeClaim www-files"), "what holds data keeps its name: {live:?}");
    ground.assert_inventory_exact("alpha", "at the end").await;
}
