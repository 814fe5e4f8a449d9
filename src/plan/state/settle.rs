//! Which live objects are known to be as desired, so that their bodies need not be kept.

use super::identity::Identity;
use super::live::{Copy, Live, LiveObject, Settled};
use super::made_keys::has_value;
use super::standing::is_same;
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan::{
    Directives, Entry, Inventory, body_to_send, data_of, hash_of, health, leaves_fields, marked_generation, union,
};
use crate::render::{Object, ObjectId, OrganisationObjects, SecretRequest, SecretSource};

/// What an object was found to be as it should be against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The hash of what is desired and decided about it.
    pub(crate) hash: String,
    /// Whether fields of it are left to others: once these let go, it is not as it should be any more.
    pub(crate) leaves_fields: bool,
}

/// What an organisation's objects are judged by.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    /// The garden's name.
    pub(crate) garden: &'a Name,
    /// What fields are.
    pub(crate) schemas: &'a Schemas,
    /// What should be.
    pub(crate) desired: &'a OrganisationObjects,
    /// What is ours.
    pub(crate) inventory: &'a Inventory,
    /// What the garden says about changing it.
    pub(crate) directives: &'a Directives,
}

impl Judge<'_> {
    /// The hash of what an object should be, where it may be settled at all: what is retired is always looked at whole,
    /// since one day it is deleted.
    pub(crate) fn wanted(&self, id: &ObjectId) -> Option<String> {
        if let Some(object) = self.object(id) {
            // How a job's run stands is always looked at, unless it waits for the day.
            if object.once.is_some() && object.body["spec"]["suspend"] != true {
                return None;
            }
            return self.lives(object.app.as_ref()).then(|| self.directives.wanted_hash(object));
        }
        self.request(id).filter(|request| self.lives(request.app.as_ref())).map(request_hash)
    }

    /// Whether an app, and its organisation, are not retired.
    fn lives(&self, app: Option<&Name>) -> bool {
        self.directives.retired.is_none() && app.is_none_or(|app| !self.desired.retired.contains_key(app))
    }

    /// T2: whether applying `live` again would change nothing, as far as that can be told without the server.
    fn is_as_desired(&self, id: &ObjectId, live: &LiveObject) -> bool {
        let Some((entry, object)) = self.entry(id).zip(self.object(id)) else { return false };
        self.lives(object.app.as_ref())
            && is_known(entry, live, self.garden)
            && union::is_as_wanted(
                self.schemas,
                &live.body,
                &body_to_send(self.schemas, self.directives, object, Some(entry), Some(&live.body)),
            )
    }

    /// What an object is as desired against; `None` where it is not.
    pub(crate) fn verified(&self, id: &ObjectId, live: &LiveObject) -> Option<Verified> {
        let hash = self.wanted(id).filter(|_| self.is_as_desired(id, live))?;
        let object = self.object(id);
        let leaves_fields =
            object.is_some_and(|object| leaves_fields(self.schemas, self.directives, object, &live.body));
        Some(Verified { hash, leaves_fields })
    }

    /// Whether a Secret has all its keys, is its app's and, where it follows another, follows it.
    pub(crate) fn secret_is_as_desired(&self, request: &SecretRequest, live: &Live) -> bool {
        let Some((entry, found)) = self.entry(&request.id).zip(live.objects.get(&request.id)) else { return false };
        let whole = match &request.source {
            SecretSource::Generated { keys } => {
                let is_odd = live.keys.get(&request.id).is_some_and(|seen| !seen.odd.is_empty());
                !is_odd && keys.keys().all(|key| has_value(&found.body, key))
            }
            _ => live.copies.get(&request.id) == Some(&Copy::InStep),
        };
        let is_its_own = entry.app == request.app;
        whole && is_its_own && self.lives(request.app.as_ref()) && is_known(entry, found, self.garden)
    }

    /// The uid of an object that the inventory knows to exist.
    pub(crate) fn uid(&self, id: &ObjectId) -> Option<&str> {
        self.entry(id).and_then(Entry::uid)
    }

    fn entry(&self, id: &ObjectId) -> Option<&Entry> {
        self.inventory.find(id).map(|(_, entry)| entry)
    }

    fn object(&self, id: &ObjectId) -> Option<&Object> {
        let same = |object: &&Object| object.id.name == id.name && same(&object.id.identity(), &id.identity());
        self.desired.objects.iter().find(same)
    }

    fn request(&self, id: &ObjectId) -> Option<&SecretRequest> {
        self.desired.secrets.iter().find(|request| same(&request.id.identity(), &id.identity()))
    }
}

fn same(one: &Identity<'_>, other: &Identity<'_>) -> bool {
    one == other
}

/// Ours, recorded, and not on its way out.
fn is_known(entry: &Entry, live: &LiveObject, garden: &Name) -> bool {
    entry.uid() == Some(&live.uid) && is_same(entry, live, garden) && !live.is_terminating()
}

/// The hash of what a requested Secret should be.
pub(crate) fn request_hash(request: &SecretRequest) -> String {
    hash_of(&serde_json::Value::from(format!("{:?} {:?}", request.source, request.labels)))
}

impl Settled {
    /// What is kept of an object that is as desired.
    pub(crate) fn of(live: &LiveObject) -> Self {
        let generation = marked_generation(&live.body);
        Self { health: health(&live.body), data: data_of(&live.body).map(Box::from), generation }
    }
}
