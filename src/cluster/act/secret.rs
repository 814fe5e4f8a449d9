//! Makes Secrets once, adds keys to them, and lets copies and templates follow their sources.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::apply::Work;
use super::super::copies::{self, Drawn, SourceSecrets};
use super::super::request::Content;
use super::super::retry::{Pause, Retry};
use super::ownership::take_back;
use super::{Acting, Stop, carries, nonce_of, request_of, uid_of, was_ours};
use crate::kind;
use crate::plan::{
    self, Base, Changing, Done, Entry, LiveObject, MANAGER, MissingSource, NONCE, Reason, Verb, Verified, request_hash,
};
use crate::render::{Generated, SecretRequest, SecretSource};
use crate::secrets::Material;

/// Makes or changes the Secret of an action.
pub(super) async fn secret(acting: &Acting<'_>) -> Result<Done, Stop> {
    let Some(request) = request_of(acting.work, &acting.action.id) else {
        return Err(Stop::Failed("the plan wants a Secret that the garden does not ask for".to_owned()));
    };
    if let (SecretSource::Generated { keys }, Some(base)) = (&request.source, acting.action.base()) {
        return add_keys(acting, request, keys, base).await;
    }
    let mut body = material(acting.work, request).await?.body(request);
    if let Some(nonce) = acting.entry.and_then(Entry::nonce) {
        body["metadata"]["annotations"] = json!({ NONCE: nonce });
    }
    match request.source {
        SecretSource::Generated { .. } => make_once(acting, &body).await,
        SecretSource::Copied { .. } | SecretSource::Template { .. } => follow(acting, body).await,
    }
}

/// Adds the keys that it lacks, as far as they are new or follow from the others; those that are there stay as they are. One that is adopted, or whose app is
/// called otherwise now, gets our labels too.
async fn add_keys(
    acting: &Acting<'_>,
    request: &SecretRequest,
    keys: &BTreeMap<String, Generated>,
    base: &Base,
) -> Result<Done, Stop> {
    let id = &acting.action.id;
    let renames = matches!(acting.action.reason(), Reason::Changing(Changing::Renamed { .. }));
    let relabels = acting.action.verb() == Verb::Adopt || renames;
    let mut lost = false;
    let mut retry = Retry::of_a_request();
    loop {
        let Some(found) = copies::read(acting.work.connection(), &id.namespace, &id.name).await? else {
            return Err(Stop::Stale("it was deleted since the plan was made".to_owned()));
        };
        if found.uid != base.uid {
            return Err(Stop::Stale("another Secret stands under its name".to_owned()));
        }
        let was_made = |key: &str| acting.entry.is_some_and(|entry| plan::was_made(entry, key));
        let added =
            crate::secrets::generated(keys, &found.data, was_made).map_err(|error| Stop::Failed(error.to_string()))?;
        if added.is_empty() && !relabels {
            // After a lost answer they are there because we added them.
            return Ok(if lost { Done::Applied { uid: found.uid, health: None } } else { Done::Unchanged });
        }
        let mut metadata = json!({ "uid": found.uid, "resourceVersion": found.resource_version });
        if relabels {
            metadata["labels"] = json!(request.labels);
            if let Some(nonce) = acting.entry.and_then(Entry::nonce) {
                metadata["annotations"] = json!({ NONCE: nonce });
            }
        }
        let body = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": added.data() });
        match acting.merge_patch(&body).await {
            Ok(answer) => return Ok(applied(acting, answer.body)),
            Err(error) => {
                lost |= error.may_be_done();
                retry.of_fresh_write(error).await?;
            }
        }
    }
}

/// Whether the plan makes a Secret of that name not, although it should be: nobody need wait for it.
fn is_refused(work: &Work<'_>, name: &str) -> bool {
    let mut secrets = work.plan.actions.iter().filter(|action| action.id.is(kind::SECRET));
    secrets.any(|action| *action.id.name == *name && action.verb() == Verb::Refused)
}

/// The content of a Secret. What an operator is still to make is waited for.
async fn material(work: &Work<'_>, request: &SecretRequest) -> Result<Material, Stop> {
    let deadline = Instant::now() + work.patience();
    let mut retry = Retry::until(deadline);
    loop {
        let sources = SourceSecrets::of(work.connection(), work.mirror);
        let Drawn { material, missing } = sources.draw(request, &work.plan.organisation).await?;
        let error = match material {
            Ok(material) => return Ok(material),
            Err(error) => error,
        };
        if !matches!(request.source, SecretSource::Template { .. }) {
            return Err(Stop::Failed(error.to_string()));
        }
        let waits = if missing.is_empty() { error.to_string() } else { words_of(&missing) };
        if let Some(source) = missing.iter().find(|source| is_refused(work, &source.name)) {
            return Err(Stop::Failed(format!("{waits}: the plan refuses the Secret `{}`", source.name)));
        }
        retry.again(Pause::Growing(None), Stop::Later(waits)).await?;
    }
}

/// The sources that are not there, as a part of a sentence.
fn words_of(missing: &[MissingSource]) -> String {
    let sources: Vec<String> = missing.iter().map(MissingSource::to_string).collect();
    format!("there is no {}", sources.join(", no "))
}

/// POST: 201 made, `AlreadyExists` kept. The values of a lost answer are in the cluster or nowhere.
async fn make_once(acting: &Acting<'_>, body: &Value) -> Result<Done, Stop> {
    let list = acting.resource.list_path(&acting.action.id.namespace);
    let path = format!("{list}?fieldManager={MANAGER}&fieldValidation=Strict");
    let mut retry = Retry::of_a_request();
    loop {
        match acting.work.writer.write(Method::POST, &path, Content::Json, body).await {
            Ok(answer) => return Ok(applied(acting, answer.body)),
            Err(error) if error.is_already_exists() || error.may_be_done() => match acting.find().await? {
                Some(found) if carries(&found, nonce_of(body)) => return Ok(applied_closed(acting, found)),
                Some(_) => return Ok(Done::Unchanged),
                None => retry.again_if(true, error).await?,
            },
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// A copy or a templated file, applied; it is made by us or carries our label, or is left alone.
async fn follow(acting: &Acting<'_>, mut body: Value) -> Result<Done, Stop> {
    let base = acting.action.base();
    if let Some(base) = base {
        body["metadata"]["uid"] = base.uid.as_str().into();
    }
    let mut retry = Retry::of_a_request();
    let mut lost = false;
    loop {
        let error = match acting.apply(&body).await {
            Ok(answer) if base.is_some() || answer.code == 201 || was_ours(acting.entry, &answer.body) => {
                return Ok(applied(acting, answer.body));
            }
            Ok(answer) => {
                take_back(acting, &answer.body).await?;
                let why = "somebody made a Secret of that name just now; it was left as it was";
                return Err(Stop::Failed(why.to_owned()));
            }
            Err(error) => error,
        };
        // One that is there already takes the same content twice to the same effect; one that is made is read back.
        lost |= error.may_be_done();
        retry.while_unwell(error).await?;
        if lost
            && base.is_none()
            && let Some(found) = acting.find().await?
            && carries(&found, nonce_of(&body))
        {
            return Ok(applied_closed(acting, found));
        }
    }
}

/// The outcome of a write whose answer holds the values.
fn applied(acting: &Acting<'_>, mut body: Value) -> Done {
    copies::close(acting.work.connection().key(), &mut body);
    applied_closed(acting, body)
}

/// The outcome of a write that is known by a Secret with hashes for values; the mirror learns what it need not read.
fn applied_closed(acting: &Acting<'_>, closed: Value) -> Done {
    let uid = uid_of(&closed);
    if let (Some(mirror), Some(request)) = (acting.work.mirror, request_of(acting.work, &acting.action.id)) {
        mirror.read(
            &acting.action.id,
            &LiveObject::new(closed),
            Some(Verified { hash: request_hash(request), leaves_fields: false }),
        );
    }
    Done::Applied { uid, health: None }
}
