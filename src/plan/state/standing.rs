//! How an object stands to us: absent, ours, somebody else's; and how long a retired app has left.

use std::collections::{BTreeMap, BTreeSet};

use super::data_named::{data_of, is_its_data};
use super::identity::Identity;
use super::owners;
use super::renames::Renames;
use crate::kind;
use crate::name::Name;
use crate::plan::decide::reason::Refusing;
use crate::plan::{Entry, GARDEN_LABEL, Input, LiveObject, NONCE, Presence, Retirement};
use crate::render::ObjectId;

/// How an object stands to us.
pub(in crate::plan) enum Standing<'a> {
    /// It is not there; the inventory may know it.
    Absent(Option<&'a Entry>),
    /// It is there and ours.
    Ours {
        /// As it is.
        live: &'a LiveObject,
        /// As the inventory knows it.
        entry: &'a Entry,
    },
    /// It is there, is nobody's, and the garden says `adopt`.
    Adopted(&'a LiveObject),
    /// Its deletion has begun.
    Terminating,
    /// It is there and not ours.
    Refused(Refusing),
}

/// Live objects and inventory entries by what they are, whatever the version of their API; and what is retired.
pub(in crate::plan) struct Index<'a> {
    live: BTreeMap<Identity<'a>, &'a LiveObject>,
    entries: BTreeMap<Identity<'a>, &'a Entry>,
    pub(in crate::plan) retired: BTreeMap<Name, Retirement>,
    /// The whole organisation, where it is retired.
    pub(in crate::plan) retired_organisation: Option<Retirement>,
    /// Apps of which the inventory knows something, by their present names.
    pub(in crate::plan) known_apps: BTreeSet<Name>,
    /// Apps that are applied under an earlier name.
    pub(in crate::plan) renames: Renames<'a>,
}

impl<'a> Index<'a> {
    pub(in crate::plan) fn new(input: &Input<'a>) -> Self {
        let entries = &input.inventory.entries;
        let renames = Renames::of(input);
        let retired = input.desired.retired.iter().map(|(app, (keep, _))| {
            let since = entries.values().filter(|entry| entry.app.as_ref().map(|app| renames.now(app)) == Some(app));
            let since = since.filter_map(|entry| entry.retired_since).min();
            (app.clone(), retirement(input, since, *keep))
        });
        let retired = retired.collect();
        Self {
            live: input.live.objects.iter().map(|(id, object)| (id.identity(), object)).collect(),
            retired,
            retired_organisation: input
                .directives
                .retired
                .map(|(keep, _)| retirement(input, input.inventory.retired_since, keep)),
            known_apps: { entries.values() }
                .filter_map(|entry| entry.app.as_ref())
                .map(|app| renames.now(app).clone())
                .collect(),
            renames,
            entries: entries.iter().map(|(id, entry)| (id.identity(), entry)).collect(),
        }
    }

    pub(in crate::plan) fn entry(&self, id: &ObjectId) -> Option<&'a Entry> {
        // The map's keys live as long as the inventory; a look-up needs them only as long as the id.
        self.entries.get(&id.identity()).copied()
    }

    pub(in crate::plan) fn live(&self, id: &ObjectId) -> Option<&'a LiveObject> {
        self.live.get(&id.identity()).copied()
    }

    /// Whether a desired object is that of a retired app (or organisation) which is not made (any more): its time has
    /// come, or nothing of it was ever applied.
    pub(in crate::plan) fn is_past(&self, now: i64, app: Option<&Name>) -> bool {
        if let Some(organisation) = self.retired_organisation
            && (organisation.until <= now || self.entries.is_empty())
        {
            return true;
        }
        let Some(app) = app else { return false };
        self.retired.get(app).is_some_and(|retired| retired.until <= now || !self.known_apps.contains(app))
    }

    /// Whether an app is retired, alone or with its organisation.
    pub(in crate::plan) fn is_retired(&self, app: Option<&Name>) -> bool {
        app.is_some_and(|app| self.retired.contains_key(app))
    }

    /// Whether something that holds data, and is not there, is not made either: its app is retired and never had it. It would be
    /// empty, and stand in the place of what the app has once it lives again.
    pub(in crate::plan) fn is_never_made(&self, app: Option<&Name>, entry: Option<&Entry>) -> bool {
        let was_there = entry.is_some_and(|entry| entry.uid().or(entry.former_uid()).is_some());
        self.is_retired(app) && !was_there
    }

    /// How the object stands to us.
    pub(in crate::plan) fn standing(&self, input: &Input<'_>, id: &ObjectId) -> Standing<'a> {
        let entry = self.entry(id);
        let Some(live) = self.live(id) else { return Standing::Absent(entry) };
        if let Some(garden) = live.label(GARDEN_LABEL).filter(|garden| *garden != input.garden.as_str()) {
            return Standing::Refused(Refusing::OtherGarden { garden: garden.to_owned() });
        }
        let adopted = input.directives.adopts(id);
        match entry {
            Some(entry) if is_same(entry, live, input.garden) => {
                if live.is_terminating() {
                    Standing::Terminating
                } else {
                    Standing::Ours { live, entry }
                }
            }
            None if let Some(by) = owners::controller(&live.body) => Standing::Refused(Refusing::Controlled { by }),
            _ if adopted => match others_inside(input, id) {
                others if others.is_empty() && id.is(kind::NAMESPACE) && !input.live.unseen.is_empty() => {
                    Standing::Refused(Refusing::NotKnownEmpty { unseen: input.live.unseen.clone() })
                }
                others if others.is_empty() => Standing::Adopted(live),
                others => Standing::Refused(Refusing::ForeignInside { objects: some(&others) }),
            },
            Some(Entry { presence: Presence::Known { .. }, .. }) => Standing::Refused(Refusing::MadeAnew),
            _ => Standing::Refused(Refusing::NotOurs),
        }
    }
}

/// What others hold in a namespace that is adopted; what is taken in the same plan is nobody else's any more.
fn others_inside(input: &Input<'_>, id: &ObjectId) -> Vec<ObjectId> {
    let foreign = input.live.foreign.iter().filter(|_| id.is(kind::NAMESPACE));
    foreign.filter(|other| !input.directives.adopts(other)).cloned().collect()
}

/// The first few of many objects, as people say them.
pub(in crate::plan) fn some(objects: &[ObjectId]) -> Vec<String> {
    objects.iter().take(5).map(ToString::to_string).collect()
}

/// When the time of something retired comes: counted from the day the word was first applied, never shorter than the
/// garden's least.
pub(in crate::plan) fn retirement(input: &Input<'_>, since: Option<i64>, keep: u64) -> Retirement {
    let since = since.unwrap_or(input.now);
    let keep = keep.max(input.limits.keep_data.amount);
    Retirement { since, until: since.saturating_add(i64::try_from(keep).unwrap_or(i64::MAX)) }
}

/// Whether the live object is the one that the inventory means: by uid, or, where a crash came between a write and its
/// record, by nonce, label and our entry in `managedFields` together. What was brought back from a copy has no such entry any more:
/// an API server gives all that it makes to whoever made it. What is its data (a volume) is known by the name of that too, since a
/// copy made of a dump is empty.
pub(in crate::plan) fn is_same(entry: &Entry, live: &LiveObject, garden: &Name) -> bool {
    let made_by_us = |nonce: &str| {
        live.annotation(NONCE) == Some(nonce)
            && live.label(GARDEN_LABEL) == Some(garden.as_str())
            && owners::has_ours(&live.body)
    };
    match &entry.presence {
        // Replaced by a run that ended before it recorded the new uid: the nonce went with it.
        Presence::Known { uid, nonce } => {
            let is_copy = |nonce: &str| {
                let is_of_garden = live.label(GARDEN_LABEL) == Some(garden.as_str());
                entry.holds_data && is_of_garden && live.annotation(NONCE) == Some(nonce)
            };
            let is_its = |nonce: &str| {
                if !is_its_data(&live.body) {
                    return made_by_us(nonce) || is_copy(nonce);
                }
                is_copy(nonce) && entry.data.is_some() && entry.data.as_deref() == data_of(&live.body)
            };
            *uid == live.uid || nonce.as_deref().is_some_and(is_its)
        }
        Presence::Intended { nonce, was } => was.as_deref() == Some(&live.uid) || made_by_us(nonce),
    }
}
