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

use crate::check::Checked;
use crate::name::Name;
use session::Chosen;

mod acknowledge;
mod addresses;
mod agreed;
mod batches;
mod clusters;
mod consent;
mod daemon;
mod definitions;
mod edited;
mod eject;
mod events;
mod failure;
mod kept;
mod known;
mod leading;
mod leases;
mod note;
mod offline;
mod options;
mod packed_objects;
mod passed;
mod prepared;
mod recover;
mod rerun;
mod round;
mod session;
mod snapshot;
mod source;
pub mod stages;
mod stale;
mod state;
mod status;
mod survey;
mod waiting;
mod words;

pub use crate::forge::consent::credentials::ForgeAccess;
pub(crate) use acknowledge::{KnownLosses, LossOfApp, LostSecret, NothingLost};
pub(crate) use agreed::{Agreed, Further, Moved};
pub use clusters::ClusterAccess;
pub(crate) use clusters::{SandboxState, made_by_operators};
pub(crate) use daemon::Turn;
pub use daemon::{Daemon, DaemonOptions};
pub(crate) use edited::edited_since_snapshot;
pub(crate) use eject::{EjectFailure, EjectTarget};
pub use events::Event;
pub(crate) use failure::Failure;
pub(crate) use kept::{KeptOrganisation, kept_offline};
pub use known::Known;
pub use leases::LeaseOptions;
pub(crate) use note::Note;
pub(crate) use offline::{Baseline, check_against_snapshot, plan_offline};
pub use options::{Ask, RoundOptions};
pub(crate) use prepared::Prepared;
pub(crate) use recover::{LostInventories, LostInventory};
pub(crate) use rerun::{KnownRun, UnknownRun};
pub use round::RoundOutcome;
pub(crate) use round::{Round, TakenBack};
pub(crate) use session::Session;
pub(crate) use snapshot::SNAPSHOT_SCHEMA;
pub use snapshot::{LiveSnapshot, as_applied, snapshot, state};
pub use source::Source;
pub use stale::{stale, stamp};
use state::ReadAhead;
pub use state::{LiveState, RoundState};
pub use survey::{Survey, survey};
pub(crate) use words::{Heeded, Speaker};

impl Daemon {
    /// One turn of the loop: what an event asks for, done at a time. Returns what happened; nothing, where the event
    /// asked for nothing.
    pub async fn turn(&mut self, event: Event, now: jiff::Timestamp) -> Result<Option<Turn<'_>>, Failure> {
        let event = self.lead(event, now).await; //                           IO: leases
        let mut anew = std::mem::take(&mut self.tells);
        if event.looks_at_the_repository() || !self.session.has_checked() {
            let head = self.fetch(now).await?; //                             IO: Git
            let moved = event != Event::Poll || self.is_news(head.as_ref());
            let news = moved || self.session.has_news(now).await; //          IO: forges, where something waits for reviews
            anew |= news;
            if news && self.session.check(head.as_ref(), now).await? {
                self.everything_is_due(); //                                  pure; IO where clusters are new
            }
            self.say_how_it_fares(); //                                       pure
        }
        let whole = self.begins;
        anew |= self.session.hear_words(now, whole).await; //                 IO: clusters, where people have said something
        self.session.write_record().await; //                                 IO: clusters, where somebody agreed to something
        let options = self.round_options(event, now); //                      pure
        if !(anew || options.whole) && options.also.is_empty() && self.fetch_failure.is_none() {
            return Ok(None);
        }
        let brief = self.is_brief();
        let before = self.applied_before(anew || options.whole); //           pure
        let shorten = |_: &Checked, done: &mut Round| {
            if brief {
                done.shorten();
            }
        };
        let round = self.session.round(&options, shorten).await; //           IO and pure: below
        Ok(Some(self.ended(event, round, before, now))) //                    pure
    }
}

impl Session {
    /// One round over the checked garden, batch by batch, so that what it holds does not grow with the garden. Nothing is
    /// read or written on clusters that somebody else leads. `part` is shown what each part of it came to, to take away what
    /// need not be held.
    pub(crate) async fn round(&mut self, options: &RoundOptions, mut part: impl FnMut(&Checked, &mut Round)) -> Round {
        let mut round = self.pass(options, &mut part).await;
        // What one organisation gave up is there for those that waited for it.
        let mut freed = self.freed(&round.waiting);
        while !freed.is_empty() {
            round.waiting.retain(|name, _| !freed.contains(name));
            let options = RoundOptions { only: Some(freed.clone()), ..options.clone() };
            let next = self.pass(&options, &mut part).await;
            round.join(next);
            freed = self.freed(&round.waiting).difference(&freed).cloned().collect();
        }
        round.sort();
        round
    }

    /// One pass of a round over what is chosen.
    async fn pass(&mut self, options: &RoundOptions, mut part: impl FnMut(&Checked, &mut Round)) -> Round {
        let Chosen { organisations, backwards, untouched, waiting } = self.choose(options); // pure; IO: history
        let mut round = Round { backwards, waiting, untouched, ..self.nothing_done() };
        let batches = stages::choose::batches(&self.checked, organisations.clone(), options.whole);
        let ahead = self.read_ahead(options, &batches).await; //              IO: clusters
        let (mut to_write, mut last) = (None, batches.len());
        for batch in batches {
            last -= 1;
            let Some(prepared) = self.prepare_batch(options, batch, &ahead).await else { break };
            let (settled, writes) = prepared.divide(); //                     pure
            round.join(self.carry_out_batch(settled, &mut part).await);
            to_write = Prepared::together(to_write, writes);
            if let Some(writes) = to_write.take_if(|writes| last == 0 || writes.count() > stages::choose::AT_ONCE) {
                round.join(self.carry_out_batch(writes, &mut part).await); // IO: clusters
            }
        }
        self.known.settle(&organisations, moment(options.now)); //            pure
        self.known.inventories.clear();
        round.unreached.extend(self.unreached());
        round.unreached.extend(self.unasked.clone());
        self.note_unanswered(&mut round);
        Round { refused: self.refused.clone(), ..round }
    }

    /// The first half of a batch: everything up to a plan.
    async fn prepare_batch(
        &mut self,
        options: &RoundOptions,
        organisations: BTreeSet<Name>,
        ahead: &BTreeMap<Name, ReadAhead>,
    ) -> Option<Prepared> {
        let inventories = self.known.take_inventories(&organisations, options.reading);
        let objects = self.open_objects(&organisations); //                   pure
        let (connections, truces) = (self.connections(), self.truces(options.now));
        let state = self.round_state(options, &organisations, &objects, &connections, &truces)?;
        let round = RoundState { ahead, ..state };
        let live = stages::read(&round, inventories).await; //                IO: clusters
        let proposed = stages::plan(&round, &live); //                        pure
        let mut plan = stages::guard(&round, &live, proposed); //             pure
        plan.organisations.iter_mut().for_each(|one| self.known.warned.only_new(&mut one.findings));
        Some(Prepared { options: options.clone(), organisations, objects, live, plan })
    }

    /// The second half: a plan is done as it is, and what came of it is remembered.
    async fn carry_out_batch(&mut self, prepared: Prepared, part: &mut impl FnMut(&Checked, &mut Round)) -> Round {
        let Prepared { options, organisations, objects, mut live, plan } = prepared;
        let (connections, permits) = (self.connections(), self.permits());
        let none = BTreeMap::new();
        let Some(state) = self.round_state(&options, &organisations, &objects, &connections, &none) else {
            return Round::default();
        };
        let round = RoundState { permits: &permits, ..state };
        let mut outcome = stages::apply(&round, &mut live, &plan).await; //   IO: clusters
        self.known.warned.only_new(&mut outcome.findings);
        self.known.remember(&self.checked, &live, &plan, &outcome, moment(options.now)); // pure
        let unreached = live.unreached();
        let mut done = Round { plan: Some(plan), outcome: Some(outcome), unreached, ..self.nothing_done() };
        part(&self.checked, &mut done);
        done
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
