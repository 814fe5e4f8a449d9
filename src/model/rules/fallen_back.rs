//! An app that an organisation wrote itself, and now has of its offer alone: its own settings are gone with its lines.

use std::collections::BTreeSet;

use crate::finding::{Code, Finding, Findings};
use crate::model::draft::Draft;
use crate::model::rules::One;
use crate::model::{App, Layer};
use crate::schema::suggest::either;

/// An app whose own lines are gone, and that the offer keeps.
pub(crate) const FALLEN_BACK: Code = Code::new("W0410");

pub(super) fn check(one: &One, findings: &mut Findings) {
    let draft = &one.draft;
    let resolved = draft.resolved.apps && draft.resolved.offer;
    let Some(past) = one.past.as_ref().filter(|_| resolved).and_then(|past| past.each().next_back()) else { return };
    let written = written(draft);
    for app in draft.organisation.apps.values().filter(|app| !written.contains(app.name.as_str())) {
        let before = past.apps.get(&app.name).filter(|before| before.definition.name == app.definition.name);
        let own = before.map(own_settings).unwrap_or_default();
        if !own.is_empty() {
            findings.push(fallen_back(one, app, &own));
        }
    }
}

/// The names of the apps that the organisation writes, alive or retired.
fn written<'a>(draft: &'a Draft) -> BTreeSet<&'a str> {
    let name = |node: &'a crate::syntax::Node| match node.name.value.as_str() {
        "app" => node.arg(1),
        "retired" => node.arg(2),
        _ => None,
    };
    draft.node().children.iter().filter_map(name).map(|name| name.text.as_str()).collect()
}

/// What the app's own node said.
fn own_settings(app: &App) -> Vec<&str> {
    let own = app.layers.iter().filter(|(_, said)| said.iter().any(|setting| setting.layer == Layer::App));
    own.map(|(name, _)| name.as_str()).collect()
}

fn fallen_back(one: &One, app: &App, own: &[&str]) -> Finding {
    let organisation = &one.draft.organisation;
    let (name, definition) = (&app.name, &app.definition.name);
    let offer = organisation.offer.as_ref().map(|offer| offer.name.to_string()).unwrap_or_default();
    let keep = one.keep_data;
    let title = format!("`{name}` goes on with the settings of the offer: its own lines are gone");
    Finding::warning(FALLEN_BACK, title, organisation.span)
        .also(app.span, "the offer's app of this name")
        .why(format!(
            "every subscriber of `{offer}` has `{name}`; what it said itself of {} does not hold any more",
            either(own.iter().copied()).replace(" or ", " and ")
        ))
        .help(format!("to let it go, write `retired app {definition} {name} {{ keep-data {keep}; }}`, and once it is gone `without {name}`"))
        .help("where the offer's settings are meant, nothing is to be done: this is told until it is applied")
}
