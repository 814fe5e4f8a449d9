//! `upgrade window="22:00" days="monday tuesday"`: when a new release may be put in.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::{WaitingRelease, naming};
use crate::model::{App, Organisation, Setting};

/// For how many hours a window is open; where no time is said, for the whole day.
const OPEN: i64 = 2;
const DAY: i64 = 24;

/// The days of a week as settings name them.
const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// A window that is closed at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClosedWindow {
    /// When it is open, in words.
    when: String,
    /// When it opens next.
    opens: Option<Timestamp>,
}

/// The release of an app that waits for a window.
pub(super) fn waiting(organisation: &Organisation, app: &App, closed: &ClosedWindow) -> WaitingRelease {
    let zone = super::life::zone(&organisation.timezone);
    let chosen = app.settings.get("version").or_else(|| app.settings.get("channel"));
    WaitingRelease {
        version: naming::label_value(&app.release.version),
        when: format!("{} ({})", closed.when, organisation.timezone),
        opens: closed.opens.map(Timestamp::as_second),
        day: closed.opens.map(|opens| opens.to_zoned(zone).strftime("%F").to_string()),
        origin: chosen.map(|setting| setting.span),
    }
}

/// When new releases may be put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    from: Option<Time>,
    /// Every day where empty.
    days: Vec<Weekday>,
}

impl Window {
    /// What the setting says; none where it leaves the time open.
    pub(crate) fn read(setting: &Setting) -> Option<Self> {
        let prop = |name: &str| setting.props.get(name).map(|written| written.text.as_str());
        let from = prop("window").and_then(|time| Time::strptime("%H:%M", time).ok());
        let named = |word: &str| DAYS.iter().find(|(name, _)| *name == word).map(|(_, day)| *day);
        let days: Vec<Weekday> = prop("days").unwrap_or_default().split_whitespace().filter_map(named).collect();
        (from.is_some() || !days.is_empty()).then_some(Self { from, days })
    }

    /// Whether it is open at a moment.
    pub(crate) fn is_open(&self, moment: Timestamp, zone: &TimeZone) -> bool {
        self.turns(moment, zone).iter().any(|(from, to)| *from <= moment && moment < *to)
    }

    /// What is known of it at a moment at which it is closed.
    pub(crate) fn closed(&self, moment: Timestamp, zone: &TimeZone) -> ClosedWindow {
        let opens = self.turns(moment, zone).into_iter().map(|(from, _)| from).filter(|from| *from > moment).min();
        ClosedWindow { when: self.said(), opens }
    }

    /// When it opens and closes, around a moment.
    pub(crate) fn edges(&self, moment: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        self.turns(moment, zone).into_iter().flat_map(|(from, to)| [from, to])
    }

    /// When it is open, for people: `from 22:00 to 00:00 on monday and tuesday`.
    pub(crate) fn said(&self) -> String {
        let names = DAYS.iter().filter(|(_, day)| self.days.contains(day)).map(|(name, _)| *name);
        let on = match names.collect::<Vec<_>>().join(" and ") {
            every if every.is_empty() => String::new(),
            names => format!(" on {names}"),
        };
        match self.from {
            Some(from) => {
                let to = from.wrapping_add(OPEN.hours());
                format!("from {} to {}{on}", from.strftime("%H:%M"), to.strftime("%H:%M"))
            }
            None => on.trim_start().to_owned(),
        }
    }

    /// The last turn, and those of the week to come.
    fn turns(&self, moment: Timestamp, zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let today = moment.to_zoned(zone.clone()).date();
        let days = (-1..=7_i64).filter_map(|day| today.checked_add(day.days()).ok());
        let hours = if self.from.is_some() { OPEN } else { DAY };
        let turn = |day: Date| {
            let start = day.to_datetime(self.from.unwrap_or(Time::midnight()));
            let end = start.checked_add(hours.hours()).ok()?;
            Some((zone.to_timestamp(start).ok()?, zone.to_timestamp(end).ok()?))
        };
        days.filter(|day| self.days.is_empty() || self.days.contains(&day.weekday())).filter_map(turn).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn window(line: &str) -> Window {
        Window::read(&sample::setting(line).1).unwrap()
    }

    #[test]
    fn a_window_is_open_for_two_hours_on_its_days_in_the_zone_of_the_organisation() {
        let paris = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Paris").unwrap();
        let window = window("upgrade window=\"23:00\" days=\"monday tuesday\"");
        let open = |moment: &str| window.is_open(moment.parse().unwrap(), &paris);
        assert!(!open("2026-07-06T20:59:59Z"));
        assert!(open("2026-07-06T21:00:00Z"), "a Monday, eleven in Paris");
        assert!(open("2026-07-06T22:59:59Z"), "past midnight it is still Monday's");
        assert!(!open("2026-07-06T23:00:00Z"));
        assert!(!open("2026-07-08T21:30:00Z"), "a Wednesday");
        let moment: Timestamp = "2026-07-08T12:00:00Z".parse().unwrap();
        let next = window.edges(moment, &paris).filter(|edge| *edge > moment).min().unwrap();
        assert_eq!(next.to_string(), "2026-07-13T21:00:00Z");
        assert_eq!(window.said(), "from 23:00 to 01:00 on monday and tuesday");
    }

    #[test]
    fn days_alone_are_whole_days() {
        let window = window("upgrade days=sunday");
        let open = |moment: &str| window.is_open(moment.parse().unwrap(), &TimeZone::UTC);
        assert!(open("2026-07-05T00:00:00Z"));
        assert!(open("2026-07-05T23:59:59Z"));
        assert!(!open("2026-07-06T00:00:00Z"));
        assert_eq!(window.said(), "on sunday");
    }
}
