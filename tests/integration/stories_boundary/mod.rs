//! Stories of the trust boundary: whatever stands in the file of an organisation, all others are as they would be without it.

use std::collections::{BTreeMap, BTreeSet};

use parcelle::check::{Checked, Memo, check_again, past_of};
use parcelle::finding::Severity;
use parcelle::git::{RawFile, Snapshot};
use parcelle::model::Past;
use parcelle::name::Name;
use serde_json::Value;

use crate::command::TestEnvironment;
use texts::{BOARD, CLUSTER, GARDEN, OFFERS, hostile, organisation};

mod texts;

type Files = BTreeMap<String, Vec<u8>>;

/// A garden of organisations that use everything which is shared.
fn garden() -> Files {
    let organisations = [
        ("beta", "offer basic\n    app board board"),
        ("gamma", "offer small\n    app hedgedoc pads { storage 1 GiB; }"),
        ("delta", "app static-site www"),
    ];
    let shared = [("garden.kdl", GARDEN), ("ada.kdl", CLUSTER), ("offers.kdl", OFFERS), ("board.kdl", BOARD)];
    let shared = shared.into_iter().map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let own =
        |(name, inside): (&str, &str)| (format!("organisations/{name}.kdl"), organisation(name, inside).into_bytes());
    shared.chain(organisations.into_iter().map(own)).collect()
}

fn snapshot(files: &Files) -> Snapshot {
    // Equal contents have equal ids, as in Git.
    let blob = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let raw = |(path, bytes): (&String, &Vec<u8>)| RawFile {
        path: path.clone(),
        blob: blob(bytes),
        bytes: bytes.clone().into(),
    };
    Snapshot::of(files.iter().map(raw).collect())
}

fn checked(files: &Files) -> Checked {
    checked_again(&mut Memo::default(), files, None)
}

/// What is checked again costs what changed.
fn checked_again(memo: &mut Memo, files: &Files, past: Option<&Past>) -> Checked {
    check_again(memo, snapshot(files), past, jiff::Timestamp::UNIX_EPOCH)
}

/// The organisations that findings stop.
fn stopped(checked: &Checked) -> BTreeSet<&str> {
    checked.garden.as_ref().expect("there is a garden").broken.iter().map(Name::as_str).collect()
}

/// What is found in these files, as text.
fn found_in(checked: &Checked, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let all = checked.findings.iter().map(|one| (checked.sources.locate(one.primary.span), one));
    all.filter(|(place, _)| wanted(place)).map(|(place, one)| format!("{place} {} {}", one.code, one.title)).collect()
}

/// Where such a text may stand, and whom it then stops.
const PLACES: [(&str, &[&str]); 7] = [
    ("organisations/alpha.kdl", &["alpha"]),
    ("organisations/beta/alpha.kdl", &["alpha"]),
    ("organisations/zz/deep/er/alpha.kdl", &["alpha"]),
    ("organisations/garden.kdl", &["garden"]),
    ("organisations/Beta.kdl", &[]),
    ("organisations/beta.old.kdl", &[]),
    ("Organisations/alpha.kdl", &[]),
];

#[test]
fn whatever_stands_in_the_file_of_an_organisation_all_others_are_as_without_it() {
    let mut memo = Memo::default();
    let without = checked_again(&mut memo, &garden(), None);
    assert!(without.findings.is_empty(), "{:?}", without.findings);
    let (past, mut stops) = (past_of(&without), 0);
    for (what, text) in hostile() {
        for (path, may_stop) in PLACES {
            let mut files = garden();
            files.insert(path.to_owned(), text.clone());
            let with = checked_again(&mut memo, &files, Some(&past));
            for (name, objects) in &without.objects {
                let now = with.objects.get(name);
                assert!(now.is_some(), "{what} in {path}: {name} is stopped: {:?}", found_in(&with, |_| true));
                assert_eq!(now, Some(objects), "{what} in {path}: {name}");
            }
            let broken = stopped(&with);
            assert!(broken.iter().all(|name| may_stop.contains(name)), "{what} in {path} stops {broken:?}");
            let elsewhere = found_in(&with, |place| !place.starts_with(path));
            assert_eq!(elsewhere, Vec::<String>::new(), "{what} in {path}");
            let errors = with.findings.iter().filter(|one| one.severity == Severity::Error);
            for one in errors {
                assert!(!one.help.is_empty() || !one.fixes.is_empty() || one.why.is_some(), "{what}: {one:?}");
            }
            let garden = with.garden.as_ref().expect("there is a garden");
            assert!(garden.unreadable.is_empty(), "{what} in {path}: what others lose waits for it");
            let before = without.garden.as_ref().expect("there is a garden");
            assert_eq!(&garden.name, &before.name);
            assert_eq!((&garden.hold, &garden.pin, &garden.rollback), (&None, &None, &None), "{what}");
            assert_eq!((&garden.deletions, &garden.ceiling), (&before.deletions, &before.ceiling), "{what}");
            stops += broken.len();
        }
    }
    assert!(stops > 100, "most of these stop their own organisation: {stops}");
}

#[test]
fn what_one_file_says_does_not_keep_others_from_going() {
    let mut memo = Memo::default();
    let past = past_of(&checked_again(&mut memo, &garden(), None));
    for (what, text) in hostile() {
        let mut files = garden();
        files.insert("organisations/alpha.kdl".to_owned(), text);
        files.remove("organisations/beta.kdl");
        files.insert("organisations/delta.kdl".to_owned(), b"nonsense {".to_vec());
        let checked = checked_again(&mut memo, &files, Some(&past));
        let told = found_in(&checked, |place| place.starts_with("garden.kdl"));
        let [gone] = &told[..] else { panic!("{what}: {told:?}") };
        assert!(gone.contains("E0413 `beta` is in the cluster, and no file mentions it any more"), "{what}: {gone}");
        let broken = stopped(&checked);
        assert!(broken.contains("beta") && broken.contains("delta") && !broken.contains("gamma"), "{what}: {broken:?}");
    }
}

#[test]
fn an_organisation_that_stands_out_of_place_neither_counts_nor_goes() {
    let mut memo = Memo::default();
    let past = past_of(&checked_again(&mut memo, &garden(), None));
    let mut files = garden();
    let beta = files.remove("organisations/beta.kdl").unwrap();
    files.insert("more/beta.kdl".to_owned(), beta);
    let checked = checked_again(&mut memo, &files, Some(&past));
    let found = found_in(&checked, |_| true);
    assert_eq!(found, ["more/beta.kdl:3:1 E0314 `organisation beta` does not count here"]);
    assert_eq!(stopped(&checked), BTreeSet::from(["beta"]));
    assert_eq!(checked.objects.len(), 2);
}

#[test]
fn folders_that_the_garden_moves_are_those_of_the_next_check() {
    let (mut memo, first) = (Memo::default(), garden());
    let moved = GARDEN.replace("    people {", "    organisations \"tenants\"\n    people {").into_bytes();
    let mut second = first.clone();
    second.insert("garden.kdl".to_owned(), moved.clone());
    let mut third = second.clone();
    for name in ["beta", "gamma", "delta"] {
        let file = third.remove(&format!("organisations/{name}.kdl")).unwrap();
        third.insert(format!("tenants/north/{name}.kdl"), file);
    }
    for (files, organisations) in [(&first, 3), (&second, 0), (&third, 3), (&first, 3), (&second, 0)] {
        let again = checked_again(&mut memo, files, None);
        let anew = checked(files);
        assert_eq!(found_in(&again, |_| true), found_in(&anew, |_| true));
        assert_eq!((again.objects.len(), anew.objects.len()), (organisations, organisations));
        assert_eq!(stopped(&again), stopped(&anew));
    }
}

/// The hard limits of an organisation's quota.
fn quota(environment: &TestEnvironment, organisation: &str) -> Value {
    let said = environment.run(["render", organisation, "--format", "json"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let list: Value = serde_json::from_str(&said.stdout).unwrap();
    let quotas: Vec<&Value> =
        list["items"].as_array().unwrap().iter().filter(|item| item["kind"] == "ResourceQuota").collect();
    assert_eq!(quotas.len(), 1, "{organisation} has one quota");
    quotas[0]["spec"]["hard"].clone()
}

fn environment(files: &Files) -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.garden(files.iter().map(|(path, bytes)| (path.clone(), String::from_utf8(bytes.clone()).unwrap())));
    environment.commit("a garden");
    environment
}

#[test]
fn every_namespace_has_a_quota_by_its_offer_and_by_the_garden_where_that_is_silent() {
    let environment = environment(&garden());
    // On top of what is granted: 1 core and 2 GiB for pods that are being replaced, and the database of the pads.
    let sums = |quota: Value| ["requests.cpu", "requests.memory", "requests.storage"].map(|key| quota[key].clone());
    assert_eq!(sums(quota(&environment, "delta")), ["3", "6Gi", "30Gi"], "all is the garden's ceiling");
    assert_eq!(sums(quota(&environment, "gamma")), ["3250m", "6656Mi", "15Gi"], "the offer says storage alone");
    assert_eq!(sums(quota(&environment, "beta")), ["5", "10Gi", "50Gi"], "the offer says all three");
}

#[test]
fn a_file_that_cannot_be_read_stops_its_own_organisation_while_others_change() {
    let mut files = garden();
    files.insert("organisations/alpha.kdl".to_owned(), organisation("alpha", "app static-site www").into_bytes());
    let environment = environment(&files);
    let first = environment.run(["run", "--once", "--sandbox"]);
    assert_eq!(first.code, 0, "{}", first.text());
    // In one commit alpha's file is a ruin that holds everything else, and an object of beta is not asked for any more.
    let ruin =
        "edition 2026\norganisation alpha {\n    title \"A\n/* definition board { }\ngarden lines { hold \"x\" }\n";
    environment.garden([
        ("organisations/alpha.kdl", ruin.to_owned()),
        ("board.kdl", BOARD.replace("    object ConfigMap text { data { a \"1\"; }; }\n", "")),
        (
            "organisations/garden.kdl",
            "edition 2026\n\ngarden lines {\n    title Mine\n    hold \"mine\"\n}\n".to_owned(),
        ),
        ("organisations/alpha/garden.kdl", GARDEN.replace("lines", "mine")),
    ]);
    environment.commit("a ruin, and a change");
    let second = environment.run(["run", "--once", "--sandbox"]);
    let text = second.text();
    assert_eq!(second.code, 1, "{text}");
    assert!(text.contains("- ConfigMap board-text") && text.contains("beta: 1 deleted"), "what goes, goes: {text}");
    assert!(!text.contains("mine`: ") && !text.contains("held"), "nothing is held: {text}");
    let status = environment.run(["status", "--sandbox"]).text();
    assert!(status.contains("alpha"), "{status}");
    // What was applied of alpha is there still, and the next round has nothing to do.
    let third = environment.run(["run", "--once", "--sandbox"]).text();
    assert!(third.contains("Nothing changes"), "{third}");
}

#[test]
fn a_garden_inside_of_a_garden_is_asked_about() {
    let environment = environment(&garden());
    environment.garden([("organisations/alpha/garden.kdl", GARDEN.replace("lines", "mine"))]);
    let inside = environment.path("garden/organisations/alpha").display().to_string();
    let said = environment.run_in(&inside, &[], ["check"]);
    assert_eq!(said.code, 2, "{}", said.text());
    assert!(said.text().contains("lies inside of the garden"), "{}", said.text());
    let named = environment.run_in(&inside, &[], ["check", "--garden", "../.."]);
    assert!(named.text().contains("`garden lines` does not count") || named.code == 1, "{}", named.text());
}

#[test]
fn a_new_organisation_stands_where_the_garden_keeps_them() {
    let mut files = garden();
    let moved = GARDEN.replace("    people {", "    organisations \"people/north\" \"organisations\"\n    people {");
    files.insert("garden.kdl".to_owned(), moved.into_bytes());
    let environment = environment(&files);
    let said = environment.run(["new", "org", "epsilon", "--offer", "basic"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, "people/north/epsilon.kdl\n"), "{}", said.text());
    let said = environment.run(["check"]);
    assert_eq!(said.code, 0, "{}", said.text());
}

#[test]
fn codeowners_follow_the_line_and_name_the_people_of_the_garden() {
    let mut files = garden();
    let contact = organisation("beta", "offer basic\n    contact ops@beta.example\n    app board board");
    files.insert("organisations/beta.kdl".to_owned(), contact.into_bytes());
    let environment = environment(&files);
    let said = environment.run(["docs", "codeowners"]);
    assert_eq!(said.code, 0, "{}", said.text());
    let lines: Vec<&str> = said.stdout.lines().filter(|line| line.contains('@')).collect();
    assert_eq!(
        lines,
        [
            "* ada@lines.example",
            "/organisations/ ada@lines.example bea@lines.example",
            "# /organisations/beta.kdl ops@beta.example",
        ]
    );
    let said = environment.run(["docs", "codeowners", "--forge", "forgejo"]);
    let lines: Vec<&str> = said.stdout.lines().filter(|line| line.contains('@')).collect();
    assert_eq!(
        lines,
        ["!(organisations)/.* @ada", "organisations/.* @ada @bea", "# organisations/beta\\\\.kdl ops@beta.example",]
    );
}

#[test]
fn the_example_of_the_page_is_what_is_printed_for_the_gardens_of_this_repository() {
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let environment = TestEnvironment::new();
    let orgs = repository.join("orgs");
    for file in parcelle::git::read_files(repository, &orgs).unwrap() {
        environment.garden([(file.path, String::from_utf8(file.bytes.to_vec()).unwrap())]);
    }
    environment.commit("this repository's garden");
    let printed = environment.run(["docs", "codeowners"]).stdout;
    let page = std::fs::read_to_string(repository.join("docs/tenants.md")).unwrap();
    let (before, rest) = page.split_once("```text codeowners\n").unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    if shown != printed && std::env::var_os("PARCELLE_BLESS").is_some() {
        let page = format!("{before}```text codeowners\n{printed}```{after}");
        std::fs::write(repository.join("docs/tenants.md"), page).unwrap();
        return;
    }
    assert_eq!(shown, printed, "PARCELLE_BLESS=1 writes what is printed");
    for block in page.split("```kdl\n").skip(1) {
        let text = block.split("```").next().unwrap();
        let mut files = garden();
        files.insert("garden.kdl".to_owned(), text.as_bytes().to_vec());
        let checked = checked(&files);
        let errors = checked.findings.iter().filter(|one| one.severity == Severity::Error).count();
        assert_eq!(errors, 0, "{:?}", checked.findings);
    }
}
