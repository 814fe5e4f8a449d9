//! Stories of `parcelle run` as a process of its own, without `--once`: what it does when a commit comes, when somebody changes
//! the cluster, when it is asked to end, and when it dies while another stands by.

use std::time::{Duration, Instant};

use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use crate::command::{Process, TestEnvironment};
use crate::sandbox::client_of;

/// How long the lease of these loops lasts: whole processes have to wait for its end.
const LEASE: Duration = Duration::from_secs(3);

/// How long a process may take from a signal to its end, wherever it is.
const LONGEST_END: Duration = Duration::from_secs(10);

/// A garden in a repository, and a sandbox process that serves its cluster.
struct Ground {
    environment: TestEnvironment,
    client: kube::Client,
    sandbox: Process,
}

fn organisation(title: &str) -> String {
    format!(
        "edition 2026\n\norganisation alpha {{\n    title \"{title}\"\n    cluster ada\n    domain alpha.example\n\n    \
         app static-site www\n}}\n"
    )
}

impl Ground {
    fn new() -> Self {
        let garden = "edition 2026\n\ngarden grounds {\n    title \"Grounds\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n";
        let cluster = "edition 2026\n\ncluster ada {\n    title \"Ada\"\n    uid \"5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a12\"\n    \
             timezone \"Europe/Paris\"\n    domain ada.example\n    provides {\n        volume storage-class { class fast; }\n        \
             route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }\n    }\n}\n";
        let environment = TestEnvironment::new();
        environment.garden([
            ("garden.kdl", garden),
            ("ada.kdl", cluster),
            ("organisations/alpha.kdl", &organisation("Alpha")),
        ]);
        environment.commit("a garden");
        let sandbox = environment.sandbox(&["--state", "none"]);
        let kubeconfig = kube::config::Kubeconfig::from_yaml(&environment.read("kubeconfig")).unwrap();
        let server = kubeconfig.clusters[0].cluster.clone().unwrap().server.unwrap();
        let client = client_of(&server, "admintoken");
        Self { environment, client, sandbox }
    }

    /// A loop that looks at the repository every second.
    fn run(&self) -> Process {
        self.environment.spawn(["run", "--interval", "1s", "--lease", &format!("{}s", LEASE.as_secs())])
    }

    fn commit(&self, title: &str) {
        self.environment.garden([("organisations/alpha.kdl", organisation(title))]);
        self.environment.commit(title);
    }

    fn api(&self, api_version: &str, kind: &str, namespace: &str) -> Api<DynamicObject> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    /// Who holds the lease; nobody where it is free.
    async fn holder(&self) -> Option<String> {
        let leases = self.api("coordination.k8s.io/v1", "Lease", "parcelle-system");
        let lease = leases.get_opt("parcelle-grounds").await.unwrap()?;
        lease.data["spec"]["holderIdentity"].as_str().map(str::to_owned)
    }

    async fn image(&self) -> Value {
        let web = self.api("apps/v1", "Deployment", "alpha").get("www-web").await.unwrap();
        web.data["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    }

    /// Waits until what is asked of the cluster is so.
    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !is_so().await {
            assert!(begun.elapsed() < Duration::from_mins(1), "it never came to be that {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_applies_a_commit_puts_back_a_change_and_ends_when_it_is_asked_to() {
    let ground = Ground::new();
    let mut daemon = ground.run();
    daemon.wait_for("applied");
    let ours = ground.image().await;
    ground.commit("Alpha, renamed");
    daemon.wait_for("Alpha, renamed");
    let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    let change =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "web", "image": "x.example/y:1" }] } } } });
    ground.api("apps/v1", "Deployment", "alpha").patch("www-web", &by, &Patch::Strategic(change)).await.unwrap();
    assert!(daemon.wait_for("drift").contains("`kubectl-edit`"));
    ground.until("the image is ours again", async || ground.image().await == ours).await;
    assert!(ground.holder().await.is_some(), "a loop holds its lease");
    let asked = Instant::now();
    daemon.terminate();
    let said = daemon.end();
    assert_eq!(said.code, 0, "{}", said.text());
    assert!(asked.elapsed() < LONGEST_END, "it took {:?} to end", asked.elapsed());
    assert_eq!(ground.holder().await, None, "the lease is given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_by_takes_over_from_a_loop_that_was_killed_and_applies_what_came_meanwhile() {
    let ground = Ground::new();
    let mut leader = ground.run();
    leader.wait_for("applied");
    let mut standby = ground.run();
    standby.wait_for("this one stands by");
    let first = ground.holder().await.expect("the leader holds the lease");
    leader.kill();
    let killed = Instant::now();
    ground.commit("Alpha, meanwhile");
    standby.wait_for("this one takes over");
    // The lease's time, a renewal, and as much again for a machine that is busy with other tests.
    assert!(killed.elapsed() < 3 * LEASE, "it took {:?} to take over", killed.elapsed());
    standby.wait_for("Alpha, meanwhile");
    let second = ground.holder().await.expect("the standby holds the lease");
    assert_ne!(first, second);
    standby.terminate();
    let said = standby.end();
    assert_eq!(said.code, 0, "{}", said.text());
    assert_eq!(ground.holder().await, None);
    drop(ground.sandbox);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stands_by_takes_over_at_once_from_a_loop_that_ends_in_order() {
    let ground = Ground::new();
    let mut leader = ground.run();
    leader.wait_for("applied");
    let mut standby = ground.run();
    standby.wait_for("this one stands by");
    leader.terminate();
    let said = leader.end();
    assert_eq!(said.code, 0, "{}", said.text());
    standby.wait_for("this one takes over");
    standby.terminate();
    assert_eq!(standby.end().code, 0);
}

/// Asks a process to end; it must be quick about it, and call it a good end.
fn ends(process: Process, when: &str) {
    let asked = Instant::now();
    process.terminate();
    let said = process.end();
    assert_eq!(said.code, 0, "{when}: {}", said.text());
    assert!(asked.elapsed() < LONGEST_END, "{when}: it took {:?} to end", asked.elapsed());
}

/// One loop over a fresh cluster, asked to end so long after its start: the next run completes what it left.
async fn ended_after(delay: Duration) {
    let ground = Ground::new();
    let daemon = ground.run();
    tokio::time::sleep(delay).await;
    let when = format!("{delay:?} after its start");
    // Before signals are caught the system ends a process; nothing was begun then.
    let asked = Instant::now();
    daemon.terminate();
    let said = daemon.end();
    assert!(said.code == 0 || said.text().is_empty(), "{when}: {} {}", said.code, said.text());
    assert!(asked.elapsed() < LONGEST_END, "{when}: it took {:?} to end", asked.elapsed());
    assert_eq!(ground.holder().await, None, "{when}: the lease is given up");
    let next = ground.environment.run(["run", "--once"]);
    assert_eq!(next.code, 0, "{when}: {}", next.text());
    let last = ground.environment.run(["run", "--once"]);
    assert!(last.stdout.contains("Nothing changes in 1 organisation"), "{when}: {}", last.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_loop_asked_to_end_at_any_moment_ends_and_the_next_run_completes_what_it_left() {
    // From before it listens, over the first list and the stages of the first apply, to rest.
    let moments = [0, 60, 400, 1_500];
    for some in moments.chunks(4) {
        let ends: Vec<_> = some.iter().map(|at| tokio::spawn(ended_after(Duration::from_millis(*at)))).collect();
        for end in ends {
            end.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_stands_by_or_waits_for_an_answer_that_never_comes_ends_when_it_is_asked_to() {
    let ground = Ground::new();
    let mut leader = ground.run();
    leader.wait_for("applied");
    let mut standby = ground.run();
    standby.wait_for("this one stands by");
    ends(standby, "on standby");
    // Servers that take a connection and say nothing, whose names stand for the repository and for the cluster.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let fetching = ground.environment.spawn(["run", "--repo", &format!("http://{address}/garden.git")]);
    let _taken = silent.accept().unwrap();
    ends(fetching, "while it fetches");
    let kubeconfig = ground.environment.read("kubeconfig");
    let server =
        kube::config::Kubeconfig::from_yaml(&kubeconfig).unwrap().clusters[0].cluster.clone().unwrap().server.unwrap();
    ground.environment.write("silent", kubeconfig.replace(&server, &format!("http://{address}")));
    let silent_cluster = ground.environment.path("silent").display().to_string();
    let reading = ground.environment.spawn(["run", "--kubeconfig", &silent_cluster]);
    let _taken = silent.accept().unwrap();
    ends(reading, "while the API server says nothing");
    drop(silent);
    let mut away = ground.environment.spawn(["run", "--kubeconfig", &silent_cluster, "--interval", "1s"]);
    assert!(away.wait_for("failed: cluster `ada`").contains("nothing listens at this address"));
    ends(away, "while the API server is away");
    ends(leader, "at rest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_over_while_the_repository_is_away_keeps_the_cluster_as_it_was_last_committed() {
    let ground = Ground::new();
    let mut leader = ground.run();
    leader.wait_for("applied");
    let ours = ground.image().await;
    let mut standby = ground.run();
    standby.wait_for("this one stands by");
    std::fs::rename(ground.environment.path("garden/.git"), ground.environment.path("away")).unwrap();
    leader.kill();
    standby.wait_for("this one takes over");
    let by = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    let change =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "web", "image": "x.example/y:1" }] } } } });
    ground.api("apps/v1", "Deployment", "alpha").patch("www-web", &by, &Patch::Strategic(change)).await.unwrap();
    ground.until("the image is ours again", async || ground.image().await == ours).await;
    standby.wait_for("goes on with the commit that it knows");
    std::fs::rename(ground.environment.path("away"), ground.environment.path("garden/.git")).unwrap();
    ground.commit("Alpha, again");
    standby.wait_for("Alpha, again");
    ends(standby, "after a repository that was away");
}

#[test]
fn an_organisation_is_not_made_a_second_time_while_its_cluster_cannot_be_read() {
    let environment = TestEnvironment::new();
    let cluster = |name: &str, digit: u8| {
        format!(
            "edition 2026\n\ncluster {name} {{\n    title \"{name}\"\n    uid \"5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a2{digit}\"\n    \
             timezone \"Europe/Paris\"\n    domain {name}.example\n    provides {{\n        volume storage-class {{ class fast; }}\n        \
             route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n}}\n"
        )
    };
    environment.garden([
        ("garden.kdl", "edition 2026\n\ngarden two {\n    title \"Two\"\n    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n"),
        ("ada.kdl", &cluster("ada", 1)),
        ("bea.kdl", &cluster("bea", 2)),
        ("organisations/alpha.kdl", &organisation("Alpha").replace("cluster ada", "cluster bea")),
    ]);
    environment.commit("on bea");
    let _sandbox = environment.sandbox(&["--state", "none"]);
    let first = environment.run(["run", "--once"]);
    assert_eq!(first.code, 0, "{}", first.text());
    // The commit moves it, and bea is out of reach.
    environment.garden([("organisations/alpha.kdl", organisation("Alpha"))]);
    environment.commit("on ada");
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&environment.read("kubeconfig")).unwrap();
    let named = kubeconfig.clusters.iter().find(|cluster| cluster.name == "bea").unwrap();
    let bea = named.cluster.clone().unwrap().server.unwrap();
    environment.write("without-bea", environment.read("kubeconfig").replace(&bea, "http://127.0.0.1:1"));
    let without = environment.path("without-bea").display().to_string();
    let second = environment.run(["run", "--once", "--kubeconfig", &without]);
    assert_eq!(second.code, 2, "{}", second.text());
    assert!(second.text().contains("alpha is not made while cluster `bea` cannot be read"), "{}", second.text());
    let planned = environment.run(["plan", "--commit", "HEAD", "--kubeconfig", &without]);
    assert!(planned.text().contains("alpha is not made while cluster `bea` cannot be read"), "{}", planned.text());
    // Once it can be read, moving is refused with the way out.
    let third = environment.run(["run", "--once"]);
    assert_eq!(third.code, 1, "{}", third.text());
    assert!(third.text().contains("`alpha` is on `bea`, and cannot just move"), "{}", third.text());
}

#[test]
fn the_doctor_of_an_image_without_ssh_says_that_https_is_left() {
    let place = TestEnvironment::new();
    place.garden([("garden.kdl", "edition 2026\n\ngarden plots {\n    title \"Plots\"\n}\n")]);
    place.commit("a garden");
    let doctor = || place.run(["doctor", "--sandbox", "--sandbox-state", "none"]);
    assert!(!doctor().text().contains("`ssh`"), "{}", doctor().text());
    place.repository().remote("origin", "git@git.example.org:plots.git").unwrap();
    let said = doctor();
    assert!(said.stderr.contains("`origin` is reached by ssh, and there is no `ssh` here"), "{}", said.text());
}
