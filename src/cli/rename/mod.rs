//! `parcelle rename`: another name, written everywhere it must be, and checked before anything is written.

use clap::{Args, Subcommand};

use super::edit::GardenAtHand;
use super::workspace::find;
use super::{CommandFailure, Common, Exit, Output};
use crate::name::Name;

mod app;
mod organisation;

/// The way out where a renaming is refused.
const BY_HAND: &str = "mend what they name first, or rename by hand: docs/rename.md says how";

/// What `rename` takes.
#[derive(Debug, Args)]
pub(crate) struct RenameArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// An app: its data keeps the earlier name, by `was`
    ///
    /// What the organisation's file says of the app by its name is written anew: its line, settings of other apps that name it,
    /// patches of its objects. `was` says by which name its data is called, so that it goes on with them. Nothing is written
    /// where the garden would have findings with the new name.
    App {
        /// The organisation and its app
        #[arg(value_name = "ORG/OLD")]
        app: String,
        /// The new name
        new: String,
        /// Write `at HOST` where the host follows the name, so that people find it where they did
        #[arg(long)]
        keep_host: bool,
    },
    /// An organisation that nobody has applied yet: its file, and what names it
    ///
    /// An organisation is a namespace, and no volume moves from one namespace to another: one that stands in the commit before
    /// keeps its name. What people read is its `title`.
    #[command(alias = "organisation")]
    Org {
        /// Its name
        old: String,
        /// The new name
        new: String,
    },
}

pub(crate) fn run(common: &Common, args: &RenameArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let workspace = find(common, None)?;
    let garden = GardenAtHand::of(&workspace)?;
    match &args.what {
        What::App { app, new, keep_host } => app::rename(&garden, app, new, *keep_host, output),
        What::Org { old, new } => organisation::rename(&garden, old, new, output),
    }
}

/// What to look at next.
fn next(garden: &GardenAtHand<'_>, organisation: &Name) -> String {
    if garden.is_committed() {
        format!("next: parcelle plan --base HEAD {organisation}, which asks no cluster")
    } else {
        "next: parcelle check, then commit it".to_owned()
    }
}
