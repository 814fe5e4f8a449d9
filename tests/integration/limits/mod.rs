//! Limits that are known beforehand: what a check accepts, an API server takes, and what it refuses is told at its line.

use std::collections::BTreeMap;

use parcelle::check::{Checked, check};
use parcelle::finding::{Finding, Severity};
use serde_json::Value;

use crate::findings::snapshot;

mod chance;
mod schemas;

/// An organisation whose only app, `forum`, has these lines; `@` stands for a value.
fn organisation(name: &str, lines: &str, value: &str) -> (String, String) {
    let lines = lines.replace('@', value);
    let text = format!(
        "edition 2026\n\norganisation {name} {{\n    title \"{name}\"\n    offer sur-mesure\n    cluster ada-lovelace\n    \
         domain {name}.example\n    contact tech@{name}.example role=technical\n\n    app forum forum {{\n{lines}\n    }}\n}}\n"
    );
    (format!("organisations/{name}.kdl"), text)
}

fn checked(files: &[(String, String)]) -> Checked {
    check(snapshot(files), None, jiff::Timestamp::UNIX_EPOCH)
}

fn errors(checked: &Checked) -> impl Iterator<Item = &Finding> {
    checked.findings.iter().filter(|finding| finding.severity == Severity::Error)
}

fn told(checked: &Checked, finding: &Finding) -> String {
    format!("{} {} {}", checked.sources.locate(finding.primary.span), finding.code.as_str(), finding.title)
}

const DEPLOYMENT: &str = "patch Deployment forum-web { spec { template { spec { …; }; }; }; }";
const CONTAINER: &str = "patch Deployment forum-web { spec { template { spec { containers web { …; }; }; }; }; }";
const SERVICE: &str = "patch Service forum-web { spec { …; }; }";
const WORKLOAD: &str = "patch Deployment forum-web { spec { …; }; }";
const METADATA: &str = "patch ConfigMap forum-extra { metadata { …; }; }";

/// A limit by what stands around a value, the last value within it and the first beyond.
struct Row {
    around: &'static str,
    says: &'static str,
    within: String,
    beyond: String,
}

fn row(around: &'static str, says: &'static str, within: impl ToString, beyond: impl ToString) -> Row {
    Row { around, says, within: within.to_string(), beyond: beyond.to_string() }
}

fn word(length: usize) -> String {
    "a".repeat(length)
}

fn rows_of_pods() -> Vec<Row> {
    vec![
        row(CONTAINER, "ports 3000 { name @; }", word(15), word(16)),
        row(CONTAINER, "ports @ { name far; }", 65_535, 65_536),
        row(CONTAINER, "ports @ { name far; }", 1, 0),
        row(
            CONTAINER,
            "env A { value @; }",
            format!("{:?}", word((32 << 12) - 3)),
            format!("{:?}", word((32 << 12) - 2)),
        ),
        row(CONTAINER, "env A { value \"1\"; @; }", "name A", "valueFrom { secretKeyRef name=s key=k; }"),
        row(CONTAINER, "env @ { value \"1\"; }", "\"A.b-c\"", "\"A=b\""),
        row(CONTAINER, "volumeMounts @ { name v; }; }; volumes v { emptyDir sizeLimit=\"1Gi\"", "\"/a b\"", "\"/a:b\""),
        row(
            CONTAINER,
            "volumeMounts \"/a\" { name v; subPath @; }; }; volumes v { emptyDir sizeLimit=\"1Gi\"",
            "\"a/b\"",
            "\"a/../b\"",
        ),
        row(CONTAINER, "volumeMounts \"/a\" { name @; }; }; volumes v { emptyDir sizeLimit=\"1Gi\"", "v", "w"),
        row(CONTAINER, "resources { requests cpu=@; limits cpu=1; }", 1, 2),
        row(CONTAINER, "resources { requests memory=@; }", "\"4Mi\"", "\"-1\""),
        row(CONTAINER, "readinessProbe { timeoutSeconds @; }", 0, -1),
        row(CONTAINER, "livenessProbe { successThreshold @; tcpSocket { port 3000; }; }", 1, 2),
        row(CONTAINER, "livenessProbe { terminationGracePeriodSeconds @; tcpSocket { port 3000; }; }", 1, 0),
        row(CONTAINER, "livenessProbe { tcpSocket { port @; }; }", 65_535, 65_536),
        row(CONTAINER, "securityContext { runAsUser @; }", 2_147_483_647_u32, 2_147_483_648_u32),
        row(CONTAINER, "lifecycle { preStop { @; }; }", "sleep seconds=1", "sleep seconds=1; exec { command a; }"),
        row(CONTAINER, "imagePullPolicy @", "Always", "Often"),
        row(DEPLOYMENT, "terminationGracePeriodSeconds @", 0, -1),
        row(DEPLOYMENT, "activeDeadlineSeconds @", 2_147_483_647_u32, 2_147_483_648_u32),
        row(DEPLOYMENT, "activeDeadlineSeconds @", 1, 0),
        row(DEPLOYMENT, "volumes @ { emptyDir sizeLimit=\"1Gi\"; }", word(63), word(64)),
        row(DEPLOYMENT, "volumes v { configMap name=forum-extra { defaultMode @; }; }", 511, 512),
        row(DEPLOYMENT, "volumes v { configMap name=forum-extra { items { key k; path @; }; }; }", "\"a/b\"", "\"/a\""),
        row(
            DEPLOYMENT,
            "volumes v { @; }",
            "secret secretName=forum-db",
            "secret secretName=forum-db; configMap name=forum-extra",
        ),
        row(DEPLOYMENT, "securityContext { fsGroup @; }", 1, -1),
    ]
}

fn rows_of_workloads() -> Vec<Row> {
    vec![
        row(WORKLOAD, "replicas @", 0, -1),
        row(WORKLOAD, "replicas @", 2, 2_147_483_648_u32),
        row(WORKLOAD, "replicas @", 1, "99999999999999999999999999"),
        row(WORKLOAD, "replicas @", 1, "1.5"),
        row(WORKLOAD, "minReadySeconds @", 599, 600),
        row(WORKLOAD, "revisionHistoryLimit @", 0, -1),
        row(WORKLOAD, "strategy { rollingUpdate { maxSurge @; }; }", 1, 0),
        row(WORKLOAD, "strategy { rollingUpdate { maxUnavailable @; }; }", "\"100%\"", "\"101%\""),
        row(WORKLOAD, "strategy { rollingUpdate { maxSurge @; }; }", "\"101%\"", "some"),
        row(WORKLOAD, "template { metadata { labels { note @; }; }; }", word(63), word(64)),
    ]
}

fn rows_of_objects() -> Vec<Row> {
    let key = |length| format!("\"example.org/{}\"", word(length));
    vec![
        row(METADATA, "labels { @ \"1\"; }", key(63), key(64)),
        row(METADATA, "labels { note @; }", "\"b.c_d\"", "\"b c\""),
        row("patch ConfigMap forum-extra { …; }", "data { @ x; }", word(253), word(254)),
        row("patch ConfigMap forum-extra { …; }", "data { @ x; }", "\"a.b\"", "\"a/b\""),
        row(SERVICE, "ports 80 { name @; }", word(63), word(64)),
        row(SERVICE, "ports @ { name far; }", 65_535, 65_536),
        row(SERVICE, "ports 80 { name @; }", "web", "http"),
        row(SERVICE, "sessionAffinity @", "ClientIP", "Client"),
        row("patch CronJob forum-sweep { spec { …; }; }", "schedule @", "\"59 23 31 12 6\"", "\"60 23 31 12 6\""),
        row("patch CronJob forum-sweep { spec { …; }; }", "timeZone @", "\"Etc/UTC\"", "\"Etc/Nowhere\""),
        row("patch CronJob forum-sweep { spec { …; }; }", "concurrencyPolicy @", "Forbid", "Never"),
        row("patch CronJob forum-sweep { spec { jobTemplate { spec { …; }; }; }; }", "backoffLimit @", 0, -1),
        row("patch HorizontalPodAutoscaler forum-many { spec { …; }; }", "minReplicas @", 1, 0),
        row("patch HorizontalPodAutoscaler forum-many { spec { …; }; }", "maxReplicas @", 2, 1),
        row("patch PodDisruptionBudget forum-many { spec { …; }; }", "maxUnavailable @", "\"100%\"", "\"101%\""),
        row("patch ScheduledBackup forum-nightly { spec { …; }; }", "schedule @", "\"0 0 2 * * *\"", "\"0 2 * * *\""),
    ]
}

/// The baseline's forum with an object of each kind to lay a patch over.
fn forum() -> (String, String) {
    let text = include_str!("../../cases/baseline/definitions/forum.kdl");
    let more = r#"
    job sweep { every "0 3 * * *"; run true1; }
    object ConfigMap extra { data { a large; }; }
    object HorizontalPodAutoscaler many {
        spec { minReplicas 2; maxReplicas 3; scaleTargetRef { apiVersion "apps/v1"; kind Deployment; name "${workloads.web.host}"; }; }
    }
    object PodDisruptionBudget many { spec { maxUnavailable 1; selector { matchLabels a=b; }; }; }
    object PersistentVolumeClaim more {
        spec { accessModes ReadWriteOnce; resources { requests storage="1Gi"; }; }
    }
    object ScheduledBackup nightly { spec { schedule "0 0 2 * * *"; cluster name=postgres; }; }

    test smallest {"#;
    ("definitions/forum.kdl".to_owned(), text.replacen("\n    test smallest {", more, 1))
}

#[test]
fn the_last_value_within_a_limit_is_taken_and_the_first_beyond_is_told_at_its_line() {
    let rows: Vec<Row> = [rows_of_pods(), rows_of_workloads(), rows_of_objects()].into_iter().flatten().collect();
    let mut files = vec![forum()];
    for (at, row) in rows.iter().enumerate() {
        let lines = row.around.replace('…', row.says);
        files.push(organisation(&format!("within-{at}"), &lines, &row.within));
        files.push(organisation(&format!("beyond-{at}"), &lines, &row.beyond));
    }
    let checked = checked(&files);
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in errors(&checked) {
        let place = checked.sources.locate(finding.primary.span);
        let file = place.split(':').next().unwrap().to_owned();
        // The eleventh line is that of the value.
        let there = place.starts_with(&format!("{file}:11:"));
        assert!(there, "told elsewhere: {}", told(&checked, finding));
        found.entry(file).or_default().push(told(&checked, finding));
    }
    let mut wrong = String::new();
    for (at, Row { says, within, beyond, .. }) in rows.iter().enumerate() {
        if let Some(told) = found.get(&format!("organisations/within-{at}.kdl")) {
            wrong += &format!("`{says}` refuses {}: {told:?}\n", &within[..within.len().min(80)]);
        }
        if !found.contains_key(&format!("organisations/beyond-{at}.kdl")) {
            wrong += &format!("`{says}` takes {}\n", &beyond[..beyond.len().min(80)]);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The hosts of each route, listeners of each set and names of each certificate of an organisation, by object.
fn divided(hosts: usize) -> BTreeMap<String, Value> {
    let lines: String = (0..hosts).map(|at| format!(" h{at}.many.example")).collect();
    let lines = if hosts == 0 { lines } else { format!("also-at{lines}") };
    let checked = checked(&[organisation("many", &lines, "")]);
    assert_eq!(errors(&checked).map(|finding| told(&checked, finding)).collect::<Vec<_>>(), [] as [String; 0]);
    let objects = checked.objects.values().find(|packed| packed.open().organisation.as_str() == "many").unwrap().open();
    let of_route = |kind: &str| ["HTTPRoute", "ListenerSet", "Certificate"].contains(&kind);
    let kept = objects.objects.into_iter().filter(|object| of_route(&object.id.kind));
    kept.map(|object| (format!("{} {}", object.id.kind, object.id.name), object.body["spec"].clone())).collect()
}

#[test]
fn hosts_that_one_route_does_not_hold_are_divided_and_one_more_changes_one_object_of_each_kind() {
    let names = |count| divided(count).into_keys().collect::<Vec<_>>();
    let few =
        ["Certificate forum-web", "HTTPRoute forum-web", "HTTPRoute forum-web--redirect", "ListenerSet forum-web"];
    assert_eq!(names(0), few);
    assert_eq!(names(15), few, "one route holds 16 hosts");
    let mut more = [&few[..], &["HTTPRoute forum-web--hosts2", "HTTPRoute forum-web--redirect2"]].concat();
    more.sort_unstable();
    assert_eq!(names(16), more);
    for count in [14, 15, 16, 30, 31, 32, 47, 63, 64, 99] {
        let (before, after) = (divided(count), divided(count + 1));
        let changed = after.iter().filter(|(name, spec)| before.get(*name) != Some(spec)).count();
        assert!(before.keys().all(|name| after.contains_key(name)), "{count}");
        assert_eq!(changed, few.len(), "one host more after {count}");
        for (name, spec) in &after {
            let hosts = spec["hostnames"].as_array().map_or(0, Vec::len);
            let listeners = spec["listeners"].as_array().map_or(0, Vec::len);
            assert!(hosts <= 16 && listeners <= 64, "{name}: {hosts} hosts, {listeners} listeners");
            for parent in spec["parentRefs"].as_array().into_iter().flatten() {
                let set = &after[&format!("ListenerSet {}", parent["name"].as_str().unwrap())];
                let listener = |one: &Value| one["name"] == parent["sectionName"];
                assert!(set["listeners"].as_array().unwrap().iter().any(listener), "{name} names {parent}");
            }
        }
        let all = |list: &str| after.values().filter_map(|spec| spec[list].as_array()).map(Vec::len).sum::<usize>();
        assert_eq!((all("dnsNames"), all("hostnames")), (count + 2, 2 * (count + 2)), "every host stands somewhere");
    }
}
