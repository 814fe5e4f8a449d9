//! What the garden says that acts at a later hour or day than it is applied: nights, peaks, hours for releases, how many
//! backups and for how long data are kept.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::backup::Keep;
use super::life::{self, Night, Peak};
use super::upgrade::Window;
use crate::model::{App, Deletions, Organisation};
use crate::name::Name;
use crate::source::Span;

/// A line of the garden that acts later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Which word of the garden.
    pub(crate) word: TermWord,
    /// The app that it is about; absent for the whole organisation.
    pub(crate) app: Option<Name>,
    /// What an inventory remembers it by: `nights cloud`, by the name that the app's data is called by.
    pub(crate) key: String,
    /// What it says, as a part of a sentence: `asleep from 22:00 to 06:30 (Europe/Paris)`.
    pub(crate) says: String,
    /// When it first acts, in Unix seconds, where it is a day rather than an hour of each day.
    pub(crate) at: Option<i64>,
    /// The day of that, where the organisation is: `2026-12-01`.
    pub(crate) day: Option<String>,
    /// When it is over, in Unix seconds; absent where it acts for good.
    pub(crate) over: Option<i64>,
    /// The line.
    pub(crate) origin: Option<Span>,
}

/// A word of the garden that acts later, in the order in which people need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TermWord {
    /// `deletions { undeclared at-most=20 percent=10; }`
    Deletions,
    /// `keep-data 90 days` of something retired.
    KeepData,
    /// `peak from="2026-12-01T08:00" to="2026-12-03T20:00" min=4`
    Peak,
    /// `nights asleep from="22:00" to="06:30"`
    Nights,
    /// `upgrade window="22:00" days="monday"`
    Upgrade,
    /// `backup { keep daily=7; }`
    Backup,
}

impl TermWord {
    const ALL: [Self; 6] = [Self::Deletions, Self::KeepData, Self::Peak, Self::Nights, Self::Upgrade, Self::Backup];

    /// The word and the app's data name behind a key of an inventory.
    pub(crate) fn of_key(key: &str) -> Option<(Self, Option<&str>)> {
        let mut words = key.split(' ');
        let word = words.next()?;
        Some((Self::ALL.into_iter().find(|one| one.as_str() == word)?, words.next()))
    }

    /// When the peak behind a key of an inventory starts, in Unix seconds.
    pub(crate) fn start_of_key(key: &str) -> Option<i64> {
        let start: Timestamp = key.split(' ').nth(2)?.parse().ok()?;
        Some(start.as_second())
    }

    /// As the garden spells it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Deletions => "deletions",
            Self::KeepData => "keep-data",
            Self::Peak => "peak",
            Self::Nights => "nights",
            Self::Upgrade => "upgrade",
            Self::Backup => "backup",
        }
    }
}

/// The brakes on deletion, which are the same for every organisation.
pub(crate) fn of_deletions(limits: &Deletions) -> [Term; 2] {
    let (most, percent) = (limits.undeclared_at_most, limits.undeclared_percent);
    let undeclared =
        format!("one run takes away {most} objects that nobody retired at most, and {percent} % of an organisation's");
    let kept = format!("data of what is retired is kept for {} at least", limits.keep_data);
    let word = TermWord::Deletions;
    let term =
        |key: String, says| Term { word, app: None, key, says, at: None, day: None, over: None, origin: limits.span };
    [
        term(word.as_str().to_owned(), undeclared),
        term(format!("{} {}", word.as_str(), TermWord::KeepData.as_str()), kept),
    ]
}

/// What an organisation and its apps say.
pub(super) fn of(organisation: &Organisation) -> Vec<Term> {
    let zone = life::zone(&organisation.timezone);
    let apps = organisation.apps.values().flat_map(|app| of_app(organisation, app, &zone));
    let needs = organisation.retired_needs.iter().map(|(need, retired)| Term {
        word: TermWord::KeepData,
        app: None,
        key: format!("{} {need}", TermWord::KeepData.as_str()),
        says: format!("`{need}` is retired, data kept for {}", retired.keep_data),
        at: None,
        day: None,
        over: None,
        origin: Some(retired.span),
    });
    apps.chain(needs).collect()
}

fn of_app(organisation: &Organisation, app: &App, zone: &TimeZone) -> Vec<Term> {
    let term = |word: TermWord, says: String, at: Option<i64>, origin| Term {
        word,
        app: Some(app.name.clone()),
        key: format!("{} {}", word.as_str(), app.data_name()),
        says,
        at,
        day: None,
        over: None,
        origin: Some(origin),
    };
    let retired = organisation.retired.as_ref().or(app.life.retired());
    if let Some(retired) = retired {
        return vec![term(
            TermWord::KeepData,
            format!("retired, data kept for {}", retired.keep_data),
            None,
            retired.span,
        )];
    }
    let setting = |name: &str| app.settings.get(name);
    let place = &organisation.timezone;
    let peaks = Peak::all(app, zone).into_iter().map(|peak| {
        let (from, to) = (peak.from.to_zoned(zone.clone()), peak.to.to_zoned(zone.clone()));
        let says = format!(
            "at least {} replicas from {} to {} ({place})",
            peak.least,
            from.strftime("%F %H:%M"),
            to.strftime("%F %H:%M")
        );
        let key = format!("{} {} {}", TermWord::Peak.as_str(), app.data_name(), peak.from);
        let day = Some(from.strftime("%F").to_string());
        Term {
            key,
            day,
            over: Some(peak.to.as_second()),
            ..term(TermWord::Peak, says, Some(peak.from.as_second()), peak.span)
        }
    });
    let nights = setting("nights").and_then(|setting| Night::read(setting)).map(|night| {
        let says = format!("asleep from {} to {} ({place})", night.from.strftime("%H:%M"), night.to.strftime("%H:%M"));
        term(TermWord::Nights, says, None, night.span)
    });
    let upgrade = setting("upgrade").and_then(|setting| {
        let window = Window::read(setting)?;
        Some(term(
            TermWord::Upgrade,
            format!("new releases are put in {} ({place})", window.said()),
            None,
            setting.span,
        ))
    });
    let backup = organisation.cluster.provides.get("backup").and_then(|_| setting("backup")).map(|setting| {
        let (keep, span) = Keep::read(setting);
        term(TermWord::Backup, format!("of its backups {keep} are kept"), None, span)
    });
    peaks.chain([nights, upgrade, backup].into_iter().flatten()).collect()
}
