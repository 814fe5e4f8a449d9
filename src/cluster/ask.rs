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
use crate::plan::{Cause, Conflict, DryRun, MANAGER};
use crate::render::ObjectId;

/// Asks the server what applying some objects would do (`dryRun=All`, strict). Answers under the ids that were asked.
pub(crate) async fn dry_runs(
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
    let causes =
        refusal.fields().into_iter().map(|cause| Cause { field: cause.field, message: cause.message, by_rule: false });
    DryRun::Refused { status: refusal.code, message: refusal.message.clone(), causes: causes.collect() }
}
