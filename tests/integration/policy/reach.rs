//! Patches by chance over every object of `orgs/`: each is refused, or what the final objects reach is what they reached.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use parcelle::check::{Checked, Memo, check_again};
use parcelle::finding::Severity;
use parcelle::git::{RawFile, Snapshot};
use parcelle::name::Name;
use parcelle::render::{Object, OrganisationObjects};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

/// Values that reach somewhere, and some that reach nowhere.
const VALUES: &[&str] = &[
    "other.example",
    "\"*.example\"",
    "postgres-superuser",
    "kube-system",
    "\"0.0.0.0/0\"",
    "\"169.254.169.254\"",
    "on",
    "off",
    "0",
    "1",
    "65535",
    "LoadBalancer",
    "\"90Ti\"",
    "Unconfined",
    "cluster-admin",
    "7",
    "\"2\"",
    "\"\"",
];

/// Fields that nothing of ours has, beside those that it has.
const FURTHER: &[&str] = &[
    "/metadata/namespace",
    "/metadata/labels/k8upjob",
    "/metadata/annotations/cert-manager.io~1cluster-issuer",
    "/spec/template/spec/hostNetwork",
    "/spec/template/spec/containers/0/securityContext/privileged",
    "/spec/template/spec/containers/0/securityContext/runAsUser",
    "/spec/template/spec/containers/0/envFrom/0/secretRef/name",
    "/spec/template/spec/containers/0/readinessProbe/httpGet/host",
    "/spec/template/spec/serviceAccountName",
    "/spec/template/spec/volumes/0/secret/secretName",
    "/spec/type",
    "/spec/clusterIP",
    "/spec/externalIPs",
    "/spec/hostnames",
    "/spec/rules/0/backendRefs/0/namespace",
    "/spec/allBuckets/read",
    "/spec/superuser",
    "/spec/volumeName",
    "/spec/dataSourceRef/namespace",
];

fn files(folder: &Path, root: &Path, out: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, root, out);
        } else if path.extension().is_some_and(|extension| extension == "kdl") {
            let name = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).expect("a text");
            // Every offer lets patches in.
            let text = if name.contains("offers/") {
                text.replacen("    grants {", "    allow patch\n    grants {", 1)
            } else {
                text
            };
            out.insert(name, text);
        }
    }
}

fn checked(memo: &mut Memo, files: &BTreeMap<String, String>) -> Checked {
    let raw = |(path, text): (&String, &String)| RawFile {
        path: path.clone(),
        blob: text.clone(),
        bytes: text.clone().into_bytes().into(),
    };
    let snapshot = Snapshot::of(files.iter().map(raw).collect());
    check_again(memo, snapshot, None, jiff::Timestamp::UNIX_EPOCH)
}

/// The scalars of a value by JSON pointer.
fn leaves<'v>(value: &'v Value, pointer: String, out: &mut Vec<(String, &'v Value)>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            leaves(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), out);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| leaves(item, format!("{pointer}/{at}"), out));
        }
        scalar => out.push((pointer, scalar)),
    }
}

/// What an organisation's objects reach: hosts, namespaces, Secrets, addresses, rights, each with its field.
fn reach(objects: &OrganisationObjects) -> BTreeSet<String> {
    const REACHING: &[&str] = &[
        "hostnames",
        "hostname",
        "host",
        "dnsNames",
        "namespace",
        "secretName",
        "secretKeyRef",
        "secretRef",
        "imagePullSecrets",
        "claimName",
        "serviceAccountName",
        "storageClassName",
        "type",
        "externalIPs",
        "clusterIP",
        "cidr",
        "privileged",
        "hostNetwork",
        "allowPrivilegeEscalation",
        "runAsNonRoot",
        "runAsUser",
        "add",
        "readOnlyRootFilesystem",
        "allBuckets",
        "superuser",
        "globalAlias",
        "volumeName",
        "issuerRef",
        "parentRef",
        "parentRefs",
        "backendRefs",
        "clusterRef",
        "annotations",
        "image",
    ];
    let mut reached = BTreeSet::new();
    for object in &objects.objects {
        let mut all = Vec::new();
        leaves(&object.body, String::new(), &mut all);
        for (pointer, value) in all {
            let field: Vec<&str> =
                pointer.split('/').filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit())).collect();
            let own = field.iter().rev().nth(1) == Some(&"annotations")
                && !field.last().is_some_and(|key| key.contains("~1"));
            let key = field.last() == Some(&"key");
            // A number of a user that is not root reaches nothing.
            let user = field.last() == Some(&"runAsUser") && *value != 0;
            if field.iter().any(|word| REACHING.contains(word)) && !own && !user && !key {
                reached.insert(format!("{} {}={value}", object.id.kind, field.join(".")));
            }
        }
    }
    reached
}

/// The patch that says a value at a pointer: fields are blocks, items of lists are named by their key.
fn patch(object: &Object, pointer: &str, value: &str) -> String {
    let (mut open, mut close, mut here) = (String::new(), String::new(), Some(&object.body));
    let segments: Vec<&str> = pointer.split('/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        if segment.bytes().all(|byte| byte.is_ascii_digit()) {
            here = here.and_then(|value| value.get(segment.parse::<usize>().ok()?));
            continue;
        }
        let key = segment.replace("~1", "/").replace("~0", "~");
        here = here.and_then(|value| value.get(&key));
        let item = segments.get(at + 1).filter(|next| next.bytes().all(|byte| byte.is_ascii_digit()));
        let named = item.and_then(|next| here?.get(next.parse::<usize>().ok()?)).and_then(|item| {
            ["name", "mountPath", "containerPort", "port"].iter().find_map(|key| item.get(*key)).cloned()
        });
        let last = at + 1 == segments.len() || item.is_some() && at + 2 == segments.len();
        if last {
            open += &format!("{key:?} {value}");
        } else {
            open += &format!("{key:?} {} {{ ", named.map(|name| name.to_string()).unwrap_or_default());
            close += "; }";
        }
    }
    format!("patch {} {:?} {{ {open}{close}; }}", object.id.kind, &*object.id.name)
}

/// The file with a line more in an app.
fn with_line(text: &str, app: &str, line: &str) -> Option<String> {
    let is_app = |found: &&str| {
        let words: Vec<&str> = found.split_whitespace().collect();
        words.first() == Some(&"app") && words.get(2) == Some(&app)
    };
    let found = text.lines().find(is_app)?;
    let with = match found.split_once('{') {
        Some((head, rest)) => format!("{head}{{\n{line}\n{rest}"),
        None => format!("{} {{\n{line}\n}}", found.split("//").next()?.trim_end()),
    };
    Some(text.replacen(found, &with, 1))
}

#[test]
fn a_patch_by_chance_is_refused_or_reaches_nothing_more() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("orgs");
    let mut texts = BTreeMap::new();
    files(&root, &root, &mut texts);
    let mut memo = Memo::default();
    let before = checked(&mut memo, &texts);
    assert!(!before.findings.has_errors());
    let organisations: Vec<(Name, OrganisationObjects)> =
        before.objects.iter().map(|(name, packed)| (name.clone(), packed.open())).collect();
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 160, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let picks = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    );
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..160 {
        let (organisation, object, field, value) = picks.new_tree(&mut runner).expect("a choice").current();
        let (name, objects) = organisation.get(&organisations);
        let object: &Object = object.get(&objects.objects);
        let mut fields = Vec::new();
        leaves(&object.body, String::new(), &mut fields);
        let mut fields: Vec<String> = fields.into_iter().map(|(pointer, _)| pointer).collect();
        fields.extend(FURTHER.iter().map(|field| (*field).to_owned()));
        let Some(app) = &object.app else { continue };
        let (field, value): (&String, &&str) = (field.get(&fields[..]), value.get(VALUES));
        let line = patch(object, field, value);
        let path = format!("organisations/{name}.kdl");
        let Some(text) = with_line(&texts[&path], app.as_str(), &line) else { continue };
        let mut changed = texts.clone();
        changed.insert(path, text);
        let after = checked(&mut memo, &changed);
        let Some(packed) = after.objects.get(name) else {
            assert!(after.findings.iter().any(|finding| finding.severity == Severity::Error), "{line}");
            refused += 1;
            continue;
        };
        taken += 1;
        let (was, is) = (reach(objects), reach(&packed.open()));
        let more: Vec<_> = is.difference(&was).collect();
        assert!(more.is_empty(), "{name}: {line}\n{more:#?}");
        let others = |checked: &Checked| -> Vec<_> {
            checked.objects.iter().filter(|(other, _)| *other != name).map(|(_, packed)| packed.clone()).collect()
        };
        assert_eq!(others(&after), others(&before), "{line}");
    }
    assert!(refused > 40 && taken > 5, "{refused} refused, {taken} taken");
}
