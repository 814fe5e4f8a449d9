//! What only one-time jobs need: how one is made, a last look before one of which no container started gives way, and the end of a
//! finished one.
//!
//! | the process ends | what is there |
//! |---|---|
//! | before the Job is made | nothing, and nothing is recorded of it: it is made |
//! | before its uid is recorded | a Job that is suspended: it goes on; where somebody took it away, it never ran, and is made |
//! | after that | a Job that runs or ran; where somebody took it away, a person says whether it runs again |

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::super::apply::Work;
use super::super::connect::Writer;
use super::super::discovery::Kinds;
use super::super::errors::ApiError;
use super::super::mirror::Mirror;
use super::super::pods;
use super::super::request::Content;
use super::super::retry::Retry;
use super::object::{apply_again, create};
use super::{Acting, Stop, rendered, version_of};
use crate::cause::reason_of;
use crate::name::Name;
use crate::plan::{Done, GARDEN_LABEL, MANAGER, is_complete};
use crate::render::ObjectId;

/// Whether no container of a Job has started, as far as its status and its pods say now.
pub(super) async fn is_idle(work: &Work<'_>, found: &Value, id: &ObjectId) -> Result<bool, ApiError> {
    let count = |field: &str| found["status"][field].as_i64().unwrap_or(0);
    let has_moved = ["failed", "succeeded", "ready"].into_iter().any(|field| count(field) > 0);
    let pods = pods::of_jobs(work.connection(), work.garden, &id.namespace, Some(&id.name)).await?;
    Ok(!has_moved && pods.values().all(|pods| !pods.has_started))
}

/// Makes a Job. It is suspended until the inventory knows its uid: none runs of which nobody would know.
pub(super) async fn make(acting: &Acting<'_>, body: &Value) -> Result<Done, Stop> {
    if body["spec"]["suspend"] == true {
        return create(acting, body, None).await;
    }
    let mut suspended = body.clone();
    suspended["spec"]["suspend"] = true.into();
    let Done::Applied { uid, .. } = create(acting, &suspended, None).await? else {
        return Err(Stop::Later("it was made, and the API server does not say so".to_owned()));
    };
    let key = rendered(acting)?.once.as_ref().map(|once| once.key.as_str()).unwrap_or_default();
    if let Err(error) = acting.work.ledger.note_start(acting.work.writer, &acting.action.id, key, &uid).await {
        return Err(Stop::Later(format!("it is suspended until it is recorded: {}", reason_of(&error))));
    }
    apply_again(acting, &uid, body).await
}

/// What takes finished Jobs away.
#[derive(Clone, Copy)]
pub(crate) struct Removal<'a> {
    /// The cluster, with the right to write.
    pub(crate) writer: &'a Writer,
    pub(crate) kinds: &'a Kinds,
    /// The garden's name.
    pub(crate) garden: &'a Name,
    /// Who is told what is gone.
    pub(crate) mirror: Option<&'a Mirror>,
}

impl Removal<'_> {
    /// Takes away Jobs that are recorded as done, and their pods with them. Returns those that are gone, and why others could not
    /// be taken away; one that is not ours any more, or not done, stays.
    pub(crate) async fn remove_all(&self, finished: &[(ObjectId, String)]) -> BTreeMap<ObjectId, Result<(), ApiError>> {
        let mut removed = BTreeMap::new();
        for (id, uid) in finished.iter().filter(|_| !self.writer.connection().is_ending()) {
            match self.remove(id, uid).await {
                Ok(true) => drop(removed.insert(id.clone(), Ok(()))),
                Ok(false) => {}
                Err(error) => drop(removed.insert(id.clone(), Err(error))),
            }
        }
        removed
    }

    async fn remove(&self, id: &ObjectId, uid: &str) -> Result<bool, ApiError> {
        let Ok(resource) = self.kinds.of(id) else { return Ok(false) };
        let path = format!("{}?fieldManager={MANAGER}", resource.path(&id.namespace, &id.name));
        let mut retry = Retry::of_a_request();
        loop {
            let Some(found) = self.writer.connection().get_object(resource, id).await? else { return Ok(true) };
            if found["metadata"]["uid"].as_str() != Some(uid) {
                return Ok(true);
            }
            if !self.is_ours(&found) || !is_complete(&found) || !found["metadata"]["deletionTimestamp"].is_null() {
                return Ok(false);
            }
            let options = json!({
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": { "uid": uid, "resourceVersion": version_of(&found) },
                "propagationPolicy": "Background",
            });
            match self.writer.write(Method::DELETE, &path, Content::Json, &options).await {
                Ok(_) => break,
                Err(error) if error.is_not_found() => break,
                Err(error) => retry.of_fresh_write(error).await?,
            }
        }
        self.mirror.iter().for_each(|mirror| mirror.deleted(id));
        Ok(true)
    }

    fn is_ours(&self, found: &Value) -> bool {
        let managers = found["metadata"]["managedFields"].as_array();
        managers.is_some_and(|entries| entries.iter().any(|entry| entry["manager"] == MANAGER))
            && found["metadata"]["labels"][GARDEN_LABEL].as_str() == Some(self.garden.as_str())
    }
}
