//! How long and how often a forge is asked again.

use std::time::Duration;

/// How a forge that does not answer is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// How often a call is made at most.
    pub(crate) tries: u32,
    /// The first pause; each further one is twice as long.
    pub(crate) first: Duration,
    /// The longest pause that nobody asked for.
    pub(crate) longest: Duration,
    /// How long a run waits and asks altogether.
    pub(crate) total: Duration,
}

/// How often a call is made at most.
const TRIES: u32 = 6;
/// How long a run waits for a forge altogether, in seconds.
pub(crate) const DEFAULT_SECONDS: u64 = 180;
/// How much of the whole time the last word, a status, has when the rest of it is used up.
const LAST_PART: u32 = 6;

impl Patience {
    /// A patience of so many seconds altogether; pauses grow with it: by default from a second to half a minute.
    pub(crate) fn of(seconds: u64) -> Self {
        let total = Duration::from_secs(seconds.clamp(1, 3_600));
        Self { tries: TRIES, first: total / 180, longest: total / 6, total }
    }

    /// Returns the pause after so many tries, from half of it to the whole by `chance` from 0 to 1.
    pub(crate) fn pause(&self, tries: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.longest).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// Returns the pause where a forge says that it is asked too often, and not how long it wants to be left alone: a minute by
    /// default, as GitHub asks for.
    pub(crate) fn unsaid(&self) -> Duration {
        self.total / 3
    }

    /// Returns how long the last word may take.
    pub(crate) fn last(&self) -> Duration {
        self.total / LAST_PART
    }
}

/// What an answer says of the time: its headers, and when it was given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimeHeaders<'a> {
    /// `Date`, by which times are counted, so that a clock that is wrong here does no harm.
    pub(crate) date: Option<&'a str>,
    /// `Retry-After`: seconds, or a date.
    pub(crate) retry_after: Option<&'a str>,
    /// `x-ratelimit-remaining` of GitHub, `RateLimit-Remaining` of GitLab.
    pub(crate) remaining: Option<&'a str>,
    /// `x-ratelimit-reset` of GitHub, in seconds since 1970.
    pub(crate) reset: Option<&'a str>,
    /// `RateLimit-ResetTime` of GitLab, a date.
    pub(crate) reset_time: Option<&'a str>,
}

impl TimeHeaders<'_> {
    /// Returns how long the forge asks to be left alone, where it does; `now` counts where the answer has no date.
    pub(crate) fn asked_pause(&self, now: jiff::Timestamp) -> Option<Duration> {
        let now = self.date.and_then(of_date).unwrap_or(now);
        let until = |then: jiff::Timestamp| {
            let seconds = then.as_second().saturating_sub(now.as_second());
            Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
        };
        if let Some(after) = self.retry_after.map(str::trim) {
            let seconds = after.parse().ok().map(Duration::from_secs);
            return seconds.or_else(|| of_date(after).map(until));
        }
        let is_used_up = self.remaining.is_some_and(|remaining| remaining.trim() == "0");
        let at = self.reset.and_then(|reset| jiff::Timestamp::from_second(reset.trim().parse().ok()?).ok());
        is_used_up.then(|| at.or_else(|| self.reset_time.and_then(of_date)).map(until)).flatten()
    }
}

/// A date of HTTP: `Wed, 21 Oct 2026 07:28:00 GMT`.
fn of_date(text: &str) -> Option<jiff::Timestamp> {
    jiff::fmt::rfc2822::parse(text.trim()).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> jiff::Timestamp {
        "2026-10-21T07:27:00Z".parse().expect("a time")
    }

    #[test]
    fn a_forge_is_left_alone_for_as_long_as_it_asks() {
        let none = TimeHeaders::default();
        let at = Some("1792567680");
        let cases = [
            (none, None),
            (TimeHeaders { retry_after: Some("7"), ..none }, Some(7)),
            (TimeHeaders { retry_after: Some("Wed, 21 Oct 2026 07:28:00 GMT"), ..none }, Some(60)),
            (TimeHeaders { retry_after: Some("Wed, 21 Oct 2026 07:00:00 GMT"), ..none }, Some(0)),
            (TimeHeaders { retry_after: Some("soon"), ..none }, None),
            (TimeHeaders { remaining: Some("0"), reset: at, ..none }, Some(60)),
            (TimeHeaders { remaining: Some("3"), reset: at, ..none }, None),
            (TimeHeaders { remaining: Some("0"), reset_time: Some("Wed, 21 Oct 2026 07:28:30 GMT"), ..none }, Some(90)),
            // The clock of the forge counts.
            (
                TimeHeaders { remaining: Some("0"), reset: at, date: Some("Wed, 21 Oct 2026 07:27:55 GMT"), ..none },
                Some(5),
            ),
        ];
        for (headers, seconds) in cases {
            assert_eq!(headers.asked_pause(now()), seconds.map(Duration::from_secs), "{headers:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let patience = Patience::of(DEFAULT_SECONDS);
        let seconds: Vec<u64> = (1..=7).map(|tries| patience.pause(tries, 1.0).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(patience.pause(2, 0.0), Duration::from_secs(1), "half of it");
        assert_eq!((patience.unsaid().as_secs(), patience.last().as_secs()), (60, 30));
        assert_eq!(patience.pause(200, 1.0), patience.longest);
    }
}
