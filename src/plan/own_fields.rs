//! Which fields we applied last, small enough to keep for every object.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A digest of each field that we applied: enough to ask "was this one ours?", too little to read anything back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnFields(Vec<[u8; 6]>);

impl OwnFields {
    /// Whether no field is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
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
