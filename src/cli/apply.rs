//! `parcelle apply`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;

use super::check::plural;
use super::kept::{self, KeptDetail, KeptPlan, PlanWriter};
use super::progress::Bar;
use super::run::Waiting;
use super::show::{ShowFormat, ShowOptions, ShownPlan, ShownRound};
use super::signals::Ending;
use super::taken_back::of_taken_back;
use super::workspace::{find, now};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session};
use crate::cluster::Reading;
use crate::engine::{Agreed, Further, Moved, Round, RoundOptions, Session};
use crate::git::{CommitId, Workspace};
use crate::name::Name;
use crate::plan::OrganisationOutcome;
use crate::review::Against;
use crate::visible;

/// What `apply` takes.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Organisations [default: all]
    #[arg(value_name = "ORG")]
    organisations: Vec<String>,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// The commit to apply [default: HEAD]
    #[arg(long, value_name = "REV")]
    commit: Option<String>,
    /// Apply a saved plan exactly, or not at all where it is stale
    #[arg(long, value_name = "FILE", conflicts_with_all = ["commit", "organisations"])]
    plan: Option<PathBuf>,
    /// Apply without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
    /// How to print plan and outcome
    #[arg(long, short, value_enum, default_value_t = ShowFormat::Text)]
    format: ShowFormat,
}

pub(crate) async fn run(common: &Common, args: &ApplyArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let saved = args.plan.as_ref().map(|file| kept::read_saved(file)).transpose()?;
    let commit = saved.as_ref().map(|plan| plan.head().commit.as_str()).or(args.commit.as_deref()).unwrap_or("HEAD");
    let workspace = find(common, None)?;
    saved.iter().try_for_each(|saved| known_commit(saved, &workspace))?;
    let uncommitted = workspace.uncommitted(commit)?;
    let session = session::over(workspace, &args.clusters, Some(commit), output).await?;
    let only = match &saved {
        Some(plan) => Some(plan.organisations()),
        None => session::only(session.checked(), &args.organisations)?,
    };
    if saved.is_none() && !uncommitted.is_empty() {
        output.note(&format!("not in {commit}, so not applied: changes of {}", uncommitted.join(", ")));
    }
    let wait = args.waiting.limit();
    let options = RoundOptions { only, wait, reading: Reading::Lean, ..RoundOptions::everything(now()) };
    let applying = Applying { args, output, options };
    match saved {
        None if args.yes => Box::pin(applying.at_once(session)).await,
        saved => Box::pin(applying.as_shown(session, saved)).await,
    }
}

/// One run of `apply`.
struct Applying<'a> {
    args: &'a ApplyArgs,
    output: &'a Output,
    options: RoundOptions,
}

impl Applying<'_> {
    /// Plans and writes batch by batch: nobody is asked.
    async fn at_once(&self, mut session: Session) -> Result<Exit, CommandFailure> {
        let mut writer = PlanWriter::nameless()?.by_edits(session.edited());
        let mut unkept = None;
        let keep = self.keep();
        let bar = Bar::start(self.output);
        session.progress = bar.as_ref().map(Bar::sender);
        let ending = Ending::listen(session.shutdown().clone());
        let applied = session.apply(&self.options, |checked, done| {
            let plan = done.plan.take();
            let mut kept = |plan| writer.add(plan, checked.impact_context(), &BTreeSet::new(), keep).err();
            unkept = unkept.take().or_else(|| kept(plan?));
            done.outcome.iter_mut().flat_map(|outcome| &mut outcome.organisations).for_each(|one| self.shorten(one));
        });
        let round = ending.in_time(applied).await;
        session.progress = None;
        Bar::finish(bar).await;
        let exit = match (round, unkept) {
            (None, _) => Err(ended()),
            (_, Some(failure)) => Err(failure),
            (Some(round), None) => self.show(&session, &round, writer.finish()?.as_ref(), true),
        };
        session.close().await;
        exit
    }

    /// Plans everything, shows the whole of it, asks, and does exactly that.
    async fn as_shown(&self, mut session: Session, saved: Option<KeptPlan>) -> Result<Exit, CommandFailure> {
        let is_saved = saved.is_some();
        let planned = match saved {
            Some(plan) => self.check_saved(&mut session, &plan).await,
            None => self.plan(&mut session).await,
        };
        let (round, kept) = match planned {
            Ok(planned) => planned,
            Err(failure) => {
                session.close().await;
                return Err(failure);
            }
        };
        let asks = !self.args.yes && kept.tally().changes() > 0;
        if asks || !kept.is_pending() {
            let exit = self.show(&session, &round, Some(&kept), true)?;
            if !kept.is_pending() {
                session.close().await;
                return Ok(exit);
            }
        }
        if asks && !confirmed(&format!("apply {}", plural(kept.tally().changes(), "change")), self.output)? {
            self.output.note("nothing was applied");
            session.close().await;
            return Ok(Exit::Garden);
        }
        let done = Box::pin(self.carry_out(&mut session, &kept, round)).await;
        let exit = done.and_then(|round| self.show(&session, &round, Some(&kept).filter(|_| !asks || is_saved), !asks));
        session.close().await;
        exit
    }

    /// The plan of everything, on disk.
    async fn plan(&self, session: &mut Session) -> Result<(Round, KeptPlan), CommandFailure> {
        let mut writer = PlanWriter::nameless()?.by_edits(session.edited());
        let keep = self.keep();
        let bar = Bar::start(self.output);
        session.progress = bar.as_ref().map(Bar::sender);
        let planned = session.plan_each(&self.options, |session, mut prepared| {
            prepared.stamp();
            let pending = session.pending(&prepared);
            writer.add(prepared.plan, session.impact_context(), &pending, keep)
        });
        let planned = planned.await;
        session.progress = None;
        Bar::finish(bar).await;
        let nothing = || CommandFailure::asked("there is no garden to apply", "parcelle check says why");
        Ok((planned?.ok_or_else(nothing)?, writer.finish()?.ok_or_else(nothing)?))
    }

    /// Holds the whole of a saved plan against the one that is made anew from its commit, before anything is written: what
    /// of that is agreed to is done, or nothing is.
    async fn check_saved(&self, session: &mut Session, saved: &KeptPlan) -> Result<(Round, KeptPlan), CommandFailure> {
        let other = session.other_head(saved.head());
        if other.count > 0 {
            return Err(stale(&other));
        }
        let (mut agreed, mut unseen) = (Agreed::default(), saved.organisations());
        let (mut writer, keep) = (PlanWriter::nameless()?.by_edits(session.edited()), self.keep());
        let bar = Bar::start(self.output);
        session.progress = bar.as_ref().map(Bar::sender);
        let planned = session.plan_each(&self.options, |session, mut prepared| {
            unseen.retain(|name| !prepared.organisations().contains(name));
            let written = saved.of(prepared.organisations())?;
            agreed.join(session.agree(&mut prepared, &written));
            prepared.stamp();
            let pending = session.pending(&prepared);
            writer.add(prepared.plan, session.impact_context(), &pending, keep)
        });
        let planned = planned.await;
        session.progress = None;
        Bar::finish(bar).await;
        let round = planned?.unwrap_or_default();
        let Agreed { mut moved, further } = agreed;
        for name in unseen {
            // What only its inventory knows, or is kept, is told in plans of everything, and nothing of it is written.
            if saved.of(&BTreeSet::from([name.clone()]))?.changes_anything() {
                moved.push(match round.backwards.get(&name) {
                    Some(back) => format!("`{name}` is at {}", of_taken_back(back)),
                    None => session.why_not_planned(&name, &round),
                });
            }
        }
        if moved.count > 0 {
            return Err(stale(&moved));
        }
        tell_further(&further, self.output);
        let nothing = || stale(&Moved::of("there is no garden at its commit"));
        Ok((round, writer.finish()?.ok_or_else(nothing)?))
    }

    /// Does what is kept, exactly.
    async fn carry_out(&self, session: &mut Session, kept: &KeptPlan, planned: Round) -> Result<Round, CommandFailure> {
        let bar = Bar::start(self.output);
        session.progress = bar.as_ref().map(Bar::sender);
        let ending = Ending::listen(session.shutdown().clone());
        let mut unread = None;
        let plans = kept.pending().map_while(|plan| plan.map_err(|failure| unread = Some(failure)).ok());
        let applied = session.apply_exactly(&self.options, plans, |_, done| {
            done.plan = None;
            done.outcome.iter_mut().flat_map(|outcome| &mut outcome.organisations).for_each(|one| self.shorten(one));
        });
        let round = ending.in_time(applied).await;
        session.progress = None;
        Bar::finish(bar).await;
        match (round, unread) {
            (None, _) => Err(ended()),
            (_, Some(failure)) => Err(failure),
            (Some(round), None) => {
                let Round { unreached, backwards, waiting, untouched, .. } = planned;
                let mut round = Round { backwards, waiting, untouched, ..round };
                round.unreached.extend(unreached);
                Ok(round)
            }
        }
    }

    /// How much is kept of what need not be done.
    fn keep(&self) -> KeptDetail {
        match (self.args.format, self.output.verbose()) {
            (ShowFormat::Text, true) => KeptDetail::Whole,
            (ShowFormat::Json, _) => KeptDetail::Told,
            (ShowFormat::Text | ShowFormat::Markdown, _) => KeptDetail::Brief,
        }
    }

    /// What stayed as it was is counted, unless somebody asks for everything.
    fn shorten(&self, one: &mut OrganisationOutcome) {
        if !self.output.verbose() {
            one.shorten();
        }
    }

    fn show(
        &self,
        session: &Session,
        round: &Round,
        plan: Option<&KeptPlan>,
        loud: bool,
    ) -> Result<Exit, CommandFailure> {
        let (format, drawing, verbose) = (self.args.format, self.output.drawing(), self.output.verbose());
        let shown = ShownRound {
            checked: session.checked(),
            round,
            plan: plan.map(ShownPlan::Kept),
            loud,
            against: Against::Clusters,
        };
        self.output.write(|out| shown.write(ShowOptions { format, drawing, verbose, daemon: false }, out))?;
        Ok(shown.exit())
    }
}

fn ended() -> CommandFailure {
    CommandFailure::asked("apply was ended before it was done", "run it again: what was begun goes on")
}

/// A saved plan that must not be applied, with the reasons.
fn stale(moved: &Moved) -> CommandFailure {
    let shown: Vec<String> = moved.told.iter().map(|why| visible::line(why)).collect();
    let more = moved.count.saturating_sub(shown.len());
    let more = if more == 0 { String::new() } else { format!("\n        and {more} more") };
    CommandFailure::Stale(format!(
        "the saved plan is stale, so nothing was applied\nwhy     {}{more}",
        shown.join("\n        ")
    ))
}

/// Says what only the plan made anew has: nobody agreed to it.
fn tell_further(further: &BTreeMap<Name, Further>, output: &Output) {
    if further.is_empty() {
        return;
    }
    let of = |(name, one): (&Name, &Further)| {
        let more = one.count.saturating_sub(one.named.len());
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        format!("{name} {} ({}{more})", one.count, one.named.join(", "))
    };
    let told: Vec<String> = further.iter().take(FURTHER_TOLD).map(of).collect();
    let more = further.len().saturating_sub(told.len());
    let more = if more == 0 { String::new() } else { format!("; and {}", plural(more, "further organisation")) };
    output.note(&format!("not in the saved plan, so not done: {}{more}", told.join("; ")));
}

/// So many organisations are named of which more would be done than a saved plan has.
const FURTHER_TOLD: usize = 8;

/// Whether the commit of a saved plan is one that the repository holds, by its whole id.
fn known_commit(saved: &KeptPlan, workspace: &Workspace) -> Result<(), CommandFailure> {
    let commit = &saved.head().commit;
    let is_id = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(stale(&Moved::of(format!("it names no commit, but `{commit}`"))));
    }
    match &workspace.repository {
        Some(repository) if !repository.has(&CommitId(commit.clone())) => {
            Err(stale(&Moved::of(format!("this repository does not hold its commit `{commit}`"))))
        }
        _ => Ok(()),
    }
}

/// Asks a person whether to do something; where nobody can be asked, says how to go on.
pub(super) fn confirmed(what: &str, output: &Output) -> Result<bool, CommandFailure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CommandFailure::asked(
            format!("there is nobody to ask whether to {what}"),
            "add --yes to do it without asking",
        ));
    }
    output.question(&format!("{what}? Only `yes` does it."));
    let mut answer = String::new();
    let _ = std::io::stderr().flush();
    stdin.lock().read_line(&mut answer).map_err(CommandFailure::Write)?;
    Ok(answer.trim() == "yes")
}
