//! What was rendered, kept small until somebody looks at it: objects of one organisation repeat themselves.

use crate::name::Name;

use super::OrganisationObjects;

/// The objects of one organisation as bytes: a tenth of what they take when they can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Whose.
    pub organisation: Name,
    /// On which cluster.
    pub cluster: Name,
    /// How many objects, Secrets among them.
    pub objects: usize,
    /// See [`OrganisationObjects::next_change`].
    pub next_change: Option<jiff::Timestamp>,
    bytes: Box<[u8]>,
}

impl Packed {
    /// Packs what was rendered.
    ///
    /// # Panics
    /// Never: what is rendered is JSON.
    pub fn of(objects: &OrganisationObjects) -> Self {
        let json = serde_json::to_vec(objects).expect("what is rendered holds nothing that JSON cannot say");
        Self {
            organisation: objects.organisation.clone(),
            cluster: objects.cluster.clone(),
            objects: objects.objects.len() + objects.secrets.len(),
            next_change: objects.next_change,
            bytes: lz4_flex::compress_prepend_size(&json).into(),
        }
    }

    /// What was packed.
    ///
    /// # Panics
    /// Never: only [`of`](Self::of) makes one.
    pub fn open(&self) -> OrganisationObjects {
        let json = lz4_flex::decompress_size_prepended(&self.bytes).expect("it was packed here");
        let objects = serde_json::from_slice(&json).expect("it was packed here");
        OrganisationObjects { next_change: self.next_change, ..objects }
    }
}
