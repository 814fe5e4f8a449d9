//! The live state of organisations: one list a kind for all of them, single reads only for what is about to be made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, stream};
use http::Method;
use serde_json::Value;

use super::connect::Connection;
use super::copies;
use super::discovery::{Kinds, Resource, group_of};
use super::errors::ApiError;
use super::request::{Content, Detail, query_escaped};
use crate::merge::Schemas;
use crate::name::Name;
use crate::plan::{Cause, Conflict, DryRun, GARDEN_LABEL, Inventory, Live, LiveObject, MANAGER, ORGANISATION_LABEL};
use crate::render::{ObjectId, OrganisationObjects};

/// Up to so many organisations are listed in their own namespaces; more are listed over all namespaces.
const FEW: usize = 2;

/// Of one kind in one namespace, up to so many are read one by one.
const SINGLE_READS: usize = 3;

/// What is to be known of one organisation.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// What it should have.
    pub objects: &'a OrganisationObjects,
    /// What parcelle knows to be its.
    pub inventory: &'a Inventory,
    /// Whether what others have in its namespace matters: it is about to be deleted. (Also read when it is not ours.)
    pub foreign: bool,
}

impl Scope<'_> {
    /// Every id that is wanted or known.
    fn ids(&self) -> BTreeSet<&ObjectId> {
        let objects = self.objects.objects.iter().map(|object| &object.id);
        let secrets = self.objects.secrets.iter().map(|request| &request.id);
        objects.chain(secrets).chain(self.inventory.entries.keys()).collect()
    }
}

/// Reads what lives of some organisations of a garden. A kind that cannot be listed stands in `unread`, nothing else fails for it.
pub async fn live(
    connection: &Connection,
    kinds: &Kinds,
    garden: &Name,
    scopes: &BTreeMap<Name, Scope<'_>>,
) -> Result<BTreeMap<Name, Live>, ApiError> {
    let cluster_uid = connection.uid().await?;
    let mut lives: BTreeMap<Name, Live> = scopes
        .keys()
        .map(|name| (name.clone(), Live { cluster_uid: cluster_uid.clone(), ..Live::default() }))
        .collect();
    list_all(connection, kinds, garden, scopes, &mut lives).await;
    let rest = lives.iter_mut().map(|(name, live)| fill(connection, kinds, garden, &scopes[name], live));
    for done in stream::iter(rest).buffer_unordered(16).collect::<Vec<_>>().await {
        done?;
    }
    Ok(lives)
}

/// One list a kind, handed out by the organisation's label.
async fn list_all(
    connection: &Connection,
    kinds: &Kinds,
    garden: &Name,
    scopes: &BTreeMap<Name, Scope<'_>>,
    lives: &mut BTreeMap<Name, Live>,
) {
    let mut wanted: BTreeMap<(&str, &str), BTreeSet<&Name>> = BTreeMap::new();
    for (name, scope) in scopes {
        for id in scope.ids() {
            wanted.entry((&id.api_version, &id.kind)).or_default().insert(name);
        }
    }
    let mut lists = Vec::new();
    let mut asked = BTreeSet::new();
    for ((api_version, kind), organisations) in wanted {
        let unread = |why: String, lives: &mut BTreeMap<Name, Live>| {
            for name in &organisations {
                if let Some(live) = lives.get_mut(*name) {
                    live.unread.insert(format!("{api_version} {kind}"), why.clone());
                }
            }
        };
        match serving(kinds, api_version, kind) {
            Ok(resource) if asked.insert((resource.api_version.clone(), resource.kind.clone())) => {
                let organisations: Vec<Name> = organisations.iter().map(|name| (*name).clone()).collect();
                lists.push((resource.clone(), organisations));
            }
            Ok(_) => {}
            Err(missing) => unread(missing.to_string(), lives),
        }
    }
    let requests = lists.into_iter().map(|(resource, organisations)| async move {
        let found = list_kind(connection, &resource, garden, &organisations, scopes).await;
        (resource, organisations, found)
    });
    let mut answers = stream::iter(requests).buffer_unordered(16);
    while let Some((resource, organisations, found)) = answers.next().await {
        match found {
            Ok(items) => items.into_iter().for_each(|item| hand_out(connection, item, &resource, lives)),
            Err(error) => {
                let key = format!("{} {}", resource.api_version, resource.kind);
                for name in organisations {
                    if let Some(live) = lives.get_mut(&name) {
                        live.unread.insert(key.clone(), error.to_string());
                    }
                }
            }
        }
    }
}

/// The resource of a kind, in another version of its API where that one is no longer served.
fn serving<'k>(kinds: &'k Kinds, api_version: &str, kind: &str) -> Result<&'k Arc<Resource>, super::MissingKind> {
    kinds.get(api_version, kind).or_else(|missing| {
        let mut same = kinds.iter().filter(|found| {
            &*found.kind == kind && group_of(&found.api_version) == group_of(api_version) && found.listable
        });
        same.next().ok_or(missing)
    })
}

async fn list_kind(
    connection: &Connection,
    resource: &Resource,
    garden: &Name,
    organisations: &[Name],
    scopes: &BTreeMap<Name, Scope<'_>>,
) -> Result<Vec<Value>, ApiError> {
    let detail = Detail::Whole;
    if !resource.namespaced || scopes.len() > FEW {
        return connection.list(&resource.list_path(""), &selector(garden, None), detail).await;
    }
    let mut items = Vec::new();
    for name in organisations {
        let namespace = &scopes[name].objects.namespace;
        items.extend(connection.list(&resource.list_path(namespace), &selector(garden, Some(name)), detail).await?);
    }
    Ok(items)
}

fn selector(garden: &Name, organisation: Option<&Name>) -> String {
    let garden = format!("{GARDEN_LABEL}={garden}");
    query_escaped(&organisation.map_or_else(|| garden.clone(), |name| format!("{garden},{ORGANISATION_LABEL}={name}")))
}

fn is_secret(resource: &Resource) -> bool {
    &*resource.kind == "Secret" && &*resource.api_version == "v1"
}

fn hand_out(connection: &Connection, mut item: Value, resource: &Resource, lives: &mut BTreeMap<Name, Live>) {
    let organisation = item["metadata"]["labels"][ORGANISATION_LABEL].as_str().unwrap_or_default();
    let Some(organisation) = lives.keys().find(|name| name.as_str() == organisation).cloned() else { return };
    close(connection, &mut item, resource);
    if let Some(live) = lives.get_mut(&organisation) {
        insert(live, item, resource);
    }
}

/// Values of Secrets are gone before anything is kept.
fn close(connection: &Connection, item: &mut Value, resource: &Resource) {
    if is_secret(resource) {
        copies::close(connection.key(), item);
    }
}

fn insert(live: &mut Live, mut item: Value, resource: &Resource) {
    // Items of lists carry no type, metadata-only answers another one.
    item["apiVersion"] = (*resource.api_version).into();
    item["kind"] = (*resource.kind).into();
    let id = ObjectId {
        api_version: resource.api_version.clone(),
        kind: resource.kind.clone(),
        namespace: item["metadata"]["namespace"].as_str().unwrap_or_default().into(),
        name: item["metadata"]["name"].as_str().unwrap_or_default().into(),
    };
    live.objects.insert(id, LiveObject::new(item));
}

/// What the lists cannot show: objects under our names without our labels, foreign ones, how copies stand.
async fn fill(
    connection: &Connection,
    kinds: &Kinds,
    garden: &Name,
    scope: &Scope<'_>,
    live: &mut Live,
) -> Result<(), ApiError> {
    let Some(namespace) = namespace_of(connection, kinds, scope, live).await? else { return Ok(()) };
    read_missing(connection, kinds, scope, live).await?;
    let ours = namespace.label(GARDEN_LABEL) == Some(garden.as_str());
    if scope.foreign || !ours {
        live.foreign = foreign(connection, kinds, garden, &scope.objects.namespace).await?;
    }
    let requests = scope.objects.secrets.iter().map(|request| async {
        let found = live.objects.get(&request.id).map(|object| &*object.body);
        Ok((request.id.clone(), copies::standing(connection, request, found).await?))
    });
    let standings: Vec<Result<_, ApiError>> = stream::iter(requests).buffer_unordered(8).collect().await;
    for standing in standings {
        if let (id, Some(copy)) = standing? {
            live.copies.insert(id, copy);
        }
    }
    Ok(())
}

/// The organisation's namespace, ours or not; absent where there is none, and then nothing is in it.
async fn namespace_of(
    connection: &Connection,
    kinds: &Kinds,
    scope: &Scope<'_>,
    live: &mut Live,
) -> Result<Option<LiveObject>, ApiError> {
    let id = ObjectId {
        api_version: "v1".into(),
        kind: "Namespace".into(),
        namespace: "".into(),
        name: scope.objects.namespace.clone(),
    };
    if !live.objects.contains_key(&id)
        && let Ok(resource) = kinds.of(&id)
        && let Some(body) = connection.get_opt(&resource.path("", &id.name)).await?
    {
        insert(live, body, resource);
    }
    Ok(live.objects.get(&id).cloned())
}

/// Reads what is wanted or known and in no list: it may be somebody else's, or have lost its labels.
async fn read_missing(
    connection: &Connection,
    kinds: &Kinds,
    scope: &Scope<'_>,
    live: &mut Live,
) -> Result<(), ApiError> {
    let found: BTreeSet<_> = live.objects.keys().map(ObjectId::identity).collect();
    let mut missing: BTreeMap<(&str, &str, &str), Vec<&ObjectId>> = BTreeMap::new();
    for id in scope.ids().into_iter().filter(|id| !found.contains(&id.identity())) {
        missing.entry((&id.api_version, &id.kind, &id.namespace)).or_default().push(id);
    }
    let mut reads = Vec::new();
    for ((api_version, kind, namespace), ids) in missing {
        let Ok(resource) = serving(kinds, api_version, kind) else { continue };
        if ids.len() <= SINGLE_READS {
            reads.extend(ids.into_iter().map(|id| (resource.clone(), id.clone())));
            continue;
        }
        let there = connection.list(&resource.list_path(namespace), "", Detail::Metadata).await?;
        let there: BTreeSet<&str> = there.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
        reads.extend(ids.into_iter().filter(|id| there.contains(&*id.name)).map(|id| (resource.clone(), id.clone())));
    }
    let requests = reads.into_iter().map(|(resource, id)| async move {
        let body = connection.get_object(&resource, &id).await;
        (resource, body)
    });
    let mut answers = stream::iter(requests).buffer_unordered(16);
    while let Some((resource, body)) = answers.next().await {
        if let Some(body) = body? {
            insert(live, body, &resource);
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
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Kinds that Kubernetes itself puts into every namespace or derives from ours.
const MADE_BY_KUBERNETES: &[(&str, &str)] = &[
    ("v1", "Event"),
    ("events.k8s.io/v1", "Event"),
    ("v1", "Endpoints"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("coordination.k8s.io/v1", "Lease"),
    ("metrics.k8s.io/v1beta1", "PodMetrics"),
];

/// What lies in a namespace and is neither of this garden nor made by a controller for something else.
async fn foreign(
    connection: &Connection,
    kinds: &Kinds,
    garden: &Name,
    namespace: &str,
) -> Result<Vec<ObjectId>, ApiError> {
    let looked_at: Vec<Arc<Resource>> = kinds
        .iter()
        .filter(|resource| resource.namespaced && resource.listable)
        .filter(|resource| !MADE_BY_KUBERNETES.contains(&(&*resource.api_version, &*resource.kind)))
        .cloned()
        .collect();
    let lists = looked_at.into_iter().map(|resource| async move {
        let items = connection.list(&resource.list_path(namespace), "", Detail::Metadata).await;
        (resource, items)
    });
    let mut answers = stream::iter(lists).buffer_unordered(16);
    let mut found = BTreeSet::new();
    while let Some((resource, items)) = answers.next().await {
        match items {
            Ok(items) => found.extend(items.iter().filter(|item| is_foreign(item, garden)).map(|item| ObjectId {
                api_version: resource.api_version.clone(),
                kind: resource.kind.clone(),
                namespace: namespace.into(),
                name: item["metadata"]["name"].as_str().unwrap_or_default().into(),
            })),
            // A kind without lists (405) or of a server that went away holds nothing that we could lose.
            Err(error) if error.is_not_found() || error.refusal().is_some_and(|refusal| refusal.code == 405) => {}
            Err(error) => return Err(error),
        }
    }
    let mut found: Vec<ObjectId> = found.into_iter().collect();
    found.dedup_by(|a, b| a.identity() == b.identity());
    Ok(found)
}

fn is_foreign(item: &Value, garden: &Name) -> bool {
    let metadata = &item["metadata"];
    let labelled = metadata["labels"][GARDEN_LABEL].as_str() == Some(garden.as_str());
    let owned = metadata["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
    let usual = matches!(metadata["name"].as_str(), Some("default" | "kube-root-ca.crt"));
    !(labelled || owned || usual)
}

/// The schemas of the built-in kinds and of some custom ones (`clusters.postgresql.cnpg.io`), as the cluster defines them.
///
/// A definition that is not there or has no structure is left out: objects of its kind are then compared by the server.
pub async fn schemas(connection: &Connection, definitions: &BTreeSet<String>) -> Result<Schemas, ApiError> {
    let requests = definitions.iter().map(|name| async move {
        connection.get_opt(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")).await
    });
    let mut answers = stream::iter(requests).buffered(16);
    let mut schemas = Schemas::builtin();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Some(definition)) => {
                if let Err(error) = schemas.add_crd(&definition) {
                    connection.warned(error.to_string());
                }
            }
            Ok(None) => {}
            // Without the right to read definitions the server is asked instead.
            Err(error) if error.refusal().is_some_and(|refusal| refusal.code == 403) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(schemas)
}

/// Asks the server what applying some objects would do (`dryRun=All`, strict). Answers under the ids that were asked.
pub async fn dry_runs(
    connection: &Connection,
    kinds: &Kinds,
    questions: &[(ObjectId, Arc<Value>)],
    force: bool,
) -> BTreeMap<ObjectId, DryRun> {
    let requests = questions.iter().map(|(id, body)| async move {
        let answer = match kinds.of(id) {
            Ok(resource) => dry_run(connection, resource, id, body, force).await,
            Err(missing) => DryRun::NotVerified(missing.to_string()),
        };
        (id.clone(), answer)
    });
    stream::iter(requests).buffer_unordered(32).collect().await
}

async fn dry_run(connection: &Connection, resource: &Resource, id: &ObjectId, body: &Value, force: bool) -> DryRun {
    let path = format!("{}?dryRun=All&{}", resource.path(&id.namespace, &id.name), apply_query(force));
    match connection.trial(Method::PATCH, &path, Content::Apply, body).await {
        Ok(answer) => DryRun::Result(Arc::new(answer.body)),
        Err(error) => refused(&error),
    }
}

/// The query of a server-side apply.
pub(super) fn apply_query(force: bool) -> String {
    format!("fieldManager={MANAGER}&fieldValidation=Strict&force={force}")
}

fn refused(error: &ApiError) -> DryRun {
    let Some(refusal) = error.refusal() else { return DryRun::NotVerified(error.to_string()) };
    let conflicts = refusal.conflicts();
    if refusal.code == 409 && !conflicts.is_empty() {
        let conflicts = conflicts.into_iter().map(|(field, manager)| Conflict { manager, field }).collect();
        return DryRun::Conflict { conflicts, forced: None };
    }
    let knows_no_trial = refusal.code == 400 && refusal.message.contains("dry run");
    if refusal.code == 404 || knows_no_trial || error.is_passing() {
        return DryRun::NotVerified(refusal.message.clone());
    }
    let causes = refusal.fields().into_iter().map(|cause| Cause { field: cause.field, message: cause.message });
    DryRun::Refused { status: refusal.code, message: refusal.message.clone(), causes: causes.collect() }
}
