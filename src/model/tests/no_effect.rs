//! What has no effect where it stands, and what has.

use super::*;

const TIERS_LIEUX: &str = "organisations/tiers-lieux.kdl";
const NOTES: &str = "        at notes.tiers-lieux.example\n";
const CLUSTER: &str = "clusters/ada-lovelace.kdl";

/// The codes of what is found with further words in tiers-lieux' pad, and whether anybody stops.
fn codes(words: &str) -> (Vec<&'static str>, bool) {
    codes_of(&[(TIERS_LIEUX, NOTES, &format!("{NOTES}{words}\n"))])
}

fn codes_of(changes: &[(&str, &str, &str)]) -> (Vec<&'static str>, bool) {
    let tried = try_files(&changed(changes), None);
    (tried.findings.iter().map(|finding| finding.code.as_str()).collect(), !tried.garden().broken.is_empty())
}

/// The same with further apps of tiers-lieux.
fn codes_with(apps: &str) -> (Vec<&'static str>, bool) {
    codes_of(&[(TIERS_LIEUX, "    app forum forum\n", &format!("    app forum forum\n{apps}\n"))])
}

#[test]
fn what_a_definition_makes_nothing_of_is_told_and_stops_nobody() {
    let one = (vec!["W0440"], false);
    for words in
        ["mail from=a@tiers-lieux.example", "scale cpu-percent=40", "also-at b.tiers-lieux.example", "size large"]
    {
        assert_eq!(codes(words), one, "{words}");
    }
    assert_eq!(codes_with("    app forum two { storage 10 GiB; }"), one);
    assert_eq!(codes_with("    app forum two { scale max=2; }"), one);
    assert_eq!(codes_with("    app nextcloud two { scale min=2 max=2 cpu-percent=40; }"), one);
}

#[test]
fn what_says_the_same_as_is_so_without_it_is_no_finding() {
    let none = (vec![], false);
    assert_eq!(codes("size medium; scale min=1 max=1; nights awake; state running; storage 5 GiB"), none);
    assert_eq!(
        codes_with("    app nextcloud two { scale min=2 max=3 cpu-percent=40; mail from=a@tiers-lieux.example; }"),
        none
    );
}

#[test]
fn what_is_said_for_all_apps_is_told_where_none_of_them_heeds_it() {
    let defaults = |line: &str| {
        let change = format!("    domain tiers-lieux.example\n    defaults {{ {line}; }}\n");
        codes_of(&[(TIERS_LIEUX, "    domain tiers-lieux.example\n", &change)])
    };
    assert_eq!(defaults("mail from=a@tiers-lieux.example"), (vec!["W0440"], false));
    assert_eq!(defaults("storage 7 GiB"), (vec![], false), "the pad has a volume, the forum has none");
}

#[test]
fn times_in_which_nothing_lies_are_refused() {
    let two = "peak from=\"2026-12-05\" to=\"2026-12-05\" min=3";
    let app = |words: &str| codes_with(&format!("    app nextcloud two {{ {words}; }}"));
    assert_eq!(app(two), (vec!["E0440"], true));
    assert_eq!(app("peak from=\"2026-12-05T10:00\" to=\"2026-12-05T09:59\" min=3"), (vec!["E0440"], true));
    assert_eq!(app("peak from=\"2026-12-05T10:00\" to=\"2026-12-05T10:01\" min=3"), (vec![], false));
    assert_eq!(app("nights asleep from=\"22:00\" to=\"22:00\""), (vec!["E0440"], true));
    assert_eq!(app("nights asleep from=\"22:00\" to=\"21:59\""), (vec![], false));
    assert_eq!(app("nights asleep"), (vec!["E0104", "E0104"], true), "it would never sleep");
    assert_eq!(app("nights awake from=\"22:00\" to=\"06:00\""), (vec!["W0441"], false));
}

#[test]
fn a_peak_is_held_against_what_runs_anyhow() {
    let app = |words: &str| codes_with(&format!("    app nextcloud two {{ {words}; }}"));
    let peak = |min: u32| format!("peak from=\"2026-12-05\" to=\"2026-12-06\" min={min}");
    assert_eq!(app(&format!("scale min=3 max=9; {}", peak(3))), (vec!["W0442"], false));
    assert_eq!(app(&format!("scale min=3 max=9; {}", peak(4))), (vec![], false));
    assert_eq!(app(&format!("scale min=3 max=9; {}", peak(10))), (vec!["W0442"], false));
    assert_eq!(app(&peak(10)), (vec![], false), "nobody says how many run at most");
    let two = |min: u32| format!("{}; peak from=\"2026-12-05T08:00\" to=\"2026-12-05T09:00\" min={min}", peak(6));
    assert_eq!(app(&two(6)), (vec!["W0442"], false), "another one keeps as many ready for all of its time");
    assert_eq!(app(&two(7)), (vec![], false));
    let sleeps = "nights asleep from=\"22:00\" to=\"06:00\"";
    assert_eq!(app(&format!("{sleeps}; {}", peak(1))), (vec![], false), "it is awake for the peak");
}

#[test]
fn software_that_knows_one_address_has_no_further_one() {
    let (codes, stops) = codes_with("    app keycloak two { also-at id.tiers-lieux.example; }");
    assert_eq!((codes, stops), (vec!["E0441"], true));
    let own = codes_with("    app static-site two { also-at two.tiers-lieux.example; }");
    assert_eq!(own, (vec!["W0444"], false), "its own host takes nothing from itself");
    assert_eq!(codes_with("    app static-site two { also-at three.tiers-lieux.example; }"), (vec![], false));
}

#[test]
fn a_domain_is_given_to_somebody_who_has_it_not() {
    let belongs =
        |line: &str| codes_of(&[(CLUSTER, "    provides {", &format!("    belongs {line}\n    provides {{"))]);
    assert_eq!(belongs("wiki.tiers-lieux.example to=tiers-lieux"), (vec!["W0445"], false));
    assert_eq!(belongs("tiers-lieux.example to=tiers-lieux"), (vec!["W0445"], false));
    assert_eq!(belongs("tiers-lieux-lyon.example to=tiers-lieux"), (vec![], false));
    assert_eq!(belongs("tiers-lieux-lyon.example to=tiers-lieus"), (vec!["W0446"], false));
    assert_eq!(
        belongs("s3.indiehosters.example to=alternatiba"),
        (vec![], false),
        "an address of the cluster lies in it"
    );
}

#[test]
fn a_garden_is_told_once_that_nothing_is_backed_up() {
    let line = "        backup { every night at=\"02:30\"; keep daily=7 weekly=4 monthly=6; }\n";
    let without = [("offers/liiibre.kdl", line, "")];
    assert_eq!(codes_of(&without), (vec!["W0443"], false));
    let one = (TIERS_LIEUX, NOTES, "        at notes.tiers-lieux.example\n        backup { every week; }\n");
    assert_eq!(codes_of(&[without[0], one]), (vec![], false));
    // What is not read may ask for backups.
    let strange = (TIERS_LIEUX, NOTES, "        at notes.tiers-lieux.example\n        storge 7 GiB\n");
    assert_eq!(codes_of(&[without[0], strange]), (vec!["E0101"], true));
}
