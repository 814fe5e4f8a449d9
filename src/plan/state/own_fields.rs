//! Which fields we applied last, small enough to keep for every object.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::path::plain;
use crate::merge::FieldSet;

/// A digest of each field that we applied: enough to ask "was this one ours?", too little to read anything back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnFields(Vec<[u8; 6]>);

impl OwnFields {
    /// The digests of a field set.
    pub fn of(fields: &FieldSet) -> Self {
        let mut digests: Vec<_> = fields.paths().iter().map(|path| digest(&path.to_string())).collect();
        digests.sort_unstable();
        digests.dedup();
        Self(digests)
    }

    /// Whether no field is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a field, as the server names it (`.spec.replicas`), is one of them.
    pub(crate) fn contains(&self, field: &str) -> bool {
        self.0.binary_search(&digest(field)).is_ok()
    }
}

/// The first 48 bits of the path's SHA-256: two of an object's hundred fields agree by chance once in 10^10 objects.
fn digest(path: &str) -> [u8; 6] {
    let digest = ring::digest::digest(&ring::digest::SHA256, plain(path).as_bytes());
    digest.as_ref()[..6].try_into().expect("a SHA-256 has 32 bytes")
}

impl Serialize for OwnFields {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        to.serialize_str(&base64::engine::general_purpose::STANDARD_NO_PAD.encode(self.0.concat()))
    }
}

impl<'de> Deserialize<'de> for OwnFields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = String::deserialize(from)?;
        let bytes = base64::engine::general_purpose::STANDARD_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
        Ok(Self(bytes.chunks_exact(6).map(|chunk| chunk.try_into().expect("chunks of six")).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merge::Path;

    #[test]
    fn fields_are_known_again_after_a_round_through_the_inventory() {
        let mut fields = FieldSet::new();
        fields.insert(Path::of_fields(["spec", "replicas"]).elements());
        let own = OwnFields::of(&fields);
        let read: OwnFields = serde_json::from_str(&serde_json::to_string(&own).unwrap()).unwrap();
        assert_eq!(read, own);
        assert!(read.contains(".spec.replicas"));
        assert!(!read.contains(".spec.paused"));
    }
}
