//! A garden, and its clusters and offers.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::edit::{as_named, write_new};
use super::super::workspace::now;
use super::super::{CommandFailure, Exit, Output};
use super::{add, parse, quoted, title, word};
use crate::check::{Memo, check_in_history};
use crate::git::{RawFile, Snapshot, Workspace};
use crate::name::Name;
use crate::report::{self, Format};

/// What `new garden` takes.
#[derive(Debug, Args)]
pub(super) struct GardenArgs {
    /// Its name
    name: String,
    /// The folder to write into
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The name of its first cluster
    #[arg(long, default_value = "first", value_name = "NAME")]
    cluster: String,
    #[command(flatten)]
    place: Place,
}

/// What `new cluster` takes.
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    place: Place,
}

/// What cannot be guessed of a cluster.
#[derive(Debug, Args)]
struct Place {
    /// The domain below which organisations without one of their own are [default: one to fill in]
    #[arg(long)]
    domain: Option<String>,
    /// Where backups go: the address of an S3 service away from the cluster. Asked for on a terminal
    #[arg(long, value_name = "URL")]
    backups: Option<String>,
}

pub(super) fn garden(args: &GardenArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let (name, cluster) = (parse(&args.name)?, parse(&args.cluster)?);
    let backups = place_of_backups(args.place.backups.as_deref())?;
    let files = [
        ("garden.kdl".to_owned(), GARDEN.replace("TITLE", &quoted(&title(&name))).replace("NAME", name.as_str())),
        (format!("clusters/{cluster}.kdl"), cluster_text(&cluster, &args.place, backups.as_deref())),
        ("offers/basic.kdl".to_owned(), offer_text(&Name::new("basic").expect("a name"))),
    ];
    for (path, _) in &files {
        let path = args.folder.join(path);
        if is_there(&path) {
            return Err(CommandFailure::asked(
                format!("`{}` exists already", path.display()),
                "nothing was written; name another folder, or add to the garden that is there: `parcelle new org NAME`",
            ));
        }
    }
    refuse_findings(&files, output)?;
    for (path, text) in &files {
        let path = args.folder.join(path);
        write_new(&path, text)?;
        output.result(&format!("{}\n", as_named(&path)))?;
    }
    if backups.is_none() {
        no_backups(&cluster, output);
    }
    let folder = args.folder.display().to_string();
    let enter = if folder == "." { String::new() } else { format!("cd {folder} && ") };
    output.note(&format!("next: {enter}parcelle new org NAME, for whom you host first"));
    Ok(Exit::Good)
}

pub(super) fn cluster(workspace: &Workspace, args: &ClusterArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let name = parse(&args.name)?;
    let backups = place_of_backups(args.place.backups.as_deref())?;
    add(workspace, &format!("clusters/{name}.kdl"), cluster_text(&name, &args.place, backups.as_deref()), output)?;
    if backups.is_none() {
        no_backups(&name, output);
    }
    output.note(&format!(
        "next: write into it what {name} has, then parcelle doctor {name}, which compares it with the cluster"
    ));
    Ok(Exit::Good)
}

pub(super) fn offer(workspace: &Workspace, name: &Name, output: &Output) -> Result<Exit, CommandFailure> {
    add(workspace, &format!("offers/{name}.kdl"), offer_text(name), output)?;
    output.note(&format!("next: write into it what it grants, then parcelle new org NAME --offer {name}"));
    Ok(Exit::Good)
}

fn cluster_text(name: &Name, place: &Place, backups: Option<&str>) -> String {
    let domain = place.domain.as_deref().map_or_else(|| format!("{name}.example.org"), word);
    let line = |url: &str| format!("backup k8up {{ endpoint {}; bucket gardens; credentials backups; }}", quoted(url));
    let backup = match backups {
        Some(url) => line(url),
        None => format!("// {}", line("https://s3.backups.example")),
    };
    CLUSTER
        .replace("TITLE", &quoted(&title(name)))
        .replace("NAME", name.as_str())
        .replace("UID", &uid(name))
        .replace("DOMAIN", &domain)
        .replace("BACKUP", &backup)
}

fn offer_text(name: &Name) -> String {
    OFFER.replace("TITLE", &quoted(&title(name))).replace("NAME", name.as_str())
}

/// A uid that no cluster has, and that no other cluster of the garden says: to be filled in.
fn uid(name: &Name) -> String {
    let hash = name.as_str().bytes().fold(0_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    format!("00000000-0000-4000-8000-{:012x}", hash & 0xffff_ffff_ffff)
}

/// Where backups go, as said or as somebody at a terminal answers.
fn place_of_backups(said: Option<&str>) -> Result<Option<String>, CommandFailure> {
    let asks = said.is_none() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !asks {
        return Ok(said.map(str::to_owned));
    }
    eprint!("Where do backups go? The address of an S3 service away from the cluster [later]: ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(CommandFailure::file("read", Path::new("standard input")))?;
    Ok(Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()))
}

fn no_backups(cluster: &Name, output: &Output) {
    output.note(&format!(
        "nothing is backed up until clusters/{cluster}.kdl says where: take the `//` from its `backup` line and name a place away from the cluster"
    ));
}

/// Refuses what would not be a valid garden: a domain or an address that is none.
fn refuse_findings(files: &[(String, String)], output: &Output) -> Result<(), CommandFailure> {
    let mut files: Vec<RawFile> =
        files.iter().map(|(path, text)| RawFile::of(path, text.clone().into_bytes())).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let checked = check_in_history(&mut Memo::default(), &Snapshot::of(files), None, None, now());
    if !checked.findings.has_errors() {
        return Ok(());
    }
    let text = report::render(Format::Text, &checked.findings, &checked.sources, output.drawing_of_notes());
    output.block(text.trim_end());
    Err(CommandFailure::asked("the garden would have these findings, so nothing was written", "name others"))
}

#[expect(clippy::disallowed_methods, reason = "a port: whether a file is there")]
fn is_there(path: &Path) -> bool {
    path.exists()
}

const GARDEN: &str = include_str!("../../../examples/first-steps/garden.kdl.txt");
const CLUSTER: &str = include_str!("../../../examples/first-steps/cluster.kdl.txt");
const OFFER: &str = include_str!("../../../examples/first-steps/offer.kdl.txt");
