//! Which fields we applied last, small enough to keep for every object.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::path::plain;
use crate::merge::FieldSet;

/// A digest of each field that we applied: enough to ask "was this one ours?", too little to read anything back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnFields {
    applied: Vec<[u8; 6]>,
    /// Fields that we wanted as well, and that were left to others.
    left: Vec<[u8; 6]>,
}

impl OwnFields {
    /// The digests of a field set.
    pub fn of(fields: &FieldSet) -> Self {
        Self { applied: digests(fields.paths().iter().map(ToString::to_string)), left: Vec::new() }
    }

    /// The same, with fields that were left to others.
    #[must_use]
    pub(crate) fn leaving(self, left: impl IntoIterator<Item = String>) -> Self {
        Self { left: digests(left), ..self }
    }

    /// The same, and these fields, as the server names them.
    #[must_use]
    pub(crate) fn with(&self, fields: impl IntoIterator<Item = String>) -> Self {
        let mut applied = [self.applied.clone(), digests(fields)].concat();
        applied.sort_unstable();
        applied.dedup();
        Self { applied, left: self.left.clone() }
    }

    /// The same without these fields.
    #[must_use]
    pub(crate) fn without(&self, fields: impl IntoIterator<Item = String>) -> Self {
        let fields = digests(fields);
        let applied = self.applied.iter().filter(|one| fields.binary_search(one).is_err()).copied().collect();
        Self { applied, left: self.left.clone() }
    }

    /// Whether no field is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.applied.is_empty() && self.left.is_empty()
    }

    /// Whether a field, as the server names it (`.spec.replicas`), is one of them.
    pub(crate) fn contains(&self, field: &str) -> bool {
        self.applied.binary_search(&digest(field)).is_ok()
    }

    /// Whether a field was left to others.
    pub(crate) fn leaves(&self, field: &str) -> bool {
        !self.left.is_empty() && self.left.binary_search(&digest(field)).is_ok()
    }
}

fn digests(paths: impl IntoIterator<Item = String>) -> Vec<[u8; 6]> {
    let mut digests: Vec<_> = paths.into_iter().map(|path| digest(&path)).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// The first 48 bits of the path's SHA-256: two of an object's hundred fields agree by chance once in 10^10 objects.
fn digest(path: &str) -> [u8; 6] {
    let digest = ring::digest::digest(&ring::digest::SHA256, plain(path).as_bytes());
    digest.as_ref()[..6].try_into().expect("a SHA-256 has 32 bytes")
}

/// What stands between the fields that were applied and those that were left; no letter of Base64.
const LEFT: char = '.';

impl Serialize for OwnFields {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        let text = |fields: &[[u8; 6]]| base64::engine::general_purpose::STANDARD_NO_PAD.encode(fields.concat());
        let mut all = text(&self.applied);
        if !self.left.is_empty() {
            all.push(LEFT);
            all.push_str(&text(&self.left));
        }
        to.serialize_str(&all)
    }
}

impl<'de> Deserialize<'de> for OwnFields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let text = String::deserialize(from)?;
        let (applied, left) = text.split_once(LEFT).unwrap_or((&text, ""));
        let read = |text: &str| {
            let bytes =
                base64::engine::general_purpose::STANDARD_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
            Ok(bytes.chunks_exact(6).map(|chunk| chunk.try_into().expect("chunks of six")).collect())
        };
        Ok(Self { applied: read(applied)?, left: read(left)? })
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
        assert!(!read.leaves(".spec.replicas"));
        let own = own.leaving([".spec.paused".to_owned()]);
        let read: OwnFields = serde_json::from_str(&serde_json::to_string(&own).unwrap()).unwrap();
        assert_eq!(read, own);
        assert!(read.leaves("spec.paused") && read.contains(".spec.replicas") && !read.contains(".spec.paused"));
    }
}
