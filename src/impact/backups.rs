//! Backups that are made no more, or of which fewer are kept.

use serde_json::Value;

use super::subject::PlannedOrganisation;
use super::wording::{line, moves, value};
use crate::kind::{BACKUP_SCHEDULE, CRON_JOB, SCHEDULED_BACKUP};
use crate::name::Name;
use crate::plan::{Action, Deleting, FieldChange, Place, Reason, Verb};

/// What becomes of the backups of an app, or of the databases of an organisation.
pub(super) struct BackupChange {
    /// Whose; absent for the databases of an organisation.
    pub(super) app: Option<Name>,
    /// Whether none is made any more.
    pub(super) off: bool,
    /// What is said of it.
    pub(super) says: String,
    pub(super) line: Option<Place>,
}

/// Those of one organisation.
pub(super) fn of(subject: &PlannedOrganisation<'_>) -> Vec<BackupChange> {
    let mut found: Vec<BackupChange> = Vec::new();
    for action in subject.writes().filter(|action| makes_backups(action)) {
        if action.verb() == Verb::Delete {
            if is_off(subject, action) {
                let says = "the backups that there are stay in their store".to_owned();
                found.push(BackupChange { app: action.app.clone(), off: true, says, line: line(action, None) });
            }
            continue;
        }
        let suspends = action
            .changes
            .iter()
            .find(|change| (change.path == "spec.suspend") && value(change.after.as_ref()) == Some(&Value::Bool(true)));
        if let Some(change) = suspends.filter(|_| !is_retired(subject, action)) {
            let says = "they are suspended".to_owned();
            found.push(BackupChange { app: action.app.clone(), off: true, says, line: line(action, Some(change)) });
        }
        for change in action.changes.iter().filter(|change| moves(change)) {
            let Some((before, after, word)) = fewer(change) else { continue };
            let says = format!("{word} {before}, then {after}");
            found.push(BackupChange { app: action.app.clone(), off: false, says, line: line(action, Some(change)) });
        }
    }
    // Volumes and buckets of one app say the same.
    found.dedup_by(|a, b| (&a.app, a.off, &a.says) == (&b.app, b.off, &b.says));
    found
}

/// Whether an object makes backups, or says how long they are kept.
pub(super) fn makes_backups(action: &Action) -> bool {
    let id = &action.id;
    id.is(BACKUP_SCHEDULE)
        || id.is(SCHEDULED_BACKUP)
        || (id.group() == "barmancloud.cnpg.io" && &*id.kind == "ObjectStore")
        || (id.is(CRON_JOB) && id.name.ends_with("--backup"))
}

/// Whether data that stays is not backed up any more: not that of an app that is retired or goes on under another name.
fn is_off(subject: &PlannedOrganisation<'_>, action: &Action) -> bool {
    // The schedule says it for the store, which goes with it.
    if &*action.id.kind == "ObjectStore" {
        return false;
    }
    match action.reason() {
        Reason::Deleting(Deleting::NoLongerAsked) => !is_retired(subject, action),
        _ => false,
    }
}

fn is_retired(subject: &PlannedOrganisation<'_>, action: &Action) -> bool {
    let of_app = action.app.as_ref().is_some_and(|app| subject.plan.retired.contains_key(app));
    of_app || subject.plan.retired_organisation.is_some()
}

/// How many are kept before and after, where that gets fewer, and of what.
fn fewer(change: &FieldChange) -> Option<(u64, u64, &'static str)> {
    const KEPT: [(&str, &str); 7] = [
        ("keepLast", "newest ones kept:"),
        ("keepHourly", "hourly ones kept:"),
        ("keepDaily", "daily ones kept:"),
        ("keepWeekly", "weekly ones kept:"),
        ("keepMonthly", "monthly ones kept:"),
        ("keepYearly", "yearly ones kept:"),
        ("retentionPolicy", "days for which databases can be brought back:"),
    ];
    let days = change.path.ends_with("env[name=DAYS].value").then_some("days for which files can be brought back:");
    let word = KEPT.iter().find(|(field, _)| change.path.ends_with(field)).map(|(_, word)| *word).or(days)?;
    let before = number(value(change.before.as_ref())?)?;
    let after = match change.after.as_ref() {
        None => 0,
        after => number(value(after)?)?,
    };
    (after < before).then_some((before, after, word))
}

/// `7`, `"7"`, `30d`.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            let days = |unit: &str| match unit {
                "w" => Some(7),
                "m" => Some(30),
                "d" | "" => Some(1),
                _ => None,
            };
            digits.parse::<u64>().ok()?.checked_mul(days(&text[digits.len()..])?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Shown;
    use serde_json::json;

    fn change(path: &str, before: Value, after: Option<Value>) -> FieldChange {
        let (before, after) = (Some(Shown::Value(before)), after.map(Shown::Value));
        FieldChange { path: path.to_owned(), before, after, origin: None, drift_by: Vec::new() }
    }

    #[test]
    fn fewer_is_told_and_more_is_not() {
        let daily = "spec.prune.retention.keepDaily";
        assert_eq!(
            fewer(&change(daily, json!(14), Some(json!(7)))).map(|(before, after, _)| (before, after)),
            Some((14, 7))
        );
        assert_eq!(fewer(&change(daily, json!(4), None)).map(|(before, after, _)| (before, after)), Some((4, 0)));
        assert!(fewer(&change(daily, json!(7), Some(json!(14)))).is_none());
        let policy = "spec.retentionPolicy";
        assert!(fewer(&change(policy, json!("30d"), Some(json!("4w")))).is_some());
        assert!(fewer(&change(policy, json!("30d"), Some(json!("5w")))).is_none());
        assert!(fewer(&change("spec.other", json!(9), Some(json!(1)))).is_none());
    }
}
