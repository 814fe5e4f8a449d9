//! The short table is the one that people read, and names fields that there are.

use std::fmt::Write as _;
use std::path::Path;

use super::hands::TABLE;
use crate::kind;
use crate::merge::Schemas;

const BEGIN: &str = "<!-- the table: `PARCELLE_BLESS=1 cargo test --lib policy::tests` writes it -->\n";
const END: &str = "<!-- end of the table -->\n";

fn shown() -> String {
    let mut text = "| what | of | fields |\n|---|---|---|\n".to_owned();
    for row in TABLE {
        let kinds: Vec<&str> = row.kinds.iter().map(|id| id.kind).collect();
        let pods = if row.in_pods { "pods of " } else { "" };
        let only = if row.of_objects { " (`object` only)" } else { "" };
        let fields: Vec<String> = row.fields.iter().map(|field| format!("`{}`", field.replace('|', "\\|"))).collect();
        writeln!(text, "| {}{only} | {pods}{} | {} |", row.about, kinds.join(", "), fields.join("<br>")).unwrap();
    }
    text
}

#[test]
fn the_page_shows_the_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policy.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (kept, after) = rest.split_once(END).unwrap();
    if std::env::var_os("PARCELLE_BLESS").is_some() && kept != shown() {
        std::fs::write(&file, format!("{before}{BEGIN}{}{END}{after}", shown())).unwrap();
        return;
    }
    assert_eq!(kept, shown());
}

/// Every path of a row, `|` and the way to the pods written out.
fn paths(row: &super::hands::Reach) -> Vec<(String, String, Vec<String>)> {
    let mut all = Vec::new();
    for (id, field) in row.kinds.iter().flat_map(|id| row.fields.iter().map(move |field| (id, field))) {
        let mut paths: Vec<Vec<String>> = vec![Vec::new()];
        let prefix: Vec<&str> = if row.in_pods { id.facts().pod_spec.to_vec() } else { Vec::new() };
        for segment in prefix.into_iter().chain(field.split('.')) {
            let longer = |path: &Vec<String>| {
                segment.split('|').map(|word| [&path[..], &[word.to_owned()]].concat()).collect::<Vec<_>>()
            };
            paths = paths.iter().flat_map(longer).collect();
        }
        all.extend(paths.into_iter().map(|path| (id.group.to_owned(), id.kind.to_owned(), path)));
    }
    all
}

#[test]
fn the_table_names_fields_that_there_are() {
    let schemas = crate::render::schemas();
    let mut unknown = Vec::new();
    for (group, kind, path) in TABLE.iter().flat_map(paths) {
        let row = kind::find(&group, &kind).unwrap();
        let versions = ["v1", "apps/v1", "batch/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1"];
        let custom = [
            "postgresql.cnpg.io/v1",
            "monitoring.coreos.com/v1",
            "gateway.networking.k8s.io/v1",
            "cert-manager.io/v1",
            "garage.rajsingh.info/v1beta1",
        ];
        let facts = versions.iter().chain(&custom).find_map(|version| {
            (kind::group_of(version) == group).then(|| schemas.kind(version, row.id.kind)).flatten()
        });
        // A field of one of several kinds: each kind has some of the words.
        let Some(facts) = facts else { continue };
        let is_field = |path: &[String]| {
            facts.at(path.iter().map(|word| if word == "*" { "[]" } else { word })).is_some()
                || facts.at(path.iter().map(String::as_str)).is_some()
        };
        let is_one =
            is_field(&path) || path.last().is_some_and(|last| last == "*") && is_field(&path[..path.len() - 1]);
        if !is_one {
            unknown.push(format!("{kind} {}", path.join(".")));
        }
    }
    // Strategies and their numbers have one name of a Deployment and another of a StatefulSet.
    unknown.retain(|field| {
        !field.contains(".strategy.") && !field.contains(".updateStrategy.") && !field.contains("podManagementPolicy")
    });
    unknown.retain(|field| {
        !["progressDeadlineSeconds", "spec.serviceName", "volumeClaimTemplates"].iter().any(|of| field.contains(of))
    });
    assert_eq!(unknown, [] as [String; 0]);
    let _: fn() -> Schemas = crate::render::schemas;
}
