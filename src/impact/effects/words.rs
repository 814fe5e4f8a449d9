//! The sentence for each thing that moves. None of them claims more than what moves shows.

use std::collections::{BTreeMap, BTreeSet};

use super::AspectTally;
use super::aspects::Aspect;
use super::values::{amount, readable, shift};
use crate::impact::edits::KnownEdit;
use crate::name::Name;
use crate::plan::Verb;

/// So many apps are named.
const NAMED: usize = 2;

/// What moves, as a part of a sentence.
pub(super) fn says(aspect: Aspect, tally: &AspectTally, edit: Option<&KnownEdit>) -> String {
    let apps = apps(&tally.apps);
    let of = if apps.is_empty() { String::new() } else { format!(" of {apps}") };
    match aspect {
        Aspect::Release => release(tally, &apps),
        Aspect::Copies => copies(tally, &of),
        Aspect::Room => grows(tally, "room for people's files", &of),
        Aspect::DatabaseRoom => grows(tally, "room for databases", &of),
        Aspect::Resources => resources(tally, &apps),
        Aspect::Quota => quota(tally),
        Aspect::Address => address(tally, &apps),
        Aspect::BackupTime => backup_time(edit),
        Aspect::BackupKeep => "another number of backups is kept".to_owned(),
        Aspect::JobTime => format!("regular jobs{of} run at other times"),
        Aspect::Contacts => "whom to reach".to_owned(),
        Aspect::Title => "the name as people read it".to_owned(),
        Aspect::Setting => format!("settings{of}"),
        Aspect::Once => format!("a one-time job{of}"),
        Aspect::Network => "who may reach whom in the network".to_owned(),
        Aspect::Rights => format!("the rights{of} in the cluster"),
        Aspect::Secret => format!("passwords and keys{of}"),
        Aspect::Other => format!("changes {}", of_kinds(&tally.kinds)),
    }
}

/// What is not set, but made, taken away, held or refused.
pub(super) fn of_verb(verb: Verb, kinds: &BTreeMap<String, usize>) -> String {
    let kinds = of_kinds(kinds);
    match verb {
        Verb::Delete => format!("takes away {kinds}"),
        Verb::Held => format!("waits: {kinds}"),
        Verb::Refused => format!("refused: {kinds}"),
        _ => format!("makes {kinds}"),
    }
}

fn release(tally: &AspectTally, apps: &str) -> String {
    let who = if apps.is_empty() { "databases" } else { apps };
    let verb = if tally.apps.len() == 1 { "goes" } else { "go" };
    match tally.only("image").or_else(|| tally.only("app.kubernetes.io/version")) {
        Some((before, after)) if !before.is_empty() && !after.is_empty() => {
            format!("{who} {verb} from {before} to {after}")
        }
        _ => format!("{who} {verb} to another release"),
    }
}

fn copies(tally: &AspectTally, of: &str) -> String {
    let sentence = |label: &str, most: &str| {
        let (before, after) = tally.only(label)?;
        let count = |text: &str| text.parse::<u64>().ok();
        Some(match (count(before)?, count(after)?) {
            (_, 0) => format!("no copy{of} runs"),
            (0, 1) => format!("1 copy{of} runs again"),
            (0, after) => format!("{after} copies{of} run again"),
            (before, 1) => format!("{most}1 copy{of} runs instead of {before}"),
            (before, after) => format!("{most}{after} copies{of} run instead of {before}"),
        })
    };
    let found = sentence("replicas", "")
        .or_else(|| sentence("instances", ""))
        .or_else(|| sentence("minReplicas", "at least "))
        .or_else(|| sentence("maxReplicas", "at most "));
    found.unwrap_or_else(|| format!("how many copies{of} run"))
}

/// `room for people's files of cloud grows`, where all of it does.
fn grows(tally: &AspectTally, what: &str, of: &str) -> String {
    let of = of.replacen(" of ", " in ", 1);
    let moves: Option<Vec<bool>> =
        tally.values.iter().map(|(_, before, after)| Some(amount(after)? > amount(before)?)).collect();
    let known = moves.filter(|moves| !moves.is_empty() && !tally.more);
    match known {
        Some(moves) if moves.iter().all(|more| *more) => format!("{what}{of} grows"),
        Some(moves) if moves.iter().all(|more| !*more) => format!("{what}{of} shrinks"),
        _ => format!("{what}{of}"),
    }
}

fn resources(tally: &AspectTally, apps: &str) -> String {
    let who = if apps.is_empty() { "the organisation" } else { apps };
    let known = [("memory", "memory"), ("cpu", "processor time")];
    let moves = known.iter().filter_map(|(label, word)| {
        let (before, after) = tally.only(&format!("{label}-limit")).or_else(|| tally.only(label))?;
        let (known, new) = (readable(label, before), readable(label, after));
        (!before.is_empty() && !after.is_empty()).then(|| format!("{word} {new} instead of {known}"))
    });
    let moves: Vec<String> = moves.collect();
    if moves.is_empty() {
        return format!("how much memory and processor time {who} may use");
    }
    format!("what {who} may use: {}", moves.join(", "))
}

/// What all apps of an organisation together may use, where it is the same everywhere.
fn quota(tally: &AspectTally) -> String {
    let known = [("requests.storage", "storage"), ("requests.memory", "memory"), ("requests.cpu", "processor time")];
    let moves = known.iter().filter_map(|(label, word)| {
        let (before, after) = tally.only(label)?;
        let short = label.strip_prefix("requests.").unwrap_or(label);
        let (known, new) = (readable(short, before), readable(short, after));
        (!before.is_empty() && !after.is_empty()).then(|| format!("{word} {new} instead of {known}"))
    });
    let moves: Vec<String> = moves.collect();
    let colon = if moves.is_empty() { "" } else { ": " };
    let whose = if tally.organisations.len() == 1 { "the organisation" } else { "each organisation" };
    format!("what {whose} may use at most{colon}{}", moves.join(", "))
}

fn address(tally: &AspectTally, apps: &str) -> String {
    let who = if apps.is_empty() { "apps" } else { apps };
    match tally.only("hostnames") {
        Some((_, host)) if !host.is_empty() && tally.organisations.len() == 1 => {
            format!("people reach {who} at {host}")
        }
        _ => format!("the addresses at which people reach {who}"),
    }
}

fn backup_time(edit: Option<&KnownEdit>) -> String {
    let values = edit.filter(|edit| edit.path.iter().any(|word| word == "every"));
    let values = values.and_then(|edit| Some((edit.edit.was.as_deref()?, edit.edit.is.as_deref()?)));
    match values.and_then(|(was, is)| shift(was, is)) {
        Some(shift) => format!("backups {shift}"),
        None => "when backups are made".to_owned(),
    }
}

/// The names of a few apps, or how many there are.
pub(super) fn apps(apps: &BTreeSet<Name>) -> String {
    let named: Vec<&str> = apps.iter().take(NAMED).map(Name::as_str).collect();
    match apps.len().saturating_sub(NAMED) {
        0 => named.join(" and "),
        more => format!("{} and {}", named.join(", "), many(more, "more app")),
    }
}

/// `3 Deployments and 1 Service`.
fn of_kinds(kinds: &BTreeMap<String, usize>) -> String {
    let all: Vec<String> = kinds.iter().map(|(kind, count)| many(*count, kind)).collect();
    match all.as_slice() {
        [before @ .., last] if (1..4).contains(&before.len()) => format!("{} and {last}", before.join(", ")),
        [only] => only.clone(),
        _ => many(kinds.values().sum(), "object"),
    }
}

/// `1 object`, `3 objects`, `2 NetworkPolicies`.
pub(super) fn many(count: usize, word: &str) -> String {
    let plural = match word {
        word if word.ends_with(['s', 'x']) => format!("{word}es"),
        word if word.ends_with('y') => format!("{}ies", word.trim_end_matches('y')),
        word => format!("{word}s"),
    };
    if count == 1 { format!("1 {word}") } else { format!("{count} {plural}") }
}
