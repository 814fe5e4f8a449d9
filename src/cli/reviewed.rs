//! Reviews: what a branch would do if it were merged, against where its work began.

use std::collections::BTreeSet;
use std::path::Path;

use super::kept::KeptDetail;
use super::offline::{OfflinePlan, PlannedAgainst};
use super::show::{ShownPlan, ShownRound};
use super::workspace::{check_against, named_base, now};
use super::{CommandFailure, place};
use crate::check::{Checked, Memo, past_of};
use crate::git::{CommitId, Merged, Snapshot, Workspace, merged};
use crate::report::{fingerprints, reviewed_findings};
use crate::review::{Against, MergeOutcome, Review, ReviewedSeverity, Target};

/// What a review is asked for.
pub(super) struct ReviewAsked<'a> {
    /// The commit that is looked at; `HEAD` where absent.
    pub(super) commit: Option<&'a str>,
    /// Where its work began; found out where absent.
    pub(super) base: Option<&'a str>,
    /// A snapshot of the clusters.
    pub(super) live: Option<&'a Path>,
    /// How much of the plan is kept for its whole text.
    pub(super) keep: KeptDetail,
}

/// A review, with the plan that it tells of.
pub(super) struct Reviewed {
    pub(super) review: Review,
    pub(super) planned: OfflinePlan,
}

impl Reviewed {
    /// Checks and plans a commit against where its work began.
    pub(super) fn of(workspace: &Workspace, asked: &ReviewAsked<'_>) -> Result<Self, CommandFailure> {
        let repository = workspace.repository()?;
        let head = repository.commit(asked.commit.unwrap_or("HEAD"))?.id;
        let base = began(workspace, asked, &head)?;
        let (garden, before) = (workspace.snapshot(Some(&head.0))?, workspace.snapshot(Some(&base.0))?);
        let mut memo = Memo::default();
        let tip = repository.target_tip(&place::target()).filter(|(_, tip)| *tip != base && *tip != head);
        let after = tip.as_ref().map(|(_, tip)| workspace.snapshot(Some(&tip.0)));
        let joined = after.as_ref().and_then(|after| after.as_ref().ok()).map(|after| merged(&before, &garden, after));
        // Against clusters the branch alone would take back what others merged since.
        let planned = match (&joined, asked.live) {
            (Some(Merged::Clean(joined)), Some(_)) => joined.clone(),
            _ => garden.clone(),
        };
        let reaches_all = |checked: &Checked| reaching_all(checked, &before, &garden);
        let against = match asked.live {
            Some(file) => PlannedAgainst::Snapshot(file),
            None => PlannedAgainst::Commit(before.clone()),
        };
        let planned = OfflinePlan::of(workspace, &mut memo, planned, against, &[], asked.keep)?;
        let shown = ShownRound {
            checked: &planned.checked,
            round: &planned.round,
            plan: planned.plan.as_ref().map(ShownPlan::Kept),
            loud: true,
            against: planned.against(),
        };
        let older = match asked.live {
            None => planned.older_findings(),
            Some(_) => found_in(&check_against(workspace, &mut memo, before.clone(), None)),
        };
        let mut review = shown.review(&older)?;
        review.head.clone_from(&head.0);
        review.made = now().as_second();
        review.reaches_all = reaches_all(&planned.checked);
        if let Against::Snapshot { base: named, .. } = &mut review.against {
            named.clone_from(&base.0);
        }
        review.target = tip.map(|(branch, tip)| {
            let ahead = repository.commits_beyond(&tip.0, &base.0).unwrap_or_default();
            let merge = match (after, joined) {
                (Some(Ok(after)), Some(joined)) => outcome(workspace, &mut memo, &planned.checked, after, joined),
                (Some(Err(error)), _) => MergeOutcome::Unknown { why: error.to_string() },
                _ => MergeOutcome::Unknown { why: "its commit cannot be read".to_owned() },
            };
            Target { branch, commit: tip.0, ahead, merge }
        });
        Ok(Self { review, planned })
    }
}

/// Where the work of a commit began.
fn began(workspace: &Workspace, asked: &ReviewAsked<'_>, head: &CommitId) -> Result<CommitId, CommandFailure> {
    let repository = workspace.repository()?;
    let named = match asked.base {
        Some(base) => Some(named_base(workspace, base, Some(&head.0))?.0),
        None => None,
    };
    if let Some(named) = named {
        return Ok(repository.commit(&named)?.id);
    }
    match repository.began_from(&head.0, &place::target())? {
        Some(began) => Ok(began.commit),
        None => Err(CommandFailure::asked("the repository has no commit yet", "commit the garden first")),
    }
}

/// Files that the change edits and that decide for more than one organisation.
fn reaching_all(checked: &Checked, before: &Snapshot, garden: &Snapshot) -> Vec<String> {
    let Some(boundary) = &checked.boundary else { return Vec::new() };
    let blobs = |snapshot: &Snapshot| -> BTreeSet<(String, String)> {
        snapshot.files.iter().map(|file| (file.path.clone(), file.blob.clone())).collect()
    };
    let (before, after) = (blobs(before), blobs(garden));
    let edited: BTreeSet<String> = before.symmetric_difference(&after).map(|(path, _)| path.clone()).collect();
    edited.into_iter().filter(|path| boundary.place(path).is_shared()).collect()
}

/// The fingerprints of what was found.
fn found_in(checked: &Checked) -> BTreeSet<String> {
    fingerprints(&checked.findings, &checked.sources).into_iter().collect()
}

/// What merging comes to: a garden that Git puts together can still be one that does not go.
fn outcome(workspace: &Workspace, memo: &mut Memo, head: &Checked, after: Snapshot, joined: Merged) -> MergeOutcome {
    let joined = match joined {
        Merged::Conflicts(paths) => return MergeOutcome::Conflicts { paths },
        Merged::Clean(joined) => joined,
    };
    let after = check_against(workspace, memo, after, None);
    let joined = check_against(workspace, memo, joined, Some(&past_of(&after)));
    let known: BTreeSet<String> = found_in(head).into_iter().chain(found_in(&after)).collect();
    let mut findings = reviewed_findings(&joined.findings, &joined.sources);
    findings.retain(|finding| finding.severity == ReviewedSeverity::Error && !known.contains(&finding.fingerprint));
    if findings.is_empty() { MergeOutcome::Clean } else { MergeOutcome::Findings { findings } }
}
