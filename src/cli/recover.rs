//! `parcelle recover`: an organisation whose inventory is lost is taken back, for changing only.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::apply::confirmed;
use super::check::plural;
use super::workspace::{now, speaker};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session, words};
use crate::engine::{Heeded, LostInventories, LostInventory, Session, Speaker};
use crate::name::Name;
use crate::plan::{SpokenWord, WordMark};
use crate::report::plan::{TextStyle, recovery, recovery_value};
use crate::visible;

/// What `recover` takes.
#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    #[command(subcommand)]
    what: Recoverable,
}

#[derive(Debug, Subcommand)]
enum Recoverable {
    /// Take organisations back whose inventory was deleted or cannot be read
    ///
    /// Lists object by object what the garden asks for and the cluster has with the organisation's labels, what differs, and what
    /// cannot be compared; asks; and takes exactly that back. Labels, fields and nonces are hints: whoever may write to the
    /// namespace can forge them. What is taken back is changed, and neither deleted nor replaced until the garden names it
    /// (`adopt`, `retired`). Beside a running loop the word is put down for it; where nobody holds the lease, this command takes it.
    Inventory(InventoryArgs),
}

#[derive(Debug, Args)]
struct InventoryArgs {
    /// Organisations [default: all whose inventory is lost]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    /// The commit that was applied last, so that no commit before it is applied
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// Take everything back that is listed without asking
    #[arg(long, short)]
    yes: bool,
    /// How the list is printed; as JSON it is the whole result, and nothing is asked or taken back without `--yes`
    #[arg(long, short, value_enum, default_value = "text")]
    format: RecoverFormat,
}

/// How the list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RecoverFormat {
    /// For people.
    Text,
    /// For programs: one object an organisation.
    Json,
}

pub(crate) async fn run(common: &Common, args: &RecoverArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let Recoverable::Inventory(args) = &args.what;
    let why = words::reason(&args.reason)?;
    let mut session = session::open_as_applied(common, &args.clusters, output).await?;
    let done = inventory(&mut session, args, why, output).await;
    session.close().await;
    done
}

async fn inventory(
    session: &mut Session,
    args: &InventoryArgs,
    why: String,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let named = session::only(session.checked(), &args.organisations)?;
    let commit = match &args.commit {
        Some(revision) => session.commit_of(revision)?.0,
        None => String::new(),
    };
    let all = || session.checked().objects.keys().cloned().collect();
    let lost = session.lost_inventories(&named.clone().unwrap_or_else(all), &commit, now()).await;
    let is_whole = told(session, named.as_ref(), &lost, output);
    if lost.found.is_empty() {
        match args.format {
            RecoverFormat::Json => show_json(&lost, output)?,
            RecoverFormat::Text if named.is_none() && is_whole => output.result("no inventory is lost\n")?,
            RecoverFormat::Text => {}
        }
        return Ok(match (lost.unread.is_empty(), is_whole) {
            (false, _) => Exit::World,
            (true, false) => Exit::Garden,
            (true, true) => Exit::Good,
        });
    }
    match args.format {
        RecoverFormat::Text => show(&lost, &commit, output)?,
        RecoverFormat::Json => show_json(&lost, output)?,
    }
    let objects = lost.found.iter().map(|one| one.recovery.taken.len()).sum();
    let what = format!("take {} of {} back", plural(objects, "object"), plural(lost.found.len(), "organisation"));
    // A program reads the list, and says `--yes` where it is to be so.
    if !args.yes && (args.format == RecoverFormat::Json || !confirmed(&what, output)?) {
        output.note("nothing was taken back");
        return Ok(Exit::Garden);
    }
    let speaker = Speaker { who: speaker(), why, when: now().as_second() };
    let mut marks: BTreeMap<&Name, Vec<WordMark>> = BTreeMap::new();
    for one in &lost.found {
        let word = SpokenWord::Recover { listed: one.recovery.digest.clone(), commit: commit.clone() };
        let about = if one.recovery.namespace.is_empty() {
            one.organisation.to_string()
        } else {
            one.recovery.namespace.clone()
        };
        marks.entry(&one.cluster).or_default().push(speaker.mark(&one.organisation, word, about));
    }
    let mut is_left = false;
    for (cluster, marks) in marks {
        let heeded = words::say(session, cluster, &marks, output).await;
        let heeded = heeded.map_err(|why| {
            CommandFailure::asked(
                format!("cluster `{cluster}`: {why}"),
                "what was said may lie there: `parcelle status`",
            )
        })?;
        is_left |= matches!(heeded, Some(Heeded::LeftFor(_)));
    }
    ended(session, &lost.found, is_left || !is_whole, args.format, output).await
}

/// Says of whom nothing is to be taken back, and why; whether everybody who was named is.
fn told(session: &Session, named: Option<&BTreeSet<Name>>, lost: &LostInventories, output: &Output) -> bool {
    for (cluster, why) in &lost.unread {
        output.error(&format!("failed: {}", super::show::of_cluster(cluster, why)));
    }
    let mut is_whole = lost.unread.is_empty();
    for name in named.into_iter().flatten() {
        let why = if let Some(known) = lost.known.get(name) {
            format!("its inventory is not lost: it knows {}", plural(*known, "object"))
        } else if lost.unmade.contains(name) {
            "nothing looks as if an inventory had been there: the next round makes it like every new organisation"
                .to_owned()
        } else if !session.checked().objects.contains_key(name) {
            "findings stop it, so what it asks for is not known: `parcelle check`".to_owned()
        } else {
            continue;
        };
        output.error(&format!("{name}: {why}"));
        is_whole = false;
    }
    is_whole
}

fn show(lost: &LostInventories, commit: &str, output: &Output) -> Result<(), CommandFailure> {
    let style = TextStyle { drawing: output.drawing(), verbose: output.verbose(), asked: true };
    for LostInventory { organisation, cluster, damaged, recovery: found, leftovers } in &lost.found {
        let what = damaged.clone().unwrap_or_else(|| "its inventory is lost".to_owned());
        let text = recovery(&format!("{organisation} on {cluster}: {what}"), found, style);
        output.result(&format!("{text}\n"))?;
        for (kind, why) in &leftovers.unread {
            output.error(&format!("{organisation}: whether any {kind} is left is not known: {why}"));
        }
    }
    output.note(
        "labels, fields and nonces prove nothing: whoever may write to a namespace can forge them. Look at the list.",
    );
    if commit.is_empty() {
        output.note(
            "no commit is named as applied last (`--commit REV`), so none counts as older than it: the next one is applied, \
             whether it goes forward or back",
        );
    }
    Ok(())
}

/// The list as a value: an object for each organisation of which something would be taken back.
fn show_json(lost: &LostInventories, output: &Output) -> Result<(), CommandFailure> {
    let found = lost.found.iter().map(|one| {
        let LostInventory { organisation, cluster, damaged, recovery, leftovers } = one;
        let heading = json!({
            "organisation": organisation, "cluster": cluster, "damaged": damaged, "notLookedFor": leftovers.unread,
        });
        let mut value = recovery_value(recovery);
        value
            .as_object_mut()
            .into_iter()
            .for_each(|value| value.extend(heading.as_object().cloned().unwrap_or_default()));
        value
    });
    let list = json!({ "organisations": found.collect::<Vec<_>>(), "unread": lost.unread });
    output.result(&visible::json(format!("{list:#}\n")))
}

/// Says what came of it: to people as the result, where that is no list for programs.
async fn ended(
    session: &Session,
    found: &[LostInventory],
    is_left: bool,
    format: RecoverFormat,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let say = |text: String| match format {
        RecoverFormat::Text => output.result(&format!("{text}\n")),
        RecoverFormat::Json => {
            output.note(&text);
            Ok(())
        }
    };
    let (inventories, _) = session.inventories().await;
    let mut all = !is_left;
    for LostInventory { organisation, cluster, .. } in found {
        let stored = inventories.get(cluster).and_then(|stored| stored.get(organisation));
        let Some(Ok(stored)) = stored.filter(|stored| stored.is_ok()) else {
            say(format!("{organisation}: not taken back yet; `parcelle status {organisation}` says why"))?;
            all = false;
            continue;
        };
        let known = plural(stored.inventory.entries.len(), "object");
        say(format!("{organisation}: taken back, {known}; `parcelle plan {organisation}` shows what is next"))?;
    }
    Ok(if all { Exit::Good } else { Exit::Garden })
}
