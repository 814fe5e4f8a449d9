//! What `status` says of what is kept, paused, away or led by nobody, and what a plan of files on disk says of what is kept.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{Output, Process, TestEnvironment};

/// A garden on two clusters, in a repository, and a sandbox that serves both.
struct TwoClusters {
    environment: TestEnvironment,
    _sandbox: Process,
}

const GARDEN: &str = "edition 2026\n\ngarden fares {\n    title \"Fares\"\n    \
                      ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }\n}\n";

fn cluster(name: &str, digit: u8) -> String {
    format!(
        "edition 2026\n\ncluster {name} {{\n    title \"{name}\"\n    uid \"0c0ffee0-0000-4000-8000-00000000000{digit}\"\n    \
         timezone \"Europe/Paris\"\n    domain {name}.example\n    \
         network {{ nodes \"203.0.113.{digit}/32\"; api-server \"203.0.113.{digit}\"; }}\n    provides {{\n        \
         volume storage-class {{ class fast; }}\n        \
         route gateway-api {{ gateway public; namespace gateways; certificates letsencrypt; }}\n    }}\n}}\n"
    )
}

fn organisation(name: &str, cluster: &str, title: &str) -> String {
    format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{title}\"\n    cluster {cluster}\n    domain {name}.example\n    \
         app static-site www {{ title \"{title}\"; }}\n}}\n"
    )
}

impl TwoClusters {
    /// Everything applied, once.
    fn new() -> Self {
        let environment = TestEnvironment::new();
        environment.garden([
            ("garden.kdl", GARDEN.to_owned()),
            ("clusters/ada.kdl", cluster("ada", 1)),
            ("clusters/lou.kdl", cluster("lou", 2)),
            ("organisations/alpha.kdl", organisation("alpha", "ada", "Alpha")),
            ("organisations/beta.kdl", organisation("beta", "lou", "Beta")),
        ]);
        environment.commit("a garden");
        let sandbox = environment.sandbox(&["--state", "none"]);
        let this = Self { environment, _sandbox: sandbox };
        let applied = this.run(&["run", "--once"]);
        assert_eq!(applied.code, 0, "{}", applied.text());
        this
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.environment.run(arguments)
    }

    /// Lets nothing listen where the kubeconfig says that a cluster is.
    fn lose(&self, cluster: &str) {
        let mut kubeconfig: kube::config::Kubeconfig =
            kube::config::Kubeconfig::from_yaml(&self.environment.read("kubeconfig")).unwrap();
        let named = kubeconfig.contexts.iter().find(|context| context.name == cluster).unwrap();
        let named = named.context.clone().unwrap().cluster;
        let found = kubeconfig.clusters.iter_mut().find(|found| found.name == named).unwrap();
        found.cluster.as_mut().unwrap().server = Some("http://127.0.0.1:1".to_owned());
        self.environment.write("kubeconfig", serde_json::to_string(&kubeconfig).unwrap());
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let own = ["status", "--format", "json"];
        let said = self.environment.run(own.iter().chain(arguments));
        serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.text()))
    }

    /// Asks until the status says something: a loop says it with its next renewal.
    fn until_status_says(&self, what: &str) -> Output {
        let begun = Instant::now();
        loop {
            let said = self.run(&["status"]);
            if said.stdout.contains(what) {
                return said;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{what}: {}", said.text());
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

fn of<'a>(all: &'a [Value], name: &str) -> &'a Value {
    all.iter().find(|one| one["organisation"] == name).unwrap_or_else(|| panic!("no {name}: {all:#?}"))
}

#[test]
fn a_cluster_that_is_away_hides_no_other_and_is_told_as_it_was() {
    let ground = TwoClusters::new();
    let well = ground.run(&["status"]);
    assert!(well.code == 0 && well.stdout.contains("All is well in 2 organisations."), "{}", well.text());
    ground.lose("lou");
    let said = ground.run(&["status"]);
    assert_eq!(said.code, 2, "{}", said.text());
    assert!(said.stdout.contains("alpha: well, 1 app on ada\n"), "{}", said.text());
    assert!(said.stdout.contains("beta: not known now; well at 2026-11-20 11:0"), "{}", said.text());
    assert!(said.stdout.contains("1 of 2 organisations need a look."), "{}", said.text());
    assert!(said.stdout.contains("help `parcelle doctor lou` says what is in the way"), "{}", said.text());
    assert!(said.stderr.contains("failed: cluster `lou`"), "{}", said.text());
    let page = ground.run(&["status", "beta"]);
    assert!(page.code == 2 && page.stdout.contains("not known now: "), "{}", page.text());
    assert!(page.stdout.contains("as it was at 2026-11-20 11:0") && page.stdout.contains(" ago:"), "{}", page.text());
    assert!(page.stdout.contains("www (static-site ") && page.stdout.contains(": well"), "{}", page.text());
    let all = ground.json(&[]);
    let (alpha, beta) = (of(&all, "alpha"), of(&all, "beta"));
    assert!(alpha.get("unreached").is_none() && beta["unreached"].as_str().is_some_and(|why| why.contains("listens")));
    assert!(beta["asOf"].as_i64().is_some() && beta["asOfSecondsAgo"].as_u64().is_some_and(|ago| ago < 600), "{beta}");
    assert_eq!(beta["commit"], alpha["commit"], "{beta}");
    assert!(beta["leader"]["unknown"].is_string(), "{beta}");

    // Of another cluster of that name nothing is known, nor where nothing was kept.
    let file = ground.environment.path("state/parcelle/status/fares/lou.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    for text in [kept.replace("000000000002", "000000000009"), "{ no json".to_owned()] {
        std::fs::write(&file, text).unwrap();
        let page = ground.run(&["status", "beta"]);
        assert_eq!(page.code, 2, "{}", page.text());
        assert!(page.stdout.contains("not kept from before either"), "{}", page.text());
        assert!(page.stdout.contains("www: the garden asks for static-site "), "{}", page.text());
        assert!(!page.stdout.contains("nothing was applied yet"), "{}", page.text());
    }
    // Both away, and no kubeconfig at all.
    ground.lose("ada");
    let away = ground.run(&["status"]);
    assert!(away.code == 2 && away.stdout.contains("alpha: not known now; well at"), "{}", away.text());
    let none = ground.run(&["status", "--kubeconfig", "/nowhere"]);
    assert!(none.code == 2 && none.stdout.contains("2 of 2 organisations need a look."), "{}", none.text());
}

#[test]
fn a_pause_says_by_whom_and_since_when() {
    let ground = TwoClusters::new();
    let paused = ground.environment.run_with(&[("USER", "mari")], ["pause", "alpha", "--reason", "disks move"]);
    assert_eq!((paused.code, paused.stdout.as_str()), (0, "1 organisation paused\n"), "{}", paused.text());
    let again = ground.environment.run_with(&[("USER", "mari")], ["pause", "alpha", "--reason", "disks move"]);
    assert_eq!(again.stdout, "0 organisations paused\n", "{}", again.text());
    let words = "paused in the cluster: disks move (by `mari@test`, since 2026-11-20 11:0";
    let said = ground.run(&["status", "alpha"]);
    assert!(said.code == 1 && said.stdout.contains(words), "{}", said.text());
    assert!(of(&ground.json(&[]), "alpha")["paused"].as_str().is_some_and(|why| why.contains("by `mari@test`")));
    let plan = ground.run(&["plan", "alpha"]);
    assert!(plan.stdout.contains(words), "{}", plan.text());
    assert_eq!(ground.run(&["resume", "alpha"]).stdout, "1 organisation resumed\n");
    assert_eq!(ground.run(&["status"]).code, 0);
}

#[test]
fn a_plan_of_files_on_disk_says_what_stays_as_it_is_applied() {
    let ground = TwoClusters::new();
    let environment = &ground.environment;
    let first = environment.repository().head().unwrap().target().unwrap().to_string();
    // One that findings stop, and whose meaning is known all the same; one that nobody can read.
    let refused =
        organisation("alpha", "ada", "Alpha, anew").replace("app static-site", "tytle x\n    app static-site");
    environment
        .garden([("organisations/alpha.kdl", refused.as_str()), ("organisations/beta.kdl", "organisation beta {")]);
    let plan = ground.run(&["plan"]);
    let alpha = format!("kept: alpha stays at {} on ada: a finding stops it (E0", &first[..12]);
    let beta = format!("kept: beta stays at {} on lou: a finding stops it (E0006)", &first[..12]);
    assert!(plan.stdout.contains(&alpha) && plan.stdout.contains(&beta), "{}", plan.text());
    let markdown = ground.run(&["plan", "--format", "markdown"]);
    assert!(
        markdown.stdout.contains("**Left as it is:**") && markdown.stdout.contains("alpha stays at"),
        "{}",
        markdown.text()
    );
    let json: Value = serde_json::from_str(&ground.run(&["plan", "--format", "json"]).stdout).unwrap();
    let kept = json["kept"].as_array().unwrap();
    let (alpha, beta) = (of(kept, "alpha"), of(kept, "beta"));
    assert_eq!((&alpha["commit"], &alpha["cluster"]), (&first.as_str().into(), &"ada".into()), "{alpha}");
    assert_eq!((&alpha["why"]["is"], &beta["why"]["codes"][0]), (&"findings".into(), &"E0006".into()), "{kept:#?}");
    let one = ground.run(&["plan", "beta"]);
    assert!(one.stdout.contains("kept: beta") && !one.stdout.contains("kept: alpha"), "{}", one.text());

    // What is known in spite of a finding says what it would come to: nothing of it is sent anywhere.
    environment.garden([("organisations/beta.kdl", organisation("beta", "lou", "Beta"))]);
    let taken = organisation("alpha", "ada", "Alpha, anew").replace("www { ", "www { also-at www.beta.example; ");
    environment.garden([("organisations/alpha.kdl", taken.as_str())]);
    let plan = ground.run(&["plan"]);
    let would = plan.stdout.lines().find(|line| line.starts_with("kept: alpha")).unwrap_or_default();
    assert!(would.contains("as it is written it would be ") && would.ends_with(" change"), "{}", plan.text());
    // Of what is to live elsewhere it says nothing.
    environment.garden([("organisations/alpha.kdl", organisation("alpha", "lou", "Alpha, anew"))]);
    let plan = ground.run(&["plan"]);
    assert!(plan.stdout.contains("a finding stops it (E0418)\n"), "{}", plan.text());

    // The last commit takes back what is applied: the loop waits for a word, and so does what is planned here.
    environment.garden([("organisations/alpha.kdl", organisation("alpha", "ada", "Alpha, later"))]);
    environment.commit("later");
    assert_eq!(ground.run(&["run", "--once"]).code, 0);
    environment.reset(&first);
    environment.garden([("organisations/alpha.kdl", organisation("alpha", "ada", "Alpha, edited"))]);
    let plan = ground.run(&["plan"]);
    let back = format!(
        "the last commit takes back what is applied; what is planned of it is done once `rollback to=\"{}\"`",
        &first[..12]
    );
    assert!(plan.stdout.contains("kept: alpha stays at") && plan.stdout.contains(&back), "{}", plan.text());
    let status = ground.run(&["status", "alpha"]);
    assert!(
        status.code == 1 && status.stdout.contains("kept as applied: ") && status.stdout.contains(&back),
        "{}",
        status.text()
    );
    assert!(status.stderr.contains("1 file of the garden on disk differ"), "{}", status.text());
    // Of a commit it is so, too.
    let commit = ground.run(&["plan", "--commit", "HEAD"]);
    assert!(commit.stdout.contains("kept: alpha is at "), "{}", commit.text());
}

#[test]
fn what_findings_refuse_is_shown_in_a_plan_without_clusters_too() {
    let ground = TwoClusters::new();
    let environment = &ground.environment;
    let refused = organisation("alpha", "ada", "Alpha").replace("app static-site", "tytle x\n    app static-site");
    assert_eq!(ground.run(&["snapshot", "--output", "live.json"]).code, 0);
    environment.garden([("organisations/alpha.kdl", refused.as_str())]);
    for more in [["--live", "live.json"], ["--base", "HEAD"]] {
        let plan = ground.run(&["plan", more[0], more[1]]);
        assert!(
            plan.stdout.contains("kept: alpha stays at") && plan.stdout.contains("on ada: a finding stops it"),
            "{}",
            plan.text()
        );
    }
}

#[test]
fn a_loop_that_is_dead_or_has_lost_its_repository_is_told() {
    let ground = TwoClusters::new();
    let copy = ground.environment.path("copy");
    git2::Repository::clone(ground.environment.path("garden").to_str().unwrap(), &copy).unwrap();
    let repository = copy.display().to_string();
    let mut daemon = ground.environment.spawn(["run", "--repo", &repository, "--interval", "1s", "--lease", "3s"]);
    daemon.wait_for("Nothing was written");
    let commit = ground.environment.repository().head().unwrap().target().unwrap().to_string();
    let well = ground.until_status_says(&format!("at commit {}", &commit[..12]));
    assert_eq!(well.code, 0, "{}", well.text());
    std::fs::rename(&copy, ground.environment.path("moved")).unwrap();
    let told = daemon.wait_for("is not there; parcelle goes on with the commit that it knows");
    assert!(told.contains("ERROR") && told.contains("the repository's folder `"), "{told}");
    let gone = ground
        .until_status_says("it cannot look at the repository, and keeps what it knows: the repository's folder `");
    assert_eq!(gone.code, 1, "{}", gone.text());
    let alpha = of(&ground.json(&[]), "alpha")["leader"].clone();
    assert!(alpha["withoutRepositorySince"].is_string() && alpha["withoutRepositoryWhy"].is_string(), "{alpha}");
    std::fs::rename(ground.environment.path("moved"), &copy).unwrap();
    let begun = Instant::now();
    while ground.run(&["status"]).code != 0 {
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", ground.run(&["status"]).text());
        std::thread::sleep(Duration::from_millis(300));
    }
    daemon.kill();
    let dead = ground.until_status_says("and has not renewed its lease for");
    assert!(dead.code == 1 && dead.stdout.contains("nobody leads: `"), "{}", dead.text());
}
