//! What a plan does to people's data, and on which day.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Whose;
use super::backups;
use super::subject::{PlannedOrganisation, text};
use super::wording::{OneLine, bytes_of, line, list, many, short, size, who};
use crate::kind::{
    GARAGE_BUCKET, GARAGE_KEY, NAMESPACE, PERCONA_MONGODB, PERSISTENT_VOLUME_CLAIM, POSTGRES_CLUSTER,
    POSTGRES_DATABASE, POSTGRES_ROLE, SECRET, STATEFUL_SET,
};
use crate::name::Name;
use crate::plan::{Action, Changing, Creating, Deleting, LaterAct, Place, Reason, Replacing, Verb, day};
use crate::render::{ObjectId, TermWord};

/// What becomes of data, in the order in which people need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DataHow {
    /// It is gone already, and nobody here deleted it.
    Lost,
    /// It goes when the plan is carried out.
    GoesNow,
    /// It goes on a day, unless somebody takes that back.
    GoesLater,
    /// It is made anew, and what was in it is gone.
    MadeAnew,
    /// It is written over from a backup.
    Restored,
    /// It is not backed up any more.
    NotBackedUp,
    /// Fewer of its backups are kept.
    FewerBackups,
    /// It is kept, and its app is called otherwise.
    Renamed,
    /// It was to go, and is kept.
    Kept,
}

/// Data that goes, moves or is written over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataImpact {
    /// What becomes of it.
    pub(crate) how: DataHow,
    /// The organisations and apps that own the data.
    pub(crate) whose: Whose,
    /// The opening words: `Gone on 2027-02-28`.
    pub(crate) lead: String,
    /// The rest of the sentence.
    pub(crate) words: String,
    /// The one line behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Place>,
    /// When, in Unix seconds, where that is a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<i64>,
    /// How many objects that hold data, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) kinds: BTreeMap<String, usize>,
    /// The room that they have together, in bytes, of those that say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<u64>,
}

/// What is told in one line, for however many organisations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    how: DataHow,
    at: Option<i64>,
    /// What is said of it.
    says: String,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    whose: Whose,
    line: OneLine,
    kinds: BTreeMap<String, usize>,
    bytes: Option<u64>,
    /// The first few, as people name them.
    named: BTreeSet<(u8, String)>,
}

/// So many objects of one line are named.
const NAMED: usize = 4;

/// Gathers them.
#[derive(Clone, Debug, Default)]
pub(super) struct DataTally {
    found: BTreeMap<Key, Sum>,
}

impl DataTally {
    /// Adds those of one organisation.
    pub(super) fn add(&mut self, subject: &PlannedOrganisation<'_>) {
        let now = |how, says: &str| Key { how, at: None, says: says.to_owned() };
        for lost in &subject.plan.lost {
            let says = match &lost.acknowledged {
                Some(who) => format!("{} said that it may be made anew, empty", short(who)),
                None => format!("nobody here deleted it; known since {}", day(lost.since)),
            };
            let sum = self.found.entry(now(DataHow::Lost, &says)).or_default();
            let apps: Vec<Option<&Name>> = lost.apps.iter().map(Some).collect();
            let apps = if apps.is_empty() { vec![None] } else { apps };
            apps.into_iter().for_each(|app| sum.whose.add(subject.name(), app));
            sum.line.add(None);
            sum.hold(subject, &lost.id);
        }
        for action in subject.writes() {
            let Some(key) = of_action(action) else { continue };
            let sum = self.found.entry(key).or_default();
            sum.whose.add(subject.name(), action.app.as_ref());
            sum.line.add(line(action, None));
            sum.hold(subject, &action.id);
        }
        for act in subject.plan.later.iter().filter(|act| act.word == TermWord::KeepData) {
            self.add_term(subject, act);
        }
        for found in backups::of(subject) {
            let how = if found.off { DataHow::NotBackedUp } else { DataHow::FewerBackups };
            let sum = self.found.entry(now(how, &found.says)).or_default();
            sum.whose.add(subject.name(), found.app.as_ref());
            sum.line.add(found.line);
        }
    }

    /// Adds data that goes on a day, or that was to go and stays.
    fn add_term(&mut self, subject: &PlannedOrganisation<'_>, act: &LaterAct) {
        let key = match &act.after {
            Some(after) => {
                let before = act.before.as_ref().map(|before| format!("; before: {before}")).unwrap_or_default();
                Key { how: DataHow::GoesLater, at: act.at, says: format!("{after}{before}") }
            }
            None => Key { how: DataHow::Kept, at: None, says: act.before.clone().unwrap_or_default() },
        };
        let sum = self.found.entry(key).or_default();
        sum.whose.add(subject.name(), act.app.as_ref());
        sum.line.add(act.origin.clone());
        for id in kept(subject, act) {
            sum.hold(subject, id);
        }
    }

    /// All of them, the weightiest first.
    pub(super) fn finish(self) -> Vec<DataImpact> {
        self.found.into_iter().map(|(key, sum)| told(&key, sum)).collect()
    }
}

/// What an action does to data at once; `None` where it does nothing to any.
fn of_action(action: &Action) -> Option<Key> {
    let key = |how, says: &str| Some(Key { how, at: None, says: says.to_owned() });
    // Data keeps its name when its app is renamed; everything else of the app is made under the new one.
    if let Reason::Changing(Changing::Renamed { from, to }) = action.reason() {
        return action.holds_data.then(|| Key {
            how: DataHow::Renamed,
            at: None,
            says: format!("`{from}` is called `{to}` now, and goes on with its data"),
        });
    }
    if action.verb() == Verb::Create && action.id.group() == "k8up.io" && &*action.id.kind == "Restore" {
        return key(DataHow::Restored, "written over from a backup");
    }
    if !action.holds_data || is_key(&action.id) {
        return None;
    }
    match action.reason() {
        // Its claims outlive it, whoever makes it anew.
        Reason::Replacing(Replacing::Renamed { .. }) | Reason::Deleting(Deleting::Renamed { .. }) => None,
        Reason::Replacing(_) if !action.id.is(STATEFUL_SET) => key(DataHow::MadeAnew, "deleted and made anew, empty"),
        Reason::Creating(Creating::Acknowledged { .. } | Creating::DeletedBehindOurBack) => {
            key(DataHow::MadeAnew, "it was gone, and is made again, empty")
        }
        Reason::Deleting(_) => key(DataHow::GoesNow, ""),
        _ => None,
    }
}

/// What holds no data of people, although nothing can be read without it: roles, keys, Secrets.
fn is_key(id: &ObjectId) -> bool {
    [SECRET, GARAGE_KEY, POSTGRES_ROLE].into_iter().any(|kind| id.is(kind))
}

/// The objects whose day an act names.
fn kept<'a>(subject: &PlannedOrganisation<'a>, act: &'a LaterAct) -> impl Iterator<Item = &'a ObjectId> {
    let named: BTreeSet<&str> = act.objects.iter().map(String::as_str).collect();
    let actions = subject.plan.actions.iter().filter(|action| !is_key(&action.id));
    actions.filter(move |action| named.contains(&*action.id.to_string())).map(|action| &action.id)
}

impl Sum {
    /// Adds an object that holds data.
    fn hold(&mut self, subject: &PlannedOrganisation<'_>, id: &ObjectId) {
        let body = subject.body(id).or_else(|| subject.body_before(id));
        let bytes = body.and_then(|body| room(id, body));
        *self.kinds.entry(id.kind.to_string()).or_default() += 1;
        self.bytes = self.bytes.into_iter().chain(bytes).reduce(u64::saturating_add);
        if self.named.len() < NAMED {
            self.named.insert((weight(id), named(id, body, bytes)));
        }
    }
}

/// The room that an object with data has, in bytes.
pub(super) fn room(id: &ObjectId, body: &Value) -> Option<u64> {
    let pointer = if id.is(PERSISTENT_VOLUME_CLAIM) {
        "/spec/resources/requests/storage"
    } else if id.is(GARAGE_BUCKET) {
        "/spec/quotas/maxSize"
    } else if id.is(POSTGRES_CLUSTER) {
        "/spec/storage/size"
    } else if id.is(PERCONA_MONGODB) {
        "/spec/replsets/0/volumeSpec/persistentVolumeClaim/resources/requests/storage"
    } else {
        "/spec/volumeClaimTemplates/0/spec/resources/requests/storage"
    };
    bytes_of(body.pointer(pointer)?)
}

/// Where data lies comes first.
fn weight(id: &ObjectId) -> u8 {
    u8::from(!(id.is(PERSISTENT_VOLUME_CLAIM) || id.is(POSTGRES_DATABASE) || id.is(GARAGE_BUCKET)))
}

/// An object as people name it: ``database `pads-db` ``, ``2 GiB of volume `pads-uploads` ``.
fn named(id: &ObjectId, body: Option<&Value>, bytes: Option<u64>) -> String {
    let name = match body.filter(|_| id.is(POSTGRES_DATABASE)).and_then(|body| text(body, "/spec/name")) {
        Some(name) => short(name),
        None => short(&id.name),
    };
    let noun = noun(id);
    match bytes {
        Some(bytes) => format!("{noun} `{name}` with {} of room", size(bytes)),
        None => format!("{noun} `{name}`"),
    }
}

fn noun(id: &ObjectId) -> &'static str {
    match &*id.kind {
        "PersistentVolumeClaim" => "volume",
        "Database" => "database",
        "GarageBucket" => "bucket",
        _ if id.is(NAMESPACE) => "everything in",
        _ if id.is(STATEFUL_SET) => "the volumes of",
        _ if id.is(POSTGRES_CLUSTER) || id.is(PERCONA_MONGODB) || &*id.kind == "MariaDB" => "database server",
        _ => "what is in",
    }
}

/// What holds the data: names in one organisation, numbers in several.
fn holders(sum: &Sum) -> String {
    let all: usize = sum.kinds.values().sum();
    let room = sum.bytes.map(|bytes| format!(" with {} of room", size(bytes))).unwrap_or_default();
    if all == 0 {
        return String::new();
    }
    if sum.whose.0.len() == 1 && all <= NAMED {
        return list(sum.named.iter().map(|(_, named)| named));
    }
    let words = sum.kinds.iter().map(|(kind, count)| match &**kind {
        "PersistentVolumeClaim" => many(*count, "volume"),
        "Database" => many(*count, "database"),
        "GarageBucket" => many(*count, "bucket"),
        "Namespace" => many(*count, "namespace"),
        _ => many(*count, "database server"),
    });
    format!("{}{room}", list(words))
}

fn told(key: &Key, sum: Sum) -> DataImpact {
    let (of, holders) = (who(&sum.whose, Some("data")), holders(&sum));
    let what = if holders.is_empty() { String::new() } else { format!(": {holders}") };
    let date = key.at.map(day);
    let (lead, words) = match key.how {
        DataHow::Lost => ("Gone already:".to_owned(), format!("{of}{what}; {}", key.says)),
        DataHow::GoesNow => ("Gone when this is done:".to_owned(), format!("{of}{what}")),
        DataHow::GoesLater => {
            let lead = date.map_or_else(|| "Goes later".to_owned(), |date| format!("Gone on {date}"));
            let before = key.says.split_once("; ").map(|(_, before)| format!(" ({before})")).unwrap_or_default();
            (
                lead,
                format!("unless taken back: {of}{what}{before}; it stays if the word `retired` goes before that day"),
            )
        }
        DataHow::MadeAnew => ("Made anew:".to_owned(), format!("{of}{what}; {}", key.says)),
        DataHow::Restored => ("Restored:".to_owned(), format!("{of}, {}", key.says)),
        DataHow::NotBackedUp => ("Not backed up any more:".to_owned(), format!("{of}; {}", key.says)),
        DataHow::FewerBackups => ("Fewer backups:".to_owned(), format!("{of}; {}", key.says)),
        DataHow::Renamed => ("Renamed:".to_owned(), format!("{} ({of})", key.says)),
        DataHow::Kept => ("Kept after all:".to_owned(), format!("the data of {of}, no longer {}", key.says)),
    };
    DataImpact {
        how: key.how,
        whose: sum.whose,
        lead,
        words,
        origin: sum.line.get(),
        at: key.at,
        kinds: sum.kinds,
        bytes: sum.bytes,
    }
}
