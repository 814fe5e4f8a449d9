//! What an app's `env` lines and settings name is no Secret that parcelle or an operator makes for an app.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::derived;
use crate::finding::{Finding, Findings};
use crate::kind;
use crate::model::{EnvValue, NOT_OWN, Organisation, definition};
use crate::render::{Object, SecretRequest};
use crate::source::Span;

/// Every app of an organisation against the Secrets that are made beside it.
pub(in crate::render) fn check(
    organisation: &Organisation,
    objects: &[Object],
    secrets: &[SecretRequest],
    findings: &mut Findings,
) {
    let made = made(objects, secrets);
    for app in organisation.apps.values() {
        for (variable, value) in &app.env {
            let EnvValue::Secret(secret) = &value.value else { continue };
            let Some(whose) = made.get(&*secret.secret) else { continue };
            findings.push(of_others(&secret.secret, whose, variable, value.span));
        }
        for named in definition::secrets_named(app) {
            let Some(whose) = made.get(named.secret.text.as_str()) else { continue };
            findings.push(of_others(&named.secret.text, whose, &named.setting, named.span));
        }
    }
}

fn of_others(secret: &str, whose: &str, what: &str, span: Span) -> Finding {
    Finding::error(NOT_OWN, format!("`{secret}` is a Secret that is made for {whose}"), span)
        .why(format!("what lies in it is read by what it is made for alone, and `{what}` would show it elsewhere"))
        .help("name a Secret that the organisation made itself")
}

/// The Secrets that are made, and for whom.
fn made(objects: &[Object], secrets: &[SecretRequest]) -> BTreeMap<Arc<str>, String> {
    let whose = |app: &Option<crate::name::Name>| match app {
        Some(app) => format!("the app `{app}`"),
        None => "the organisation itself".to_owned(),
    };
    let mut made: BTreeMap<Arc<str>, String> =
        secrets.iter().map(|secret| (secret.id.name.clone(), whose(&secret.app))).collect();
    for object in objects {
        let secrets = derived(&object.id).filter(|derived| derived.is(kind::SECRET));
        made.extend(secrets.map(|secret| (secret.name, whose(&object.app))));
        // Garage writes its keys under a name that it is told.
        if let Some(name) = object.body.pointer("/spec/secretTemplate/name").and_then(|name| name.as_str()) {
            made.insert(name.into(), whose(&object.app));
        }
    }
    made
}
