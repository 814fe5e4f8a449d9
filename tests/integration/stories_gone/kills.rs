//! A loop that is killed while it carries out the word about data that is gone: the word counts once, and for that loss alone.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kube::api::ListParams;
use parcelle::sandbox::{Fault, FaultEffect, RequestMatcher};

use super::words::{CLAIM, begun, command, delete, ground, once, uid};
use crate::command::Process;
use crate::ground::{Ground, side_by_side};
use crate::story::real;

/// A write of the loop at which it is killed.
struct Point {
    namespace: &'static str,
    /// Which of the writes there, from 1.
    nth: u64,
    /// It is done by then, and only its answer is lost.
    done: bool,
}

impl Point {
    fn name(&self) -> String {
        let Self { namespace, nth, done } = self;
        format!("write {nth} in {namespace}, {}", if *done { "done" } else { "not done" })
    }

    fn fault(&self) -> Fault {
        let on = RequestMatcher {
            verbs: ["create", "update", "patch", "delete"].map(str::to_owned).to_vec(),
            resource: (self.namespace == "parcelle-system").then(|| "configmaps".to_owned()),
            namespace: Some(self.namespace.to_owned()),
            manager: Some("parcelle".to_owned()),
            dry_run: Some(false),
            nth: Some(self.nth),
            ..RequestMatcher::default()
        };
        let silent = FaultEffect::Delay { milliseconds: 600_000 };
        Fault { on, effect: if self.done { FaultEffect::CutAfter } else { silent } }
    }

    /// Kills the loop here. Returns whether it came so far.
    async fn kills(&self, ground: &Ground, mut process: Process) -> bool {
        ground.handle.faults().add(self.fault());
        let kubeconfig = ground.environment.path("two").display().to_string();
        let words = ["acknowledge", "alpha/one", "--yes", "--kubeconfig", &kubeconfig];
        let mut said = ground.environment.spawn(words);
        let hit = async || ground.handle.faults().all().iter().any(|(_, hit)| *hit > 0);
        ground.until("it is held up or done", async || hit().await || ground.is_ready("one-web").await).await;
        let hit = hit().await;
        process.kill();
        said.kill();
        ground.handle.faults().clear();
        hit
    }
}

async fn marks(ground: &Ground) -> usize {
    let labelled = ListParams::default().labels("parcelle.dev/word");
    ground.api("v1", "ConfigMap", "parcelle-system").list(&labelled).await.unwrap().items.len()
}

/// The word came about, or did not, but nothing in between; and it is no word about a later loss.
async fn counts_once(point: &Point) -> bool {
    let (ground, name) = (ground().await, point.name());
    let mut process = begun(&ground).await;
    let two = uid(&ground, "two-files").await;
    delete(&ground, "apps/v1", "Deployment", "one-web").await;
    delete(&ground, "v1", CLAIM, "one-files").await;
    process.wait_for("E0434");
    ground.until_calm().await;
    let hit = point.kills(&ground, process).await;
    let said = once(&ground);
    if said.text().contains("E0434") {
        assert_eq!((said.code, uid(&ground, "one-files").await), (1, None), "{name}: {}", said.text());
        assert!(!ground.is_ready("one-web").await, "{name}: it is held");
        let said = command(&ground, &["acknowledge", "alpha/one", "--yes"]);
        assert_eq!(said.code, 0, "{name}: {}", said.text());
    }
    let said = once(&ground);
    assert_eq!(said.code, 0, "{name}: {}", said.text());
    assert!(ground.is_ready("one-web").await && uid(&ground, "one-files").await.is_some(), "{name}");
    assert_eq!((uid(&ground, "two-files").await, marks(&ground).await), (two, 0), "{name}");
    ground.assert_inventory_exact("alpha", &name).await;
    delete(&ground, "v1", CLAIM, "one-files").await;
    let said = once(&ground);
    assert!(said.code == 1 && said.text().contains("E0434"), "{name}: the next loss: {}", said.text());
    assert_eq!(uid(&ground, "one-files").await, None, "{name}");
    hit
}

#[test]
fn a_word_about_data_that_is_gone_counts_once_wherever_the_loop_is_killed() {
    if real().is_some() {
        return;
    }
    let at = |namespace, most| (1..=most).flat_map(move |nth| [false, true].map(|done| Point { namespace, nth, done }));
    // The mark and the inventory, then the claim and the Deployment.
    let points: Vec<Point> = at("parcelle-system", 4).chain(at("alpha", 2)).collect();
    let reached = Mutex::new(BTreeMap::new());
    let failed = side_by_side(3, &points, Point::name, async |point| {
        let hit = counts_once(point).await;
        *reached.lock().unwrap().entry(point.namespace).or_insert(0) += u32::from(hit);
    });
    assert_eq!(failed, Vec::<String>::new(), "each says above what went wrong");
    let reached = reached.into_inner().unwrap();
    assert!(reached["parcelle-system"] >= 4 && reached["alpha"] >= 4, "there was something to kill: {reached:?}");
}
