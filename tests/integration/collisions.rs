//! Names by the formula: no two objects of a garden are the same one, however its organisations, apps and parts are called.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use parcelle::check::check;
use parcelle::git::{RawFile, Snapshot};
use proptest::prelude::*;

use super::incremental::generated;

/// A definition whose parts, joined to the names of apps, read alike in many ways.
const PARTS: &str = r#"edition 2026

definition parts {
    about "Parts that are called like ends of the names of apps."
    releases { channel stable 1; release 1 image="registry.example.org/parts:1.0"; }
    needs {
        postgres db
        redis b
        bucket c
        bucket b-c
        volume a { size 1 GiB; }
        route web { host "${settings.at}"; to c; }
    }
    workload c {
        image "${release.image}"
        run-as 1000
        port http 3000
        env DATABASE "${needs.db.url}"
        env CACHE "${needs.b.url}"
        env FIRST "${needs.c.bucket}"
        env SECOND "${needs.b-c.bucket}"
        volume a at="/data"
        ready http path="/"
    }
    workload b-c { image "${release.image}"; run-as 1000; env PLAIN text; }
    job b { image "${release.image}"; run-as 1000; run "true"; every "0 3 * * *"; }
    test smallest { given { at parts.example.org; }; expect "objects.Deployment.c.spec.replicas == 1"; }
}
"#;

/// Short names that read alike when they are joined, and long ones that differ at their ends or in the middle.
fn name() -> impl Strategy<Value = String> {
    let short = "(a|b|c|web|db)(-(a|b|c|web|db)){0,2}";
    let long = "[ab]{26}-[ab]{2}(-[ab]{10,30})?";
    prop_oneof![3 => short.boxed(), 1 => long.boxed()]
}

/// Organisations with the names of their apps.
fn organisations() -> impl Strategy<Value = Vec<(String, BTreeSet<String>)>> {
    let one = (name(), prop::collection::btree_set(name(), 1..4));
    prop::collection::btree_map(name(), one, 2..6)
        .prop_map(|all| all.into_iter().map(|(name, (_, apps))| (name, apps)).collect())
}

fn snapshot(organisations: &[(String, BTreeSet<String>)]) -> Snapshot {
    let mut files = vec![
        ("clusters/ada.kdl".to_owned(), generated::cluster(generated::Size::Short)),
        ("definitions/parts.kdl".to_owned(), PARTS.to_owned()),
        ("garden.kdl".to_owned(), generated::GARDEN.to_owned()),
    ];
    for (at, (name, apps)) in organisations.iter().enumerate() {
        let mut text = format!("edition 2026\n\norganisation {name} {{\n    cluster ada\n    title \"{at}\"\n");
        for (at, app) in apps.iter().enumerate() {
            let _ = writeln!(text, "    app parts {app} {{ at h{at}.{name}.ada.example; }}");
        }
        files.push((format!("organisations/{name}.kdl"), text + "}\n"));
    }
    let raw = |(path, text): (String, String)| RawFile { path, blob: text.clone(), bytes: text.into_bytes().into() };
    Snapshot::of(files.into_iter().map(raw).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_two_objects_of_a_garden_collide(organisations in organisations()) {
        let checked = check(snapshot(&organisations), None, jiff::Timestamp::UNIX_EPOCH);
        let others = checked.findings.iter().filter(|finding| finding.code.as_str() != "W0443");
        let found: Vec<_> = others.map(|finding| &finding.title).collect();
        prop_assert!(found.is_empty(), "{organisations:?}: {found:?}");
        let mut taken = BTreeSet::new();
        for packed in checked.objects.values() {
            let objects = packed.open();
            let ids = objects.objects.iter().map(|object| &object.id).chain(objects.secrets.iter().map(|one| &one.id));
            for id in ids {
                let id = (objects.cluster.clone(), id.kind.clone(), id.namespace.clone(), id.name.clone());
                prop_assert!(taken.insert(id.clone()), "{id:?} is there twice: {organisations:?}");
            }
            for bucket in objects.objects.iter().filter_map(|object| object.body["spec"]["globalAlias"].as_str()) {
                let id = (objects.cluster.clone(), "a bucket".into(), "".into(), bucket.into());
                prop_assert!(taken.insert(id), "the bucket {bucket} is there twice: {organisations:?}");
            }
        }
        prop_assert_eq!(checked.objects.len(), organisations.len());
    }
}
