//! Stories of two processes that would lead: one dies, in every way a process can, and the other takes over in time. Whatever
//! happens, and while commits come, there are never two that write.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::command::Process;
use crate::ground::{Ground, LEASE, organisation, side_by_side};
use crate::proxy::{Network, Proxy};

/// The longest that a cluster may be without a leader.
const LONGEST: Duration = LEASE.saturating_add(Duration::from_secs(10));

/// A way for a leader to be gone.
#[derive(Clone, Copy, Debug)]
enum Death {
    Killed,
    Paused,
    CutOff(Network),
}

/// A cluster with a leader that can be cut off from it, and one that stands by.
struct Pair {
    ground: Ground,
    network: Proxy,
    leader: Process,
    standby: Process,
    /// How the leader calls itself.
    first: String,
    commits: u32,
}

fn alpha(title: &str) -> String {
    organisation("alpha", title, "app static-site www")
}

async fn ground() -> (Ground, Proxy) {
    let ground = Ground::new(&[("organisations/alpha.kdl", &alpha("Alpha"))]).await;
    let network = Proxy::to(ground.handle.address).await;
    ground.reach_through("one", &network.address.to_string());
    (ground, network)
}

impl Pair {
    /// Both at rest, with clocks that go ahead by so many seconds.
    async fn at_rest(ahead: (i64, i64)) -> Self {
        let (ground, network) = ground().await;
        let mut leader = ground.environment.spawn_with_clock(ahead.0, ground.arguments("one", &[]));
        leader.wait_for("applied");
        Self::with_standby(ground, network, leader, ahead.1).await
    }

    async fn with_standby(ground: Ground, network: Proxy, leader: Process, ahead: i64) -> Self {
        let first = ground.holder().await.expect("the leader holds the lease");
        let mut standby = ground.environment.spawn_with_clock(ahead, ground.arguments("two", &[]));
        assert!(standby.wait_for("this one stands by").contains(&first));
        Self { ground, network, leader, standby, first, commits: 0 }
    }

    fn commit(&mut self) {
        self.commits += 1;
        let title = format!("Alpha {}", self.commits);
        self.ground.commit("organisations/alpha.kdl", &alpha(&title), &title);
    }

    fn strike(&mut self, death: Death) {
        match death {
            Death::Killed => self.leader.kill(),
            Death::Paused => self.leader.signal(Signal::STOP),
            Death::CutOff(network) => self.network.set(network),
        }
    }

    fn heal(&mut self, death: Death) {
        match death {
            Death::Killed => {}
            Death::Paused => self.leader.signal(Signal::CONT),
            Death::CutOff(_) => self.network.set(Network::Whole),
        }
    }

    /// Commits come until the lease has passed on; how long that took.
    async fn commits_until_taken_over(&mut self) -> Duration {
        let begun = Instant::now();
        while self.ground.holder().await.is_some_and(|holder| holder == self.first) {
            assert!(begun.elapsed() < LONGEST, "nobody took over in {:?}", begun.elapsed());
            self.commit();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        begun.elapsed()
    }

    /// Commits come for so long.
    async fn commits_for(&mut self, duration: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < duration {
            self.commit();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Who wrote, in the order of the writes, each turn once.
    fn writers(&self) -> Vec<String> {
        let sent = self.ground.handle.keep_sent();
        let writes = ["create", "update", "patch", "delete", "deletecollection"];
        let tried = |address: &str| address.contains("dryRun=All");
        let written = sent.into_iter().filter(|one| writes.contains(&one.verb) && !tried(&one.address));
        let mut writers: Vec<String> = written.map(|one| one.by).filter(|by| by != "admin").collect();
        writers.dedup();
        writers
    }

    /// The leader is gone in some way, the other one takes over, and the first comes back where it can.
    async fn survives(mut self, death: Death) {
        self.strike(death);
        self.commits_until_taken_over().await;
        let told = self.standby.wait_for("this one takes over");
        assert!(told.contains(&format!("`{}` has not renewed the lease for ", self.first)), "{told}");
        self.commit();
        self.standby.wait_for(&format!("Alpha {}", self.commits));
        self.heal(death);
        self.commits_for(LEASE * 2).await;
        self.commit();
        self.standby.wait_for(&format!("Alpha {}", self.commits));
        let writers = self.writers();
        assert_eq!(writers.last().map(String::as_str), Some("two"), "{death:?}: {writers:?}");
        assert!(writers == ["one", "two"] || writers == ["two"], "{death:?}: two at once: {writers:?}");
        if !matches!(death, Death::Killed) {
            self.leader.wait_for("this one stands by");
            self.leader.terminate();
            assert_eq!(self.leader.end().code, 0, "{death:?}");
        }
        self.standby.terminate();
        assert_eq!(self.standby.end().code, 0, "{death:?}");
        assert_eq!(self.ground.holder().await, None, "{death:?}: the lease is given up");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_is_followed_by_the_other_one() {
    let pair = Pair::at_rest((0, 0)).await;
    pair.ground.handle.keep_sent();
    pair.survives(Death::Killed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_stopped_writes_nothing_when_it_goes_on() {
    let pair = Pair::at_rest((0, 0)).await;
    pair.ground.handle.keep_sent();
    pair.survives(Death::Paused).await;
}

#[test]
fn a_leader_that_is_cut_off_is_followed_and_writes_nothing_when_the_network_is_back() {
    let networks = [Network::Silent, Network::Refusing];
    let failed = side_by_side(
        2,
        &networks,
        |network| format!("{network:?}"),
        async |network| {
            let pair = Pair::at_rest((0, 0)).await;
            pair.ground.handle.keep_sent();
            pair.survives(Death::CutOff(*network)).await;
        },
    );
    assert_eq!(failed, Vec::<String>::new(), "each says above what went wrong");
}

/// The leader is stopped as soon as so much is written of its first apply.
async fn stopped_after(writes: &u64) {
    let (ground, network) = ground().await;
    ground.handle.keep_sent();
    let leader = ground.environment.spawn(ground.arguments("one", &[]));
    let begun = Instant::now();
    while ground.handle.stats().writes() < *writes {
        assert!(begun.elapsed() < Duration::from_mins(1), "nothing is applied");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    leader.signal(Signal::STOP);
    let pair = Pair::with_standby(ground, network, leader, 0).await;
    pair.survives(Death::Paused).await;
}

#[test]
fn a_leader_that_is_stopped_in_the_middle_of_an_apply_writes_nothing_when_it_goes_on() {
    let failed = side_by_side(2, &[5, 12], u64::to_string, stopped_after);
    assert_eq!(failed, Vec::<String>::new(), "each says above what went wrong");
}

/// Clocks that go ahead by so many seconds, of the leader and of the one that stands by.
async fn wrong_by(ahead: &(i64, i64)) {
    let mut pair = Pair::at_rest(*ahead).await;
    pair.ground.handle.keep_sent();
    // The leader renews its lease, whatever the clocks say.
    pair.commits_for(LEASE + Duration::from_secs(1)).await;
    assert_eq!(pair.ground.holder().await.as_ref(), Some(&pair.first), "{ahead:?}");
    assert_eq!(pair.writers(), ["one"], "{ahead:?}");
    let said = pair.ground.environment.run(["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&said.stdout).unwrap();
    let leader = &status[0]["leader"];
    assert_eq!((&leader["holder"], &leader["lives"]), (&pair.first.as_str().into(), &true.into()), "{leader}");
    assert!(leader["renewedSecondsAgo"].as_u64().unwrap() <= LEASE.as_secs(), "{ahead:?}: {leader}");
    pair.survives(Death::Killed).await;
}

#[test]
fn a_clock_that_is_an_hour_wrong_takes_no_lease_from_anybody_and_keeps_none() {
    let clocks = [(3_600, 0), (-3_600, 0), (0, 3_600), (0, -3_600)];
    let failed = side_by_side(4, &clocks, |ahead| format!("{ahead:?}"), wrong_by);
    assert_eq!(failed, Vec::<String>::new(), "each says above what went wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_says_who_leads_since_when_and_whether_it_lives() {
    let (ground, _network) = ground().await;
    let status = || ground.environment.run(["status"]).text();
    assert!(status().contains("Cluster ada-lovelace: nobody leads, and nobody has yet."), "{}", status());
    let mut leader = ground.run("one");
    leader.wait_for("applied");
    let first = ground.holder().await.unwrap();
    let said = status();
    assert!(said.contains(&format!("Cluster ada-lovelace: led by `{first}` since 20")), "{said}");
    assert!(said.contains(", renewed "), "{said}");
    leader.kill();
    let silent = format!("nobody leads: `{first}` did since");
    ground.until("status says that it is gone", async || status().contains(&silent)).await;
    let page = ground.environment.run(["status", "alpha"]).text();
    assert!(page.contains("which lasts 3 s: it was killed, stands still or cannot reach the cluster"), "{page}");
    let mut second = ground.run("two");
    second.wait_for("this one takes over");
    second.terminate();
    assert_eq!(second.end().code, 0);
    assert!(status().contains("nobody leads: the last one gave its lease up"), "{}", status());
}
