//! Needs and releases of a definition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::decode::guess;
use super::super::{Guarded, Need, NeedKind, NeedOption, NeedValue, OptionKind, Release, SignOn};
use super::context::{Context, Flat, Secrets};
use crate::expression::{Expression, Field, Scope, Type};
use crate::finding::{Code, Finding};
use crate::schema::suggest::nearest;
use crate::source::Spanned;
use crate::syntax::{Node, Value};

/// The most releases that a message names.
const MOST_SHOWN: usize = 30;

/// A chain of releases that does not hold together.
const BAD_CHAIN: Code = Code::new("E0256");
/// A need or an option that cannot be as written.
const BAD_NEED: Code = Code::new("E0257");

/// The needs of a `needs { … }` node.
pub(super) fn needs(context: &mut Context, node: Option<&Node>, scope: &Scope) -> Vec<Guarded<Need>> {
    let mut names = BTreeMap::new();
    let mut needs = Vec::new();
    for flat in context.flatten(node.map_or(&[], |node| &node.children), scope) {
        let Some(need) = need(context, &flat) else { continue };
        if need.kind == NeedKind::SignOn {
            // An app is one client.
            context.once(&flat);
        } else {
            context.named_by_element(&flat);
        }
        context.unique(&mut names, "needs", &need.name);
        needs.push(flat.guarded(need));
    }
    needs
}

/// What `needs` is in expressions: one that is not always there is optional, one inside `@each` a map by its element.
pub(super) fn scope_type(needs: &[Guarded<Need>]) -> Type {
    let field = |need: &Guarded<Need>| {
        let kind = need.item.expression_type();
        if need.each.is_empty() {
            return Field { kind, optional: !need.when.is_empty() };
        }
        Field { kind: Type::Map(Box::new(kind)), optional: false }
    };
    Type::Object(Arc::new(needs.iter().map(|need| (need.item.name.value.to_string(), field(need))).collect()))
}

/// The needs of which there is always one for each element of one list, with that list.
pub(super) fn repeated(needs: &[Guarded<Need>]) -> Vec<(String, Expression)> {
    let one_each = |need: &Guarded<Need>| match (&need.each[..], &need.when[..]) {
        ([(_, list)], []) => Some((need.item.name.value.to_string(), list.clone())),
        _ => None,
    };
    needs.iter().filter_map(one_each).collect()
}

fn need(context: &mut Context, flat: &Flat) -> Option<Need> {
    let kind = NeedKind::parse(flat.word())?;
    let name = Context::name(flat.node.arg(0))?;
    let facts = kind.facts();
    let mut options = BTreeMap::new();
    for child in &flat.node.children {
        let Some((option, shape, _)) = facts.options.iter().find(|(option, ..)| **option == child.name.value) else {
            continue;
        };
        if let Some(value) = option_value(context, child, &flat.scope, *shape) {
            options.insert((*option).to_owned(), NeedOption { value, span: child.head });
        }
    }
    let keys = if kind == NeedKind::Secret { keys(context, flat.node) } else { Vec::new() };
    Some(Need { kind, name, options, keys, span: flat.node.head })
}

/// What `provides { sign-on { … } }` says.
pub(super) fn sign_on(context: &mut Context, provides: &Node, scope: &Scope) -> Option<SignOn> {
    let node = provides.child("sign-on")?;
    let to = Context::name(node.child("to")?.arg(0))?;
    let refused = Secrets::Refused("what other apps are given");
    let said = |name: &str| node.child(name).and_then(|child| child.arg(0));
    let outputs =
        SignOn::outputs().filter_map(|name| Some((name.to_owned(), context.text(said(name)?, scope, refused))));
    Some(SignOn { to, outputs: outputs.collect(), span: node.head })
}

fn option_value(context: &mut Context, node: &Node, scope: &Scope, kind: OptionKind) -> Option<NeedValue> {
    let refused = Secrets::Refused("an option of a need");
    let texts = |context: &mut Context, value: &Value| {
        if value.text.contains("${") {
            context.leaf(value, scope, refused)
        } else {
            context.text(value, scope, refused)
        }
    };
    match kind {
        OptionKind::Amount(dimension) => context.amount(node, scope, dimension),
        OptionKind::OnOff => Some(NeedValue::Template(context.typed(node.arg(0)?, scope, &Type::Bool))),
        OptionKind::Texts => Some(NeedValue::List(node.args.iter().map(|value| texts(context, value)).collect())),
        OptionKind::Text | OptionKind::Host | OptionKind::Workload | OptionKind::Port => {
            Some(NeedValue::Template(context.text(node.arg(0)?, scope, refused)))
        }
    }
}

fn keys(context: &mut Context, node: &Node) -> Vec<(Spanned<String>, u32)> {
    let mut keys: Vec<(Spanned<String>, u32)> = Vec::new();
    for key in node.children_named("key") {
        let Some(name) = key.arg(0) else { continue };
        let length = key.prop("length").and_then(|length| length.text.parse().ok()).unwrap_or(32);
        if !(16..=256).contains(&length) {
            context.push(
                Finding::error(BAD_NEED, format!("the key `{}` has {length} characters", name.text), key.head)
                    .why("a generated key has 16 to 256 characters: fewer could be guessed"),
            );
        }
        keys.push((Spanned::new(name.text.clone(), name.span), length));
    }
    if keys.is_empty() {
        context.push(
            Finding::error(BAD_NEED, "the secret has no keys", node.head)
                .help("write `key secret length=48` in its block"),
        );
    }
    keys
}

/// Releases and channels.
pub(super) fn releases(
    context: &mut Context,
    node: Option<&Node>,
    definition: &Node,
) -> (BTreeMap<String, Arc<Release>>, BTreeMap<String, String>) {
    let mut releases = BTreeMap::new();
    let mut channels = BTreeMap::new();
    let Some(node) = node else {
        context.push(
            Finding::error(BAD_CHAIN, "the definition has no releases", definition.head)
                .help("write `releases { channel stable 1; release 1 image=\"…\"; }`"),
        );
        return (releases, channels);
    };
    for release in node.children_named("release") {
        let (Some(version), Some(image)) = (release.arg(0), release.prop("image")) else { continue };
        let after = release.prop("after").map(|after| after.text.clone());
        let value = Release { version: version.text.clone(), image: image.text.clone(), after, span: release.head };
        releases.insert(version.text.clone(), Arc::new(value));
        untagged(context, image);
    }
    let known: BTreeSet<&str> = releases.keys().map(String::as_str).collect();
    for after in node.children_named("release").filter_map(|release| release.prop("after")) {
        if context.is_hopeless() {
            break;
        }
        known_version(context, after, &known, "`after`");
    }
    for channel in node.children_named("channel") {
        let (Some(name), Some(version)) = (channel.arg(0), channel.arg(1)) else { continue };
        known_version(context, version, &known, &format!("the channel `{}`", name.text));
        channels.insert(name.text.clone(), version.text.clone());
    }
    circles(context, &releases);
    if !channels.contains_key("stable") {
        context.push(
            Finding::error(BAD_CHAIN, "there is no channel `stable`", node.head)
                .why("it names the version of apps that say neither `version` nor `channel`")
                .help("write `channel stable VERSION`"),
        );
    }
    (releases, channels)
}

fn known_version(context: &mut Context, version: &Value, known: &BTreeSet<&str>, what: &str) {
    if known.contains(version.text.as_str()) {
        return;
    }
    let finding =
        Finding::error(BAD_CHAIN, format!("{what} names `{}`, which is no release", version.text), version.span)
            .why(format!("there are `{}`", known.iter().take(MOST_SHOWN).copied().collect::<Vec<_>>().join("`, `")));
    context.push(match nearest(&version.text, known.iter().copied()) {
        Some(near) => guess(finding, near, version.span),
        None => finding,
    });
}

/// An image that names no version would change under the same garden.
fn untagged(context: &mut Context, image: &Value) {
    let last = image.text.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once(['@', ':']).map(|(_, tag)| tag);
    if matches!(tag, None | Some("" | "latest")) {
        context.push(
            Finding::error(BAD_CHAIN, format!("the image `{}` names no version", image.text), image.span)
                .why("the same garden must always mean the same image")
                .help("end it with a tag, as in `:33.0.7-apache`, or a digest"),
        );
    }
}

fn circles(context: &mut Context, releases: &BTreeMap<String, Arc<Release>>) {
    // Whether a chain of releases that was followed before leads through it.
    let mut followed: BTreeSet<&str> = BTreeSet::new();
    for release in releases.values() {
        let mut chain = BTreeSet::from([release.version.as_str()]);
        let mut next = release.after.as_ref();
        while let Some(after) = next.and_then(|version| releases.get(version)) {
            if followed.contains(after.version.as_str()) {
                break;
            }
            if !chain.insert(&after.version) {
                let title = format!("release `{}` comes after itself", release.version);
                context.push(
                    Finding::error(BAD_CHAIN, title, release.span)
                        .why("`after` names the version that must have run before"),
                );
                return;
            }
            next = after.after.as_ref();
        }
        followed.append(&mut chain);
    }
}
