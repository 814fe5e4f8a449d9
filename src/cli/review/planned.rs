//! Reviews: what a branch would do if it were merged, against where its work began.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::kept::KeptDetail;
use super::super::offline::{OfflinePlan, PlannedAgainst};
use super::super::show::{ShowFormat, ShowOptions, ShownPlan, ShownRound};
use super::super::workspace::{check_against, now};
use super::super::{CommandFailure, place};
use super::changed_lines::ChangedLines;
use super::classes::classes_of;
use crate::check::{Checked, Memo, check, past_of};
use crate::forge::CiPlace;
use crate::git::{CommitId, MergeTarget, Merged, Snapshot, Workspace, merged};
use crate::model::{Boundary, Reviewer};
use crate::report::{Drawing, fingerprints, reviewed_findings};
use crate::review::{Against, MergeOutcome, MovedTarget, Review, ReviewedAgreement, ReviewedSeverity};

/// What a review is asked for.
pub(super) struct ReviewAsked<'a> {
    /// The commit that is looked at, in hexadecimal.
    pub(super) head: &'a str,
    /// Where its work began; found out where absent.
    pub(super) base: Option<&'a str>,
    /// Where it goes.
    pub(super) target: MergeTarget,
    /// A snapshot of the clusters.
    pub(super) live: Option<&'a Path>,
    /// How much of the plan is kept for its whole text.
    pub(super) keep: KeptDetail,
}

/// A review, with the plan that it tells of.
pub(super) struct Reviewed {
    pub(super) review: Review,
    planned: OfflinePlan,
}

/// The whole id of the commit that is planned: the one that is named, else the one that the CI tells, else `HEAD`.
pub(super) fn head(
    workspace: &Workspace,
    named: Option<&str>,
    place: Option<&CiPlace>,
) -> Result<String, CommandFailure> {
    let told = place.and_then(|place| place.head.as_deref());
    Ok(workspace.repository()?.commit(named.or(told).unwrap_or("HEAD"))?.id.0)
}

/// Where the work goes, as the CI's variables tell it, else the event.
pub(super) fn target(place: Option<&CiPlace>) -> MergeTarget {
    let told = place::target();
    MergeTarget {
        base: told.base.or_else(|| place.and_then(|place| place.base.clone())),
        branch: told.branch.or_else(|| place.and_then(|place| place.base_branch.clone())),
        main: told.main,
    }
}

impl Reviewed {
    /// Checks and plans a commit against where its work began.
    pub(super) fn of(workspace: &Workspace, asked: &ReviewAsked<'_>) -> Result<Self, CommandFailure> {
        let repository = workspace.repository()?;
        let head = repository.commit(asked.head)?.id;
        let base = began(workspace, asked, &head)?;
        let (garden, before) = (workspace.snapshot(Some(&head.0))?, workspace.snapshot(Some(&base.0))?);
        let mut memo = Memo::default();
        let named = asked.base.map(|base| base.strip_suffix("...").unwrap_or(base));
        let tip = match named {
            Some(named) => repository.commit(named).ok().map(|tip| (named.to_owned(), tip.id)),
            None => repository.target_tip(&asked.target),
        };
        let has_gone_on = |tip: &CommitId| !repository.holds(&base, tip) && !repository.holds(tip, &head);
        let tip = tip.filter(|(_, tip)| has_gone_on(tip));
        let after = tip.as_ref().map(|(_, tip)| workspace.snapshot(Some(&tip.0)));
        let joined = after.as_ref().and_then(|after| after.as_ref().ok()).map(|after| merged(&before, &garden, after));
        // Against clusters the branch alone would take back what others merged since.
        let planned = match (&joined, asked.live) {
            (Some(Merged::Clean(joined)), Some(_)) => joined.clone(),
            _ => garden.clone(),
        };
        let against = match asked.live {
            Some(file) => PlannedAgainst::Snapshot(file),
            None => PlannedAgainst::Commit(before.clone()),
        };
        let planned = OfflinePlan::of(workspace, &mut memo, planned, against, &[], asked.keep)?;
        let checked_here = match planned.base() {
            Some(_) => None,
            None => Some(check_against(workspace, &mut memo, before.clone(), None)),
        };
        let base_checked = planned.base().or(checked_here.as_ref());
        let mut review = shown(&planned).review(&base_checked.map(found_in).unwrap_or_default())?;
        ChangedLines::between(&before, &garden).mark(&mut review.findings);
        review.head.clone_from(&head.0);
        review.made = now().as_second();
        review.reaches_all = reaching_all(&planned.checked, &before, &garden);
        let gardens =
            [base_checked, Some(&planned.checked)].into_iter().flatten().filter_map(|one| one.garden.as_ref());
        let asks = gardens.into_iter().any(|garden| garden.consent.asks());
        let classes = asks.then(|| classes_of((workspace, repository), (&base, &head), base_checked, &planned.checked));
        let classes = classes.flatten();
        review.agreement = classes.map(|classes| ReviewedAgreement { classes });
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
            MovedTarget { branch, commit: tip.0, ahead, merge }
        });
        if review.garden.is_empty() {
            let garden = base_checked.and_then(|base| base.garden.as_ref());
            review.garden = garden.map(|garden| garden.name.to_string()).unwrap_or_default();
        }
        Ok(Self { review, planned })
    }

    /// Writes the whole plan as text, which is never cut.
    pub(super) fn write_details(&self, out: &mut impl std::io::Write) -> Result<(), CommandFailure> {
        let options = ShowOptions { format: ShowFormat::Text, drawing: Drawing::Plain, verbose: false, daemon: false };
        shown(&self.planned).write(options, out)
    }

    /// What its reader must know of how it was made.
    pub(super) fn notes(&self) -> Vec<String> {
        self.planned.notes()
    }
}

/// The plan as it is printed.
fn shown(planned: &OfflinePlan) -> ShownRound<'_> {
    ShownRound {
        checked: &planned.checked,
        round: &planned.round,
        plan: planned.plan.as_ref().map(ShownPlan::Kept),
        loud: true,
        against: planned.against(),
    }
}

/// Who writes comments, as the garden says where the work began: what is merged decides, not what asks to be.
pub(super) fn reviewer(workspace: &Workspace, asked: &ReviewAsked<'_>) -> Result<Reviewer, CommandFailure> {
    let base = began(workspace, asked, &CommitId(asked.head.to_owned()))?;
    let Ok(mut snapshot) = workspace.snapshot(Some(&base.0)) else { return Ok(Reviewer::default()) };
    let garden_file = Boundary::garden_file(&snapshot.folder);
    snapshot.files.retain(|file| file.path == garden_file);
    let checked = check(snapshot, None, now());
    Ok(checked.garden.map(|garden| garden.reviewer).unwrap_or_default())
}

/// Where the work of a commit began.
fn began(workspace: &Workspace, asked: &ReviewAsked<'_>, head: &CommitId) -> Result<CommitId, CommandFailure> {
    let repository = workspace.repository()?;
    if let Some(base) = asked.base {
        return Ok(repository.shared(base.strip_suffix("...").unwrap_or(base), &head.0)?);
    }
    match repository.began_from(&head.0, &asked.target)? {
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
