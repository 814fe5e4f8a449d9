//! What was rendered, kept small until somebody looks at it: objects of one organisation repeat themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

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
    /// The API versions and kinds of the objects, each once.
    pub(crate) kinds: Box<[(Arc<str>, Arc<str>)]>,
    /// How many bytes it is unpacked.
    size: usize,
    bytes: Box<[u8]>,
}

/// Room for packing, used again from one organisation to the next.
#[derive(Debug, Default)]
pub(crate) struct Room {
    json: Vec<u8>,
    compressed: Vec<u8>,
    /// Words that organisations share.
    words: BTreeSet<Arc<str>>,
}

impl Room {
    /// A word, kept once however often it is said.
    fn word(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.words.get(text) {
            return Arc::clone(known);
        }
        self.words.insert(Arc::clone(text));
        Arc::clone(text)
    }

    /// The API versions and kinds of an organisation's objects.
    fn kinds(&mut self, objects: &OrganisationObjects) -> Box<[(Arc<str>, Arc<str>)]> {
        let ids = objects.objects.iter().map(|object| &object.id).chain(objects.secrets.iter().map(|one| &one.id));
        let kinds: BTreeSet<(&Arc<str>, &Arc<str>)> = ids.map(|id| (&id.api_version, &id.kind)).collect();
        kinds.into_iter().map(|(version, kind)| (self.word(version), self.word(kind))).collect()
    }
}

impl Packed {
    /// Packs what was rendered.
    ///
    /// # Panics
    /// Never: what is rendered is JSON, and the room is as large as it may get.
    pub(crate) fn of(objects: &OrganisationObjects, room: &mut Room) -> Self {
        let kinds = room.kinds(objects);
        let Room { json, compressed, .. } = room;
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
            kinds,
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
