//! Where the value of a setting comes from, layer by layer.

use std::collections::{BTreeMap, BTreeSet};

use crate::expression::Value;
use crate::model::definition::SettingDeclaration;
use crate::model::spelling::{setting_text, value_kdl};
use crate::model::{App, Garden, Layer, Setting};
use crate::source::Span;

/// What one layer says of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LayerSetting {
    pub(crate) layer: Layer,
    /// The setting as it says it, as KDL: `scale min=2`; absent where it says that there is nothing.
    pub(crate) text: Option<String>,
    pub(crate) span: Span,
    /// How much of it is in force.
    pub(crate) part: InForce,
}

/// How much of what a layer says is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InForce {
    /// All of it.
    All,
    /// These words of it: `cpu-percent`, `keep daily`.
    Some(Vec<String>),
    /// Nothing: a nearer layer says it.
    Nothing {
        /// The nearest of those that do.
        nearer: Layer,
    },
}

/// Where the whole of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// What is in force, as KDL; absent where nothing is.
    pub(crate) effective: Option<String>,
    /// What the layers say, nearest first.
    pub(crate) layers: Vec<LayerSetting>,
    /// Of a value that parcelle makes itself: how, and of what.
    pub(crate) computed: Option<Computed>,
}

/// A value that no layer says, made of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Computed {
    /// How it is made: `NAME.DOMAIN`.
    pub(crate) of: String,
    /// Its parts: the name in `of`, the value, where that was said.
    pub(crate) parts: Vec<(&'static str, String, Span)>,
}

/// Why a setting of an app has its value. Absent where there is no such app, or its definition has no such setting.
pub(crate) fn explain(garden: &Garden, organisation: &str, app: &str, setting: &str) -> Option<Explanation> {
    let owner = garden.organisations.get(organisation).or_else(|| garden.stopped.get(organisation))?;
    let app = owner.apps.get(app)?;
    let declaration = app.definition.settings.get(setting)?;
    let effective = app.settings.get(setting);
    let said = app.layers.get(setting).map_or(&[][..], Vec::as_slice);
    let layers = effective.map_or_else(Vec::new, |effective| layers(declaration, effective, said));
    Some(Explanation {
        effective: effective.and_then(|effective| match &effective.value {
            Value::Absent => Some(setting_text(declaration, effective)),
            value => value_kdl(declaration, value),
        }),
        computed: effective.filter(|_| said.is_empty()).map(|effective| computed(declaration, owner, app, effective)),
        layers,
    })
}

fn layers(
    declaration: &SettingDeclaration,
    effective: &Setting,
    said: &[std::sync::Arc<Setting>],
) -> Vec<LayerSetting> {
    let in_force = words(effective);
    let mut explained: Vec<LayerSetting> = Vec::new();
    for setting in said {
        let own = words(setting);
        // A default that is only a value has no places: it counts where no nearer layer writes the same word.
        let (own, won): (Vec<String>, Vec<String>) = if own.is_empty() {
            let own = leaves(&setting.value);
            let won = own.iter().filter(|word| !in_force.contains_key(*word) && has(&effective.value, word));
            let won = won.cloned().collect();
            (own, won)
        } else {
            let won = own.iter().filter(|(_, places)| in_force.values().flatten().any(|place| places.contains(place)));
            let won = won.map(|(word, _)| word.clone()).collect();
            (own.into_keys().collect(), won)
        };
        let nearer = explained.first().map(|nearest| nearest.layer);
        let part = match (won.len(), nearer) {
            (_, None) => InForce::All,
            (0, Some(nearer)) => InForce::Nothing { nearer },
            (some, _) if some < own.len() => InForce::Some(won),
            _ => InForce::All,
        };
        let text = Some(setting_text(declaration, setting)).filter(|text| *text != declaration.name);
        explained.push(LayerSetting { layer: setting.layer, text, span: setting.span, part });
    }
    explained
}

/// The words of a setting by their path inside it (`keep daily`; empty for its arguments), with their places.
fn words(setting: &Setting) -> BTreeMap<String, BTreeSet<Span>> {
    let mut found = BTreeMap::new();
    collect(setting, "", &mut found);
    found
}

fn collect(setting: &Setting, path: &str, found: &mut BTreeMap<String, BTreeSet<Span>>) {
    let inside = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path} {name}") };
    if !setting.args.is_empty() {
        found.entry(path.to_owned()).or_default().extend(setting.args.iter().map(|word| word.span));
    }
    for (name, value) in &setting.props {
        found.entry(inside(name)).or_default().insert(value.span);
    }
    for (name, keyed) in &setting.children {
        for (key, child) in keyed {
            let name = if key.is_empty() { name.clone() } else { format!("{name} {key}") };
            collect(child, &inside(&name), found);
        }
    }
}

/// The words of a value, named as those of a setting.
fn leaves(value: &Value) -> Vec<String> {
    let Value::Map(members) = value else { return vec![String::new()] };
    let inside = |(name, member): (&String, &Value)| match leaves(member) {
        only if only == [String::new()] => vec![if name == "is" { String::new() } else { name.clone() }],
        deeper => deeper.into_iter().map(|word| format!("{name} {word}").trim_end().to_owned()).collect(),
    };
    members.iter().flat_map(inside).collect()
}

/// Whether a value says a word.
fn has(value: &Value, word: &str) -> bool {
    word.split_whitespace()
        .try_fold(value, |value, name| match value {
            Value::Map(members) => members.get(name),
            _ => None,
        })
        .is_some_and(|value| *value != Value::Absent)
}

/// The host of an app that says none.
fn computed(
    declaration: &SettingDeclaration,
    owner: &crate::model::Organisation,
    app: &App,
    effective: &Setting,
) -> Computed {
    let name = ("NAME", app.name.to_string(), app.span);
    let mut parts = vec![name];
    match (&owner.domain, &owner.cluster.domain) {
        (Some(domain), _) => parts.push(("DOMAIN", domain.value.clone(), domain.span)),
        (None, Some(domain)) => {
            parts.push(("ORGANISATION", owner.name.to_string(), effective.span));
            parts.push(("DOMAIN", domain.clone(), owner.cluster.span));
        }
        (None, None) => {}
    }
    let of = match parts.len() {
        3 => "NAME.ORGANISATION.DOMAIN, of the cluster's domain".to_owned(),
        _ => declaration.computed.clone().unwrap_or_else(|| "NAME.DOMAIN".to_owned()),
    };
    Computed { of, parts }
}
