//! What an action does to the pods of one workload.
//!
//! Pods restart when their template changes, labels and annotations of the template among it: the release of an app is a label of
//! its pods, and the files and secrets that a pod reads are hashed into an annotation. Labels and annotations of the workload
//! itself restart nothing, and neither does a Secret or a ConfigMap by itself.

use serde_json::Value;

use super::How;
use super::estimate::{self, Away};
use super::kinds::{Operated, within};
use crate::impact::images;
use crate::impact::subject::{PlannedOrganisation, text};
use crate::impact::wording::{moves, value};
use crate::kind::{self, AUTOSCALER, DEPLOYMENT, STATEFUL_SET};
use crate::plan::{Action, Changing, Deleting, Reason, Verb};
use crate::render::{ObjectId, OrganisationObjects, State};

/// What becomes of the pods behind an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PodsEffect {
    pub(super) how: How,
    pub(super) away: Away,
    pub(super) pods: u64,
    /// Whether they sleep at the hour of the plan: it is so where it is applied while they are awake.
    pub(super) asleep: bool,
}

impl PodsEffect {
    fn new(how: How, pods: u64) -> Self {
        Self { how, away: Away::default(), pods, asleep: false }
    }
}

/// What an action does to the pods of a workload of Kubernetes; `None` where nothing happens to them.
pub(super) fn of_workload(subject: &PlannedOrganisation<'_>, action: &Action) -> Option<PodsEffect> {
    let id = &action.id;
    let after = subject.body(id);
    let before = subject.body_before(action.target());
    let now = after.zip(subject.after()).map(|(body, objects)| pods(body, id, objects));
    let counted = before.zip(subject.before()).map(|(body, objects)| pods(body, action.target(), objects));
    let was = replicas_before(action).or(counted).or(now).unwrap_or(1);
    match action.verb() {
        Verb::Delete => match action.reason() {
            _ if was == 0 => None,
            Reason::Deleting(Deleting::Superseded { .. } | Deleting::Renamed { .. }) => Some(away(before, was)),
            _ => Some(PodsEffect::new(How::Stops, was)),
        },
        Verb::Create => now.filter(|now| *now > 0).map(|now| PodsEffect::new(How::Starts, now)),
        Verb::Replace => (was > 0).then(|| away(after.or(before), was)),
        Verb::Change | Verb::Adopt => {
            let now = now.unwrap_or(was);
            match (was, now) {
                (0, 0) if sleeps(subject, action) => {
                    let woken = restarts(action).then(|| rolls(subject, id, after, 1)).flatten();
                    woken.map(|effect| PodsEffect { asleep: true, ..effect })
                }
                (0, 0) => None,
                (was, 0) => Some(PodsEffect::new(How::Stops, was)),
                (0, now) => Some(PodsEffect::new(How::Starts, now)),
                (_, now) => restarts(action).then(|| rolls(subject, id, after, now)).flatten(),
            }
        }
        Verb::Keep | Verb::Held | Verb::Refused => None,
    }
}

/// Whether its app sleeps for the night: what is applied while it is awake interrupts it.
fn sleeps(subject: &PlannedOrganisation<'_>, action: &Action) -> bool {
    let state = subject.after().zip(action.app.as_ref()).and_then(|(objects, app)| objects.states.get(app));
    matches!(state, Some(State::Night(_)))
}

fn away(body: Option<&Value>, pods: u64) -> PodsEffect {
    let away = body.map_or_else(|| estimate::of_pod(&Value::Null), |body| estimate::of_pod(pod(body)));
    PodsEffect { how: How::Away, away, pods, asleep: false }
}

fn pod(body: &Value) -> &Value {
    body.pointer("/spec/template/spec").unwrap_or(&Value::Null)
}

/// Whether the template of its pods is another one.
fn restarts(action: &Action) -> bool {
    let nothing_moves = matches!(
        action.reason(),
        Reason::Changing(Changing::OwnershipOnly | Changing::HandedOver | Changing::Interrupted | Changing::Left(_))
    );
    !nothing_moves && action.changes.iter().any(|change| moves(change) && within(&change.path, &["spec.template"]))
}

/// What becomes of pods whose template changes, by how the workload replaces them.
fn rolls(subject: &PlannedOrganisation<'_>, id: &ObjectId, body: Option<&Value>, pods: u64) -> Option<PodsEffect> {
    let Some(body) = body else { return Some(PodsEffect::new(How::MayRestart, pods)) };
    let is_away = if id.is(DEPLOYMENT) {
        text(body, "/spec/strategy/type") == Some("Recreate") || takes_all(body, pods) || is_exclusive(subject, body)
    } else {
        if text(body, "/spec/updateStrategy/type") == Some("OnDelete") {
            return None;
        }
        // One that has a name of its own goes before its successor comes.
        pods == 1 || !id.is(STATEFUL_SET)
    };
    Some(if is_away { away(Some(body), pods) } else { PodsEffect::new(How::Restarts, pods) })
}

/// Whether a rolling update may take all pods away at once.
fn takes_all(body: &Value, pods: u64) -> bool {
    match &body["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] {
        Value::Number(number) => number.as_u64().is_some_and(|most| most >= pods),
        // A share is rounded down.
        Value::String(share) => share == "100%",
        _ => false,
    }
}

/// Whether its pods mount a volume that one node alone may have.
fn is_exclusive(subject: &PlannedOrganisation<'_>, body: &Value) -> bool {
    let claims = pod(body)["volumes"].as_array().into_iter().flatten();
    let claims = claims.filter_map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    let claim = |name: &str| {
        let objects = &subject.after()?.objects;
        objects.iter().find(|object| object.id.is(kind::PERSISTENT_VOLUME_CLAIM) && &*object.id.name == name)
    };
    let is_one = |mode: &Value| mode == "ReadWriteOnce" || mode == "ReadWriteOncePod";
    claims.filter_map(claim).any(|claim| {
        let modes = claim.body["spec"]["accessModes"].as_array().map(Vec::as_slice).unwrap_or_default();
        !modes.is_empty() && modes.iter().all(is_one)
    })
}

/// The number of replicas before, where the plan moves it.
fn replicas_before(action: &Action) -> Option<u64> {
    let change = action.changes.iter().find(|change| change.path == "spec.replicas")?;
    value(change.before.as_ref())?.as_u64()
}

/// How many pods there are of a workload: as it says, as its autoscaler says, else one.
fn pods(body: &Value, id: &ObjectId, objects: &OrganisationObjects) -> u64 {
    if let Some(said) = body["spec"]["replicas"].as_u64() {
        return said;
    }
    let scales = |target: &Value| target["kind"] == *id.kind && target["name"] == *id.name;
    let scaled = objects.objects.iter().filter(|object| object.id.is(AUTOSCALER));
    let scaled = scaled.filter(|object| scales(&object.body["spec"]["scaleTargetRef"]));
    { scaled }.find_map(|object| object.body["spec"]["minReplicas"].as_u64()).unwrap_or(1)
}

/// What an action does to the pods that an operator makes of an object.
pub(super) fn of_operated(subject: &PlannedOrganisation<'_>, action: &Action, facts: &Operated) -> Option<PodsEffect> {
    let body = subject.body(&action.id).or_else(|| subject.body_before(action.target()));
    let pods = body.and_then(|body| body.pointer(facts.pods.0)).and_then(Value::as_u64).unwrap_or(facts.pods.1);
    let of_one = || away(None, pods);
    match action.verb() {
        Verb::Create => Some(PodsEffect::new(How::Starts, pods)),
        Verb::Delete => Some(PodsEffect::new(How::Stops, pods)),
        Verb::Replace => Some(of_one()),
        Verb::Change | Verb::Adopt => {
            let moved = || action.changes.iter().filter(|change| moves(change));
            let pause = moved().find(|change| facts.pause == Some(&*change.path));
            if let Some(pause) = pause {
                let pauses = value(pause.after.as_ref()).and_then(Value::as_bool) == Some(true);
                return Some(PodsEffect::new(if pauses { How::Stops } else { How::Starts }, pods));
            }
            let is_paused = facts
                .pause
                .and_then(|field| body?.pointer(&format!("/{}", field.replace('.', "/"))).and_then(Value::as_bool));
            if images::replaced(action).any(|(_, before, after)| images::is_major(before, after)) {
                let away = Away { seconds: estimate::MAJOR, most: 0 };
                return Some(PodsEffect { away, ..of_one() });
            }
            let sure = moved().any(|change| within(&change.path, facts.restart));
            let maybe = moved().any(|change| within(&change.path, facts.may_restart));
            match (is_paused, sure, maybe) {
                (Some(true), ..) | (_, false, false) => None,
                (_, true, _) if pods > 1 => Some(PodsEffect::new(How::Switches, pods)),
                (_, true, _) => Some(of_one()),
                (_, false, true) => Some(PodsEffect::new(How::MayRestart, pods)),
            }
        }
        Verb::Keep | Verb::Held | Verb::Refused => None,
    }
}
