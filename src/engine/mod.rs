//! The engine: keeps clusters true to a garden. The whole flow stands on this page.
//!
//! ```text
//! event ─▶ fetch ─▶ check ─▶ choose ─▶ read ─▶ plan ─▶ guard ─▶ apply ─▶ remember ─▶ what happened
//!          IO       pure     pure      IO      pure    pure     IO       pure        the command line prints it
//! ```
//!
//! A [`Session`] is a garden and its clusters for as long as a command takes: every command that reads or writes clusters
//! uses one. A [`Daemon`] is a session with [`Event`]s: `parcelle run`. Between two rounds nothing is asked of the clusters:
//! watches show what changes there, and [`known`] holds what is looked at next, and when.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::Name;
use session::Chosen;

mod clusters;
mod daemon;
mod definitions;
mod eject;
mod events;
mod failure;
mod known;
mod leading;
mod leases;
mod offline;
mod options;
mod pause;
mod prepared;
mod round;
mod session;
mod snapshot;
mod source;
pub mod stages;
mod stale;
mod state;
mod status;
mod survey;

pub use clusters::ClusterAccess;
pub(crate) use clusters::{SandboxState, made_by_operators};
pub(crate) use daemon::Turn;
pub use daemon::{Daemon, DaemonOptions};
pub(crate) use eject::{EjectFailure, EjectTarget};
pub use events::Event;
pub(crate) use failure::Failure;
pub use known::Known;
pub use leases::LeaseOptions;
pub(crate) use offline::{Baseline, past_of_snapshot, plan_offline};
pub use options::{Ask, RoundOptions};
pub(crate) use prepared::Prepared;
pub(crate) use round::Round;
pub use round::RoundOutcome;
pub(crate) use session::{Note, Session};
pub(crate) use snapshot::SNAPSHOT_SCHEMA;
pub use snapshot::{LiveSnapshot, as_applied, snapshot, state};
pub use source::Source;
pub use stale::stale;
pub use state::{LiveState, RoundState};
pub use survey::{Survey, survey};

impl Daemon {
    /// One turn of the loop: what an event asks for, done at a time. Returns what happened; nothing, where the event
    /// asked for nothing.
    pub async fn turn(&mut self, event: Event, now: jiff::Timestamp) -> Result<Option<Turn<'_>>, Failure> {
        let event = self.lead(event, now).await; //                           IO: leases
        let mut anew = std::mem::take(&mut self.tells);
        if event.looks_at_the_repository() || !self.session.has_checked() {
            let head = self.fetch().await?; //                                IO: Git
            let news = event != Event::Poll || self.is_news(head.as_ref());
            anew |= news;
            if news && self.session.check(head.as_ref(), now).await? {
                self.everything_is_due(); //                                  pure; IO where clusters are new
            }
        }
        let options = self.round_options(event, now); //                      pure
        if !(anew || options.whole) && options.also.is_empty() && self.fetch_failure.is_none() {
            return Ok(None);
        }
        let round = self.session.round(&options).await; //                    IO and pure: below
        Ok(Some(self.ended(event, round, now))) //                            pure
    }
}

impl Session {
    /// One round over the checked garden, batch by batch, so that what it holds does not grow with the garden. Nothing is
    /// read or written on clusters that somebody else leads.
    async fn round(&mut self, options: &RoundOptions) -> Round {
        let chosen = self.choose(options); //                                 pure; IO: the repository's history
        let Chosen { organisations, backwards, untouched, waiting } = chosen;
        let looked_at = organisations.clone();
        let mut round = Round { backwards, waiting, untouched, ..self.nothing_done() };
        let mut verified = BTreeSet::new();
        for batch in stages::choose::batches(&self.checked, organisations, options.whole) {
            let Some(prepared) = self.prepare_batch(options, batch, &verified).await else { break };
            verified.extend(prepared.clusters_read());
            let mut done = self.carry_out_batch(prepared).await;
            if options.brief {
                done.shorten();
            }
            round.join(done);
        }
        self.known.settle(&looked_at, moment(options.now)); //                pure
        self.known.inventories.clear();
        round.unreached.extend(self.unreached());
        round.unreached.extend(self.unasked.clone());
        Round { refused: self.refused.clone(), ..round }
    }

    /// The first half of a batch: everything up to a plan.
    async fn prepare_batch(
        &mut self,
        options: &RoundOptions,
        organisations: BTreeSet<Name>,
        verified: &BTreeSet<Name>,
    ) -> Option<Prepared> {
        let inventories = self.known.take_inventories(&organisations, options.reading);
        let objects = self.open_objects(&organisations); //                   pure
        let (connections, truces) = (self.connections(), self.truces(options.now));
        let state = self.round_state(options, &organisations, &objects, &connections, &truces)?;
        let round = RoundState { verified, ..state };
        let live = stages::read(&round, inventories).await; //                IO: clusters
        let proposed = stages::plan(&round, &live); //                        pure
        let plan = stages::guard(&round, &live, proposed); //                 pure
        let unreached = live.unreached();
        let options = options.clone();
        Some(Prepared {
            options,
            organisations,
            objects,
            live,
            plan,
            unreached,
            backwards: BTreeMap::new(),
            untouched: 0,
            waiting: BTreeMap::new(),
        })
    }

    /// The second half: a plan is done as it is, and what came of it is remembered.
    async fn carry_out_batch(&mut self, prepared: Prepared) -> Round {
        let Prepared { options, organisations, objects, mut live, plan, unreached, backwards, untouched, waiting } =
            prepared;
        let (connections, permits) = (self.connections(), self.permits());
        let none = BTreeMap::new();
        let Some(state) = self.round_state(&options, &organisations, &objects, &connections, &none) else {
            return Round::default();
        };
        let round = RoundState { permits: &permits, ..state };
        let outcome = stages::apply(&round, &mut live, &plan).await; //       IO: clusters
        self.known.remember(&self.checked, &live, &plan, &outcome, moment(options.now)); // pure
        Round {
            plan: Some(plan),
            outcome: Some(outcome),
            unreached,
            backwards,
            untouched,
            waiting,
            ..self.nothing_done()
        }
    }
}

/// A time, with chance for jitter.
fn moment(now: jiff::Timestamp) -> known::Moment {
    known::Moment { now: now.as_millisecond(), chance: chance() }
}

/// A number from 0 to 1, for jitter. Without random bytes all wait alike, which is only less polite.
fn chance() -> f64 {
    let mut byte = [0_u8];
    let _unspecified = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut byte);
    f64::from(byte[0]) / 255.0
}
