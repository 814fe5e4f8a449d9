//! `parcelle snapshot`: what is live of ours, into a file.

use std::path::PathBuf;

use clap::Args;

use super::check::plural;
use super::workspace::now;
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, files, session};
use crate::engine::{LiveSnapshot, RoundOptions};

/// What `snapshot` takes.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// The file to write
    #[arg(long, short, value_name = "FILE", default_value = "snapshot.json")]
    output: PathBuf,
}

pub(crate) async fn run(common: &Common, args: &SnapshotArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let mut session = session::open(common, &args.clusters, None, output).await?;
    let only = session::only(session.checked(), &args.organisations)?;
    let options = RoundOptions { only, ..RoundOptions::unasked(now()) };
    let mut whole: Option<LiveSnapshot> = None;
    let planned = session.plan_each(&options, |session, prepared| {
        if let Some(part) = session.snapshot(&prepared) {
            match &mut whole {
                Some(whole) => whole.join(part),
                None => whole = Some(part),
            }
        }
        Ok::<_, std::convert::Infallible>(())
    });
    let Ok(Some(round)) = planned.await else {
        super::workspace::show_findings(session.checked(), output);
        return Ok(Exit::Garden);
    };
    let unreached = &round.unreached;
    unreached
        .iter()
        .for_each(|(cluster, why)| output.error(&format!("failed: {}", super::show::of_cluster(cluster, why))));
    if let Some(snapshot) = whole {
        files::write_json(&args.output, &snapshot)?;
        let organisations = snapshot.clusters.values().flat_map(|cluster| cluster.organisations.values());
        let (count, objects) =
            organisations.fold((0, 0), |(count, objects), one| (count + 1, objects + one.objects.len()));
        output.result(&format!("{}\n", args.output.display()))?;
        if !snapshot.left_out.is_empty() {
            let names: Vec<&str> = snapshot.left_out.iter().map(crate::name::Name::as_str).collect();
            output.note(&format!("left out, since findings stop them: {}", names.join(", ")));
        }
        output.note(&format!(
            "{} of {}, no value of a Secret or of others; next: parcelle plan --live {}",
            plural(objects, "object"),
            plural(count, "organisation"),
            args.output.display()
        ));
    }
    session.close().await;
    Ok(if unreached.is_empty() { Exit::Good } else { Exit::World })
}
