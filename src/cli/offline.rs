//! Plans that ask no cluster: against a snapshot (`plan --live`), or against another commit (`plan --base`).

use std::collections::BTreeSet;
use std::path::Path;

use super::kept::{KeptDetail, KeptPlan, PlanWriter};
use super::plan::{PlanArgs, keep, show};
use super::session::only;
use super::workspace::{check_against, find, named_base, now};
use super::{CommandFailure, Common, Exit, Output, files};
use crate::check::{Checked, Memo, past_of};
use crate::engine::{
    Baseline, KeptOrganisation, LiveSnapshot, Round, SNAPSHOT_SCHEMA, check_against_snapshot, edited_since_snapshot,
    kept_offline, plan_offline,
};
use crate::finding::Findings;
use crate::git::{Snapshot, Workspace};
use crate::impact::{AppliedGarden, EditedLines};
use crate::model::Past;
use crate::name::Name;
use crate::review::Against;

/// What a plan that asks no cluster is made against.
pub(super) enum PlannedAgainst<'a> {
    /// A snapshot in a file.
    Snapshot(&'a Path),
    /// The garden of a commit.
    Commit(Snapshot),
}

/// A plan that asked no cluster.
pub(super) struct OfflinePlan {
    pub(super) checked: Checked,
    pub(super) round: Round,
    /// The plan; absent where there is no garden to plan for.
    pub(super) plan: Option<KeptPlan>,
    against: Kept,
}

impl OfflinePlan {
    /// Plans a garden for some organisations or for all. What it has in common with what `memo` knows is read and rendered once.
    pub(super) fn of(
        workspace: &Workspace,
        memo: &mut Memo,
        garden: Snapshot,
        against: PlannedAgainst<'_>,
        organisations: &[String],
        keep: KeptDetail,
    ) -> Result<Self, CommandFailure> {
        let now = now();
        let (checked, against, edited) = match against {
            PlannedAgainst::Snapshot(file) => {
                let snapshot: LiveSnapshot =
                    files::read_json(file, "a snapshot", SNAPSHOT_SCHEMA, "`parcelle snapshot` writes one")?;
                let (checked, past) = check_against_snapshot(&garden, &snapshot, workspace.repository.as_ref(), now);
                let edited = edited_since_snapshot(workspace, &snapshot, &garden.files, &checked.renderer_hash);
                (checked, Kept::Snapshot(snapshot, Box::new(past)), edited)
            }
            PlannedAgainst::Commit(base) => {
                let edited = EditedLines::between(&base.files, &garden.files);
                let base = check_against(workspace, memo, base, None);
                let past = past_of(&base);
                let checked = check_against(workspace, memo, garden, Some(&past));
                (checked, Kept::Commit(Box::new(base)), edited)
            }
        };
        let only = only(&checked, organisations)?;
        let mut writer = PlanWriter::nameless()?.by_edits(edited);
        let context = checked.impact_context().map(|context| context.after(against.as_applied()));
        let planned = plan_offline(&checked, only.as_ref(), now, &against.as_against(), |plan| {
            writer.add(plan, context, &BTreeSet::new(), keep)
        });
        let mut round = planned?.unwrap_or_default();
        round.kept = against.kept(&checked, only.as_ref(), workspace, now);
        Ok(Self { round, plan: writer.finish()?, checked, against })
    }

    /// What its reader must know: when, and against what it was made.
    pub(super) fn notes(&self) -> Vec<String> {
        self.round.left_to_server.iter().cloned().chain(self.against.notes(&self.checked)).collect()
    }

    /// The garden of the commit that it was made against, checked; absent for a snapshot.
    pub(super) fn base(&self) -> Option<&Checked> {
        match &self.against {
            Kept::Snapshot(..) => None,
            Kept::Commit(base) => Some(base),
        }
    }

    /// What it was made against, as a review says it.
    pub(super) fn against(&self) -> Against {
        match &self.against {
            Kept::Snapshot(snapshot, _) => Against::Snapshot { taken: snapshot.taken, base: String::new() },
            Kept::Commit(base) => {
                Against::Commit { commit: base.commit.as_ref().map(|commit| commit.id.0.clone()).unwrap_or_default() }
            }
        }
    }
}

/// `parcelle plan --base` and `parcelle plan --live`.
pub(super) fn run(common: &Common, args: &PlanArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let workspace = find(common, None)?;
    let commit = args.commit.as_deref();
    let base = args.base.as_deref().map(|base| named_base(&workspace, base, commit)).transpose()?;
    let against = match (&args.live, &base) {
        (Some(file), _) => PlannedAgainst::Snapshot(file),
        (None, base) => PlannedAgainst::Commit(workspace.snapshot(base.as_ref().map(|(base, _)| base.as_str()))?),
    };
    let (garden, memo) = (workspace.snapshot(commit)?, &mut Memo::default());
    let planned = OfflinePlan::of(&workspace, memo, garden, against, &args.organisations, keep(args, output))?;
    let exit = show(args, &planned.checked, &planned.round, planned.plan.as_ref(), planned.against(), output)?;
    planned.notes().iter().for_each(|note| output.note(note));
    Ok(exit)
}

/// Checks a garden against a snapshot: with what a plan against it would find, and what its reader must know.
pub(super) fn checked(
    workspace: &Workspace,
    file: &Path,
    commit: Option<&str>,
) -> Result<(Checked, Vec<String>), CommandFailure> {
    let now = now();
    let snapshot: LiveSnapshot =
        files::read_json(file, "a snapshot", SNAPSHOT_SCHEMA, "`parcelle snapshot` writes one")?;
    let garden = workspace.snapshot(commit)?;
    let (mut checked, _) = check_against_snapshot(&garden, &snapshot, workspace.repository.as_ref(), now);
    let mut found = Findings::default();
    let planned = plan_offline(&checked, None, now, &Baseline::Snapshot(&snapshot), |plan| {
        plan.organisations.into_iter().for_each(|organisation| found.extend(organisation.findings));
        Ok::<_, std::convert::Infallible>(())
    });
    let round = planned.ok().flatten().unwrap_or_default();
    checked.findings.extend(found);
    checked.findings.sort_in(&checked.sources);
    let taken = jiff::Timestamp::from_second(snapshot.taken).unwrap_or_default();
    let taken = format!("held against a snapshot of {taken}; what the clusters say may differ");
    Ok((checked, round.left_to_server.into_iter().chain([taken]).collect()))
}

enum Kept {
    /// With the organisations as they were applied by then.
    Snapshot(LiveSnapshot, Box<Past>),
    Commit(Box<Checked>),
}

impl Kept {
    fn as_against(&self) -> Baseline<'_> {
        match self {
            Self::Snapshot(snapshot, _) => Baseline::Snapshot(snapshot),
            Self::Commit(base) => Baseline::Commit(base),
        }
    }

    /// What is known of the garden that the plan goes on from.
    fn as_applied(&self) -> AppliedGarden<'_> {
        match self {
            Self::Snapshot(_, past) => AppliedGarden::Past(past),
            Self::Commit(base) => base.as_applied(),
        }
    }

    /// What findings stop, at what is known of it.
    fn kept(
        &self,
        checked: &Checked,
        only: Option<&BTreeSet<Name>>,
        workspace: &Workspace,
        now: jiff::Timestamp,
    ) -> Vec<KeptOrganisation> {
        kept_offline(checked, only, workspace.repository.as_ref(), now, &self.as_against())
    }

    /// What the reader of such a plan must know.
    fn notes(&self, checked: &Checked) -> Vec<String> {
        let names = |names: Vec<&str>| names.join(", ");
        let mut notes = Vec::new();
        match self {
            Self::Snapshot(snapshot, _) => {
                let taken = jiff::Timestamp::from_second(snapshot.taken).unwrap_or_default();
                notes.push(format!("reckoned from a snapshot of {taken}; what the clusters say may differ"));
                if !snapshot.left_out.is_empty() {
                    let left_out = names(snapshot.left_out.iter().map(Name::as_str).collect());
                    notes.push(format!("not in the snapshot, so not planned: {left_out}"));
                }
            }
            Self::Commit(base) => {
                let garden = (base.garden.as_ref(), checked.garden.as_ref());
                if let (Some(base), Some(_)) = garden
                    && !base.broken.is_empty()
                {
                    let broken = names(base.broken.iter().map(Name::as_str).collect());
                    notes.push(format!("with findings in the base, so shown as new: {broken}"));
                }
                notes.push("compared with what the base renders; no cluster was asked".to_owned());
            }
        }
        notes
    }
}
