//! What `status` read last, kept on disk for when a cluster does not answer: a file for each garden and cluster, its owner's alone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::workspace::state_folder;
use super::{CommandFailure, files};
use crate::model::Garden;
use crate::name::Name;
use crate::private;
use crate::report::plan::OrganisationStatus;

/// Moved when a status means something else than before.
const SCHEMA: &str = "parcelle.dev/last-known/v1";

/// What was read last of a cluster.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LastKnown {
    schema: String,
    /// The uid of the cluster that it was read from.
    uid: String,
    organisations: BTreeMap<String, KnownStatus>,
}

/// How an organisation fared, and when that was read, in Unix seconds.
#[derive(Serialize, Deserialize)]
struct KnownStatus {
    taken: i64,
    status: OrganisationStatus,
}

/// Keeps what was read of a cluster beside what is known of its other organisations; `whole` where it was read of all.
pub(super) fn keep(
    garden: &Garden,
    cluster: &Name,
    read: &[&OrganisationStatus],
    whole: bool,
    now: jiff::Timestamp,
) -> Result<(), CommandFailure> {
    let path = path(garden, cluster)?;
    let mut known = if whole { BTreeMap::new() } else { load(garden, cluster).organisations };
    known.extend(read.iter().map(|status| {
        let status = OrganisationStatus { leader: None, words: Vec::new(), ..(*status).clone() };
        (status.organisation.clone(), KnownStatus { taken: now.as_second(), status })
    }));
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    private::make_folder(&folder).map_err(CommandFailure::file("make", &folder))?;
    let known = LastKnown { schema: SCHEMA.to_owned(), uid: uid(garden, cluster), organisations: known };
    files::write_json(&path, &known)
}

/// What was read last of the organisations of a cluster, each with when.
pub(super) fn recall(garden: &Garden, cluster: &Name) -> BTreeMap<String, OrganisationStatus> {
    let known = load(garden, cluster).organisations.into_iter();
    known.map(|(name, known)| (name, OrganisationStatus { as_of: Some(known.taken), ..known.status })).collect()
}

/// What is on disk; nothing where that cannot be read, or is of another cluster.
fn load(garden: &Garden, cluster: &Name) -> LastKnown {
    let read = path(garden, cluster).and_then(|path| files::read_json(&path, "what was known", SCHEMA, ""));
    let known: LastKnown = read.unwrap_or_default();
    if known.uid == uid(garden, cluster) { known } else { LastKnown::default() }
}

fn uid(garden: &Garden, cluster: &Name) -> String {
    garden.clusters.get(cluster).map(|cluster| cluster.uid.value.clone()).unwrap_or_default()
}

fn path(garden: &Garden, cluster: &Name) -> Result<PathBuf, CommandFailure> {
    Ok(state_folder()?.join("status").join(garden.name.as_str()).join(format!("{cluster}.json")))
}
