//! The loop: a session with events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::clusters::ClusterAccess;
use super::edited::AppliedFrom;
use super::events::{Event, Events, Waits};
use super::failure::Failure;
use super::known::{VERIFY_EVERY, VERIFY_PACE};
use super::leading::Gained;
use super::leases::LeaseOptions;
use super::note::Note;
use super::options::{Ask, RoundOptions};
use super::round::Round;
use super::session::Session;
use super::source::Source;
use crate::cause::reason_of;
use crate::check::Checked;
use crate::cluster::lease::Taken;
use crate::cluster::{LoopState, Reading, Shutdown};
use crate::forge::consent::credentials::ForgeAccess;
use crate::git::CommitId;
use crate::name::Name;

/// How the loop goes.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// How often the repository is looked at.
    pub interval: Duration,
    /// How often everything is compared with the clusters, beside what their watches show.
    pub resync: Duration,
    /// How long one step of an organisation is waited for in a single round; `None` waits for nothing. The loop itself
    /// never sits and waits: what becomes ready is told by its watch.
    pub wait: Option<Duration>,
    /// Whether one round is all: nothing is watched, and what a loop would wait for is a failure.
    pub once: bool,
    /// Whether rounds leave out what stays as it is, and what new objects are made of.
    pub brief: bool,
}

/// A session with events: the loop of `parcelle run`.
pub struct Daemon {
    pub(super) session: Session,
    options: DaemonOptions,
    events: Events,
    /// Clusters that somebody else writes to, with the reason: this process stands by.
    standby: BTreeMap<Name, String>,
    /// Whether the next round is about everything.
    pub(super) begins: bool,
    /// Whether the next round is told although it is about nothing: other clusters are led by others, or are silent.
    pub(super) tells: bool,
    /// When everything is verified with the servers again; counted from the first turn.
    verification: Option<jiff::Timestamp>,
    /// When the next organisation of those is.
    next_verified: Option<jiff::Timestamp>,
    /// Why the repository could not be looked at, where that is to be told.
    pub(super) fetch_failure: Option<Failure>,
    /// Since when the repository cannot be looked at, and why: it is told once, and beside the leases.
    without_repository: Option<(jiff::Timestamp, String)>,
}

/// What happened in one turn of the loop.
pub struct Turn<'a> {
    /// What began it.
    pub(crate) event: Event,
    /// The garden that it was about.
    pub checked: &'a Checked,
    /// What was found and done.
    pub round: Round,
    /// What was applied before; absent where it was not about a commit that is news.
    pub(super) applied_before: Option<AppliedFrom>,
    /// Where the garden's files come from.
    pub(super) source: &'a Source,
    /// What people are to know besides.
    pub(crate) notes: Vec<Note>,
    /// Why the repository could not be looked at; the round is about the commit that was known.
    pub(crate) failure: Option<Failure>,
}

impl Daemon {
    /// A loop that has not begun: the first turn is a [`Event::Resync`].
    pub fn new(
        source: Source,
        access: ClusterAccess,
        leases: LeaseOptions,
        options: DaemonOptions,
        shutdown: Shutdown,
    ) -> Self {
        let events = Events::every(options.interval, options.resync);
        let bell = (!options.once).then(|| events.bell().clone());
        let session = Session::of_loop(source, access, leases, bell, shutdown);
        Self {
            session,
            options,
            events,
            standby: BTreeMap::new(),
            begins: false,
            tells: false,
            verification: None,
            next_verified: None,
            fetch_failure: None,
            without_repository: None,
        }
    }

    /// The same loop, which reaches the forges whose reviews count in another way than the environment says.
    #[must_use]
    pub fn reaching(mut self, forges: ForgeAccess) -> Self {
        self.session.forges = forges;
        self
    }

    /// Waits for the next event, or for `stop`.
    pub async fn next(&mut self, now: jiff::Timestamp, stop: impl Future<Output = ()>) -> Event {
        let waits = self.waits(now);
        self.events.next(waits, stop).await
    }

    /// How long from now something is due by itself.
    fn waits(&self, now: jiff::Timestamp) -> Waits {
        let until = |at: i64| Duration::from_millis(u64::try_from(at - now.as_millisecond()).unwrap_or(0));
        let known = &self.session.known;
        let daily = self.verification.map(|at| until(at.as_millisecond()));
        let paced = self.next_verified.map(|at| until(at.as_millisecond()));
        let agreed = self.session.checked.agreement.as_ref().and_then(|agreement| agreement.until());
        let changes = known.next_change().map(jiff::Timestamp::as_millisecond);
        let changes = changes.into_iter().chain(agreed.map(|until| until.saturating_mul(1_000))).min();
        Waits {
            clock: changes.map(|at| until(at).max(Duration::from_secs(1))),
            due: known.attention.next_due().map(until),
            verify: if known.attention.has_to_verify() { Some(paced.unwrap_or(VERIFY_PACE)) } else { daily },
            lease: self.session.leases.next_asked(),
        }
    }

    /// IO: takes the leases that are to be had. Where one was gained, everything is looked at: what another process wrote
    /// meanwhile is not known here.
    pub(super) async fn lead(&mut self, event: Event, now: jiff::Timestamp) -> Event {
        let before = (self.session.refused.clone(), self.session.unasked.clone());
        let Gained { leases: gained, read_again } = self.session.lead(now).await;
        self.tells |= before != (self.session.refused.clone(), self.session.unasked.clone());
        for (cluster, from) in gained.iter().filter(|(cluster, _)| self.standby.contains_key(*cluster)) {
            // Of a lease that ran out, the session has told.
            if !matches!(from, Some(Taken::RunOut { .. })) {
                self.session.notes.push(Note::TakesOver { cluster: cluster.clone(), from: from.clone() });
            }
        }
        let event = if gained.is_empty() && !read_again { event } else { Event::Resync };
        // Until a round has looked at everything, also where the check before it fails.
        self.begins |= event == Event::Resync;
        if event == Event::Resync {
            self.session.check_beside_anew();
        }
        event
    }

    /// The next round is about everything: clusters were reached that nothing is known of.
    pub(super) fn everything_is_due(&mut self) {
        self.begins = true;
    }

    /// IO: brings what is new in the repository. Where that fails, the loop goes on with the commit that it knows, so that
    /// drift is put back and a takeover is whole without Git; the turn tells why.
    pub(super) async fn fetch(&mut self, now: jiff::Timestamp) -> Result<Option<CommitId>, Failure> {
        match self.session.fetch().await {
            Err(failure) if self.session.has_checked() && !matches!(failure, Failure::Ending) => {
                let why = reason_of(&failure);
                if let Some((_, known)) = &mut self.without_repository {
                    *known = why;
                } else {
                    self.without_repository = Some((now, why));
                    self.fetch_failure = Some(failure);
                }
                Ok(self.session.checked.commit.as_ref().map(|commit| commit.id.clone()))
            }
            Err(failure) => Err(failure),
            fetched => {
                self.without_repository = None;
                fetched
            }
        }
    }

    /// Says beside the leases how this loop fares.
    pub(super) fn say_how_it_fares(&self) {
        let commit = self.session.checked.commit.as_ref();
        let without = self.without_repository.as_ref();
        self.session.leases.say(&LoopState {
            commit: commit.map(|commit| commit.id.0.clone()).unwrap_or_default(),
            without_repository_since: without.map(|(since, _)| since.as_second()),
            why: without.map(|(_, why)| why.clone()).unwrap_or_default(),
        });
    }

    /// Whether a commit is another one than was checked last, or has to be looked at again.
    pub(super) fn is_news(&self, head: Option<&CommitId>) -> bool {
        let known = self.session.checked.commit.as_ref().map(|commit| &commit.id);
        known != head
    }

    /// Whether what a round tells leaves out what stays as it is, and what new objects are made of.
    pub(super) fn is_brief(&self) -> bool {
        self.options.brief
    }

    /// What a round after an event is about.
    pub(super) fn round_options(&mut self, event: Event, now: jiff::Timestamp) -> RoundOptions {
        let whole = std::mem::take(&mut self.begins);
        let everything = RoundOptions { reading: Reading::Lean, ..RoundOptions::everything(now) };
        if self.options.once {
            return RoundOptions { wait: self.options.wait, ..everything };
        }
        self.begin_verification(now);
        let mut options = RoundOptions {
            ask: Ask::WhereItDecides,
            // Nothing is waited for: what becomes ready is told by its watch.
            wait: self.options.wait.map(|_| Duration::ZERO),
            whole,
            also: self.stirred_or_due(now),
            reading: if whole { Reading::Lean } else { Reading::Watched },
            ..everything
        };
        if event == Event::Verify
            && let Some(next) = self.session.known.attention.next_to_verify()
        {
            self.next_verified = Some(now.checked_add(VERIFY_PACE).unwrap_or(now));
            options.also.insert(next);
            (options.reading, options.ask) = (Reading::Bodies, Ask::Everything);
        }
        options
    }

    /// Organisations that are looked at although their files did not change: stirred by a watch, due to be tried again, or
    /// on a cluster that has rested.
    fn stirred_or_due(&mut self, now: jiff::Timestamp) -> BTreeSet<Name> {
        let now = now.as_millisecond();
        let known = &mut self.session.known;
        let stir = known.watching.stirred(&known.attention);
        known.stirred.extend(stir.organisations);
        let mut organisations = known.attention.due(now);
        organisations.extend(known.stirred.iter().cloned());
        let rested = known.attention.rested(now);
        let rendered = &self.session.checked.objects;
        let on_rested = rendered.iter().filter(|(_, one)| rested.contains(&one.cluster));
        organisations.extend(on_rested.map(|(name, _)| name.clone()));
        if stir.facts {
            // What failed for want of a kind may go now.
            let tried = known.attention.objects().map(|(name, _)| name);
            organisations.extend(tried.filter(|name| known.attention.is_open_in(name)).cloned());
            known.verify_all();
        }
        organisations
    }

    /// Begins the daily verification of everything with the servers, where its time has come.
    fn begin_verification(&mut self, now: jiff::Timestamp) {
        if self.verification.is_some_and(|at| at <= now) {
            self.verification = Some(next_verification(now));
            self.session.known.verify_all();
        }
    }

    /// A round as the turn tells of it. A single round has failed where somebody else writes; the loop stands by, and says
    /// so once.
    pub(super) fn ended(
        &mut self,
        event: Event,
        round: Round,
        applied_before: Option<AppliedFrom>,
        now: jiff::Timestamp,
    ) -> Turn<'_> {
        self.verification.get_or_insert_with(|| next_verification(now));
        let mut notes = self.session.take_notes();
        let round = if self.options.once {
            round.with_refusals_as_failures()
        } else {
            let new = round.refused.iter().filter(|(cluster, _)| !self.standby.contains_key(*cluster));
            notes.extend(new.map(|(cluster, why)| Note::StandsBy { cluster: cluster.clone(), why: why.clone() }));
            self.standby.clone_from(&round.refused);
            round
        };
        Turn {
            event,
            checked: &self.session.checked,
            round,
            applied_before,
            source: &self.session.source,
            notes,
            failure: self.fetch_failure.take(),
        }
    }

    /// What is applied before a round, where it may be about a commit that is news.
    pub(super) fn applied_before(&self, is_news: bool) -> Option<AppliedFrom> {
        is_news.then(|| AppliedFrom::of(self.session.known.applied.as_ref(), &self.session.checked.renderer_hash))
    }

    /// The session behind the loop.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The session behind the loop, to say who is told of progress.
    pub(crate) fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// IO: gives up the leases and ends the embedded sandboxes.
    pub async fn close(self) {
        self.session.close().await;
    }
}

fn next_verification(now: jiff::Timestamp) -> jiff::Timestamp {
    now.checked_add(VERIFY_EVERY).unwrap_or(jiff::Timestamp::MAX)
}
