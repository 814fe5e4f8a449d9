//! The entries of `metadata.managedFields`.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::element::Element;
use super::error::Operation;
use super::field_set::FieldSet;

/// After how many entries of updates the oldest are merged into one.
const MAX_UPDATES: usize = 10;
/// Who then owns their fields.
const ANCIENT: &str = "ancient-changes";

/// One entry: who owns what, since when, written how.
#[derive(Debug, Clone)]
pub(super) struct ManagedFieldsEntry<'v> {
    pub(crate) manager: Cow<'v, str>,
    pub(crate) operation: Operation,
    pub(crate) api_version: Cow<'v, str>,
    pub(crate) subresource: Cow<'v, str>,
    pub(crate) time: Option<Cow<'v, str>>,
    /// The fields as they were read; an entry that nothing touches is written back without being understood.
    raw: Option<&'v Value>,
    set: Option<FieldSet>,
}

impl<'v> ManagedFieldsEntry<'v> {
    pub(crate) fn new(
        manager: &'v str,
        operation: Operation,
        api_version: &'v str,
        subresource: &'v str,
        set: FieldSet,
    ) -> Self {
        Self {
            manager: manager.into(),
            operation,
            api_version: api_version.into(),
            subresource: subresource.into(),
            time: None,
            raw: None,
            set: Some(set),
        }
    }

    fn read(value: &'v Value) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        let raw = value.get("fieldsV1").filter(|fields| fields.is_object());
        (text("fieldsType") == "FieldsV1").then(|| Self {
            manager: text("manager").into(),
            operation,
            api_version: text("apiVersion").into(),
            subresource: text("subresource").into(),
            time: value.get("time").and_then(Value::as_str).map(Into::into),
            raw,
            set: raw.is_none().then(FieldSet::new),
        })
    }

    /// Whether both are entries of one manager for one way of writing; the version does not matter to appliers.
    pub(crate) fn is_same_writer(&self, other: &ManagedFieldsEntry<'_>) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    /// What the entry owns. Fields that cannot be read count as none.
    pub(crate) fn set(&self) -> Cow<'_, FieldSet> {
        match (&self.set, self.raw) {
            (Some(set), _) => Cow::Borrowed(set),
            (None, Some(raw)) => Cow::Owned(FieldSet::from_fields_v1(raw).unwrap_or_default()),
            (None, None) => Cow::Owned(FieldSet::new()),
        }
    }

    /// The fields as they were read, when nothing has changed them since.
    pub(crate) fn unchanged(&self) -> Option<&'v Value> {
        if self.set.is_some() { None } else { self.raw }
    }

    /// Leaves the fields as they were read.
    pub(crate) fn keep_fields_of(&mut self, raw: &'v Value) {
        (self.raw, self.set) = (Some(raw), None);
    }

    pub(crate) fn replace(&mut self, set: FieldSet) {
        self.set = Some(set);
    }

    pub(crate) fn is_empty(&self) -> bool {
        match (&self.set, self.raw) {
            (Some(set), _) => set.is_empty(),
            (None, Some(raw)) => raw.as_object().is_none_or(Map::is_empty),
            (None, None) => true,
        }
    }

    /// Whether the entry may own something in `other`: never a false no.
    pub(crate) fn may_touch(&self, other: &FieldSet) -> bool {
        match self.unchanged() {
            Some(raw) => touches(raw, other),
            None => true,
        }
    }

    fn write(&self) -> Value {
        let fields = match (&self.set, self.raw) {
            (Some(set), _) => set.to_fields_v1(),
            (None, Some(raw)) => raw.clone(),
            (None, None) => json!({}),
        };
        let mut entry = Map::new();
        entry.insert("manager".to_owned(), self.manager.as_ref().into());
        entry.insert("operation".to_owned(), self.operation.as_str().into());
        entry.insert("apiVersion".to_owned(), self.api_version.as_ref().into());
        if let Some(time) = &self.time {
            entry.insert("time".to_owned(), time.as_ref().into());
        }
        entry.insert("fieldsType".to_owned(), "FieldsV1".into());
        entry.insert("fieldsV1".to_owned(), fields);
        if !self.subresource.is_empty() {
            entry.insert("subresource".to_owned(), self.subresource.as_ref().into());
        }
        Value::Object(entry)
    }

    /// The order in which entries are written.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let seconds = |entry: &Self| entry.time.as_deref().map_or(0, seconds_of);
        (self.operation, seconds(self), &self.manager, &self.api_version, &self.subresource).cmp(&(
            other.operation,
            seconds(other),
            &other.manager,
            &other.api_version,
            &other.subresource,
        ))
    }
}

fn seconds_of(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_second)
}

/// Walks a set over raw `fieldsV1`: whether any member of the set is one there.
fn touches(raw: &Value, set: &FieldSet) -> bool {
    let Some(map) = raw.as_object() else { return false };
    set.children().any(|(element, member, below)| match map.get(element.as_str()) {
        Some(child) => {
            let is_member = || child.as_object().is_none_or(|child| child.is_empty() || child.contains_key("."));
            (member && is_member()) || (!below.is_empty() && touches(child, below))
        }
        // Keys may be written otherwise than we write them; only fields are sure to be absent.
        None => !element.as_str().starts_with("f:") && map.keys().any(|key| !key.starts_with("f:") && !is_ours(key)),
    })
}

/// Whether a key is written as we would write it, so that its absence can be trusted.
fn is_ours(key: &str) -> bool {
    key == "." || Element::parse(key).is_ok_and(|element| element.is_none_or(|element| element.as_str() == key))
}

/// The entries of an object; `None` when one of them cannot be read.
pub(super) fn read(object: &Value) -> Option<Vec<ManagedFieldsEntry<'_>>> {
    match object.get("metadata").and_then(|metadata| metadata.get("managedFields")) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(entries)) => entries.iter().map(ManagedFieldsEntry::read).collect(),
        Some(_) => None,
    }
}

/// Writes entries into an object, sorted as the server sorts them. No entries, no field.
pub(super) fn write(object: &mut Value, mut entries: Vec<ManagedFieldsEntry<'_>>) {
    entries.sort_by(ManagedFieldsEntry::order);
    let written: Vec<Value> = entries.iter().map(ManagedFieldsEntry::write).collect();
    let Some(object) = object.as_object_mut() else { return };
    if written.is_empty() {
        remove_from(object);
        return;
    }
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("managedFields".to_owned(), Value::Array(written));
    }
}

/// Takes the entries out of an object.
pub(super) fn remove(object: &mut Value) {
    if let Some(object) = object.as_object_mut() {
        remove_from(object);
    }
}

fn remove_from(object: &mut Map<String, Value>) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
}

/// Whether a client asks to forget who owns what, by an empty list or one empty entry.
pub(super) fn is_reset(object: &Value) -> bool {
    match object.get("metadata").and_then(|metadata| metadata.get("managedFields")).and_then(Value::as_array) {
        Some(entries) => match entries.as_slice() {
            [] => true,
            [one] => one.as_object().is_some_and(Map::is_empty),
            _ => false,
        },
        None => false,
    }
}

/// Merges the oldest updates of each version into one entry when there are more than ten.
pub(super) fn cap(entries: &mut Vec<ManagedFieldsEntry<'_>>) {
    let mut updates: Vec<usize> = (0..entries.len()).filter(|at| entries[*at].operation == Operation::Update).collect();
    let mut left = updates.len();
    if left <= MAX_UPDATES {
        return;
    }
    let seconds = |entry: &ManagedFieldsEntry<'_>| entry.time.as_deref().map_or(0, seconds_of);
    updates.sort_by(|a, b| {
        let (a, b) = (&entries[*a], &entries[*b]);
        (seconds(a), &a.manager, &a.api_version, &a.subresource).cmp(&(
            seconds(b),
            &b.manager,
            &b.api_version,
            &b.subresource,
        ))
    });
    let mut first: Vec<usize> = Vec::new();
    let mut merged: Vec<usize> = Vec::new();
    for at in updates {
        if left <= MAX_UPDATES {
            break;
        }
        let same_version = |one: &usize| entries[*one].api_version == entries[at].api_version;
        let Some(oldest) = first.iter().copied().find(same_version) else {
            first.push(at);
            continue;
        };
        let is_bucket =
            |entry: &ManagedFieldsEntry<'_>| entry.manager == ANCIENT && entry.operation == Operation::Update;
        let bucket = (0..entries.len()).find(|one| is_bucket(&entries[*one]) && same_version(one)).unwrap_or(oldest);
        let union = entries[bucket].set().union(&entries[at].set());
        let time = entries[at].time.clone();
        let oldest = &mut entries[bucket];
        oldest.replace(union);
        (oldest.manager, oldest.subresource, oldest.time) = (ANCIENT.into(), "".into(), time);
        merged.push(at);
        left -= 1;
    }
    merged.sort_unstable();
    for at in merged.into_iter().rev() {
        entries.remove(at);
    }
}

/// Whether two objects have the same entries but for their times, in the same order.
pub(super) fn same_but_for_times(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (list(a), list(b)) else { return false };
    let same = |a: &Value, b: &Value| {
        let kept = |entry: &'_ Value| entry.as_object().map(|map| map.len() - usize::from(map.contains_key("time")));
        let (Some(left), Some(right)) = (a.as_object(), b.as_object()) else { return false };
        kept(a) == kept(b) && left.iter().all(|(name, value)| name == "time" || right.get(name) == Some(value))
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
}

fn list(object: &Value) -> Option<&Vec<Value>> {
    object.get("metadata")?.get("managedFields")?.as_array()
}

/// A copy of an object without its entries.
pub(super) fn copy_without(object: &Value) -> Value {
    let Value::Object(map) = object else { return object.clone() };
    let copy = |(name, value): (&String, &Value)| match value {
        Value::Object(metadata) if name == "metadata" => {
            let kept = metadata.iter().filter(|(name, _)| *name != "managedFields");
            (name.clone(), Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
        }
        _ => (name.clone(), value.clone()),
    };
    Value::Object(map.iter().map(copy).collect())
}
