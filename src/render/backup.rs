//! What `backup` says of an app: at what times, and how much is kept.
//!
//! Operators read schedules in UTC, people write times of their own zone. The offset is that of the moment of rendering,
//! so a schedule is written anew when the clocks change.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span as Duration, Timestamp, ToSpan as _};

use crate::model::Setting;
use crate::source::Span;

/// The day of weekly backups.
const WEEKLY: Weekday = Weekday::Sunday;
/// How many daily backups are kept where nothing is said.
const DAILY: u32 = 7;
/// The time where none is said.
const HOUR: Time = Time::constant(2, 30, 0, 0);
/// How long before a backup what sleeps is woken for it, and after which time it sleeps again.
const WOKEN: (i64, i64) = (-15, 120);

/// When an app is backed up, and how much is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backup {
    /// The time of day, local to the organisation.
    time: Time,
    /// Once a week rather than every night.
    weekly: bool,
    /// How far local times are ahead of UTC, in minutes.
    ahead: i64,
    /// When that changes next.
    pub(crate) clocks_change: Option<Timestamp>,
    /// How many are kept.
    pub(crate) keep: Keep,
    /// The line that says when.
    pub(crate) when: Span,
    /// The line that says how many.
    pub(crate) kept: Span,
}

/// How many backups are kept; none of a kind that is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keep {
    /// One for each of so many days with a backup.
    pub(crate) daily: u32,
    /// One for each of so many weeks.
    pub(crate) weekly: u32,
    /// One for each of so many months.
    pub(crate) monthly: u32,
}

impl Backup {
    /// What the setting says, at a moment.
    pub(crate) fn read(setting: &Setting, zone: &TimeZone, moment: Timestamp) -> Self {
        let every = child(setting, "every");
        let (keep, kept) = Keep::read(setting);
        let time = every.and_then(|every| Time::strptime("%H:%M", &every.props.get("at")?.text).ok());
        Self {
            time: time.unwrap_or(HOUR),
            weekly: every.is_some_and(|every| every.args.first().is_some_and(|word| word.text == "week")),
            ahead: i64::from(zone.to_offset(moment).seconds()) / 60,
            clocks_change: zone.following(moment).next().map(|change| change.timestamp()),
            keep,
            when: every.map_or(setting.span, |every| every.span),
            kept,
        }
    }

    /// One backup that does what each of two apps asks: as often as the more demanding, kept as long as the longer.
    pub(crate) fn together(self, other: Self) -> Self {
        let sooner = (other.weekly, other.time) < (self.weekly, self.time);
        let (own, theirs) = (self.days(), other.days());
        let (keep, kept) = if theirs > own { (other.keep, other.kept) } else { (self.keep, self.kept) };
        let first = if sooner { other } else { self };
        Self { keep, kept, ..first }
    }

    /// The schedule in UTC, as cron writes it: minute, hour, day of the month, month, day of the week.
    pub(crate) fn utc(&self) -> String {
        let minutes = i64::from(self.time.hour()) * 60 + i64::from(self.time.minute()) - self.ahead;
        let of_day = minutes.rem_euclid(24 * 60);
        let day = i64::from(WEEKLY.to_sunday_zero_offset()) + minutes.div_euclid(24 * 60);
        let day = if self.weekly { day.rem_euclid(7).to_string() } else { "*".to_owned() };
        format!("{} {} * * {day}", of_day % 60, of_day / 60)
    }

    /// The same as a zoned schedule reads it.
    pub(crate) fn local(&self) -> String {
        let day = if self.weekly { WEEKLY.to_sunday_zero_offset().to_string() } else { "*".to_owned() };
        format!("{} {} * * {day}", self.time.minute(), self.time.hour())
    }

    /// Whether backups are weekly.
    pub(crate) fn is_weekly(&self) -> bool {
        self.weekly
    }

    /// The time in which everything that is kept was made, in days.
    pub(crate) fn days(&self) -> u32 {
        let each = if self.weekly { 7 } else { 1 };
        let Keep { daily, weekly, monthly } = self.keep;
        (daily * each).max(weekly * 7).max(monthly * 31)
    }

    /// Whether what sleeps is woken at the moment, so that it can be backed up.
    pub(crate) fn wakes(&self, moment: Timestamp, zone: &TimeZone) -> bool {
        self.turns(moment, zone).iter().any(|(from, to)| *from <= moment && moment < *to)
    }

    /// When that begins and ends, of the turns around a moment.
    pub(crate) fn edges(&self, moment: Timestamp, zone: &TimeZone) -> impl Iterator<Item = Timestamp> {
        self.turns(moment, zone).into_iter().flat_map(|(from, to)| [from, to])
    }

    /// The times of the last turn, and of those of the week to come.
    fn turns(&self, moment: Timestamp, zone: &TimeZone) -> Vec<(Timestamp, Timestamp)> {
        let today = moment.to_zoned(zone.clone()).date();
        let days = (-1..=7_i64).filter_map(|day| today.checked_add(day.days()).ok());
        let meant = |day: &Date| !self.weekly || day.weekday() == WEEKLY;
        let turn = |day: Date| {
            let start = day.to_datetime(self.time);
            let at = |minutes: i64| moment_of(start, minutes.minutes(), zone);
            Some((at(WOKEN.0)?, at(WOKEN.1)?))
        };
        days.filter(meant).filter_map(turn).collect()
    }
}

impl Keep {
    /// How many the setting says, or as many as are kept where it does not, with the line.
    pub(crate) fn read(setting: &Setting) -> (Self, Span) {
        let keep = child(setting, "keep");
        let count = |name: &str| keep.and_then(|keep| keep.props.get(name)?.text.parse().ok()).unwrap_or(0);
        let said = Self { daily: count("daily"), weekly: count("weekly"), monthly: count("monthly") };
        let kept = if said.is_nothing() { Self { daily: DAILY, ..said } } else { said };
        (kept, keep.map_or(setting.span, |keep| keep.span))
    }

    fn is_nothing(self) -> bool {
        self.daily == 0 && self.weekly == 0 && self.monthly == 0
    }
}

impl std::fmt::Display for Keep {
    /// `7 daily, 4 weekly and 6 monthly`
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [(self.daily, "daily"), (self.weekly, "weekly"), (self.monthly, "monthly")];
        let all = all.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = all.map(|(count, each)| format!("{count} {each}")).collect();
        match parts.split_last() {
            Some((last, rest)) if !rest.is_empty() => write!(formatter, "{} and {last}", rest.join(", ")),
            _ => formatter.write_str(&parts.concat()),
        }
    }
}

fn child<'a>(setting: &'a Setting, name: &str) -> Option<&'a Setting> {
    setting.children.get(name).and_then(|keyed| keyed.values().next())
}

fn moment_of(start: DateTime, after: Duration, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(start.checked_add(after).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    const SUMMER: &str = "2026-07-01T12:00:00Z";
    const WINTER: &str = "2026-12-01T12:00:00Z";

    fn paris() -> TimeZone {
        jiff::tz::TimeZoneDatabase::bundled().get("Europe/Paris").unwrap()
    }

    fn read(line: &str, moment: &str) -> Backup {
        Backup::read(&sample::setting(line).1, &paris(), moment.parse().unwrap())
    }

    #[test]
    fn schedules_are_in_utc_and_follow_the_clocks() {
        let line = "backup { every night at=\"02:30\"; }";
        assert_eq!(read(line, SUMMER).utc(), "30 0 * * *");
        assert_eq!(read(line, WINTER).utc(), "30 1 * * *");
        assert_eq!(read(line, SUMMER).local(), "30 2 * * *");
        let change = read(line, SUMMER).clocks_change.unwrap();
        assert_eq!(change.to_string(), "2026-10-25T01:00:00Z");
    }

    #[test]
    fn a_sunday_that_begins_in_paris_is_still_a_saturday_elsewhere() {
        assert_eq!(read("backup { every week at=\"00:30\"; }", SUMMER).utc(), "30 22 * * 6");
        assert_eq!(read("backup { every week at=\"02:30\"; }", SUMMER).utc(), "30 0 * * 0");
        assert_eq!(read("backup { every week at=\"00:30\"; }", SUMMER).local(), "30 0 * * 0");
    }

    #[test]
    fn what_nobody_said_is_every_night_and_a_week() {
        let backup = read("backup { keep monthly=2; }", WINTER);
        assert_eq!((backup.utc().as_str(), backup.days()), ("30 1 * * *", 62));
        let backup = read("backup { every night at=\"04:00\"; }", WINTER);
        assert_eq!(backup.keep, Keep { daily: 7, weekly: 0, monthly: 0 });
        assert_eq!(read("backup { every week; keep daily=3; }", WINTER).days(), 21);
    }

    #[test]
    fn databases_of_several_apps_follow_the_most_demanding() {
        let nightly = read("backup { every night at=\"05:00\"; keep daily=7; }", WINTER);
        let weekly = read("backup { every week at=\"01:00\"; keep weekly=8; }", WINTER);
        for both in [nightly.clone().together(weekly.clone()), weekly.together(nightly)] {
            assert_eq!((both.local().as_str(), both.days()), ("0 5 * * *", 56));
        }
    }

    #[test]
    fn what_sleeps_is_woken_around_its_backup() {
        let nightly = read("backup { every night at=\"02:30\"; }", SUMMER);
        let woken = |backup: &Backup, moment: &str| backup.wakes(moment.parse().unwrap(), &paris());
        assert!(!woken(&nightly, "2026-07-02T00:14:59Z"));
        assert!(woken(&nightly, "2026-07-02T00:15:00Z"));
        assert!(!woken(&nightly, "2026-07-02T02:30:00Z"));
        let weekly = read("backup { every week at=\"02:30\"; }", SUMMER);
        assert!(!woken(&weekly, "2026-07-02T00:30:00Z"), "a Thursday");
        assert!(woken(&weekly, "2026-07-05T00:30:00Z"), "a Sunday");
        let next = weekly.edges("2026-07-01T12:00:00Z".parse().unwrap(), &paris()).min().unwrap();
        assert_eq!(next.to_string(), "2026-07-05T00:15:00Z");
    }
}
