//! Objects of a snapshot, kept small until somebody looks at them: in a file they are a list, in memory they are compressed.

use lz4_flex::block;
use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// Objects of one organisation.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedObjects {
    count: usize,
    /// How many bytes their text has.
    size: usize,
    bytes: Box<[u8]>,
}

impl PackedObjects {
    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The objects, one after the other.
    ///
    /// # Panics
    /// Never: what is packed was packed here, from JSON.
    pub(super) fn open(&self) -> Vec<Value> {
        let text = self.text();
        let objects = serde_json::Deserializer::from_slice(&text).into_iter::<Value>();
        objects.map(|object| object.expect("it was packed here")).collect()
    }

    fn text(&self) -> Vec<u8> {
        if self.count == 0 {
            return Vec::new();
        }
        block::decompress(&self.bytes, self.size).expect("it was packed here")
    }

    fn of(count: usize, text: &str) -> Self {
        Self { count, size: text.len(), bytes: block::compress(text.as_bytes()).into() }
    }
}

impl FromIterator<Value> for PackedObjects {
    fn from_iter<I: IntoIterator<Item = Value>>(objects: I) -> Self {
        let (mut count, mut text) = (0, String::new());
        for object in objects {
            text.push_str(&object.to_string());
            text.push('\n');
            count += 1;
        }
        Self::of(count, &text)
    }
}

impl Serialize for PackedObjects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        let mut list = serializer.serialize_seq(Some(self.count))?;
        for object in serde_json::Deserializer::from_slice(&text).into_iter::<Box<RawValue>>() {
            list.serialize_element(&object.map_err(serde::ser::Error::custom)?)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for PackedObjects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects;

        impl<'de> Visitor<'de> for Objects {
            type Value = PackedObjects;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a list of objects")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<PackedObjects, A::Error> {
                let (mut count, mut text) = (0, String::new());
                while let Some(object) = list.next_element::<Value>()? {
                    text.push_str(&object.to_string());
                    text.push('\n');
                    count += 1;
                }
                Ok(PackedObjects::of(count, &text))
            }
        }

        deserializer.deserialize_seq(Objects)
    }
}
