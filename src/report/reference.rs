//! The reference of the language and of the definitions, as Markdown, from the schemas that check them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::definition::{Definition, KeyedBy, SettingDeclaration, SettingType};
use crate::schema::language::{EntryShape, Language, NodeShape, Occurs, Shape};
use crate::schema::suggest::either;

/// The kinds of files, in the order in which people meet them.
pub const FILES: [&str; 5] = ["organisation", "offer", "cluster", "garden", "definition"];

/// One kind of file: every node, with its arguments, properties, meaning and an example. `None` for an unknown kind.
pub fn file(language: &Language, kind: &str) -> Option<String> {
    let shape = language.schemas.get(kind)?;
    let mut out = format!("# The {kind} file\n\n");
    if let Some(about) = &shape.about {
        let _ = writeln!(out, "{about}\n");
    }
    out.push_str("Each file starts with `edition 2026`. `///` above a node is its note.\n\n");
    nodes(&mut out, language, shape, 0, &mut BTreeSet::new());
    if kind == "definition" {
        out.push_str(&modifiers(language));
    }
    Some(out)
}

/// What the declaration of a setting may say, each with an example.
fn modifiers(language: &Language) -> String {
    let mut out = "\n## Modifiers of a setting\n\n| modifier | what it says | example |\n|---|---|---|\n".to_owned();
    for node in language.groups.get("setting-body").into_iter().flat_map(|body| language.nodes(body)) {
        let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
        let (about, example) = (text(&node.shape.about), text(&node.shape.example));
        let _ = writeln!(out, "| `{}` | {about} | `{example}` |", node.name);
    }
    out
}

/// The settings that every app has.
pub fn common_settings<'d>(settings: impl Iterator<Item = &'d SettingDeclaration>) -> String {
    let mut out = "# Settings of every app\n\n".to_owned();
    out.push_str("The nearer layer wins, word by word: definition, offer, the organisation's `defaults`, the app.\n\n");
    table(&mut out, settings.filter(|setting| setting.common));
    out
}

/// One definition: what it is, its releases, its own settings, and how it narrows those of every app.
pub(crate) fn definition(definition: &Definition) -> String {
    let mut out = format!("# {}\n\n{}\n\n", definition.name, definition.about);
    let _ = writeln!(out, "```kdl\napp {} NAME\n```\n", definition.name);
    let versions: Vec<String> = definition.releases.keys().map(|version| format!("`{version}`")).collect();
    let channels: Vec<String> =
        definition.channels.iter().map(|(channel, version)| format!("`{channel}` is `{version}`")).collect();
    let _ = writeln!(out, "Releases: {}; channels: {}.", versions.join(", "), channels.join(", "));
    let needs: Vec<String> = definition.needs.iter().map(|need| format!("`{}`", need.item.kind.word())).collect();
    if !needs.is_empty() {
        let mut needs = needs;
        needs.dedup();
        let _ = writeln!(out, "Needs: {}.", needs.join(", "));
    }
    if let Some(docs) = &definition.docs {
        let _ = writeln!(out, "Upstream: <{docs}>.");
    }
    for said in definition.limits() {
        let _ = writeln!(out, "{said}.");
    }
    out.push('\n');
    let own = || definition.settings.values().filter(|setting| !setting.common);
    if own().next().is_some() {
        table(&mut out, own());
    }
    out
}

fn table<'d>(out: &mut String, settings: impl Iterator<Item = &'d SettingDeclaration>) {
    out.push_str("| setting | what it says | where nothing is said |\n|---|---|---|\n");
    for setting in settings {
        row(out, "", setting);
    }
    out.push('\n');
}

fn row(out: &mut String, within: &str, setting: &SettingDeclaration) {
    let name = format!("{within}{}{}", setting.name, if setting.as_property { "=" } else { "" });
    let mut what = setting.about.clone().unwrap_or_default();
    if let SettingType::Choice(options) = &setting.kind {
        let options: Vec<String> = options
            .iter()
            .map(|(word, about)| about.as_ref().map_or(format!("`{word}`"), |about| format!("`{word}`: {about}")))
            .collect();
        let _ = write!(what, " One of {}.", options.join("; "));
    }
    for (word, why) in [("Only grows", &setting.only_grows), ("Never changes", &setting.immutable)] {
        if let Some(why) = why {
            let _ = write!(what, " {word}: {why}.");
        }
    }
    match &setting.keyed_by {
        Some(KeyedBy::Argument) => what.push_str(" May be written several times, told apart by the first argument."),
        Some(KeyedBy::Property(name)) => {
            let _ = write!(what, " May be written several times, told apart by `{name}`.");
        }
        None => {}
    }
    if let Some(example) = &setting.example {
        let _ = write!(what, " `{example}`");
    }
    let default = match (&setting.computed, &setting.default_written, &setting.default) {
        (Some(computed), ..) => computed.clone(),
        (None, Some(written), _) if !written.args.is_empty() => {
            let words: Vec<&str> = written.args.iter().map(|arg| arg.text.as_str()).collect();
            format!("`{}`", words.join(" "))
        }
        _ if setting.required && !setting.with.is_empty() => format!("must be said with {}", options(setting)),
        _ if setting.required => "must be said".to_owned(),
        _ if !setting.with.is_empty() => format!("counts with {}", options(setting)),
        _ => String::new(),
    };
    let _ = writeln!(out, "| `{name}` | {} | {} |", cell(&what), cell(&default));
    for member in setting.members.values() {
        row(out, &format!("{within}{} ", setting.name), member);
    }
}

/// The options of its group with which a member counts.
fn options(setting: &SettingDeclaration) -> String {
    either(setting.with.iter().map(String::as_str))
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The nodes of a block as a nested list; what several blocks share is told once, and named where it comes again.
fn nodes(out: &mut String, language: &Language, shape: &Shape, depth: usize, told: &mut BTreeSet<*const NodeShape>) {
    let all = language.nodes(shape);
    let (again, fresh): (Vec<_>, Vec<_>) = all.into_iter().partition(|node| told.contains(&std::ptr::from_ref(*node)));
    if !again.is_empty() {
        let names: Vec<String> = again.iter().map(|node| format!("`{}`", node.name)).collect();
        let _ = writeln!(out, "{}- {}: as above", "  ".repeat(depth), names.join(", "));
    }
    for node in fresh {
        told.insert(std::ptr::from_ref(node));
        item(out, language, node, depth);
        for (word, form) in language.forms(&node.shape) {
            let _ = writeln!(out, "{}- `{} {word}`{}", "  ".repeat(depth + 1), node.name, about(form));
            entries(out, language, form, depth + 2);
            nodes(out, language, form, depth + 2, told);
        }
        nodes(out, language, &node.shape, depth + 1, told);
    }
}

fn item(out: &mut String, language: &Language, node: &NodeShape, depth: usize) {
    let often = match node.occurs {
        Occurs::Once => " (must be there)",
        Occurs::Optional => "",
        Occurs::Many => " (any number)",
    };
    let _ = writeln!(out, "{}- `{}`{often}{}", "  ".repeat(depth), node.name, about(&node.shape));
    entries(out, language, &node.shape, depth + 1);
}

fn about(shape: &Shape) -> String {
    let about = shape.about.as_ref().map(|about| format!(": {about}")).unwrap_or_default();
    let example = shape.example.as_ref().map(|example| format!(" `{example}`")).unwrap_or_default();
    let open = shape.open.as_ref().map(|open| format!(" Its block holds {open}.")).unwrap_or_default();
    format!("{about}{example}{open}")
}

fn entries(out: &mut String, language: &Language, shape: &Shape, depth: usize) {
    for prop in language.props(shape) {
        let about = prop.about.as_ref().map(|about| format!(" {about}")).unwrap_or_default();
        let _ =
            writeln!(out, "{}- `{}=` {}{}.{about}", "  ".repeat(depth), prop.name, prop.kind.describe(), must(prop));
    }
}

fn must(entry: &EntryShape) -> &'static str {
    if entry.required { ", must be there" } else { "" }
}
