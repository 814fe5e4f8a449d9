//! Trials: what the server would make of an apply (`dryRun=All`), where we do not know it ourselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use http::Method;
use serde_json::Value;

use super::connect::Connection;
use super::discovery::{Kinds, Resource};
use super::errors::ApiError;
use super::request::Content;
use crate::plan::{Cause, Conflict, DryRun, MANAGER, UNION};
use crate::render::ObjectId;

/// What the server answered, and warned of, under the ids that it was asked about.
#[derive(Default)]
pub(crate) struct Trials {
    pub(crate) answers: BTreeMap<ObjectId, DryRun>,
    pub(crate) warnings: BTreeMap<ObjectId, Vec<String>>,
}

/// Asks the server what applying some objects would do (`dryRun=All`, strict).
pub(crate) async fn dry_runs(
    connection: &Connection,
    kinds: &Kinds,
    questions: &[(ObjectId, Arc<Value>)],
    force: bool,
) -> Trials {
    let requests = questions.iter().map(|(id, body)| async move {
        let (answer, warnings) = match kinds.of(id) {
            Ok(resource) => dry_run(connection, resource, id, body, force).await,
            Err(missing) => (DryRun::NotVerified(missing.to_string()), Vec::new()),
        };
        (id.clone(), answer, warnings)
    });
    let mut trials = Trials::default();
    let mut answers = stream::iter(requests).buffer_unordered(32);
    while let Some((id, answer, warnings)) = answers.next().await {
        if !warnings.is_empty() {
            trials.warnings.insert(id.clone(), warnings);
        }
        trials.answers.insert(id, answer);
    }
    trials
}

/// Asks the server what it makes of JSON patches that take away what cannot stand beside ours (`dryRun=All`, strict).
pub(crate) async fn patch_trials(
    connection: &Connection,
    kinds: &Kinds,
    patches: &BTreeMap<ObjectId, Value>,
) -> BTreeMap<ObjectId, DryRun> {
    let requests = patches.iter().map(|(id, patch)| async move {
        let answer = match kinds.of(id) {
            Ok(resource) => patch_trial(connection, resource, id, patch).await,
            Err(missing) => DryRun::NotVerified(missing.to_string()),
        };
        (id.clone(), answer)
    });
    stream::iter(requests).buffer_unordered(32).collect().await
}

async fn patch_trial(connection: &Connection, resource: &Resource, id: &ObjectId, patch: &Value) -> DryRun {
    let path = format!("{}?dryRun=All&{}", resource.path(&id.namespace, &id.name), patch_query());
    match connection.trial(Method::PATCH, &path, Content::JsonPatch, patch).await {
        Ok(_) => DryRun::Accepted,
        // The object moved since it was read: whoever applies reads it anew.
        Err(error) if error.is_failed_test() => DryRun::NotVerified(error.to_string()),
        Err(error) => refused(&error),
    }
}

/// The query of the JSON patch that takes something away.
pub(super) fn patch_query() -> String {
    format!("fieldManager={UNION}&fieldValidation=Strict")
}

async fn dry_run(
    connection: &Connection,
    resource: &Resource,
    id: &ObjectId,
    body: &Value,
    force: bool,
) -> (DryRun, Vec<String>) {
    let path = format!("{}?dryRun=All&{}", resource.path(&id.namespace, &id.name), apply_query(force));
    match connection.trial(Method::PATCH, &path, Content::Apply, body).await {
        Ok(answer) => (DryRun::Result(Arc::new(answer.body)), answer.warnings),
        Err(error) => (refused(&error), Vec::new()),
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
    let causes =
        refusal.fields().into_iter().map(|cause| Cause { field: cause.field, message: cause.message, by_rule: false });
    DryRun::Refused { status: refusal.code, message: refusal.message.clone(), causes: causes.collect() }
}
