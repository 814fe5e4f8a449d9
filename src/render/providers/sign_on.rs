//! Signing in: an app of the organisation gives the addresses, parcelle makes the client's secret, both ends read it.
//!
//! The secret lies in the namespace of the organisation alone: the app that needs it reads it, and so does the job by
//! which the app that signs people in learns of its clients.

use std::sync::Arc;

use super::{Met, NeedContext, random, secret_value};
use crate::expression::{Budget, Text, Value, work_of_text};
use crate::kind;
use crate::model::definition::{Guarded, Need, NeedKind};
use crate::model::{App, Life, Organisation};
use crate::name::Name;
use crate::render::flow::{Flow, Peer, tcp};
use crate::render::scope::AppScope;
use crate::render::{Generated, SecretSource, naming};

/// The key of a client's Secret that holds the secret.
const KEY: &str = "client-secret";

/// The addresses of the app that is named, and a client there.
pub(super) fn meet(asked: &NeedContext) -> Met {
    let named = asked.text("by").and_then(|(name, _)| Name::new(&name).ok());
    let provider = named.and_then(|name| asked.organisation.apps.get(&name));
    let Some((provider, sign_on)) = provider.and_then(|app| Some((app, app.definition.sign_on.as_ref()?))) else {
        return Met::default();
    };
    let scope = AppScope::new(asked.organisation, provider, asked.scope.budget());
    let said = sign_on.outputs.iter().map(|(name, template)| (name.clone(), scope.value(template)));
    let secret = secret_name(asked.app, asked.need);
    let issuer = sign_on.outputs.get("issuer").map(|issuer| scope.text(issuer)).unwrap_or_default();
    let made = [
        ("client", Value::text(asked.app.name.as_str())),
        ("secret", secret_value(&secret, KEY)),
        ("discovery", Value::garden_text(&format!("{issuer}/.well-known/openid-configuration"))),
    ];
    let keys = [("client-id", Generated::Fixed(asked.app.name.to_string())), (KEY, random(48))];
    let source = SecretSource::Generated { keys: keys.into_iter().map(|(key, made)| (key.to_owned(), made)).collect() };
    let answers = provider.definition.workloads.iter().find(|workload| workload.item.name.value == sign_on.to.value);
    let port = answers.and_then(|workload| workload.item.ports.first()).map_or(443, |port| port.item.number);
    let mut flows = asked.outward();
    flows.push(Flow {
        from: Peer::App(asked.app.name.clone()),
        to: Peer::App(provider.name.clone()),
        ports: tcp(&[port]),
        origin: asked.need.span,
    });
    Met {
        outputs: said.chain(made.into_iter().map(|(name, value)| (name.to_owned(), value))).collect(),
        secrets: vec![asked.secret(&secret, source, "Opaque")],
        flows,
        ..Met::default()
    }
}

fn secret_name(app: &App, need: &Need) -> String {
    naming::part(kind::SECRET, app.data_name(), need.name.value.as_str())
}

/// `clients` of an app that signs people in: the apps of the organisation that name it, in order of their names.
pub(in crate::render) fn clients(organisation: &Organisation, provider: &App, budget: &Arc<Budget>) -> Value {
    let living = organisation.apps.values().filter(|app| !matches!(app.life, Life::Retired(_)));
    let clients = living.flat_map(|app| {
        let scope = AppScope::new(organisation, app, budget);
        let needs = app.definition.needs.iter().filter(|need| need.item.kind == NeedKind::SignOn);
        needs.filter_map(|need| client(app, need, &scope, &provider.name)).collect::<Vec<_>>()
    });
    Value::List(clients.collect())
}

/// What the addresses of a path at every host of an app cost.
fn work_of_redirects(app: &App, path: &Text) -> u64 {
    app.hosts.iter().fold(0, |work, host| work + work_of_text(host.value.len() + path.text.len()))
}

/// The client that a need asks of this provider, where it does.
fn client(app: &App, guarded: &Guarded<Need>, scope: &AppScope, provider: &Name) -> Option<Value> {
    let need = &guarded.item;
    let scope = scope.guarded(guarded).into_iter().next()?;
    match need.option("by", scope.environment())? {
        Value::Text(by) if &*by.text == provider.as_str() => {}
        _ => return None,
    }
    let paths = match need.option("redirects", scope.environment()) {
        Some(Value::List(paths)) => paths,
        other => other.into_iter().collect(),
    };
    let url = |host: &str| format!("https://{host}");
    let redirect = |path: &Value| match path {
        Value::Text(path) if !scope.spend(work_of_redirects(app, path), need.span) => Vec::new(),
        Value::Text(path) => app.hosts.iter().map(|host| format!("{}{}", url(&host.value), path.text)).collect(),
        _ => Vec::new(),
    };
    let texts = |texts: Vec<String>| Value::List(texts.iter().map(|text| Value::garden_text(text)).collect());
    let first = app.hosts.first().map(|host| url(&host.value)).unwrap_or_default();
    Some(Value::map([
        ("id", Value::text(app.name.as_str())),
        ("title", Value::text(app.name.as_str())),
        ("url", Value::garden_text(&first)),
        ("hosts", texts(app.hosts.iter().map(|host| host.value.clone()).collect())),
        ("redirects", texts(paths.iter().flat_map(redirect).collect())),
        ("secret", secret_value(&secret_name(app, need), KEY)),
    ]))
}
