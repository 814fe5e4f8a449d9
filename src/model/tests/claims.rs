//! What one organisation claims too much of: it is told in few findings, expanded nowhere, and moves nothing of others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;

const ALTERNATIBA: &str = "organisations/alternatiba.kdl";
const ART_BATI: &str = "organisations/art-bati.kdl";
const TIERS_LIEUX: &str = "organisations/tiers-lieux.kdl";

/// So many words of a list.
fn each(count: usize, word: impl Fn(usize) -> String) -> String {
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

/// An organisation with so many sites, which say a line each.
fn sites(name: &str, before: &str, count: usize, line: impl Fn(usize) -> String) -> (String, String) {
    let mut text = format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    offer sur-mesure\n    cluster ada-lovelace\n    domain \
         {name}.example\n    {before}\n"
    );
    for at in 0..count {
        let _ = writeln!(text, "    app static-site a{at} {{ {}; }}", line(at));
    }
    (format!("organisations/{name}.kdl"), text + "}\n")
}

fn with(files: impl IntoIterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut all = changed(&[]);
    for (path, text) in files {
        all.retain(|(known, _)| *known != path);
        all.push((path, text));
    }
    all
}

fn broken(tried: &Tried) -> Vec<String> {
    tried.garden().broken.iter().map(ToString::to_string).collect()
}

/// The codes of all findings, and how often each was found.
fn counted(tried: &Tried) -> Vec<(&str, usize)> {
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    tried.findings.iter().for_each(|finding| *codes.entry(finding.code.as_str()).or_default() += 1);
    codes.into_iter().collect()
}

#[test]
fn hosts_that_are_said_for_all_apps_count_once_for_each() {
    let hosts = |count| format!("defaults {{ also-at {}; }}", each(count, |at| format!("h{at}.hostile.example")));
    let tried = try_files(&with([sites("hostile", &hosts(20), 100, |_| "nights awake".to_owned())]), None);
    assert_eq!(
        tried.short(),
        "organisations/hostile.kdl:3:1 E0317 hostile has more than 2000 hosts\n  also organisations/hostile.kdl:104:5 with this app it \
         became too many\n  why each app has its own hosts, those that `defaults` and the offer say for all apps among them\n  help \
         write `also-at` in the apps that are meant, or divide them among several organisations"
    );
    assert_eq!(broken(&tried), ["hostile"]);
    // As many as may be: a finding for each app that asks for what the first one has, however many hosts that are.
    let tried = try_files(&with([sites("hostile", &hosts(19), 100, |_| "nights awake".to_owned())]), None);
    assert_eq!(counted(&tried), [("E0401", 99)]);
    let first = &tried.findings[0];
    assert_eq!(
        first.title,
        "`h0.hostile.example`, `h1.hostile.example`, `h10.hostile.example` and 16 other hosts are taken by `hostile/a0`"
    );
    assert_eq!(first.primary.text, "`hostile/a1` asks for them");
}

#[test]
fn a_list_that_extends_another_counts_with_it() {
    let hosts = format!("defaults {{ also-at {}; }}", each(900, |at| format!("h{at}.hostile.example")));
    let adds = |app| format!("also-at add {}", each(900, |at| format!("h{app}-{at}.hostile.example")));
    let tried = try_files(&with([sites("hostile", &hosts, 2, adds)]), None);
    assert_eq!(counted(&tried), [("E0317", 1)]);
    let replaces = |app| format!("also-at {}", each(900, |at| format!("h{app}-{at}.hostile.example")));
    let tried = try_files(&with([sites("hostile", &hosts, 2, replaces)]), None);
    assert_eq!(counted(&tried), []);
}

#[test]
fn who_has_too_many_hosts_takes_none_and_loses_none() {
    let live = past(&[]);
    let (_, text) = changed(&[]).into_iter().find(|(path, _)| path == ALTERNATIBA).unwrap();
    let hosts = each(25, |at| format!("h{at}.tiers-lieux.example"));
    let apps: Vec<String> = (0..90).map(|at| format!("    app static-site x{at}")).collect();
    let said = format!("    defaults {{\n        also-at notes.tiers-lieux.example {hosts}\n");
    let text = text.replacen("    defaults {\n", &said, 1);
    let (before, _) = text.trim_end().rsplit_once('}').unwrap();
    let too_many = (ALTERNATIBA.to_owned(), format!("{before}{}\n}}\n", apps.join("\n")));
    // It asks for a host of another one, which goes on.
    let tried = try_files(&with([too_many.clone()]), Some(&live));
    assert_eq!(counted(&tried), [("E0317", 1)], "{}", tried.short());
    assert_eq!(broken(&tried), ["alternatiba"]);
    // Another one asks for what it has in the cluster, and does not get it.
    let (_, other) = sites("newcomer", "", 1, |_| "at alternatiba.example".to_owned());
    let newcomer = ("organisations/newcomer.kdl".to_owned(), other.replace("    domain newcomer.example\n", ""));
    let tried = try_files(&with([too_many, newcomer]), Some(&live));
    assert_eq!(broken(&tried), ["alternatiba", "newcomer"]);
    assert!(tried.short().contains("E0401 `alternatiba.example` is taken by `alternatiba/www`"), "{}", tried.short());
}

#[test]
fn hosts_that_another_one_has_in_a_cluster_are_one_finding_an_app() {
    let line = "    app static-site wall { at h0.tiers-lieux.example; also-at h1.tiers-lieux.example h2.tiers-lieux.example; }\n}\n";
    let (_, text) = changed(&[]).into_iter().find(|(path, _)| path == TIERS_LIEUX).unwrap();
    let had = (TIERS_LIEUX.to_owned(), text.trim_end().trim_end_matches('}').to_owned() + line);
    let applied = try_files(&with([had.clone()]), None);
    assert_eq!(counted(&applied), []);
    let live = Past { organisations: applied.garden().organisations.clone(), ..Past::default() };
    let asks = changed(&[(
        ART_BATI,
        "    without cloud\n",
        "    without cloud\n    app static-site www {\n        at h0.tiers-lieux.example\n        also-at h1.tiers-lieux.example \
         h2.tiers-lieux.example notes.tiers-lieux.example\n    }\n",
    )]);
    let asks = asks.into_iter().find(|(path, _)| path == ART_BATI).unwrap();
    let tried = try_files(&with([had, asks]), Some(&live));
    let titles: Vec<&str> = tried.findings.iter().map(|finding| finding.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "`h0.tiers-lieux.example`, `h1.tiers-lieux.example` and `h2.tiers-lieux.example` are taken by `tiers-lieux/wall`",
            "`notes.tiers-lieux.example` is taken by `tiers-lieux/notes`",
        ]
    );
    assert_eq!(broken(&tried), ["art-bati"]);
}

#[test]
fn what_is_lent_to_nobody_is_told_two_hundred_times() {
    let lent: Vec<String> = (0..400).map(|at| format!("delegate h{at}.hostile.example to=nobody-{at}\n    ")).collect();
    let tried = try_files(&with([sites("hostile", &lent.concat(), 0, |_| String::new())]), None);
    assert_eq!(counted(&tried), [("E0030", 1), ("W0310", 200)]);
    assert!(tried.short().contains("E0030 200 more findings about what `hostile` claims"), "{}", tried.short());
    assert_eq!(broken(&tried), Vec::<String>::new());
}

#[test]
fn hosts_in_the_place_of_another_one_are_told_two_hundred_times() {
    let hosts = |app| format!("also-at {}", each(10, |at| format!("h{app}-{at}.art-bati.ada.indiehosters.example")));
    let tried = try_files(&with([sites("hostile", "", 30, hosts)]), None);
    let counted = counted(&tried);
    assert!(counted.contains(&("E0425", 200)) && counted.contains(&("E0030", 1)), "{counted:?}");
    assert_eq!(broken(&tried), ["hostile"]);
}

/// A definition whose app reads the list `words` as it is said.
fn costly(needs: &str, parts: &str) -> (String, String) {
    let text = format!(
        r#"edition 2026

definition costly {{
    about "What a few words make of much."
    settings {{ setting words list-of=word {{ about "The words."; default a b; }}; }}
    releases {{ channel stable 1; release 1 image="registry.example.org/costly:1.0"; }}
    needs {{ {needs} }}
    {parts}
    workload web {{ image "${{release.image}}"; run-as 1000; port http 3000; }}
}}
"#
    );
    ("definitions/costly.kdl".to_owned(), text)
}

/// The finding about work of an organisation with 100 apps of a definition, each with so many words.
fn work_of_all(definition: (String, String), words: usize, line: &str) -> String {
    let words = each(words, |at| format!("w{at}"));
    let (path, text) = sites("hostile", "", 100, |_| format!("words {words}; {line}"));
    let tried = try_files(&with([definition, (path, text.replace("static-site", "costly"))]), None);
    assert_eq!(broken(&tried), ["hostile"], "{}", tried.short());
    let of_work: Vec<&Finding> = tried.findings.iter().filter(|finding| finding.code.as_str() == "E0512").collect();
    let [finding] = of_work[..] else { panic!("{}", tried.short()) };
    finding.title.clone()
}

#[test]
fn what_is_computed_for_all_apps_of_an_organisation_is_limited() {
    let all = "settings.words.all(a, settings.words.all(b, a != 'z' || b != 'z'))";
    let rules: Vec<String> =
        (0..20).map(|at| format!("rule r{at} {{ check \"{all}\"; message \"m\"; }}\n    ")).collect();
    let checked = work_of_all(costly("volume data { size 1 GiB; };", &rules.concat()), 60, "size small");
    assert!(checked.starts_with("checking `a") && checked.ends_with("of hostile takes too much work"), "{checked}");
    let whens: Vec<String> =
        (0..5).map(|at| format!("@when \"!{all}\" {{ volume v{at} {{ size 1 GiB; }}; }}; ")).collect();
    let read = work_of_all(costly(&whens.concat(), ""), 60, "backup { every night; }");
    assert!(read.starts_with("reading `a"), "{read}");
    let mails: Vec<String> = (0..5)
        .map(|at| format!("mail m{at} {{ from \"${{{all} ? 'a@hostile.example' : 'b@hostile.example'}}\"; }}; "))
        .collect();
    let sent = work_of_all(costly(&mails.concat(), ""), 60, "size small");
    assert!(sent.starts_with("reading `a"), "{sent}");
}
