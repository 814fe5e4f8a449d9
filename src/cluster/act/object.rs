//! Creates, changes and adopts an object by server-side apply.

use std::borrow::Cow;

use serde_json::Value;

use super::super::retry::Retry;
use super::job;
use super::ownership::{hand_over, take_back, take_over};
use super::union::{clear_books, take_away};
use super::{Acting, Stop, carries, nonce_of, object_of, rendered, uid_of, version_of, was_ours};
use crate::plan::{
    Base, Deed, Done, Entry, LiveObject, Verified, body_to_send, health, leaves_fields, may_still_force, union,
    values_hash,
};
use crate::render::ObjectId;

/// Creates the object of an action.
pub(super) async fn make(acting: &Acting<'_>) -> Result<Done, Stop> {
    let body = new_body(acting)?;
    if rendered(acting)?.once.is_some() {
        return job::make(acting, &body).await;
    }
    create(acting, &body, acting.entry).await
}

/// Changes an object of ours, once its number of replicas is handed over where that is given up, and what cannot stand beside
/// ours is gone.
pub(super) async fn set(
    acting: &Acting<'_>,
    base: &Base,
    replicas: Option<u64>,
    away: &[String],
) -> Result<Done, Stop> {
    let body = body_beside(acting, acting.entry)?;
    if let Some(replicas) = replicas {
        hand_over(acting, replicas).await?;
    }
    let cleared = if away.is_empty() { None } else { Some(take_away(acting, base, &body, away).await?) };
    let is_as_seen = cleared.is_some() || replicas.is_none();
    change(acting, cleared.as_ref().unwrap_or(base), is_as_seen, body.clone().into_owned(), &body).await
}

/// Adopts an object, once the fields of the tools that made it are ours.
pub(super) async fn adopt(acting: &Acting<'_>, base: &Base, tools: &[String], away: &[String]) -> Result<Done, Stop> {
    let body = body_beside(acting, acting.entry)?.into_owned();
    // It was planned without the nonce that its entry has by now.
    let planned = body_beside(acting, None)?;
    if !tools.is_empty() {
        take_over(acting, base, &planned).await?;
    }
    let cleared = if away.is_empty() { None } else { Some(take_away(acting, base, &planned, away).await?) };
    let is_as_seen = cleared.is_some() || tools.is_empty();
    change(acting, cleared.as_ref().unwrap_or(base), is_as_seen, body, &planned).await
}

/// The body of an object that is made anew.
pub(super) fn new_body<'a>(acting: &Acting<'a>) -> Result<Cow<'a, Value>, Stop> {
    let work = acting.work;
    Ok(body_to_send(work.schemas, work.directives, rendered(acting)?, acting.entry, None))
}

/// The body of an object that was there when the plan was made.
fn body_beside<'a>(acting: &Acting<'a>, entry: Option<&Entry>) -> Result<Cow<'a, Value>, Stop> {
    let work = acting.work;
    let same = |(id, _): &(&ObjectId, &LiveObject)| id.identity() == acting.action.id.identity();
    let live = work.live.objects.iter().find(same).map(|(_, live)| &*live.body);
    Ok(body_to_send(work.schemas, work.directives, rendered(acting)?, entry, live))
}

/// Makes an object. The server must answer that it is new; one that turns out to be there is left as it was, unless it is
/// the one that `former` knows.
pub(super) async fn create(acting: &Acting<'_>, body: &Value, former: Option<&Entry>) -> Result<Done, Stop> {
    let mut retry = Retry::of_a_request();
    let mut lost = false;
    loop {
        let error = match acting.apply(body).await {
            Ok(answer) if answer.code == 201 || was_ours(former, &answer.body) => {
                return Ok(applied(acting, &answer.body));
            }
            Ok(answer) => {
                take_back(acting, &answer.body).await?;
                let why = "somebody made an object of that name just now; it was left as it was";
                return Err(Stop::Failed(why.to_owned()));
            }
            Err(error) => error,
        };
        lost |= error.may_be_done();
        retry.while_unwell(error).await?;
        if lost
            && let Some(found) = acting.find().await?
            && carries(&found, nonce_of(body))
        {
            return Ok(applied(acting, &found));
        }
    }
}

/// Changes an object that the plan saw: the same uid, and the values that are written over as they were.
async fn change(
    acting: &Acting<'_>,
    base: &Base,
    is_as_seen: bool,
    mut body: Value,
    planned: &Value,
) -> Result<Done, Stop> {
    let wanted = body.clone();
    body["metadata"]["uid"] = base.uid.as_str().into();
    let mut version =
        if is_as_seen { base.resource_version.clone() } else { version_of(&as_planned(acting, base, planned).await?) };
    let mut retry = Retry::of_a_request();
    let mut lost = false;
    loop {
        body["metadata"]["resourceVersion"] = version.as_str().into();
        let error = match acting.apply(&body).await {
            Ok(answer) => {
                let is_moved = version_of(&answer.body) != version;
                return written(acting, base, answer.body, is_moved).await;
            }
            Err(error) => error,
        };
        lost |= error.may_be_done();
        let conflicts = error.refusal().is_some_and(|refusal| !refusal.conflicts().is_empty());
        let moved = error.is_not_found() || (error.is_conflict() && !conflicts);
        retry.again_if(moved || error.is_passing(), error).await?;
        let found = acting.find_same(base).await?;
        if !writes_over_the_same(acting, base, &found, planned) {
            // Either somebody moved what we write over, or our own write arrived although its answer did not.
            let arrived = lost && is_as_wanted(acting, &found, &wanted);
            return if arrived { written(acting, base, found, true).await } else { Err(moved_since()) };
        }
        // Force takes whatever is in the way: what was not planned to be taken is not.
        if acting.action.force() && !may_be_forced(acting, &found, &wanted)? {
            return Err(moved_since());
        }
        version = version_of(&found);
    }
}

fn may_be_forced(acting: &Acting<'_>, found: &Value, wanted: &Value) -> Result<bool, Stop> {
    let (work, object) = (acting.work, rendered(acting)?);
    Ok(may_still_force(work.schemas, object, acting.entry, work.directives, found, wanted))
}

/// What came of a change, once nothing that was ours for a moment is left in the books.
async fn written(acting: &Acting<'_>, base: &Base, body: Value, is_moved: bool) -> Result<Done, Stop> {
    // Where only something of others had to go, the apply itself moved nothing.
    let took_away = matches!(
        &acting.action.deed,
        Deed::Change { take_away, .. } | Deed::Adopt { take_away, .. } if !take_away.is_empty()
    );
    match clear_books(acting, base, &body).await? {
        Some(body) => Ok(applied(acting, &body)),
        None if is_moved || took_away => Ok(applied(acting, &body)),
        None => Ok(Done::Unchanged),
    }
}

/// Reads the object, where the values that the plan writes over are still as they were.
pub(super) async fn as_planned(acting: &Acting<'_>, base: &Base, planned: &Value) -> Result<Value, Stop> {
    let found = acting.find_same(base).await?;
    if writes_over_the_same(acting, base, &found, planned) { Ok(found) } else { Err(moved_since()) }
}

fn writes_over_the_same(acting: &Acting<'_>, base: &Base, found: &Value, planned: &Value) -> bool {
    values_hash(found, Some(planned), &acting.action.changes) == base.values_hash
}

pub(super) fn moved_since() -> Stop {
    Stop::Stale("a value that the plan writes over was changed since it was made".to_owned())
}

fn is_as_wanted(acting: &Acting<'_>, found: &Value, wanted: &Value) -> bool {
    union::is_as_wanted(acting.work.schemas, found, wanted)
}

/// Applies an object that was made just now, whatever others wrote of it since.
pub(super) async fn apply_again(acting: &Acting<'_>, uid: &str, body: &Value) -> Result<Done, Stop> {
    let mut body = body.clone();
    body["metadata"]["uid"] = uid.into();
    let mut retry = Retry::of_a_request();
    loop {
        match acting.apply(&body).await {
            Ok(answer) => return Ok(applied(acting, &answer.body)),
            Err(error) => retry.while_unwell(error).await?,
        }
    }
}

/// The outcome of an apply; the mirror learns from the answer what it need not read.
fn applied(acting: &Acting<'_>, body: &Value) -> Done {
    let (work, action) = (acting.work, acting.action);
    if let (Some(mirror), Some(object)) = (work.mirror, object_of(work, &action.id)) {
        let entry = work.inventory.find(&action.id).map(|(_, entry)| entry);
        let wanted = body_to_send(work.schemas, work.directives, object, entry, Some(body));
        let verified = is_as_wanted(acting, body, &wanted).then(|| Verified {
            hash: work.directives.wanted_hash(object),
            leaves_fields: leaves_fields(work.schemas, work.directives, object, body),
        });
        mirror.read(&action.id, &LiveObject::new(body.clone()), verified);
    }
    Done::Applied { uid: uid_of(body), health: Some(health(body)) }
}
