//! What a cluster has of what a garden needs, before anything is applied: objects, and rights of our own.

use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use serde_json::{Value, json};

use super::connect::Connection;
use super::discovery::{Kinds, Resource};
use super::errors::ApiError;
use super::request::Content;
use crate::kind::group_of;
use crate::plan::{Unseen, full_name};
use crate::render::providers::Want;

/// What is missing of something that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The cluster serves no such kind.
    Kind,
    /// There is no such object.
    Object,
    /// It could not be looked at, so nothing is known of it.
    Unseen(Unseen),
    /// It is a Secret without these keys.
    Keys(Vec<String>),
}

/// What cannot be found of what is wanted, by its place in `wants`.
pub(crate) async fn lacking(
    connection: &Connection,
    kinds: &Kinds,
    wants: &[Want],
) -> Result<Vec<(usize, Lack)>, ApiError> {
    let looks = wants.iter().enumerate().map(|(at, want)| async move {
        Ok::<_, ApiError>(look(connection, kinds, want).await?.map(|lack| (at, lack)))
    });
    let found: Vec<Option<(usize, Lack)>> = stream::iter(looks).buffered(16).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn look(connection: &Connection, kinds: &Kinds, want: &Want) -> Result<Option<Lack>, ApiError> {
    let mut serving =
        kinds.iter().filter(|found| &*found.kind == want.kind && group_of(&found.api_version) == want.group);
    let Some(resource) = serving.next() else {
        let silent = kinds.silent_groups.contains(want.group);
        let why = Some(format!("the server of `{}` does not answer", want.group));
        return Ok(Some(if silent {
            Lack::Unseen(Unseen { group: want.group.to_owned(), resource: "*".to_owned(), why })
        } else {
            Lack::Kind
        }));
    };
    match connection.get_opt(&resource.path(&want.namespace, &want.name)).await {
        Ok(None) => Ok(Some(Lack::Object)),
        Ok(Some(found)) => {
            let has = |key: &String| found["data"].get(key).is_some_and(|value| !value.is_null());
            let missing: Vec<String> = want.keys.iter().filter(|key| !has(key)).cloned().collect();
            Ok((!missing.is_empty()).then_some(Lack::Keys(missing)))
        }
        Err(error) if error.is_of_one_kind() => Ok(Some(Lack::Unseen(Unseen {
            group: want.group.to_owned(),
            resource: resource.plural.to_string(),
            why: (!error.is_forbidden()).then(|| error.to_string()),
        }))),
        Err(error) => Err(error),
    }
}

/// What parcelle does with objects of every kind that it renders.
const VERBS: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];

/// The rights that we lack, as `patch deployments.apps`: asked of the server, which answers for ourselves.
pub(crate) async fn missing_rights(connection: &Connection, resources: &[&Resource]) -> Result<Vec<String>, ApiError> {
    let questions = resources.iter().flat_map(|resource| VERBS.iter().map(move |verb| (*verb, *resource)));
    let asked = questions.map(|(verb, resource)| async move {
        let allowed = may(connection, verb, resource).await?;
        Ok::<_, ApiError>((!allowed).then(|| right(verb, resource)))
    });
    let found: Vec<Option<String>> = stream::iter(asked).buffered(16).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

fn right(verb: &str, resource: &Resource) -> String {
    format!("{verb} {}", full_name(group_of(&resource.api_version), &resource.plural))
}

async fn may(connection: &Connection, verb: &str, resource: &Resource) -> Result<bool, ApiError> {
    let group = group_of(&resource.api_version);
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "verb": verb, "group": group, "resource": &*resource.plural } },
    });
    // Nothing is kept of such a question, so it is a trial whatever it says.
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?dryRun=All";
    let answer = connection.trial(Method::POST, path, Content::Json, &body).await?;
    Ok(answer.body.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false))
}
