//! `parcelle acknowledge`: an app whose data is gone may start without it, because a person says so.

use clap::Args;

use super::apply::confirmed;
use super::rerun::names;
use super::run::Waiting;
use super::workspace::{now, speaker};
use super::{ClusterFlags, CommandFailure, Common, Exit, Output, session, words};
use crate::engine::{KnownLosses, LossOfApp, LostSecret, NothingLost, Round, Session, Speaker};
use crate::name::Name;
use crate::plan::{DataLost, Done, SpokenWord, minute};
use crate::visible;

/// Say that an app whose data is gone may start without it, empty.
///
/// What held the data is made anew, empty, and the app starts on it as on its first day; where another object has its place, that
/// one is taken as it is. It says what that is, and asks first. Other apps that had data in the same object stay held until it is
/// said of them too. Beside a running loop the word is put down for it, and it carries it out once. Where nobody holds the lease,
/// this command takes it and does so itself, at HEAD and nothing else of other apps.
#[derive(Debug, Args)]
pub(crate) struct AcknowledgeArgs {
    /// The organisation and its app
    #[arg(value_name = "ORG/APP")]
    app: String,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    clusters: ClusterFlags,
    /// Do it without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) async fn run(common: &Common, args: &AcknowledgeArgs, output: &Output) -> Result<Exit, CommandFailure> {
    let (organisation, app) = names(&args.app)?;
    let why = words::reason(&args.reason)?;
    let mut session = session::open_as_applied(common, &args.clusters, output).await?;
    session::only(session.checked(), &[organisation.to_string()])?;
    let done = acknowledge(&mut session, args, (&organisation, &app), why, output).await;
    session.close().await;
    done
}

async fn acknowledge(
    session: &mut Session,
    args: &AcknowledgeArgs,
    (organisation, app): (&Name, &Name),
    why: String,
    output: &Output,
) -> Result<Exit, CommandFailure> {
    let losses = session.known_losses(organisation, app, now()).await?;
    let name = format!("{organisation}/{app}");
    said_before(&losses).iter().for_each(|line| output.note(&visible::line(line)));
    if !args.yes && !confirmed(&format!("let {name} start without that data, for good"), output)? {
        output.note("nothing was done: it stays held");
        return Ok(Exit::Garden);
    }
    let speaker = Speaker { who: speaker(), why, when: now().as_second() };
    let word = SpokenWord::Acknowledge { app: app.clone(), gone: losses.acknowledged() };
    let mark = speaker.mark(organisation, word, losses.uid.clone());
    if !words::say_here(session, &losses.cluster, mark, output).await? {
        output.result(&format!("{name}: acknowledged; `parcelle status {organisation}` shows what comes of it\n"))?;
        return Ok(Exit::Good);
    }
    let time = (args.waiting.limit(), now());
    let Some(round) = session.start_without_data(organisation, app, &losses, time).await else {
        output.result(&format!("{name}: noted; it starts once a commit of the garden that can be applied has it\n"))?;
        return Ok(Exit::Garden);
    };
    let (text, exit) = told(&round, app);
    output.result(&format!("{name}: {text}\n"))?;
    Ok(exit)
}

/// What comes of it, in so many words, before anybody agrees to it.
fn said_before(losses: &KnownLosses) -> Vec<String> {
    let of_object = |loss: &LossOfApp| {
        let LossOfApp { gone, how, others } = loss;
        let (id, since) = (&gone.id, minute(gone.since));
        let text = match how {
            Some(DataLost::Missing) => {
                format!("{id} is gone since {since}, and what was in it: it is made again, EMPTY")
            }
            Some(DataLost::Leaving) => format!(
                "{id} is being deleted since {since}: what is in it is let go, and it is made again, EMPTY, once it is gone"
            ),
            Some(DataLost::Another { .. }) => {
                format!("{id}: the object that has its place since {since} is taken AS IT IS, whatever is in it")
            }
            None => format!("{id} was made anew, empty: the app starts with what is in it NOW"),
        };
        let others: Vec<&str> = others.iter().map(Name::as_str).collect();
        match others.as_slice() {
            [] => text,
            others => format!("{text}; {} had data in it too, held until it is said of each", others.join(", ")),
        }
    };
    let of_secret = |lost: &LostSecret| {
        let (what, it) = if lost.keys.is_empty() {
            (format!("{} is gone", lost.id), "it is")
        } else {
            let keys: Vec<&str> = lost.keys.iter().map(String::as_str).collect();
            (format!("{} of {} is gone", keys.join(", "), lost.id), "that and what is put together of it are")
        };
        format!(
            "{what}: {it} made again with NEW random values; what the old ones opened stays shut, and pods that run have the old ones until they are started anew"
        )
    };
    let secrets = losses.secrets.iter().map(of_secret);
    losses.objects.iter().map(of_object).chain(secrets).collect()
}

/// What came of it, and how the command ends.
fn told(round: &Round, app: &Name) -> (String, Exit) {
    let outcomes = round.outcome.iter().flat_map(|outcome| &outcome.organisations);
    let failure = outcomes.clone().find_map(|one| one.failure.clone());
    if let Some(failure) = failure.or_else(|| round.unreached.values().next().cloned()) {
        return (format!("noted, and could not be begun: {}", visible::line(&failure)), Exit::World);
    }
    let of_app = outcomes.flat_map(|one| &one.outcomes).filter(|outcome| outcome.app.as_ref() == Some(app));
    let failed = of_app.clone().find_map(|outcome| match &outcome.done {
        Done::Failed { why, .. } => Some(format!("{}: {}", outcome.id, visible::line(why))),
        _ => None,
    });
    if let Some(failed) = failed {
        return (format!("it starts without its data; not done yet: {failed}"), Exit::Garden);
    }
    if of_app.clone().any(crate::plan::Outcome::is_open) {
        return (
            "it starts without its data; the next round goes on with it (`parcelle status`)".to_owned(),
            Exit::Garden,
        );
    }
    ("it starts without its data".to_owned(), Exit::Good)
}

impl From<NothingLost> for CommandFailure {
    fn from(failure: NothingLost) -> Self {
        let help = match &failure {
            NothingLost::Nothing { organisation, others, .. } if others.is_empty() => {
                format!("nothing is held for that; `parcelle status {organisation}` shows how it is")
            }
            NothingLost::Nothing { others, .. } => {
                let others: Vec<&str> = others.iter().map(Name::as_str).collect();
                format!("data is gone of: {}", others.join(", "))
            }
            NothingLost::Unknown { .. } => {
                "nothing was done; `parcelle check` and `parcelle status` say more".to_owned()
            }
        };
        Self::asked(failure.to_string(), help)
    }
}
