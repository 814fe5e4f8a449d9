//! `sign-on APP { … }` of an organisation: the app by which people sign in to all others, and what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::settings::{Reader, SettingsBlock};
use super::{Draft, ReadContext};
use crate::finding::{Finding, Findings};
use crate::model::definition::NOT_PROVIDED;
use crate::model::names::unknown;
use crate::model::{AppNode, Layer, Setting};
use crate::name::Name;
use crate::schema::CheckedFile;
use crate::source::Spanned;
use crate::syntax::Node;

/// The setting by which an app names the one that signs its people in.
const SETTING: &str = "sign-on";

/// What an organisation says of signing in.
pub(super) struct OrganisationSignOn {
    /// The app that signs people in.
    app: Name,
    /// What it is told.
    told: BTreeMap<String, Arc<Setting>>,
    /// What every other app is told: the name of that one.
    others: BTreeMap<String, Arc<Setting>>,
    /// Whether no finding is about it.
    pub(crate) sound: bool,
}

/// The apps of an organisation as they are written.
pub(super) struct Apps<'a> {
    pub(crate) own: &'a BTreeMap<Name, AppNode>,
    /// Those of its offer.
    pub(crate) offered: &'a BTreeMap<Name, AppNode>,
}

impl OrganisationSignOn {
    /// What an app is told; one that is retired stays as it is.
    pub(super) fn to(&self, name: &Name, own: Option<&AppNode>) -> Option<&BTreeMap<String, Arc<Setting>>> {
        if own.is_some_and(|own| own.node.name.value == "retired") {
            return None;
        }
        Some(if *name == self.app { &self.told } else { &self.others })
    }
}

/// The `sign-on` of an organisation's node, where there is one; of one that is not understood nothing is concluded.
pub(super) fn read(
    file: &CheckedFile,
    node: &Node,
    context: &ReadContext<'_>,
    apps: &Apps<'_>,
    draft: &Draft,
    findings: &mut Findings,
) -> Option<OrganisationSignOn> {
    let node = node.child(SETTING)?;
    Some(understood(file, node, context, apps, draft, findings).unwrap_or_else(|| OrganisationSignOn {
        app: draft.organisation.name.clone(),
        told: BTreeMap::new(),
        others: BTreeMap::new(),
        sound: false,
    }))
}

fn understood(
    file: &CheckedFile,
    node: &Node,
    context: &ReadContext<'_>,
    apps: &Apps<'_>,
    draft: &Draft,
    findings: &mut Findings,
) -> Option<OrganisationSignOn> {
    let written = node.arg(0).filter(|_| !file.is_broken(node))?;
    let name = Name::new(&written.text).ok()?;
    let Some(app) = apps.own.get(&name).or_else(|| apps.offered.get(&name)) else {
        // What could not be read may be the app.
        if draft.resolved.apps && draft.resolved.offer && !draft.unbuilt.contains(&name) {
            let named = Spanned::new(written.text.clone(), written.span);
            let known = apps.own.keys().chain(apps.offered.keys()).map(Name::as_str);
            let what = format!("app of `{}` called", draft.organisation.name);
            findings.push(unknown(&what, &named, known).stops(draft.organisation.name.clone()));
        }
        return None;
    };
    let definition = context.definitions.loaded.get(app.definition.value.as_str())?;
    if definition.sign_on.is_none() {
        let title = format!("`{name}` is of `{}`, which signs nobody in", definition.name);
        let finding = Finding::error(NOT_PROVIDED, title, written.span).also(app.node.head, "the app it names");
        let finding = finding.help("name an app that does, such as one of `keycloak`");
        findings.push(finding.stops(draft.organisation.name.clone()));
        return None;
    }
    let owner = format!("`{}`", definition.name);
    let layer = Layer::OrganisationDefaults;
    let reader = Reader { declarations: &definition.settings, owner: &owner, words: &[], layer };
    let SettingsBlock { settings: told, sound } = reader.read(file, node, findings);
    let setting = Setting {
        span: node.head,
        layer,
        args: vec![written.clone()],
        props: BTreeMap::new(),
        children: BTreeMap::new(),
        value: crate::expression::Value::Absent,
    };
    Some(OrganisationSignOn {
        app: name,
        told,
        others: BTreeMap::from([(SETTING.to_owned(), Arc::new(setting))]),
        sound,
    })
}
