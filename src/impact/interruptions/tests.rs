//! Who is interrupted by which edit.

use super::*;
use crate::impact::tests::{
    ADA, ALTERNATIBA, CNAM, Files, PAGES, TIERS_LIEUX, impact, impact_at, interruptions, replace,
};

fn told(edit: impl FnOnce(&mut Files)) -> Vec<String> {
    interruptions(&impact(edit))
}

#[test]
fn an_app_whose_volume_one_node_may_have_is_away() {
    let all = impact(|files| replace(files, PAGES, "version 1", "version 2"));
    assert_eq!(
        interruptions(&all),
        ["Interrupted for about a minute: www of pages (page 1.0 → 2.0)"],
        "and its worker restarts beside it"
    );
    let one = &all.interruptions[0];
    assert_eq!((one.how, one.pods), (How::Away, 3));
    assert_eq!((one.seconds, one.at_most_seconds), (Some(70), Some(630)));
    assert_eq!(one.origin.as_ref().map(|place| &*place.file), Some(PAGES));
}

#[test]
fn labels_and_annotations_of_objects_restart_nothing() {
    // The title of an organisation is an annotation of its namespace; apps that show it restart.
    let all = told(|files| replace(files, TIERS_LIEUX, "Tiers-lieux en réseau", "Tiers-lieux"));
    assert_eq!(all, Vec::<String>::new());
    let room = told(|files| replace(files, CNAM, "storage 800 GiB", "storage 900 GiB"));
    assert_eq!(room, Vec::<String>::new());
}

#[test]
fn several_copies_restart_one_after_the_other() {
    let all = told(|files| {
        replace(
            files,
            CNAM,
            "scale min=2 max=6 cpu-percent=65",
            "scale min=2 max=6 cpu-percent=65\n        size large",
        );
    });
    assert_eq!(all, ["Restarts without an interruption: cloud of cnam: 2 copies, one after the other"]);
    // How many there are restarts none.
    assert_eq!(told(|files| replace(files, CNAM, "max=6", "max=7")), Vec::<String>::new());
}

#[test]
fn a_paused_app_stops_and_starts_again() {
    let paused = |files: &mut Files| replace(files, CNAM, "sign-up off", "sign-up off\n        state paused");
    assert_eq!(told(paused), ["Stops: pads of cnam (paused; its address answers with an error)"]);
    let archived = |files: &mut Files| replace(files, CNAM, "sign-up off", "sign-up off\n        state archived");
    assert_eq!(told(archived), ["Stops: pads of cnam (archived; its address shows a page)"]);
}

#[test]
fn a_paused_app_with_a_database_of_its_own_stops_whole() {
    let all =
        impact(|files| replace(files, ALTERNATIBA, "app rocket-chat chat", "app rocket-chat chat { state paused; }"));
    assert_eq!(interruptions(&all), ["Stops: chat of alternatiba (paused; its address answers with an error)"]);
    assert_eq!(all.interruptions[0].kinds, ["Deployment", "PerconaServerMongoDB"].map(str::to_owned).into());
    assert_eq!(all.interruptions[0].origin.as_ref().map(|place| &*place.file), Some(ALTERNATIBA));
}

#[test]
fn who_sleeps_is_interrupted_where_it_is_applied_by_day() {
    let edit = |files: &mut Files| {
        replace(files, PAGES, "version 1", "version 2; nights asleep from=\"22:00\" to=\"06:30\"");
    };
    let before = |files: &mut Files| {
        replace(files, PAGES, "version 1", "version 1; nights asleep from=\"22:00\" to=\"06:30\"");
    };
    let _ = before;
    let (night, _) = impact_at("2026-11-20T23:30:00Z", edit, |_| {});
    // It was awake by the commit before, and is put to sleep now.
    assert_eq!(interruptions(&night), ["Stops: www of pages (asleep for the night)"]);
    let all = told(|files| replace(files, TIERS_LIEUX, "modules calendar contacts deck tasks", "modules calendar"));
    let (asleep, _) = impact_at(
        "2026-11-20T23:30:00Z",
        |files| replace(files, TIERS_LIEUX, "modules calendar contacts deck tasks", "modules calendar"),
        |_| {},
    );
    let by_night: Vec<String> =
        all.iter().map(|line| format!("{line}, where it is applied by day: asleep at this hour")).collect();
    assert_eq!(interruptions(&asleep), by_night);
}

#[test]
fn servers_of_a_database_switch_and_a_major_version_stops_them() {
    let minor = told(|files| replace(files, ADA, "postgis:17-3.6-standard-trixie", "postgis:17-3.7-standard-trixie"));
    assert_eq!(minor.len(), 1, "{minor:?}");
    assert!(minor[0].starts_with("Interrupted for some seconds: the databases of "), "{minor:?}");
    let major = told(|files| replace(files, ADA, "postgis:17-3.6-standard-trixie", "postgis:18-3.6-standard-trixie"));
    assert!(
        major[0].starts_with("Interrupted for about 5 minutes each: the databases, and the apps on them, of "),
        "{major:?}"
    );
}

#[test]
fn an_address_that_goes_and_one_that_comes() {
    let gone = impact(|files| replace(files, ALTERNATIBA, "        also-at www.alternatiba.example\n", ""));
    assert_eq!(gone.interruptions[0].how, How::AddressGoes);
    assert_eq!(interruptions(&gone)[0], "Leads nowhere: www.alternatiba.example (www of alternatiba)");
    let more = impact(|files| {
        replace(
            files,
            ALTERNATIBA,
            "also-at www.alternatiba.example",
            "also-at www.alternatiba.example new.alternatiba.example",
        );
    });
    assert!(more.interruptions.iter().all(|one| one.how != How::AddressGoes), "{:?}", interruptions(&more));
}

#[test]
fn a_new_app_starts() {
    let all = told(|files| replace(files, PAGES, "app page blog", "app page third\n    app page blog"));
    assert_eq!(all, ["Starts: third of pages"]);
}

#[test]
fn a_kind_that_nobody_knows_may_restart_something() {
    let (impact, _) = impact_at(
        "2026-11-20T11:00:00Z",
        |files| replace(files, CNAM, "storage 800 GiB", "storage 900 GiB"),
        |plan| {
            for action in &mut plan.actions {
                if &*action.id.kind == "GarageBucket" {
                    action.id.api_version = "example.org/v1".into();
                }
            }
        },
    );
    assert_eq!(
        interruptions(&impact),
        ["May restart: cloud of cnam; what changes may need it, and only the cluster decides"]
    );
}
