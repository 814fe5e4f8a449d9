//! The live state of organisations: one list a kind for all of them, single reads only for what is about to be made.

mod foreign;
mod jobs;
mod leftovers;
mod listing;
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::connect::Connection;
use super::copies::{self, SourceSecrets};
use super::discovery::{Kinds, Resource};
use super::errors::ApiError;
use super::left_pods;
use super::mirror::Mirror;
use super::request::{Detail, query_escaped};
use crate::kind;
use crate::name::Name;
use crate::plan::{self, GARDEN_LABEL, Judge, Live, LiveObject, ORGANISATION_LABEL, Settled, Verified};
use crate::render::ObjectId;

pub(crate) use leftovers::{Leftovers, leftovers};
pub(crate) use listing::Listing;

/// Of one kind in one namespace, up to so many are read one by one.
const SINGLE_READS: usize = 3;

/// How much is kept of what is read, and what need not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Everything is read, and every body kept: for those who look at them (`status`, snapshots, saved plans).
    #[default]
    Bodies,
    /// Everything is read; of what is as desired only its health is kept.
    Lean,
    /// Only what the mirror does not know to be as desired is read, object by object.
    Watched,
}

/// One organisation to be read.
#[derive(Clone, Copy)]
pub(crate) struct ReadScope<'a> {
    /// What it should have, and what parcelle knows to be its.
    pub(crate) judge: Judge<'a>,
    /// Whether what others have in its namespace matters: it is about to be deleted. (Also read when it is not ours.)
    pub(crate) foreign: bool,
}

impl ReadScope<'_> {
    /// Every id that is wanted or known.
    fn ids(&self) -> BTreeSet<&ObjectId> {
        let asked = self.judge.desired.objects.iter().filter(|object| !plan::is_done(self.judge.inventory, object));
        let objects = asked.map(|object| &object.id);
        let secrets = self.judge.desired.secrets.iter().map(|request| &request.id);
        objects.chain(secrets).chain(self.judge.inventory.entries.keys()).collect()
    }
}

/// What is read: a cluster, and the organisations on it.
#[derive(Clone, Copy)]
pub(crate) struct ReadRequest<'a> {
    pub(crate) connection: &'a Connection,
    /// Its uid, as it was compared with the garden's.
    pub(crate) uid: &'a str,
    pub(crate) kinds: &'a Kinds,
    /// The garden's name.
    pub(crate) garden: &'a Name,
    /// How much is read.
    pub(crate) reading: Reading,
    /// Who is told what was seen, and knows what need not be looked at.
    pub(crate) mirror: Option<&'a Mirror>,
    pub(crate) scopes: &'a BTreeMap<Name, ReadScope<'a>>,
    /// What was listed before, for many organisations at once.
    pub(crate) listing: Option<&'a Listing>,
    /// The organisations that lists are narrowed to; all of the garden's where absent.
    pub(crate) by_name: Option<&'a BTreeSet<Name>>,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) lives: BTreeMap<Name, Live>,
    /// The kinds that were listed whole, with the version from which a watch goes on.
    pub(crate) listed: Vec<(Arc<Resource>, String)>,
}

/// Reads what lives of some organisations of a garden. A kind that cannot be listed stands in `unread`, nothing else fails for it.
pub(crate) async fn live(read: &ReadRequest<'_>) -> Result<Found, ApiError> {
    let empty = |name: &Name| (name.clone(), Live { cluster_uid: read.uid.to_owned(), ..Live::default() });
    let mut found = Found { lives: read.scopes.keys().map(empty).collect(), listed: Vec::new() };
    match (read.reading, read.mirror) {
        (Reading::Watched, Some(mirror)) => {
            for (name, live) in &mut found.lives {
                settle_known(mirror, &read.scopes[name], live);
            }
        }
        _ => lists::list_all(read, &mut found).await?,
    }
    let sources = &SourceSecrets::of(read.connection, read.mirror);
    let rest = found.lives.iter_mut().map(|(name, live)| fill(read, sources, &read.scopes[name], live));
    for done in stream::iter(rest).buffer_unordered(16).collect::<Vec<_>>().await {
        done?;
    }
    Ok(found)
}

/// Takes the mirror's word for what is as desired.
fn settle_known(mirror: &Mirror, scope: &ReadScope<'_>, live: &mut Live) {
    for id in scope.ids() {
        let known = scope.judge.uid(id).zip(scope.judge.wanted(id));
        if let Some(settled) = known.and_then(|(uid, wanted)| mirror.settled(id, uid, &wanted)) {
            live.settled.insert(id.clone(), settled);
        }
    }
}

/// The label selector of a garden's objects, or of those of some organisations, in query form.
pub(super) fn selector(garden: &Name, only: Option<&BTreeSet<Name>>) -> String {
    let mut selector = format!("{GARDEN_LABEL}={garden}");
    if let Some(only) = only {
        let names: Vec<&str> = only.iter().map(Name::as_str).collect();
        selector = format!("{selector},{ORGANISATION_LABEL} in ({})", names.join(","));
    }
    query_escaped(&selector)
}

/// Values of Secrets are gone before anything is kept.
fn close(connection: &Connection, item: &mut Value, resource: &Resource) {
    if resource.is(kind::SECRET) {
        copies::close(connection.key(), item);
    }
}

/// An item with its type, and which it is: items of lists carry none, metadata-only answers another one.
fn typed(mut item: Value, resource: &Resource) -> (ObjectId, LiveObject) {
    item["apiVersion"] = (*resource.api_version).into();
    item["kind"] = (*resource.kind).into();
    let id = ObjectId {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
        namespace: item["metadata"]["namespace"].as_str().unwrap_or_default().into(),
        name: item["metadata"]["name"].as_str().unwrap_or_default().into(),
    };
    (id, LiveObject::new(item))
}

/// Enters what was read object by object.
fn insert(read: &ReadRequest<'_>, scope: &ReadScope<'_>, live: &mut Live, item: Value, resource: &Resource) {
    let (id, object) = typed(item, resource);
    if let Some(mirror) = read.mirror {
        mirror.read(&id, &object, scope.judge.verified(&id, &object));
    }
    live.objects.insert(id, object);
}

/// What the lists cannot show: objects under our names without our labels, foreign ones, how copies stand.
async fn fill(
    read: &ReadRequest<'_>,
    sources: &SourceSecrets<'_>,
    scope: &ReadScope<'_>,
    live: &mut Live,
) -> Result<(), ApiError> {
    let look_inside = match namespace_of(read, scope, live).await? {
        Standing::Absent => return Ok(()),
        Standing::There { ours } => scope.foreign || !ours,
        // It stays as it is, and so does what is in it.
        Standing::NotRead => false,
    };
    read_missing(read, scope, live).await?;
    jobs::read_runs(read, scope, live).await;
    left_pods::read(read.connection, scope, live).await?;
    if look_inside {
        let namespace = &scope.judge.desired.namespace;
        let inside = foreign::foreign(read.connection, read.kinds, read.garden, namespace).await?;
        (live.foreign, live.unseen) = (inside.foreign, inside.unseen);
    }
    let organisation = &scope.judge.desired.organisation;
    let open = scope.judge.desired.secrets.iter().filter(|request| !live.settled.contains_key(&request.id));
    let requests = open.map(|request| async {
        let found = live.objects.get(&request.id).map(|object| &*object.body);
        let standing = copies::standing(sources, organisation, request, found).await?;
        let keys = match copies::keys_seen(read.connection, request, found).await {
            Err(error) if error.is_of_this_alone() => None,
            seen => seen?,
        };
        Ok((request.id.clone(), standing, keys))
    });
    let standings: Vec<Result<_, ApiError>> = stream::iter(requests).buffer_unordered(8).collect().await;
    for standing in standings {
        let (id, copy, keys) = standing?;
        live.keys.extend(keys.map(|keys| (id.clone(), keys)));
        live.copies.extend(copy.map(|copy| (id, copy)));
    }
    settle_secrets(read, scope, live);
    Ok(())
}

/// Secrets are judged once it is known how copies stand.
fn settle_secrets(read: &ReadRequest<'_>, scope: &ReadScope<'_>, live: &mut Live) {
    for request in &scope.judge.desired.secrets {
        let as_desired = scope.judge.secret_is_as_desired(request, live);
        let wanted = as_desired.then(|| scope.judge.wanted(&request.id)).flatten();
        let (Some(object), Some(wanted)) = (live.objects.get(&request.id), wanted) else { continue };
        if let Some(mirror) = read.mirror {
            mirror.read(&request.id, object, Some(Verified { hash: wanted, leaves_fields: false }));
        }
        if read.reading != Reading::Bodies {
            live.settled.insert(request.id.clone(), Settled::of(object));
            live.objects.remove(&request.id);
        }
    }
}

/// How the organisation's namespace stands: where there is none, nothing is in it.
enum Standing {
    Absent,
    There {
        ours: bool,
    },
    /// We may not look.
    NotRead,
}

async fn namespace_of(read: &ReadRequest<'_>, scope: &ReadScope<'_>, live: &mut Live) -> Result<Standing, ApiError> {
    let id = ObjectId {
        api_version: "v1".into(),
        kind: "Namespace".into(),
        namespace: "".into(),
        name: scope.judge.desired.namespace.clone(),
    };
    if live.settled.contains_key(&id) {
        return Ok(Standing::There { ours: true });
    }
    if !live.objects.contains_key(&id)
        && let Ok(resource) = read.kinds.of(&id)
    {
        match read.connection.get_opt(&resource.path("", &id.name)).await {
            Ok(found) => {
                // Whatever a list did not show: it is the only one of its kind that is looked for.
                live.unread.remove(&key(resource));
                if let Some(body) = found {
                    insert(read, scope, live, body, resource);
                }
            }
            Err(error) if error.is_of_this_alone() => {
                live.unread.insert(key(resource), resource.why_unread(&error, "get"));
                return Ok(Standing::NotRead);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(live.objects.get(&id).map_or(Standing::Absent, |namespace| Standing::There {
        // A person may have labelled it, for it to be adopted: what is in it is looked at all the same.
        ours: namespace.label(GARDEN_LABEL) == Some(read.garden.as_str())
            && scope.judge.inventory.entries.contains_key(&id),
    }))
}

/// How a kind stands in [`Live::unread`].
fn key(resource: &Resource) -> String {
    format!("{} {}", resource.api_version, resource.kind)
}

/// Reads what is wanted or known and in no list: it may be somebody else's, or have lost its labels.
async fn read_missing(read: &ReadRequest<'_>, scope: &ReadScope<'_>, live: &mut Live) -> Result<(), ApiError> {
    let found: BTreeSet<_> = live.objects.keys().chain(live.settled.keys()).map(ObjectId::identity).collect();
    let mut missing: BTreeMap<(&str, &str, &str), Vec<&ObjectId>> = BTreeMap::new();
    // What could not be listed is not known to be missing, and would fail here for all the others.
    let unread = |id: &ObjectId| live.unread.contains_key(&format!("{} {}", id.api_version, id.kind));
    for id in scope.ids().into_iter().filter(|id| !found.contains(&id.identity()) && !unread(id)) {
        missing.entry((&id.api_version, &id.kind, &id.namespace)).or_default().push(id);
    }
    let mut reads = Vec::new();
    for ((api_version, kind, namespace), ids) in missing {
        let Ok(resource) = read.kinds.serving(api_version, kind) else { continue };
        if ids.len() <= SINGLE_READS {
            reads.extend(ids.into_iter().map(|id| (resource.clone(), id.clone())));
            continue;
        }
        let there = match read.connection.list(&resource.list_path(namespace), "", Detail::Metadata).await {
            Ok(there) => there,
            Err(error) if error.is_of_this_alone() => {
                live.unread.insert(format!("{api_version} {kind}"), resource.why_unread(&error, "list"));
                continue;
            }
            Err(error) => return Err(error),
        };
        let there: BTreeSet<&str> = there.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
        reads.extend(ids.into_iter().filter(|id| there.contains(&*id.name)).map(|id| (resource.clone(), id.clone())));
    }
    let requests = reads.into_iter().map(|(resource, id)| async move {
        let body = read.connection.get_object(&resource, &id).await;
        (resource, id, body)
    });
    let mut answers = stream::iter(requests).buffer_unordered(16);
    while let Some((resource, id, body)) = answers.next().await {
        match body {
            Ok(Some(body)) => insert(read, scope, live, body, &resource),
            Ok(None) => {}
            Err(error) if error.is_of_this_alone() => {
                live.unread.insert(format!("{} {}", id.api_version, id.kind), resource.why_unread(&error, "get"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Connection {
    /// One object, typed; a Secret with hashes for values. Absent where there is none.
    pub(super) async fn get_object(&self, resource: &Resource, id: &ObjectId) -> Result<Option<Value>, ApiError> {
        let path = resource.path(&id.namespace, &id.name);
        match self.get(&path).await {
            Ok(mut body) => {
                close(self, &mut body, resource);
                body["apiVersion"] = (*resource.api_version).into();
                body["kind"] = (*resource.kind).into();
                Ok(Some(body))
            }
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
