//! From the tree of a `definition` node to a [`Definition`]: everything typed, every name resolved.
//!
//! The schema of the language has checked which words stand where; what it found is not said again here.

pub(in crate::model) mod compose;
mod context;
mod idle_words;
mod needs;
mod pods;
mod settings;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{
    Definition, Definitions, Guarded, NeedKind, Rule, SettingDeclaration, SettingReads, SignOn, Test, decode, names,
};
use crate::expression::{Scope, Type};
use crate::finding::{Code, Finding, Findings};
use crate::model::Layer;
use crate::model::PlacedFile;
use crate::schema::suggest::nearest;
use crate::source::Spanned;
use crate::syntax::{Document, Node};
use context::{Context, Flat, Secrets};

/// A setting that the definition does not have.
const NO_SETTING: Code = Code::new("E0263");
/// A setting or a need that nothing uses.
const UNUSED: Code = Code::new("W0501");
/// A definition without tests.
const UNTESTED: Code = Code::new("W0502");

/// Loads the definitions that come with parcelle, and the settings that every app has.
pub(crate) fn load_built_in(documents: &[Document], findings: &mut Findings) -> Definitions {
    let top = |word: &'static str| {
        let nodes = documents.iter().flat_map(|document| &document.nodes);
        nodes.filter(move |node| node.name.value == word)
    };
    let mut definitions = Definitions { common: settings::common(top("settings"), findings), ..Definitions::default() };
    for node in top("definition") {
        let Some(name) = Context::name(node.arg(0)) else { continue };
        match load(node, &definitions, findings) {
            Some(definition) => drop(definitions.loaded.insert(name.value, Arc::new(definition))),
            None => drop(definitions.broken.insert(name.value)),
        }
    }
    definitions
}

/// The definitions that come with parcelle, and over them those of a garden's files, as the schema checked them.
pub fn load_all(built_in: &[Document], garden: &[Arc<PlacedFile>], findings: &mut Findings) -> Definitions {
    load_built_in(built_in, findings).with(garden, findings)
}

/// Loads one `definition` node over the settings that every app has, with what it uses of the definitions before it; none
/// where it has an error, with its findings.
pub(crate) fn load(node: &Node, before: &Definitions, findings: &mut Findings) -> Option<Definition> {
    let written = compose::compose(node, before, findings)?;
    let mut found = Findings::default();
    let definition = definition(&written, &before.common, &mut Context { findings: &mut found, repeated: Vec::new() });
    let sound = !found.has_errors();
    findings.extend(found);
    let uses = compose::all_used(node, before);
    definition.filter(|_| sound).map(|definition| Definition { uses, ..definition })
}

fn definition(
    node: &Arc<Node>,
    common: &BTreeMap<String, SettingDeclaration>,
    context: &mut Context,
) -> Option<Definition> {
    let name = Context::name(node.arg(0))?;
    let text = |word: &str| {
        node.child(word).and_then(|child| child.arg(0)).map(|arg| Spanned::new(arg.text.clone(), arg.span))
    };
    let (settings, unreadable) = settings::settings(node.child("settings"), common, context.findings);
    let scope = names::scope(&settings, &unreadable);
    let (releases, channels) = needs::releases(context, node.child("releases"), node);
    let needs = needs::needs(context, node.child("needs"), &scope);
    let outer = scope.clone().with("workloads", workloads::hosts(node));
    let sign_on = node.child("provides").and_then(|provides| needs::sign_on(context, provides, &outer));
    let inner = outer.with("needs", needs::scope_type(&needs));
    context.repeated = needs::repeated(&needs);
    let inner = if sign_on.is_some() { inner.with("clients", SignOn::clients_type()) } else { inner };
    let parts = context.flatten(&node.children, &inner);
    parts.iter().filter(|part| part.word() == "use").for_each(|part| context.always(part));
    let mut workloads = Vec::new();
    for part in parts.iter().filter(|part| part.word() == "workload") {
        context.named_by_element(part);
        let workload = workloads::workload(context, part, &needs, &workloads);
        workloads.extend(workload.map(|workload| part.guarded(workload)));
    }
    let mut jobs = Vec::new();
    for part in parts.iter().filter(|part| part.word() == "job") {
        context.named_by_element(part);
        jobs.extend(workloads::job(context, part, &needs, &workloads));
    }
    workloads::check_names(context, &workloads, &jobs);
    workloads::check_routes(context, &needs, &workloads, sign_on.as_ref());
    let definition = Definition {
        name: name.value,
        was: node.children_named("was").filter_map(|was| Some(Context::name(was.arg(0))?.value)).collect(),
        about: text("about").map(|about| about.value).unwrap_or_default(),
        docs: text("docs").map(|docs| docs.value),
        releases,
        channels,
        workloads,
        jobs,
        objects: objects(context, &parts),
        rules: rules(context, node, &scope, &settings),
        tests: tests(context, node, &inner, &settings),
        single_replica: text("single-replica"),
        one_address: text("one-address"),
        reads: SettingReads::of(node, &settings),
        receives: text("receives"),
        span: node.head,
        uses: BTreeSet::new(),
        written: Arc::clone(node),
        needs,
        sign_on,
        settings,
    };
    if !context.findings.has_errors() {
        doubts(context, node, &definition);
    }
    Some(definition)
}

/// Objects stay as written; their strings are typed here so that rendering them cannot fail.
fn objects(context: &mut Context, parts: &[Flat]) -> Vec<Guarded<Node>> {
    let objects: Vec<&Flat> = parts.iter().filter(|part| part.word() == "object").collect();
    for object in &objects {
        strings(context, object.node, &object.scope);
    }
    objects.into_iter().map(|object| object.guarded(object.node.clone())).collect()
}

fn strings(context: &mut Context, node: &Node, scope: &Scope) {
    let values = node.args.iter().chain(node.props.iter().map(|prop| &prop.value));
    for value in values.filter(|value| value.text.contains("${")) {
        context.leaf(value, scope, Secrets::Refused("an object"));
    }
    let children = context.flatten(&node.children, scope);
    for child in &children {
        strings(context, child.node, &child.scope);
    }
}

fn rules(
    context: &mut Context,
    node: &Node,
    scope: &Scope,
    settings: &BTreeMap<String, SettingDeclaration>,
) -> Vec<Rule> {
    let mut names = BTreeMap::new();
    let mut rules = Vec::new();
    for rule in node.children_named("rule") {
        let arg = |word: &str| rule.child(word).and_then(|child| child.arg(0));
        let (Some(name), Some(check), Some(message)) = (Context::name(rule.arg(0)), arg("check"), arg("message"))
        else {
            continue;
        };
        context.unique(&mut names, "rules", &name);
        let check = context.expression(check, scope, &Type::Bool);
        let message = context.text(message, scope, Secrets::Refused("a message"));
        let points_at = arg("points-at").map(|setting| {
            let path = setting.text.strip_prefix("settings.").unwrap_or(&setting.text);
            let first = path.split('.').next().unwrap_or(path).to_owned();
            known_setting(context, &first, setting.span, settings);
            first
        });
        let Some(check) = check else { continue };
        rules.push(Rule {
            name,
            check,
            message,
            points_at,
            help: arg("help").map(|help| help.text.clone()),
            warning: arg("severity").is_some_and(|severity| severity.text == "warning"),
            span: rule.head,
        });
    }
    rules
}

fn known_setting(
    context: &mut Context,
    name: &str,
    span: crate::source::Span,
    settings: &BTreeMap<String, SettingDeclaration>,
) -> bool {
    if settings.contains_key(name) {
        return true;
    }
    let finding = Finding::error(NO_SETTING, format!("there is no setting `{name}`"), span);
    context.push(match nearest(name, settings.keys().map(String::as_str)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding,
    });
    false
}

fn tests(
    context: &mut Context,
    node: &Node,
    scope: &Scope,
    settings: &BTreeMap<String, SettingDeclaration>,
) -> Vec<Test> {
    let scope = scope.clone().with("objects", Type::Any);
    let mut names = BTreeMap::new();
    let mut tests = Vec::new();
    for test in node.children_named("test") {
        let Some(name) = Context::name(test.arg(0)) else { continue };
        context.unique(&mut names, "tests", &name);
        let given: Vec<Node> = test.child("given").map(|given| given.children.clone()).unwrap_or_default();
        for setting in given.iter().filter(|setting| !WORDS_OF_APPS.contains(&setting.name.value.as_str())) {
            if known_setting(context, &setting.name.value, setting.name.span, settings) {
                let declaration = &settings[&setting.name.value];
                let written = decode::written(declaration, setting, Layer::App);
                decode::check_layer(declaration, &written, context.findings);
            }
        }
        let expect = test.children_named("expect").filter_map(|expect| expect.arg(0));
        let expect = expect.filter_map(|expect| context.expression(expect, &scope, &Type::Bool)).collect();
        let beside = test.children_named("beside").cloned().collect();
        tests.push(Test { name, given, beside, expect, span: test.head });
    }
    tests
}

/// What an app may say besides its settings.
const WORDS_OF_APPS: &[&str] = &["hold", "was", "adopt", "field", "env", "patch", "allow"];

/// Settings and needs that nothing uses, and a definition without tests.
fn doubts(context: &mut Context, node: &Node, definition: &Definition) {
    let mut texts = Vec::new();
    for child in node.children.iter().filter(|child| child.name.value != "settings") {
        collect_texts(child, &mut texts);
    }
    // What another definition brought has been looked at there.
    let own = |span: crate::source::Span| {
        span.file == node.span.file && (node.span.start..node.span.end).contains(&span.start)
    };
    let used = |path: &str| texts.iter().any(|text| names_path(text, path));
    for setting in definition.settings.values().filter(|setting| !setting.common && own(setting.span)) {
        if !used(&format!("settings.{}", setting.name)) && setting.deprecated.is_none() {
            context.push(
                Finding::warning(UNUSED, format!("the setting `{}` is used nowhere", setting.name), setting.span)
                    .help(format!("use `settings.{}` in a workload, or take it out", setting.name)),
            );
        }
    }
    for need in definition.needs.iter().filter(|need| own(need.item.span)) {
        let need = &need.item;
        let name = need.name.value.as_str();
        let mounted = || {
            let pods = definition.workloads.iter().map(|workload| &workload.item.pod);
            pods.chain(definition.jobs.iter().map(|job| &job.item.pod))
                .any(|pod| pod.volumes.iter().any(|mount| mount.item.need.value.as_str() == name))
        };
        let is_used = match need.kind {
            NeedKind::Route | NeedKind::Outward => true,
            NeedKind::Volume => mounted(),
            _ => used(&format!("needs.{name}")),
        };
        if !is_used {
            context.push(
                Finding::warning(UNUSED, format!("the need `{name}` is used nowhere"), need.span)
                    .help("the cluster would provide it for nothing: use its outputs, or take it out"),
            );
        }
    }
    idle_words::check(context, node, definition, own);
    if definition.tests.is_empty() {
        context.push(
            Finding::warning(UNTESTED, format!("the definition `{}` has no tests", definition.name), node.head)
                .help("write `test smallest { given { }; expect \"objects.Deployment.web.spec.replicas == 1\"; }`"),
        );
    }
}

fn collect_texts<'n>(node: &'n Node, texts: &mut Vec<&'n str>) {
    texts.extend(node.args.iter().map(|arg| arg.text.as_str()));
    texts.extend(node.props.iter().map(|prop| prop.value.text.as_str()));
    for child in &node.children {
        collect_texts(child, texts);
    }
}

/// Whether a text holds a path as whole words.
fn names_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let rest = &text[at + path.len()..];
        let mut next = rest.chars();
        match next.next() {
            Some('-') => !next.next().is_some_and(char::is_alphanumeric),
            Some(character) => !character.is_alphanumeric() && character != '_',
            None => true,
        }
    })
}
