//! What commands do with everything that is chosen: plan it, apply it, apply what was planned. All of it goes in batches, so
//! that what is held does not grow with the garden.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::options::{Ask, RoundOptions};
use super::prepared::Prepared;
use super::round::{Round, RoundOutcome};
use super::session::{Chosen, Session};
use super::stages::{self, choose};
use super::state::ReadAhead;
use crate::check::Checked;
use crate::cluster::Reading;
use crate::name::Name;
use crate::plan::{OrganisationOutcome, Plan};

impl Session {
    /// IO: where a round goes in several batches: what they all need of each cluster, read once.
    pub(super) async fn read_ahead(
        &mut self,
        options: &RoundOptions,
        batches: &[BTreeSet<Name>],
    ) -> BTreeMap<Name, ReadAhead> {
        if batches.len() < 2 || options.reading == Reading::Watched {
            return BTreeMap::new();
        }
        let (connections, garden) = (self.connections(), self.checked.garden.as_ref());
        let Some(garden) = garden.map(|garden| garden.name.clone()) else { return BTreeMap::new() };
        self.known.read_inventories(&connections, &garden).await;
        let organisations: BTreeSet<Name> = batches.iter().flatten().cloned().collect();
        let kinds = self.kinds_of(&organisations);
        let (objects, truces) = (BTreeMap::new(), BTreeMap::new());
        match self.round_state(options, &organisations, &objects, &connections, &truces) {
            Some(round) => stages::ahead(&round, &organisations, &kinds).await,
            None => BTreeMap::new(),
        }
    }

    /// Pure: by cluster, the API versions and kinds of all that some organisations want there or are known to have.
    fn kinds_of(&self, organisations: &BTreeSet<Name>) -> BTreeMap<Name, BTreeSet<(Arc<str>, Arc<str>)>> {
        let mut kinds: BTreeMap<Name, BTreeSet<_>> = BTreeMap::new();
        for (_, packed) in self.checked.objects.iter().filter(|(name, _)| organisations.contains(*name)) {
            kinds.entry(packed.cluster.clone()).or_default().extend(packed.kinds.iter().cloned());
        }
        for (cluster, inventories) in &self.known.inventories {
            let known = inventories.iter().filter(|(name, _)| organisations.contains(*name));
            let known = known.filter_map(|(_, packed)| Some(packed.as_ref().ok()?.kinds.iter()));
            let mut known = known.flatten().cloned().peekable();
            if known.peek().is_some() {
                kinds.entry(cluster.clone()).or_default().extend(known);
            }
        }
        kinds
    }

    /// IO: reads the clusters and plans, batch by batch; each is handed over when it is ready. Nothing is written.
    /// `None` where there is no garden to plan for.
    ///
    /// # Errors
    /// What `each` returns ends it.
    pub(crate) async fn plan_each<E>(
        &mut self,
        options: &RoundOptions,
        mut each: impl FnMut(&Self, Prepared) -> Result<(), E>,
    ) -> Result<Option<Round>, E> {
        let Chosen { organisations, backwards, untouched, waiting } = self.choose(options);
        let mut round = Round { backwards, waiting, untouched, ..Round::default() };
        let batches = choose::batches(&self.checked, organisations, options.whole);
        let ahead = self.read_ahead(options, &batches).await;
        for batch in batches {
            let Some(prepared) = self.prepare_batch(options, batch, &ahead).await else { return Ok(None) };
            round.unreached.extend(prepared.live.unreached());
            each(self, prepared)?;
        }
        self.known.inventories.clear();
        round.unreached.extend(self.unreached());
        self.note_unanswered(&mut round);
        Ok(Some(round))
    }

    /// IO: applies everything that is chosen, planned and written batch by batch, on the clusters that nobody else writes to.
    pub(crate) async fn apply(&mut self, options: &RoundOptions, part: impl FnMut(&Checked, &mut Round)) -> Round {
        self.take_leases().await;
        self.hear_words(options.now, true).await;
        self.write_record().await;
        let round = self.round(options, part).await;
        self.give_up_leases(round).await
    }

    /// IO: does plans exactly as they are, on the clusters that nobody else writes to. Of an organisation that has moved
    /// since its plan was made nothing is written.
    pub(crate) async fn apply_exactly(
        &mut self,
        options: &RoundOptions,
        plans: impl Iterator<Item = Plan>,
        mut part: impl FnMut(&Checked, &mut Round),
    ) -> Round {
        self.take_leases().await;
        self.hear_words(options.now, true).await;
        self.write_record().await;
        let mut round = Round::default();
        for plan in plans {
            round.join(self.apply_batch_exactly(options, plan, &mut part).await);
        }
        self.give_up_leases(round).await
    }

    async fn apply_batch_exactly(
        &mut self,
        options: &RoundOptions,
        plan: Plan,
        part: &mut impl FnMut(&Checked, &mut Round),
    ) -> Round {
        let organisations: BTreeSet<Name> = plan.organisations.iter().map(|one| one.organisation.clone()).collect();
        let options = RoundOptions { ask: Ask::Nothing, only: Some(organisations.clone()), ..options.clone() };
        let Some(mut prepared) = self.prepare_batch(&options, organisations, &BTreeMap::new()).await else {
            return Round::default();
        };
        let (mut outcome, mut done) = (RoundOutcome::default(), Vec::new());
        for one in plan.organisations {
            let alone = Plan { head: plan.head.clone(), organisations: vec![one] };
            let mut moved = self.stale(&prepared, &alone);
            let waits = alone
                .organisations
                .iter()
                .filter_map(|one| Some((&one.organisation, self.waits_for(&one.organisation)?)));
            moved.extend(waits.map(|(name, waits)| format!("`{name}` {waits}")));
            match moved.first() {
                None => done.extend(alone.organisations),
                Some(why) => outcome.organisations.extend(alone.organisations.iter().map(|one| {
                    let failure = format!("nothing was written: since it was planned, {why}; plan again");
                    OrganisationOutcome { outcomes: Vec::new(), failure: Some(failure), ..one.not_done() }
                })),
            }
        }
        prepared.plan = Plan { head: plan.head, organisations: done };
        prepared.leave_alone(|cluster| self.is_left_alone(cluster));
        let mut round = self.carry_out_batch(prepared, part).await;
        round.join(Round { outcome: Some(outcome), ..Round::default() });
        round
    }

    /// IO: what a round came to, once the leases are given up; clusters of which none could be taken have failed.
    async fn give_up_leases(&mut self, mut round: Round) -> Round {
        self.leases.release().await;
        round.refused.clear();
        round.unreached.append(&mut self.unasked);
        round.unreached.append(&mut self.refused);
        round.sort();
        round
    }
}
