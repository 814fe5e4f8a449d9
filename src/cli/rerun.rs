//! `parcelle rerun`: a one-time job runs again, because a person says so.

use clap::Args;

use super::apply::confirmed;
use super::run::Waiting;
use super::workspace::{now, speaker};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session, words};
use crate::engine::{KnownRun, Round, Session, Speaker, UnknownRun};
use crate::name::Name;
use crate::plan::{Done, HealthState, Holding, Outcome, Reason, SpokenWord, minute};
use crate::visible;

/// Say that a one-time job runs again: one that failed, is overdue, or is done.
///
/// Beside a running loop the word is put down for it, and it carries it out once. Where nobody holds the lease, this command takes
/// it and runs the job itself, at HEAD and nothing else of the organisation. Of a job that runs within its time it asks first: it
/// is stopped, wherever it is, and begins anew.
#[derive(Debug, Args)]
pub(crate) struct RerunArgs {
    /// The organisation and its app
    #[arg(value_name = "ORG/APP")]
    app: String,
    /// The job, as the definition calls it
    #[arg(value_name = "JOB")]
    job: String,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// Stop a job that runs without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) async fn run(common: &Common, args: &RerunArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let (organisation, app) = names(&args.app)?;
    let why = words::reason(&args.reason)?;
    let mut session = session::open_as_applied(common, &args.clusters, output).await?;
    session::only(session.checked(), &[organisation.to_string()])?;
    let done = rerun(&mut session, args, (&organisation, &app), why, output).await;
    session.close().await;
    done
}

async fn rerun(
    session: &mut Session,
    args: &RerunArgs,
    (organisation, app): (&Name, &Name),
    why: String,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let job = &args.job;
    let run = session.known_run(organisation, app, job).await?;
    if !may_stop(args, &run, output)? {
        output.note("nothing was done: it goes on");
        return Ok(Exit::Garden);
    }
    let speaker = Speaker { who: speaker(), why, when: now().as_second() };
    let mark = speaker.mark(organisation, SpokenWord::Rerun { app: run.data.clone(), job: job.clone() }, run.uid);
    let name = format!("job {job} of {organisation}/{app}");
    if !words::say_here(session, &run.cluster, mark, output).await? {
        output.result(&format!("{name}: asked for; `parcelle status {organisation}` shows what comes of it\n"))?;
        return Ok(Exit::Good);
    }
    if let Some(limit) = args.waiting.limit() {
        output.note(&format!(
            "{name}: this command runs it and waits up to {} for its end, since no loop holds the lease; where it is ended before, the job goes on",
            words::lasting(limit)
        ));
    }
    let Some(round) = session.run_again(organisation, (app, job), args.waiting.limit(), now()).await else {
        output.result(&format!("{name}: noted; it runs once a commit of the garden that can be applied has it\n"))?;
        return Ok(Exit::Garden);
    };
    let (text, exit) = told(&round);
    output.result(&format!("{name}: {text}\n"))?;
    Ok(exit)
}

/// `alternatiba/cloud`.
pub(super) fn names(text: &str) -> Result<(Name, Name), CommandFailure> {
    let parsed = text.split_once('/').and_then(|(one, other)| Some((Name::new(one).ok()?, Name::new(other).ok()?)));
    parsed.ok_or_else(|| {
        CommandFailure::asked(
            format!("`{text}` names no app of an organisation"),
            "write ORG/APP, as in `alternatiba/cloud`",
        )
    })
}

/// Whether the run may be ended where there is one: past its deadline whoever calls has decided already.
fn may_stop(args: &RerunArgs, run: &KnownRun, output: &Output) -> Result<bool, CommandFailure> {
    let Some(since) = run.since else { return Ok(true) };
    let is_overdue = run.deadline.is_some_and(|deadline| since.saturating_add(deadline) <= now().as_second());
    if args.yes || (is_overdue && since > 0) {
        return Ok(true);
    }
    let since = if since > 0 { format!("runs since {}", minute(since)) } else { "may be running".to_owned() };
    confirmed(&format!("stop {} of {}, which {since}, and run it again", args.job, args.app), output)
}

/// What came of it, and how the command ends.
fn told(round: &Round) -> (String, Exit) {
    let outcomes = round.outcome.iter().flat_map(|outcome| &outcome.organisations);
    let failure = outcomes.clone().find_map(|one| one.failure.clone());
    if let Some(failure) = failure.or_else(|| round.unreached.values().next().cloned()) {
        return (format!("could not be run: {}", visible::line(&failure)), Exit::World);
    }
    let is_job = |outcome: &&Outcome| &*outcome.id.kind == "Job" && outcome.verb.applies();
    let Some(outcome) = outcomes.flat_map(|one| &one.outcomes).find(is_job) else {
        let why = held_back(round).map(|why| format!(": {}", visible::line(&why))).unwrap_or_default();
        return (
            format!("noted, and held back now{why}; the next round looks at it again (`parcelle status`)"),
            Exit::Garden,
        );
    };
    match &outcome.done {
        Done::Applied { health: Some(health), .. } if health.is_ready() => ("it is done".to_owned(), Exit::Good),
        Done::Applied { health: Some(health), .. } if health.state == HealthState::Failed => {
            (format!("it failed: {}", visible::line(&health.message)), Exit::Garden)
        }
        Done::Applied { .. } | Done::Unchanged => ("it runs".to_owned(), Exit::Good),
        Done::Failed { why, .. } => (format!("could not be run: {}", visible::line(why)), Exit::Garden),
        Done::Deleted | Done::Deleting | Done::Skipped { .. } => {
            ("it waits; the next round goes on with it (`parcelle status`)".to_owned(), Exit::Garden)
        }
    }
}

/// Why the job is not made now.
fn held_back(round: &Round) -> Option<String> {
    let actions = round.plan.iter().flat_map(|plan| &plan.organisations).flat_map(|one| &one.actions);
    let mut jobs = actions.filter(|action| &*action.id.kind == "Job" && !action.verb().writes());
    let told = jobs.find(|action| match action.reason() {
        Reason::Holding(why) => !matches!(why, Holding::NotAgreed { .. }),
        Reason::Refusing(_) => true,
        _ => false,
    });
    told.map(|action| action.reason().to_string())
}

impl From<UnknownRun> for CommandFailure {
    fn from(failure: UnknownRun) -> Self {
        let help = match &failure {
            UnknownRun::Job { known, .. } if known.is_empty() => "none of its jobs ran yet".to_owned(),
            UnknownRun::Job { known, .. } => format!("known: {}", known.join(", ")),
            UnknownRun::Cluster { .. } => "nothing was done; try again when the cluster answers".to_owned(),
        };
        let words = match &failure {
            UnknownRun::Cluster { cluster, why } => super::show::of_cluster(cluster, why),
            UnknownRun::Job { .. } => failure.to_string(),
        };
        Self::asked(words, help)
    }
}
