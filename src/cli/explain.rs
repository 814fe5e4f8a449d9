//! `parcelle explain`: a finding's manual page, or where the value of a setting comes from.

use std::fmt::Write as _;

use clap::Args;

use super::workspace::{Workspace, show_findings};
use super::{Common, Exit, Failure, Output};
use crate::check::Checked;
use crate::{model, report};

/// What `explain` takes.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A finding's code (E0412); ORG/APP.SETTING (alternatiba/cloud.storage), ORG/APP for all settings, ORG for its apps
    subject: String,
}

pub(crate) fn run(common: &Common, args: &ExplainArgs, output: &Output) -> Result<Exit, Failure> {
    let subject = args.subject.trim();
    if !subject.contains('/') {
        return match report::page(&subject.to_uppercase()) {
            Some(page) => output.result(page).map(|()| Exit::Good),
            None if looks_like_a_code(subject) => Err(Failure::asked(
                format!("there is no finding `{subject}`"),
                "a finding's code stands in brackets before its title, as in `error[E0412]`",
            )),
            None => {
                let checked = Workspace::find(common, None)?.check(None)?;
                output.result(&apps(&checked, subject)?).map(|()| Exit::Good)
            }
        };
    }
    let checked = Workspace::find(common, None)?.check(None)?;
    let text = setting(&checked, subject)?;
    if text.is_empty() {
        show_findings(&checked, output);
    }
    output.result(&text)?;
    Ok(Exit::Good)
}

/// A letter and four digits.
fn looks_like_a_code(subject: &str) -> bool {
    let digits = subject.strip_prefix(['E', 'W', 'e', 'w']);
    digits.is_some_and(|digits| digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// What an organisation has: one line an app, with the line of KDL that asks for it.
fn apps(checked: &Checked, organisation: &str) -> Result<String, Failure> {
    let garden = checked.garden.as_ref();
    let Some(found) = garden.and_then(|garden| garden.organisations.get(organisation)) else {
        return Err(Failure::asked(
            format!("`{organisation}` is neither a finding's code nor an organisation without findings"),
            super::render::known_organisations(checked),
        ));
    };
    let offer = found.offer.as_ref().map(|offer| format!("offer {}, ", offer.name)).unwrap_or_default();
    let mut text = format!("{organisation}: {offer}cluster {}\n", found.cluster.name);
    for app in found.apps.values() {
        let place = checked.sources.locate(app.span);
        let _ = writeln!(text, "  {:<16} {:<16} {place}", app.name.as_str(), app.definition.name.as_str());
    }
    let _ = writeln!(text, "its settings: parcelle explain {organisation}/APP");
    Ok(text)
}

fn setting(checked: &Checked, subject: &str) -> Result<String, Failure> {
    let (organisation, rest) = subject.split_once('/').unwrap_or((subject, ""));
    let (app, setting) = rest.split_once('.').map_or((rest, None), |(app, setting)| (app, Some(setting)));
    let known = checked.garden.as_ref().and_then(|garden| garden.organisations.get(organisation));
    let found = known.ok_or_else(|| {
        Failure::asked(
            format!("the garden has no organisation `{organisation}`, or it has findings"),
            super::render::known_organisations(checked),
        )
    })?;
    let found_app = found.apps.get(app).ok_or_else(|| {
        let apps = found.apps.keys().map(crate::name::Name::as_str).collect::<Vec<_>>().join(", ");
        Failure::asked(format!("`{organisation}` has no app `{app}`"), format!("its apps: {apps}"))
    })?;
    let names: Vec<&str> = match setting {
        Some(setting) => vec![setting.split('.').next().unwrap_or(setting)],
        None => found_app.settings.keys().map(String::as_str).collect(),
    };
    let mut text = String::new();
    for name in names {
        let Some(declared) = found_app.definition.settings.get(name) else {
            let all = found_app.definition.settings.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(Failure::asked(
                format!("a {} has no setting `{name}`", found_app.definition.name),
                format!("its settings: {all}"),
            ));
        };
        let _ = writeln!(text, "{organisation}/{app}.{name}");
        if let Some(about) = &declared.about {
            let _ = writeln!(text, "  {about}");
        }
        let layers = checked.garden.as_ref().and_then(|garden| model::explain(garden, organisation, app, name));
        for said in layers.unwrap_or_default() {
            let place = checked.sources.locate(said.span);
            let mark = if said.wins { "->" } else { "  " };
            let _ = writeln!(text, "  {mark} {:<24} {:<40} {place}", layer_words(said.layer), said.text);
        }
    }
    Ok(text)
}

/// A layer as people name it.
fn layer_words(layer: model::Layer) -> &'static str {
    match layer {
        model::Layer::Definition => "the definition",
        model::Layer::OfferDefaults => "the offer's defaults",
        model::Layer::OfferApp => "the offer's app",
        model::Layer::OrganisationDefaults => "the organisation's defaults",
        model::Layer::App => "the app",
    }
}
