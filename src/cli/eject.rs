//! `parcelle eject`: an organisation is let go. Its objects stay; labels, ownership and inventory go.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;

use super::apply::confirmed;
use super::check::plural;
use super::plan::Session;
use super::{ClusterFlags, Common, Exit, Failure, Output};
use crate::cluster::eject::{self, Ejection};
use crate::cluster::{Connection, Kinds, Permit, Stored, discover, inventory};
use crate::model::Garden;
use crate::name::Name;
use crate::reconcile::reason_of;

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

/// What one cluster holds of the organisation.
struct Here {
    connection: Connection,
    kinds: Kinds,
    stored: Stored,
    ejection: Ejection,
}

pub(crate) async fn run(common: &Common, args: &EjectArgs, output: &Output) -> Result<Exit, Failure> {
    let session = Session::open_as_applied(common, &args.clusters, output).await?;
    let organisation = left_out(&session, &args.organisation)?;
    let Some(garden) = &session.checked.garden else {
        super::workspace::show_findings(&session.checked, output);
        session.close().await;
        return Ok(Exit::Garden);
    };
    if let Some((cluster, why)) = session.unreached().into_iter().next() {
        return Err(Failure::asked(
            format!("cluster `{cluster}` cannot be reached: {why}"),
            "an organisation is let go on all clusters, or on none",
        ));
    }
    let mut places = BTreeMap::new();
    for (name, connection) in session.connections() {
        if let Some(here) = held_on(connection, garden, &organisation).await.map_err(|why| out_of_reach(&name, &why))? {
            places.insert(name, here);
        }
    }
    if places.is_empty() {
        session.close().await;
        return Err(Failure::asked(
            format!("no cluster of the garden holds anything of `{organisation}`"),
            "there is nothing to let go",
        ));
    }
    output.result(&shown(&organisation, &places))?;
    refuse_unread(&places)?;
    let objects = places.values().map(|here| here.ejection.held.len()).sum::<usize>();
    if !args.yes && !confirmed(&format!("let {} go", plural(objects, "object")), output)? {
        output.note("nothing was changed");
        session.close().await;
        return Ok(Exit::Garden);
    }
    let permits = session.permits().await?;
    let done = carry_out(garden, &organisation, &places, permits.permits()).await;
    permits.release().await;
    session.close().await;
    let released = done?;
    output.result(&format!("{organisation}: {} let go, and the inventory removed\n", plural(released, "object")))?;
    output.note("they stay as they are; from now on nothing of parcelle changes or deletes them");
    Ok(Exit::Good)
}

/// The organisation's name, where the garden does not hold it any more: else the next round would take its objects back.
fn left_out(session: &Session, text: &str) -> Result<Name, Failure> {
    let name = Name::new(text).map_err(|_| {
        Failure::asked(format!("`{text}` is no name of an organisation"), "names are like `les-communs`")
    })?;
    let Some(garden) = &session.checked.garden else { return Ok(name) };
    // That it is left out is a finding too, and the only one that does not say that a file holds it.
    let stops = session.checked.findings.iter().filter(|finding| finding.stops.as_ref() == Some(&name));
    let left_out = !garden.broken.contains(&name) || stops.map(|finding| finding.code.0).eq(["E0413"]);
    if garden.organisations.contains_key(&name) || !left_out {
        return Err(Failure::asked(
            format!("`{name}` is still in the garden, so its objects would be taken back in the next round"),
            format!(
                "remove its file and commit that (do not write `retired`, which deletes), then `parcelle eject {name}`"
            ),
        ));
    }
    if !garden.unreadable.is_empty() {
        return Err(Failure::asked(
            format!("files of the garden cannot be read, and one of them may hold `{name}`"),
            "mend what `parcelle check` finds first",
        ));
    }
    Ok(name)
}

/// IO: what a cluster holds of the organisation; `None` for nothing.
async fn held_on(connection: Connection, garden: &Garden, organisation: &Name) -> Result<Option<Here>, String> {
    let reason = |error: &(dyn std::error::Error + 'static)| reason_of(error);
    let cluster = &garden.clusters[connection.cluster()];
    connection.verify(cluster).await.map_err(|error| reason(&error))?;
    let mut inventories = inventory::read(&connection, &garden.name).await.map_err(|error| reason(&error))?;
    let Some(stored) = inventories.remove(organisation) else { return Ok(None) };
    let stored = stored.map_err(|error| reason(&error))?;
    let kinds = discover(&connection).await.map_err(|error| reason(&error))?;
    let ejection = eject::look(&connection, &kinds, &garden.name, &stored).await.map_err(|error| reason(&error))?;
    Ok(Some(Here { connection, kinds, stored, ejection }))
}

fn out_of_reach(cluster: &Name, why: &str) -> Failure {
    Failure::asked(format!("cluster `{cluster}`: {why}"), "nothing was changed")
}

/// What is about to happen.
fn shown(organisation: &Name, places: &BTreeMap<Name, Here>) -> String {
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

fn refuse_unread(places: &BTreeMap<Name, Here>) -> Result<(), Failure> {
    let unread = places.values().map(|here| here.ejection.unread.len()).sum::<usize>();
    if unread == 0 {
        return Ok(());
    }
    Err(Failure::asked(
        format!("{} cannot be read, so nothing is let go", plural(unread, "object")),
        "what is forgotten while it cannot be seen would be nobody's for ever; try again when its API answers",
    ))
}

/// IO: the objects first, the inventory last, so that what is still ours is known at every moment.
async fn carry_out(
    garden: &Garden,
    organisation: &Name,
    places: &BTreeMap<Name, Here>,
    permits: BTreeMap<Name, Permit>,
) -> Result<usize, Failure> {
    let mut released = 0;
    for (name, here) in places {
        let permit = permits.get(name).cloned().unwrap_or(Permit::Always);
        let writer = here.connection.writer(&garden.clusters[name], permit).await;
        let writer = writer.map_err(|error| out_of_reach(name, &reason_of(&error)))?;
        let held = &here.ejection.held;
        released += eject::let_go(&writer, &here.kinds, &garden.name, &here.stored, held)
            .await
            .map_err(|(id, error)| stopped(&format!("{id} could not be let go: {error}")))?;
        eject::forget(&writer, &garden.name, organisation, &here.stored)
            .await
            .map_err(|error| stopped(&reason_of(&error)))?;
    }
    Ok(released)
}

fn stopped(why: &str) -> Failure {
    Failure::asked(why, "run it again: what was let go stays so, and the rest follows")
}
