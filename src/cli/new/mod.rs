//! `parcelle new`: valid starting files, each with the way on from there.

use clap::{Args, Subcommand};

use super::edit::{Edits, GardenAtHand};
use super::workspace::find;
use super::{CommandFailure, Common, Exit, Output};
use crate::finding::{Code, Finding};
use crate::git::Workspace;
use crate::name::Name;
use crate::schema::suggest;

mod app;
mod garden;
mod organisation;

/// What `new` takes.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A garden: garden.kdl, a cluster and an offer
    Garden(garden::GardenArgs),
    /// A cluster: what it provides, and how it is reached
    Cluster(garden::ClusterArgs),
    /// An offer: what its subscribers may use, and what they get
    Offer {
        /// Its name
        name: String,
    },
    /// An organisation: one file
    #[command(alias = "organisation")]
    Org(organisation::OrganisationArgs),
    /// An app inside an organisation
    App {
        /// ORGANISATION/NAME
        name: String,
        /// What it is: the name of a definition
        #[arg(long, short)]
        definition: String,
    },
    /// A definition of an application
    Definition {
        /// Its name
        name: String,
    },
}

pub(crate) fn run(common: &Common, args: &NewArgs, output: &Output) -> Result<Exit, CommandFailure> {
    if let What::Garden(args) = &args.what {
        return garden::garden(args, output);
    }
    let workspace = find(common, None)?;
    match &args.what {
        What::Garden(args) => garden::garden(args, output),
        What::Cluster(args) => garden::cluster(&workspace, args, output),
        What::Offer { name } => garden::offer(&workspace, &parse(name)?, output),
        What::Org(args) => organisation::organisation(&workspace, args, output),
        What::App { name, definition } => app::app(&workspace, name, definition, output),
        What::Definition { name } => definition(&workspace, &parse(name)?, output),
    }
}

fn definition(workspace: &Workspace, name: &Name, output: &Output) -> Result<Exit, CommandFailure> {
    let text = DEFINITION.replace("NAME", name.as_str());
    add(workspace, &format!("definitions/{name}.kdl"), text, output)?;
    output.note(&format!(
        "next: write what {name} is, then `parcelle check`, which runs its tests, and `parcelle new app ORG/{name} --definition {name}`"
    ));
    Ok(Exit::Good)
}

/// Adds a file to the garden, unless it brings findings.
fn add(workspace: &Workspace, path: &str, text: String, output: &Output) -> Result<(), CommandFailure> {
    let garden = GardenAtHand::of(workspace)?;
    let folder = workspace.folder_in_repository();
    let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
    let mut edits = Edits::default();
    edits.add(path, text);
    garden.write(&edits, &garden.with(&edits), output, MEND_FIRST, |_| false)
}

/// The way out where a new file is refused.
const MEND_FIRST: &str = "name it otherwise in the command, or mend what is in the files first";

/// A name as it was asked for.
pub(super) fn parse(name: &str) -> Result<Name, CommandFailure> {
    Name::new(name).map_err(|error| {
        let help = "names are words of a to z, 0 to 9 and single hyphens, such as `les-communs`";
        CommandFailure::asked(format!("`{name}` is no name: {error}"), help)
    })
}

/// An organisation and the name of an app in it, as `ORGANISATION/NAME`.
pub(super) fn of_organisation(text: &str, name: &str) -> Result<(Name, Name), CommandFailure> {
    let (organisation, app) = text.split_once('/').ok_or_else(|| {
        CommandFailure::asked(
            format!("`{text}` does not say in which organisation"),
            format!("write ORGANISATION/{name}, as in `alternatiba/cloud`"),
        )
    })?;
    Ok((parse(organisation)?, parse(app)?))
}

/// A name that nothing has, with those that there are.
pub(super) fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> CommandFailure {
    let known: Vec<&str> = known.collect();
    let there = match known[..] {
        [] => "there is none yet".to_owned(),
        _ => format!("there are: {}", known.join(", ")),
    };
    let help = match suggest::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {there}"),
        None => there,
    };
    CommandFailure::asked(format!("there is no {what} `{name}`"), help)
}

/// A host or address as KDL writes it: bare where it may be.
fn word(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'@'));
    if plain && text.starts_with(|first: char| first.is_ascii_alphabetic()) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A name as people would read it, to start from.
fn title(name: &Name) -> String {
    let words = name.as_str().replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Whether a finding is about what is left to say.
fn is_missing(finding: &Finding) -> bool {
    ["E0103", "E0104"].into_iter().any(|code| finding.code == Code::new(code))
}

const DEFINITION: &str = include_str!("../../../examples/first-steps/definition.kdl.txt");
