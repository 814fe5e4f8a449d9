//! Inventories that were read and wait for their turn, kept small: those of a large garden take more than its objects do.

use std::collections::BTreeSet;
use std::sync::Arc;

use lz4_flex::block;

use super::{Part, StoredInventory};

/// An inventory as bytes, with how it is stored.
#[derive(Clone, Debug)]
pub(crate) struct PackedInventory {
    /// The API versions and kinds of what it holds, each once.
    pub(crate) kinds: Box<[(Arc<str>, Arc<str>)]>,
    paused: Option<String>,
    uid: String,
    parts: Vec<Part>,
    /// How many bytes it is unpacked.
    size: usize,
    bytes: Box<[u8]>,
}

impl StoredInventory {
    /// The same, packed.
    ///
    /// # Panics
    /// Never: an inventory is JSON.
    pub(crate) fn pack(self) -> PackedInventory {
        let Self { inventory, paused, uid, parts } = self;
        let kinds: BTreeSet<_> = inventory.entries.keys().map(|id| (&id.api_version, &id.kind)).collect();
        let kinds = kinds.into_iter().map(|(version, kind)| (Arc::clone(version), Arc::clone(kind))).collect();
        let json = serde_json::to_vec(&inventory).expect("an inventory holds nothing that JSON cannot say");
        PackedInventory { kinds, paused, uid, parts, size: json.len(), bytes: block::compress(&json).into() }
    }
}

impl PackedInventory {
    /// Unpacks the inventory.
    ///
    /// # Panics
    /// Never: only [`StoredInventory::pack`] makes one.
    pub(crate) fn open(self) -> StoredInventory {
        let json = block::decompress(&self.bytes, self.size).expect("it was packed here");
        let inventory = serde_json::from_slice(&json).expect("it was packed here");
        StoredInventory { inventory, paused: self.paused, uid: self.uid, parts: self.parts }
    }
}
