//! Declarations of settings.

use std::collections::{BTreeMap, BTreeSet};

use super::super::decode::{as_written, decode, guess, scalar_type, written};
use super::super::pattern::{MOST_PATTERNS, Pattern};
use super::super::{KeyedBy, SettingDeclaration, SettingType};
use super::context::TWICE;
use crate::expression::Value;
use crate::finding::{Code, Finding, Findings};
use crate::model::{Layer, Setting};
use crate::schema::scalar::ScalarType;
use crate::schema::suggest::nearest;
use crate::source::Span;
use crate::syntax::Node;

/// A declaration that says no type, or one that cannot stand there.
const BAD_TYPE: Code = Code::new("E0251");
/// A setting that every app has, declared again; or `refine` of one that no app has.
const BAD_REFINE: Code = Code::new("E0252");
/// A range or pattern that is none.
const BAD_BOUNDS: Code = Code::new("E0253");

/// The words that declare a setting's type.
const SIMPLE: &[(&str, SettingType)] = &[
    ("on-off", SettingType::OnOff),
    ("integer", SettingType::Integer),
    ("number", SettingType::Number),
    ("text", SettingType::Text),
    ("lines", SettingType::Lines),
    ("word", SettingType::Word),
    ("size", SettingType::Size),
    ("cpu", SettingType::Cpu),
    ("duration", SettingType::Duration),
    ("time", SettingType::Time),
    ("date", SettingType::Date),
    ("timezone", SettingType::Timezone),
    ("locale", SettingType::Locale),
    ("domain", SettingType::Domain),
    ("email", SettingType::Email),
    ("url", SettingType::Url(false)),
    ("percent", SettingType::Percent),
    ("secret", SettingType::Secret),
];

impl SettingDeclaration {
    /// A setting of a type about which nothing else is said.
    pub(in crate::model::definition) fn of(kind: SettingType, span: Span) -> Self {
        Self {
            name: String::new(),
            kind,
            default: None,
            default_written: None,
            computed: None,
            common: false,
            keyed_by: None,
            required: false,
            only_grows: None,
            immutable: None,
            with: Vec::new(),
            range: None,
            pattern: None,
            about: None,
            example: None,
            was: None,
            deprecated: None,
            members: BTreeMap::new(),
            as_property: false,
            span,
        }
    }
}

/// The settings of a `settings { … }` node over those that every app has, and the names of those that a finding is
/// about: what uses them is not found wrong for it.
pub(super) fn settings(
    node: Option<&Node>,
    common: &BTreeMap<String, SettingDeclaration>,
    findings: &mut Findings,
) -> (BTreeMap<String, SettingDeclaration>, BTreeSet<String>) {
    let mut all = common.clone();
    let mut unreadable = BTreeSet::new();
    if let Some(node) = node.filter(|node| patterns(node) > MOST_PATTERNS) {
        let title = format!("the settings have more than {MOST_PATTERNS} patterns");
        findings.push(
            Finding::error(BAD_BOUNDS, title, node.head).help("write `choice` with its options where they are known"),
        );
        return (all, unreadable);
    }
    for child in node.into_iter().flat_map(|node| &node.children) {
        let Some(name) = child.arg(0) else { continue };
        match (child.name.value.as_str(), all.get(&name.text)) {
            ("refine", Some(known)) if known.common => {
                let refined = refine(known.clone(), child, findings);
                all.insert(name.text.clone(), refined);
            }
            ("refine", _) => {
                let finding =
                    Finding::error(BAD_REFINE, format!("no app has a setting `{}` to refine", name.text), name.span)
                        .why("`refine` narrows a setting that every app has");
                unreadable.insert(name.text.clone());
                findings.push(match nearest(&name.text, common.keys().map(String::as_str)) {
                    Some(near) => guess(finding, near, name.span),
                    None => finding.help(format!("declare it: `setting {} text`", name.text)),
                });
            }
            ("setting", Some(known)) if known.common => findings.push(
                Finding::error(BAD_REFINE, format!("every app has a setting `{}` already", name.text), name.span)
                    .also(known.span, "declared here")
                    .help(format!("write `refine {}` to narrow it, or choose another name", name.text)),
            ),
            ("setting", Some(known)) => findings.push(
                Finding::error(TWICE, format!("there are two settings called `{}`", name.text), name.span)
                    .also(known.span, "the first of them")
                    .help("rename one of them"),
            ),
            ("setting", None) => match declaration(child, findings) {
                Some(setting) => drop(all.insert(name.text.clone(), setting)),
                None => drop(unreadable.insert(name.text.clone())),
            },
            _ => {}
        }
    }
    (all, unreadable)
}

/// How many patterns stand in a node.
fn patterns(node: &Node) -> usize {
    usize::from(node.name.value == "pattern") + node.children.iter().map(patterns).sum::<usize>()
}

/// The settings that every app has: those of the `settings` nodes at the top of files.
pub(super) fn common<'a>(
    nodes: impl Iterator<Item = &'a Node>,
    findings: &mut Findings,
) -> BTreeMap<String, SettingDeclaration> {
    let children = nodes.flat_map(|node| node.children_named("setting"));
    let declared = children.filter_map(|child| declaration(child, findings));
    declared.map(|setting| (setting.name.clone(), SettingDeclaration { common: true, ..setting })).collect()
}

/// `setting NAME TYPE { … }`, or `property NAME TYPE { … }` inside a group.
fn declaration(node: &Node, findings: &mut Findings) -> Option<SettingDeclaration> {
    let name = node.arg(0)?;
    let kind = setting_type(node, findings)?;
    let mut setting = SettingDeclaration { name: name.text.clone(), ..SettingDeclaration::of(kind, node.head) };
    setting.as_property = node.name.value == "property";
    if setting.as_property && matches!(scalar_type(&setting.kind), ScalarType::Amount(_)) {
        findings.push(
            Finding::error(BAD_TYPE, format!("`{}` is an amount and cannot be a property", name.text), node.head)
                .why("an amount takes a number and a unit, a property has one value")
                .help(format!("declare it with `setting {}`", name.text)),
        );
        return None;
    }
    if setting.as_property && setting.kind == SettingType::Secret {
        findings.push(
            Finding::error(BAD_TYPE, format!("`{}` is a secret and cannot be a property", name.text), node.head)
                .why("a secret is named by its Secret and the key inside it, a property has one value")
                .help(format!("declare it with `setting {}`", name.text)),
        );
        return None;
    }
    for child in &node.children {
        if matches!(child.name.value.as_str(), "setting" | "property")
            && let Some(member) = declaration(child, findings)
        {
            setting.members.insert(member.name.clone(), member);
        }
    }
    if !matches!(setting.kind, SettingType::Group(_)) && !setting.members.is_empty() {
        findings.push(
            Finding::error(BAD_TYPE, format!("`{}` has members but is no group", name.text), node.head)
                .help(format!("write `setting {} group`", name.text)),
        );
        return None;
    }
    Some(modified(setting, node, findings))
}

fn setting_type(node: &Node, findings: &mut Findings) -> Option<SettingType> {
    let texts = |name: &str| -> Vec<String> {
        node.children_named(name).flat_map(|child| child.args.iter().map(|arg| arg.text.clone())).collect()
    };
    let plain = texts("allow") == ["http"];
    let simple = |word: &str| match SIMPLE.iter().find(|(known, _)| *known == word)?.1.clone() {
        SettingType::Url(_) => Some(SettingType::Url(plain)),
        kind => Some(kind),
    };
    let inner = |word: &str| simple(word).filter(|kind| *kind != SettingType::Secret);
    if let Some(word) = node.prop("list-of") {
        let Some(kind) = inner(&word.text) else { return unknown_type(&word.text, word.span, findings) };
        let allowed = if kind == SettingType::Url(true) { Vec::new() } else { texts("allow") };
        return Some(SettingType::List(Box::new(kind), allowed));
    }
    if let Some(word) = node.prop("map-of") {
        let Some(kind) = inner(&word.text) else { return unknown_type(&word.text, word.span, findings) };
        return Some(SettingType::Map(Box::new(kind)));
    }
    if let Some(app) = node.prop("app") {
        return Some(SettingType::Reference(app.text.clone()));
    }
    if let Some(what) = node.prop("reference") {
        return Some(SettingType::Reference(what.text.clone()));
    }
    let options = || -> Vec<(String, Option<String>)> {
        let about = |option: &Node| option.prop("about").map(|about| about.text.clone());
        node.children_named("option").filter_map(|option| Some((option.arg(0)?.text.clone(), about(option)))).collect()
    };
    let Some(word) = node.arg(1) else {
        findings.push(
            Finding::error(BAD_TYPE, "the setting has no type", node.head)
                .help("write its type after its name: `setting title text`, `setting modules list-of=word`"),
        );
        return None;
    };
    match word.text.as_str() {
        "group" => Some(SettingType::Group(options().into_iter().map(|(word, _)| word).collect())),
        "choice" if options().is_empty() => {
            findings.push(
                Finding::error(BAD_TYPE, "a choice without options", node.head)
                    .help("list its words: `option none`, `option onlyoffice about=\"…\"`"),
            );
            None
        }
        "choice" => Some(SettingType::Choice(options())),
        other => simple(other).or_else(|| unknown_type(other, word.span, findings)),
    }
}

fn unknown_type(word: &str, span: Span, findings: &mut Findings) -> Option<SettingType> {
    if word == "secret" {
        findings.push(
            Finding::error(BAD_TYPE, "neither lists nor maps hold secrets", span)
                .why("each is named by its Secret and the key inside it, on a line of its own")
                .help("declare a group that says `repeatable on`, and in it `setting token secret`"),
        );
        return None;
    }
    let finding = Finding::error(BAD_TYPE, format!("`{word}` is no type of a setting"), span);
    findings.push(match nearest(word, SIMPLE.iter().map(|(known, _)| *known)) {
        Some(near) => guess(finding, near, span),
        None => finding,
    });
    None
}

/// `refine NAME { … }`: what it says replaces what was said; options and allowed words may only become fewer.
fn refine(mut setting: SettingDeclaration, node: &Node, findings: &mut Findings) -> SettingDeclaration {
    setting.span = node.head;
    // A default that is only that of the members follows them.
    let of_members = from_members(&setting);
    let same = |default: &Setting| default.props == of_members.props && default.children == of_members.children;
    if matches!(setting.kind, SettingType::Group(_)) && setting.default_written.as_ref().is_some_and(same) {
        setting.default_written = None;
        setting.default = None;
    }
    for child in &node.children {
        let (true, Some(name)) = (matches!(child.name.value.as_str(), "setting" | "property"), child.arg(0)) else {
            continue;
        };
        match setting.members.remove(&name.text) {
            Some(member) => drop(setting.members.insert(name.text.clone(), refine(member, child, findings))),
            None => findings.push(Finding::error(
                BAD_REFINE,
                format!("`{}` has no member `{}` to refine", setting.name, name.text),
                name.span,
            )),
        }
    }
    let keep: Vec<&str> =
        node.children_named("option").filter_map(|option| Some(option.arg(0)?.text.as_str())).collect();
    if !keep.is_empty() {
        match &mut setting.kind {
            SettingType::Choice(options) => options.retain(|(word, _)| keep.contains(&word.as_str())),
            SettingType::Group(options) => options.retain(|word| keep.contains(&word.as_str())),
            _ => {}
        }
    }
    modified(setting, node, findings)
}

/// The modifiers of a declaration.
fn modified(mut setting: SettingDeclaration, node: &Node, findings: &mut Findings) -> SettingDeclaration {
    let text = |name: &str| node.child(name).and_then(|child| child.arg(0)).map(|arg| arg.text.clone());
    let over = |new: Option<String>, old: &mut Option<String>| {
        if new.is_some() {
            *old = new;
        }
    };
    over(text("about"), &mut setting.about);
    over(text("example"), &mut setting.example);
    over(text("only-grows"), &mut setting.only_grows);
    over(text("immutable"), &mut setting.immutable);
    over(text("was"), &mut setting.was);
    over(text("deprecated"), &mut setting.deprecated);
    over(text("computed"), &mut setting.computed);
    let on = |name: &str, old: bool| text(name).map_or(old, |word| word == "on");
    setting.required = on("required", setting.required);
    if let Some(with) = node.child("with") {
        setting.with = with.args.iter().map(|option| option.text.clone()).collect();
    }
    if let Some(repeatable) = node.child("repeatable") {
        let property = repeatable.prop("by").map(|name| KeyedBy::Property(name.text.clone()));
        setting.keyed_by = on("repeatable", false).then(|| property.unwrap_or(KeyedBy::Argument));
    }
    if let Some(range) = node.child("range") {
        setting.range = bounds(range, findings).or(setting.range);
    }
    if let Some(pattern) = node.child("pattern").and_then(|child| child.arg(0)) {
        match Pattern::new(&pattern.text) {
            Some(pattern) => setting.pattern = Some(pattern),
            None => findings.push(
                Finding::error(BAD_BOUNDS, "the pattern is no regular expression, or too large a one", pattern.span)
                    .help("repeat groups less often; `[a-z]` takes less than `\\w`"),
            ),
        }
    }
    with_default(setting, node, findings)
}

/// `range min=1 max=10`.
fn bounds(node: &Node, findings: &mut Findings) -> Option<(i64, i64)> {
    let bound = |name: &str, otherwise: i64| node.prop(name).map_or(Some(otherwise), |value| value.text.parse().ok());
    match (bound("min", 0), bound("max", i64::MAX)) {
        (Some(min), Some(max)) if min <= max => Some((min, max)),
        _ => {
            findings.push(
                Finding::error(BAD_BOUNDS, "the range is empty or no whole numbers", node.head)
                    .help("write `range min=1 max=10`"),
            );
            None
        }
    }
}

/// The default: as said, else composed from those of the members, else empty where nothing is a value, too.
fn with_default(mut setting: SettingDeclaration, node: &Node, findings: &mut Findings) -> SettingDeclaration {
    if let Some(default) = node.child("default") {
        setting.default_written = Some(written(&setting, default, Layer::Definition));
    } else if let SettingType::Group(options) = &setting.kind {
        let composed = from_members(&setting);
        let complete =
            options.is_empty() && !setting.members.values().any(|member| member.required && member.default.is_none());
        let any = !composed.props.is_empty() || !composed.children.is_empty();
        if setting.default_written.is_none() && complete && any && setting.keyed_by.is_none() {
            setting.default_written = Some(composed);
        }
    } else if matches!(setting.kind, SettingType::List(..) | SettingType::Map(_)) && !setting.required {
        setting.default_written.get_or_insert_with(|| empty(node.head));
    }
    if setting.keyed_by.is_some() && setting.default_written.is_none() {
        setting.default_written = Some(empty(node.head));
    }
    if let Some(default) = &setting.default_written {
        let value = decode(&setting, default, findings);
        let decoded = Setting { value: value.clone(), ..default.clone() };
        setting.default = (value != Value::Absent).then_some(value);
        setting.default_written = Some(decoded);
    }
    setting
}

fn empty(span: Span) -> Setting {
    Setting {
        span,
        layer: Layer::Definition,
        args: Vec::new(),
        props: BTreeMap::new(),
        children: BTreeMap::new(),
        value: Value::Absent,
    }
}

/// A group as its members' defaults would write it.
fn from_members(setting: &SettingDeclaration) -> Setting {
    let mut whole = empty(setting.span);
    for member in setting.members.values() {
        let Some(default) = &member.default_written else { continue };
        if member.as_property {
            let words: Vec<&str> = default.args.iter().map(|arg| arg.text.as_str()).collect();
            whole.props.insert(member.name.clone(), as_written(&words.join(" "), default.span));
        } else {
            whole.children.entry(member.name.clone()).or_default().insert(String::new(), default.clone());
        }
    }
    whole
}
