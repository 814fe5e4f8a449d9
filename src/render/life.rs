//! Whether an app is awake at a moment, and when that next changes.

use jiff::civil::{DateTime, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan as _};

use super::State;
use super::backup::Backup;
use super::upgrade::{ClosedWindow, Window};
use crate::model::definition::NeedKind;
use crate::model::{App, Life, Organisation, Setting};
use crate::source::Span;

/// An app at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Now {
    /// Whether its workloads run.
    pub(crate) state: State,
    /// The fewest replicas during a planned peak, with the line that says so.
    pub(crate) peak: Option<(i64, Span)>,
    /// The most replicas that any peak asks for, now or later.
    pub(crate) peak_at_most: i64,
    /// What is kept of its data, where it says so and the cluster has a place for it.
    pub(crate) backup: Option<Backup>,
    /// It sleeps, and its databases are awake to be backed up.
    pub(crate) woken: bool,
    /// When a new release may be put in, where that is not now.
    pub(crate) closed: Option<ClosedWindow>,
    /// When the time next changes the above.
    pub(crate) next_change: Option<Timestamp>,
}

impl Now {
    /// Whether no workload runs.
    pub(crate) fn asleep(&self) -> bool {
        !matches!(self.state, State::Awake | State::Peak(_))
    }

    /// Whether the route shows a page instead of the app.
    pub(crate) fn shows_page(&self) -> bool {
        matches!(self.state, State::Night(_) | State::Archived(_) | State::Retired(_))
    }

    /// The line that decided the state.
    pub(crate) fn origin(&self) -> Option<Span> {
        match self.state {
            State::Awake => None,
            State::Peak(span)
            | State::Night(span)
            | State::Paused(span)
            | State::Archived(span)
            | State::Retired(span) => Some(span),
        }
    }
}

/// The app at `moment`. What is retired, archived or paused stays so whatever the hour; a planned peak wakes.
pub(super) fn at(organisation: &Organisation, app: &App, moment: Timestamp) -> Now {
    let zone = zone(&organisation.timezone);
    let peaks = Peak::all(app, &zone);
    let night = app.settings.get("nights").and_then(|setting| Night::read(setting));
    let peak_at_most = peaks.iter().map(|peak| peak.least).max().unwrap_or(0);
    let for_good = organisation.retired.as_ref().map(|retired| State::Retired(retired.span)).or(match &app.life {
        Life::Running => None,
        Life::Paused(span) => Some(State::Paused(*span)),
        Life::Archived(span) => Some(State::Archived(*span)),
        Life::Retired(retired) => Some(State::Retired(retired.span)),
    });
    let backup = backup(organisation, app, moment, &zone);
    let clocks_change = backup.as_ref().and_then(|backup| backup.clocks_change);
    if let Some(state) = for_good {
        return Now { state, peak: None, peak_at_most, backup, woken: false, closed: None, next_change: clocks_change };
    }
    let edges = peaks.iter().flat_map(|peak| [peak.from, peak.to]);
    let nights = night.iter().flat_map(|night| night.edges(moment, &zone));
    let woken_for = backup.as_ref().filter(|_| night.is_some() && sleeps_with_its_databases(app));
    let turns = woken_for.into_iter().flat_map(|backup| backup.edges(moment, &zone));
    let window = app.settings.get("upgrade").and_then(|setting| Window::read(setting));
    let openings = window.iter().flat_map(|window| window.edges(moment, &zone));
    let closed =
        window.as_ref().filter(|window| !window.is_open(moment, &zone)).map(|window| window.closed(moment, &zone));
    let next_change =
        edges.chain(nights).chain(turns).chain(openings).chain(clocks_change).filter(|edge| *edge > moment).min();
    let holding = peaks.iter().filter(|peak| peak.from <= moment && moment < peak.to);
    let running = holding.max_by_key(|peak| peak.least);
    let state = match (running, &night) {
        (Some(peak), _) => State::Peak(peak.span),
        (None, Some(night)) if night.holds(moment, &zone) => State::Night(night.span),
        _ => State::Awake,
    };
    let woken = matches!(state, State::Night(_)) && woken_for.is_some_and(|backup| backup.wakes(moment, &zone));
    Now { state, peak: running.map(|peak| (peak.least, peak.span)), peak_at_most, backup, woken, closed, next_change }
}

/// What the app says of backups, where its cluster has a place for them.
fn backup(organisation: &Organisation, app: &App, moment: Timestamp, zone: &TimeZone) -> Option<Backup> {
    organisation.cluster.provides.get("backup")?;
    app.settings.get("backup").map(|setting| Backup::read(setting, zone, moment))
}

/// Whether it has databases that sleep when it does: those of PostgreSQL are shared and stay up.
fn sleeps_with_its_databases(app: &App) -> bool {
    app.definition.needs.iter().any(|need| need.item.kind == NeedKind::Mongodb)
}

/// A zone by its IANA name, from the names bundled with parcelle, so that no machine renders other times; UTC where unknown.
pub(super) fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
}

/// `nights asleep from="22:00" to="06:30"`.
pub(super) struct Night {
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) span: Span,
}

impl Night {
    pub(crate) fn read(setting: &Setting) -> Option<Self> {
        let asleep = setting.args.first().is_some_and(|word| word.text == "asleep");
        let time = |name: &str| Time::strptime("%H:%M", &setting.props.get(name)?.text).ok();
        asleep.then_some(())?;
        Some(Self { from: time("from")?, to: time("to")?, span: setting.span })
    }

    fn holds(&self, moment: Timestamp, zone: &TimeZone) -> bool {
        let time = moment.to_zoned(zone.clone()).time();
        match self.from.cmp(&self.to) {
            std::cmp::Ordering::Less => self.from <= time && time < self.to,
            std::cmp::Ordering::Equal => false,
            // Over midnight.
            std::cmp::Ordering::Greater => self.from <= time || time < self.to,
        }
    }

    /// Its beginnings and ends today and tomorrow.
    fn edges(&self, moment: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        let today = moment.to_zoned(zone.clone()).date();
        let days = [Some(today), today.checked_add(1.day()).ok()];
        let times = |day: jiff::civil::Date| [day.to_datetime(self.from), day.to_datetime(self.to)];
        days.into_iter().flatten().flat_map(times).filter_map(|edge| zone.to_timestamp(edge).ok()).collect()
    }
}

/// `peak from="2026-12-01T08:00" to="2026-12-03T20:00" min=4`.
pub(super) struct Peak {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) least: i64,
    pub(crate) span: Span,
}

impl Peak {
    /// Those of an app, by when they start.
    pub(crate) fn all(app: &App, zone: &TimeZone) -> Vec<Self> {
        app.peaks().filter_map(|setting| Self::read(setting, zone)).collect()
    }

    fn read(setting: &Setting, zone: &TimeZone) -> Option<Self> {
        let moment = |name: &str| {
            let text = &setting.props.get(name)?.text;
            let time: DateTime = text.parse().ok()?;
            zone.to_timestamp(time).ok()
        };
        let least = setting.props.get("min").and_then(|written| written.text.parse().ok()).unwrap_or(1);
        Some(Self { from: moment("from")?, to: moment("to")?, least, span: setting.span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn at(life: &str, time: &str) -> Now {
        let garden = sample::garden();
        let organisation = sample::organisation(&garden);
        let mut app = organisation.apps.get("cloud").unwrap().clone();
        app.settings.remove("peak");
        for line in life.lines() {
            let (name, setting) = sample::setting(line);
            let setting = if name == "peak" { sample::peaks(&[line]) } else { setting };
            app.settings.insert(name, setting);
        }
        super::at(&organisation, &app, time.parse().unwrap())
    }

    const NIGHTS: &str = "nights asleep from=\"22:00\" to=\"06:30\"";

    #[test]
    fn a_night_over_midnight_is_read_in_the_organisations_zone() {
        // Paris is two hours ahead of UTC in summer.
        assert!(!at(NIGHTS, "2026-07-01T19:59:59Z").asleep());
        assert!(at(NIGHTS, "2026-07-01T20:00:00Z").asleep());
        assert!(at(NIGHTS, "2026-07-02T04:29:59Z").asleep());
        assert!(!at(NIGHTS, "2026-07-02T04:30:00Z").asleep());
        assert!(!at("nights awake", "2026-07-01T23:00:00Z").asleep());
    }

    #[test]
    fn the_next_change_is_the_next_edge_of_a_night() {
        let next = at(NIGHTS, "2026-07-01T12:00:00Z").next_change.unwrap();
        assert_eq!(next.to_string(), "2026-07-01T20:00:00Z");
        let next = at(NIGHTS, "2026-07-01T20:00:00Z").next_change.unwrap();
        assert_eq!(next.to_string(), "2026-07-02T04:30:00Z");
        assert_eq!(at("nights awake", "2026-07-01T12:00:00Z").next_change, None);
    }

    #[test]
    fn a_peak_wakes_and_asks_for_replicas() {
        let both = format!("{NIGHTS}\npeak from=\"2026-07-01T20:00\" to=\"2026-07-02T02:00\" min=4");
        let now = at(&both, "2026-07-01T21:00:00Z");
        assert!(!now.asleep());
        assert_eq!(now.peak.map(|(least, _)| least), Some(4));
        let after = at(&both, "2026-07-02T01:00:00Z");
        assert!(after.asleep());
        assert_eq!((after.peak, after.peak_at_most), (None, 4));
    }

    #[test]
    fn where_two_peaks_meet_the_higher_one_counts() {
        let long = "peak from=\"2026-07-01T08:00\" to=\"2026-07-01T22:00\" min=3";
        let vote = "peak from=\"2026-07-01T12:00\" to=\"2026-07-01T14:00\" min=8";
        let garden = sample::garden();
        let organisation = sample::organisation(&garden);
        let mut app = organisation.apps.get("cloud").unwrap().clone();
        app.settings.insert("peak".to_owned(), sample::peaks(&[long, vote]));
        let least = |time: &str| super::at(&organisation, &app, time.parse().unwrap()).peak.map(|(least, _)| least);
        assert_eq!(least("2026-07-01T05:59:59Z"), None);
        assert_eq!(least("2026-07-01T06:00:00Z"), Some(3));
        assert_eq!(least("2026-07-01T10:00:00Z"), Some(8));
        assert_eq!(least("2026-07-01T12:00:00Z"), Some(3));
        assert_eq!(super::at(&organisation, &app, "2026-07-01T05:00:00Z".parse().unwrap()).peak_at_most, 8);
    }
}
