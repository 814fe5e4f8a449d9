//! Plans that ask no cluster: against a snapshot (`plan --live`), or against another commit (`plan --base`).

use std::collections::BTreeSet;
use std::path::Path;

use super::kept::PlanWriter;
use super::plan::{PlanArgs, keep, show};
use super::session::only;
use super::workspace::{check_against, find, named_base, now};
use super::{CommandFailure, Common, Exit, Output, files};
use crate::check::{Checked, Memo, past_of};
use crate::engine::{
    Baseline, KeptOrganisation, LiveSnapshot, SNAPSHOT_SCHEMA, check_against_snapshot, edited_since_snapshot,
    kept_offline, plan_offline,
};
use crate::finding::Findings;
use crate::git::Workspace;
use crate::impact::EditedLines;
use crate::name::Name;

pub(super) fn run(common: &Common, args: &PlanArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let workspace = find(common, None)?;
    let now = now();
    let commit = args.commit.as_deref();
    let (checked, against, edited) = match (&args.live, &args.base) {
        (Some(file), _) => {
            let snapshot: LiveSnapshot =
                files::read_json(file, "a snapshot", SNAPSHOT_SCHEMA, "`parcelle snapshot` writes one")?;
            let (garden, repository) = (workspace.snapshot(commit)?, workspace.repository.as_ref());
            let checked = check_against_snapshot(&garden, &snapshot, repository, now);
            let edited = edited_since_snapshot(&workspace, &snapshot, &garden.files, &checked.renderer_hash);
            (checked, Kept::Snapshot(snapshot), edited)
        }
        (None, base) => {
            let base = base.as_deref().map(|base| named_base(&workspace, base, commit)).transpose()?;
            let base = workspace.snapshot(base.as_ref().map(|(base, _)| base.as_str()))?;
            let garden = workspace.snapshot(commit)?;
            let edited = EditedLines::between(&base.files, &garden.files);
            let base = check_against(&workspace, &mut Memo::default(), base, None);
            let past = past_of(&base);
            let checked = check_against(&workspace, &mut Memo::default(), garden, Some(&past));
            (checked, Kept::Commit(Box::new(base)), edited)
        }
    };
    let only = only(&checked, &args.organisations)?;
    let (mut writer, keep) = (PlanWriter::nameless()?.by_edits(edited), keep(args, output));
    let planned = plan_offline(&checked, only.as_ref(), now, &against.as_against(), |plan| {
        writer.add(plan, checked.impact_context(), &BTreeSet::new(), keep)
    });
    let mut round = planned?.unwrap_or_default();
    round.kept = against.kept(&checked, only.as_ref(), &workspace, now);
    let exit = show(args, &checked, &round, writer.finish()?.as_ref(), output)?;
    round.left_to_server.iter().for_each(|left| output.note(left));
    against.note(&checked, output);
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
    let mut checked = check_against_snapshot(&garden, &snapshot, workspace.repository.as_ref(), now);
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
    Snapshot(LiveSnapshot),
    Commit(Box<Checked>),
}

impl Kept {
    fn as_against(&self) -> Baseline<'_> {
        match self {
            Self::Snapshot(snapshot) => Baseline::Snapshot(snapshot),
            Self::Commit(base) => Baseline::Commit(base),
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
    fn note(&self, checked: &Checked, output: &Output) {
        match self {
            Self::Snapshot(snapshot) => {
                let taken = jiff::Timestamp::from_second(snapshot.taken).unwrap_or_default();
                output.note(&format!("reckoned from a snapshot of {taken}; what the clusters say may differ"));
                if !snapshot.left_out.is_empty() {
                    let names: Vec<&str> = snapshot.left_out.iter().map(crate::name::Name::as_str).collect();
                    output.note(&format!("not in the snapshot, so not planned: {}", names.join(", ")));
                }
            }
            Self::Commit(base) => {
                let garden = (base.garden.as_ref(), checked.garden.as_ref());
                if let (Some(base), Some(_)) = garden
                    && !base.broken.is_empty()
                {
                    let names: Vec<&str> = base.broken.iter().map(crate::name::Name::as_str).collect();
                    output.note(&format!("with findings in the base, so shown as new: {}", names.join(", ")));
                }
                output.note("compared with what the base renders; no cluster was asked");
            }
        }
    }
}
