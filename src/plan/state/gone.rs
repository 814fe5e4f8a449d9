//! Data that is gone although nobody here deleted it: what is remembered of it, and what a person's word makes of that.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::inventory::{Entry, Inventory, Presence};
use super::made_keys;
use super::own_fields::OwnFields;
use crate::kind;
use crate::name::Name;
use crate::render::ObjectId;

/// An object that held data and is not there any more as it was applied. It stays in the inventory until it is there again, or a
/// person says that what it belongs to may start without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GoneData {
    /// The object.
    pub id: ObjectId,
    /// The uid that it had.
    pub uid: String,
    /// Since when it is known to be gone, in Unix seconds.
    pub since: i64,
    /// The apps that had data in it and do not start without it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub apps: BTreeSet<Name>,
    /// Who said that it may be made anew, empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<String>,
}

/// What became of an object that held data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum DataLost {
    /// It is not there.
    Missing,
    /// Its deletion has begun: its data goes once nothing uses it.
    Leaving,
    /// Another object has its name.
    Another {
        /// The uid of that one.
        uid: String,
    },
}

/// What a person says of one object that held data, by the uid that it had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AcknowledgedLoss {
    /// The uid of the object that takes its place as it is; absent where it is made anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) now: Option<String>,
    /// Other apps that had data in it, and stay held.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) others: BTreeSet<Name>,
    /// Keys that a Secret lacks and that are made anew; none where the whole Secret is.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) keys: BTreeSet<String>,
}

/// Notes that an app may start without its data.
///
/// # Errors
/// Says when nothing of what the word is about is known.
pub(crate) fn acknowledge(
    inventory: &mut Inventory,
    app: &Name,
    losses: &BTreeMap<String, AcknowledgedLoss>,
    (who, when): (&str, i64),
) -> Result<(), String> {
    let mut any = false;
    for (uid, loss) in losses {
        let found = inventory.entries.iter().find(|(_, entry)| entry.uid() == Some(uid));
        let known = found.map(|(id, entry)| (id.clone(), entry.app.clone()));
        let recorded = inventory.gone.iter().position(|gone| gone.uid == *uid);
        let is_of_app = known.as_ref().is_none_or(|(_, of)| of.as_ref().is_none_or(|of| of == app));
        let id = recorded.map(|at| inventory.gone[at].id.clone()).or_else(|| known.map(|(id, _)| id));
        let Some(id) = id.filter(|_| is_of_app) else { continue };
        any = true;
        if id.is(kind::SECRET) {
            make_again(inventory, &id, (uid, &loss.keys));
            continue;
        }
        let at = recorded.unwrap_or_else(|| {
            let apps = loss.others.iter().cloned().chain([app.clone()]).collect();
            let gone = GoneData { id: id.clone(), uid: uid.clone(), since: when, apps, acknowledged: None };
            let at = inventory.gone.partition_point(|other| (&other.id, &other.uid) < (&gone.id, &gone.uid));
            inventory.gone.insert(at, gone);
            at
        });
        let gone = &mut inventory.gone[at];
        gone.apps.remove(app);
        gone.acknowledged.get_or_insert_with(|| who.to_owned());
        if let Some(now) = &loss.now {
            take(inventory, app, &id, (uid, now));
        }
    }
    if any { Ok(()) } else { Err("nothing of the data that it is about is known to be gone any more".to_owned()) }
}

/// The object that has the place of one that is gone is ours from now on.
fn take(inventory: &mut Inventory, app: &Name, id: &ObjectId, (was, now): (&str, &str)) {
    let presence = |nonce: Option<&str>| Presence::Known { uid: now.to_owned(), nonce: nonce.map(str::to_owned) };
    match inventory.entries.get_mut(id) {
        Some(entry) if entry.uid() == Some(was) => {
            entry.presence = presence(entry.nonce());
            entry.data = None;
        }
        Some(_) => {}
        None => {
            let entry = Entry {
                presence: presence(None),
                desired_hash: String::new(),
                own_fields: OwnFields::default(),
                holds_data: true,
                app: Some(app.clone()),
                hosts: BTreeSet::new(),
                retired_since: None,
                note: None,
                recovered: false,
                data: None,
            };
            inventory.entries.insert(id.clone(), entry);
        }
    }
}

/// A Secret that parcelle made once, and that nobody can bring back: another one is made, or the keys that it lacks.
fn make_again(inventory: &mut Inventory, id: &ObjectId, (uid, keys): (&str, &BTreeSet<String>)) {
    let Some(entry) = inventory.entries.get_mut(id) else { return };
    if entry.uid() == Some(uid) && !keys.is_empty() {
        entry.own_fields = made_keys::forgotten(&entry.own_fields, keys);
    } else if entry.uid() == Some(uid) {
        let nonce = entry.nonce().unwrap_or(uid).to_owned();
        entry.presence = Presence::Intended { nonce, was: Some(uid.to_owned()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn id(kind: &str, name: &str) -> ObjectId {
        ObjectId { api_version: "v1".into(), kind: kind.into(), namespace: "alpha".into(), name: name.into() }
    }

    fn entry(uid: &str, app: Option<&str>) -> Entry {
        Entry {
            presence: Presence::Known { uid: uid.to_owned(), nonce: None },
            desired_hash: String::new(),
            own_fields: OwnFields::default(),
            holds_data: true,
            app: app.map(name),
            hosts: BTreeSet::new(),
            retired_since: None,
            note: None,
            recovered: false,
            data: None,
        }
    }

    fn losses(uid: &str, now: Option<&str>) -> BTreeMap<String, AcknowledgedLoss> {
        let others = BTreeSet::from([name("wiki")]);
        let loss = AcknowledgedLoss { now: now.map(str::to_owned), others, ..AcknowledgedLoss::default() };
        BTreeMap::from([(uid.to_owned(), loss)])
    }

    #[test]
    fn a_word_frees_its_app_alone_and_is_about_the_object_that_was_there() {
        let claim = id("PersistentVolumeClaim", "files");
        let mut inventory = Inventory::default();
        inventory.entries.insert(claim.clone(), entry("u", Some("pads")));
        let mut say = |app: &str, uid: &str| {
            acknowledge(&mut inventory, &name(app), &losses(uid, None), ("tim", 7)).map(|()| inventory.gone.clone())
        };
        assert!(say("pads", "another").is_err_and(|why| why.contains("known to be gone")));
        assert!(say("wiki", "u").is_err(), "what is another app's is not its to give up");
        let gone = say("pads", "u").unwrap();
        assert_eq!(gone[0].apps, BTreeSet::from([name("wiki")]));
        assert_eq!((gone[0].acknowledged.as_deref(), gone[0].since), (Some("tim"), 7));
        assert_eq!(say("pads", "u").unwrap(), gone, "once more is the same");
    }

    #[test]
    fn what_is_there_is_taken_by_its_uid_and_a_lost_secret_is_made_again() {
        let (claim, secret) = (id("PersistentVolumeClaim", "files"), id("Secret", "key"));
        let mut inventory = Inventory::default();
        inventory.entries.insert(claim.clone(), entry("u", Some("pads")));
        inventory.entries.insert(secret.clone(), entry("s", Some("pads")));
        let all = losses("u", Some("v")).into_iter().chain(losses("s", None)).collect();
        acknowledge(&mut inventory, &name("pads"), &all, ("tim", 7)).unwrap();
        assert_eq!(inventory.entries[&claim].uid(), Some("v"));
        assert_eq!((inventory.entries[&secret].uid(), inventory.entries[&secret].former_uid()), (None, Some("s")));
        assert_eq!(inventory.gone.len(), 1, "a Secret holds no app");
    }
}
