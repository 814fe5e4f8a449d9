//! `parcelle docs`: the reference of the language and of every definition.

use std::sync::Arc;

use clap::Args;

use super::workspace::{check_once, find};
use super::{CommandFailure, Common, Exit, Output};
use crate::model::definition::{Definition, Definitions};
use crate::report::reference;
use crate::schema::Language;

/// What `docs` takes.
#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    /// organisation, offer, cluster, garden, definition, settings, or the name of a definition [default: everything]
    subject: Option<String>,
}

pub(crate) fn run(common: &Common, args: &DocsArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let built_in = crate::check::built_in_definitions();
    let settings = reference::common_settings(built_in.common.values());
    let definitions = definitions(common, built_in);
    let text = match args.subject.as_deref() {
        None => everything(&definitions, &settings),
        Some(subject) => one(subject, &definitions, &settings)?,
    };
    output.result(&text)?;
    Ok(Exit::Good)
}

/// The definitions of the garden around, those of parcelle among them; without a garden these alone.
fn definitions(common: &Common, built_in: Definitions) -> Vec<Arc<Definition>> {
    let around = find(common, None).and_then(|workspace| check_once(&workspace, None)).ok();
    let garden = around.and_then(|checked| checked.garden);
    garden.map_or(built_in.loaded, |garden| garden.definitions).into_values().collect()
}

fn everything(definitions: &[Arc<Definition>], settings: &str) -> String {
    let files = reference::FILES.iter().filter_map(|kind| reference::file(Language::embedded(), kind));
    let mut parts: Vec<String> = files.collect();
    parts.insert(1, settings.to_owned());
    parts.extend(definitions.iter().map(|definition| reference::definition(definition)));
    parts.join("\n")
}

fn one(subject: &str, definitions: &[Arc<Definition>], settings: &str) -> Result<String, CommandFailure> {
    if subject == "settings" {
        return Ok(settings.to_owned());
    }
    if let Some(text) = reference::file(Language::embedded(), subject) {
        let rest = if subject == "organisation" { format!("\n{settings}") } else { String::new() };
        return Ok(format!("{text}{rest}"));
    }
    let found = definitions.iter().find(|definition| definition.name.as_str() == subject);
    found.map(|definition| reference::definition(definition)).ok_or_else(|| {
        let names: Vec<&str> = definitions.iter().map(|definition| definition.name.as_str()).collect();
        let help = format!("there are: {}, settings, {}", reference::FILES.join(", "), names.join(", "));
        CommandFailure::asked(format!("there is no reference of `{subject}`"), help)
    })
}
