//! A process is asked to end at fifty moments: it ends in time with the exit code that is documented, gives its lease up, and
//! leaves an inventory that knows everything there is. A second signal ends it at once.
//!
//! A moment is a request that the cluster holds up, so it is exact. Some are tried with every run of the tests; all of them
//! where `PARCELLE_TEST_MOMENTS` is set.

use std::time::{Duration, Instant};

use kube::api::{Patch, PatchParams};
use rustix::process::Signal;
use serde_json::json;

use crate::command::Process;
use crate::ground::{Ground, organisation, side_by_side};
use crate::moments::Hold::{Busy, Silent, Still};
use crate::moments::Scene::{self, Again, Commit, Drift, First, Once, Removal, Rename, Standby, Takeover};
use crate::moments::{DATABASES, HeldRequest, MOMENTS, POLICIES};
use crate::proxy::{Network, Proxy};

/// How long a process may take from a signal to its end, wherever it is, where it gets the share of the machine that it needs.
const LONGEST_END: Duration = Duration::from_secs(10);

/// So many processes may wait for each processor before times say nothing any more.
const MOST_BUSY: usize = 4;

/// How long it may take from a second signal.
const AT_ONCE: Duration = Duration::from_millis(1_500);

/// One moment of so many is tried with every run of the tests.
const SOME: usize = 4;

/// So many processes at once.
const AT_ONE_TIME: usize = 4;

/// An app whose ConfigMap goes with its note.
pub(crate) const PAGE: &str = r#"edition 2026

definition page {
    about "A page."
    releases { channel stable 1; release 1 image="docker.io/example/page:1.0"; }
    settings {
        setting note text { about "What it says."; default ""; }
    }
    needs { route web { host "${settings.at}"; to web; }; }
    workload web {
        port http 8080
        @when "settings.note != ''" { file "/etc/note" "${settings.note}" format=text; }
        ready http path="/"
    }
    test smallest { expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

fn alpha(note: &str) -> String {
    let note = if note.is_empty() { String::new() } else { format!(" {{ note \"{note}\"; }}") };
    organisation("alpha", "Alpha", &format!("app page www{note}\n    app hedgedoc pads"))
}

async fn ground() -> Ground {
    Ground::new(&[("page.kdl", PAGE), ("organisations/alpha.kdl", &alpha("one"))]).await
}

/// Waits until a fault has hit.
async fn until_hit(ground: &Ground, moment: &str) {
    let begun = Instant::now();
    while ground.handle.faults().all().iter().all(|(_, hit)| *hit == 0) {
        assert!(begun.elapsed() < Duration::from_mins(1), "{moment}: there was no such request");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn arguments(ground: &Ground, scene: Scene) -> Vec<String> {
    ground.arguments("one", if scene == Once { &["--once"] } else { &[] })
}

/// The limit of an end here and now: a machine that others keep busy is slower.
fn longest(end: Duration) -> Duration {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let waiting = load.split('.').next().and_then(|load| load.parse::<usize>().ok()).unwrap_or(0);
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if waiting > MOST_BUSY * processors { end * 3 } else { end }
}

/// Asks a process to end, which has to come in time and with this code.
fn ends(process: Process, signal: Signal, code: i32, moment: &str) {
    let asked = Instant::now();
    process.signal(signal);
    let said = process.end();
    assert!(asked.elapsed() < longest(LONGEST_END), "{moment}: it took {:?} to end", asked.elapsed());
    assert_eq!(said.code, code, "{moment}: {}", said.text());
}

impl HeldRequest {
    /// The process, asked for nothing yet, at its moment.
    async fn reached(&self, ground: &Ground) -> Process {
        let Self(scene, ..) = self;
        if *scene == Again {
            assert_eq!(ground.environment.run(arguments(ground, Once)).code, 0);
        }
        if matches!(scene, Standby | Takeover) {
            return self.reached_beside_another(ground).await;
        }
        if matches!(scene, First | Once | Again) {
            ground.handle.faults().add(self.fault());
            let process = ground.environment.spawn(arguments(ground, *scene));
            until_hit(ground, &self.name()).await;
            return process;
        }
        let mut process = ground.environment.spawn(arguments(ground, *scene));
        process.wait_for("applied");
        ground.until("all is ready", async || ground.is_ready("pads-web").await).await;
        ground.until_calm().await;
        ground.handle.faults().add(self.fault());
        match scene {
            Commit => ground.commit("organisations/alpha.kdl", &alpha("two"), "another note"),
            Rename => {
                let renamed = alpha("one").replace("app hedgedoc pads", "app hedgedoc notes { was pads; }");
                ground.commit("organisations/alpha.kdl", &renamed, "another name");
            }
            Removal => ground.commit("organisations/alpha.kdl", &alpha(""), "no note"),
            Drift => {
                let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
                let change = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "web", "image": "x.example/y:1" }] } } } });
                // The moment is the next one: this one is a patch too.
                ground.handle.faults().clear();
                ground
                    .api("apps/v1", "Deployment", "alpha")
                    .patch("www-web", &by, &Patch::Strategic(change))
                    .await
                    .unwrap();
                ground.handle.faults().add(self.fault());
            }
            _ => {}
        }
        until_hit(ground, &self.name()).await;
        process
    }

    /// The same where another process leads, or has led.
    async fn reached_beside_another(&self, ground: &Ground) -> Process {
        let mut leader = ground.run("two");
        leader.wait_for("applied");
        ground.until_calm().await;
        let mut process = ground.run("one");
        process.wait_for("this one stands by");
        if self.0 == Takeover {
            leader.kill();
            ground.handle.faults().add(self.fault());
            until_hit(ground, &self.name()).await;
        } else {
            ground.handle.faults().add(self.fault());
            until_hit(ground, &self.name()).await;
            // The moment is over for the leader too.
            ends(leader, Signal::TERM, 0, &format!("{}, the leader", self.name()));
        }
        process
    }

    /// The process is asked to end at its moment; what it leaves is known, and the next one completes it.
    async fn is_survived(&self, at: usize) {
        let (ground, name) = (ground().await, self.name());
        let process = self.reached(&ground).await;
        let signal = if at.is_multiple_of(3) { Signal::INT } else { Signal::TERM };
        ends(process, signal, if self.0 == Once { 2 } else { 0 }, &name);
        ground.handle.faults().clear();
        assert_eq!(ground.holder().await, None, "{name}: the lease is given up");
        ground.assert_inventory_covers("alpha", &name).await;
        let next = ground.environment.run(arguments(&ground, Once));
        assert_eq!(next.code, 0, "{name}: {}", next.text());
        ground.assert_inventory_exact("alpha", &name).await;
    }
}

#[test]
fn a_process_that_is_asked_to_end_at_any_request_ends_in_order() {
    let step = if std::env::var_os("PARCELLE_TEST_MOMENTS").is_some() { 1 } else { SOME };
    let some: Vec<(usize, &HeldRequest)> = MOMENTS.iter().enumerate().step_by(step).collect();
    let failed = side_by_side(
        AT_ONE_TIME,
        &some,
        |(_, moment)| moment.name(),
        async |(at, moment)| moment.is_survived(*at).await,
    );
    assert_eq!(failed, Vec::<String>::new(), "each says above what went wrong");
}

/// A network that is gone from the beginning, in the middle of the first apply, at rest.
async fn ends_without(network: &Network) {
    let ground = ground().await;
    let proxy = Proxy::to(ground.handle.address).await;
    ground.reach_through("one", &proxy.address.to_string());
    proxy.set(*network);
    let mut process = ground.run("one");
    if *network == Network::Refusing {
        process.wait_for("failed: cluster `ada-lovelace`");
    } else {
        ground.until("it asks", async || proxy.connections() > 0).await;
    }
    ends(process, Signal::TERM, 0, &format!("{network:?} from the beginning"));
    proxy.set(Network::Whole);
    let process = ground.run("one");
    ground.until("it writes", async || ground.handle.stats().writes() > 6).await;
    proxy.set(*network);
    ends(process, Signal::TERM, 0, &format!("{network:?} in the middle of an apply"));
    ground.assert_inventory_covers("alpha", &format!("{network:?}")).await;
    proxy.set(Network::Whole);
    let mut process = ground.run("one");
    process.wait_for("applied");
    ground.until_calm().await;
    proxy.set(*network);
    ends(process, Signal::INT, 0, &format!("{network:?} at rest"));
    ground.assert_inventory_exact("alpha", &format!("{network:?}")).await;
}

#[test]
fn a_process_whose_cluster_is_away_or_silent_ends_when_it_is_asked_to() {
    let networks = [Network::Silent, Network::Refusing];
    let failed = side_by_side(2, &networks, |network| format!("{network:?}"), ends_without);
    assert_eq!(failed, Vec::<String>::new(), "each says above what went wrong");
}

/// A second signal, a moment after the first one.
async fn ends_at_once(moment: &HeldRequest) {
    let (ground, name) = (ground().await, moment.name());
    let process = moment.reached(&ground).await;
    process.signal(Signal::TERM);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = Instant::now();
    process.signal(Signal::TERM);
    let said = process.end();
    assert!(asked.elapsed() < longest(AT_ONCE), "{name}: it took {:?} to end: {}", asked.elapsed(), said.text());
    ground.handle.faults().clear();
    ground.assert_inventory_covers("alpha", &name).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_a_process_at_once_that_nobody_hears() {
    let ground = ground().await;
    let proxy = Proxy::to(ground.handle.address).await;
    ground.reach_through("one", &proxy.address.to_string());
    let mut process = ground.run("one");
    process.wait_for("applied");
    proxy.set(Network::Silent);
    process.signal(Signal::TERM);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let asked = Instant::now();
    process.signal(Signal::TERM);
    let said = process.end();
    assert!(asked.elapsed() < longest(AT_ONCE), "it took {:?} to end: {}", asked.elapsed(), said.text());
}

#[test]
fn a_second_signal_ends_a_process_at_once() {
    let moments = [
        HeldRequest(First, "get", "namespaces", 1, Silent),
        HeldRequest(First, "patch", POLICIES, 1, Silent),
        HeldRequest(Once, "patch", "services", 1, Busy),
        HeldRequest(Once, "watch", DATABASES, 1, Still),
    ];
    let failed = side_by_side(AT_ONE_TIME, &moments, HeldRequest::name, ends_at_once);
    assert_eq!(failed, Vec::<String>::new(), "each says above what went wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_checks_a_large_garden_ends_when_it_is_asked_to() {
    let ground = ground().await;
    let names = (0..600).map(|number| format!("o{number}"));
    let files = names
        .map(|name| (format!("organisations/{name}.kdl"), organisation(&name, "One of many", "app hedgedoc pads")));
    ground.environment.garden(files);
    ground.environment.commit("a large garden");
    ground.handle.keep_sent();
    let process = ground.environment.spawn(arguments(&ground, First));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(ground.handle.keep_sent(), [], "it still checks");
    let asked = Instant::now();
    process.signal(Signal::TERM);
    let said = process.end();
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(asked.elapsed() < longest(AT_ONCE), "it took {:?}", asked.elapsed());
}
