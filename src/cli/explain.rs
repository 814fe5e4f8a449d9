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
    /// A finding's code (E0412), or ORG/APP.SETTING (alternatiba/cloud.storage), or ORG/APP for all of them
    subject: String,
}

pub(crate) fn run(common: &Common, args: &ExplainArgs, output: &Output) -> Result<Exit, Failure> {
    let subject = args.subject.trim();
    if !subject.contains('/') {
        let code = subject.to_uppercase();
        let page = report::page(&code).ok_or_else(|| {
            let help = "codes look like E0412; a setting is ORG/APP.SETTING, as in `alternatiba/cloud.storage`";
            Failure::asked(format!("there is no finding `{subject}`"), help)
        })?;
        output.result(page)?;
        return Ok(Exit::Good);
    }
    let checked = Workspace::find(common, None)?.check(None)?;
    let text = setting(&checked, subject)?;
    if text.is_empty() {
        show_findings(&checked, output);
    }
    output.result(&text)?;
    Ok(Exit::Good)
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
