//! Objects by resource, the counter of versions, and what happened lately for watches.
//!
//! Objects are kept as JSON text, so that a list is a concatenation and an object costs its text
//! and little more; they are parsed where they are written.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Map, Value};
use tokio::sync::watch;

/// How many bytes of past objects a resource keeps for watches.
const HISTORY_BYTES: usize = 8 << 20;
/// How many events a resource keeps for watches.
const HISTORY_EVENTS: usize = 10_000;

/// Where an object is: namespace (empty for cluster-wide ones) and name, in the order of lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Namespace, or empty.
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl Key {
    /// Key of that namespace (empty for none) and name.
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// One version of one object.
#[derive(Debug)]
pub struct StoredObject {
    /// Version of the whole store when this was written.
    pub(crate) revision: u64,
    /// The object's labels, for selectors.
    pub(crate) labels: Box<[(Box<str>, Box<str>)]>,
    /// The metadata as JSON, then the other members as `,"spec":…` (without apiVersion and kind).
    text: Box<str>,
    split: usize,
}

impl StoredObject {
    /// The object with `metadata.resourceVersion` set to `revision`.
    pub(crate) fn new(mut object: Map<String, Value>, revision: u64) -> Self {
        object.remove("apiVersion");
        object.remove("kind");
        let mut metadata = match object.remove("metadata") {
            Some(Value::Object(metadata)) => metadata,
            _ => Map::new(),
        };
        metadata.insert("resourceVersion".to_owned(), Value::from(revision.to_string()));
        let labels = metadata.get("labels").and_then(Value::as_object);
        let labels = labels.into_iter().flatten().filter_map(|(key, value)| {
            let value = value.as_str()?;
            Some((Box::from(key.as_str()), Box::from(value)))
        });
        let labels = labels.collect();
        let mut text = Value::Object(metadata).to_string();
        let split = text.len();
        if !object.is_empty() {
            let rest = Value::Object(object).to_string();
            text.push(',');
            text.push_str(&rest[1..rest.len() - 1]);
        }
        Self { revision, labels, text: text.into_boxed_str(), split }
    }

    /// The metadata as JSON.
    pub(crate) fn metadata(&self) -> &str {
        &self.text[..self.split]
    }

    /// Members other than apiVersion, kind and metadata: empty, or `,"spec":…`.
    pub(crate) fn rest(&self) -> &str {
        &self.text[self.split..]
    }

    /// The object without apiVersion and kind.
    pub(crate) fn body(&self) -> Map<String, Value> {
        let mut text = String::with_capacity(self.text.len() + 13);
        text.push_str("{\"metadata\":");
        text.push_str(&self.text);
        text.push('}');
        serde_json::from_str(&text).expect("what is stored was printed from JSON values")
    }

    /// The whole object.
    pub(crate) fn object(&self, api_version: &str, kind: &str) -> Value {
        let mut body = self.body();
        body.insert("apiVersion".to_owned(), Value::from(api_version));
        body.insert("kind".to_owned(), Value::from(kind));
        Value::Object(body)
    }

    /// The same object as of another version.
    pub(crate) fn at(&self, revision: u64) -> Self {
        Self::new(self.body(), revision)
    }

    /// Bytes of memory that this version takes, roughly.
    pub(crate) fn size(&self) -> usize {
        let labels: usize = self.labels.iter().map(|(key, value)| key.len() + value.len() + 32).sum();
        self.text.len() + labels + size_of::<Self>()
    }
}

/// A change of one object.
#[derive(Debug)]
pub struct StoreEvent {
    /// Version of the store after it.
    pub(crate) revision: u64,
    pub(crate) key: Key,
    /// The object afterwards; `None` when it was deleted.
    pub(crate) after: Option<Arc<StoredObject>>,
    /// The object before; `None` when it was created.
    pub(crate) before: Option<Arc<StoredObject>>,
}

/// A write met another version than the one it was computed from.
#[derive(Debug)]
pub(crate) struct Raced;

/// Objects and history of one resource.
#[derive(Debug)]
struct Shelf {
    objects: BTreeMap<Key, Arc<StoredObject>>,
    history: VecDeque<Arc<StoreEvent>>,
    bytes: usize,
    /// Events up to this version are no longer (or were never) kept.
    horizon: u64,
    changed: watch::Sender<u64>,
}

impl Shelf {
    fn new(horizon: u64) -> Self {
        Self {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            bytes: 0,
            horizon,
            changed: watch::Sender::new(horizon),
        }
    }

    fn remember(&mut self, event: StoreEvent) -> Arc<StoreEvent> {
        let event = Arc::new(event);
        self.bytes += event.before.as_ref().map_or(0, |object| object.size());
        self.history.push_back(Arc::clone(&event));
        while self.history.len() > HISTORY_EVENTS || self.bytes > HISTORY_BYTES {
            let Some(old) = self.history.pop_front() else {
                break;
            };
            self.bytes -= old.before.as_ref().map_or(0, |object| object.size());
            self.horizon = old.revision;
        }
        self.changed.send_replace(event.revision);
        event
    }
}

/// All objects. Every write has a version of its own, counted over all resources.
#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    /// Histories begin here: the version at which this store was opened.
    opened: u64,
    shelves: BTreeMap<Arc<str>, Shelf>,
}

impl Store {
    /// An empty store whose next version is `revision` + 1.
    pub(crate) fn new(revision: u64) -> Self {
        Self { revision, opened: revision, shelves: BTreeMap::new() }
    }

    /// The version of the last write.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// Forgets all history: watches and lists of earlier versions are answered with 410.
    pub(crate) fn compact(&mut self) {
        self.opened = self.revision;
        for kept in self.shelves.values_mut() {
            kept.history.clear();
            kept.bytes = 0;
            kept.horizon = self.revision;
        }
    }

    /// Puts an object as it was kept in a state file, without history.
    pub(crate) fn restore(&mut self, resource: &str, key: Key, object: StoredObject) {
        let opened = self.opened;
        let kept = self.shelves.entry(resource.into()).or_insert_with(|| Shelf::new(opened));
        kept.objects.insert(key, Arc::new(object));
    }

    /// The object at `key`.
    pub(crate) fn get(&self, resource: &str, key: &Key) -> Option<Arc<StoredObject>> {
        self.shelves.get(resource)?.objects.get(key).cloned()
    }

    /// Objects of a resource in the order of lists, of one namespace or (`None`) of all.
    pub(crate) fn list(&self, resource: &str, namespace: Option<&str>) -> Vec<(Key, Arc<StoredObject>)> {
        let Some(kept) = self.shelves.get(resource) else {
            return Vec::new();
        };
        let pairs = |(key, object): (&Key, &Arc<StoredObject>)| (key.clone(), Arc::clone(object));
        match namespace {
            None => kept.objects.iter().map(pairs).collect(),
            Some(namespace) => kept
                .objects
                .range(Key::new(namespace, "")..)
                .take_while(|(key, _)| &*key.namespace == namespace)
                .map(pairs)
                .collect(),
        }
    }

    /// The same as of an earlier version; `None` when the history does not reach back so far.
    pub(crate) fn list_at(
        &self,
        resource: &str,
        namespace: Option<&str>,
        revision: u64,
    ) -> Option<Vec<(Key, Arc<StoredObject>)>> {
        if revision >= self.revision {
            return Some(self.list(resource, namespace));
        }
        let since = self.since(resource, revision)?;
        let mut objects: BTreeMap<Key, Arc<StoredObject>> = self.list(resource, namespace).into_iter().collect();
        for event in since.iter().rev() {
            if namespace.is_some_and(|namespace| namespace != &*event.key.namespace) {
                continue;
            }
            match &event.before {
                Some(before) => objects.insert(event.key.clone(), Arc::clone(before)),
                None => objects.remove(&event.key),
            };
        }
        Some(objects.into_iter().collect())
    }

    /// Events of a resource after `revision`; `None` when they are no longer kept.
    pub(crate) fn since(&self, resource: &str, revision: u64) -> Option<Vec<Arc<StoreEvent>>> {
        let Some(kept) = self.shelves.get(resource) else {
            return (revision >= self.opened).then(Vec::new);
        };
        if revision < kept.horizon {
            return None;
        }
        let start = kept.history.partition_point(|event| event.revision <= revision);
        Some(kept.history.range(start..).cloned().collect())
    }

    /// Oldest version from which a resource can be watched.
    pub(crate) fn horizon(&self, resource: &str) -> u64 {
        self.shelves.get(resource).map_or(self.opened, |kept| kept.horizon)
    }

    /// Tells when a resource changes.
    pub(crate) fn changes(&mut self, resource: &str) -> watch::Receiver<u64> {
        self.kept_mut(resource).changed.subscribe()
    }

    fn kept_mut(&mut self, resource: &str) -> &mut Shelf {
        let opened = self.opened;
        if !self.shelves.contains_key(resource) {
            self.shelves.insert(resource.into(), Shelf::new(opened));
        }
        self.shelves.get_mut(resource).expect("inserted above when it was not there")
    }

    /// Writes an object that was computed from version `expected` (`None`: there was none).
    pub(crate) fn put(
        &mut self,
        resource: &str,
        key: &Key,
        object: Map<String, Value>,
        expected: Option<u64>,
    ) -> Result<Arc<StoreEvent>, Raced> {
        let revision = self.revision + 1;
        let kept = self.kept_mut(resource);
        let before = kept.objects.get(key).cloned();
        if before.as_ref().map(|object| object.revision) != expected {
            return Err(Raced);
        }
        let after = Arc::new(StoredObject::new(object, revision));
        kept.objects.insert(key.clone(), Arc::clone(&after));
        let event = kept.remember(StoreEvent { revision, key: key.clone(), after: Some(after), before });
        self.revision = revision;
        Ok(event)
    }

    /// Removes an object that is at version `expected`.
    pub(crate) fn remove(&mut self, resource: &str, key: &Key, expected: u64) -> Result<Arc<StoreEvent>, Raced> {
        let revision = self.revision + 1;
        let kept = self.kept_mut(resource);
        match kept.objects.get(key) {
            Some(object) if object.revision == expected => {}
            _ => return Err(Raced),
        }
        let before = kept.objects.remove(key);
        let event = kept.remember(StoreEvent { revision, key: key.clone(), after: None, before });
        self.revision = revision;
        Ok(event)
    }

    /// All objects with their resources, for a state file.
    pub(crate) fn everything(&self) -> impl Iterator<Item = (&str, &Key, &Arc<StoredObject>)> {
        self.shelves.iter().flat_map(|(resource, kept)| {
            let objects = kept.objects.iter();
            objects.map(move |(key, object)| (&**resource, key, object))
        })
    }

    /// Number of objects and their bytes in memory, history not counted.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.everything().fold((0, 0), |(count, bytes), (_, key, object)| {
            let key = key.namespace.len() + key.name.len() + size_of::<Key>();
            (count + 1, bytes + object.size() + key)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, value: u64) -> Map<String, Value> {
        let object = json!({"metadata": {"name": name, "labels": {"a": "b"}}, "data": value});
        object.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_list_of_an_earlier_version_undoes_what_happened_since() {
        let mut store = Store::new(10);
        let (a, b) = (Key::new("n", "a"), Key::new("n", "b"));
        store.put("x", &a, object("a", 1), None).unwrap();
        let first = store.revision();
        store.put("x", &a, object("a", 2), Some(first)).unwrap();
        store.put("x", &b, object("b", 1), None).unwrap();
        let now = store.revision();
        store.remove("x", &b, now).unwrap();
        let then = store.list_at("x", Some("n"), first).unwrap();
        assert_eq!(then.len(), 1);
        assert_eq!(then[0].1.body()["data"], json!(1));
        let later = store.list_at("x", None, now).unwrap();
        assert_eq!(later.len(), 2);
        assert!(store.list_at("x", None, 9).is_none());
    }

    #[test]
    fn a_write_from_another_version_is_refused() {
        let mut store = Store::new(1);
        let key = Key::new("", "a");
        store.put("x", &key, object("a", 1), None).unwrap();
        assert!(store.put("x", &key, object("a", 2), None).is_err());
        assert!(store.put("x", &key, object("a", 2), Some(1)).is_err());
        assert!(store.put("x", &key, object("a", 2), Some(2)).is_ok());
        assert!(store.remove("x", &key, 2).is_err());
        assert!(store.remove("x", &key, 3).is_ok());
    }

    #[test]
    fn an_object_survives_being_stored() {
        let stored = StoredObject::new(object("a", 7), 3);
        let whole = stored.object("v1", "Thing");
        assert_eq!(
            whole,
            json!({"apiVersion": "v1", "kind": "Thing", "data": 7,
                "metadata": {"name": "a", "labels": {"a": "b"}, "resourceVersion": "3"}})
        );
        assert_eq!(stored.labels.len(), 1);
    }
}
