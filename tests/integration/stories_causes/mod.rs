//! A plan told by cause: each edited line with its old and new words, what it does and for whom; what has no line; and nothing
//! counted twice. The program is a process of its own.

use std::collections::BTreeMap;
use std::path::Path;

use crate::command::{Output, TestEnvironment};

mod clusters;
mod random;

/// The garden of the repository, as texts by path.
fn orgs() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("orgs");
    let files = parcelle::git::read_files(&root, &root).unwrap();
    files.into_iter().map(|raw| (raw.path, String::from_utf8(raw.bytes.to_vec()).unwrap())).collect()
}

/// The garden of the repository in a repository of its own, with further files.
fn garden(more: &[(&str, &str)]) -> TestEnvironment {
    let environment = TestEnvironment::new();
    environment.garden(orgs());
    environment.garden(more.iter().copied());
    environment.commit("a garden");
    environment
}

/// Writes one thing in place of another in a file of the garden.
#[track_caller]
fn edit(environment: &TestEnvironment, file: &str, from: &str, to: &str) {
    let text = environment.read(&format!("garden/{file}"));
    assert!(text.contains(from), "{file} has no {from}");
    environment.garden([(file, text.replacen(from, to, 1))]);
}

/// A plan against the last commit.
#[track_caller]
fn planned(environment: &TestEnvironment, more: &[&str]) -> String {
    let output = environment.run(["plan", "--base", "HEAD"].iter().chain(more));
    assert!(output.code < 2, "{}", output.text());
    output.stdout
}

/// The lines of what was written and of what has no line.
fn causes(text: &str) -> Vec<String> {
    let begins = |line: &&str| *line != "What was written:" && *line != "Without a line:";
    let lines = text.lines().skip_while(begins).take_while(|line| !line.is_empty());
    lines.map(|line| line.trim().to_owned()).collect()
}

/// How many objects the causes come to.
fn objects(text: &str) -> usize {
    let count = |line: &String| {
        let reach = line.rsplit(": ").next()?;
        let (count, of) = reach.split_once(' ')?;
        let is_reach =
            ["object of ", "objects of ", "object in ", "objects in "].iter().any(|words| of.starts_with(words));
        count.parse::<usize>().ok().filter(|_| is_reach)
    };
    causes(text).iter().filter_map(count).sum()
}

/// How many objects the plan's last lines count.
fn counted(text: &str) -> usize {
    let summary =
        text.lines().rev().find(|line| line.contains(" organisation") && line.contains(" in ") && line.ends_with('.'));
    let Some((counts, _)) = summary.and_then(|line| line.split_once(" in ")) else { return 0 };
    counts.split(", ").filter_map(|part| part.split(' ').next()?.parse::<usize>().ok()).sum()
}

/// That all of these lines stand together, in this order.
#[track_caller]
fn holds(found: &[String], lines: &[&str]) {
    let stands = found.windows(lines.len()).any(|window| window.iter().zip(lines).all(|(found, line)| found == line));
    assert!(stands, "{lines:#?}\nis not in\n{found:#?}");
}

#[test]
fn one_line_of_an_offer_is_told_once_for_all_its_organisations() {
    let environment = garden(&[]);
    edit(&environment, "offers/liiibre.kdl", "02:30", "03:30");
    edit(&environment, "offers/liiibre.kdl", "to=\"06:30\"", "to=\"07:00\"");
    let text = planned(&environment, &[]);
    let told = [
        "What was written:",
        "offers/liiibre.kdl:12 nights … to: 06:30 → 07:00",
        "acts later: 12 apps of 4 organisations wake half an hour later",
        "offers/liiibre.kdl:13 every night at: 02:30 → 03:30",
        "backups an hour later: 32 objects in 7 organisations",
    ];
    assert_eq!(causes(&text), told, "{text}");
    assert_eq!((objects(&text), counted(&text)), (32, 32));
    // Details that read the same stand once, unless all of it is asked for.
    assert!(text.contains("\nart-bati, ingenium and 2 more: 4 change each\n"), "{text}");
    assert!(!text.contains("\ningenium: "), "{text}");
    let verbose = planned(&environment, &["-v"]);
    assert!(verbose.contains("\ningenium: 4 change, 54 unchanged\n") && !verbose.contains(" each\n"), "{verbose}");
    assert!(text.len() * 2 < verbose.len(), "equal details are told once");
    // In sentences, nothing is a sign.
    let heard = causes(&planned(&environment, &["--narrated"]));
    assert_eq!(heard[3], "offers/liiibre.kdl:13, every night at, from 02:30 to 03:30");
    assert!(heard.iter().all(|line| !line.contains('→')), "{heard:#?}");
}

#[test]
fn each_kind_of_edit_is_told_by_what_it_does() {
    let environment = garden(&[]);
    edit(&environment, "organisations/alternatiba.kdl", "storage 120 GiB", "storage 130 GiB");
    edit(
        &environment,
        "organisations/alternatiba.kdl",
        "domain alternatiba.example\n",
        "domain alternatiba.example // ours\n",
    );
    let cnam = "organisations/cnam.kdl";
    edit(&environment, cnam, "scale min=2", "scale min=3");
    edit(&environment, cnam, "size large", "size huge");
    edit(&environment, cnam, "    app hedgedoc pads {", "    retired app hedgedoc pads {\n        keep-data 90 days");
    let tiers = "organisations/tiers-lieux.kdl";
    edit(&environment, tiers, "    contact reseau@tiers-lieux.example role=technical\n", "");
    edit(&environment, tiers, "domain tiers-lieux.example", "domain tl.example");
    edit(&environment, "organisations/art-bati.kdl", "edition 2026", "edition 2026\n\n// What the carpenters share.");
    environment.garden([(
        "organisations/neue.kdl",
        "edition 2026\n\norganisation neue {\n    title \"Die Neuen — 新しい\"\n    cluster ada-lovelace\n    domain neue.example\n    \
         contact a@neue.example role=technical\n    app hedgedoc pads\n}\n",
    )]);
    let text = planned(&environment, &[]);
    let found = causes(&text);
    holds(
        &found,
        &[
            "organisations/alternatiba.kdl:28 storage: 120 GiB → 130 GiB",
            "room for people's files in cloud grows: 1 object of alternatiba",
            "organisations/cnam.kdl:17 size: large → huge",
            "what sso may use: memory 8 GiB instead of 4 GiB, processor time 1 core instead of 500 millicores: 1 object of cnam",
            "organisations/cnam.kdl:22 scale min: 2 → 3",
            "at least 3 copies of cloud run instead of 2: 1 object of cnam",
            "organisations/cnam.kdl:26 app hedgedoc pads → retired app hedgedoc pads",
        ],
    );
    let retired =
        found.iter().find(|line| line.starts_with("pads is retired: it stops, its data is kept until 2027-02-18: "));
    assert!(retired.is_some(), "{found:#?}");
    holds(&found, &["acts later: on 2027-02-18 the data of pads of cnam goes"]);
    holds(&found, &["organisations/neue.kdl:3 organisation: neue (new)", "a new organisation: 22 objects of neue"]);
    holds(
        &found,
        &[
            "organisations/tiers-lieux.kdl:9 contact reseau@tiers-lieux.example: role=technical (taken out)",
            "whom to reach: 1 object of tiers-lieux",
        ],
    );
    let moved = found
        .iter()
        .position(|line| line == "organisations/tiers-lieux.kdl:8 domain: tiers-lieux.example → tl.example");
    assert!(
        found[moved.unwrap() + 1].starts_with("the addresses at which people reach cloud and pads: "),
        "{found:#?}"
    );
    assert!(!found.iter().any(|line| line.contains("art-bati")), "a comment is no edit: {found:#?}");
    assert_eq!(objects(&text), counted(&text), "{text}");
}

#[test]
fn an_upgrade_of_a_definition_a_new_name_and_a_setting_that_goes() {
    let notes = include_str!("../../../schemas/apps/hedgedoc.kdl").replace("definition hedgedoc", "definition notes");
    let environment = garden(&[("apps/notes.kdl", &notes)]);
    edit(&environment, "offers/liiibre.kdl", "    app hedgedoc pads", "    app hedgedoc pads\n    app notes notes");
    environment.commit("notes for everybody");
    edit(&environment, "apps/notes.kdl", "channel stable 1.11", "channel stable 1.12");
    let release = "release 1.12 image=\"quay.io/hedgedoc/hedgedoc:1.12.0\" after=1.11\n        release 1.11 image";
    edit(&environment, "apps/notes.kdl", "release 1.11 image", release);
    edit(&environment, "organisations/cnam.kdl", "app hedgedoc pads {", "app hedgedoc blocs {\n        was pads");
    edit(&environment, "organisations/tiers-lieux.kdl", "        backup { keep daily=14; }\n", "");
    let text = planned(&environment, &[]);
    let found = causes(&text);
    holds(&found, &["apps/notes.kdl:37 channel stable: 1.11 → 1.12"]);
    let upgrade = found.iter().find(|line| line.starts_with("notes goes from 1.11.0 to 1.12.0: "));
    assert!(upgrade.is_some_and(|line| line.ends_with(" objects in 7 organisations")), "{found:#?}");
    holds(
        &found,
        &[
            "apps/notes.kdl:38 release 1.12: image=quay.io/hedgedoc/hedgedoc:1.12.0 after=1.11 (new)",
            "notes goes from 1.11.0 to 1.12.0",
        ],
    );
    holds(&found, &["organisations/cnam.kdl:26 app: hedgedoc pads → hedgedoc blocs"]);
    assert!(found.iter().any(|line| line.starts_with("the app is called blocs now; its data stays: ")), "{found:#?}");
    holds(
        &found,
        &[
            "organisations/tiers-lieux.kdl:18 backup: keep daily=14 (taken out)",
            "another number of backups is kept: 1 object of tiers-lieux",
        ],
    );
    assert_eq!(objects(&text), counted(&text), "{text}");
}

#[test]
fn what_changes_nothing_and_what_is_not_done_says_so() {
    let environment = garden(&[]);
    edit(&environment, "offers/liiibre.kdl", "title \"Liiibre, shared\"", "title \"Liiibre, for all\"");
    edit(&environment, "offers/liiibre.kdl", "storage 300 GiB", "storage 320 GiB");
    let text = planned(&environment, &[]);
    holds(
        &causes(&text),
        &[
            "offers/liiibre.kdl:5 title: Liiibre, shared → Liiibre, for all",
            "changes nothing in the clusters",
            "offers/liiibre.kdl:9 grants storage: 300 GiB → 320 GiB",
        ],
    );
    assert_eq!(objects(&text), counted(&text), "{text}");
    // An organisation with findings is left as it is.
    edit(&environment, "organisations/alternatiba.kdl", "storage 120 GiB", "storage 20 GiB");
    let Output { stdout, code, .. } = environment.run(["plan", "--base", "HEAD"]);
    assert_eq!(code, 1, "{stdout}");
    holds(
        &causes(&stdout),
        &[
            "organisations/alternatiba.kdl:28 storage: 120 GiB → 20 GiB",
            "nothing is done: what stands there has findings",
        ],
    );
    assert_eq!(objects(&stdout), counted(&stdout), "{stdout}");
}

#[test]
fn equal_edits_of_a_hundred_files_are_one_line() {
    let one = |at: usize, room: usize| {
        let text = format!(
            "edition 2026\r\n\r\norganisation o{at:03} {{\r\n    title \"Où — 場所 {at}\"\r\n    cluster ada-lovelace\r\n    domain o{at:03}.example\r\n    \
             contact a@o{at:03}.example role=technical\r\n    app hedgedoc pads {{\r\n        storage {room} GiB\r\n    }}\r\n}}\r\n"
        );
        (format!("organisations/o{at:03}.kdl"), text)
    };
    let environment = garden(&[]);
    environment.garden((0..100).map(|at| one(at, 2)));
    environment.commit("a hundred more");
    environment.garden((0..100).map(|at| one(at, 3)));
    let text = planned(&environment, &[]);
    let told = [
        "What was written:",
        "organisations/o000.kdl:9, organisations/o001.kdl:9, organisations/o002.kdl:9 and 97 more storage: 2 GiB → 3 GiB",
        "room for people's files in pads grows: 100 objects in 100 organisations",
    ];
    assert_eq!(causes(&text), told, "{text}");
    assert_eq!((objects(&text), counted(&text)), (100, 100));
    // So are their details, each being in a file of its own.
    assert!(text.contains("\no000, o001 and 98 more: 1 change each\n"), "{text}");
    assert!(text.contains("spec.resources.requests.storage: 2Gi → 3Gi  organisations/….kdl:9\n"), "{text}");
    assert!(text.lines().count() < 20, "{text}");
}
