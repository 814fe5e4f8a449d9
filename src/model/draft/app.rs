//! One app: its layers merged, its release, its hosts and what else its node says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hosts;
use super::layers::{self, Layers};
use crate::expression::{SecretRef, Value};
use crate::finding::{Applicability, Code, Finding, Findings, Severity};
use crate::model::definition::{self, Definition, Release, SettingDeclaration, SettingType};
use crate::model::read::{amount_at, child, children, name_at, text_at, text_of};
use crate::model::{Adopt, App, AppNode, EnvValue, FieldDecision, Layer, Life, Retired, Setting};
use crate::name::Name;
use crate::quantity::Quantity;
use crate::schema::suggest::{either, nearest};
use crate::schema::{CheckedFile, MISSING_NODE, TWICE};
use crate::source::{Span, Spanned};
use crate::syntax::Node;

/// A version or channel that the definition does not have.
pub(crate) const UNKNOWN_VERSION: Code = Code::new("E0304");

/// The channel of apps that say nothing.
const STABLE: &str = "stable";

/// All that decides over one app.
pub(super) struct AppSources<'a> {
    /// The file of the organisation.
    pub(crate) file: &'a CheckedFile,
    pub(crate) name: &'a Name,
    /// What it is.
    pub(crate) definition: &'a Arc<Definition>,
    /// The farthest layer.
    pub(crate) base: &'a BTreeMap<String, Arc<Setting>>,
    /// The organisation's node for it, where there is one.
    pub(crate) own: Option<&'a AppNode>,
    /// The offer's, where there is one.
    pub(crate) offered: Option<&'a AppNode>,
    /// The offer's defaults.
    pub(crate) offer_defaults: Option<&'a BTreeMap<String, Arc<Setting>>>,
    /// The organisation's defaults.
    pub(crate) defaults: &'a BTreeMap<String, Arc<Setting>>,
    /// What the organisation's `sign-on` says to it.
    pub(crate) sign_on: Option<&'a BTreeMap<String, Arc<Setting>>>,
    /// `NAME.DOMAIN`, as text and where the domain stands; absent where there is no domain.
    pub(crate) host: Option<Spanned<String>>,
    /// Whether there is none where none is given, rather than one that could not be read.
    pub(crate) host_known: bool,
    /// How long the organisation or the garden keeps data that is retired.
    pub(crate) keep_data: Quantity,
    /// Where the whole organisation is retired.
    pub(crate) retired: Option<&'a Retired>,
    /// The organisation's node, where to point when it does not mention the app.
    pub(crate) organisation: Span,
    /// Its name: what is wrong of the merged whole stops it alone.
    pub(crate) stops: &'a Name,
    /// Whether no finding is about the defaults of the offer and the organisation.
    pub(crate) defaults_sound: bool,
}

impl AppSources<'_> {
    /// The nearest node that declares the app.
    pub(super) fn span(&self) -> Span {
        self.own.or(self.offered).map_or(self.organisation, |node| node.node.head)
    }

    /// What each layer says, the nearest first.
    pub(super) fn nearest_first(&self) -> impl Iterator<Item = &BTreeMap<String, Arc<Setting>>> {
        let nearer = [
            self.own.map(|node| &node.settings),
            self.sign_on,
            Some(self.defaults),
            self.offered.map(|node| &node.settings),
            self.offer_defaults,
        ];
        nearer.into_iter().flatten().chain([self.base])
    }

    /// Where the organisation's own file is about the app.
    fn place(&self) -> Span {
        self.own.map_or(self.organisation, |node| node.node.head)
    }

    pub(super) fn sound(&self) -> bool {
        self.defaults_sound && self.own.is_none_or(|node| node.sound) && self.offered.is_none_or(|node| node.sound)
    }
}

/// The farthest layer of every app of a definition: defaults, as settings.
pub(super) fn base(definition: &Definition) -> BTreeMap<String, Arc<Setting>> {
    let default = |(name, declaration): (&String, &SettingDeclaration)| {
        let value = default_value(declaration)?;
        let written = declaration.default_written.clone();
        let bare = || Setting {
            span: declaration.span,
            layer: Layer::Definition,
            args: Vec::new(),
            props: BTreeMap::new(),
            children: BTreeMap::new(),
            value: Value::Absent,
        };
        Some((name.clone(), Arc::new(Setting { value, ..written.unwrap_or_else(bare) })))
    };
    definition.settings.iter().filter_map(default).collect()
}

/// The default of a setting; of a group, those of its members.
fn default_value(declaration: &SettingDeclaration) -> Option<Value> {
    if declaration.default.is_some() {
        return declaration.default.clone();
    }
    let SettingType::Group(_) = declaration.kind else { return None };
    let members = declaration.members.iter().filter_map(|(name, member)| Some((name.clone(), default_value(member)?)));
    let members: BTreeMap<String, Value> = members.collect();
    (!members.is_empty() && declaration.keyed_by.is_none()).then_some(Value::Map(members))
}

/// The app, and whether nothing is wrong with it; absent only where its definition has no release at all.
pub(super) fn build(sources: &AppSources<'_>, findings: &mut Findings) -> Option<(App, bool)> {
    let before = findings.len();
    let layers = layers(sources);
    let mut settings = effective(sources, &layers, findings);
    let release = release(sources, &layers, findings)?;
    let hosts = hosts::read(sources, &mut settings, findings);
    let own = sources.own.map(|node| &*node.node);
    let inner = |name: &'static str| own.into_iter().flat_map(move |node| children(sources.file, node, name));
    let app = App {
        name: sources.name.clone(),
        definition: Arc::clone(sources.definition),
        release,
        life: life(sources, &settings),
        settings,
        layers,
        hosts,
        hold: own.and_then(|node| text_of(sources.file, node, "hold")),
        was: was(sources),
        adopt: inner("adopt").filter_map(adopt).collect(),
        fields: inner("field").filter_map(|node| field(sources.name, node)).collect(),
        env: env(sources),
        patches: patches(sources),
        span: sources.span(),
    };
    let sound = findings.iter().skip(before).all(|finding| finding.severity != Severity::Error);
    Some((app, sound && sources.sound()))
}

/// The earlier name: an offer may rename its app for all who have it.
fn was(sources: &AppSources<'_>) -> Option<Spanned<Name>> {
    let own = sources.own.and_then(|own| child(sources.file, &own.node, "was")).and_then(|node| name_at(node, 0));
    own.or_else(|| sources.offered?.node.child("was").and_then(|node| name_at(node, 0)))
}

/// Every layer's settings, nearest first.
fn layers(sources: &AppSources<'_>) -> Layers {
    let mut layers = Layers::new();
    sources.nearest_first().for_each(|said| layers::lay(&mut layers, said));
    layers.retain(|name, _| sources.definition.settings.contains_key(name));
    layers
}

fn effective(sources: &AppSources<'_>, layers: &Layers, findings: &mut Findings) -> BTreeMap<String, Arc<Setting>> {
    let mut settings = BTreeMap::new();
    for (name, declaration) in &sources.definition.settings {
        let said = layers.get(name).map_or(&[][..], Vec::as_slice);
        let Some(setting) = layers::effective(declaration, said) else {
            if declaration.required && sources.sound() {
                findings.push(required(sources, declaration));
            }
            continue;
        };
        if setting.layer == Layer::Definition && setting.value != Value::Absent {
            settings.insert(name.clone(), setting);
            continue;
        }
        // Each layer was checked by itself; only what is wrong of the sound whole is news.
        let mut news = Findings::default();
        let value = definition::decode(declaration, &setting, &mut news);
        if sources.sound() {
            for finding in news {
                let stops = finding.severity == Severity::Error;
                findings.push(if stops { finding.stops(sources.stops.clone()) } else { finding });
            }
        }
        let mut setting = Arc::unwrap_or_clone(setting);
        setting.value = value;
        settings.insert(name.clone(), Arc::new(setting));
    }
    settings
}

fn required(sources: &AppSources<'_>, declaration: &SettingDeclaration) -> Finding {
    let title = format!("`app {} {}` lacks `{}`", sources.definition.name, sources.name, declaration.name);
    let finding = Finding::error(MISSING_NODE, title, sources.place());
    let finding = match &declaration.about {
        Some(about) => finding.why(format!("`{}` says: {about}", declaration.name)),
        None => finding,
    };
    match &declaration.example {
        Some(example) => finding.help(format!("add, for example, `{example}`")),
        None => finding.help(format!("add `{}` to its block", declaration.name)),
    }
}

/// The release that `version` names, or `channel`, whichever is nearer; otherwise the stable one.
fn release(sources: &AppSources<'_>, layers: &Layers, findings: &mut Findings) -> Option<Arc<Release>> {
    let nearest_of = |name: &str| layers.get(name).and_then(|said| said.first()).filter(|said| !said.args.is_empty());
    let (version, channel) = (nearest_of("version"), nearest_of("channel"));
    if let (Some(version), Some(channel)) = (version, channel)
        && version.layer == channel.layer
        && version.layer != Layer::Definition
    {
        let finding = Finding::error(TWICE, "the app says both `version` and `channel`", channel.span)
            .also(version.span, "this says the version already")
            .why("a channel is a version that moves; one of the two would not count")
            .help("keep one of them");
        findings.push(finding);
    }
    let by_version = version.filter(|version| channel.is_none_or(|channel| version.layer >= channel.layer));
    let known = match (by_version, channel) {
        (Some(version), _) => {
            let written = &version.args[0];
            let found = sources.definition.releases.get(&written.text);
            if found.is_none() {
                let known = sources.definition.releases.keys().map(String::as_str);
                findings.push(unknown_version(sources, "version", written, known));
            }
            found
        }
        (None, Some(channel)) => {
            let written = &channel.args[0];
            let found = sources.definition.channels.get(&written.text);
            if found.is_none() {
                let known = sources.definition.channels.keys().map(String::as_str);
                findings.push(unknown_version(sources, "channel", written, known));
            }
            found.and_then(|version| sources.definition.releases.get(version))
        }
        (None, None) => None,
    };
    known.or_else(|| stable(sources.definition)).cloned()
}

/// What the stable channel names, or the end of the chain of releases.
fn stable(definition: &Definition) -> Option<&Arc<Release>> {
    let named = definition.channels.get(STABLE).and_then(|version| definition.releases.get(version));
    let last = || {
        let followed =
            |version: &String| definition.releases.values().any(|other| other.after.as_ref() == Some(version));
        definition.releases.iter().rev().find(|(version, _)| !followed(version)).map(|(_, release)| release)
    };
    named.or_else(last)
}

fn unknown_version<'a>(
    sources: &AppSources<'_>,
    what: &str,
    written: &crate::syntax::Value,
    known: impl Iterator<Item = &'a str>,
) -> Finding {
    let known: Vec<&str> = known.collect();
    let title = format!("`{}` has no {what} `{}`", sources.definition.name, written.text);
    let finding = Finding::error(UNKNOWN_VERSION, title, written.span);
    let finding = match nearest(&written.text, known.iter().copied()) {
        Some(meant) => finding.label(format!("did you mean `{meant}`?")).fix(
            Applicability::Guess,
            format!("write `{meant}`"),
            written.span,
            meant,
        ),
        None => finding,
    };
    finding.help(format!("it has {}", either(known).replace(" or ", " and ")))
}

fn life(sources: &AppSources<'_>, settings: &BTreeMap<String, Arc<Setting>>) -> Life {
    if let Some(own) = sources.own.filter(|own| own.node.name.value == "retired") {
        let keep = child(sources.file, &own.node, "keep-data");
        let time = keep.and_then(|node| amount_at(node, 0));
        return Life::Retired(Retired {
            keep_data: time.map_or(sources.keep_data, |time| time.value),
            span: keep.map_or(own.node.head, |node| node.head),
        });
    }
    if let Some(retired) = sources.retired {
        return Life::Retired(retired.clone());
    }
    let state = settings.get("state");
    match state.and_then(|state| Some((state.span, state.args.first()?.text.as_str()))) {
        Some((span, "paused")) => Life::Paused(span),
        Some((span, "archived")) => Life::Archived(span),
        _ => Life::Running,
    }
}

fn adopt(node: &Node) -> Option<Adopt> {
    Some(Adopt { kind: text_at(node, 0)?.value, name: text_at(node, 1)?.value, span: node.head })
}

fn field(app: &Name, node: &Node) -> Option<FieldDecision> {
    Some(FieldDecision {
        app: app.clone(),
        kind: text_at(node, 0)?.value,
        name: text_at(node, 1)?.value,
        path: text_at(node, 2)?.value,
        take: text_at(node, 3)?.value == "take",
        span: node.head,
    })
}

/// `env` of the offer's app and, over it, of the organisation's.
fn env(sources: &AppSources<'_>) -> BTreeMap<String, Spanned<EnvValue>> {
    let nodes = [sources.offered, sources.own].into_iter().flatten().flat_map(|app| app.node.children_named("env"));
    nodes.filter_map(|node| Some((text_at(node, 0)?.value, Spanned::new(env_value(node)?, node.head)))).collect()
}

fn env_value(node: &Node) -> Option<EnvValue> {
    if let Some(text) = text_at(node, 1) {
        return Some(EnvValue::Text(text.value));
    }
    let text = |name: &str| node.prop(name).map(|value| value.text.as_str().into());
    Some(EnvValue::Secret(SecretRef { secret: text("secret")?, key: text("key")? }))
}

fn patches(sources: &AppSources<'_>) -> Vec<Node> {
    let apps = [sources.offered, sources.own].into_iter().flatten();
    apps.flat_map(|app| app.node.children_named("patch").cloned()).collect()
}
