//! What a cluster holds of many organisations, listed once: each kind one list, each object packed until its organisation
//! is looked at.
//!
//! A round over a large garden goes through its organisations in batches. Were each batch to list, the server would go
//! through all objects of a kind again and again; were the bodies kept as values, they would take ten times their text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, stream};
use lz4_flex::block;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::connect::Connection;
use super::super::discovery::{Kinds, Resource};
use super::super::errors::ApiError;
use super::super::request::{Detail, Listed};
use super::{close, selector};
use crate::cause;
use crate::kind;
use crate::name::Name;

/// So many lists at once: each holds a page in memory.
const LISTS: usize = 4;

/// Up to so many bytes of objects of one kind and organisation are packed together.
const PACK: usize = 256 << 10;

/// What was listed of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The kinds that were listed, with the version from which a watch goes on, or why they could not be.
    kinds: BTreeMap<Kind, Result<(Arc<Resource>, String), String>>,
    packs: BTreeMap<Name, Vec<Pack>>,
}

/// API version and kind, as a cluster serves them.
type Kind = (Arc<str>, Arc<str>);

/// Objects of one kind and one organisation, compressed.
#[derive(Debug)]
struct Pack {
    resource: Arc<Resource>,
    size: usize,
    bytes: Box<[u8]>,
}

/// The label by which an item is told, without reading the rest of it.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    metadata: HeadMeta,
}

#[derive(Default, Deserialize)]
struct HeadMeta {
    #[serde(default)]
    labels: HeadLabels,
}

#[derive(Default, Deserialize)]
struct HeadLabels {
    #[serde(rename = "parcelle.dev/organisation", default)]
    organisation: String,
}

impl Listing {
    /// IO: lists some kinds of a garden for some organisations. A kind that cannot be listed is noted, nothing else fails
    /// for it.
    pub(crate) async fn read(
        connection: &Connection,
        kinds: &Kinds,
        garden: &Name,
        wanted: &BTreeSet<Kind>,
        organisations: &BTreeSet<Name>,
    ) -> Self {
        let served = wanted.iter().filter_map(|(version, kind)| kinds.serving(version, kind).ok());
        let served: BTreeMap<Kind, &Arc<Resource>> =
            served.map(|resource| ((resource.api_version.clone(), resource.kind.clone()), resource)).collect();
        let selector = selector(garden, None);
        let lists = served.into_iter().map(|(key, resource)| {
            let packing = list(connection, resource, &selector, organisations);
            async move { (key, resource, packing.await) }
        });
        let mut lists = stream::iter(lists).buffer_unordered(LISTS);
        let mut listing = Self::default();
        while let Some((key, resource, listed)) = lists.next().await {
            let listed = listed.map(|(packs, version)| {
                for (organisation, pack) in packs {
                    listing.packs.entry(organisation).or_default().push(pack);
                }
                (Arc::clone(resource), version)
            });
            listing.kinds.insert(key, listed.map_err(|error| resource.why_unread(&error, "list")));
        }
        listing
    }

    /// Whether a kind was listed, or tried to be; else it has to be asked for.
    pub(super) fn covers(&self, resource: &Resource) -> bool {
        self.kinds.contains_key(&(resource.api_version.clone(), resource.kind.clone()))
    }

    /// Why a kind could not be listed.
    pub(super) fn failure(&self, resource: &Resource) -> Option<&str> {
        let listed = self.kinds.get(&(resource.api_version.clone(), resource.kind.clone()))?;
        listed.as_ref().err().map(String::as_str)
    }

    /// The kinds that were listed whole, with the version from which a watch goes on.
    pub(super) fn listed(&self) -> impl Iterator<Item = (Arc<Resource>, String)> {
        let listed = self.kinds.values().filter_map(|listed| listed.as_ref().ok());
        listed.filter(|(_, version)| !version.is_empty()).cloned()
    }

    /// Hands out what was listed of an organisation, item by item, as the server sent it.
    ///
    /// # Errors
    /// When an item is no JSON.
    pub(super) fn each(&self, organisation: &Name, mut each: impl FnMut(&Resource, Value)) -> Result<(), ApiError> {
        let garbled = |why: String| ApiError::Garbled { why };
        for pack in self.packs.get(organisation).into_iter().flatten() {
            let text = block::decompress(&pack.bytes, pack.size).map_err(|error| garbled(error.to_string()))?;
            for item in serde_json::Deserializer::from_slice(&text).into_iter::<Value>() {
                each(&pack.resource, item.map_err(|error| garbled(cause::of_json(&error)))?);
            }
        }
        Ok(())
    }
}

type Packs = Vec<(Name, Pack)>;

/// One kind, packed as it comes, with the version at which the list is whole.
async fn list(
    connection: &Connection,
    resource: &Arc<Resource>,
    selector: &str,
    organisations: &BTreeSet<Name>,
) -> Result<(Packs, String), ApiError> {
    let mut packing = Packing { resource, open: None, text: Vec::new(), done: Vec::new(), garbled: None };
    let each = |listed: Listed<Box<RawValue>>| match listed {
        Listed::Anew => packing.clear(),
        Listed::Item(item) => packing.take(connection, organisations, &item),
    };
    let version = connection.list_each(&resource.list_path(""), selector, Detail::Whole, each).await?;
    packing.close();
    match packing.garbled {
        Some(why) => Err(ApiError::Garbled { why }),
        None => Ok((packing.done, version)),
    }
}

/// Items of one list on their way into packs: those of an organisation follow each other, since lists go by namespace.
struct Packing<'a> {
    resource: &'a Arc<Resource>,
    /// Whose items `text` holds.
    open: Option<Name>,
    text: Vec<u8>,
    done: Packs,
    garbled: Option<String>,
}

impl Packing<'_> {
    fn take(&mut self, connection: &Connection, organisations: &BTreeSet<Name>, item: &RawValue) {
        let head: Head = match serde_json::from_str(item.get()) {
            Ok(head) => head,
            Err(error) => return self.garbled = Some(cause::of_json(&error)),
        };
        let Some(organisation) = organisations.get(head.metadata.labels.organisation.as_str()) else { return };
        if self.open.as_ref() != Some(organisation) || self.text.len() > PACK {
            self.close();
            self.open = Some(organisation.clone());
        }
        if self.resource.is(kind::SECRET) {
            match serde_json::from_str(item.get()) {
                Ok(mut secret) => {
                    close(connection, &mut secret, self.resource);
                    self.text.extend_from_slice(secret.to_string().as_bytes());
                }
                Err(error) => self.garbled = Some(cause::of_json(&error)),
            }
        } else {
            self.text.extend_from_slice(item.get().as_bytes());
        }
        self.text.push(b'\n');
    }

    fn clear(&mut self) {
        self.done.clear();
        self.text.clear();
        (self.open, self.garbled) = (None, None);
    }

    fn close(&mut self) {
        if let Some(organisation) = self.open.take().filter(|_| !self.text.is_empty()) {
            let (resource, size) = (Arc::clone(self.resource), self.text.len());
            self.done.push((organisation, Pack { resource, size, bytes: block::compress(&self.text).into() }));
        }
        self.text.clear();
    }
}
