//! The plan of a merge request, as it is posted.

use std::collections::BTreeSet;

use super::super::kept::{KeptDetail, PlanWriter};
use super::super::show::{ShowFormat, ShowOptions, ShownPlan, ShownRound};
use super::super::workspace::{check_against, named_base, now};
use super::super::{CommandFailure, Exit, Output, place};
use super::notes::{self, ChangedLines};
use crate::check::{Memo, past_of};
use crate::engine::{Baseline, kept_offline, plan_offline};
use crate::forge::{CiPlace, Posting, StatusState};
use crate::git::{MergeTarget, Workspace};
use crate::report::Drawing;

/// A plan that is ready to be posted.
pub(super) struct PlannedReview {
    /// The garden's name.
    pub(super) garden: String,
    pub(super) posting: Posting,
    pub(super) exit: Exit,
}

/// The whole id of the commit that is planned: the one that is named, else the one that the CI tells, else HEAD.
pub(super) fn head(workspace: &Workspace, named: Option<&str>, place: &CiPlace) -> Result<String, CommandFailure> {
    let revision = named.or(place.head.as_deref()).unwrap_or("HEAD");
    Ok(workspace.repository()?.commit(revision)?.id.0)
}

/// Where the work goes, as the event tells it, else the CI's variables.
pub(super) fn target(place: &CiPlace) -> MergeTarget {
    let told = place::target();
    MergeTarget {
        base: told.base.or_else(|| place.base.clone()),
        branch: told.branch.or_else(|| place.base_branch.clone()),
        main: told.main,
    }
}

/// Plans a commit against what the base renders; no cluster is asked.
pub(super) fn make(
    workspace: &Workspace,
    base: Option<&str>,
    head: &str,
    target: MergeTarget,
    output: &Output,
) -> Result<PlannedReview, CommandFailure> {
    let now = now();
    let base = match base {
        Some(base) => named_base(workspace, base, Some(head))?.0,
        None => began(workspace, head, &target)?,
    };
    let (old, new) = (workspace.snapshot(Some(&base))?, workspace.snapshot(Some(head))?);
    let changed = ChangedLines::between(&old, &new);
    let base = check_against(workspace, &mut Memo::default(), old, None);
    let past = past_of(&base);
    let checked = check_against(workspace, &mut Memo::default(), new, Some(&past));
    let (mut writer, against) = (PlanWriter::nameless()?, Baseline::Commit(&base));
    let planned =
        plan_offline(&checked, None, now, &against, |plan| writer.add(plan, &BTreeSet::new(), KeptDetail::Brief));
    let mut round = planned?.unwrap_or_default();
    round.kept = kept_offline(&checked, None, workspace.repository.as_ref(), now, &against);
    let kept = writer.finish()?;
    let shown = ShownRound { checked: &checked, round: &round, plan: kept.as_ref().map(ShownPlan::Kept), loud: true };
    let findings = shown.findings();
    let posting = Posting {
        head: head.to_owned(),
        verdict: verdict(&shown),
        status: if shown.exit() == Exit::Good { StatusState::Success } else { StatusState::Failure },
        notes: notes::of(&findings, &checked.sources, &changed),
        has_news: shown.writes() || shown.acts_later() || !findings.is_empty(),
        details: None,
        body: body(&shown)?,
    };
    let garden = checked.garden.as_ref().map(|garden| garden.name.to_string());
    let garden = garden.or_else(|| base.garden.as_ref().map(|garden| garden.name.to_string())).unwrap_or_default();
    output.note("compared with what the base renders; no cluster was asked");
    Ok(PlannedReview { garden, posting, exit: shown.exit() })
}

/// The commit where the work began.
fn began(workspace: &Workspace, head: &str, target: &MergeTarget) -> Result<String, CommandFailure> {
    let began = workspace.repository()?.began_from(head, target)?;
    let none = || CommandFailure::asked("the repository has no commit to compare with", "name one by `--base REV`");
    Ok(began.ok_or_else(none)?.commit.0)
}

/// The plan in a sentence.
fn verdict(shown: &ShownRound<'_>) -> String {
    let errors = shown.findings().iter().filter(|finding| finding.severity == crate::finding::Severity::Error).count();
    let plan = shown.plan.map(ShownPlan::summary).unwrap_or_default();
    let plan = plan.lines().next().filter(|line| !line.is_empty()).unwrap_or("nothing is planned").to_owned();
    match errors {
        0 => plan,
        1 => format!("1 error; {plan}"),
        errors => format!("{errors} errors; {plan}"),
    }
}

/// The text of the comment.
fn body(shown: &ShownRound<'_>) -> Result<Box<crate::forge::CommentBody>, CommandFailure> {
    let options = ShowOptions { format: ShowFormat::Markdown, drawing: Drawing::Plain, verbose: false, daemon: false };
    let mut text = Vec::new();
    shown.write(options, &mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(Box::new(move |_room| text.clone()))
}
