//! Everything that one app asks for.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::allowance::work_of_object;
use super::draft::{ObjectDraft, Owner};
use super::flow::{Flow, Peer};
use super::life::Now;
use super::providers::{self, Claim, Met};
use super::scope::AppScope;
use super::tree::{Tree, tree};
use super::{Contribution, SecretRequest, job, kdl, measure, workload};
use crate::expression::{Budget, Value};
use crate::finding::Findings;
use crate::model::definition::{Guarded, Need, Workload};
use crate::model::{App, Organisation};
use crate::name::Name;

/// Objects of an app before they are finished, and what the organisation must add.
#[derive(Default)]
pub(super) struct Parts {
    pub(crate) drafts: Vec<ObjectDraft>,
    pub(crate) secrets: Vec<SecretRequest>,
    pub(crate) flows: Vec<Flow>,
    /// What counts against the offer.
    pub(crate) contributions: Vec<Contribution>,
    /// What hatches add to that, whether the app sleeps or not.
    pub(crate) beyond: Vec<Contribution>,
    /// What comes on top: its jobs and backups.
    pub(crate) overhead: Vec<Contribution>,
    /// The organisation's database cluster must exist.
    pub(crate) database: bool,
    /// Some container must run as root.
    pub(crate) root: bool,
}

/// An app to be rendered.
pub(super) struct AppContext<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) app: &'a App,
    pub(crate) owner: &'a Owner,
    pub(crate) now: &'a Now,
    /// What it may cost. Where it costs more, not all of it is rendered.
    pub(crate) budget: &'a Arc<Budget>,
}

/// All of one app at one moment.
///
/// What is wrong with objects and patches in KDL goes to `findings`; it was said when the garden was checked.
pub(super) fn render(asked: &AppContext<'_>, findings: &mut Findings) -> Parts {
    let AppContext { organisation, app, owner, now, budget } = *asked;
    let mut scope = AppScope::new(organisation, app, budget);
    if app.definition.sign_on.is_some() {
        scope = scope.with("clients", providers::clients(organisation, app, budget));
    }
    let mut parts = Parts::default();
    let (scope, claims) = needs(organisation, app, owner, now, scope, &mut parts);
    let claimed = workloads(app, owner, now, &scope, &claims, &mut parts);
    jobs(organisation, app, owner, now, &scope, &claims, &mut parts);
    for (need, claim) in &claims {
        if !claimed.contains(need) {
            parts.drafts.push(claim_object(need, claim));
        }
    }
    parts.drafts.push(service_account(app));
    hatches(app, now, &scope, &mut parts, findings);
    let peer = Peer::App(app.name.clone());
    parts.flows.push(Flow { from: peer.clone(), to: peer, ports: Vec::new(), origin: app.span });
    parts
}

/// Objects of the definition and patches of the app, and what they add to what the app takes.
fn hatches(app: &App, now: &Now, scope: &AppScope, parts: &mut Parts, findings: &mut Findings) {
    if app.definition.objects.is_empty() && app.patches.is_empty() {
        return;
    }
    let before = measure::measures(&parts.drafts);
    parts.drafts.extend(kdl::objects(scope, app, findings));
    for patch in &app.patches {
        kdl::patch(&mut parts.drafts, patch, findings);
    }
    parts.drafts.iter().for_each(|draft| count(scope, draft));
    // What stands still takes as much once it is awake.
    let after = measure::measures(&parts.drafts);
    if now.asleep() {
        kept_asleep(&before, now, &mut parts.drafts);
    }
    parts.beyond = measure::beyond(&app.name, &before, &after, &parts.contributions);
}

/// Takes what an object costs.
fn count(scope: &AppScope, draft: &ObjectDraft) {
    scope.spend(work_of_object(&draft.body), draft.origin);
}

/// A patch wakes nobody: what stands still without it stands still with it.
fn kept_asleep(before: &measure::Measures, now: &Now, drafts: &mut [ObjectDraft]) {
    for draft in drafts {
        let key = (draft.group_kind(), draft.name.clone());
        let (field, still) =
            if key.0.facts().scales { ("replicas", Tree::from(0)) } else { ("suspend", Tree::from(true)) };
        if before.get(&key).is_some_and(measure::Measure::is_asleep) {
            draft.body.below(&["spec"]).into_iter().for_each(|spec| spec.set(field, still.clone().at(now.origin())));
        }
    }
}

/// Each need in order, so that a later one may name the outputs of those before it.
fn needs<'a>(
    organisation: &'a Organisation,
    app: &'a App,
    owner: &Owner,
    now: &Now,
    mut scope: AppScope<'a>,
    parts: &mut Parts,
) -> (AppScope<'a>, BTreeMap<String, Claim>) {
    let mut values: BTreeMap<String, Value> = BTreeMap::new();
    let mut claims = BTreeMap::new();
    let present = present_workloads(app, &scope);
    for guarded in &app.definition.needs {
        let mut of_elements = BTreeMap::new();
        for inner in scope.guarded(guarded) {
            if scope.is_spent() {
                break;
            }
            let need = &need_of(guarded, &inner);
            let asked =
                providers::NeedContext { organisation, app, scope: &inner, owner, now, need, workloads: &present };
            let met = providers::meet(&asked);
            let Met { outputs, drafts, secrets, flows, contributions, overhead, claim, database } = met;
            if guarded.each.is_empty() {
                values.insert(need.name.value.to_string(), Value::Map(outputs));
            } else {
                of_elements.insert(inner.element_key(), Value::Map(outputs));
            }
            drafts.iter().for_each(|draft| count(&scope, draft));
            parts.drafts.extend(drafts);
            parts.secrets.extend(secrets);
            parts.flows.extend(flows);
            parts.contributions.extend(contributions);
            parts.overhead.extend(overhead);
            parts.database |= database;
            claims.extend(claim.map(|claim| (need.name.value.to_string(), claim)));
        }
        if !guarded.each.is_empty() {
            values.insert(guarded.item.name.value.to_string(), Value::Map(of_elements));
        }
        scope = scope.with("needs", Value::Map(values.clone()));
    }
    (scope, claims)
}

/// The need of one element: it is named after it.
fn need_of<'a>(guarded: &'a Guarded<Need>, scope: &AppScope) -> Cow<'a, Need> {
    let mut need = Cow::Borrowed(&guarded.item);
    if !guarded.each.is_empty() {
        need.to_mut().name.value = scope.name_of(&guarded.item.name.value, guarded.each.len());
    }
    need
}

/// The workloads that there are; those of an element are named after it.
fn present_workloads<'a>(app: &'a App, scope: &AppScope<'a>) -> Vec<(AppScope<'a>, Cow<'a, Workload>)> {
    let mut present = Vec::new();
    for guarded in &app.definition.workloads {
        for scope in scope.guarded(guarded) {
            let mut workload = Cow::Borrowed(&guarded.item);
            if !guarded.each.is_empty() {
                workload.to_mut().name.value = scope.name_of(&guarded.item.name.value, guarded.each.len());
            }
            present.push((scope, workload));
        }
    }
    present
}

/// The workloads; yields the needs whose volumes a StatefulSet claims itself.
fn workloads<'a>(
    app: &'a App,
    owner: &Owner,
    now: &Now,
    scope: &AppScope<'a>,
    claims: &BTreeMap<String, Claim>,
    parts: &mut Parts,
) -> BTreeSet<String> {
    let mut claimed = BTreeSet::new();
    for (scope, workload) in present_workloads(app, scope) {
        if scope.is_spent() {
            break;
        }
        let workload = &*workload;
        let asked = workload::WorkloadContext { scope: &scope, app, owner, now, workload, claims };
        let objects = workload::render(&asked);
        parts.root |= workload.pod.root_because.is_some();
        objects.drafts.iter().for_each(|draft| count(&scope, draft));
        parts.drafts.extend(objects.drafts);
        parts.secrets.extend(objects.secrets);
        parts.contributions.extend(objects.contributions);
        claimed.extend(objects.claimed);
    }
    claimed
}

fn jobs<'a>(
    organisation: &'a Organisation,
    app: &'a App,
    owner: &Owner,
    now: &Now,
    scope: &AppScope<'a>,
    claims: &BTreeMap<String, Claim>,
    parts: &mut Parts,
) {
    for guarded in &app.definition.jobs {
        for scope in scope.guarded(guarded) {
            if scope.is_spent() {
                break;
            }
            let mut job = Cow::Borrowed(&guarded.item);
            if !guarded.each.is_empty() {
                let named = |name: &Name| scope.name_of(name, guarded.each.len());
                let was = guarded.item.was.as_ref().map(named);
                let name = named(&guarded.item.name.value);
                (job.to_mut().name.value, job.to_mut().was) = (name, was);
            }
            let job = &*job;
            let objects = job::render(&job::JobContext { organisation, scope: &scope, app, owner, now, job, claims });
            parts.root |= job.pod.root_because.is_some();
            objects.drafts.iter().for_each(|draft| count(&scope, draft));
            parts.drafts.extend(objects.drafts);
            parts.secrets.extend(objects.secrets);
            parts.overhead.extend(objects.overhead);
        }
    }
}

fn claim_object(need: &str, claim: &Claim) -> ObjectDraft {
    let body = tree! { "spec": claim.spec.clone() };
    ObjectDraft::new("v1", "PersistentVolumeClaim", claim.name.clone(), body, claim.origin).component(need)
}

/// An identity without rights and without a token.
fn service_account(app: &App) -> ObjectDraft {
    let body = tree! { "automountServiceAccountToken": Tree::from(false) };
    ObjectDraft::new("v1", "ServiceAccount", app.name.to_string(), body, app.span)
}
