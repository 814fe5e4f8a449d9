//! Gardens before and after, checked, rendered and planned as `parcelle plan --base` does it, and what that comes to.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use super::*;
use crate::check::{Checked, Memo, check, check_again, past_of};
use crate::engine::{Baseline, plan_offline};
use crate::git::{RawFile, Snapshot};
use crate::plan::OrganisationPlan;

/// The files of a garden, by path.
pub(super) type Files = BTreeMap<&'static str, String>;

pub(super) const CNAM: &str = "organisations/cnam.kdl";
pub(super) const ALTERNATIBA: &str = "organisations/alternatiba.kdl";
pub(super) const TIERS_LIEUX: &str = "organisations/tiers-lieux.kdl";
pub(super) const PAGES: &str = "organisations/pages.kdl";
pub(super) const LIIIBRE: &str = "offers/liiibre.kdl";
pub(super) const ADA: &str = "clusters/ada-lovelace.kdl";

/// A definition of three releases, and an organisation that may use every hatch.
const PAGE: &str = r#"edition 2026

definition page {
    about "A page."
    settings { refine storage { about "How much."; default 2 GiB; }; }
    releases {
        channel stable 1
        release 3 image="docker.io/example/page:3.0-slim" after=2
        release 2 image="docker.io/example/page:2.0-slim" after=1
        release 1 image="docker.io/example/page:1.0-slim"
    }
    needs { volume notes { size "${settings.storage}"; }; route web { host "${settings.at}"; to web; }; }
    workload web {
        image "${release.image}"
        run-as 1000
        port http 8080
        volume notes at="/notes"
        started http path="/" { failures 60; }
        ready http path="/"
    }
    workload worker {
        image "${release.image}"
        run-as 1000
        run worker
        replicas min="${settings.scale.min}" max="${settings.scale.max}"
    }
    test smallest { expect "objects.Deployment.web.spec.replicas == 1"; }
}
"#;

const OPEN: &str = "edition 2026\n\noffer open {\n    title \"Open\"\n    grants { cpu 8 cores; memory 16 GiB; storage 100 GiB; }\n    \
                    allow env patch\n}\n";

const OF_PAGES: &str = "edition 2026\n\norganisation pages {\n    title \"Pages\"\n    offer open\n    cluster ada-lovelace\n    domain pages.example\n\n    \
                        app page www { storage 20 GiB; scale min=2 max=2; version 1; }\n    app page blog { storage 20 GiB; }\n}\n";

pub(super) fn files() -> Files {
    BTreeMap::from(
        [
            ("garden.kdl", include_str!("../../orgs/garden.kdl")),
            (ADA, include_str!("../../orgs/clusters/ada-lovelace.kdl")),
            (LIIIBRE, include_str!("../../orgs/offers/liiibre.kdl")),
            ("offers/sur-mesure.kdl", include_str!("../../orgs/offers/sur-mesure.kdl")),
            ("offers/open.kdl", OPEN),
            ("page.kdl", PAGE),
            (CNAM, include_str!("../../orgs/organisations/cnam.kdl")),
            (ALTERNATIBA, include_str!("../../orgs/organisations/alternatiba.kdl")),
            (TIERS_LIEUX, include_str!("../../orgs/organisations/tiers-lieux.kdl")),
            (PAGES, OF_PAGES),
        ]
        .map(|(path, text)| (path, text.to_owned())),
    )
}

/// Replaces a text of a file, which must be there.
pub(super) fn replace(files: &mut Files, path: &str, from: &str, to: &str) {
    let text = files.get_mut(path).expect("the garden has that file");
    assert!(text.contains(from), "{from:?} is not in\n{text}");
    *text = text.replace(from, to);
}

fn snapshot(files: &Files) -> Snapshot {
    let raw = |(path, text): (&&str, &String)| RawFile {
        path: (*path).to_owned(),
        blob: format!("{:x}", text.len()) + text,
        bytes: text.as_bytes().to_vec().into(),
    };
    Snapshot::of(files.iter().map(raw).collect())
}

/// What is known of earlier gardens: they differ by an edit each.
static MEMO: LazyLock<Mutex<Memo>> = LazyLock::new(Mutex::default);

/// What becomes of an edit at a moment, with the plans of the organisations as they may still be changed.
pub(super) fn impact_at(
    at: &str,
    edit: impl FnOnce(&mut Files),
    change: impl Fn(&mut OrganisationPlan),
) -> (Impact, Checked) {
    let now: jiff::Timestamp = at.parse().unwrap();
    let mut files = files();
    let mut memo = MEMO.lock().unwrap_or_else(PoisonError::into_inner);
    let before = check_again(&mut memo, snapshot(&files), None, now);
    edit(&mut files);
    let past = past_of(&before);
    let after = check_again(&mut memo, snapshot(&files), Some(&past), now);
    for checked in [&before, &after] {
        let errors = checked.findings.iter().filter(|one| one.severity == crate::finding::Severity::Error);
        let errors: Vec<_> = errors.map(|one| (&one.title, &one.primary.text)).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    let context = after.impact_context().expect("there is a garden").after(before.as_applied());
    let mut impact = ImpactBuilder::default();
    let planned = plan_offline(&after, None, now, &Baseline::Commit(&before), |plan| {
        for mut one in plan.organisations {
            change(&mut one);
            impact.add(&one, context);
        }
        Ok::<_, std::convert::Infallible>(())
    });
    planned.unwrap();
    let impact = impact.finish();
    (impact, after)
}

/// What becomes of an edit.
pub(super) fn impact(edit: impl FnOnce(&mut Files)) -> Impact {
    let (impact, _) = impact_at("2026-11-20T11:00:00Z", edit, |_| {});
    // Another process reads back what was written.
    let text = serde_json::to_string(&impact).unwrap();
    assert_eq!(serde_json::from_str::<Impact>(&text).unwrap(), impact);
    impact
}

/// The same with plans that say more than a garden brings about.
pub(super) fn impact_of_plans(change: impl Fn(&mut OrganisationPlan)) -> Impact {
    impact_at("2026-11-20T11:00:00Z", |_| {}, change).0
}

fn sentences<T>(of: &[T], parts: impl Fn(&T) -> (&str, &str)) -> Vec<String> {
    of.iter().map(&parts).map(|(lead, words)| format!("{lead} {words}")).collect()
}

pub(super) fn data(impact: &Impact) -> Vec<String> {
    sentences(&impact.data, |one| (&one.lead, &one.words))
}

pub(super) fn interruptions(impact: &Impact) -> Vec<String> {
    sentences(&impact.interruptions, |one| (&one.lead, &one.words))
}

pub(super) fn images(impact: &Impact) -> Vec<String> {
    sentences(&impact.images, |one| (&one.lead, &one.words))
}

pub(super) fn amounts(impact: &Impact) -> Vec<String> {
    sentences(&impact.amounts, |one| (&one.lead, &one.words))
}

/// The names of the rules that found something.
pub(super) fn dangers(impact: &Impact) -> Vec<&str> {
    impact.dangers.iter().map(|one| &*one.rule).collect()
}

#[test]
fn of_nothing_nothing_matters() {
    assert_eq!(impact(|_| {}), Impact::default());
}

#[test]
fn a_retirement_says_its_day_what_goes_and_how_it_is_taken_back() {
    let impact = impact(|files| {
        replace(
            files,
            CNAM,
            "app hedgedoc pads {\n        sign-up off",
            "retired app hedgedoc pads {\n        keep-data 90 days",
        );
    });
    assert_eq!(
        data(&impact),
        [
            "Gone on 2027-02-18 unless taken back: pads of cnam: database `pads_db` and volume `pads-uploads` with 2 GiB of room; it stays if the word `retired` goes before that day"
        ]
    );
    let one = &impact.data[0];
    assert_eq!((one.how, one.bytes), (data::DataHow::GoesLater, Some(2 << 30)));
    assert_eq!(one.kinds, BTreeMap::from([("Database".to_owned(), 1), ("PersistentVolumeClaim".to_owned(), 1)]));
    assert_eq!(one.origin.as_ref().map(ToString::to_string).as_deref(), Some("organisations/cnam.kdl:27"));
    assert_eq!(interruptions(&impact), ["Stops: pads of cnam (retired; its address shows a page)"]);
}

#[test]
fn the_data_of_several_organisations_is_counted() {
    let impact = impact(|files| {
        replace(files, CNAM, "app hedgedoc pads {\n        sign-up off\n    }", "retired app hedgedoc pads");
        replace(files, LIIIBRE, "    app hedgedoc pads\n", "");
        for path in [ALTERNATIBA, TIERS_LIEUX] {
            let text = files.get_mut(path).unwrap().trim_end().trim_end_matches('}').to_owned();
            files.insert(path, format!("{text}    retired app hedgedoc pads\n}}\n"));
        }
    });
    let data = data(&impact);
    assert_eq!(data.len(), 1, "{data:?}");
    assert!(data[0].starts_with("Gone on 2026-12-20 unless taken back: pads of alternatiba, cnam and tiers-lieux: 3 databases and 3 volumes with 6 GiB of room"), "{data:?}");
    assert_eq!(impact.data[0].origin, None, "each has a line of its own");
}

#[test]
fn an_app_that_is_called_otherwise_goes_on_with_its_data() {
    let impact = impact(|files| replace(files, PAGES, "app page blog {", "app page journal { was blog;"));
    assert_eq!(
        data(&impact),
        ["Renamed: `blog` is called `journal` now, and goes on with its data (journal of pages)"]
    );
    let told = interruptions(&impact);
    assert!(told.iter().any(|one| one == "Leads nowhere: blog.pages.example (blog of pages)"), "{told:?}");
}

#[test]
fn what_is_gone_already_stands_first() {
    let lost = crate::plan::GoneData {
        id: crate::render::ObjectId {
            api_version: "v1".into(),
            kind: "PersistentVolumeClaim".into(),
            namespace: "cnam".into(),
            name: "pads-uploads".into(),
        },
        uid: "u".to_owned(),
        since: 1_790_000_000,
        apps: [Name::new("pads").unwrap()].into(),
        acknowledged: None,
    };
    let impact = impact_of_plans(|plan| {
        if plan.organisation.as_str() == "cnam" {
            plan.lost.push(lost.clone());
        }
    });
    let told = data(&impact);
    assert_eq!(
        told,
        [
            "Gone already: pads of cnam: volume `pads-uploads` with 2 GiB of room; nobody here deleted it; known since 2026-09-21"
        ]
    );
}

#[test]
fn fewer_backups_and_none_are_told_as_data() {
    let fewer = impact(|files| replace(files, LIIIBRE, "daily=7", "daily=3"));
    assert!(
        data(&fewer)
            .iter()
            .any(|one| one.starts_with("Fewer backups: ") && one.ends_with("daily ones kept: 7, then 3")),
        "{:?}",
        data(&fewer)
    );
    assert!(data(&impact(|files| replace(files, LIIIBRE, "daily=7", "daily=9"))).is_empty());
    let none = impact(|files| {
        let text = files.get_mut(ADA).unwrap();
        let (from, to) = (text.find("        backup k8up {").unwrap(), text.find("        mail relay").unwrap());
        text.replace_range(from..to, "");
        replace(files, "garden.kdl", "at-most=20 percent=10", "at-most=200 percent=90");
    });
    assert!(data(&none).iter().any(|one| one.starts_with("Not backed up any more: ")), "{:?}", data(&none));
    assert!(dangers(&none).contains(&"backup-off") && !dangers(&fewer).contains(&"backup-off"));
}

#[test]
fn images_are_folded_over_apps_and_major_versions_marked() {
    let impact = impact(|files| replace(files, PAGES, "version 1", "version 2"));
    assert_eq!(images(&impact), ["page 1.0 → 2.0: a major version; www of pages"]);
    assert!(impact.images[0].major && dangers(&impact).contains(&"major-version"));
    assert!(impact.dangers.iter().all(|one| one.rule != "several-releases"), "{:?}", impact.dangers);
}

#[test]
fn amounts_are_told_against_the_grant_before_and_after() {
    let impact = impact(|files| replace(files, ALTERNATIBA, "storage 120 GiB", "storage 250 GiB"));
    let told = amounts(&impact);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("Storage of alternatiba: 1") && told[0].contains(" of 300 GiB, then "), "{told:?}");
    let one = &impact.amounts[0];
    assert_eq!(one.after.zip(one.before).map(|(after, before)| after - before), Some(130 << 30));
    assert_eq!((one.tight, one.over), (one.after.unwrap() > 270 << 30, false));
    assert_eq!(one.origin.as_ref().map(|place| &*place.file), Some(ALTERNATIBA));
}

#[test]
fn another_offer_is_named_with_what_it_grants() {
    let impact = impact(|files| replace(files, PAGES, "offer open", "offer sur-mesure"));
    let told = amounts(&impact);
    assert_eq!(told[0], "Offer of pages: open → sur-mesure", "{told:?}");
    assert!(told.iter().any(|one| one.contains("40 GiB of 2 TiB (granted before: 100 GiB)")), "{told:?}");
}

#[test]
fn without_what_is_applied_amounts_are_told_by_the_changes_of_the_plan() {
    let now: jiff::Timestamp = "2026-11-20T11:00:00Z".parse().unwrap();
    let mut files = files();
    let before = check(snapshot(&files), None, now);
    replace(&mut files, ALTERNATIBA, "storage 120 GiB", "storage 130 GiB");
    let after = check(snapshot(&files), Some(&past_of(&before)), now);
    let known = after.impact_context().unwrap().after(before.as_applied());
    let told = |context: ImpactContext<'_>| {
        let mut impact = ImpactBuilder::default();
        let planned = plan_offline(&after, None, now, &Baseline::Commit(&before), |plan| {
            plan.organisations.iter().for_each(|one| impact.add(one, context));
            Ok::<_, std::convert::Infallible>(())
        });
        planned.unwrap();
        amounts(&impact.finish())
    };
    assert_eq!(told(after.impact_context().unwrap()), told(known), "storage follows from the plan");
    let past = past_of(&before);
    let of_past = after.impact_context().unwrap().after(AppliedGarden::Past(&past));
    assert_eq!(told(of_past), told(known), "and from the organisations as they were applied");
}
