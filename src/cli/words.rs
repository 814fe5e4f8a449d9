//! What commands have in common that say a word beside a running loop.

use super::workspace::now;
use super::{CommandFailure, Output, session};
use crate::engine::{Heeded, Session};
use crate::name::Name;
use crate::plan::{LONGEST_REASON, WordMark};

/// A reason without what terminals would take for more than text.
pub(super) fn reason(text: &str) -> Result<String, CommandFailure> {
    let why: String = text.chars().filter(|letter| !letter.is_control()).collect();
    if why.chars().count() > LONGEST_REASON {
        let title = format!("the reason has more than {LONGEST_REASON} characters");
        return Err(CommandFailure::asked(title, "say it in a few words, for whoever finds it"));
    }
    Ok(why.trim().to_owned())
}

/// `10 minutes`, `90 seconds`.
pub(super) fn lasting(limit: std::time::Duration) -> String {
    let seconds = limit.as_secs();
    match seconds {
        1 => "1 second".to_owned(),
        60 => "1 minute".to_owned(),
        _ if seconds.is_multiple_of(60) => format!("{} minutes", seconds / 60),
        _ => format!("{seconds} seconds"),
    }
}

/// IO: says words on one cluster, and tells by whom they are carried out.
pub(super) async fn say(
    session: &mut Session,
    cluster: &Name,
    words: &[WordMark],
    output: &Output,
) -> Result<Option<Heeded>, String> {
    if words.is_empty() {
        return Ok(None);
    }
    let heeded = session.say(cluster, words, now()).await?;
    session.take_notes().iter().for_each(|note| output.note(&session::words_of(note)));
    match &heeded {
        Heeded::Here => {}
        Heeded::By(holder) => output.note(&format!("cluster {cluster}: taken up by `{holder}`, which holds the lease")),
        Heeded::LeftFor(holder) => output.note(&format!(
            "cluster {cluster}: left for `{holder}`, which holds the lease and has not taken it up yet; status shows it"
        )),
    }
    Ok(Some(heeded))
}

/// IO: says one word, and returns whether its effect is left to this command: no loop holds the lease.
pub(super) async fn say_here(
    session: &mut Session,
    cluster: &Name,
    word: WordMark,
    output: &Output,
) -> Result<bool, CommandFailure> {
    let heeded = say(session, cluster, &[word], output).await;
    let heeded = heeded.map_err(|why| {
        CommandFailure::asked(why, "nothing came of it; `parcelle status` shows how it is, then say it again")
    })?;
    Ok(heeded == Some(Heeded::Here))
}
