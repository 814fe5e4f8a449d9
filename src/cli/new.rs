//! `parcelle new`: valid starting files.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::edit::{with_line, write};
use super::workspace::{check_once, find};
use super::{CommandFailure, Common, Exit, Output};
use crate::git::Workspace;
use crate::name::Name;
use crate::schema::suggest;

/// What `new` takes.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A garden: garden.kdl with an example cluster and offer
    Garden {
        /// Its name
        name: String,
        /// The folder to write into
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// An organisation: one file
    #[command(alias = "organisation")]
    Org {
        /// Its name, which is also its namespace
        name: String,
        /// The offer it subscribes to [default: the garden's only one]
        #[arg(long)]
        offer: Option<String>,
        /// The cluster it lives on [default: the garden's only one]
        #[arg(long)]
        cluster: Option<String>,
        /// Its domain
        #[arg(long)]
        domain: Option<String>,
    },
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
    match &args.what {
        What::Garden { name, folder } => garden(&parse(name)?, folder, output),
        What::Org { name, offer, cluster, domain } => {
            let workspace = find(common, None)?;
            organisation(&workspace, &parse(name)?, [offer, cluster, domain].map(Option::as_deref), output)
        }
        What::App { name, definition } => app(&find(common, None)?, name, definition, output),
        What::Definition { name } => {
            let workspace = find(common, None)?;
            let name = parse(name)?;
            let path = workspace.folder.join("definitions").join(format!("{name}.kdl"));
            write_new(&path, &definition_text(&name), output)
        }
    }
}

fn parse(name: &str) -> Result<Name, CommandFailure> {
    Name::new(name).map_err(|error| {
        let help = "names are words of a to z, 0 to 9 and single hyphens, such as `les-communs`";
        CommandFailure::asked(format!("`{name}` is no name: {error}"), help)
    })
}

fn garden(name: &Name, folder: &Path, output: &Output) -> Result<Exit, CommandFailure> {
    let files = [
        ("garden.kdl", GARDEN.replace("NAME", name.as_str())),
        ("clusters/first.kdl", CLUSTER.to_owned()),
        ("offers/basic.kdl", OFFER.to_owned()),
    ];
    for (path, text) in files {
        write_new(&folder.join(path), &text, output)?;
    }
    output.note("next: parcelle new org NAME, then parcelle check");
    Ok(Exit::Good)
}

fn organisation(
    workspace: &Workspace,
    name: &Name,
    [offer, cluster, domain]: [Option<&str>; 3],
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let checked = check_once(workspace, None)?;
    let garden = checked.garden.as_ref();
    let only = |names: Vec<&str>, wanted: Option<&str>, what: &str| match (wanted, names.as_slice()) {
        (Some(wanted), known) if known.contains(&wanted) => Ok(wanted.to_owned()),
        (Some(wanted), known) => Err(CommandFailure::asked(
            format!("there is no {what} `{wanted}`"),
            match known {
                [] => format!("the garden has no {what} yet"),
                known => format!("there are: {}", known.join(", ")),
            },
        )),
        (None, [one]) => Ok((*one).to_owned()),
        (None, []) => Err(CommandFailure::asked(
            format!("the garden has no {what} yet"),
            format!("write one, or name it with --{what}"),
        )),
        (None, many) => Err(CommandFailure::asked(
            format!("the garden has {} {what}s", many.len()),
            format!("name one with --{what}: {}", many.join(", ")),
        )),
    };
    let offers = garden.map(|garden| garden.offers.keys().map(Name::as_str).collect()).unwrap_or_default();
    let clusters = garden.map(|garden| garden.clusters.keys().map(Name::as_str).collect()).unwrap_or_default();
    let (offer, cluster) = (only(offers, offer, "offer")?, only(clusters, cluster, "cluster")?);
    let mail = domain.map_or_else(|| format!("{name}.example"), str::to_owned);
    let domain = domain.map(|domain| format!("    domain {}\n", domain_word(domain))).unwrap_or_default();
    let text = format!(
        "edition 2026\n\norganisation {name} {{\n    title {}\n    offer {offer}\n    cluster {cluster}\n{domain}    contact tech@{mail} role=technical\n}}\n",
        quoted(&title(name)),
    );
    let folder = checked.boundary.as_ref().and_then(|boundary| boundary.folders().next()).unwrap_or_default();
    let exit = write_new(&workspace.root.join(folder).join(format!("{name}.kdl")), &text, output)?;
    output.note(&format!("next: parcelle new app {name}/NAME --definition DEFINITION, then parcelle check"));
    Ok(exit)
}

/// A host as KDL writes it: bare where it may be.
fn domain_word(domain: &str) -> String {
    let plain = domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
    if plain && domain.starts_with(|first: char| first.is_ascii_alphabetic()) {
        domain.to_owned()
    } else {
        quoted(domain)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn title(name: &Name) -> String {
    let words = name.as_str().replace('-', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn app(workspace: &Workspace, name: &str, definition: &str, output: &Output) -> Result<Exit, CommandFailure> {
    let (organisation, app) = name.split_once('/').ok_or_else(|| {
        CommandFailure::asked(
            format!("`{name}` does not say in which organisation"),
            "write ORGANISATION/NAME, as in `alternatiba/cloud`",
        )
    })?;
    let (organisation, app) = (parse(organisation)?, parse(app)?);
    let checked = check_once(workspace, None)?;
    let garden = checked.garden.as_ref();
    let found = garden.and_then(|garden| garden.organisations.get(&organisation));
    let Some(found) = found else {
        if garden
            .is_some_and(|garden| garden.stopped.contains_key(&organisation) || garden.broken.contains(&organisation))
        {
            return Err(CommandFailure::asked(
                format!("`{organisation}` has findings, so nothing is added to it"),
                "mend them first: `parcelle check` shows them",
            ));
        }
        let names: Vec<&str> = garden.iter().flat_map(|garden| garden.organisations.keys()).map(Name::as_str).collect();
        let known = if names.is_empty() { String::new() } else { format!("; there are: {}", names.join(", ")) };
        return Err(CommandFailure::asked(
            format!("there is no organisation `{organisation}`"),
            format!("start it with `parcelle new org {organisation}`{known}"),
        ));
    };
    if found.apps.contains_key(&app) {
        return Err(CommandFailure::asked(
            format!("`{organisation}` already has an app `{app}`"),
            "choose another name",
        ));
    }
    let known = |garden: &crate::model::Garden| garden.definitions.keys().map(Name::to_string).collect::<Vec<_>>();
    let definitions = garden.map(known).unwrap_or_default();
    if !definitions.iter().any(|known| known == definition) {
        return Err(CommandFailure::asked(
            format!("there is no definition `{definition}`"),
            match suggest::nearest(definition, definitions.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`? There are: {}", definitions.join(", ")),
                None => format!("there are: {}", definitions.join(", ")),
            },
        ));
    }
    let file = checked.sources.file(found.file);
    let line = format!("app {definition} {app}");
    let text = with_line(&file.text, found.span.start as usize, &line).ok_or_else(|| {
        CommandFailure::asked(format!("the node of `{organisation}` has no block"), "give it braces first")
    })?;
    write(&workspace.root.join(&*file.path), &text)?;
    output.result(&format!("{}\n", file.path))?;
    output.note(&format!("added `app {definition} {app}`; next: parcelle check"));
    Ok(Exit::Good)
}

#[expect(clippy::disallowed_methods, reason = "a port: the file that was asked for")]
fn write_new(path: &Path, text: &str, output: &Output) -> Result<Exit, CommandFailure> {
    if path.exists() {
        return Err(CommandFailure::asked(
            format!("`{}` exists already", path.display()),
            "nothing was written; choose another name",
        ));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(CommandFailure::file("make the folder", folder))?;
    }
    write(path, text)?;
    // As the author would name it.
    let current = std::env::current_dir().and_then(std::fs::canonicalize).unwrap_or_default();
    output.result(&format!("{}\n", path.strip_prefix(current).unwrap_or(path).display()))?;
    Ok(Exit::Good)
}

fn definition_text(name: &Name) -> String {
    DEFINITION.replace("NAME", name.as_str())
}

const GARDEN: &str = include_str!("../../examples/first-steps/garden.kdl.txt");
const CLUSTER: &str = include_str!("../../examples/first-steps/cluster.kdl.txt");
const OFFER: &str = include_str!("../../examples/first-steps/offer.kdl.txt");
const DEFINITION: &str = include_str!("../../examples/first-steps/definition.kdl.txt");
