//! The allowlist of fields is what providers and built-in definitions render: `PARCELLE_BLESS=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use parcelle::render::OrganisationObjects;
use serde_json::Value;

use crate::render::{DAY, NIGHT, Read, errors, every_choice_of_every_definition, read, render_all};

/// Whether the keys of a map are anybody's.
fn is_free(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(path[..], [.., "matchLabels" | "storages"] | ["data" | "binaryData"] | ["spec", "selector"])
}

/// Labels and fields that every object has.
fn is_everywhere(path: &[String]) -> bool {
    match path {
        [one] => ["apiVersion", "kind"].contains(&one.as_str()),
        [metadata, one] => metadata == "metadata" && ["name", "namespace"].contains(&one.as_str()),
        [metadata, labels, label] => {
            let ours = ["parcelle.dev/", "app.kubernetes.io/", "applyset.kubernetes.io/"];
            metadata == "metadata" && labels == "labels" && ours.iter().any(|domain| label.starts_with(domain))
        }
        _ => false,
    }
}

/// The gardens that show everything that is rendered.
fn gardens() -> Vec<Read> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut gardens = vec![every_choice_of_every_definition()];
    let roots = [
        "orgs",
        "tests/cases/baseline",
        "tests/cases/policy/everything",
        "tests/cases/render/backup.kdl",
        "tests/cases/render/hedgedoc.kdl",
        "tests/cases/render/ingress.kdl",
        "tests/cases/render/sign-on.kdl",
        "tests/cases/render/static-site.kdl",
    ];
    gardens.extend(roots.map(|path| read(&root.join(path))));
    gardens
}

fn objects(garden: &Read) -> Vec<OrganisationObjects> {
    let morning = "2026-11-20T09:00:00Z";
    [DAY, NIGHT, morning].iter().flat_map(|moment| render_all(&garden.garden, moment)).collect()
}

/// The paths of scalars that no hatch wrote.
fn paths(value: &Value, path: &mut Vec<String>, pointer: &str, by_hand: &BTreeSet<String>, out: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            let free = is_free(path) && !entries.contains_key("matchLabels");
            for (key, value) in entries {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                path.push(if free { "*".to_owned() } else { key.clone() });
                paths(value, path, &format!("{pointer}/{escaped}"), by_hand, out);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                path.push("*".to_owned());
                paths(item, path, &format!("{pointer}/{at}"), by_hand, out);
                path.pop();
            }
        }
        _ if by_hand.contains(pointer) || is_everywhere(path) => {}
        _ => {
            let segments = path.iter().map(|segment| segment.replace('~', "~0").replace('/', "~1"));
            out.insert(segments.collect::<Vec<_>>().join("/"));
        }
    }
}

fn shown() -> String {
    let mut kinds: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for garden in gardens() {
        assert_eq!(errors(&garden, &garden.findings), [] as [String; 0]);
        for object in objects(&garden).into_iter().flat_map(|objects| objects.objects) {
            let key = (object.id.kind.to_string(), object.id.group().to_owned());
            paths(&object.body, &mut Vec::new(), "", &object.by_hand, kinds.entry(key).or_default());
        }
    }
    let mut text =
        "# Every field that providers and built-in definitions render, by kind: the allowlist of `src/policy`.\n\
                    # `PARCELLE_BLESS=1 cargo test --test integration policy::fields` writes it.\n"
            .to_owned();
    for ((kind, group), paths) in kinds {
        writeln!(text, "\n{kind} ({group})").expect("a text takes text");
        paths.iter().for_each(|path| writeln!(text, "    /{path}").expect("a text takes text"));
    }
    text
}

#[test]
fn the_allowlist_is_what_is_rendered() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/policy/rendered-fields.txt");
    let (shown, kept) = (shown(), std::fs::read_to_string(&file).unwrap_or_default());
    if std::env::var_os("PARCELLE_BLESS").is_some() && shown != kept {
        std::fs::write(&file, &shown).expect("the file is written");
        return;
    }
    assert_eq!(shown, kept, "`PARCELLE_BLESS=1` writes it anew: look at the difference");
}

#[test]
fn everything_that_is_rendered_keeps_to_the_policy() {
    for garden in gardens() {
        let mut findings = parcelle::finding::Findings::default();
        for organisation in garden.garden.organisations.values() {
            for moment in [DAY, NIGHT] {
                parcelle::render::rules::render(&garden.garden, organisation, moment.parse().unwrap(), &mut findings);
            }
        }
        let found: Vec<String> = errors(&garden, &findings).into_iter().take(20).collect();
        assert_eq!(found, [] as [String; 0]);
    }
}
