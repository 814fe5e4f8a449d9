//! What is taken back of an organisation whose inventory is lost: what the garden asks for, is there, and carries our labels.
//!
//! Labels, fields and nonces are hints, since whoever may write to the namespace can forge them. So a person is shown the list and
//! confirms it, and what is taken back is only changed: an [`Entry`] that is `recovered` is neither deleted nor replaced until the
//! garden names it. The word of a person carries the digest of the list, and nothing else is taken.

mod absent;
mod jobs;
mod past;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::kind;
use crate::model::Organisation;
use crate::name::Name;
use crate::plan::decide::action::Action;
use crate::plan::state::hosts::hosts;
use crate::plan::state::lost::{NOT_THERE, is_labelled};
use crate::plan::state::standing::Index;
use crate::plan::{
    Entry, Input, Inventory, LiveObject, NONCE, OwnFields, Presence, Reason, Verb, data_of, hash_of,
    organisation as decide,
};
use crate::render::{ObjectId, SecretSource};

/// What would be taken back of one organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovery {
    /// The inventory as it would be.
    pub(crate) inventory: Inventory,
    /// The uid of its namespace: what the word of a person is about. Empty where it is not there.
    pub(crate) namespace: String,
    /// What would be taken back.
    pub(crate) taken: Vec<FoundObject>,
    /// What is there under a name that the garden asks for, and is not taken back, with the reason.
    pub(crate) left: Vec<(ObjectId, String)>,
    /// What is there with our labels, and nothing in the garden asks for: it stays, and is not taken back.
    pub(crate) unasked: Vec<ObjectId>,
    /// What held data or secrets of an app that is there, and is not there itself: nothing is made in its place silently.
    pub(crate) gone: Vec<ObjectId>,
    /// What is not there, and is made by the next round.
    pub(crate) missing: Vec<ObjectId>,
    /// Jobs that are there and have done their work: they stay, and nothing of them need be known.
    pub(crate) done: Vec<ObjectId>,
    /// One-time jobs, with what is taken for true of them.
    pub(crate) jobs: Vec<(String, String)>,
    /// What rules about the past compare with from now on, by app.
    pub(crate) compared: Vec<(Name, String)>,
    /// What they cannot compare, by app.
    pub(crate) uncompared: Vec<(Name, String)>,
    /// Kinds that could not be read, with the reason.
    pub(crate) unread: BTreeMap<String, String>,
    /// [`digest`] of what is listed.
    pub(crate) digest: String,
}

/// An object that would be taken back.
#[derive(Clone, Debug)]
pub(crate) struct FoundObject {
    pub(crate) id: ObjectId,
    uid: String,
    /// Whether parcelle is among its field managers.
    pub(crate) has_fields: bool,
    /// Whether it carries the nonce of a run.
    pub(crate) has_nonce: bool,
    /// How it stands to what the garden asks, in words.
    pub(crate) difference: Option<String>,
}

/// What of an organisation can be taken back, as it is read with an inventory that knows nothing. `commit` was applied last, as a
/// person says; empty where nobody knows.
pub(crate) fn recovery(input: &Input<'_>, organisation: &Organisation, commit: &str) -> Recovery {
    let index = Index::new(input);
    let mut found = Recovery { unread: input.live.unread.clone(), ..Recovery::default() };
    commit.clone_into(&mut found.inventory.commit);
    let mut absent = Vec::new();
    for wanted in Wanted::all(input) {
        let Some(live) = index.live(wanted.id) else {
            absent.push(wanted);
            continue;
        };
        if let Err(why) = may_be_taken(input, live) {
            let why = absent::in_place(input, &index, &wanted, (live, why), &mut found);
            found.left.push((wanted.id.clone(), why));
            continue;
        }
        if wanted.id.is(kind::NAMESPACE) {
            found.namespace.clone_from(&live.uid);
        }
        let entry = wanted.entry(live);
        found.inventory.entries.insert(wanted.id.clone(), entry);
        found.take(wanted.id, live);
    }
    jobs::recover(input, &index, &mut found);
    absent::recover(input, &index, absent, &mut found);
    past::recover(input, organisation, &mut found);
    jobs::count_absent(input, organisation, &mut found);
    let asked: BTreeSet<_> = Wanted::all(input).map(|wanted| wanted.id.identity()).collect();
    let is_known = |id: &ObjectId| asked.contains(&id.identity()) || found.is_listed(id);
    let ours = |live: &LiveObject| is_labelled(input.garden, &input.desired.organisation, live);
    let others = input.live.objects.iter().filter(|(id, live)| !is_known(id) && ours(live));
    found.unasked = others.map(|(id, _)| id.clone()).collect();
    found.inventory.cluster.clone_from(&input.live.cluster_uid);
    found.inventory.footprint.files.clone_from(&input.directives.files);
    found.inventory.footprint.domains = Some(input.directives.domain.iter().cloned().collect());
    compare(input, &mut found);
    found.digest = digest(input, commit, &found);
    found
}

/// Something that the garden asks for.
struct Wanted<'a> {
    id: &'a ObjectId,
    app: Option<&'a Name>,
    holds_data: bool,
    /// Whether it is made once and never again.
    is_made_once: bool,
    is_job: bool,
}

impl<'a> Wanted<'a> {
    /// Whether nothing is made in its place without a word: it holds data, or values that cannot be made again.
    fn is_precious(&self) -> bool {
        (self.holds_data || self.is_made_once) && !self.id.is(kind::NAMESPACE)
    }

    /// The entry of an object of which nothing that is there is known to be it.
    fn lost(&self) -> Entry {
        let Self { id, .. } = self;
        self.blank(Presence::Known { uid: format!("{NOT_THERE}: {id} in {}", id.namespace), nonce: None })
    }

    fn all(input: &Input<'a>) -> impl Iterator<Item = Self> {
        let objects = input.desired.objects.iter().map(|object| Self {
            id: &object.id,
            app: object.app.as_ref(),
            holds_data: object.holds_data || object.id.facts().holds_data(),
            is_made_once: false,
            is_job: object.once.is_some(),
        });
        objects.chain(input.desired.secrets.iter().map(|request| Self {
            id: &request.id,
            app: request.app.as_ref(),
            holds_data: false,
            is_made_once: matches!(request.source, SecretSource::Generated { .. }),
            is_job: false,
        }))
    }

    /// The entry of an object that is taken back; what was applied of it last is not known.
    fn entry(&self, live: &LiveObject) -> Entry {
        let presence = Presence::Known { uid: live.uid.clone(), nonce: live.annotation(NONCE).map(str::to_owned) };
        let data = data_of(&live.body).map(Box::from);
        Entry { hosts: hosts(self.id, &live.body), data, ..self.blank(presence) }
    }

    fn blank(&self, presence: Presence) -> Entry {
        Entry {
            presence,
            desired_hash: String::new(),
            own_fields: OwnFields::default(),
            holds_data: self.holds_data,
            app: self.app.cloned(),
            hosts: BTreeSet::new(),
            retired_since: None,
            note: None,
            recovered: true,
            data: None,
        }
    }
}

impl Recovery {
    /// Whether a list of it names an object.
    pub(crate) fn is_listed(&self, id: &ObjectId) -> bool {
        let same = |other: &ObjectId| other.identity() == id.identity();
        let named = self.left.iter().map(|(id, _)| id).chain(&self.unasked).chain(&self.gone).chain(&self.missing);
        let taken = self.taken.iter().map(|one| &one.id);
        { named }.chain(taken).any(same) || self.done.iter().any(|done| done.identity() == id.identity())
    }

    fn take(&mut self, id: &ObjectId, live: &LiveObject) {
        self.taken.push(FoundObject {
            id: id.clone(),
            uid: live.uid.clone(),
            has_fields: crate::plan::state::owners::has_ours(&live.body),
            has_nonce: live.annotation(NONCE).is_some(),
            difference: None,
        });
    }
}

/// Whether an object may be taken back: it carries our labels and stays.
fn may_be_taken(input: &Input<'_>, live: &LiveObject) -> Result<(), String> {
    if live.is_terminating() {
        return Err("it is being deleted".to_owned());
    }
    if is_labelled(input.garden, &input.desired.organisation, live) {
        return Ok(());
    }
    let (kind, name) = (&live.body["kind"], &live.body["metadata"]["name"]);
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Err(format!(
        "it does not carry parcelle's labels of this organisation; `adopt {} {}` in the app takes it",
        said(kind),
        said(name)
    ))
}

/// Says of each object how it stands to what the garden asks, by the plan that comes of the inventory as it would be.
fn compare(input: &Input<'_>, found: &mut Recovery) {
    let plan = decide(&Input { inventory: &found.inventory, ..*input });
    let actions: BTreeMap<_, &Action> = plan.actions.iter().map(|action| (&action.id, action)).collect();
    for one in &mut found.taken {
        one.difference = actions.get(&one.id).and_then(|action| difference(action));
    }
    // Of what is retired nothing is made.
    found.missing.retain(|id| actions.contains_key(id));
}

fn difference(action: &Action) -> Option<String> {
    let paths: Vec<String> =
        action.changes.iter().take(MOST_FIELDS).map(|change| format!("`{}`", change.path)).collect();
    let more = action.changes.len().saturating_sub(paths.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    match action.verb() {
        Verb::Keep if matches!(action.reason(), Reason::Keeping(_)) && action.reason().is_silent() => None,
        Verb::Change if paths.is_empty() => None,
        Verb::Change => Some(format!("differs in {}{more}", paths.join(", "))),
        _ if paths.is_empty() => Some(action.reason().to_string()),
        _ => Some(format!("differs in {}{more}; {}", paths.join(", "), action.reason())),
    }
}

/// So many fields are named in which an object differs.
const MOST_FIELDS: usize = 5;

/// The digest of what is taken for ours, for done and for gone: where one object more or less is there, it is another.
fn digest(input: &Input<'_>, commit: &str, found: &Recovery) -> String {
    let id = |id: &ObjectId| json!([id.group(), id.kind, id.namespace, id.name]);
    let taken: Vec<Value> = found.taken.iter().map(|one| json!([id(&one.id), one.uid])).collect();
    let gone: Vec<Value> = found.gone.iter().map(id).collect();
    let unread: Vec<&String> = found.unread.keys().collect();
    let jobs: Vec<&String> = found.jobs.iter().map(|(job, _)| job).collect();
    let jobs = (jobs, found.done.iter().map(id).collect::<Vec<Value>>());
    hash_of(&json!([
        input.garden.as_str(),
        input.desired.organisation.as_str(),
        input.live.cluster_uid,
        commit,
        taken,
        gone,
        jobs,
        unread
    ]))
}
