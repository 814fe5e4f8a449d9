//! Watches: one a kind of ours, label-selected, kept open for as long as they are wanted; what they show goes into the [`Mirror`].
//!
//! A watch goes on from the version at which a list was whole, so that nothing between the two is missed. Where the server
//! no longer has that version (410), the kind is listed again, and nothing counts as gone before that list is complete.
//! A silent watch is opened anew after [`SILENCE`]: a connection may be dead without a word.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::connect::Connection;
use super::discovery::Resource;
use super::errors::ApiError;
use super::mirror::Mirror;
use super::request::{Detail, Listed, WatchEvent, query_escaped};
use super::retry::{Pause, Retry};
use crate::kind;
use crate::name::Name;
use crate::plan::GARDEN_LABEL;
use crate::render::ObjectId;

/// How long the server is asked to keep a watch open, in seconds.
const OPEN: u64 = 290;

/// A watch that shows nothing, no bookmark either, for so long is opened anew. Servers send a bookmark a minute.
const SILENCE: Duration = Duration::from_secs(150);

/// A watch that stood longer than this ended as watches do; one that ends sooner is in trouble.
const STANDS: Duration = Duration::from_secs(5);

/// A kind that may not be watched is tried again so seldom; until then its objects are looked at when all are.
const REFUSED: Duration = Duration::from_mins(10);

/// The watches of one cluster. They end when this value does.
pub(crate) struct Watches {
    connection: Connection,
    garden: Name,
    mirror: Arc<Mirror>,
    tasks: BTreeMap<(Arc<str>, Arc<str>), JoinHandle<()>>,
    others: Vec<JoinHandle<()>>,
    sources: Option<JoinHandle<()>>,
}

impl Watches {
    /// Begins with those on what decides beside our own objects: definitions of kinds and webhooks.
    pub(crate) fn new(connection: Connection, garden: Name, mirror: Arc<Mirror>) -> Self {
        let others = kind::KINDS.iter().filter_map(|row| Some((row.id, row.watched?))).map(|(id, watched)| {
            let resource = Arc::new(Resource {
                api_version: watched.api_version.into(),
                kind: id.kind.into(),
                plural: watched.plural.into(),
                namespaced: false,
                listable: true,
            });
            let path = resource.list_path("");
            let connection = connection.clone();
            let subject = Subject { connection, resource, path, selector: String::new(), detail: Detail::Metadata };
            let mirror = Arc::clone(&mirror);
            tokio::spawn(async move {
                subject.keep(None, &mut Decisive { mirror: &mirror, known: BTreeMap::new(), begun: false }).await;
            })
        });
        let others = others.collect();
        Self { connection, garden, mirror, tasks: BTreeMap::new(), others, sources: None }
    }

    /// Opens the watch on Secrets that are not ours, unless there is one: copies and templates follow some of them. `from` is
    /// the version of a list of Secrets after which the sources were read; without one they are listed first.
    pub(crate) fn open_sources(&mut self, from: Option<String>) {
        if self.sources.is_some() {
            return;
        }
        let resource = Arc::new(Resource {
            api_version: "v1".into(),
            kind: kind::SECRET.kind.into(),
            plural: "secrets".into(),
            namespaced: true,
            listable: true,
        });
        let subject = Subject {
            connection: self.connection.clone(),
            path: resource.list_path(""),
            resource,
            // Ours have a watch already.
            selector: query_escaped(&format!("{GARDEN_LABEL}!={}", self.garden)),
            detail: Detail::Metadata,
        };
        let mirror = Arc::clone(&self.mirror);
        self.sources =
            Some(tokio::spawn(async move { subject.keep(from, &mut SourcesOfOthers { mirror: &mirror }).await }));
    }

    /// Opens the watch on ConfigMaps, unless there is one: inventories and words of people are some.
    pub(crate) fn open_config_maps(&mut self) {
        let resource = Resource {
            api_version: "v1".into(),
            kind: kind::CONFIG_MAP.kind.into(),
            plural: "configmaps".into(),
            namespaced: true,
            listable: true,
        };
        self.open(&Arc::new(resource), None);
    }

    /// Opens a watch on a kind of ours, unless there is one. `from` is the version of a list that the mirror was told of;
    /// without one the kind is listed first.
    pub(crate) fn open(&mut self, resource: &Arc<Resource>, from: Option<String>) {
        let key = (resource.api_version.clone(), resource.kind.clone());
        if self.tasks.contains_key(&key) {
            return;
        }
        let selector = query_escaped(&format!("{GARDEN_LABEL}={}", self.garden));
        let subject = Subject {
            connection: self.connection.clone(),
            resource: resource.clone(),
            path: resource.list_path(""),
            selector,
            detail: if resource.is(kind::SECRET) { Detail::Metadata } else { Detail::Whole },
        };
        let mirror = Arc::clone(&self.mirror);
        let task = tokio::spawn(async move { subject.keep(from, &mut OfOurs { mirror: &mirror }).await });
        self.tasks.insert(key, task);
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.tasks.values().chain(&self.others).chain(&self.sources).for_each(JoinHandle::abort);
    }
}

/// What is watched.
struct Subject {
    connection: Connection,
    resource: Arc<Resource>,
    path: String,
    /// In query form.
    selector: String,
    detail: Detail,
}

/// Who is shown what a watch sees.
trait Watcher: Send {
    fn is(&mut self, id: &ObjectId, object: &Value);
    fn gone(&mut self, id: &ObjectId);
    /// A list was whole; these are all there are.
    fn whole(&mut self, kind: &ObjectId, there: &BTreeSet<(Arc<str>, Arc<str>)>);
}

struct OfOurs<'a> {
    mirror: &'a Mirror,
}

impl Watcher for OfOurs<'_> {
    fn is(&mut self, id: &ObjectId, object: &Value) {
        self.mirror.is(id, object);
        if id.is(kind::SECRET) {
            self.mirror.source_is(&place_of(id), version_of(object).map(String::into_boxed_str));
        }
    }

    fn gone(&mut self, id: &ObjectId) {
        self.mirror.gone(id);
        if id.is(kind::SECRET) {
            self.mirror.source_is(&place_of(id), None);
        }
    }

    fn whole(&mut self, kind: &ObjectId, there: &BTreeSet<(Arc<str>, Arc<str>)>) {
        self.mirror.only(kind, there);
    }
}

/// Secrets that are not ours, of which only matter those that others follow.
struct SourcesOfOthers<'a> {
    mirror: &'a Mirror,
}

impl Watcher for SourcesOfOthers<'_> {
    fn is(&mut self, id: &ObjectId, object: &Value) {
        self.mirror.source_is(&place_of(id), version_of(object).map(String::into_boxed_str));
    }

    fn gone(&mut self, id: &ObjectId) {
        self.mirror.source_is(&place_of(id), None);
    }

    fn whole(&mut self, _kind: &ObjectId, there: &BTreeSet<(Arc<str>, Arc<str>)>) {
        self.mirror.only_sources(there);
    }
}

/// Objects of others that decide what the server makes of every apply: it only matters that they change.
struct Decisive<'a> {
    mirror: &'a Mirror,
    /// What was seen of each last: the generation where it counts, else the version.
    known: BTreeMap<(Arc<str>, Arc<str>), String>,
    /// Whether they were listed once: what the first list shows is no change.
    begun: bool,
}

impl Watcher for Decisive<'_> {
    fn is(&mut self, id: &ObjectId, object: &Value) {
        let metadata = &object["metadata"];
        let mark = match &metadata["generation"] {
            Value::Number(generation) => format!("{} {generation}", metadata["uid"]),
            _ => metadata["resourceVersion"].to_string(),
        };
        let before = self.known.insert(place_of(id), mark.clone());
        if self.begun && before.as_ref() != Some(&mark) {
            self.mirror.facts_moved();
        }
    }

    fn gone(&mut self, id: &ObjectId) {
        self.known.remove(&place_of(id));
        self.mirror.facts_moved();
    }

    fn whole(&mut self, _kind: &ObjectId, there: &BTreeSet<(Arc<str>, Arc<str>)>) {
        let before = self.known.len();
        self.known.retain(|place, _| there.contains(place));
        if self.begun && self.known.len() != before {
            self.mirror.facts_moved();
        }
        self.begun = true;
    }
}

fn place_of(id: &ObjectId) -> (Arc<str>, Arc<str>) {
    (id.namespace.clone(), id.name.clone())
}

impl Subject {
    /// Lists where no version is known, watches, and begins again; never ends by itself.
    async fn keep(&self, mut version: Option<String>, watcher: &mut impl Watcher) {
        let mut retry = Retry::endless();
        loop {
            let pause = self.stretch(&mut version, watcher).await;
            if retry.again(pause, ()).await.is_err() {
                return;
            }
        }
    }

    /// One watch, from a list or from the version that is known. Leaves the version from which the next one goes on, none
    /// where it has to begin with a list. Returns the pause before that.
    async fn stretch(&self, version: &mut Option<String>, watcher: &mut impl Watcher) -> Pause {
        let begun = Instant::now();
        let listed = match version.take() {
            Some(known) => Ok(known),
            None => self.list(watcher).await,
        };
        let ended = match listed {
            Ok(from) => {
                let (at, ended) = self.follow(from, watcher).await;
                *version = Some(at);
                ended
            }
            Err(error) => Err(error),
        };
        let stood = begun.elapsed() > STANDS;
        let Err(error) = ended else { return if stood { Pause::Anew } else { Pause::Growing(None) } };
        let code = error.refusal().map(|refusal| refusal.code);
        if error.is_expired() || code == Some(404) {
            *version = None;
        }
        if !error.is_expired() {
            let kind = &self.resource.kind;
            tracing::debug!(%kind, %error, "a watch broke");
        }
        match code {
            Some(401 | 403 | 404 | 405) => Pause::Fixed(REFUSED),
            _ if stood && error.retry_after().is_none() => Pause::Anew,
            _ => Pause::Growing(error.retry_after()),
        }
    }

    async fn list(&self, watcher: &mut impl Watcher) -> Result<String, ApiError> {
        let mut there = BTreeSet::new();
        let each = |listed| match listed {
            Listed::Anew => there.clear(),
            Listed::Item(mut item) => {
                let id = self.identify(&mut item);
                watcher.is(&id, &item);
                there.insert((id.namespace, id.name));
            }
        };
        let version = self.connection.list_each(&self.path, &self.selector, self.detail, each).await?;
        let kind = self.identify(&mut Value::Object(serde_json::Map::new()));
        watcher.whole(&kind, &there);
        Ok(version)
    }

    /// Follows a watch to its end: the last version it showed, and why it ended.
    async fn follow(&self, from: String, watcher: &mut impl Watcher) -> (String, Result<(), ApiError>) {
        let selector =
            if self.selector.is_empty() { String::new() } else { format!("&labelSelector={}", self.selector) };
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={OPEN}&resourceVersion={from}{selector}",
            self.path
        );
        let mut at = from;
        let stream = match tokio::time::timeout(SILENCE, self.connection.watch(&path, self.detail)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return (at, Err(error)),
            Err(_silent) => return (at, Ok(())),
        };
        let mut stream = std::pin::pin!(stream);
        while let Ok(Some(event)) = tokio::time::timeout(SILENCE, stream.next()).await {
            match event {
                Ok(WatchEvent::Is(mut object)) => {
                    at = version_of(&object).unwrap_or(at);
                    let id = self.identify(&mut object);
                    watcher.is(&id, &object);
                }
                Ok(WatchEvent::Gone(mut object)) => {
                    at = version_of(&object).unwrap_or(at);
                    let id = self.identify(&mut object);
                    watcher.gone(&id);
                }
                Ok(WatchEvent::Bookmark(version)) => at = version,
                Err(error) => return (at, Err(error)),
            }
        }
        (at, Ok(()))
    }

    /// Stamps an object with its type, and says which it is.
    fn identify(&self, object: &mut Value) -> ObjectId {
        object["apiVersion"] = (*self.resource.api_version).into();
        object["kind"] = (*self.resource.kind).into();
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().into();
        ObjectId {
            api_version: self.resource.api_version.clone(),
            kind: self.resource.kind.clone(),
            namespace: text("namespace"),
            name: text("name"),
        }
    }
}

fn version_of(object: &Value) -> Option<String> {
    object["metadata"]["resourceVersion"].as_str().filter(|version| !version.is_empty()).map(str::to_owned)
}
