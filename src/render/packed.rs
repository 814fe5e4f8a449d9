//! What was rendered, kept small until somebody looks at it: objects of one organisation repeat themselves.

use lz4_flex::block;

use crate::name::Name;

use super::OrganisationObjects;

/// The objects of one organisation as bytes: a tenth of what they take when they can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    pub(crate) organisation: Name,
    /// On which cluster.
    pub(crate) cluster: Name,
    /// How many objects, Secrets among them.
    pub objects: usize,
    pub(crate) next_change: Option<jiff::Timestamp>,
    /// How many bytes it is unpacked.
    size: usize,
    bytes: Box<[u8]>,
}

/// Room for packing, used again from one organisation to the next.
#[derive(Debug, Default)]
pub(crate) struct Room {
    json: Vec<u8>,
    compressed: Vec<u8>,
}

impl Packed {
    /// Packs what was rendered.
    ///
    /// # Panics
    /// Never: what is rendered is JSON, and the room is as large as it may get.
    pub(crate) fn of(objects: &OrganisationObjects, room: &mut Room) -> Self {
        let Room { json, compressed } = room;
        json.clear();
        serde_json::to_writer(&mut *json, objects).expect("what is rendered holds nothing that JSON cannot say");
        let most = block::get_maximum_output_size(json.len());
        if compressed.len() < most {
            compressed.resize(most, 0);
        }
        let length = block::compress_into(json, compressed).expect("there is room for the most that it may be");
        Self {
            organisation: objects.organisation.clone(),
            cluster: objects.cluster.clone(),
            objects: objects.objects.len() + objects.secrets.len(),
            next_change: objects.next_change,
            size: json.len(),
            bytes: compressed[..length].into(),
        }
    }

    /// What was packed.
    ///
    /// # Panics
    /// Never: only [`of`](Self::of) makes one.
    pub fn open(&self) -> OrganisationObjects {
        let json = block::decompress(&self.bytes, self.size).expect("it was packed here");
        let objects = serde_json::from_slice(&json).expect("it was packed here");
        OrganisationObjects { next_change: self.next_change, ..objects }
    }
}
