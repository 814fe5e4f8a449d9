//! Stories of an organisation that means harm: what it writes is refused on its own lines before a cluster is asked, and
//! what got past that is refused by the guard. Nothing of others is touched.

use std::collections::BTreeSet;

use parcelle::check::{Checked, check, past_of};
use parcelle::finding::Severity;
use parcelle::git::{RawFile, Snapshot};
use parcelle::plan::{Keeping, Reason, Verb};
use parcelle::render::Object;
use parcelle::report::{self, Drawing, Format};
use serde_json::json;

use crate::story::World;

const GARDEN: &str = r#"edition 2026

garden hostile {
    title "Hostile"
    ceiling { cpu 64 cores; memory 256 GiB; storage 8 TiB; }
}
cluster ada {
    title "Ada"
    uid "5c0f6f5e-7f59-4f3e-9a51-3f9f0a1f6a11"
    timezone "Europe/Paris"
    domain ada.example
    provides {
        postgres cloudnative-pg { storage-class fast; }
        volume storage-class { class fast; shared-class shared; }
        route gateway-api { gateway public; namespace gateways; certificates letsencrypt; }
        mail relay { host smtp.example; port 587; credentials smtp-relay; }
    }
    network { nodes "203.0.113.0/26"; api-server "203.0.113.2"; }
}
offer lenient {
    title "Lenient"
    grants { cpu 8 cores; memory 32 GiB; storage 1 TiB; }
    allow patch env
}
definition rooted {
    about "Objects that no organisation may have."
    releases {
        channel stable 1
        release 1 image="example.org/app:1"
    }
    object ClusterRoleBinding everything {
        roleRef apiGroup="rbac.authorization.k8s.io" kind=ClusterRole name=cluster-admin
    }
}
"#;

const GOOD: &str = r#"edition 2026

organisation good {
    title "Good"
    offer lenient
    cluster ada
    domain good.example
    app static-site www { at good.example; }
    app hedgedoc pads
}
"#;

fn checked(hostile: &str) -> Checked {
    let file = |path: &str, text: &str| RawFile {
        path: path.to_owned(),
        blob: text.to_owned(),
        bytes: text.as_bytes().into(),
    };
    let snapshot = |files| Snapshot::of(files);
    let before = vec![file("garden.kdl", GARDEN), file("organisations/good.kdl", GOOD)];
    // The others are applied already: what they have is theirs.
    let past = past_of(&check(snapshot(before.clone()), None, jiff::Timestamp::UNIX_EPOCH));
    let files = before.into_iter().chain([file(&path_of(hostile), hostile)]).collect();
    check(snapshot(files), Some(&past), jiff::Timestamp::UNIX_EPOCH)
}

/// The file that an organisation's text stands in.
fn path_of(text: &str) -> String {
    let name = text.split("organisation ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("hostile-people");
    format!("organisations/{name}.kdl")
}

fn organisation(inside: &str) -> String {
    format!(
        "edition 2026\n\norganisation hostile-people {{\n    title \"Hostile\"\n    offer lenient\n    cluster ada\n    \
         domain hostile.example\n    {inside}\n}}\n"
    )
}

fn patched(patch: &str) -> String {
    organisation(&format!(
        "app hedgedoc pads {{\n        patch Deployment pads-web {{\n            {patch}\n        }}\n    }}"
    ))
}

fn in_pod(spec: &str) -> String {
    patched(&format!("spec {{ template {{ spec {{ {spec}; }}; }}; }}"))
}

/// What is tried, and a word of the refusal that its author reads.
fn attempts() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("the host of another", organisation("app static-site www { at good.example; }"), "is taken by `good/www`"),
        (
            "the domain of another",
            organisation("app static-site www").replace("hostile.example", "good.example"),
            "`good.example`",
        ),
        ("a host below another's", organisation("app static-site www { at x.good.example; }"), "outside the domain"),
        ("another's namespace", patched("metadata { namespace good; }"), "`metadata.namespace` is not for writing"),
        ("another's name", patched("metadata { name good-pads; }"), "`metadata.name` is not for writing"),
        (
            "another's label",
            patched("metadata { labels \"parcelle.dev/organisation\"=good; }"),
            "`parcelle.dev/organisation` is not for writing",
        ),
        (
            "another's inventory",
            patched("metadata { labels \"applyset.kubernetes.io/part-of\"=good; }"),
            "`applyset.kubernetes.io/part-of` is not for writing",
        ),
        (
            "the node's files",
            in_pod("volumes root { hostPath path=\"/\"; }"),
            "would give the pod more than it may have",
        ),
        ("the node's network", in_pod("hostNetwork on"), "would give the pod more than it may have"),
        ("the node's processes", in_pod("hostPID on"), "would give the pod more than it may have"),
        ("another account", in_pod("serviceAccountName admin"), "would give the pod more than it may have"),
        (
            "the whole machine",
            in_pod("containers pads { securityContext privileged=on; }"),
            "would give the pod more than it may have",
        ),
        ("rights over everything", organisation("app rooted root"), "ClusterRoleBinding"),
        (
            "a namespace taken over",
            organisation("app hedgedoc pads { adopt Namespace good; }"),
            "there is no Namespace `good` to adopt",
        ),
        ("the system's name", organisation("").replace("hostile-people", "kube-system"), "can be called `kube-system`"),
        (
            "parcelle's own name",
            organisation("").replace("hostile-people", "parcelle-system"),
            "can be called `parcelle-system`",
        ),
    ]
}

#[test]
fn what_a_hostile_organisation_writes_is_refused_on_its_lines_and_the_others_go_on() {
    let alone = checked(&organisation(""));
    let good = alone.objects.iter().find(|(name, _)| name.as_str() == "good").expect("it renders").1.clone();
    for (what, text, words) in attempts() {
        let checked = checked(&text);
        let report = report::render(Format::Text, &checked.findings, &checked.sources, Drawing::Plain);
        let errors: Vec<_> = checked.findings.iter().filter(|found| found.severity == Severity::Error).collect();
        assert!(!errors.is_empty(), "{what}: nothing is said");
        assert!(report.contains(words), "{what}: {words:?} is not in\n{report}");
        for found in &errors {
            assert!(!found.help.is_empty(), "{what}: no way out in\n{report}");
        }
        let told: BTreeSet<&str> =
            errors.iter().map(|found| &*checked.sources.file(found.primary.span.file).path).collect();
        assert!(told.contains(&*path_of(&text)) || told.contains("garden.kdl"), "{what}: told in {told:?}");
        let names: Vec<&str> = checked.objects.keys().map(parcelle::name::Name::as_str).collect();
        assert_eq!(names, ["good"], "{what}: the others are rendered, it is not");
        assert_eq!(checked.objects.values().next(), Some(&good), "{what}");
    }
}

#[tokio::test]
async fn what_gets_past_the_check_is_refused_by_the_guard_and_nothing_of_others_moves() {
    let mut world = World::new().await;
    let (good, hostile) = (world.organisation("good"), world.organisation("hostile"));
    world.ordinary(&good);
    world.generated(&good, "web-instance");
    world.round().await.assert_all_done();
    let kinds = [("ConfigMap", "settings"), ("Deployment", "web"), ("Service", "web"), ("Secret", "web-instance")];
    let mut before = Vec::new();
    for (kind, object) in kinds {
        before.push(world.get(kind, &good, object).await);
    }
    // As a broken renderer would: objects in the namespace of another, one of them under a name that is theirs.
    world.put(&hostile, "ConfigMap", "settings", Some("web"), json!({"data": {"colour": "red"}}));
    world.put(&hostile, "ConfigMap", "planted", Some("web"), json!({"data": {"colour": "red"}}));
    let moved: Vec<Object> = world.objects_of(&hostile).objects.split_off(1);
    for mut object in moved {
        object.id.namespace = good.as_str().into();
        object.body["metadata"]["namespace"] = good.as_str().into();
        world.objects_of(&hostile).objects.push(object);
    }
    // And a namespace of the system.
    world.put(&hostile, "Namespace", "kube-system", None, json!({"metadata": {"labels": {"stolen": "yes"}}}));
    let round = world.round().await;
    for (kind, object) in [("ConfigMap", "settings"), ("ConfigMap", "planted"), ("Namespace", "kube-system")] {
        let action = round.action(&hostile, kind, object);
        assert_eq!(action.verb(), Verb::Refused, "{action:?}");
        assert!(!matches!(action.reason(), Reason::Keeping(Keeping::Unchanged)), "{action:?}");
    }
    assert!(round.findings().has_errors(), "a person is told");
    assert_eq!(round.writes(), Vec::<String>::new());
    for ((kind, object), before) in kinds.iter().zip(before) {
        assert_eq!(world.get(kind, &good, object).await, before, "{kind} {object}");
    }
    assert!(world.get("ConfigMap", &good, "planted").await.is_none());
    world.assert_inventory_exact(&good).await;
    world.end().await;
}
