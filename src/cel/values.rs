//! Values as rules see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::core::cel::cel::Value as LibraryValue;
use kube::core::cel::cel::objects::OptionalValue;
use kube::core::cel::cel::objects::{Key as LibraryKey, Map as LibraryMap};
use serde_json::Value as Json;

use super::url::Url;

/// A value of an expression.
#[derive(Clone, Debug)]
pub(super) enum CelValue {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    Bytes(Arc<[u8]>),
    List(Arc<ListValue>),
    Map(Arc<BTreeMap<MapKey, CelValue>>),
    Optional(Option<Arc<CelValue>>),
    /// A type, as `type(…)` gives it.
    Type(&'static str),
    Url(Arc<Url>),
    /// A value that no rule looks into: what a schema preserves without knowing it.
    Unknown(Arc<Json>),
    /// A value of the function library: times, quantities, addresses, versions.
    Library(LibraryValue),
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MapKey {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Text(Arc<str>),
}

/// A list, with what its schema says of the order of its items.
#[derive(Debug)]
pub(super) struct ListValue {
    pub(super) items: Vec<CelValue>,
    pub(super) order: Order,
}

/// What tells the items of a list apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Their places: no list type is said.
    #[default]
    Place,
    /// The whole list is one value (`atomic`).
    Atomic,
    /// Their values (`set`).
    Set,
    /// These fields of theirs, escaped (`map`).
    Keyed(Arc<[String]>),
}

/// The most that two values are compared in depth and width before a comparison is given up.
pub(super) struct Allowance(pub(super) u64);

/// A comparison that would take longer than any rule may.
pub(super) struct TooMuch;

impl Allowance {
    pub(super) fn spend(&mut self, units: usize) -> Result<(), TooMuch> {
        self.0 = self.0.checked_sub(units as u64).ok_or(TooMuch)?;
        Ok(())
    }
}

impl CelValue {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(ListValue { items, order: Order::Place }))
    }

    /// How large a value counts in the cost of a call.
    pub(super) fn size(&self) -> u64 {
        let size = match self {
            Self::Text(text) => text.chars().count(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.items.len(),
            Self::Map(map) => map.len(),
            _ => 1,
        };
        size as u64
    }

    /// The name of the value's type in CEL.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Text(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Url(_) => "kubernetes.URL",
            Self::Unknown(_) => "unknown",
            Self::Library(LibraryValue::Duration(_)) => "google.protobuf.Duration",
            Self::Library(LibraryValue::Timestamp(_)) => "google.protobuf.Timestamp",
            Self::Library(_) => "opaque",
        }
    }

    /// Whether two values are equal; lists by what their schema says of order.
    pub(super) fn equals(&self, other: &Self, work: &mut Allowance) -> Result<bool, TooMuch> {
        work.spend(1)?;
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Text(one), Self::Text(two)) => {
                work.spend(one.len().min(two.len()) / 64)?;
                one == two
            }
            (Self::Bytes(one), Self::Bytes(two)) => one == two,
            (Self::Type(one), Self::Type(two)) => one == two,
            (Self::Url(one), Self::Url(two)) => one == two,
            (Self::Unknown(one), Self::Unknown(two)) => one == two,
            (Self::Library(one), Self::Library(two)) => one == two,
            (Self::Optional(one), Self::Optional(two)) => match (one, two) {
                (None, None) => true,
                (Some(one), Some(two)) => one.equals(two, work)?,
                _ => false,
            },
            (Self::Map(one), Self::Map(two)) => {
                if one.len() != two.len() {
                    return Ok(false);
                }
                for (key, value) in &**one {
                    let Some(other) = two.get(key) else { return Ok(false) };
                    if !value.equals(other, work)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::List(one), Self::List(two)) => one.equals(two, work)?,
            (one, two) => one.compared(two).is_some_and(std::cmp::Ordering::is_eq),
        })
    }

    /// The order of two values that have one.
    #[expect(clippy::cast_precision_loss, reason = "as CEL compares numbers of different types")]
    pub(super) fn compared(&self, other: &Self) -> Option<std::cmp::Ordering> {
        use CelValue::{Bool, Bytes, Double, Int, Library, Text, Uint};
        match (self, other) {
            (Bool(one), Bool(two)) => Some(one.cmp(two)),
            (Int(one), Int(two)) => Some(one.cmp(two)),
            (Uint(one), Uint(two)) => Some(one.cmp(two)),
            (Double(one), Double(two)) => one.partial_cmp(two),
            (Int(one), Uint(two)) => Some(i128::from(*one).cmp(&i128::from(*two))),
            (Uint(one), Int(two)) => Some(i128::from(*one).cmp(&i128::from(*two))),
            (Int(one), Double(two)) => (*one as f64).partial_cmp(two),
            (Double(one), Int(two)) => one.partial_cmp(&(*two as f64)),
            (Uint(one), Double(two)) => (*one as f64).partial_cmp(two),
            (Double(one), Uint(two)) => one.partial_cmp(&(*two as f64)),
            (Text(one), Text(two)) => Some(one.cmp(two)),
            (Bytes(one), Bytes(two)) => Some(one.cmp(two)),
            (Library(one), Library(two)) => one.partial_cmp(two),
            _ => None,
        }
    }
}

impl ListValue {
    fn equals(&self, other: &Self, work: &mut Allowance) -> Result<bool, TooMuch> {
        if self.items.len() != other.items.len() {
            return Ok(false);
        }
        match &self.order {
            Order::Place | Order::Atomic => {
                for (one, two) in self.items.iter().zip(&other.items) {
                    if !one.equals(two, work)? {
                        return Ok(false);
                    }
                }
            }
            Order::Set => {
                for item in &other.items {
                    if self.place_of(item, work)?.is_none() {
                        return Ok(false);
                    }
                }
            }
            Order::Keyed(_) => {
                for item in &other.items {
                    let Some(place) = self.place_of(item, work)? else { return Ok(false) };
                    if !self.items[place].equals(item, work)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// The place of the item that is the same one as this by the list's type.
    fn place_of(&self, wanted: &CelValue, work: &mut Allowance) -> Result<Option<usize>, TooMuch> {
        for (place, item) in self.items.iter().enumerate() {
            let same = match &self.order {
                Order::Keyed(keys) => same_keys(keys, item, wanted, work)?,
                _ => item.equals(wanted, work)?,
            };
            if same {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Two lists put together: a set takes what it lacks, a list of keyed items takes over what has its keys.
    pub(super) fn joined(&self, other: &Self, work: &mut Allowance) -> Result<CelValue, TooMuch> {
        work.spend(self.items.len() + other.items.len())?;
        let mut joined = Self { items: self.items.clone(), order: self.order.clone() };
        for item in &other.items {
            let place = match joined.order {
                Order::Place | Order::Atomic => None,
                Order::Set | Order::Keyed(_) => joined.place_of(item, work)?,
            };
            match place {
                Some(place) => joined.items[place] = item.clone(),
                None => joined.items.push(item.clone()),
            }
        }
        Ok(CelValue::List(Arc::new(joined)))
    }
}

fn same_keys(keys: &[String], one: &CelValue, two: &CelValue, work: &mut Allowance) -> Result<bool, TooMuch> {
    let (CelValue::Map(one), CelValue::Map(two)) = (one, two) else { return Ok(false) };
    for key in keys {
        let key = MapKey::Text(key.as_str().into());
        let same = match (one.get(&key), two.get(&key)) {
            (Some(one), Some(two)) => one.equals(two, work)?,
            (None, None) => true,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

impl MapKey {
    /// The key that a value is; numbers that are whole are one key in whichever type they come.
    pub(super) fn of(value: &CelValue) -> Option<Self> {
        Some(match value {
            CelValue::Bool(value) => Self::Bool(*value),
            CelValue::Int(value) => Self::Int(*value),
            CelValue::Uint(value) => i64::try_from(*value).map_or(Self::Uint(*value), Self::Int),
            CelValue::Text(value) => Self::Text(Arc::clone(value)),
            _ => return None,
        })
    }

    pub(super) fn value(&self) -> CelValue {
        match self {
            Self::Bool(value) => CelValue::Bool(*value),
            Self::Int(value) => CelValue::Int(*value),
            Self::Uint(value) => CelValue::Uint(*value),
            Self::Text(value) => CelValue::Text(Arc::clone(value)),
        }
    }
}

/// A value as the function library takes it.
pub(super) fn to_library(value: &CelValue) -> LibraryValue {
    match value {
        CelValue::Bool(value) => LibraryValue::Bool(*value),
        CelValue::Int(value) => LibraryValue::Int(*value),
        CelValue::Uint(value) => LibraryValue::UInt(*value),
        CelValue::Double(value) => LibraryValue::Float(*value),
        CelValue::Text(value) => LibraryValue::String(Arc::new(value.to_string())),
        CelValue::Bytes(value) => LibraryValue::Bytes(Arc::new(value.to_vec())),
        CelValue::List(list) => LibraryValue::List(Arc::new(list.items.iter().map(to_library).collect())),
        CelValue::Map(map) => {
            let entries = map.iter().map(|(key, value)| (library_key(key), to_library(value)));
            LibraryValue::Map(LibraryMap { map: Arc::new(entries.collect()) })
        }
        CelValue::Optional(None) => LibraryValue::Opaque(Arc::new(OptionalValue::none())),
        CelValue::Optional(Some(value)) => LibraryValue::Opaque(Arc::new(OptionalValue::of(to_library(value)))),
        CelValue::Library(value) => value.clone(),
        CelValue::Null | CelValue::Type(_) | CelValue::Url(_) | CelValue::Unknown(_) => LibraryValue::Null,
    }
}

fn library_key(key: &MapKey) -> LibraryKey {
    match key {
        MapKey::Bool(value) => LibraryKey::Bool(*value),
        MapKey::Int(value) => LibraryKey::Int(*value),
        MapKey::Uint(value) => LibraryKey::Uint(*value),
        MapKey::Text(value) => LibraryKey::String(Arc::new(value.to_string())),
    }
}

/// A value that the function library gave.
pub(super) fn from_library(value: LibraryValue) -> CelValue {
    match value {
        LibraryValue::Null => CelValue::Null,
        LibraryValue::Bool(value) => CelValue::Bool(value),
        LibraryValue::Int(value) => CelValue::Int(value),
        LibraryValue::UInt(value) => CelValue::Uint(value),
        LibraryValue::Float(value) => CelValue::Double(value),
        LibraryValue::String(value) => CelValue::text(&value),
        LibraryValue::Bytes(value) => CelValue::Bytes(value.as_slice().into()),
        LibraryValue::List(items) => CelValue::list(items.iter().cloned().map(from_library).collect()),
        LibraryValue::Map(map) => {
            let entries = map.map.iter().map(|(key, value)| {
                let key = match key {
                    LibraryKey::Bool(value) => MapKey::Bool(*value),
                    LibraryKey::Int(value) => MapKey::Int(*value),
                    LibraryKey::Uint(value) => MapKey::Uint(*value),
                    LibraryKey::String(value) => MapKey::Text(value.as_str().into()),
                };
                (key, from_library(value.clone()))
            });
            CelValue::Map(Arc::new(entries.collect()))
        }
        LibraryValue::Opaque(ref opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => CelValue::Optional(optional.value().cloned().map(|value| Arc::new(from_library(value)))),
            None => CelValue::Library(value),
        },
        other => CelValue::Library(other),
    }
}
