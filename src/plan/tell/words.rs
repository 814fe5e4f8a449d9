//! Reasons in words: each a part of a sentence.

use std::fmt;

use crate::plan::decide::action::Place;
use crate::plan::decide::reason::{
    Adopting, Changing, Creating, Deleting, Holding, Keeping, LeftToOthers, Reason, Refusing, Replacing,
};
use crate::plan::state::gone::DataLost;
use crate::plan::state::path::plain;
use crate::plan::state::unseen;
use crate::policy::protected::{steps_of, why_protected};
use crate::render::ObjectId;
use crate::visible;

impl fmt::Display for Reason<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Creating(why) => why.fmt(to),
            Self::Changing(why) => why.fmt(to),
            Self::Replacing(why) => why.fmt(to),
            Self::Adopting(why) => why.fmt(to),
            Self::Deleting(why) => why.fmt(to),
            Self::Keeping(why) => why.fmt(to),
            Self::Holding(why) => why.fmt(to),
            Self::Refusing(why) => why.fmt(to),
        }
    }
}

impl fmt::Display for Creating {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere => to.write_str("it is not there yet"),
            Self::DeletedBehindOurBack => to.write_str("somebody deleted it"),
            Self::Acknowledged { who } => {
                write!(to, "its data is gone: it is made again, empty, as `{}` says", visible::line(who))
            }
            Self::Resumed => to.write_str("it was to be made before, and an earlier run did not come to it"),
            Self::Rerun { who } => write!(to, "`{}` says that it runs again", visible::line(who)),
            Self::SecretMade => to.write_str("made once from random values"),
            Self::SecretCopied { source } => write!(to, "copied from {}", named(source)),
        }
    }
}

impl fmt::Display for Changing {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GardenChanged => to.write_str("the garden asks for it"),
            Self::Drift { by } => write!(to, "drift: {} changed it in the cluster", people(by)),
            Self::GardenChangedAndDrift { by } => {
                write!(to, "the garden asks for it, and {} changed fields of ours", people(by))
            }
            Self::RendererChanged => to.write_str("parcelle renders it differently now"),
            Self::OwnershipOnly => to.write_str("nothing moves; parcelle owns further fields of it"),
            Self::HandedOver => to.write_str("the number of replicas passes to the autoscaler as it is"),
            Self::Interrupted => to.write_str("nothing moves; what an interrupted run left in its books is taken out"),
            Self::Renamed { from, to: now } => {
                write!(to, "passes from `{from}` to `{now}`, its new name; what it holds stays")
            }
            Self::Taken { from, said } => {
                write!(to, "the garden asks for it and takes it from {}{}", people(from), lines(said))
            }
            Self::Left(left) => write!(to, "nothing moves; from now on {left}"),
            Self::LeftAlone { fields, said } => {
                let (verb, whose) = if fields.len() == 1 { ("is", "it") } else { ("are", "them") };
                write!(
                    to,
                    "{} {verb} nobody else's any more: the garden's value counts although it leaves {whose} to others{}",
                    people(fields),
                    lines(said)
                )
            }
            Self::KeysBack { keys } => {
                write!(to, "somebody took {} away; it follows from the keys that are there", people(keys))
            }
            Self::CopyFollows { source } => write!(to, "follows {}", named(source)),
        }
    }
}

impl fmt::Display for Replacing {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Immutable { path } => write!(to, "`{path}` cannot change in place"),
            Self::NeverStarted { of: None } => {
                to.write_str("no container of it ever started, and it is another by now")
            }
            Self::NeverStarted { of: Some(of) } => {
                write!(to, "no container of `{}` ever started: it gives way", of.name)
            }
            Self::JobFailed { of } => write!(to, "`{}` failed, and gives way to other inputs", of.name),
            Self::Rerun { who, .. } => write!(to, "`{}` says that it runs again", visible::line(who)),
            Self::Renamed { from, to: now } => {
                write!(to, "`{from}` is called `{now}` now; the claims of its pods stay, and are taken again")
            }
        }
    }
}

impl fmt::Display for Adopting {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdoptSaid => to.write_str("it exists and the garden says `adopt`"),
        }
    }
}

impl fmt::Display for Deleting {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLongerAsked => to.write_str("nothing in the garden asks for it any more"),
            Self::Superseded { by } => write!(to, "`{by}` takes its place"),
            Self::Renamed { from, to: now } => write!(to, "`{from}` is called `{now}` now, and has it under that name"),
            Self::NeverBegun { app } => write!(to, "`{app}` is not in the garden any more, and never ran"),
            Self::Asleep { app } => write!(to, "`{app}` is retired and sleeps"),
            Self::Retired { app, since } => {
                write!(to, "`{app}` is retired since {} and its time has come", day(*since))
            }
            Self::OrganisationRetired { since } => {
                write!(to, "the organisation is retired since {} and its time has come", day(*since))
            }
            Self::NeedRetired { need } => write!(to, "the garden says `retired need {need}` and its time has come"),
        }
    }
}

impl fmt::Display for Keeping {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchanged => to.write_str("it is as it should be"),
            Self::SecretKept => to.write_str("made once and kept"),
            Self::KeysDisagree { keys } => {
                write!(to, "made once, and somebody changed it: {} does not hold what it is put together of", people(keys))
            }
            Self::Detached => to.write_str("detached: it holds data that no app asks for; `retired need` lets it go"),
            Self::DataKept { until } => write!(to, "retired: kept until {}", day(*until)),
            Self::AppVanished { app } => {
                write!(to, "`{app}` is no longer in the garden and nobody said `retired`; nothing of it is deleted")
            }
            Self::Terminating => to.write_str("it is being deleted; made again once it is gone"),
            Self::OrganisationVanished => to.write_str(
                "the organisation is no longer in the garden and nobody said `retired organisation`; nothing of it is deleted",
            ),
            Self::Leaving => to.write_str("its deletion has begun"),
            Self::Rewritten { path } => write!(
                to,
                "the cluster changes `{path}` whenever it is written (a mutating webhook does), so it is not as the garden says"
            ),
            Self::LeftToOthers(left) => left.fmt(to),
            Self::JobDone => to.write_str("it has done its work: it goes once that is recorded"),
            Self::JobRuns { unknown: Some(why), .. } => {
                write!(to, "whether it has started is not known, so it is not touched: {why}")
            }
            Self::JobRuns { since, .. } => {
                let since = since.map(|since| format!(" since {}", minute(since))).unwrap_or_default();
                write!(to, "it runs{since}, and is not touched while it does")
            }
            Self::JobOverdue { since, until, .. } => {
                write!(to, "it runs since {} and should have been done by {}: it is overdue", minute(*since), minute(*until))
            }
            Self::JobRetired => to.write_str("its app is retired: it is not run any more"),
            Self::JobWaits { why: None } => to.write_str("no container of it has started yet"),
            Self::JobWaits { why: Some(why) } => write!(to, "no container of it has started yet: {why}"),
        }
    }
}

impl fmt::Display for LeftToOthers {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fields.is_empty() {
            return to.write_str("fields of it are left to others, as the garden says");
        }
        let verb = if self.fields.len() == 1 { "is" } else { "are" };
        write!(to, "{} {verb} left to {}{}", people(&self.fields), people(&self.to), lines(&self.said))
    }
}

/// `, as organisations/alternatiba.kdl:31 says`; nothing where no line is known.
fn lines(said: &[Place]) -> String {
    let places: Vec<String> = said.iter().map(ToString::to_string).collect();
    match places.as_slice() {
        [] => String::new(),
        [one] => format!(", as {one} says"),
        [rest @ .., last] => format!(", as {} and {last} say", rest.join(", ")),
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FoughtOver { by, until } => {
                write!(to, "{} keeps changing it back: left as it is until {}", people(by), minute(*until))
            }
            Self::Hold { why } => write!(to, "held: {why}"),
            Self::Paused { why } => write!(to, "paused in the cluster: {why}"),
            Self::OverBudget { would, allowed } => {
                write!(to, "{would} undeclared deletions where the garden allows {allowed}: none is done")
            }
            Self::NotClean => to.write_str("the organisation has findings: nothing of it is deleted"),
            Self::NotRead { why } => write!(to, "its kind could not be read: {why}"),
            Self::ForeignInside { objects } => write!(to, "objects of others are inside: {}", people(objects)),
            Self::SourceNotRead { why } => write!(to, "what it is made from could not be read: {why}"),
            Self::NotKnownEmpty { unseen } => write!(to, "not known to be empty: {}", unseen::words(unseen)),
            Self::DataGone { how: DataLost::Missing, since } => {
                write!(to, "it and its data are gone since {}, and parcelle did not delete it", minute(*since))
            }
            Self::DataGone { how: DataLost::Leaving, since } => {
                write!(to, "somebody deletes it since {}: its data goes once nothing uses it", minute(*since))
            }
            Self::DataGone { how: DataLost::Another { .. }, since } => {
                write!(to, "another object has its place since {}, and its data may be gone", minute(*since))
            }
            Self::WithoutData { of, since } => {
                write!(to, "not without its data, gone or going since {}: `{of}`", minute(*since))
            }
            Self::NamespaceBarred => to.write_str("its namespace is not ours, or is being deleted"),
            Self::InventoryLost => to.write_str("the inventory is lost: nothing is changed until it is recovered"),
            Self::InventoryOutdated { of_cluster: false } => {
                to.write_str("the inventory is older than the cluster: nothing is changed until the newest is back or it is recovered")
            }
            Self::InventoryOutdated { of_cluster: true } => {
                to.write_str("the inventory is that of another cluster: nothing is changed until it is recovered")
            }
            Self::AfterTheRest => to.write_str("waits until everything inside is gone"),
            Self::NotAgreed { .. } => to.write_str("the saved plan does not have it"),
            Self::AfterJob { of, failed: false } => write!(to, "held back until {of} is done"),
            Self::AfterJob { of, failed: true } => write!(to, "held back since {of} failed"),
            Self::PodsLeft { pods } => {
                write!(
                    to,
                    "an earlier run of it has not ended: {} {} still there",
                    people(pods),
                    if pods.len() == 1 { "is" } else { "are" }
                )
            }
            Self::PodsNotRead { why } => {
                write!(to, "its Job is gone, and whether its pods have ended is not known: {why}")
            }
            Self::StrayPods { pods, unread: _ } if !pods.is_empty() => {
                let pods: Vec<String> = pods.iter().map(ToString::to_string).collect();
                write!(to, "does not start beside {}", pods.join(" and "))
            }
            Self::StrayPods { unread, .. } => {
                let why = unread.as_deref().unwrap_or_default();
                write!(to, "whether pods of an earlier workload still run on the same data is not known: {why}")
            }
            Self::StillRuns { of, leaves: false } => {
                write!(to, "waits for {of}, which still runs on the same data and is not stopped")
            }
            Self::StillRuns { of, leaves: true } => {
                write!(to, "waits until {of}, which works on the same data, is gone with its pods")
            }
            Self::After { of, leaves: false } => write!(to, "held back since {of} was refused"),
            Self::After { of, leaves: true } => write!(to, "held back until {of} is gone and made again"),
        }
    }
}

impl fmt::Display for Refusing {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => to.write_str("it exists and parcelle did not make it"),
            Self::InventoryLost => to.write_str("the inventory that would say whether it is parcelle's is lost"),
            Self::InventoryOutdated => to
                .write_str("the inventory that would say whether it is parcelle's is not that of the cluster as it is"),
            Self::Recovered { replaced: false, .. } => {
                to.write_str("not deleted: it was taken back by `parcelle recover`, and nothing in the garden names it")
            }
            Self::Recovered { path: None, .. } => to
                .write_str("not replaced: it was taken back by `parcelle recover`, and nothing in the garden names it"),
            Self::Recovered { path: Some(path), .. } => write!(
                to,
                "`{path}` cannot change in place, and it is not replaced: it was taken back by `parcelle recover`"
            ),
            Self::MadeAnew => to.write_str("somebody deleted it and made another one under its name"),
            Self::Controlled { by } => write!(to, "it exists, and `{by}` keeps it"),
            Self::AdoptedOtherwise { path } => {
                write!(to, "`{path}` cannot change in place, and what parcelle did not make is not replaced")
            }
            Self::Disowned { what } => write!(to, "not deleted: {what}"),
            Self::OtherGarden { garden } => write!(to, "it belongs to the garden `{garden}`"),
            Self::ForeignInside { objects } => write!(to, "objects of others are inside: {}", people(objects)),
            Self::NotKnownEmpty { unseen } => write!(to, "not known to be empty: {}", unseen::words(unseen)),
            Self::Conflict => to.write_str("others own fields that the garden newly asks for"),
            Self::ImmutableWithData { path } => {
                write!(to, "`{path}` cannot change in place, and replacing it would lose its data")
            }
            Self::DataElsewhere { of } => {
                write!(to, "it would start empty, and {of} holds what its app had until now")
            }
            Self::SiblingWithData { path, by } => write!(
                to,
                "`{path}` that {} wrote cannot stand beside what the garden asks, and nothing is taken away from what holds data",
                people(by)
            ),
            Self::ServerRefused { status, message } => write!(to, "the API server refuses it ({status}): {message}"),
            Self::JobFailed { why, .. } => write!(to, "it failed: {why}"),
            Self::JobEndUnknown { since: Some(since), .. } => {
                write!(to, "its Job is gone; it ran since {}, and nobody saw how it ended", minute(*since))
            }
            Self::JobEndUnknown { since: None, .. } => {
                to.write_str("its Job is gone, and nobody saw whether it ran and how it ended")
            }
            Self::SecretLost => to.write_str("it was made once and is gone; nothing is made in its place silently"),
            Self::KeysLost { keys, .. } => {
                write!(to, "{} was made once and is gone; nothing is made in its place silently", people(keys))
            }
            Self::SourceMissing { source } => write!(to, "its source {} is not there", named(source)),
            Self::Guarded { why } => write!(to, "stopped by the guard: {why}"),
        }
    }
}

/// The name of a Secret in backticks; what says in words which Secrets are meant as it is.
fn named(source: &str) -> String {
    if source.contains(' ') { source.to_owned() } else { format!("`{source}`") }
}

/// `kubectl-edit and helm`, or `somebody` for nobody known.
pub(crate) fn people(names: &[String]) -> String {
    match names {
        [] => "somebody".to_owned(),
        [one] => format!("`{one}`"),
        [rest @ .., last] => {
            let rest: Vec<_> = rest.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and `{last}`", rest.join(", "))
        }
    }
}

/// The way out where somebody else owns a field that the garden newly asks for.
pub(crate) fn out_of_conflict(id: &ObjectId, field: &str) -> String {
    let (kind, name, field) = (&id.kind, &id.name, plain(field));
    if why_protected((id.group(), kind), &steps_of(&field)).is_some() {
        return format!(
            "`{field}` is decided in the garden alone: take it away in the cluster (`kubectl edit {kind} {name}`)"
        );
    }
    format!("say `field {kind} {name} \"{field}\" take` in the app to take it, or `leave` to let it be")
}

/// The minute of a time in Unix seconds, in UTC: `2026-12-01 08:30 UTC`.
pub(crate) fn minute(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    time.map_or_else(|_| "?".to_owned(), |time| time.strftime("%F %H:%M UTC").to_string())
}

/// The day of a time in Unix seconds, in UTC: `2026-12-01`.
pub(crate) fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |time| time.strftime("%F").to_string())
}
