//! Consent: what of a checked head may be applied. The garden's own words and each organisation go as far along the line of
//! commits as all who must agree have agreed, and each is rendered at the commit that it went to.
//!
//! ```text
//! head ─▶ line ─▶ facts of each step ─▶ reviews of what is open ─▶ judge ─▶ standings ─▶ mixture: what is applied
//!         IO      pure, remembered      IO, where forges are asked  pure     pure         pure
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::failure::Failure;
use super::session::Session;
use crate::check::Checked;
use crate::cluster::consent::StoredConsent;
use crate::consent::{Agreement, ChangeId, OpenChange, Record, Voice, unread_words};
use crate::engine::source::Source;
use crate::git::{Commit, CommitId, Repository, Snapshot, Statements};
use crate::model::{ConsentSource, Garden};
use crate::name::Name;
use crate::render::Packed;
use facts::{AlikeKey, StepFacts};
use mixture::Conflicts;
use reviews::{LineStep, ReadFor, Reviews};

mod exchanges;
mod facts;
mod hearing;
mod judged;
mod line;
mod mixture;
mod moved;
mod reached;
mod reviews;
mod store;

/// The most positions of a line that are looked at one by one; what is longer is one step.
pub(super) const MOST_POSITIONS: usize = 200;
/// How often reviews are read in one look, since the rules that name their sources went further.
const MOST_READINGS: usize = 4;

/// What stays known of consent between two looks at the repository.
#[derive(Default)]
pub(super) struct ConsentState {
    /// What is remembered on the clusters.
    record: Record,
    /// Each cluster's own copy, as it was read or written last.
    stored: BTreeMap<Name, StoredConsent>,
    /// Whether the records of all clusters were read.
    pub(super) is_read: bool,
    /// Whether the record is to be written.
    is_dirty: bool,
    /// The floor of the record as it was written last.
    written_floor: Option<CommitId>,
    is_first: bool,
    /// Why a copy cannot be read, by cluster.
    damaged: BTreeMap<Name, String>,
    statements: Arc<Statements>,
    /// Commits that people approved and that the remote was asked for.
    asked: BTreeSet<CommitId>,
    reviews: Reviews,
    /// Commits that were checked beside the head.
    checked: BTreeMap<CommitId, Arc<Checked>>,
    /// How often the memo had begun anew when they were.
    begun: usize,
    facts: BTreeMap<(CommitId, CommitId), Arc<StepFacts>>,
    alike: BTreeMap<AlikeKey, bool>,
    /// What the last mixture came to.
    conflicts: Option<Conflicts>,
    /// Organisations of earlier commits that were rendered again for the hour.
    rendered: BTreeMap<(Name, CommitId), Arc<Packed>>,
}

/// The line of commits, the oldest first, with what is known at each.
struct Walked {
    positions: Vec<Position>,
}

/// A commit of the line.
#[derive(Clone)]
struct Position {
    commit: Commit,
    checked: Arc<Checked>,
}

/// How far everything goes.
struct Reached {
    agreement: Agreement,
    /// The position of the garden's own words.
    garden: usize,
    /// The position of each organisation.
    organisations: BTreeMap<Name, usize>,
    /// What people said of open changes, and objections to others.
    said: Vec<Voice>,
    /// The newest approvals of changes that are not on the line.
    elsewhere: Vec<Voice>,
    /// When each open change was seen first, in Unix seconds.
    announced: BTreeMap<ChangeId, i64>,
}

/// Says whether a commit is another one or builds on it, as far as the repository knows.
fn contains_in(repository: Option<&Repository>) -> impl Fn(&CommitId, &CommitId) -> bool {
    move |commit, earlier| commit == earlier || repository.is_some_and(|repository| repository.holds(commit, earlier))
}

impl Session {
    /// What of a checked head may be applied: the head itself where nobody is asked. IO: the repository, and the clusters' records
    /// where they were not read yet.
    pub(in crate::engine) async fn by_consent(
        &mut self,
        head: Checked,
        snapshot: &Snapshot,
        now: jiff::Timestamp,
    ) -> Result<Arc<Checked>, Failure> {
        let Some(commit) = head.commit.clone() else { return Ok(Arc::new(head)) };
        self.read_records().await;
        let asks = head.garden.as_ref().is_some_and(|garden| garden.consent.asks());
        let remembers = self.consent.record.accepted.is_some();
        self.known.memo.beside = asks || remembers;
        if !self.known.memo.beside || self.clusters.is_none() {
            return Ok(Arc::new(head));
        }
        if !remembers && !self.begin_record(&commit.id, &snapshot.folder, now.as_second()) {
            return Ok(Arc::new(self.unknown(head)));
        }
        self.hear();
        let head_id = commit.id.clone();
        let walked = self.walk(head, commit, snapshot, now).await?;
        let mut accepted = self.accepted_position(&walked);
        self.read_open_reviews(&walked, accepted, &snapshot.folder, now).await?;
        self.close_urgent(&head_id, snapshot, now).await?;
        let (mut agreed, mut passed) = self.stand(&walked, snapshot, now).await?;
        for _ in 1..MOST_READINGS {
            if agreed.garden == accepted {
                break;
            }
            // The rules went further: what they ask about others is asked by their own sources.
            accepted = agreed.garden;
            self.read_open_reviews(&walked, accepted, &snapshot.folder, now).await?;
            (agreed, passed) = self.stand(&walked, snapshot, now).await?;
        }
        agreed.agreement.is_obeyed = self.has_shared_clusters();
        let rules = walked.garden(agreed.garden).map(|garden| (&garden.consent, &garden.people));
        let unread = rules.into_iter().flat_map(|rules| unread_words(&self.consent.statements, rules));
        agreed.agreement.silent.extend(unread);
        agreed.agreement.silent.extend(self.consent.reviews.silent());
        agreed.agreement.silent.extend(self.unread_records());
        self.tell_moved(&mut agreed, &snapshot.folder).await;
        agreed.agreement.silent.extend(self.unfetched_statements(walked.garden(agreed.garden)));
        self.note_agreed(&walked, &mut agreed, &passed, now.as_second());
        let open = self.open_steps(&walked, (agreed.garden, &agreed.organisations), &snapshot.folder, now);
        let named = walked.garden(agreed.garden).map_or(&[][..], |garden| &garden.consent.sources);
        self.consent.reviews.keep(&open, named);
        Ok(self.mixed(&walked, agreed, now))
    }

    /// Reads the reviews of what is open by the rules of a position, and of what was applied before it was agreed. IO: the forges.
    async fn read_open_reviews(
        &mut self,
        walked: &Walked,
        accepted: usize,
        folder: &str,
        now: jiff::Timestamp,
    ) -> Result<(), Failure> {
        let Some(rules) = walked.garden(accepted) else { return Ok(()) };
        let steps = self.open_steps(walked, (accepted, &BTreeMap::new()), folder, now);
        self.read_reviews(&ReadFor { rules, folder, steps: &steps }, now.as_second()).await
    }

    /// Takes note of what was applied before it was agreed, and is agreed by now. IO: the repository.
    async fn close_urgent(
        &mut self,
        head: &CommitId,
        snapshot: &Snapshot,
        now: jiff::Timestamp,
    ) -> Result<(), Failure> {
        for urgent in self.consent.record.urgent.clone() {
            let rules = self.consent.record.accepted.clone().unwrap_or_else(|| head.clone());
            let mut positions = Vec::new();
            for commit in [&rules, &urgent.before, &urgent.commit] {
                positions.push(self.position(commit, snapshot, now).await?);
            }
            let before = self.consent.record.clone();
            // What was given before it was applied counts, however long ago that was.
            self.consent.record.forgotten = None;
            self.consent.record.used.retain(|used| (&used.change, &used.commit) != (&urgent.change, &urgent.commit));
            let (open, _) = self.judge_alone(&Walked { positions }, &snapshot.folder, now);
            self.consent.record = before;
            if open.verdict.is_agreed() {
                self.consent.record.urgent.retain(|known| *known != urgent);
                self.consent.is_dirty = true;
            }
        }
        Ok(())
    }

    /// What came of consent for a revision, whatever is planned otherwise; absent where nobody is asked. IO: the repository, and the
    /// clusters' records.
    pub(crate) async fn agreement_at(
        &mut self,
        revision: &str,
        now: jiff::Timestamp,
    ) -> Result<Option<Arc<Agreement>>, Failure> {
        let snapshot = self.source.snapshot_of(revision)?;
        let head = self.known.check_beside(snapshot.clone(), now, &self.shutdown).await.ok_or(Failure::Ending)?;
        Ok(self.by_consent(head, &snapshot, now).await?.agreement.clone())
    }

    /// What the rules of the accepted commit make of a change that is not on the line yet: what lies between two commits; and what is to
    /// be known of the forges' side of it. Absent where nobody is asked. IO: as above.
    pub(crate) async fn explain_change(
        &mut self,
        (head, base, revision): (&str, &CommitId, &CommitId),
        now: jiff::Timestamp,
    ) -> Result<Option<(OpenChange, Vec<String>)>, Failure> {
        let Some(agreement) = self.agreement_at(head, now).await? else { return Ok(None) };
        let snapshot = self.source.snapshot_of(&revision.0)?;
        let Some(accepted) = agreement.accepted.clone() else { return Ok(None) };
        let mut positions = Vec::new();
        for commit in [&accepted, base, revision] {
            positions.push(self.position(commit, &snapshot, now).await?);
        }
        let walked = Walked { positions };
        let (mut notes, folder) = (Vec::new(), &snapshot.folder);
        if let Some(rules) = walked.garden(0) {
            let step: LineStep = (base.clone(), revision.clone());
            let steps = BTreeSet::from([step.clone()]);
            self.read_reviews(&ReadFor { rules, folder, steps: &steps }, now.as_second()).await?;
            notes.extend(self.consent.reviews.unmerged(&step));
            notes.extend(self.consent.reviews.silent());
        }
        let (open, unheard) = self.judge_alone(&walked, folder, now);
        notes.splice(0..0, unheard);
        Ok(Some((open, notes)))
    }

    /// That a clone knows only the statements that were fetched into it: another may approve or object.
    fn unfetched_statements(&self, rules: Option<&Garden>) -> Option<String> {
        let is_clone = matches!(self.source, Source::Workspace { .. });
        let signs = rules.is_some_and(|garden| garden.consent.sources.contains(&ConsentSource::Signatures));
        let refs = "+refs/parcelle-consent/*:refs/parcelle-consent/*";
        let words = format!(
            "what people signed is read from this clone: `git fetch origin '{refs}'` brings what others did, their objections too"
        );
        (is_clone && signs && self.has_shared_clusters()).then_some(words)
    }

    /// The records that cannot be read, a sentence each.
    fn unread_records(&self) -> Vec<String> {
        let damaged = self.consent.damaged.iter();
        damaged
            .map(|(cluster, why)| format!("the record of consent on cluster `{cluster}` cannot be read: {why}"))
            .collect()
    }

    /// What is applied while nobody can say what was accepted: nothing.
    fn unknown(&self, head: Checked) -> Checked {
        let agreement = Agreement {
            head: head.commit.as_ref().map(|commit| commit.id.clone()),
            silent: self.unread_records(),
            is_obeyed: self.has_shared_clusters(),
            ..Agreement::default()
        };
        let agreement = Some(Arc::new(agreement));
        let Checked { commit, sources, findings, boundary, renderer_hash, .. } = head;
        Checked { commit, sources, findings, boundary, renderer_hash, agreement, ..Checked::default() }
    }

    /// Takes note of the statements that the repository holds. IO: the repository.
    fn hear(&mut self) {
        self.consent.statements = self.source.statements();
    }

    /// The people of every commit that is judged, as far as they are known.
    pub(in crate::engine) fn known_people(&self) -> BTreeSet<Name> {
        let checked = self.consent.checked.values().map(AsRef::as_ref).chain([&*self.checked]);
        let gardens = checked.filter_map(|checked| checked.garden.as_ref());
        gardens.flat_map(|garden| garden.people.keys().cloned()).collect()
    }

    /// Whether statements of people are listened to.
    pub(in crate::engine) fn hears(&self) -> bool {
        self.checked.agreement.is_some()
    }

    /// Forgets what was checked beside the head: what is applied meanwhile counts in the rules of a check.
    pub(in crate::engine) fn check_beside_anew(&mut self) {
        self.consent.checked.clear();
        self.consent.conflicts = None;
    }

    /// Whether statements lie in the repository that were not heard yet, or went, or forges say something else of what is open. IO: the
    /// repository, and the forges where something is.
    pub(in crate::engine) async fn has_news(&mut self, now: jiff::Timestamp) -> bool {
        self.hears()
            && (self.consent.statements != self.source.statements() || self.reviews_have_news(now.as_second()).await)
    }
}
