//! One action of a plan, done exactly: with its preconditions, read back when the answer is lost.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::apply::Work;
use super::ask::apply_query;
use super::copies::{self, SourceSecrets};
use super::discovery::Resource;
use super::errors::{self, ApiError};
use super::request::{Content, backoff};
use super::wait;
use crate::finding::Findings;
use crate::kind;
use crate::plan::take_over::taken_over;
use crate::plan::{
    Action, Base, Done, Entry, GARDEN_LABEL, HANDOVER, LiveObject, MANAGER, NONCE, Place, Skip, Verb, What,
    body_to_send, health, request_hash, values_hash,
};
use crate::render::{Generated, Object, ObjectId, SecretRequest, SecretSource};

/// What came of an action, and what people must know of it.
pub(super) struct Acted {
    pub(super) done: Done,
    pub(super) findings: Findings,
}

impl From<Done> for Acted {
    fn from(done: Done) -> Self {
        Self { done, findings: Findings::default() }
    }
}

/// Why an action ended without its effect.
enum Stop {
    Api(ApiError),
    /// The live object is not the one that the plan was decided on.
    Stale(String),
    /// Something that no retry mends, in words.
    Failed(String),
    /// As [`Stop::Failed`], but may pass by itself.
    Later(String),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// Does one action. Never fails as a whole: what went wrong is in what is returned.
pub(super) async fn act(work: &Work<'_>, action: &Action, entry: Option<&Entry>) -> Acted {
    if !action.verb.writes() {
        return Done::Skipped { why: Skip::Planned }.into();
    }
    let resource = match work.kinds.of(&action.id) {
        Ok(resource) => resource.clone(),
        Err(missing) => {
            return Done::Failed { why: missing.to_string(), place: action.origin.clone(), passing: missing.silent }
                .into();
        }
    };
    let result = match (action.verb, action.what) {
        (Verb::Delete, _) => delete(work, &resource, action).await,
        (_, What::Secret) => secret(work, &resource, action, entry).await,
        (Verb::Replace, What::Object) => replace(work, &resource, action, entry).await,
        (_, What::Object) => apply(work, &resource, action, entry).await,
    };
    if let (Ok(Done::Deleted), Some(mirror)) = (&result, work.mirror) {
        mirror.deleted(&action.id);
    }
    match result {
        Ok(done) => done.into(),
        Err(stop) => stopped(work, action, stop),
    }
}

fn stopped(work: &Work<'_>, action: &Action, stop: Stop) -> Acted {
    let failed = |why: String, passing| Done::Failed { why, place: action.origin.clone(), passing };
    match stop {
        Stop::Api(ApiError::LeaseLost) => Done::Skipped { why: Skip::Interrupted }.into(),
        Stop::Api(error) => refused(work, action, &error),
        Stop::Stale(what) => Done::Skipped { why: Skip::Stale { what } }.into(),
        Stop::Failed(why) => failed(why, false).into(),
        Stop::Later(why) => failed(why, true).into(),
    }
}

/// A refusal, with the findings on the lines that caused it; the first one's line is the outcome's place.
fn refused(work: &Work<'_>, action: &Action, error: &ApiError) -> Acted {
    let organisation = &work.objects.organisation;
    let mut findings = Findings::default();
    if !error.is_passing() {
        let of_object = object_of(work, &action.id).map(|object| errors::findings(error, object, organisation));
        let of_secret =
            request_of(work, &action.id).and_then(|one| errors::finding_of_secret(error, one, organisation));
        for finding in of_object.into_iter().flatten().chain(of_secret) {
            findings.push(finding);
        }
    }
    let place = findings.iter().next().map(|finding| Place::of(work.sources, finding.primary.span));
    let passing = error.is_passing() || error.is_terminating();
    let done = Done::Failed { why: error.to_string(), place: place.or_else(|| action.origin.clone()), passing };
    Acted { done, findings }
}

pub(super) fn object_of<'a>(work: &Work<'a>, id: &ObjectId) -> Option<&'a Object> {
    work.objects.objects.iter().find(|object| object.id == *id)
}

fn request_of<'a>(work: &Work<'a>, id: &ObjectId) -> Option<&'a SecretRequest> {
    work.objects.secrets.iter().find(|request| request.id == *id)
}

/// Server-side apply of a create, a change or an adoption.
async fn apply(work: &Work<'_>, resource: &Resource, action: &Action, entry: Option<&Entry>) -> Result<Done, Stop> {
    let Some(object) = object_of(work, &action.id) else {
        return Err(Stop::Failed("the plan wants an object that the garden does not render".to_owned()));
    };
    let body = body_to_send(object, work.said, entry).into_owned();
    match &action.base {
        None => create(work, resource, action, body, entry).await,
        Some(base) => {
            // An adoption was planned without the nonce that its entry has by now.
            let known = entry.filter(|_| action.verb != Verb::Adopt);
            let planned = body_to_send(object, work.said, known).into_owned();
            change(work, resource, action, base, (body, &planned)).await
        }
    }
}

/// Makes an object. The server must answer that it is new; one that turns out to be there is left as it was.
async fn create(
    work: &Work<'_>,
    resource: &Resource,
    action: &Action,
    body: Value,
    entry: Option<&Entry>,
) -> Result<Done, Stop> {
    let path = format!("{}?{}", resource.path(&action.id.namespace, &action.id.name), apply_query(action.force));
    let nonce = body["metadata"]["annotations"][NONCE].as_str().map(str::to_owned);
    let mut attempt = 0;
    loop {
        attempt += 1;
        match work.writer.write(Method::PATCH, &path, Content::Apply, &body).await {
            Ok(answer) if answer.code == 201 || was_ours(entry, &answer.body) => {
                return Ok(applied(work, action, &answer.body));
            }
            Ok(answer) => {
                take_back(work, resource, &action.id, &answer.body).await?;
                return Err(Stop::Failed(
                    "somebody made an object of that name just now; it was left as it was".to_owned(),
                ));
            }
            Err(error) if error.may_be_done() && attempt < work.attempts() => {
                tokio::time::sleep(backoff(attempt, error.retry_after())).await;
                if let Some(found) = work.connection().get_object(resource, &action.id).await?
                    && carries(&found, nonce.as_deref())
                {
                    return Ok(applied(work, action, &found));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether an object that was not found when the plan was made is the one we knew: the server that told so lagged behind.
fn was_ours(entry: Option<&Entry>, found: &Value) -> bool {
    let former = entry.and_then(Entry::former_uid);
    former.is_some() && found["metadata"]["uid"].as_str() == former
}

fn carries(object: &Value, nonce: Option<&str>) -> bool {
    nonce.is_some() && object["metadata"]["annotations"][NONCE].as_str() == nonce
}

/// Gives back every field of an object that was not ours: an apply of nothing but its name drops what we own, and what
/// others own stays, since nothing was sent with force.
async fn take_back(work: &Work<'_>, resource: &Resource, id: &ObjectId, found: &Value) -> Result<(), ApiError> {
    let body = json!({
        "apiVersion": &*resource.api_version,
        "kind": &*resource.kind,
        "metadata": { "name": &*id.name, "uid": found["metadata"]["uid"] },
    });
    let path = format!("{}?{}", resource.path(&id.namespace, &id.name), apply_query(false));
    work.writer.write(Method::PATCH, &path, Content::Apply, &body).await.map(|_| ())
}

/// Changes an object that the plan saw: the same uid, and the values that are written over as they were.
async fn change(
    work: &Work<'_>,
    resource: &Resource,
    action: &Action,
    base: &Base,
    (mut body, planned): (Value, &Value),
) -> Result<Done, Stop> {
    let path = format!("{}?{}", resource.path(&action.id.namespace, &action.id.name), apply_query(action.force));
    let wanted = body.clone();
    body["metadata"]["uid"] = base.uid.as_str().into();
    let mut version = base.resource_version.clone();
    if let Some(prepared) = &action.prepare {
        if action.verb == Verb::Adopt {
            take_over(work, resource, action, base, planned).await?;
        } else {
            hand_over(work, resource, action, prepared).await?;
        }
        // Our own hand-over moved the version; the values that count are compared below.
        version.clear();
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        if version.is_empty() {
            version = version_of(&as_planned(work, resource, action, base, planned).await?);
        }
        body["metadata"]["resourceVersion"] = version.as_str().into();
        let error = match work.writer.write(Method::PATCH, &path, Content::Apply, &body).await {
            Ok(answer) if version_of(&answer.body) == version => return Ok(Done::Unchanged),
            Ok(answer) => return Ok(applied(work, action, &answer.body)),
            Err(error) => error,
        };
        let moved = error.is_conflict() && error.refusal().is_some_and(|refusal| refusal.conflicts().is_empty());
        if !(moved || error.may_be_done() || error.is_not_found()) || attempt >= work.attempts() {
            return Err(error.into());
        }
        if !moved {
            tokio::time::sleep(backoff(attempt, error.retry_after())).await;
        }
        let Some(found) = work.connection().get_object(resource, &action.id).await? else {
            return Err(Stop::Stale("it was deleted since the plan was made".to_owned()));
        };
        if found["metadata"]["uid"].as_str() != Some(&base.uid) {
            return Err(Stop::Stale("another object stands under its name".to_owned()));
        }
        if values_hash(&found, Some(planned), &action.changes) != base.values_hash {
            // Either somebody moved what we write over, or our own write arrived although its answer did not.
            if error.may_be_done() && is_as_wanted(work, &found, &wanted) {
                return Ok(applied(work, action, &found));
            }
            return Err(Stop::Stale("a value that the plan writes over was changed since it was made".to_owned()));
        }
        version = version_of(&found);
    }
}

fn is_as_wanted(work: &Work<'_>, found: &Value, wanted: &Value) -> bool {
    !crate::merge::would_change(work.schemas, found, wanted, MANAGER)
}

/// An answer to an apply: the loop learns from it what it need not read.
fn applied(work: &Work<'_>, action: &Action, body: &Value) -> Done {
    if let (Some(mirror), Some(object)) = (work.mirror, object_of(work, &action.id)) {
        let wanted = body_to_send(object, work.said, work.inventory.find(&action.id).map(|(_, entry)| entry));
        let verified = is_as_wanted(work, body, &wanted).then_some(action.desired_hash.as_str());
        mirror.read(&action.id, &LiveObject::new(body.clone()), verified);
    }
    let uid = body["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    Done::Applied { uid, health: Some(health(body)) }
}

fn version_of(body: &Value) -> String {
    body["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}

/// Lets a second manager hold the live value of a field before we give it up: dropped by us alone, it would fall back to its
/// default. Whoever holds another value by now keeps it.
async fn hand_over(work: &Work<'_>, resource: &Resource, action: &Action, held: &Value) -> Result<(), Stop> {
    let query = format!("fieldManager={HANDOVER}&force=false");
    let path = format!("{}?{query}", resource.path(&action.id.namespace, &action.id.name));
    let mut body = held.clone();
    body["apiVersion"] = (*resource.api_version).into();
    body["kind"] = (*resource.kind).into();
    body["metadata"] = json!({ "name": &*action.id.name });
    let mut attempt = 0;
    loop {
        attempt += 1;
        match work.writer.write(Method::PATCH, &path, Content::Apply, &body).await {
            Ok(_) => return Ok(()),
            Err(error) if error.refusal().is_some_and(|refusal| !refusal.conflicts().is_empty()) => return Ok(()),
            // The same value again is no harm.
            Err(error) if error.may_be_done() && attempt < work.attempts() => {
                tokio::time::sleep(backoff(attempt, error.retry_after())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes the part of tools in `managedFields` ours, before the first apply: the one patch of `managedFields` that an adoption needs.
async fn take_over(
    work: &Work<'_>,
    resource: &Resource,
    action: &Action,
    base: &Base,
    wanted: &Value,
) -> Result<(), Stop> {
    let path = format!("{}?fieldManager={MANAGER}", resource.path(&action.id.namespace, &action.id.name));
    let mut attempt = 0;
    loop {
        attempt += 1;
        let found = as_planned(work, resource, action, base, wanted).await?;
        let Some(ours) = taken_over(&found) else { return Ok(()) };
        let metadata = json!({ "uid": base.uid, "resourceVersion": version_of(&found), "managedFields": ours });
        match work.writer.write(Method::PATCH, &path, Content::MergePatch, &json!({ "metadata": metadata })).await {
            Ok(_) => return Ok(()),
            Err(error) if (error.is_conflict() || error.may_be_done()) && attempt < work.attempts() => {
                tokio::time::sleep(backoff(attempt, error.retry_after())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The object as it is now, where it is still the one that the plan was decided on.
async fn as_planned(
    work: &Work<'_>,
    resource: &Resource,
    action: &Action,
    base: &Base,
    wanted: &Value,
) -> Result<Value, Stop> {
    let Some(found) = work.connection().get_object(resource, &action.id).await? else {
        return Err(Stop::Stale("it was deleted since the plan was made".to_owned()));
    };
    if found["metadata"]["uid"].as_str() != Some(&base.uid) {
        return Err(Stop::Stale("another object stands under its name".to_owned()));
    }
    if values_hash(&found, Some(wanted), &action.changes) != base.values_hash {
        return Err(Stop::Stale("a value that the plan writes over was changed since it was made".to_owned()));
    }
    Ok(found)
}

/// Deletes an object and makes it anew, once the old one is gone.
async fn replace(work: &Work<'_>, resource: &Resource, action: &Action, entry: Option<&Entry>) -> Result<Done, Stop> {
    if let Some(base) = &action.base {
        let limit = Instant::now() + work.patience();
        let gone = match remove(work, resource, action, base).await? {
            Done::Deleting => wait::until_gone(work.connection(), resource, &action.id, &base.uid, limit).await?,
            _ => true,
        };
        if !gone {
            return Err(Stop::Later("the old object is still being deleted".to_owned()));
        }
    }
    let object = object_of(work, &action.id)
        .ok_or_else(|| Stop::Failed("the plan wants an object that the garden does not render".to_owned()))?;
    create(work, resource, action, body_to_send(object, work.said, entry).into_owned(), None).await
}

async fn delete(work: &Work<'_>, resource: &Resource, action: &Action) -> Result<Done, Stop> {
    let Some(base) = &action.base else {
        return Err(Stop::Failed("a delete without a uid is never done".to_owned()));
    };
    if let Some(prepared) = &action.prepare {
        let path = format!("{}?fieldManager={MANAGER}", resource.path(&action.id.namespace, &action.id.name));
        let mut patch = prepared.clone();
        patch["metadata"] = json!({ "uid": base.uid });
        match work.writer.write(Method::PATCH, &path, Content::MergePatch, &patch).await {
            Err(error) if error.is_not_found() => return Ok(Done::Deleted),
            other => other?,
        };
    }
    remove(work, resource, action, base).await
}

/// DELETE with uid and resourceVersion, after a fresh read has shown the object to be ours still.
async fn remove(work: &Work<'_>, resource: &Resource, action: &Action, base: &Base) -> Result<Done, Stop> {
    let path = format!("{}?fieldManager={MANAGER}", resource.path(&action.id.namespace, &action.id.name));
    let mut attempt = 0;
    loop {
        attempt += 1;
        let Some(found) = work.connection().get_object(resource, &action.id).await? else { return Ok(Done::Deleted) };
        if found["metadata"]["uid"].as_str() != Some(&base.uid) {
            return Err(Stop::Stale("another object stands under its name".to_owned()));
        }
        if found["metadata"]["labels"][GARDEN_LABEL].as_str() != Some(work.garden.as_str()) {
            return Err(Stop::Stale(format!("its label `{GARDEN_LABEL}` is not ours any more")));
        }
        if !found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(Done::Deleting);
        }
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": base.uid, "resourceVersion": version_of(&found) },
            "propagationPolicy": resource.facts().propagation.word(),
        });
        match work.writer.write(Method::DELETE, &path, Content::Json, &options).await {
            Ok(answer) => return Ok(ending(&answer.body)),
            Err(error) if error.is_not_found() => return Ok(Done::Deleted),
            Err(error) if (error.is_conflict() || error.may_be_done()) && attempt < work.attempts() => {
                tokio::time::sleep(backoff(attempt, error.retry_after())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// An object that only waits for its finalizers is answered whole; one that is gone with a status, or without a time of deletion.
fn ending(answer: &Value) -> Done {
    if answer["metadata"]["deletionTimestamp"].is_null() { Done::Deleted } else { Done::Deleting }
}

/// A Secret that we make (once) or that follows others.
async fn secret(work: &Work<'_>, resource: &Resource, action: &Action, entry: Option<&Entry>) -> Result<Done, Stop> {
    let Some(request) = request_of(work, &action.id) else {
        return Err(Stop::Failed("the plan wants a Secret that the garden does not ask for".to_owned()));
    };
    if let (SecretSource::Generated { keys }, Some(base)) = (&request.source, &action.base) {
        return add_keys(work, resource, action, (keys, request, entry), base).await;
    }
    let material = material(work, request).await?;
    let mut body = material.body(request);
    if let Some(nonce) = entry.and_then(Entry::nonce) {
        body["metadata"]["annotations"] = json!({ NONCE: nonce });
    }
    if !matches!(request.source, SecretSource::Generated { .. }) {
        return follow(work, resource, action, &body, entry).await;
    }
    make_once(work, resource, action, &body).await
}

/// Adds the keys that a newer definition asks for; those that are there stay as they are. An adopted one gets our labels too.
async fn add_keys(
    work: &Work<'_>,
    resource: &Resource,
    action: &Action,
    (keys, request, entry): (&BTreeMap<String, Generated>, &SecretRequest, Option<&Entry>),
    base: &Base,
) -> Result<Done, Stop> {
    let path = format!("{}?fieldManager={MANAGER}", resource.path(&action.id.namespace, &action.id.name));
    let mut attempt = 0;
    loop {
        attempt += 1;
        let (namespace, name) = (&action.id.namespace, &action.id.name);
        let Some(found) = copies::read(work.connection(), namespace, name).await? else {
            return Err(Stop::Stale("it was deleted since the plan was made".to_owned()));
        };
        if found.uid != base.uid {
            return Err(Stop::Stale("another Secret stands under its name".to_owned()));
        }
        let added = crate::secrets::generated(keys, &found.data).map_err(|error| Stop::Failed(error.to_string()))?;
        let adopts = action.verb == Verb::Adopt;
        if added.is_empty() && !adopts {
            return Ok(Done::Unchanged);
        }
        let mut metadata = json!({ "uid": found.uid, "resourceVersion": found.resource_version });
        if adopts {
            metadata["labels"] = json!(request.labels);
            if let Some(nonce) = entry.and_then(Entry::nonce) {
                metadata["annotations"] = json!({ NONCE: nonce });
            }
        }
        let body = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": added.data() });
        match work.writer.write(Method::PATCH, &path, Content::MergePatch, &body).await {
            Ok(answer) => return Ok(applied_secret(work, action, &answer.body)),
            Err(error) if (error.is_conflict() || error.may_be_done()) && attempt < work.attempts() => {
                tokio::time::sleep(backoff(attempt, error.retry_after())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether the plan makes a Secret of that name not, although it should be: nobody need wait for it.
fn is_refused(work: &Work<'_>, name: &str) -> bool {
    let mut secrets = work.plan.actions.iter().filter(|action| action.id.is(kind::SECRET));
    secrets.any(|action| *action.id.name == *name && action.verb == Verb::Refused)
}

/// The content of a Secret. What an operator is still to make is waited for.
async fn material(work: &Work<'_>, request: &SecretRequest) -> Result<crate::secrets::Material, Stop> {
    let deadline = Instant::now() + work.patience();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let missing = match SourceSecrets::of(work.connection()).material(request).await? {
            Ok(material) => return Ok(material),
            Err(missing) => missing,
        };
        let SecretSource::Template { keys } = &request.source else {
            return Err(Stop::Failed(missing.to_string()));
        };
        if let Some(name) = copies::sources_of(keys).into_iter().find(|name| is_refused(work, name)) {
            return Err(Stop::Failed(format!("{missing}: the plan refuses the Secret `{name}`")));
        }
        if Instant::now() >= deadline {
            return Err(Stop::Later(missing.to_string()));
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + backoff(attempt.min(4), None))).await;
    }
}

/// POST: 201 made, `AlreadyExists` kept. The values of a lost answer are in the cluster or nowhere.
async fn make_once(work: &Work<'_>, resource: &Resource, action: &Action, body: &Value) -> Result<Done, Stop> {
    let path = format!("{}?fieldManager={MANAGER}&fieldValidation=Strict", resource.list_path(&action.id.namespace));
    let nonce = body["metadata"]["annotations"][NONCE].as_str();
    let mut attempt = 0;
    loop {
        attempt += 1;
        match work.writer.write(Method::POST, &path, Content::Json, body).await {
            Ok(answer) => return Ok(applied_secret(work, action, &answer.body)),
            Err(error) if error.is_already_exists() || error.may_be_done() => {
                match work.connection().get_object(resource, &action.id).await? {
                    Some(found) if carries(&found, nonce) => return Ok(applied_secret(work, action, &found)),
                    Some(_) => return Ok(Done::Unchanged),
                    None if attempt < work.attempts() => {
                        tokio::time::sleep(backoff(attempt, error.retry_after())).await;
                    }
                    None => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A copy or a templated file, applied; it is made by us or carries our label, or is left alone.
async fn follow(
    work: &Work<'_>,
    resource: &Resource,
    action: &Action,
    body: &Value,
    entry: Option<&Entry>,
) -> Result<Done, Stop> {
    let path = format!("{}?{}", resource.path(&action.id.namespace, &action.id.name), apply_query(action.force));
    let mut body = body.clone();
    if let Some(base) = &action.base {
        body["metadata"]["uid"] = base.uid.as_str().into();
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        match work.writer.write(Method::PATCH, &path, Content::Apply, &body).await {
            Ok(answer)
                if action.base.is_none() && answer.code != 201 && attempt == 1 && !was_ours(entry, &answer.body) =>
            {
                take_back(work, resource, &action.id, &answer.body).await?;
                return Err(Stop::Failed(
                    "somebody made a Secret of that name just now; it was left as it was".to_owned(),
                ));
            }
            Ok(answer) => return Ok(applied_secret(work, action, &answer.body)),
            // The same content again is no harm: what a lost answer did is done twice to the same effect.
            Err(error) if error.may_be_done() && attempt < work.attempts() => {
                tokio::time::sleep(backoff(attempt, error.retry_after())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn applied_secret(work: &Work<'_>, action: &Action, body: &Value) -> Done {
    if let (Some(mirror), Some(request)) = (work.mirror, request_of(work, &action.id)) {
        let mut closed = body.clone();
        copies::close(work.connection().key(), &mut closed);
        mirror.read(&action.id, &LiveObject::new(closed), Some(&request_hash(request)));
    }
    Done::Applied { uid: body["metadata"]["uid"].as_str().unwrap_or_default().to_owned(), health: None }
}
