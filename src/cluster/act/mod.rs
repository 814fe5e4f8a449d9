//! Carries out one action of a plan exactly: with its preconditions, and read back when an answer is lost.
//!
//! [`object`] creates and changes by server-side apply, [`ownership`] moves fields between managers before and after,
//! [`union`] takes away what cannot stand beside ours,
//! [`delete`] deletes and replaces, [`secret`] makes and fills Secrets. Each sends through [`Acting`].

mod delete;
mod object;
mod ownership;
mod secret;
mod union;

use http::Method;
use serde_json::Value;

use super::apply::Work;
use super::ask::apply_query;
use super::discovery::Resource;
use super::echo;
use super::errors::{self, ApiError};
use super::request::{Answer, Content};
use super::warnings::Heard;
use crate::finding::Findings;
use crate::plan::{self, Action, Base, Deed, Done, Entry, MANAGER, NONCE, Place, Skip, What};
use crate::render::{Object, ObjectId, SecretRequest};
use crate::secrets::Tainted;

/// What came of an action, and what people must know of it.
pub(super) struct Acted {
    pub(super) done: Done,
    pub(super) findings: Findings,
    /// What the server warned of.
    pub(super) warnings: Vec<String>,
}

impl From<Done> for Acted {
    fn from(done: Done) -> Self {
        Self { done, findings: Findings::default(), warnings: Vec::new() }
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

/// One action, and what its requests are made of.
#[derive(Clone, Copy)]
struct Acting<'a> {
    work: &'a Work<'a>,
    resource: &'a Resource,
    action: &'a Action,
    /// What the inventory says of the object, written ahead.
    entry: Option<&'a Entry>,
}

impl Acting<'_> {
    /// The path of the object, with a query.
    fn path(&self, query: &str) -> String {
        format!("{}?{query}", self.resource.path(&self.action.id.namespace, &self.action.id.name))
    }

    /// Reads the object as it is now; a Secret with hashes for values.
    async fn find(&self) -> Result<Option<Value>, ApiError> {
        self.work.connection().get_object(self.resource, &self.action.id).await
    }

    /// Reads the object and makes sure that it is the one that the plan was decided on.
    async fn find_same(&self, base: &Base) -> Result<Value, Stop> {
        let Some(found) = self.find().await? else {
            return Err(Stop::Stale("it was deleted since the plan was made".to_owned()));
        };
        if found["metadata"]["uid"].as_str() != Some(&base.uid) {
            return Err(Stop::Stale("another object stands under its name".to_owned()));
        }
        Ok(found)
    }

    /// Sends the object once, by server-side apply.
    async fn apply(&self, body: &Value) -> Result<Answer, ApiError> {
        let path = self.path(&apply_query(self.action.force()));
        self.work.writer.write(Method::PATCH, &path, Content::Apply, body).await
    }

    /// Sends a merge patch of the object once.
    async fn merge_patch(&self, patch: &Value) -> Result<Answer, ApiError> {
        let path = self.path(&format!("fieldManager={MANAGER}"));
        self.work.writer.write(Method::PATCH, &path, Content::MergePatch, patch).await
    }
}

/// Carries out one action. Never fails as a whole: what went wrong is in what is returned.
pub(super) async fn act(work: &Work<'_>, action: &Action, entry: Option<&Entry>) -> Acted {
    if !action.verb().writes() {
        return Done::Skipped { why: Skip::Planned }.into();
    }
    let heard = Heard::default();
    let writer = work.writer.heard_by(&heard);
    let mut acted = carried_out(&Work { writer: &writer, ..*work }, action, entry).await;
    acted.warnings = heard.all().iter().map(|text| others_in(work).mask(text)).collect();
    let (object, request) = (object_of(work, &action.id), request_of(work, &action.id));
    let fallback = request.map(|request| request.origin).or(work.directives.span);
    let found = acted.warnings.iter().filter_map(|text| plan::of_warning(&action.id, object, fallback, text));
    found.for_each(|finding| acted.findings.push(finding));
    acted
}

async fn carried_out(work: &Work<'_>, action: &Action, entry: Option<&Entry>) -> Acted {
    let resource = match work.kinds.of(&action.id) {
        Ok(resource) => resource,
        Err(missing) => {
            return Done::Failed { why: missing.to_string(), place: action.origin.clone(), passing: missing.silent }
                .into();
        }
    };
    let acting = &Acting { work, resource, action, entry };
    let result = match (&action.deed, action.what) {
        (Deed::Delete { base, reclaim, .. }, _) => delete::delete(acting, base, *reclaim).await,
        (Deed::Create(_) | Deed::Change { .. } | Deed::Replace { .. } | Deed::Adopt { .. }, What::Secret) => {
            secret::secret(acting).await
        }
        (Deed::Create(_), What::Object) => object::make(acting).await,
        (Deed::Change { base, hand_over, take_away, .. }, What::Object) => {
            object::set(acting, base, *hand_over, take_away).await
        }
        (Deed::Replace { base, .. }, What::Object) => delete::replace(acting, base).await,
        (Deed::Adopt { base, take_over, take_away, .. }, What::Object) => {
            object::adopt(acting, base, take_over, take_away).await
        }
        (Deed::Keep { .. } | Deed::Held { .. } | Deed::Refused { .. }, _) => Ok(Done::Skipped { why: Skip::Planned }),
    };
    if let (Ok(Done::Deleted), Some(mirror)) = (&result, work.mirror) {
        mirror.deleted(&action.id);
    }
    match result {
        Ok(done) => done.into(),
        Err(Stop::Api(error)) => {
            let error = echo::of_error(error, others_in(work));
            stopped(work, action, Stop::Api(error))
        }
        Err(stop) => stopped(work, action, stop),
    }
}

/// What others wrote into the organisation's objects, as they were when the plan was made.
fn others_in<'a>(work: &Work<'a>) -> &'a Tainted {
    let said = (work.objects, work.directives);
    work.others.get_or_init(|| echo::others_in(work.schemas, said, work.inventory, work.live))
}

fn stopped(work: &Work<'_>, action: &Action, stop: Stop) -> Acted {
    let failed = |why: String, passing| Done::Failed { why, place: action.origin.clone(), passing };
    match stop {
        Stop::Api(ApiError::LeaseLost | ApiError::Ending) => Done::Skipped { why: Skip::Interrupted }.into(),
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
    Acted { done, findings, warnings: Vec::new() }
}

fn object_of<'a>(work: &Work<'a>, id: &ObjectId) -> Option<&'a Object> {
    work.objects.objects.iter().find(|object| object.id == *id)
}

/// The object that an action is about, as the garden renders it.
fn rendered<'a>(acting: &Acting<'a>) -> Result<&'a Object, Stop> {
    let found = object_of(acting.work, &acting.action.id);
    found.ok_or_else(|| Stop::Failed("the plan wants an object that the garden does not render".to_owned()))
}

fn request_of<'a>(work: &Work<'a>, id: &ObjectId) -> Option<&'a SecretRequest> {
    work.objects.secrets.iter().find(|request| request.id == *id)
}

/// Whether an object that was not found when the plan was made is the one we knew: the server that told so lagged behind.
fn was_ours(entry: Option<&Entry>, found: &Value) -> bool {
    let former = entry.and_then(Entry::former_uid);
    former.is_some() && found["metadata"]["uid"].as_str() == former
}

/// Whether an object carries the nonce of this round: we made it, although the answer was lost.
fn carries(object: &Value, nonce: Option<&str>) -> bool {
    nonce.is_some() && nonce_of(object) == nonce
}

fn nonce_of(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][NONCE].as_str()
}

fn uid_of(body: &Value) -> String {
    body["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

fn version_of(body: &Value) -> String {
    body["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned()
}
