//! A setting that names an app of the same organisation, an offer or a cluster names one that is there.

use crate::finding::Findings;
use crate::model::definition::{SettingDeclaration, SettingType};
use crate::model::rules::{SoundApp, View};
use crate::model::{Layer, Life, Setting, references};
use crate::name::Name;
use crate::source::Spanned;
use crate::syntax::Value;

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    for sound in view.sound_apps().filter(|sound| sound.draft.offer_known && sound.draft.unbuilt.is_empty()) {
        for (name, declaration) in &sound.app.definition.settings {
            let Some(setting) = sound.app.settings.get(name) else { continue };
            if setting.layer != Layer::Definition {
                setting_of(view, &sound, declaration, setting, findings);
            }
        }
    }
}

fn setting_of(
    view: &View<'_>,
    sound: &SoundApp<'_>,
    declaration: &SettingDeclaration,
    setting: &Setting,
    findings: &mut Findings,
) {
    match &declaration.kind {
        SettingType::Reference(to) => {
            setting.args.first().into_iter().for_each(|named| refers(view, sound, to, named, findings));
        }
        _ => {
            for (name, member) in &declaration.members {
                if let (SettingType::Reference(to), Some(named)) = (&member.kind, setting.props.get(name)) {
                    refers(view, sound, to, named, findings);
                }
                for child in setting.children.get(name).into_iter().flat_map(|keyed| keyed.values()) {
                    setting_of(view, sound, member, child, findings);
                }
            }
        }
    }
}

/// Tells of a name that nothing of its kind has.
fn refers(view: &View<'_>, sound: &SoundApp<'_>, to: &str, named: &Value, findings: &mut Findings) {
    let organisation = &sound.draft.organisation;
    let (what, known): (String, Vec<&str>) = match to {
        "cluster" => ("cluster".into(), view.garden.clusters.keys().map(Name::as_str).collect()),
        "offer" => ("offer".into(), view.garden.offers.keys().map(Name::as_str).collect()),
        definition => {
            let alive = organisation.apps.values().filter(|app| !matches!(app.life, Life::Retired(_)));
            let of_definition = alive.filter(|app| app.definition.name.as_str() == definition);
            let names = of_definition.map(|app| app.name.as_str()).collect();
            (format!("{definition} of `{}` called", organisation.name), names)
        }
    };
    if known.contains(&named.text.as_str()) {
        return;
    }
    let nothing = known.is_empty();
    let finding = references::unknown(&what, &Spanned::new(named.text.clone(), named.span), known.into_iter());
    let finding = if nothing && !matches!(to, "cluster" | "offer") {
        finding.help(format!("write `app {to} {}` in the organisation", named.text))
    } else {
        finding
    };
    findings.push(finding.stops(organisation.name.clone()));
}
