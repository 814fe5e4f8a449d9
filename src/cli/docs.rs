//! `parcelle docs`: the reference of the language and of every definition.

use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::workspace::{check_once, find, show_findings};
use super::{CommandFailure, Common, Exit, Output};
use crate::model::definition::{Definition, Definitions};
use crate::report::codeowners::{OwnersFormat, codeowners};
use crate::report::reference;
use crate::schema::Language;

/// What `docs` takes.
#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    /// organisation, offer, cluster, garden, definition, settings, codeowners, or the name of a definition [default: everything]
    subject: Option<String>,
    /// The forge that reads the CODEOWNERS of `docs codeowners`
    #[arg(long, value_enum, value_name = "FORGE", default_value_t = OwnersForge::Github)]
    forge: OwnersForge,
}

/// A forge by the form of its CODEOWNERS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OwnersForge {
    /// Globs, and people by address
    Github,
    /// The same
    Gitlab,
    /// Regular expressions, and people by name; Gitea reads the same
    Forgejo,
}

/// What `docs` calls the file that forges read.
const CODEOWNERS: &str = "codeowners";

pub(crate) fn run(common: &Common, args: &DocsArgs, output: &Output) -> Result<Exit, CommandFailure> {
    if args.subject.as_deref() == Some(CODEOWNERS) {
        return owners(common, args.forge, output);
    }
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

/// Prints who may write what, as a forge reads it.
fn owners(common: &Common, forge: OwnersForge, output: &Output) -> Result<Exit, CommandFailure> {
    let format = match forge {
        OwnersForge::Github | OwnersForge::Gitlab => OwnersFormat::Globs,
        OwnersForge::Forgejo => OwnersFormat::Expressions,
    };
    let checked = check_once(&find(common, None)?, None)?;
    let (Some(garden), Some(boundary)) = (&checked.garden, &checked.boundary) else {
        show_findings(&checked, output);
        return Ok(Exit::Garden);
    };
    output.result(&codeowners(garden, boundary, &checked.sources, format))?;
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
        let help = format!("there are: {}, settings, {CODEOWNERS}, {}", reference::FILES.join(", "), names.join(", "));
        CommandFailure::asked(format!("there is no reference of `{subject}`"), help)
    })
}
