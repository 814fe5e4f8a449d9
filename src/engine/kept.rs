//! Organisations that stay as they are applied while others are planned: at which commit, why, and what their texts would change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::known::AppliedState;
use super::offline::{Baseline, plan_offline};
use super::options::{Ask, RoundOptions};
use super::round::Round;
use super::session::Session;
use super::stages::choose;
use crate::check::Checked;
use crate::finding::Severity;
use crate::git::{CommitId, Repository};
use crate::name::Name;
use crate::plan::{Plan, Verb};
use crate::render::Packed;
use crate::report::plan::counted;
use crate::source::FileId;

/// An organisation that stays as it is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptOrganisation {
    pub(crate) organisation: Name,
    /// The cluster that it has objects on; absent where nothing of it is applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<Name>,
    /// The commit that was applied whole last, in hexadecimal; empty for none.
    pub(crate) commit: String,
    /// The commit that was begun since and is not whole; empty for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) begun: String,
    pub(crate) why: KeptBecause,
    /// What its text would change if nothing kept it; absent where that is not known, or is told in the plan itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) would: Option<BTreeMap<Verb, usize>>,
}

/// Why an organisation stays as it is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum KeptBecause {
    /// Findings stop it.
    Findings {
        /// Their codes.
        codes: Vec<String>,
        count: usize,
    },
    /// The last commit takes back what is applied.
    Backwards {
        /// The commit that `rollback to=` has to name.
        rollback: String,
    },
    /// A commit was begun, and something of it was refused, failed or waits.
    Begun,
}

impl Session {
    /// What the loop keeps of the organisations that a plan is about, or of all. IO: the clusters, for what findings stop.
    pub(crate) async fn kept(&mut self, options: &RoundOptions, round: &Round) -> Vec<KeptOrganisation> {
        let applied = self.known.applied.clone().unwrap_or_default();
        let mut would = BTreeMap::new();
        if let Some(mended) = as_if_mended(&self.checked) {
            let only = mended.objects.keys().filter(|name| options.is_about(name)).cloned().collect();
            // Nothing of what a finding refuses is sent to a server, not even to be tried.
            let options = RoundOptions { only: Some(only), ask: Ask::Nothing, ..options.clone() };
            let checked = std::mem::replace(&mut self.checked, Arc::new(mended));
            let planned = self.plan_each(&options, |_, prepared| {
                note_changes(&mut would, &prepared.plan);
                Ok::<_, std::convert::Infallible>(())
            });
            let (Ok(_) | Err(_)) = planned.await;
            self.checked = checked;
        }
        let mut kept = stopped(&self.checked, &applied, options.only.as_ref(), &would);
        kept.extend(self.kept_by_the_last_commit(options));
        let is_told = |name: &Name| {
            kept.iter().any(|one| one.organisation == *name)
                || round.backwards.contains_key(name)
                || round.waiting.contains_key(name)
        };
        let begun = applied.begun.keys().filter(|name| options.is_about(name) && !is_told(name));
        let begun: Vec<_> = begun.map(|name| of_applied(&applied, name, KeptBecause::Begun, None)).collect();
        kept.extend(begun);
        kept.sort_by(|a, b| a.organisation.cmp(&b.organisation));
        kept
    }

    /// Where files on disk are planned, which are no commit yet: the organisations of which the last commit takes back what is applied.
    pub(crate) fn kept_by_the_last_commit(&self, options: &RoundOptions) -> Vec<KeptOrganisation> {
        let (checked, applied) = (&self.checked, self.known.applied.clone().unwrap_or_default());
        let head = self.repository().filter(|_| checked.commit.is_none()).and_then(|found| found.commit("HEAD").ok());
        let (Some(head), Some(garden)) = (head, &checked.garden) else { return Vec::new() };
        let backwards = choose::backwards_from(&self.known, self.repository(), garden, &head.id);
        let mine = backwards.into_iter().filter(|(name, _)| options.is_about(name) && !garden.broken.contains(name));
        mine.map(|(name, back)| {
            let why = KeptBecause::Backwards { rollback: back.named().0.clone() };
            of_applied(&applied, &name, why, None)
        })
        .collect()
    }
}

/// What findings stop of the organisations that a plan without clusters is about, or of all.
pub(crate) fn kept_offline(
    checked: &Checked,
    only: Option<&BTreeSet<Name>>,
    repository: Option<&Repository>,
    now: jiff::Timestamp,
    against: &Baseline<'_>,
) -> Vec<KeptOrganisation> {
    let applied = against.applied(repository, now);
    let mut would = BTreeMap::new();
    if let Some(mended) = as_if_mended(checked) {
        let about =
            mended.objects.keys().filter(|name| only.is_none_or(|only| only.contains(*name))).cloned().collect();
        let planned = plan_offline(&mended, Some(&about), now, against, |plan| {
            note_changes(&mut would, &plan);
            Ok::<_, std::convert::Infallible>(())
        });
        let (Ok(_) | Err(_)) = planned;
    }
    stopped(checked, &applied, only, &would)
}

/// A check in which nothing stops those whose meaning is known all the same, and nobody else is there; absent where there are none.
fn as_if_mended(checked: &Checked) -> Option<Checked> {
    let mut garden = checked.garden.clone().filter(|_| !checked.stopped.is_empty())?;
    garden.organisations = std::mem::take(&mut garden.stopped);
    garden.broken.clear();
    Some(Checked {
        commit: checked.commit.clone(),
        sources: checked.sources.clone(),
        garden: Some(garden),
        objects: checked.stopped.clone(),
        renderer_hash: checked.renderer_hash.clone(),
        ..Checked::default()
    })
}

fn note_changes(would: &mut BTreeMap<Name, BTreeMap<Verb, usize>>, plan: &Plan) {
    would.extend(plan.organisations.iter().map(|one| (one.organisation.clone(), one.counts())));
}

fn stopped(
    checked: &Checked,
    applied: &AppliedState,
    only: Option<&BTreeSet<Name>>,
    would: &BTreeMap<Name, BTreeMap<Verb, usize>>,
) -> Vec<KeptOrganisation> {
    let broken = checked.garden.iter().flat_map(|garden| &garden.broken);
    let mine = broken.filter(|name| only.is_none_or(|only| only.contains(*name)));
    mine.map(|name| {
        let found = findings_of(checked, name);
        let codes: BTreeSet<String> = found.iter().map(|finding| finding.code.as_str().to_owned()).collect();
        let why = KeptBecause::Findings { codes: codes.into_iter().collect(), count: found.len() };
        // What is to live elsewhere is held against nothing that is there.
        let is_at_home = |packed: &Arc<Packed>| applied.homes.get(name).is_none_or(|home| *home == packed.cluster);
        let would = would.get(name).filter(|_| checked.stopped.get(name).is_some_and(is_at_home));
        of_applied(applied, name, why, would.cloned())
    })
    .collect()
}

/// The errors that stop an organisation.
pub(super) fn findings_of<'c>(checked: &'c Checked, name: &Name) -> Vec<&'c crate::finding::Finding> {
    let span = checked.garden.as_ref().and_then(|garden| garden.stopped.get(name)).map(|stopped| stopped.span.file);
    // Of what could not be read the name of its file is left.
    let is_called_after = |file: FileId| {
        let path = &checked.sources.file(file).path;
        path.rsplit('/').next().and_then(|file| file.strip_suffix(".kdl")) == Some(name.as_str())
    };
    let errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mine = errors.filter(|finding| match &finding.stops {
        Some(stops) => stops == name,
        None => span.map_or_else(|| is_called_after(finding.file()), |file| finding.file() == file),
    });
    mine.collect()
}

fn of_applied(
    applied: &AppliedState,
    name: &Name,
    why: KeptBecause,
    would: Option<BTreeMap<Verb, usize>>,
) -> KeptOrganisation {
    let commit = |commits: &BTreeMap<Name, CommitId>| commits.get(name).map(|at| at.0.clone()).unwrap_or_default();
    KeptOrganisation {
        organisation: name.clone(),
        cluster: applied.homes.get(name).cloned(),
        commit: commit(&applied.commits),
        begun: commit(&applied.begun),
        why,
        would,
    }
}

impl fmt::Display for KeptOrganisation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |commit: &str| CommitId(commit.to_owned()).short().to_owned();
        let Self { organisation, cluster, commit, begun, why, would } = self;
        write!(to, "{organisation} ")?;
        match (cluster, commit.is_empty()) {
            (None, _) => write!(to, "is not applied yet: ")?,
            (Some(cluster), true) => write!(to, "stays as it is on {cluster}: ")?,
            (Some(cluster), false) => write!(to, "stays at {} on {cluster}: ", short(commit))?,
        }
        match why {
            KeptBecause::Findings { codes, .. } if codes.is_empty() => {
                write!(to, "what it rests on has findings (`parcelle check`)")?;
            }
            KeptBecause::Findings { codes, count: 1 } => write!(to, "a finding stops it ({})", codes.join(", "))?,
            KeptBecause::Findings { codes, count } => write!(to, "{count} findings stop it ({})", codes.join(", "))?,
            KeptBecause::Backwards { rollback } => write!(
                to,
                "the last commit takes back what is applied; what is planned of it is done once `rollback to=\"{}\"` stands in \
                 garden.kdl",
                short(rollback)
            )?,
            KeptBecause::Begun => write!(
                to,
                "{} was begun since and is not applied whole; `parcelle status {organisation}` says what stands in its way",
                short(begun)
            )?,
        }
        let Some(would) = would else { return Ok(()) };
        let writes: BTreeMap<Verb, usize> =
            would.iter().filter(|(verb, _)| verb.writes()).map(|(verb, count)| (*verb, *count)).collect();
        if writes.is_empty() {
            return write!(to, "; as it is written, nothing of it would change");
        }
        write!(to, "; as it is written it would be {}", counted(&writes))
    }
}
