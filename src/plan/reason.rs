//! Why something is done, or not: one closed list, each a part of a sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Why an action is what it is. It displays as what follows a dash: "change — the garden asks for it".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Reason {
    // ── create ──
    /// It is not there yet.
    NotThere,
    /// It was there, is in the inventory, and somebody deleted it.
    DeletedBehindOurBack {
        /// Whether data went with it.
        with_data: bool,
    },
    /// An earlier run was about to make it and did not finish.
    Resumed,
    /// A Secret is made once from random values.
    SecretMade,
    /// A Secret is copied from one of the operators.
    SecretCopied {
        /// `parcelle-system/smtp-relay`.
        source: String,
    },
    // ── change ──
    /// The garden asks for something else than was applied.
    GardenChanged,
    /// The garden asks for the same as before; somebody changed it in the cluster.
    Drift {
        /// Field managers that did.
        by: Vec<String>,
    },
    /// Both.
    GardenChangedAndDrift {
        /// Field managers that changed fields of ours.
        by: Vec<String>,
    },
    /// The garden asks for the same as before; parcelle renders it in another way now.
    RendererChanged,
    /// The values are as wanted; parcelle becomes the owner of some, so that drift of them is seen.
    OwnershipOnly,
    /// The number of replicas passes to an autoscaler as it is.
    HandedOver,
    /// Fields of others are taken by word (`field … take`).
    Taken {
        /// Field managers that owned them.
        from: Vec<String>,
    },
    /// A copied Secret follows its source.
    CopyFollows {
        /// `parcelle-system/smtp-relay`.
        source: String,
    },
    // ── replace ──
    /// A field that cannot change must.
    Immutable {
        /// The field.
        path: String,
    },
    // ── adopt ──
    /// The garden says `adopt`.
    AdoptSaid,
    // ── delete ──
    /// Nothing in the garden renders it any more.
    NoLongerAsked,
    /// Another object of the same app takes its place under a new name.
    Superseded {
        /// The new name.
        by: String,
    },
    /// Its app is retired and sleeps: what ran, stops.
    Asleep {
        /// The app.
        app: Name,
    },
    /// Its app is retired and the time for which its data was kept has passed.
    Retired {
        /// The app.
        app: Name,
        /// Since when, in Unix seconds.
        since: i64,
    },
    /// Its organisation is retired and the time has passed.
    OrganisationRetired {
        /// Since when, in Unix seconds.
        since: i64,
    },
    /// The garden says `retired need` and the time has passed.
    NeedRetired {
        /// The need.
        need: String,
    },
    // ── keep ──
    /// It is as it should be.
    Unchanged,
    /// It is there and made once; its value is nobody's to compare.
    SecretKept,
    /// No app asks for it any more; it holds data and stays until the garden says `retired need`.
    Detached,
    /// Its app or organisation is retired; it stays until the time has passed.
    DataKept {
        /// When its time comes, in Unix seconds.
        until: i64,
    },
    /// The app is no longer in the garden and nobody said `retired`.
    AppVanished {
        /// The app.
        app: Name,
    },
    /// It is being deleted; it is made again once it is gone.
    Terminating,
    /// The organisation is no longer in the garden and nobody said `retired organisation`.
    OrganisationVanished,
    /// Its deletion has begun, and it goes.
    Leaving,
    /// Something changes a field on its way into the cluster, so it never is as the garden says.
    Rewritten {
        /// The field.
        path: String,
    },
    /// The field belongs to somebody else and the garden says `leave`; the rest is as it should be.
    LeftToOthers,
    // ── held ──
    /// Others changed it back each time it was corrected: it is left as they write it for a while.
    FoughtOver {
        /// Field managers that did.
        by: Vec<String>,
        /// Until when, in Unix seconds.
        until: i64,
    },
    /// The garden says `hold`.
    Hold {
        /// With this reason.
        why: String,
    },
    /// Somebody paused it in the cluster.
    Paused {
        /// With this reason.
        why: String,
    },
    /// Deletions that nobody declared exceed the garden's budget: none of them is done.
    OverBudget {
        /// How many there would be.
        would: u64,
        /// How many the garden allows.
        allowed: u64,
    },
    /// The organisation, or a file it uses, has findings: nothing of it is deleted.
    NotClean,
    /// Its kind could not be read.
    NotRead {
        /// The failure.
        why: String,
    },
    /// Objects of others are in the namespace.
    ForeignInside {
        /// Some of them.
        objects: Vec<String>,
    },
    /// Its namespace is not ours, or is being deleted.
    NamespaceBarred,
    /// It goes after the objects inside it.
    AfterTheRest,
    // ── refused ──
    /// It exists and parcelle did not make it.
    NotOurs,
    /// It exists under another uid than the inventory knows: somebody made it anew.
    MadeAnew,
    /// Its label, field manager or uid does not agree with the inventory: it is not deleted.
    Disowned {
        /// What does not agree: "the label `parcelle.dev/garden` is gone".
        what: String,
    },
    /// Another garden holds it.
    OtherGarden {
        /// Its name.
        garden: String,
    },
    /// Fields that are newly wanted belong to others.
    Conflict,
    /// A field that cannot change must, and replacing the object would lose data.
    ImmutableWithData {
        /// The field.
        path: String,
    },
    /// The API server refused it.
    ServerRefused {
        /// The HTTP status.
        status: u16,
        /// Its words, masked.
        message: String,
    },
    /// A Secret that was made once is gone; nothing is made in its place silently.
    SecretLost,
    /// What a Secret is to be copied from is not there.
    SourceMissing {
        /// `parcelle-system/smtp-relay`, with the keys that it lacks.
        source: String,
    },
    /// The guard found that the action would break a promise.
    Guarded {
        /// Which, in words.
        why: String,
    },
}

/// The name of a Secret in backticks; what says in words which Secrets are meant as it is.
fn named(source: &str) -> String {
    if source.contains(' ') { source.to_owned() } else { format!("`{source}`") }
}

impl fmt::Display for Reason {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere => to.write_str("it is not there yet"),
            Self::DeletedBehindOurBack { with_data: false } => to.write_str("somebody deleted it"),
            Self::DeletedBehindOurBack { with_data: true } => {
                to.write_str("somebody deleted it and its data: it is made again, empty")
            }
            Self::Resumed => to.write_str("an earlier run was interrupted before it was made"),
            Self::SecretMade => to.write_str("made once from random values"),
            Self::SecretCopied { source } => write!(to, "copied from {}", named(source)),
            Self::GardenChanged => to.write_str("the garden asks for it"),
            Self::Drift { by } => write!(to, "drift: {} changed it in the cluster", people(by)),
            Self::GardenChangedAndDrift { by } => {
                write!(to, "the garden asks for it, and {} changed fields of ours", people(by))
            }
            Self::RendererChanged => to.write_str("parcelle renders it differently now"),
            Self::OwnershipOnly => to.write_str("nothing moves; parcelle owns further fields of it"),
            Self::HandedOver => to.write_str("the number of replicas passes to the autoscaler as it is"),
            Self::Taken { from } => write!(to, "the garden asks for it and takes it from {}", people(from)),
            Self::CopyFollows { source } => write!(to, "follows {}", named(source)),
            Self::Immutable { path } => write!(to, "`{path}` cannot change in place"),
            Self::AdoptSaid => to.write_str("it exists and the garden says `adopt`"),
            _ => self.fmt_standing(to),
        }
    }
}

impl Reason {
    /// Reasons to delete, and not to act.
    fn fmt_standing(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLongerAsked => to.write_str("nothing in the garden asks for it any more"),
            Self::Superseded { by } => write!(to, "`{by}` takes its place"),
            Self::Asleep { app } => write!(to, "`{app}` is retired and sleeps"),
            Self::Retired { app, since } => {
                write!(to, "`{app}` is retired since {} and its time has come", day(*since))
            }
            Self::OrganisationRetired { since } => {
                write!(to, "the organisation is retired since {} and its time has come", day(*since))
            }
            Self::NeedRetired { need } => write!(to, "the garden says `retired need {need}` and its time has come"),
            Self::Unchanged => to.write_str("it is as it should be"),
            Self::SecretKept => to.write_str("made once and kept"),
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
            Self::LeftToOthers => to.write_str("fields of it are left to others, as the garden says"),
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
            Self::NamespaceBarred => to.write_str("its namespace is not ours, or is being deleted"),
            Self::AfterTheRest => to.write_str("waits until everything inside is gone"),
            _ => self.fmt_refusal(to),
        }
    }

    fn fmt_refusal(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => to.write_str("it exists and parcelle did not make it"),
            Self::MadeAnew => to.write_str("somebody deleted it and made another one under its name"),
            Self::Disowned { what } => write!(to, "not deleted: {what}"),
            Self::OtherGarden { garden } => write!(to, "it belongs to the garden `{garden}`"),
            Self::Conflict => to.write_str("others own fields that the garden newly asks for"),
            Self::ImmutableWithData { path } => {
                write!(to, "`{path}` cannot change in place, and replacing it would lose its data")
            }
            Self::ServerRefused { status, message } => write!(to, "the API server refuses it ({status}): {message}"),
            Self::SecretLost => to.write_str("it was made once and is gone; nothing is made in its place silently"),
            Self::SourceMissing { source } => write!(to, "its source {} is not there", named(source)),
            Self::Guarded { why } => write!(to, "stopped by the guard: {why}"),
            _ => Ok(()),
        }
    }

    /// Whether it is worth a line where everything is fine.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Unchanged | Self::SecretKept)
    }
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

/// The minute of a time in Unix seconds, in UTC: `2026-12-01 08:30 UTC`.
pub(crate) fn minute(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    time.map_or_else(|_| "?".to_owned(), |time| time.strftime("%F %H:%M UTC").to_string())
}

/// The day of a time in Unix seconds, in UTC: `2026-12-01`.
pub(crate) fn day(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |time| time.strftime("%F").to_string())
}
