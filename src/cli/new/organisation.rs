//! An organisation: one file.

use clap::Args;

use super::super::edit::{Edits, GardenAtHand};
use super::super::{CommandFailure, Exit, Output};
use super::{MEND_FIRST, parse, quoted, title, unknown, word};
use crate::git::Workspace;
use crate::name::Name;

/// What `new org` takes.
#[derive(Debug, Args)]
pub(super) struct OrganisationArgs {
    /// Its name, which is also its namespace
    name: String,
    /// The offer it subscribes to [default: the garden's only one]
    #[arg(long)]
    offer: Option<String>,
    /// The cluster it lives on [default: the garden's only one]
    #[arg(long)]
    cluster: Option<String>,
    /// Its domain [default: none; apps are at NAME.ORGANISATION.DOMAIN of the cluster]
    #[arg(long)]
    domain: Option<String>,
    /// Its name as people read it [default: made of its name]
    #[arg(long)]
    title: Option<String>,
    /// Whom to reach about what runs [default: an address to fill in]
    #[arg(long, value_name = "EMAIL")]
    contact: Option<String>,
}

pub(super) fn organisation(
    workspace: &Workspace,
    args: &OrganisationArgs,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let name = parse(&args.name)?;
    let at_hand = GardenAtHand::of(workspace)?;
    let garden = at_hand.checked.garden.as_ref();
    let offers = garden.map(|garden| garden.offers.keys().map(Name::as_str).collect()).unwrap_or_default();
    let clusters = garden.map(|garden| garden.clusters.keys().map(Name::as_str).collect()).unwrap_or_default();
    let offer = only(offers, args.offer.as_deref(), "offer")?;
    let cluster = only(clusters, args.cluster.as_deref(), "cluster")?;
    let contact = args
        .contact
        .clone()
        .unwrap_or_else(|| format!("tech@{}", args.domain.clone().unwrap_or_else(|| format!("{name}.example"))));
    let domain = args.domain.as_deref().map(|domain| format!("    domain {}\n", word(domain))).unwrap_or_default();
    let text = format!(
        "edition 2026\n\norganisation {name} {{\n    title {}\n    offer {offer}\n    cluster {cluster}\n{domain}    contact {} role=technical\n}}\n",
        quoted(&args.title.clone().unwrap_or_else(|| title(&name))),
        word(&contact),
    );
    let folder = at_hand.checked.boundary.as_ref().and_then(|boundary| boundary.folders().next()).unwrap_or_default();
    let mut edits = Edits::default();
    edits.add(format!("{folder}/{name}.kdl"), text);
    at_hand.write(&edits, &at_hand.with(&edits), output, MEND_FIRST, |_| false)?;
    output.note(&format!(
        "next: parcelle new app {name}/NAME --definition DEFINITION, as in: parcelle new app {name}/www --definition static-site"
    ));
    Ok(Exit::Good)
}

/// The one that is wanted, or the only one.
fn only(known: Vec<&str>, wanted: Option<&str>, what: &str) -> Result<String, CommandFailure> {
    match (wanted, known.as_slice()) {
        (Some(wanted), known) if known.contains(&wanted) => Ok(wanted.to_owned()),
        (Some(wanted), _) => Err(unknown(what, wanted, known.into_iter())),
        (None, [one]) => Ok((*one).to_owned()),
        (None, []) => Err(CommandFailure::asked(
            format!("the garden has no {what} yet"),
            format!("start one with `parcelle new {what} NAME`"),
        )),
        (None, many) => Err(CommandFailure::asked(
            format!("the garden has {} {what}s", many.len()),
            format!("name one with --{what}: {}", many.join(", ")),
        )),
    }
}
