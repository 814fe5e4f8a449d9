//! What an app's `env` lines name is no Secret that parcelle or an operator makes for an app.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::names::derived;
use crate::finding::{Finding, Findings};
use crate::model::{EnvValue, NOT_OWN, Organisation};
use crate::render::{Object, SecretRequest};

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
            let finding = Finding::error(
                NOT_OWN,
                format!("`{}` is a Secret that is made for {whose}", secret.secret),
                value.span,
            )
            .why(format!(
                "what lies in it is read by what it is made for alone, and `{variable}` would show it elsewhere"
            ))
            .help("name a Secret that the organisation made itself");
            findings.push(finding);
        }
    }
}

/// The Secrets that are made, and for whom.
fn made(objects: &[Object], secrets: &[SecretRequest]) -> BTreeMap<Arc<str>, String> {
    let whose = |app: &Option<crate::name::Name>| match app {
        Some(app) => format!("the app `{app}`"),
        None => "the organisation's database".to_owned(),
    };
    let mut made: BTreeMap<Arc<str>, String> =
        secrets.iter().map(|secret| (secret.id.name.clone(), whose(&secret.app))).collect();
    for object in objects {
        let secrets = derived(&object.id).filter(|derived| &*derived.kind == "Secret");
        made.extend(secrets.map(|secret| (secret.name, whose(&object.app))));
        // Garage writes its keys under a name that it is told.
        if let Some(name) = object.body.pointer("/spec/secretTemplate/name").and_then(|name| name.as_str()) {
            made.insert(name.into(), whose(&object.app));
        }
    }
    made
}
