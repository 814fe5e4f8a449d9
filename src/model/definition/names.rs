//! The names that expressions of a definition use: their types when it loads, their values for one app.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Guarded, Need, SettingDeclaration, decode};
use crate::expression::{Budget, Environment, Field, Scope, Type, Value, evaluate};
use crate::model::domain::domain_of;
use crate::model::{App, Organisation};
use crate::quantity::{Dimension, Quantity};
use crate::source::Spanned;

/// The names that every expression sees: `settings app org cluster release`. `needs` and `objects` come where they are.
///
/// Settings that are `unreadable` may be anything: their own finding is enough.
pub(super) fn scope(settings: &BTreeMap<String, SettingDeclaration>, unreadable: &BTreeSet<String>) -> Scope {
    let settings = settings.iter().map(|(name, setting)| (name.clone(), setting.expression_field()));
    let settings = settings.chain(unreadable.iter().map(|name| (name.clone(), always(Type::Any))));
    let grants = [
        ("cpu", always(Type::Quantity(Dimension::Cpu))),
        ("memory", always(Type::Quantity(Dimension::Size))),
        ("storage", always(Type::Quantity(Dimension::Size))),
    ];
    Scope::new()
        .with("settings", Type::Object(Arc::new(settings.collect())))
        .with(
            "app",
            object([
                ("name", always(Type::Text)),
                ("host", maybe(Type::Text)),
                ("hosts", always(Type::List(Box::new(Type::Text)))),
                ("factor", always(Type::Int)),
            ]),
        )
        .with(
            "org",
            object([
                ("name", always(Type::Text)),
                ("title", always(Type::Text)),
                ("domain", maybe(Type::Text)),
                ("timezone", always(Type::Text)),
                ("offer", always(Type::Text)),
                ("grants", always(object(grants))),
            ]),
        )
        .with(
            "cluster",
            object([
                ("name", always(Type::Text)),
                ("title", always(Type::Text)),
                ("domain", maybe(Type::Text)),
                ("timezone", always(Type::Text)),
            ]),
        )
        .with("release", object([("version", always(Type::Text)), ("image", always(Type::Text))]))
}

fn always(kind: Type) -> Field {
    Field { kind, optional: false }
}

fn maybe(kind: Type) -> Field {
    Field { kind, optional: true }
}

fn object<const N: usize>(fields: [(&str, Field); N]) -> Type {
    Type::Object(Arc::new(fields.into_iter().map(|(name, field)| (name.to_owned(), field)).collect()))
}

/// The values of `settings app org cluster release` for one app. `needs` (a map of need to outputs) is added with
/// [`Environment::with`] where providers have answered.
pub(crate) fn environment(organisation: &Organisation, app: &App) -> Environment {
    let cluster = &organisation.cluster;
    let domain = |domain: Option<&String>| domain.map_or(Value::Absent, |domain| Value::garden_text(domain));
    Environment::new()
        .with("settings", settings(app))
        .with("app", app_value(app))
        .with("org", organisation_value(organisation))
        .with(
            "cluster",
            present([
                ("name", Value::text(cluster.name.as_str())),
                ("title", Value::garden_text(&cluster.title)),
                ("domain", domain(cluster.domain.as_ref())),
                ("timezone", Value::garden_text(&cluster.timezone)),
            ]),
        )
        .with(
            "release",
            present([("version", Value::text(&app.release.version)), ("image", Value::text(&app.release.image))]),
        )
}

/// Whether the conditions around a need hold for this app, as far as they can be computed within a budget.
pub(in crate::model) fn wanted(
    need: &Guarded<Need>,
    organisation: &Organisation,
    app: &App,
    budget: &Arc<Budget>,
) -> bool {
    if need.when.is_empty() {
        return true;
    }
    let environment = environment(organisation, app).within(budget);
    need.when.iter().all(|when| evaluate(when, &environment) == Value::Bool(true))
}

/// What has a value, as a map.
fn present<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::map(entries.into_iter().filter(|(_, value)| *value != Value::Absent))
}

/// Effective settings, the defaults of those that no layer says, and the hosts in force.
fn settings(app: &App) -> Value {
    let declared = app.definition.settings.iter();
    let mut values: BTreeMap<String, Value> =
        declared.filter_map(|(name, setting)| Some((name.clone(), setting.default.clone()?))).collect();
    if let Value::Map(written) = decode::settings_value(&app.settings) {
        values.extend(written);
    }
    if let [first, others @ ..] = &app.hosts[..] {
        values.insert("at".to_owned(), Value::garden_text(&first.value));
        values.insert("also-at".to_owned(), hosts(others));
    }
    Value::Map(values)
}

fn hosts(hosts: &[Spanned<String>]) -> Value {
    Value::List(hosts.iter().map(|host| Value::garden_text(&host.value)).collect())
}

fn app_value(app: &App) -> Value {
    let first = app.hosts.first().map_or(Value::Absent, |host| Value::garden_text(&host.value));
    let size = match decode::settings_value(&app.settings).field("size") {
        Value::Text(word) => word.text,
        _ => "medium".into(),
    };
    present([
        ("name", Value::text(app.name.as_str())),
        ("host", first),
        ("hosts", hosts(&app.hosts)),
        ("factor", Value::Int(factor(&size))),
    ])
}

/// `app.factor`: what definitions multiply the resources of a small app with.
fn factor(size: &str) -> i64 {
    match size {
        "small" => 1,
        "large" => 4,
        "huge" => 8,
        _ => 2,
    }
}

fn organisation_value(organisation: &Organisation) -> Value {
    let offer = organisation.offer.as_deref();
    let domain = domain_of(organisation);
    // Without a ceiling there is as much as an amount can say.
    let grant = |granted: Option<Quantity>, dimension| {
        Value::Quantity(granted.unwrap_or(Quantity { dimension, amount: 1 << 63 }))
    };
    let grants = organisation.grants.clone();
    present([
        ("name", Value::text(organisation.name.as_str())),
        ("title", Value::garden_text(&organisation.title)),
        ("domain", domain.map_or(Value::Absent, |domain| Value::garden_text(&domain))),
        ("timezone", Value::garden_text(&organisation.timezone)),
        ("offer", Value::text(offer.map_or("none", |offer| offer.name.as_str()))),
        (
            "grants",
            present([
                ("cpu", grant(grants.cpu.map(|grant| grant.value), Dimension::Cpu)),
                ("memory", grant(grants.memory.map(|grant| grant.value), Dimension::Size)),
                ("storage", grant(grants.storage.map(|grant| grant.value), Dimension::Size)),
            ]),
        ),
    ])
}

/// `objects` of definition tests: kind to name to body, the name without the app's in front (`cloud-web` is `web`,
/// `cloud` itself is `app`).
pub(crate) fn objects_value<'a>(
    app: &str,
    objects: impl IntoIterator<Item = (&'a str, &'a str, &'a serde_json::Value)>,
) -> Value {
    let mut kinds: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for (kind, name, body) in objects {
        let part = match name.strip_prefix(app) {
            Some("") => "app",
            Some(rest) => rest.strip_prefix('-').unwrap_or(name),
            None => name,
        };
        kinds.entry(kind.to_owned()).or_default().insert(part.to_owned(), Value::from_json(body));
    }
    Value::map(kinds.into_iter().map(|(kind, names)| (kind, Value::Map(names))))
}
