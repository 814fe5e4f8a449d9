//! Settings of the type `secret`: `token secret=NAME key=KEY` names a key of a Secret; no value is ever written.

use std::collections::BTreeMap;

use super::{SettingDeclaration, SettingType};
use crate::expression::{SecretRef, Value};
use crate::finding::{Finding, Findings};
use crate::model::{App, Setting};
use crate::schema::{MISSING, SUPERFLUOUS, UNKNOWN_PROPERTY};
use crate::source::Span;
use crate::syntax::Value as Written;

/// A setting that names a Secret.
pub(crate) struct Named<'a> {
    /// The setting, as `token` or `provisioning token`.
    pub(crate) setting: String,
    /// The Secret's name, as written.
    pub(crate) secret: &'a Written,
    /// Where the setting was written.
    pub(crate) span: Span,
}

/// The key that a setting names; with `whole` the layers are merged, and what is missing is a finding.
pub(super) fn decode(
    declaration: &SettingDeclaration,
    setting: &Setting,
    whole: bool,
    findings: &mut Findings,
) -> Value {
    let name = &declaration.name;
    let help = format!("write `{name} secret=NAME key=KEY`: a Secret of the organisation's own namespace");
    if let Some(value) = setting.args.first() {
        let finding = Finding::error(SUPERFLUOUS, format!("`{name}` names a secret, and never writes it"), value.span);
        findings.push(finding.help(help.clone()));
    }
    for (other, value) in setting.props.iter().filter(|(prop, _)| !matches!(prop.as_str(), "secret" | "key")) {
        let finding = Finding::error(UNKNOWN_PROPERTY, format!("`{name}` has no property `{other}`"), value.span);
        findings.push(finding.help(help.clone()));
    }
    match (setting.props.get("secret"), setting.props.get("key")) {
        (Some(secret), Some(key)) => {
            Value::Secret(SecretRef { secret: secret.text.as_str().into(), key: key.text.as_str().into() })
        }
        (secret, _) if whole && setting.args.is_empty() => {
            let lacks = if secret.is_some() { "the key inside it" } else { "the name of a Secret" };
            findings.push(Finding::error(MISSING, format!("`{name}` lacks {lacks}"), setting.span).help(help));
            Value::Absent
        }
        _ => Value::Absent,
    }
}

/// Every Secret that the settings of an app name.
pub(crate) fn named(app: &App) -> Vec<Named<'_>> {
    let mut found = Vec::new();
    for (name, declaration) in &app.definition.settings {
        let Some(setting) = app.settings.get(name) else { continue };
        if declaration.keyed_by.is_some() {
            of_keys(declaration, setting.children.get(name), "", &mut found);
        } else {
            of_setting(declaration, setting, "", &mut found);
        }
    }
    found
}

fn of_keys<'a>(
    declaration: &SettingDeclaration,
    keyed: Option<&'a BTreeMap<String, Setting>>,
    within: &str,
    found: &mut Vec<Named<'a>>,
) {
    keyed.into_iter().flat_map(BTreeMap::values).for_each(|one| of_setting(declaration, one, within, found));
}

fn of_setting<'a>(declaration: &SettingDeclaration, setting: &'a Setting, within: &str, found: &mut Vec<Named<'a>>) {
    let name = format!("{within}{}", declaration.name);
    match &declaration.kind {
        SettingType::Secret => {
            let secret = setting.props.get("secret");
            found.extend(secret.map(|secret| Named { setting: name, secret, span: setting.span }));
        }
        SettingType::Group(_) => {
            let within = format!("{name} ");
            for member in declaration.members.values() {
                of_keys(member, setting.children.get(&member.name), &within, found);
            }
        }
        _ => {}
    }
}
