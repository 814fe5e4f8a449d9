//! Secrets that follow others: read, put together and compared here, and dropped before anything is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::OnceCell;

use super::connect::Connection;
use super::errors::ApiError;
use super::followed::{SecretPlace, SourceRead};
use super::mirror::Mirror;
use crate::name::Name;
use crate::plan::{self, Copy, KeysSeen, MissingSource};
use crate::render::{SecretPiece, SecretRequest, SecretSource};
use crate::secrets::{self, HashKey, Material, MaterialError};

/// A Secret with its values: never kept, never printed.
pub(super) struct Opened {
    pub(super) uid: String,
    pub(super) resource_version: String,
    pub(super) data: Data,
}

/// Reads a Secret; absent where there is none.
pub(super) async fn read(connection: &Connection, namespace: &str, name: &str) -> Result<Option<Opened>, ApiError> {
    let body = connection.get_opt(&format!("/api/v1/namespaces/{namespace}/secrets/{name}")).await?;
    Ok(body.map(|body| {
        let text = |field: &str| body["metadata"][field].as_str().unwrap_or_default().to_owned();
        let pairs = body["data"].as_object().into_iter().flatten();
        let data = pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect();
        Opened { uid: text("uid"), resource_version: text("resourceVersion"), data }
    }))
}

/// Key to base64.
type Data = BTreeMap<String, String>;

/// The Secrets that others follow, each read once however many follow it; dropped with what it was read for.
pub(super) struct SourceSecrets<'a> {
    connection: &'a Connection,
    /// Who is told which version was read for whom.
    mirror: Option<&'a Mirror>,
    read: Mutex<BTreeMap<SecretPlace, Arc<OnceCell<Source>>>>,
}

/// A Secret that others follow, as it was read.
#[derive(Clone)]
struct Source {
    read: SourceRead,
    data: Arc<Data>,
}

/// What a requested Secret is to hold, or what of its sources is missing.
pub(super) struct Drawn {
    pub(super) material: Result<Material, MaterialError>,
    /// The keys that are missing, Secret by Secret.
    pub(super) missing: Vec<MissingSource>,
}

impl<'a> SourceSecrets<'a> {
    pub(super) fn of(connection: &'a Connection, mirror: Option<&'a Mirror>) -> Self {
        Self { connection, mirror, read: Mutex::default() }
    }

    /// A Secret as it is; without values where there is none.
    async fn source(&self, namespace: &str, name: &str) -> Result<Source, ApiError> {
        let place: SecretPlace = (namespace.into(), name.into());
        let cell =
            Arc::clone(self.read.lock().unwrap_or_else(PoisonError::into_inner).entry(place.clone()).or_default());
        let found = cell.get_or_try_init(|| async {
            let shown = self.mirror.map_or(0, |mirror| mirror.begin_source(&place));
            let opened = read(self.connection, namespace, name).await?;
            let version = opened.as_ref().map(|opened| opened.resource_version.as_str().into());
            let data = Arc::new(opened.map(|opened| opened.data).unwrap_or_default());
            Ok(Source { read: SourceRead { place, version, shown }, data })
        });
        found.await.cloned()
    }

    /// The content of a Secret that an organisation requests; from now on a change of its sources concerns it.
    pub(super) async fn draw(&self, request: &SecretRequest, organisation: &Name) -> Result<Drawn, ApiError> {
        let wanted = wanted_of(request);
        let mut sources = BTreeMap::new();
        for (namespace, name) in wanted.keys() {
            sources.insert((namespace.clone(), name.clone()), self.source(namespace, name).await?);
        }
        if let Some(mirror) = self.mirror {
            let reads: Vec<SourceRead> = sources.values().map(|source| source.read.clone()).collect();
            mirror.follow(&request.id, organisation, &reads);
        }
        let lacks = |((namespace, name), keys): (&SecretPlace, BTreeSet<String>)| {
            let Source { read, data } = &sources[&(namespace.clone(), name.clone())];
            let lacks = |key: &String| data.get(key).is_none_or(String::is_empty);
            let keys: BTreeSet<String> = keys.into_iter().filter(lacks).collect();
            let is_there = read.version.is_some();
            let missing = MissingSource { namespace: namespace.to_string(), name: name.to_string(), is_there, keys };
            (!missing.keys.is_empty()).then_some(missing)
        };
        let missing: Vec<_> = wanted.iter().map(|(place, keys)| (place, keys.clone())).filter_map(lacks).collect();
        let material = match &request.source {
            SecretSource::Generated { keys } => secrets::generated(keys, &BTreeMap::new(), |_| false),
            SecretSource::Copied { namespace, name, keys } => {
                let source = &sources[&(namespace.as_str().into(), name.as_str().into())];
                secrets::copied(&source.data, &format!("{namespace}/{name}"), keys)
            }
            SecretSource::Template { keys } => {
                let by_name = sources.iter().map(|((_, name), source)| (name.to_string(), (*source.data).clone()));
                secrets::templated(keys, &by_name.collect())
            }
        };
        // What is empty is as good as missing.
        let emptied = missing.iter().find_map(|one| Some((one, one.keys.first()?)));
        let material = match (material, emptied) {
            (Ok(_), Some((MissingSource { namespace, name, .. }, key))) => {
                Err(MaterialError::MissingKey { secret: format!("{namespace}/{name}"), key: key.clone() })
            }
            (material, _) => material,
        };
        Ok(Drawn { material, missing })
    }
}

/// The keys that a requested Secret draws from others.
fn wanted_of(request: &SecretRequest) -> BTreeMap<SecretPlace, BTreeSet<String>> {
    let mut wanted: BTreeMap<SecretPlace, BTreeSet<String>> = BTreeMap::new();
    match &request.source {
        SecretSource::Generated { .. } => {}
        SecretSource::Copied { namespace, name, keys } => {
            wanted.insert((namespace.as_str().into(), name.as_str().into()), keys.keys().cloned().collect());
        }
        SecretSource::Template { keys } => {
            for piece in keys.values().flatten() {
                if let SecretPiece::Secret { from, .. } = piece {
                    let place = (Arc::clone(&request.id.namespace), Arc::clone(&from.secret));
                    wanted.entry(place).or_default().insert(from.key.to_string());
                }
            }
        }
    }
    wanted
}

/// Whether a requested Secret draws on others.
pub(crate) fn follows_others(request: &SecretRequest) -> bool {
    !wanted_of(request).is_empty()
}

/// Replaces the values of a Secret by keyed hashes: they can be compared as long as this process lives, and not read.
pub(super) fn close(key: &HashKey, secret: &mut Value) {
    for field in ["data", "stringData"] {
        for (_, value) in secret.get_mut(field).and_then(Value::as_object_mut).into_iter().flatten() {
            *value = value.as_str().map_or(Value::Null, |text| key.hash(text).into());
        }
    }
    // What kubectl keeps of a body that somebody applied holds the values again.
    if let Some(annotations) = secret.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
}

/// How a Secret that follows others stands to them; `live` is it with hashes for values. Nothing is said of generated ones.
pub(super) async fn standing(
    sources: &SourceSecrets<'_>,
    organisation: &Name,
    request: &SecretRequest,
    live: Option<&Value>,
) -> Result<Option<Copy>, ApiError> {
    if matches!(request.source, SecretSource::Generated { .. }) {
        return Ok(None);
    }
    let Drawn { material, missing } = match sources.draw(request, organisation).await {
        Ok(drawn) => drawn,
        Err(error) if error.is_of_this_alone() => {
            return Ok(Some(Copy::NotRead { why: error.why_unread("get", "", "secrets") }));
        }
        Err(error) => return Err(error),
    };
    let material = match (material, &request.source) {
        (Ok(material), _) => material,
        (Err(_), SecretSource::Copied { .. }) => return Ok(Some(Copy::SourceMissing(missing))),
        (Err(_), _) => return Ok(Some(Copy::Awaits(missing))),
    };
    let standing = |live: &Value| {
        if is_in_step(&material.hashed(sources.connection.key()), live) { Copy::InStep } else { Copy::Behind }
    };
    Ok(live.map(standing))
}

/// Whether a Secret, both with hashes for values, has what it is to have, and no key that we wrote before and would not any more.
/// What others put beside it is theirs.
fn is_in_step(wanted: &Value, live: &Value) -> bool {
    let wanted = wanted.as_object().into_iter().flatten();
    let keys: BTreeSet<&String> = wanted.clone().map(|(key, _)| key).collect();
    let ours = plan::own_keys(live);
    { wanted }.all(|(key, value)| live["data"].get(key) == Some(value))
        && ours.iter().all(|key| keys.contains(key) || live["data"].get(key).is_none())
}

/// What the values of a generated Secret say, where it lacks keys or somebody wrote one that we had made; `live` is it with hashes for
/// values. Nothing is read of one that is as we made it.
pub(super) async fn keys_seen(
    connection: &Connection,
    request: &SecretRequest,
    live: Option<&Value>,
) -> Result<Option<KeysSeen>, ApiError> {
    let (SecretSource::Generated { keys }, Some(live)) = (&request.source, live) else { return Ok(None) };
    let ours = plan::own_keys(live);
    if keys.keys().all(|key| plan::has_value(live, key) && ours.contains(key)) {
        return Ok(None);
    }
    let found = read(connection, &request.id.namespace, &request.id.name).await?;
    let same = found.filter(|found| live["metadata"]["uid"].as_str() == Some(&found.uid));
    Ok(same.map(|found| secrets::seen(keys, &found.data)))
}
