//! The arrows inside of `src/model`: each part uses only those before it, and a rule imports data only.

use std::collections::BTreeMap;

use super::files;
use super::layers::{Named, module_of, paths, test_modules};
use super::tokens::{reads, tokens};

/// The parts in order, each with its modules.
const PARTS: &[(&str, &[&str])] = &[
    ("typed", &["names", "read", "boundary", "domain", "typed", "definition", "judgement", "spelling", "explain"]),
    ("drafted", &["draft"]),
    ("judged", &["rules", "stop"]),
    ("remembered", &["incremental"]),
];
/// What rules may import of `draft`: its data.
const DATA_OF_DRAFTS: &[&str] = &["Draft", "FileReading"];
/// What rules may import of `rules`: their subjects, and what claims are and whose. Everything else there is another rule.
const SUBJECTS: &[&str] = &[
    "ClaimIndex",
    "ClusterNames",
    "HostClaim",
    "Holdings",
    "One",
    "Refused",
    "SoundApp",
    "View",
    "cluster_names",
    "holdings",
    "ownership",
    "refused",
];

/// What `src/model/mod.rs` hands on, by the module that it comes from.
fn handed_on(root: &str) -> BTreeMap<&str, &str> {
    let (tokens, mut handed_on) = (tokens(root), BTreeMap::new());
    for at in (0..tokens.len()).filter(|at| reads(&tokens, *at, &["use"])) {
        let words = tokens[at + 1..].iter().take_while(|token| token.text != ";").filter(|token| token.is_word());
        handed_on.extend(words.map(|token| (token.text, tokens[at + 1].text)));
    }
    handed_on
}

/// What is wrong with a path from the root of the crate that a module of the model names.
fn wrong(module: &[String], used: &[String], handed_on: &BTreeMap<&str, &str>) -> Option<String> {
    let rank = |name: &str| PARTS.iter().position(|(_, modules)| modules.contains(&name));
    if used.first().is_some_and(|first| first != "model") {
        return None;
    }
    let Some(first) = used.get(1) else { return Some("leads to all parts".to_owned()) };
    let part = handed_on.get(first.as_str()).unwrap_or(&first.as_str()).to_owned();
    let Some(theirs) = rank(part) else { return Some(format!("`{first}` is of no part")) };
    if rank(&module[1])? < theirs {
        return Some(format!("`{first}` is of a later part, `{}`", PARTS[theirs].0));
    }
    if module[1] != "rules" || module.len() == 2 {
        return None;
    }
    let inside = used.get(2).map_or("", String::as_str);
    let is_data = match part {
        "draft" => DATA_OF_DRAFTS.contains(&inside),
        "rules" => SUBJECTS.contains(&inside) || inside == module[2],
        _ => theirs == 0,
    };
    (!is_data).then(|| format!("`{}` is no data, and a rule imports nothing else", used.join("::")))
}

/// What is wrong with the paths of a module of the model, with lines.
fn violations(module: &[String], text: &str, handed_on: &BTreeMap<&str, &str>) -> Vec<(usize, String)> {
    // A visibility names the model and uses nothing of it.
    let named = paths(module, &text.replace("pub(in crate::model", "pub(in crate::model::typed")).named;
    let wrong = |Named { line, path }| Some((line, wrong(module, &path, handed_on)?));
    named.into_iter().filter_map(wrong).collect()
}

#[test]
fn a_part_of_the_model_uses_only_those_before_it_and_a_rule_data_only() {
    let files = files("src/model", ".rs");
    let tests = test_modules(&files);
    let modules = files.iter().map(|(path, text)| (path, module_of(path), text));
    let modules: Vec<_> = modules.filter(|(_, module, _)| !tests.iter().any(|test| module.starts_with(test))).collect();
    let root = modules.iter().find(|(_, module, _)| module.len() == 1).expect("the model has a root");
    let (handed_on, mut found) = (handed_on(root.2), String::new());
    for (path, module, text) in modules.iter().filter(|(_, module, _)| module.len() > 1) {
        let known = PARTS.iter().any(|(_, all)| all.contains(&module[1].as_str()));
        assert!(known, "`{}` is of no part of the model: give it a place in PARTS", module[1]);
        for (line, why) in violations(module, text, &handed_on) {
            found.push_str(&format!("{}:{line}: {why}\n", path.display()));
        }
    }
    assert!(found.is_empty(), "parts of the model use what they should not know:\n{found}");
}

/// How a path can be spelled at all, `tidy/layers.rs` tries.
#[test]
fn no_spelling_hides_what_a_rule_uses() {
    let module = ["model", "rules", "hosts"].map(str::to_owned);
    let handed_on = BTreeMap::from([("Memo", "incremental"), ("Garden", "typed")]);
    for refused in [
        "use crate::model::incremental::Memo;",
        "use crate::model::Memo;",
        "use crate::model::{Garden, Memo as Kept};",
        "use super::super::incremental;",
        "use super::{super::incremental::{self as kept, Memo}, View};",
        "use super::{\n    View,\n    domains::{contested},\n};",
        "use crate::{name::Name, model::{names, draft::{self, Draft}}};",
        "use super::super::*;",
        "use super::*;",
        "use crate::model;",
        "use crate::model::unknown;",
        "pub(super) fn check() { super::super::incremental::build() }",
        "fn check() { self::super::domains::check() }",
    ] {
        assert!(!violations(&module, refused, &handed_on).is_empty(), "nothing is said of\n{refused}");
    }
    for good in [
        "use super::{One, View, ownership};\nuse crate::model::{Garden, names::unknown, draft::Draft};",
        "use crate::finding::{Code, Finding};",
        "pub(in crate::model) fn check() {} // super::super::incremental",
        "#[cfg(test)]\nmod tests {\n    use super::super::incremental::Memo;\n}",
    ] {
        assert_eq!(violations(&module, good, &handed_on), [], "{good}");
    }
}
