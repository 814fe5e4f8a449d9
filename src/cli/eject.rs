//! `parcelle eject`: an organisation is let go. Its objects stay; labels, ownership and inventory go.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;

use super::apply::confirmed;
use super::check::plural;
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};
use crate::check::Checked;
use crate::engine::{EjectFailure, EjectTarget};
use crate::model::VANISHED_ORGANISATION;
use crate::name::Name;

/// What `eject` takes.
#[derive(Debug, Args)]
pub(crate) struct EjectArgs {
    /// The organisation; its file is gone from the garden already
    #[arg(value_name = "ORG")]
    organisation: String,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// Let it go without asking
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(common: &Common, args: &EjectArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let mut session = session::open_as_applied(common, &args.clusters, output).await?;
    let organisation = left_out(session.checked(), &args.organisation)?;
    if session.checked().garden.is_none() {
        super::workspace::show_findings(session.checked(), output);
        session.close().await;
        return Ok(Exit::Garden);
    }
    if let Some((cluster, why)) = session.unreached().into_iter().next() {
        return Err(CommandFailure::asked(
            format!("cluster `{cluster}` cannot be reached: {why}"),
            "an organisation is let go on all clusters, or on none",
        ));
    }
    let places = session.held_of(&organisation).await?;
    if places.is_empty() {
        session.close().await;
        return Err(CommandFailure::asked(
            format!("no cluster of the garden holds anything of `{organisation}`"),
            "there is nothing to let go",
        ));
    }
    output.result(&shown(&organisation, &places))?;
    refuse_unread(&places)?;
    let objects = places.values().map(|target| target.ejection.held.len()).sum::<usize>();
    if !args.yes && !confirmed(&format!("let {} go", plural(objects, "object")), output)? {
        output.note("nothing was changed");
        session.close().await;
        return Ok(Exit::Garden);
    }
    let done = session.let_go(&organisation, &places).await;
    session.close().await;
    let released = done?;
    output.result(&format!("{organisation}: {} let go, and the inventory removed\n", plural(released, "object")))?;
    output.note("they stay as they are; from now on nothing of parcelle changes or deletes them");
    Ok(Exit::Good)
}

impl From<EjectFailure> for CommandFailure {
    fn from(failure: EjectFailure) -> Self {
        let help = match failure {
            EjectFailure::Cluster { .. } => "nothing was changed",
            EjectFailure::Leased { .. } => "stop the loop that holds it first",
            EjectFailure::Stopped { .. } => "run it again: what was let go stays so, and the rest follows",
        };
        Self::asked(failure.to_string(), help)
    }
}

/// The organisation's name, where the garden does not hold it any more: else the next round would take its objects back.
fn left_out(checked: &Checked, text: &str) -> Result<Name, CommandFailure> {
    let name = Name::new(text).map_err(|_| {
        CommandFailure::asked(format!("`{text}` is no name of an organisation"), "names are like `les-communs`")
    })?;
    let Some(garden) = &checked.garden else { return Ok(name) };
    // That it is left out is a finding too, and the only one that does not say that a file holds it.
    let stops = checked.findings.iter().filter(|finding| finding.stops.as_ref() == Some(&name));
    let left_out = !garden.broken.contains(&name) || stops.map(|finding| finding.code).eq([VANISHED_ORGANISATION]);
    if garden.organisations.contains_key(&name) || !left_out {
        return Err(CommandFailure::asked(
            format!("`{name}` is still in the garden, so its objects would be taken back in the next round"),
            format!(
                "remove its file and commit that (do not write `retired`, which deletes), then `parcelle eject {name}`"
            ),
        ));
    }
    Ok(name)
}

/// What is about to happen.
fn shown(organisation: &Name, places: &BTreeMap<Name, EjectTarget>) -> String {
    let mut text = String::new();
    for (cluster, here) in places {
        let held = &here.ejection.held;
        let _ = writeln!(text, "{organisation} on {cluster}: {} let go", plural(held.len(), "object"));
        for id in held {
            let _ = writeln!(text, "  {id}");
        }
        for id in &here.ejection.others {
            let _ = writeln!(text, "  {id} is somebody else's by now, and is left alone");
        }
        for (id, why) in &here.ejection.unread {
            let _ = writeln!(text, "  {id} cannot be read: {why}");
        }
    }
    text.push_str("Their labels of parcelle, its ownership of fields and the inventory go. Nothing else of them changes, and no pod restarts.\n");
    text
}

fn refuse_unread(places: &BTreeMap<Name, EjectTarget>) -> Result<(), CommandFailure> {
    let unread = places.values().map(|target| target.ejection.unread.len()).sum::<usize>();
    if unread == 0 {
        return Ok(());
    }
    Err(CommandFailure::asked(
        format!("{} cannot be read, so nothing is let go", plural(unread, "object")),
        "what is forgotten while it cannot be seen would be nobody's for ever; try again when its API answers",
    ))
}
