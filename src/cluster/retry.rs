//! One way to try again: how often, how far apart, as the server asks, and until when.
//!
//! Whoever sends something that may fail for a while sends it in a loop and hands each error to its [`Retry`]: that pauses,
//! or gives the error back where no attempt is left. What has to happen before something is sent again (reading back what
//! a lost answer did, comparing the base) stands in the loop. No attempt begins after the deadline, none after a lost
//! lease. (A function over an async closure would read alike, but its future is not `Send` for Rust 1.95.)

use std::time::Duration;

use ring::rand::SecureRandom;
use tokio::time::{Instant, sleep};

use super::errors::ApiError;

/// How often a request is sent that the server could not serve.
const ATTEMPTS: u32 = 5;

/// How long after its first attempt a request may be sent once more.
const LONGEST: Duration = Duration::from_mins(2);

/// The first pause while the server or the network is unwell. Pauses double from here.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// No pause of our own choice is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The first pause after somebody else's write: the server is well, and the others are done as quickly as we are.
const FIRST_PAUSE_AFTER_A_WRITE: Duration = Duration::from_millis(10);

/// No pause is longer while something is waited for that may come at any moment.
const LONGEST_PAUSE_WAITING: Duration = Duration::from_secs(2);

/// A server that asks for a longer pause (`Retry-After`) is asked again after this one.
const LONGEST_ASKED: Duration = Duration::from_mins(1);

/// The attempts at one thing: how many were made, and how many more may be, until when.
#[derive(Debug)]
pub(super) struct Retry {
    made: u32,
    attempts: u32,
    deadline: Option<Instant>,
    longest_pause: Duration,
}

/// What lies between two attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The server or the network is unwell: pauses grow, and are no shorter than the server asks, where it does.
    Growing(Option<Duration>),
    /// Somebody else wrote meanwhile, or took away what was to be written.
    Short,
    /// What failed had stood for a while: attempts and pauses are counted from the beginning.
    Anew,
    /// This long, whatever came before.
    Fixed(Duration),
}

impl Pause {
    /// The pause that an error calls for.
    fn after(error: &ApiError) -> Self {
        match error.retry_after() {
            None if error.is_conflict() || error.is_failed_test() || error.is_not_found() || error.is_expired() => {
                Self::Short
            }
            asked => Self::Growing(asked),
        }
    }
}

impl Retry {
    /// Attempts at one request, or at a few that belong together.
    pub(super) fn of_a_request() -> Self {
        Self::of_long_attempts().before(Instant::now() + LONGEST)
    }

    /// Attempts that take as long as they take, since the requests in them have limits of their own.
    pub(super) fn of_long_attempts() -> Self {
        Self { made: 0, attempts: ATTEMPTS, deadline: None, longest_pause: LONGEST_PAUSE }
    }

    /// Looks for something that others make, the last one at the deadline.
    pub(super) fn until(deadline: Instant) -> Self {
        Self { longest_pause: LONGEST_PAUSE_WAITING, ..Self::endless().before(deadline) }
    }

    /// Attempts at what goes on as long as the process does.
    pub(super) fn endless() -> Self {
        Self { attempts: u32::MAX, ..Self::of_long_attempts() }
    }

    /// As many attempts, within a deadline too.
    pub(super) fn before(self, deadline: Instant) -> Self {
        Self { deadline: Some(self.deadline.map_or(deadline, |own| own.min(deadline))), ..self }
    }

    /// Pauses before the next attempt at a request that does no harm when it is sent twice, while the server is unwell.
    /// Gives the error back where it is another one or no attempt is left.
    pub(super) async fn while_unwell(&mut self, error: ApiError) -> Result<(), ApiError> {
        self.again_if(error.is_passing(), error).await
    }

    /// Pauses before the next attempt at a write that begins with a fresh read: also after somebody else's write.
    pub(super) async fn of_fresh_write(&mut self, error: ApiError) -> Result<(), ApiError> {
        self.again_if(error.is_passing() || error.is_conflict(), error).await
    }

    /// Pauses before the next attempt if `again` holds; nothing is sent again after a lost lease.
    pub(super) async fn again_if(&mut self, again: bool, error: ApiError) -> Result<(), ApiError> {
        if !again || matches!(error, ApiError::LeaseLost | ApiError::Ending) {
            return Err(error);
        }
        let pause = Pause::after(&error);
        self.again(pause, error).await
    }

    /// Pauses before the next attempt. Gives the error back where none is left.
    pub(super) async fn again<E>(&mut self, pause: Pause, error: E) -> Result<(), E> {
        self.made = if pause == Pause::Anew { 0 } else { self.made + 1 };
        let Some(pause) = self.length(pause) else { return Err(error) };
        sleep(pause).await;
        Ok(())
    }

    /// How long a pause is after the attempts that were made; nothing where no further attempt is.
    fn length(&self, pause: Pause) -> Option<Duration> {
        if self.made >= self.attempts {
            return None;
        }
        let growing = || backoff(self.made, FIRST_PAUSE, self.longest_pause);
        let wanted = match pause {
            Pause::Growing(None) | Pause::Anew => growing(),
            Pause::Growing(Some(asked)) => asked.min(LONGEST_ASKED) + growing() / 4,
            Pause::Short => backoff(self.made, FIRST_PAUSE_AFTER_A_WRITE, self.longest_pause),
            Pause::Fixed(pause) => pause,
        };
        let Some(deadline) = self.deadline else { return Some(wanted) };
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        // Our own pauses end with the deadline, for a last attempt; one that the server asks for is not cut short.
        match pause {
            Pause::Growing(Some(_)) | Pause::Fixed(_) => (wanted <= left).then_some(wanted),
            Pause::Growing(None) | Pause::Short | Pause::Anew => Some(wanted.min(left)),
        }
    }
}

/// A pause that doubles with each attempt up to the longest, with jitter between half of it and the whole.
fn backoff(attempts: u32, first: Duration, longest: Duration) -> Duration {
    let whole = first.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(longest);
    let mut byte = [0_u8];
    // Without random bytes all wait alike, which is only less polite.
    let _unspecified = ring::rand::SystemRandom::new().fill(&mut byte);
    whole.mul_f64(0.5 + f64::from(byte[0]) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::errors::Refusal;

    fn refused(code: u16, retry_after: Option<u64>) -> ApiError {
        let retry_after = retry_after.map(Duration::from_secs);
        ApiError::Refused(Box::new(Refusal { code, retry_after, ..Refusal::default() }))
    }

    fn silent() -> ApiError {
        ApiError::Silent { seconds: 40 }
    }

    /// Attempts that all fail alike: when each began, and the error in the end.
    async fn failing(
        mut retry: Retry,
        mut again: impl AsyncFnMut(&mut Retry) -> Result<(), ApiError>,
    ) -> (Vec<Duration>, ApiError) {
        let begun = Instant::now();
        let mut at = Vec::new();
        loop {
            at.push(begun.elapsed());
            if let Err(error) = again(&mut retry).await {
                return (at, error);
            }
        }
    }

    fn pauses(attempts: &[Duration]) -> Vec<Duration> {
        attempts.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_does_better_is_tried_a_few_times_and_fails_with_its_last_error() {
        let (at, error) = failing(Retry::of_a_request(), async |retry| retry.while_unwell(silent()).await).await;
        assert_eq!((at.len(), error), (5, silent()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_attempt_mends_ends_at_once() {
        for error in [refused(422, None), refused(403, Some(1)), refused(409, None), ApiError::LeaseLost] {
            let again = async |retry: &mut Retry| retry.while_unwell(error.clone()).await;
            let (at, ended) = failing(Retry::of_a_request(), again).await;
            assert_eq!((at, &ended), (vec![Duration::ZERO], &error));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_again_after_a_lost_lease_whoever_asks_for_it() {
        let again = async |retry: &mut Retry| retry.again_if(true, ApiError::LeaseLost).await;
        let (at, error) = failing(Retry::of_a_request(), again).await;
        assert_eq!((at.len(), error), (1, ApiError::LeaseLost));
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_with_jitter_and_are_bounded() {
        let retry = Retry { attempts: 12, ..Retry::endless() };
        let (at, _) = failing(retry, async |retry| retry.while_unwell(silent()).await).await;
        let pauses = pauses(&at);
        for (nth, pause) in pauses.iter().enumerate() {
            let whole = FIRST_PAUSE.saturating_mul(1 << nth).min(LONGEST_PAUSE);
            // A sleep ends on a whole millisecond.
            let range = whole / 2..=whole + Duration::from_millis(1);
            assert!(range.contains(pause), "pause {nth} of {pause:?} is not in {range:?}");
        }
        assert_eq!(pauses.len(), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_server_asks_for_is_kept_up_to_a_minute() {
        for (asked, least, most) in [(3, 3, 4), (30, 30, 31), (3_600, 60, 61)] {
            let again = async |retry: &mut Retry| retry.while_unwell(refused(429, Some(asked))).await;
            let (at, _) = failing(Retry::of_a_request(), again).await;
            let range = Duration::from_secs(least)..=Duration::from_secs(most);
            assert!(range.contains(&at[1]), "asked for {asked} s, waited {:?}", at[1]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_server_asks_for_and_that_passes_the_deadline_is_not_begun() {
        let begun = Instant::now();
        let again = async |retry: &mut Retry| retry.while_unwell(refused(503, Some(50))).await;
        let (at, _) = failing(Retry::of_a_request(), again).await;
        assert_eq!(at.len(), 3, "{at:?}");
        assert!(begun.elapsed() < Duration::from_secs(110), "the third is not waited for: {:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn no_attempt_begins_after_the_deadline() {
        let slowly = async |retry: &mut Retry| {
            sleep(Duration::from_secs(70)).await;
            retry.while_unwell(silent()).await
        };
        let (at, error) = failing(Retry::of_a_request(), slowly).await;
        assert_eq!((at.len(), error), (2, silent()));
        let nearer = Retry::of_a_request().before(Instant::now() + Duration::from_secs(1));
        assert_eq!(failing(nearer, slowly).await.0.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_is_looked_for_until_its_deadline_and_once_more_then() {
        for seconds in [0, 1, 30] {
            let retry = Retry::until(Instant::now() + Duration::from_secs(seconds));
            let (at, _) = failing(retry, async |retry| retry.again(Pause::Growing(None), silent()).await).await;
            assert_eq!(at[at.len() - 1].as_secs(), seconds, "{at:?}");
            let longest = LONGEST_PAUSE_WAITING + Duration::from_millis(1);
            assert!(pauses(&at).iter().all(|pause| *pause <= longest), "{at:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn after_somebody_elses_write_the_next_attempt_comes_soon_unless_the_server_asks_for_a_pause() {
        let (at, error) =
            failing(Retry::of_a_request(), async |retry| retry.of_fresh_write(refused(409, None)).await).await;
        assert_eq!((at.len(), error.is_conflict()), (5, true));
        assert!(at[4] < FIRST_PAUSE, "{at:?}");
        let asked = async |retry: &mut Retry| retry.of_fresh_write(refused(409, Some(2))).await;
        assert!(failing(Retry::of_a_request(), asked).await.0[1] >= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stood_for_a_while_is_counted_from_the_beginning() {
        let mut attempts = 0;
        let (at, _) = failing(Retry::of_a_request(), async |retry| {
            attempts += 1;
            let pause = if attempts == 4 { Pause::Anew } else { Pause::Growing(None) };
            retry.again(pause, silent()).await
        })
        .await;
        assert_eq!(at.len(), 4 + 5);
        assert!(pauses(&at)[3] <= FIRST_PAUSE + Duration::from_millis(1), "{at:?}");
    }
}
