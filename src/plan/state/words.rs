//! Words of people for one organisation, as they lie beside its inventory until whoever holds the lease carries them out.
//!
//! A word that is added here is a case of [`SpokenWord`], what it changes in the inventory a case of [`carry_out`], and a command that
//! says it. What takes more than a round to bring about is noted in the inventory here, in the same write that remembers the
//! word, and brought about by the plans that are made of it: so it happens once, wherever the process ends.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::gone::{self, AcknowledgedLoss};
use super::inventory::Inventory;
use super::jobs::{JobRecord, RerunAsked};
use crate::kind;
use crate::name::Name;

/// The longest text of a mark, in bytes.
pub(crate) const LONGEST_MARK: usize = 16 * 1024;

/// The longest reason, in characters.
pub(crate) const LONGEST_REASON: usize = 500;

/// A mark that is older is nobody's word any more, in seconds.
const OLDEST: i64 = 7 * 86_400;

/// How far the clock of whoever said a word may be ahead, in seconds.
const AHEAD: i64 = 3_600;

/// An instruction that an operator gives beside Git.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub(crate) enum SpokenWord {
    /// Nothing of the organisation is changed until `resume`.
    Pause,
    /// A pause ends.
    Resume,
    /// A one-time job runs again.
    Rerun {
        /// The name that the app's data is called by.
        app: Name,
        /// Its name inside the app.
        job: String,
    },
    /// An organisation whose inventory is lost is taken back, for changing only.
    Recover {
        /// The digest of the list that was shown: what it does not hold is not taken.
        listed: String,
        /// The commit that was applied last, in hexadecimal; empty where nobody knows.
        commit: String,
    },
    /// An app whose data is gone may start without it.
    Acknowledge {
        app: Name,
        /// What is gone, by the uid that it had.
        gone: BTreeMap<String, AcknowledgedLoss>,
    },
}

/// A word with who said it, when, why, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WordMark {
    /// The form of marks.
    pub(crate) version: u32,
    pub(crate) organisation: Name,
    pub(crate) word: SpokenWord,
    /// The uid of the object that it is about: of the inventory, or of the Job that runs again.
    pub(crate) uid: String,
    /// Who said it.
    pub(crate) who: String,
    /// When, in Unix seconds.
    pub(crate) when: i64,
    /// Why; may be empty where no reason is asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
}

/// The form of marks that this parcelle writes.
pub(crate) const VERSION: u32 = 1;

/// Where a word counts.
pub(crate) struct WordTarget<'a> {
    /// The uid of the ConfigMap that holds the inventory.
    pub(crate) uid: &'a str,
    pub(crate) inventory: &'a mut Inventory,
    /// Why the organisation is paused, where it is.
    pub(crate) paused: &'a mut Option<String>,
}

impl WordMark {
    /// Reads a mark of an organisation strictly.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(crate) fn parse(text: &str, organisation: &Name, now: i64) -> Result<Self, String> {
        if text.len() > LONGEST_MARK {
            return Err(format!("it has {} bytes, and a word has at most {LONGEST_MARK}", text.len()));
        }
        let mark: Self = serde_json::from_str(text).map_err(|error| crate::cause::of_json(&error))?;
        if mark.version != VERSION {
            return Err(format!("it is of form {}, and this parcelle knows form {VERSION}", mark.version));
        }
        if mark.organisation != *organisation {
            return Err(format!("it lies with `{organisation}` and says `{}`", mark.organisation));
        }
        if mark.who.trim().is_empty() || mark.uid.is_empty() {
            return Err("it does not say who said it, or about what".to_owned());
        }
        if mark.why.chars().count() > LONGEST_REASON || mark.who.chars().count() > LONGEST_REASON {
            return Err(format!("its reason has more than {LONGEST_REASON} characters"));
        }
        if mark.word == SpokenWord::Pause && mark.why.trim().is_empty() {
            return Err("a pause needs a reason".to_owned());
        }
        if let SpokenWord::Recover { commit, .. } = &mark.word {
            let is_id = matches!(commit.len(), 0 | 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_id {
                return Err("the commit that it names is none".to_owned());
            }
        }
        if now.saturating_sub(mark.when) > OLDEST {
            return Err("it is older than seven days".to_owned());
        }
        if mark.when.saturating_sub(now) > AHEAD {
            return Err("it says that it was said in the future".to_owned());
        }
        Ok(mark)
    }
}

impl fmt::Display for WordMark {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organisation, word, who, why, .. } = self;
        match word {
            SpokenWord::Pause => write!(to, "`{organisation}` is paused by `{who}`")?,
            SpokenWord::Resume => write!(to, "`{organisation}` goes on: `{who}` says so")?,
            SpokenWord::Acknowledge { app, .. } => {
                write!(to, "`{organisation}/{app}` may start without the data that is gone: `{who}` says so")?;
            }
            SpokenWord::Rerun { app, job } => {
                write!(to, "the job `{job}` of `{organisation}/{app}` is to run again: `{who}` says so")?;
            }
            SpokenWord::Recover { .. } => {
                write!(to, "`{organisation}` is taken back for changing only: `{who}` says so")?;
            }
        }
        match (word, why.as_str()) {
            (_, "") => Ok(()),
            (SpokenWord::Pause, why) => write!(to, ": {why}"),
            (_, why) => write!(to, ", {why}"),
        }
    }
}

/// Carries out a word: what it comes to is noted in the inventory.
///
/// # Errors
/// Says why the word is about something that is not there any more.
pub(crate) fn carry_out(mark: &WordMark, target: &mut WordTarget<'_>) -> Result<(), String> {
    match &mark.word {
        SpokenWord::Pause | SpokenWord::Resume | SpokenWord::Acknowledge { .. } if mark.uid != target.uid => {
            Err("it is about another inventory than the one that is there".to_owned())
        }
        SpokenWord::Pause => {
            *target.paused = Some(pause_as_said(&mark.why, &mark.who, mark.when));
            Ok(())
        }
        SpokenWord::Resume => {
            *target.paused = None;
            Ok(())
        }
        SpokenWord::Recover { .. } => Err("its inventory is not lost any more".to_owned()),
        SpokenWord::Acknowledge { app, gone } => gone::acknowledge(target.inventory, app, gone, (&mark.who, mark.when)),
        SpokenWord::Rerun { app, job } => rerun(mark, app, job, target.inventory),
    }
}

/// A pause as it stands in the cluster: why, who said it, since when.
pub(crate) fn pause_as_said(why: &str, who: &str, when: i64) -> String {
    let since = jiff::Timestamp::from_second(when).unwrap_or_default().strftime("%F %H:%M UTC");
    format!("{} (by `{who}`, since {since})", why.trim())
}

/// Whether a pause in the cluster is for a reason, whoever said so.
pub(crate) fn is_paused_for(paused: &str, why: &str) -> bool {
    paused.strip_prefix(why.trim()).is_some_and(|rest| rest.is_empty() || rest.starts_with(" (by `"))
}

fn rerun(mark: &WordMark, app: &Name, job: &str, inventory: &mut Inventory) -> Result<(), String> {
    let key = format!("{app}/{job}");
    let of = last_run(inventory, &key).ok_or_else(|| format!("`{key}` is no job of which a run is known"))?;
    if of != mark.uid {
        return Err("it is about an earlier run than the one that is there".to_owned());
    }
    let record = inventory.jobs.entry(key).or_default();
    record.done = None;
    record.rerun = Some(RerunAsked { of, who: mark.who.clone() });
    Ok(())
}

/// The uid of the Job of a job's last run, by the key of its record.
pub(crate) fn last_run(inventory: &Inventory, key: &str) -> Option<String> {
    let JobRecord { done, run, .. } = inventory.jobs.get(key)?;
    let under_way = run.as_ref().and_then(|run| {
        if run.uid.is_some() {
            return run.uid.clone();
        }
        let mut jobs = inventory.entries.iter().filter(|(id, _)| id.is(kind::JOB) && *id.name == *run.object);
        jobs.find_map(|(_, entry)| entry.uid().map(str::to_owned))
    });
    under_way.or_else(|| done.as_ref().map(|done| done.by.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::jobs::FinishedRun;
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000;

    fn alpha() -> Name {
        Name::new("alpha").unwrap()
    }

    fn written() -> serde_json::Value {
        json!({ "version": 1, "organisation": "alpha", "word": { "rerun": { "app": "www", "job": "note" } },
            "uid": "u", "who": "tim", "when": NOW })
    }

    #[test]
    fn a_mark_is_read_strictly() {
        let read = |value: &serde_json::Value| WordMark::parse(&value.to_string(), &alpha(), NOW);
        let mark = read(&written()).unwrap();
        assert_eq!(serde_json::to_value(&mark).unwrap(), written());
        for (field, value, why) in [
            ("version", json!(2), "form 2"),
            ("organisation", json!("beta"), "says `beta`"),
            ("word", json!({ "delete": {} }), "none of the words"),
            ("word", json!({ "rerun": { "app": "www", "job": "note", "force": true } }), "does not belong"),
            ("word", json!("pause"), "needs a reason"),
            ("who", json!(" "), "who said it"),
            ("uid", json!(""), "about what"),
            ("when", json!(NOW - 8 * 86_400), "seven days"),
            ("when", json!(NOW + 7_200), "future"),
            ("why", json!("x".repeat(501)), "500 characters"),
            ("extra", json!(1), "does not belong"),
        ] {
            let mut wrong = written();
            wrong[field] = value;
            let error = read(&wrong).unwrap_err();
            assert!(error.contains(why), "{field}: {error}");
        }
        let long = format!("{}{}", written(), " ".repeat(LONGEST_MARK));
        assert!(WordMark::parse(&long, &alpha(), NOW).unwrap_err().contains("at most"));
    }

    #[test]
    fn a_word_about_an_earlier_run_is_none() {
        let mut inventory = Inventory::default();
        let done = Some(FinishedRun { inputs: "h".to_owned(), by: "u".to_owned() });
        inventory.jobs.insert("www/note".to_owned(), JobRecord { done, ..JobRecord::default() });
        let mut paused = None;
        let mut say = |uid: &str| {
            let mark = WordMark { uid: uid.to_owned(), ..serde_json::from_value(written()).unwrap() };
            carry_out(&mark, &mut WordTarget { uid: "i", inventory: &mut inventory, paused: &mut paused })
        };
        assert!(say("v").unwrap_err().contains("an earlier run"));
        assert_eq!(say("u"), Ok(()));
        assert!(inventory.jobs["www/note"].done.is_none() && inventory.jobs["www/note"].reruns("u"));
    }
}
