//! What a person decides on first stands first in a plan: against another commit, against a snapshot and against a cluster alike.
//! The program is a process of its own.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command::{Output, TestEnvironment};
use crate::ground::{Ground, organisation};
use crate::stories_moments::PAGE;
use crate::story::real;

/// A copy of the gardens that come with parcelle, committed.
fn orgs() -> TestEnvironment {
    let environment = TestEnvironment::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("orgs");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                environment.garden([(name, fs::read_to_string(&path).unwrap())]);
            }
        }
    }
    environment.commit("a garden");
    environment
}

/// Replaces a text of a file, which must be there.
fn edit(environment: &TestEnvironment, file: &str, from: &str, to: &str) {
    let text = environment.read(&format!("garden/{file}"));
    assert!(text.contains(from), "{from:?} is not in\n{text}");
    environment.garden([(file, text.replace(from, to))]);
}

/// The lines below the heading of what matters.
fn matters(text: &str) -> Vec<&str> {
    let lines = text.lines().skip_while(|line| *line != "What to look at first:").skip(1);
    lines.take_while(|line| !line.is_empty()).map(str::trim).collect()
}

fn plan_of(environment: &TestEnvironment, arguments: &[&str]) -> Output {
    let said = environment.run(["plan"].iter().chain(arguments));
    assert!(said.code == 0, "{}", said.text());
    said
}

/// What matters of an edit of the gardens that come with parcelle.
fn of(file: &str, from: &str, to: &str) -> Vec<String> {
    let environment = orgs();
    edit(&environment, file, from, to);
    let said = plan_of(&environment, &["--base", "HEAD"]);
    matters(&said.stdout).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_retirement_and_storage_are_told_with_their_day_and_their_grant() {
    let environment = orgs();
    edit(
        &environment,
        "organisations/cnam.kdl",
        "app hedgedoc pads {\n        sign-up off",
        "retired app hedgedoc pads {\n        keep-data 90 days",
    );
    edit(&environment, "organisations/cnam.kdl", "storage 800 GiB", "storage 1900 GiB");
    let said = plan_of(&environment, &["--base", "HEAD"]);
    let lines = matters(&said.stdout);
    assert!(lines[0].starts_with("Gone on 2027-02-18 unless taken back: pads of cnam: database `pads_db` and volume `pads-uploads` with 2 GiB of room"), "{lines:#?}");
    assert!(lines[0].ends_with("  organisations/cnam.kdl:27"), "{lines:#?}");
    assert_eq!(lines[1], "Stops: pads of cnam (retired; its address shows a page)  organisations/cnam.kdl:27");
    assert_eq!(
        lines[2],
        "Storage of cnam: 812 GiB of 2 TiB, then 1912 GiB, more than nine tenths  organisations/cnam.kdl:21"
    );
    assert!(!said.stdout.contains("What acts later"), "it stands once: {}", said.stdout);
    let json = plan_of(&environment, &["--base", "HEAD", "--format", "json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let data = &json["plan"]["impact"]["data"][0];
    assert_eq!(
        (&data["how"], &data["bytes"], &data["whose"]["cnam"][0]),
        (&"goes-later".into(), &(2_u64 << 30).into(), &"pads".into()),
        "{data:#}"
    );
    assert!(data["at"].is_i64(), "{data:#}");
    let storage = &json["plan"]["impact"]["amounts"][0];
    assert_eq!((&storage["amount"], &storage["tight"]), (&"storage".into(), &true.into()), "{storage:#}");
}

#[test]
fn a_pause_an_address_and_another_offer_are_told_in_plain_words() {
    let paused = of("organisations/alternatiba.kdl", "app rocket-chat chat", "app rocket-chat chat { state paused; }");
    assert_eq!(
        paused[0],
        "Stops: chat of alternatiba (paused; its address answers with an error)  organisations/alternatiba.kdl:25"
    );
    let address = of("organisations/senat-petitions.kdl", "        also-at www.petitions-senat.example\n", "");
    assert_eq!(address[0], "Leads nowhere: www.petitions-senat.example (www of senat-petitions)");
    let offer = of(
        "organisations/ingenium.kdl",
        "offer liiibre",
        "offer sur-mesure\n    app nextcloud cloud { storage 50 GiB; }",
    );
    assert!(offer.iter().any(|line| line.starts_with("Offer of ingenium: liiibre → sur-mesure")), "{offer:#?}");
    assert!(offer.iter().any(|line| line.contains("of 2 TiB (granted before: 300 GiB)")), "{offer:#?}");
}

#[test]
fn a_host_that_passes_to_another_organisation_is_dangerous() {
    let environment = orgs();
    edit(&environment, "organisations/alternatiba.kdl", "        also-at www.alternatiba.example\n", "");
    edit(
        &environment,
        "organisations/alternatiba.kdl",
        "app static-site www {",
        "app static-site other {\n        at www.alternatiba.example\n        title \"Other\"\n    }\n\n    app static-site www {",
    );
    let said = plan_of(&environment, &["--base", "HEAD"]);
    let lines = matters(&said.stdout);
    let told = "Dangerous: other of alternatiba: `www.alternatiba.example` led to www and leads to other  organisations/alternatiba.kdl:33";
    assert!(lines.contains(&told), "{lines:#?}");
}

#[test]
fn where_nothing_matters_nothing_stands_first() {
    let environment = orgs();
    let said = plan_of(&environment, &["--base", "HEAD"]);
    assert!(
        matters(&said.stdout).is_empty() && said.stdout.contains("Nothing changes in 10 organisations."),
        "{}",
        said.text()
    );
    let json: Value =
        serde_json::from_str(&plan_of(&environment, &["--base", "HEAD", "--format", "json"]).stdout).unwrap();
    assert_eq!(json["plan"]["impact"], serde_json::json!({}));
}

const OPEN: &str = "edition 2026\n\noffer open {\n    title \"Open\"\n    grants { cpu 8 cores; memory 16 GiB; storage 100 GiB; }\n    \
                    allow env patch\n}\n";

fn file(apps: &str) -> String {
    organisation("alpha", "Alpha", apps).replace("    cluster", "    offer open\n    cluster")
}

/// What matters of a plan against the commit before, against a snapshot, and against the cluster.
fn everywhere(ground: &Ground) -> [Vec<String>; 3] {
    let run = |arguments: &[&str]| {
        let said = tokio::task::block_in_place(|| ground.environment.run(arguments));
        assert_eq!(said.code, 0, "{}", said.text());
        said.stdout
    };
    let snapshot = ground.environment.path("live.json").display().to_string();
    run(&["snapshot", "--output", &snapshot]);
    let texts =
        [run(&["plan", "--base", "HEAD~1"]), run(&["plan", "--live", &snapshot]), run(&["plan", "--commit", "HEAD"])];
    texts.map(|text| matters(&text).into_iter().map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_and_room_are_told_alike_wherever_the_plan_is_made() {
    if real().is_some() {
        return;
    }
    let two =
        PAGE.replace("release 1 image", "release 2 image=\"docker.io/example/page:2.0\" after=1; release 1 image");
    let before = file("app page www { scale min=2 max=2; }\n    app hedgedoc pads");
    let ground = Ground::new(&[
        (
            "page.kdl",
            &two.replace(
                "ready http",
                "replicas min=\"${settings.scale.min}\" max=\"${settings.scale.max}\"\n        ready http",
            ),
        ),
        ("open.kdl", OPEN),
        ("organisations/alpha.kdl", &before),
    ])
    .await;
    let applied = tokio::task::block_in_place(|| ground.environment.run(["apply", "--yes", "--no-wait"]));
    assert_eq!(applied.code, 0, "{}", applied.text());
    let after =
        file("app page www { scale min=2 max=2; version 2; }\n    app hedgedoc pads { storage 5 GiB; env DEBUG on; }");
    ground.commit("organisations/alpha.kdl", &after, "a release, room and a variable");
    let [base, live, cluster] = everywhere(&ground);
    let told = [
        "Interrupted for about a minute: pads of alpha  organisations/alpha.kdl:10",
        "Restarts without an interruption: www of alpha (page 1.0 → 2.0): 2 copies, one after the other  organisations/alpha.kdl:9",
        "page 1.0 → 2.0: a major version; www of alpha  organisations/alpha.kdl:9",
        "Storage of alpha: 2 of 100 GiB, then 5  organisations/alpha.kdl:10",
        "Doubtful: pads of alpha: a variable is set past its definition: `DEBUG`  organisations/alpha.kdl:10",
    ];
    assert_eq!(base, told);
    assert_eq!(live, told);
    assert_eq!(cluster, told);
    ground.handle.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_that_a_patch_takes_to_none_are_dangerous() {
    if real().is_some() {
        return;
    }
    let before = file("app page www");
    let ground = Ground::new(&[("page.kdl", PAGE), ("open.kdl", OPEN), ("organisations/alpha.kdl", &before)]).await;
    let applied = tokio::task::block_in_place(|| ground.environment.run(["apply", "--yes", "--no-wait"]));
    assert_eq!(applied.code, 0, "{}", applied.text());
    let after = file("app page www { patch Deployment www-web { spec { replicas 0; }; }; }");
    ground.commit("organisations/alpha.kdl", &after, "none");
    for lines in everywhere(&ground) {
        assert_eq!(lines[0], "Stops: www of alpha  organisations/alpha.kdl:9");
        let told = "Dangerous: www of alpha: no copy of it runs any more, and no word of the garden says that it sleeps  organisations/alpha.kdl:9";
        assert!(lines.iter().any(|line| line == told), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line
                .starts_with("Doubtful: www of alpha: fields are set past its definition: `Deployment www-web`")),
            "{lines:#?}"
        );
    }
    ground.handle.shutdown().await;
}
