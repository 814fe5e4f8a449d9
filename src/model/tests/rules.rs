//! Each rule: the baseline, one change, and what is said about it.

use super::*;
use crate::model::{Age, WrittenClaim};

const ALTERNATIBA: &str = "organisations/alternatiba.kdl";
const TIERS_LIEUX: &str = "organisations/tiers-lieux.kdl";
const ART_BATI: &str = "organisations/art-bati.kdl";
const NOTES: &str = "        at notes.tiers-lieux.example\n";

/// What is said of the baseline with one change, and whom it stops.
fn said(change: (&str, &str, &str), past: Option<&Past>) -> (String, Vec<String>) {
    said_of(&[change], past)
}

fn said_of(changes: &[(&str, &str, &str)], past: Option<&Past>) -> (String, Vec<String>) {
    let tried = try_files(&changed(changes), past);
    (tried.short(), tried.garden().broken.iter().map(ToString::to_string).collect())
}

/// The one finding about tiers-lieux' pad with a line added.
fn of_notes(line: &str, past: Option<&Past>) -> String {
    let (text, stopped) = said((TIERS_LIEUX, NOTES, &format!("{NOTES}        {line}\n")), past);
    assert!(stopped.is_empty() || stopped == ["tiers-lieux"], "{text}");
    text
}

#[test]
fn a_host_stays_with_who_had_it() {
    let past = past(&[]);
    let change =
        (ART_BATI, "    without cloud\n", "    without cloud\n    app static-site www { at alternatiba.example; }\n");
    let (text, stopped) = said(change, Some(&past));
    assert_eq!(stopped, ["art-bati"]);
    assert!(text.contains("E0401 `alternatiba.example` is taken by `alternatiba/www`\n  also organisations/alternatiba.kdl:22:12 `alternatiba/www` has it"), "{text}");
}

#[test]
fn a_host_outside_the_domain_names_its_owner_and_how_it_is_lent() {
    let change = (TIERS_LIEUX, "at notes.tiers-lieux.example", "at notes.alternatiba.example");
    let (text, stopped) = said(change, None);
    assert_eq!(stopped, ["tiers-lieux"]);
    assert_eq!(
        text,
        "organisations/tiers-lieux.kdl:12:12 E0402 `notes.alternatiba.example` is outside the domain of `tiers-lieux`
  also organisations/alternatiba.kdl:8:12 `alternatiba` has this domain
  why an organisation's apps stay inside its domain, or hosts lent to it
  help `alternatiba` can lend it: `delegate notes.alternatiba.example to=tiers-lieux`"
    );
    let lend = (
        ALTERNATIBA,
        "    domain alternatiba.example\n",
        "    domain alternatiba.example\n    delegate notes.alternatiba.example to=tiers-lieux\n",
    );
    assert_eq!(said_of(&[change, lend], None), (String::new(), vec![]));
}

#[test]
fn a_domain_has_one_owner() {
    let past = past(&[]);
    let change = (ART_BATI, "    without cloud\n", "    domain alternatiba.example\n    without cloud\n");
    let (text, stopped) = said(change, Some(&past));
    assert_eq!(stopped, ["art-bati"], "{text}");
    assert!(text.contains("E0403 `alternatiba.example` belongs to `alternatiba`"), "{text}");
}

#[test]
fn only_one_s_own_hosts_can_be_lent() {
    let with = "    domain tiers-lieux.example\n    delegate x.alternatiba.example to=art-bati\n";
    let (text, _) = said((TIERS_LIEUX, "    domain tiers-lieux.example\n", with), None);
    assert!(text.contains("E0310 `x.alternatiba.example` is not `tiers-lieux`'s to lend"), "{text}");
    let with = "    domain tiers-lieux.example\n    delegate x.tiers-lieux.example to=art-batti\n";
    let (text, _) = said((TIERS_LIEUX, "    domain tiers-lieux.example\n", with), None);
    let lent = "W0310 `x.tiers-lieux.example` is lent to `art-batti`, and there is no such organisation";
    assert!(text.contains(lent), "{text}");
}

#[test]
fn reserved_names_are_refused() {
    let mut files = changed(&[(ART_BATI, "organisation art-bati {", "organisation kube-art {")]);
    let file = files.iter_mut().find(|(path, _)| path == ART_BATI).unwrap();
    file.0 = "organisations/kube-art.kdl".to_owned();
    let tried = try_files(&files, None);
    assert_eq!(tried.garden().broken.iter().map(Name::as_str).collect::<Vec<_>>(), ["kube-art"]);
    assert_eq!(
        tried.short(),
        "organisations/kube-art.kdl:4:1 E0404 no organisation can be called `kube-art`
  why namespaces that start with `kube-` are those of operators, also of ones that are installed later
  help call it by another name"
    );
}

#[test]
fn names_that_nothing_has_are_told_with_the_nearest() {
    for (from, to, title) in [
        ("offer sur-mesure", "offer sur-mezure", "E0301 there is no offer `sur-mezure`\n  fix \"sur-mesure\""),
        ("cluster ada-lovelace", "cluster ada", "E0301 there is no cluster `ada`\n  fix \"ada-lovelace\""),
        ("app hedgedoc notes", "app hedgdoc notes", "E0301 there is no definition `hedgdoc`"),
    ] {
        let tried = try_files(&changed(&[(TIERS_LIEUX, from, to)]), None);
        let errors = tried.findings.iter().filter(|finding| finding.severity == crate::finding::Severity::Error);
        assert_eq!(errors.count(), 1, "{}", tried.short());
        assert!(tried.short().contains(title), "{}", tried.short());
        assert!(tried.garden().broken.contains("tiers-lieux"));
    }
}

#[test]
fn two_organisations_of_one_name_show_both_places() {
    let mut files = changed(&[]);
    let text = files.iter().find(|(path, _)| path == TIERS_LIEUX).unwrap().1.clone();
    let north = "organisations/north/tiers-lieux.kdl";
    files.insert(0, (north.to_owned(), text));
    let tried = try_files(&files, None);
    assert!(tried.garden().broken.contains("tiers-lieux"), "nobody knows which was first");
    for (here, there) in [(TIERS_LIEUX, north), (north, TIERS_LIEUX)] {
        let told = format!("{here}:4:1 E0302 there are two organisations `tiers-lieux`\n  also {there}:4:1 one here");
        assert!(tried.short().contains(&told), "{}", tried.short());
    }
    // The history knows.
    for (path, other) in [(TIERS_LIEUX, north), (north, TIERS_LIEUX)] {
        let claim = WrittenClaim { path: path.to_owned(), kind: "organisation", value: "tiers-lieux".to_owned() };
        let other_claim = WrittenClaim { path: other.to_owned(), ..claim.clone() };
        let ages = [(claim, Age { unbroken: 2, first: 2 }), (other_claim, Age { unbroken: 1, first: 1 })].into();
        let past = Past { ages, ..Past::default() };
        let tried = try_files(&files, Some(&past));
        assert!(tried.garden().broken.is_empty(), "the one that counts goes on");
        let told = format!("{other}:4:1 E0302 there are two organisations `tiers-lieux`\n  also {path}:4:1 one here");
        assert!(tried.short().contains(&told), "{}", tried.short());
    }
}

#[test]
fn an_unknown_version_lists_those_there_are() {
    assert_eq!(
        of_notes("version 1.9", None),
        "organisations/tiers-lieux.kdl:13:17 E0304 `hedgedoc` has no version `1.9`
  help it has `1.10`, `1.11` and `1.12`"
    );
}

#[test]
fn what_a_cluster_does_not_provide_stops_who_needs_it() {
    let change = (
        "clusters/ada-lovelace.kdl",
        "        mail relay { host smtp.indiehosters.example; port 587; credentials smtp-relay; }\n",
        "",
    );
    let (text, stopped) = said(change, None);
    assert_eq!(stopped, ["alternatiba"]);
    assert!(text.contains("E0303 cluster `ada-lovelace` does not provide `mail`"), "{text}");
}

#[test]
fn an_upgrade_takes_one_step_and_never_goes_back() {
    let at = |version: &str| past(&[(TIERS_LIEUX, NOTES, &format!("{NOTES}        version {version}\n"))]);
    assert_eq!(of_notes("version 1.11", Some(&at("1.10"))), "");
    assert_eq!(
        of_notes("version 1.12", Some(&at("1.10"))),
        "organisations/tiers-lieux.kdl:13:9 E0406 `tiers-lieux/notes` runs 1.10 and cannot go to 1.12 at once
  why 1.11 must have run before: each version carries the data over from the one before it
  help write `version 1.11`, and go on once `parcelle status` says that it is applied"
    );
    assert_eq!(
        of_notes("version 1.10", Some(&at("1.12"))),
        "organisations/tiers-lieux.kdl:13:9 E0405 `tiers-lieux/notes` runs 1.12 and cannot go back to 1.10
  why hedgedoc does not read data that a later version has written
  help write `version 1.12`, or restore a backup into a new app"
    );
}

#[test]
fn storage_never_shrinks() {
    let past = past(&[(TIERS_LIEUX, NOTES, &format!("{NOTES}        storage 20 GiB\n"))]);
    assert_eq!(
        of_notes("storage 10 GiB", Some(&past)),
        "organisations/tiers-lieux.kdl:13:9 E0407 `storage` of `tiers-lieux/notes` cannot shrink from 20 GiB to 10 GiB
  why volumes cannot shrink
  help write `storage 20 GiB` or more
  fix \"20 GiB\""
    );
    assert!(of_notes("anonymous on", Some(&past)).contains("E0407"), "the default is smaller too");
}

#[test]
fn a_broken_value_poisons_the_rules_that_depend_on_it() {
    let past = past(&[(TIERS_LIEUX, NOTES, &format!("{NOTES}        storage 20 GiB\n"))]);
    for line in ["storage 30 Gio", "storge 30 GiB"] {
        let text = of_notes(line, Some(&past));
        assert_eq!(text.matches(" E0").count(), 1, "{text}");
    }
}

#[test]
fn an_immutable_setting_stays() {
    let past = past(&[(TIERS_LIEUX, NOTES, &format!("{NOTES}        cookie-domain tiers-lieux.example\n"))]);
    let text = of_notes("cookie-domain x.tiers-lieux.example", Some(&past));
    assert!(text.contains("E0408 `cookie-domain` of `tiers-lieux/notes` is tiers-lieux.example and cannot become x.tiers-lieux.example"), "{text}");
}

#[test]
fn retired_data_is_kept_as_long_as_the_garden_says() {
    let (text, stopped) = said((ALTERNATIBA, "keep-data 90 days", "keep-data 5 days"), None);
    assert_eq!(stopped, ["alternatiba"]);
    assert_eq!(
        text,
        "organisations/alternatiba.kdl:27:9 E0409 `alternatiba/old-pads` would keep its data for 5 days only
  also garden.kdl:3:1 the garden keeps data for 30 days at least
  why time to change one's mind, and to fetch what is missed
  help write `keep-data 30 days` or more
  fix \"keep-data 30 days\""
    );
}

#[test]
fn an_app_left_out_is_a_finding_until_it_is_retired() {
    let past = past(&[]);
    let (text, stopped) = said((TIERS_LIEUX, "    app forum forum\n", ""), Some(&past));
    assert_eq!(stopped, ["tiers-lieux"]);
    assert!(
        text.contains(
            "organisations/tiers-lieux.kdl:4:1 E0410 `forum` runs, and `tiers-lieux` does not mention it any more
  why what holds people's data is never removed by leaving it out
  help to let it go, write `retired app forum forum { keep-data 30 days; }`
  fix \"\\n    retired app forum forum {\\n        keep-data 30 days\\n    }\\n\""
        ),
        "{text}"
    );
    let retired =
        (TIERS_LIEUX, "    app forum forum\n", "    retired app forum forum {\n        keep-data 30 days\n    }\n");
    assert_eq!(said(retired, Some(&past)), (String::new(), vec![]));
}

#[test]
fn a_renamed_app_has_not_vanished() {
    let past = past(&[]);
    let change = (TIERS_LIEUX, "    app forum forum\n", "    app forum agora {\n        was forum\n    }\n");
    assert_eq!(said(change, Some(&past)), (String::new(), vec![]));
}

#[test]
fn a_retired_node_stays_until_the_app_is_gone() {
    let mut past = past(&[]);
    let node = "    retired app hedgedoc old-pads {\n        keep-data 90 days                // counted from the day parcelle first applied this node\n    }\n";
    let (text, stopped) = said((ALTERNATIBA, node, ""), Some(&past));
    assert_eq!(stopped, ["alternatiba"]);
    assert!(text.contains("E0411 `retired app hedgedoc old-pads` was dropped before the app is gone"), "{text}");
    let name = |text: &str| Name::new(text).expect("a name");
    past.gone.insert((name("alternatiba"), name("old-pads")));
    assert_eq!(said((ALTERNATIBA, node, ""), Some(&past)), (String::new(), vec![]));
}

#[test]
fn an_organisation_left_out_is_a_finding() {
    let past = past(&[]);
    let files: Vec<_> = changed(&[]).into_iter().filter(|(path, _)| path != ART_BATI).collect();
    let tried = try_files(&files, Some(&past));
    assert!(
        tried.short().contains("garden.kdl:3:1 E0413 `art-bati` is in the cluster, and no file mentions it any more"),
        "{}",
        tried.short()
    );
    assert_eq!(tried.garden().broken.iter().map(Name::as_str).collect::<Vec<_>>(), ["art-bati"]);
}

#[test]
fn escape_hatches_are_open_where_the_offer_says_so() {
    let change = (
        ALTERNATIBA,
        "        office onlyoffice\n",
        "        office onlyoffice\n        env PHP_MEMORY_LIMIT \"512M\"\n",
    );
    let (text, stopped) = said(change, None);
    assert_eq!(stopped, ["alternatiba"], "{text}");
    assert!(
        text.contains("E0414 `env` is not allowed here\n  also offers/liiibre.kdl:3:1 `liiibre` does not allow `env`"),
        "{text}"
    );
}

#[test]
fn what_receives_does_not_sleep() {
    let asleep = |extra: &str| {
        let node =
            format!("    app forum forum {{\n        nights asleep from=\"22:00\" to=\"06:00\"{extra}\n    }}\n");
        said((TIERS_LIEUX, "    app forum forum\n", &node), None)
    };
    let (text, stopped) = asleep("");
    assert_eq!(stopped, ["tiers-lieux"]);
    assert!(text.contains("E0415 `tiers-lieux/forum` cannot sleep: it receives mail at night too"), "{text}");
    assert_eq!(asleep(" despite=\"mail may be late\""), (String::new(), vec![]));
}

#[test]
fn what_must_run_alone_has_one_replica() {
    let text = of_notes("scale min=1 max=3", None);
    assert!(text.contains("E0416 `tiers-lieux/notes` cannot run 3 times"), "{text}");
    assert!(text.contains("why hedgedoc must run alone: it keeps who edits what in memory"), "{text}");
}

#[test]
fn a_definition_s_own_rule_shows_the_values_that_broke_it() {
    let text = of_notes("storage 1 GiB", None);
    assert!(
        text.starts_with("organisations/tiers-lieux.kdl:13:9 E0520 pads that anybody may fill need at least 2 GiB"),
        "{text}"
    );
    assert!(text.contains("help raise `storage`, or write `anonymous off`"), "{text}");
}

#[test]
fn an_organisation_stays_on_its_cluster_and_an_app_what_it_is() {
    let past = past(&[]);
    let other = include_str!("../../../tests/cases/baseline/clusters/ada-lovelace.kdl")
        .replace("cluster ada-lovelace", "cluster grace-hopper")
        .replace("5c0f6f5e", "6c0f6f5e");
    let mut files = changed(&[(TIERS_LIEUX, "cluster ada-lovelace", "cluster grace-hopper")]);
    files.push(("clusters/grace-hopper.kdl".into(), other));
    let tried = try_files(&files, Some(&past));
    assert!(
        tried.short().contains("E0418 `tiers-lieux` is on `ada-lovelace`, and cannot just move"),
        "{}",
        tried.short()
    );
    let (text, _) = said((TIERS_LIEUX, "app forum forum", "app static-site forum"), Some(&past));
    assert!(text.contains("E0419 `tiers-lieux/forum` is a forum, and cannot become a static-site"), "{text}");
}

#[test]
fn a_value_that_looks_like_a_secret_is_not_repeated() {
    let text = of_notes("env CMD_SESSION_SECRET hunter2hunter2", None);
    assert!(text.contains("E0701 this looks like a secret: the variable's name says so"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_nobody_uses_is_a_hint_that_stops_nothing() {
    let (text, stopped) = said((TIERS_LIEUX, "    offer sur-mesure\n", ""), None);
    assert_eq!(stopped, Vec::<String>::new());
    assert_eq!(text, "offers/sur-mesure.kdl:3:1 W0101 nobody uses the offer `sur-mesure`");
}

#[test]
fn an_app_without_any_domain_has_no_address() {
    let change = (
        "clusters/ada-lovelace.kdl",
        "    domain ada.indiehosters.example              // hosts of organisations without a domain\n",
        "",
    );
    let (text, stopped) = said(change, None);
    assert_eq!(stopped, ["art-bati"]);
    assert!(text.contains("E0308 apps have no address"), "{text}");
}

#[test]
fn three_mistakes_in_two_files_are_told_at_once() {
    let (text, stopped) = said_of(
        &[
            (TIERS_LIEUX, "    app forum forum\n", "    app forum forum {\n        colour blue\n    }\n"),
            (TIERS_LIEUX, "at notes.tiers-lieux.example", "at www.alternatiba.example"),
            (ALTERNATIBA, "storage 120 GiB", "storage 120 Gio"),
        ],
        Some(&past(&[])),
    );
    assert_eq!(stopped, ["alternatiba", "tiers-lieux"]);
    for code in ["E0203", "E0101", "E0401"] {
        assert!(text.contains(code), "{text}");
    }
}
