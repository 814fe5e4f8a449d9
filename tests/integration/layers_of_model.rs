//! The parts of `src/model` in order: each uses only those before it, and a rule imports data only.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The parts in order, each with its modules.
const PARTS: &[(&str, &[&str])] = &[
    ("typed", &["names", "read", "domain", "typed", "definition", "judgement", "spelling", "explain"]),
    ("draft", &["draft"]),
    ("rules", &["rules", "stop"]),
    ("incremental", &["incremental"]),
];
/// What rules may import of the part `draft`: its data.
const DATA_OF_DRAFTS: &[&str] = &["Draft", "FileReading"];
/// What rules may import of `rules`: what they look at, and whose a domain is. Everything else there is another rule.
const SUBJECTS: &[&str] = &["Index", "One", "SoundApp", "View", "ownership"];

/// A path from the root of the crate, without `crate`: `["model", "rules", "One"]`.
type Place = Vec<String>;

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)
}

/// The files of `src/model` without its tests, as their modules with their texts.
fn modules() -> BTreeMap<Place, String> {
    let (mut folders, mut modules) = (vec![source("model")], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path()) {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if path.is_file() && name != "tests" {
                let below = path.strip_prefix(source("")).expect("it lies below").with_extension("");
                let mut place: Place = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                place.pop_if(|last| last == "mod");
                modules.insert(place, fs::read_to_string(path).expect("a text of the repository"));
            }
        }
    }
    modules
}

/// The words and signs of a Rust text before its tests, without comments and literals. `::` is one sign.
fn tokens(text: &str) -> Vec<&str> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let (mut tokens, mut rest) = (Vec::new(), text);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '"' => after_text(rest),
            'r' if rest[1..].trim_start_matches('#').starts_with('"') => after_raw_text(rest),
            '\'' => after_character(rest),
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        let is_token = is_word(first) && !rest[..length].contains('"') || first.is_ascii_punctuation() && length <= 2;
        tokens.extend(Some(&rest[..length]).filter(|_| is_token));
        rest = &rest[length..];
    }
    tokens
}

fn after_text(rest: &str) -> usize {
    let mut escaped = true;
    let end = rest.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |end| end + 1)
}

fn after_raw_text(rest: &str) -> usize {
    let open = rest.find('"').expect("it was just seen");
    let end = format!("\"{}", &rest[1..open]);
    rest[open + 1..].find(&end).map_or(rest.len(), |at| open + 1 + at + end.len())
}

/// Behind a character; behind the sign alone of a lifetime.
fn after_character(rest: &str) -> usize {
    let mut inside = rest[1..].chars();
    match inside.next() {
        Some('\\') => 3 + rest[3..].find('\'').unwrap_or(0),
        Some(one) if inside.next() == Some('\'') => 2 + one.len_utf8(),
        _ => 1,
    }
}

/// Every path of the crate that a module names: what `use` brings in, each leaf by itself, and paths in its code.
fn paths(module: &[String], text: &str) -> Vec<Place> {
    let (tokens, mut paths, mut at) = (tokens(text), Vec::new(), 0);
    while at < tokens.len() {
        let begins = matches!(tokens[at], "crate" | "self" | "super") && tokens.get(at + 1) == Some(&"::");
        let narrows = at > 1 && tokens[at - 2..at] == ["(", "in"];
        if tokens[at] == "use" {
            at = tree(&tokens, at + 1, &mut Vec::new(), &mut paths);
        } else if begins && !narrows {
            let end = (at + 1..tokens.len()).step_by(2).take_while(|at| tokens[*at] == "::").last().unwrap_or(at);
            paths.push((at..end + 2).step_by(2).map(|at| tokens[at]).collect());
            at = end + 2;
        } else {
            at += 1;
        }
    }
    paths.into_iter().filter_map(|path| absolute(module, &path)).collect()
}

/// Reads one tree of a `use`; where it ends.
fn tree<'a>(tokens: &[&'a str], mut at: usize, before: &mut Vec<&'a str>, paths: &mut Vec<Vec<&'a str>>) -> usize {
    let depth = before.len();
    loop {
        match tokens[at] {
            "{" => {
                while tokens[at] != "}" {
                    at = tree(tokens, at + 1, before, paths);
                }
                before.truncate(depth);
                return at + 1;
            }
            "," | "}" | ";" => {
                if before.len() > depth {
                    paths.push(before.clone());
                }
                before.truncate(depth);
                return at;
            }
            "as" => at += 1,
            "::" | "<" | ">" => {}
            word => before.push(word),
        }
        at += 1;
    }
}

/// A path from the root of the crate; absent where it is of another crate or of a module's own child.
fn absolute(module: &[String], path: &[&str]) -> Option<Place> {
    let mut place = match path[0] {
        "crate" => Vec::new(),
        "self" | "super" => module.to_vec(),
        _ => return None,
    };
    for word in path {
        match *word {
            "crate" | "self" => {}
            "super" => drop(place.pop()),
            word => place.push(word.to_owned()),
        }
    }
    Some(place)
}

/// What `src/model/mod.rs` hands on, by the module that it comes from.
fn handed_on(root: &str) -> BTreeMap<String, String> {
    let (tokens, mut handed) = (tokens(root), BTreeMap::new());
    for at in (0..tokens.len()).filter(|at| tokens[*at] == "use") {
        let mut paths = Vec::new();
        tree(&tokens, at + 1, &mut Vec::new(), &mut paths);
        let named = paths.iter().map(|path| (path[path.len() - 1].to_owned(), path[0].to_owned()));
        handed.extend(named);
    }
    handed
}

/// What is wrong with a path that a module of the model names.
fn wrong(module: &[String], used: &[String], handed_on: &BTreeMap<String, String>) -> Option<String> {
    let rank = |name: &str| PARTS.iter().position(|(_, modules)| modules.contains(&name));
    if used.first().is_some_and(|first| first != "model" && first != "*") {
        return None;
    }
    let Some(first) = used.get(1) else { return Some("it leads to all parts".to_owned()) };
    let part = handed_on.get(first).unwrap_or(first);
    let Some(theirs) = rank(part) else { return Some(format!("`{first}` is of no part")) };
    if rank(&module[1])? < theirs {
        return Some(format!("`{}` stands below", PARTS[theirs].0));
    }
    if module[1] != "rules" || module.len() == 2 {
        return None;
    }
    let inside = used.get(2).map_or("", String::as_str);
    let is_data = match part.as_str() {
        "draft" => DATA_OF_DRAFTS.contains(&inside),
        "rules" => SUBJECTS.contains(&inside) || inside == module[2],
        _ => theirs == 0,
    };
    (!is_data).then(|| "it is no data, and a rule imports nothing else".to_owned())
}

#[test]
fn a_part_of_the_model_uses_only_those_before_it_and_a_rule_data_only() {
    let modules = modules();
    let handed_on = handed_on(&modules[&vec!["model".to_owned()]]);
    let mut found = Vec::new();
    for (module, text) in modules.iter().filter(|(module, _)| module.len() > 1) {
        assert!(PARTS.iter().any(|(_, all)| all.contains(&&*module[1])), "`{}` is of no part of the model", module[1]);
        for used in &paths(module, text) {
            let why = wrong(module, used, &handed_on);
            found.extend(why.map(|why| format!("{} uses {}: {why}", module.join("::"), used.join("::"))));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_spelling_of_a_path_escapes() {
    let place = |path: &str| path.split("::").map(str::to_owned).collect::<Place>();
    let module = place("model::rules::hosts");
    let handed_on = BTreeMap::from([("Memo".to_owned(), "incremental".to_owned())]);
    let refused = [
        "use crate::model::incremental::Memo;",
        "use crate::model::Memo;",
        "use super::super::incremental;",
        "use super::{super::incremental::{self as kept, Memo}, View};",
        "use super::{\n    View,\n    domains::{contested},\n};",
        "use crate::{name::Name, model::{names, draft::{self, Draft}}};",
        "use super::super::*;",
        "use crate::model;",
        "use crate as root;",
        "use crate::*;",
        "use super::*;",
        "pub(super) fn check() { let it = '\"'; super::super::incremental::build(it) }",
        "fn check() -> &'static str { r#\"\"\"#; self::super::domains::check() }",
    ];
    for text in refused {
        let paths = paths(&module, text);
        let refused = paths.iter().any(|used| wrong(&module, used, &handed_on).is_some());
        assert!(refused, "{text} escapes: {paths:?}");
    }
    let allowed = [
        "use super::{One, View, ownership};\nuse crate::model::{names::unknown, draft::Draft};",
        "pub(in crate::model) fn check() {} // super::super::incremental",
        "const TEXT: &str = \"super::super::incremental\";",
        "fn check() { ok() }\n\n#[cfg(test)]\nmod tests {\n    use super::super::incremental::Memo;\n}",
    ];
    for text in allowed {
        let paths = paths(&module, text);
        let refused: Vec<_> = paths.iter().filter_map(|used| wrong(&module, used, &handed_on)).collect();
        assert!(refused.is_empty(), "{text} is refused: {refused:?}");
    }
}
