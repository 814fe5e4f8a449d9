//! What runs once or by the clock: CronJob, or a Job named by the hash of its inputs.

use std::collections::BTreeMap;

use super::draft::{ObjectDraft, Owner};
use super::life::Now;
use super::once::{self, OneTime};
use super::pod::{self, Rendered};
use super::providers::Claim;
use super::scope::AppScope;
use super::tree::{Tree, tree};
use super::{Contribution, ResourceName, SecretRequest, Stage, naming};
use crate::kind;
use crate::model::definition::{Job, Trigger};
use crate::model::{App, Organisation};

/// How often a Job is tried again.
const RETRIES: i64 = 6;

/// After how many seconds a try of a scheduled Job is given up: it must not outlive the day.
const SCHEDULED_DEADLINE: i64 = 6 * 3_600;

/// Finished Jobs of a schedule that are kept to be looked at.
const KEPT: i64 = 1;

/// A job to be rendered.
pub(super) struct JobContext<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) scope: &'a AppScope<'a>,
    pub(crate) app: &'a App,
    pub(crate) owner: &'a Owner,
    pub(crate) now: &'a Now,
    pub(crate) job: &'a Job,
    /// The app's volumes by need.
    pub(crate) claims: &'a BTreeMap<String, Claim>,
}

/// Its objects, and what they take beside the offer.
pub(super) struct JobObjects {
    pub(crate) drafts: Vec<ObjectDraft>,
    pub(crate) secrets: Vec<SecretRequest>,
    pub(crate) overhead: Vec<Contribution>,
}

/// All objects of a job.
pub(super) fn render(asked: &JobContext) -> JobObjects {
    let rendered = pod::render(&pod::PodContext {
        scope: asked.scope,
        app: asked.app,
        owner: asked.owner,
        component: component(asked),
        pod: &asked.job.pod,
        claims: asked.claims,
        extra: Tree::ABSENT,
        claimed_by_template: false,
        origin: asked.job.span,
    });
    let overhead = overhead(asked, &rendered);
    let Rendered { spec, annotations, mut drafts, secrets, .. } = rendered;
    let template = tree! {
        "metadata": tree! {
            "labels": asked.owner.pod_labels(Some(component(asked))),
            "annotations": annotations,
        },
        "spec": {
            let mut spec = spec;
            spec.set("restartPolicy", "OnFailure");
            spec
        },
    };
    drafts.push(match &asked.job.trigger {
        Trigger::Every(schedule) => {
            let time = asked.scope.tree(schedule);
            cron_job(asked, time, template)
        }
        Trigger::OnChange(_) => once(asked, template, Stage::Edge),
        Trigger::OnUpgrade => once(asked, template, Stage::Upgrade),
    });
    JobObjects { drafts, secrets, overhead }
}

fn component<'a>(asked: &'a JobContext) -> &'a str {
    asked.job.name.value.as_str()
}

fn cron_job(asked: &JobContext, schedule: Tree, template: Tree) -> ObjectDraft {
    let asleep = asked.now.asleep();
    let job = tree! {
        "backoffLimit": 1,
        "activeDeadlineSeconds": SCHEDULED_DEADLINE,
        "template": template,
    };
    let spec = tree! {
        "schedule": schedule,
        "timeZone": Tree::from(asked.organisation.timezone.as_str()).at(asked.organisation.span),
        "suspend": Tree::from(asleep).at(asked.now.origin()),
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300,
        "successfulJobsHistoryLimit": KEPT,
        "failedJobsHistoryLimit": KEPT,
        "jobTemplate": tree! { "spec": job },
    };
    let name = naming::part(kind::CRON_JOB, &asked.app.name, component(asked));
    ObjectDraft::new("batch/v1", "CronJob", name, tree! { "spec": spec }, asked.job.span).component(component(asked))
}

/// A Job named by its inputs alone, so that it runs again when they change, and only then.
fn once(asked: &JobContext, template: Tree, stage: Stage) -> ObjectDraft {
    let inputs: Vec<String> = match &asked.job.trigger {
        Trigger::OnChange(expressions) if expressions.is_empty() => {
            vec![once::inputs_of(&template.clone().finish().value)]
        }
        Trigger::OnChange(expressions) => {
            let values = expressions.iter().map(|expression| asked.scope.evaluate(expression).to_json().to_string());
            values.collect()
        }
        Trigger::OnUpgrade | Trigger::Every(_) => {
            let release = &*asked.app.release;
            let whole = template.clone().finish().value;
            let own = once::images_of(&whole).into_iter().filter(|own| *own != release.image).map(str::to_owned);
            once::of_release(release, own)
        }
    };
    let origin = match &asked.job.trigger {
        Trigger::OnChange(expressions) => asked.scope.origin_of(expressions.iter()),
        Trigger::OnUpgrade | Trigger::Every(_) => None,
    };
    // It is about the data, so that it does not run again where its app is only called otherwise.
    let data = asked.app.data_name();
    let others = || asked.app.definition.jobs.iter().map(|job| &job.item.name.value);
    let was = asked.job.was.as_ref().filter(|was| others().all(|other| other != *was));
    let once = OneTime::new((data.as_str(), component(asked)), &inputs, asked.job.deadline);
    let once = once.called(data.as_str(), was);
    let name = naming::role(kind::JOB, data, component(asked), once.word());
    // What comes after the workloads waits while they sleep.
    let waits = matches!(asked.job.trigger, Trigger::OnChange(_));
    let suspend = waits.then(|| Tree::from(asked.now.asleep()).at(asked.now.origin()));
    let spec = tree! { "backoffLimit": RETRIES, "suspend": suspend, "template": template };
    let draft = ObjectDraft::new("batch/v1", "Job", name, tree! { "spec": spec }, origin.unwrap_or(asked.job.span));
    draft.stage(stage).component(component(asked)).once(once)
}

fn overhead(asked: &JobContext, rendered: &Rendered) -> Vec<Contribution> {
    let share = |resource, (amount, origin)| Contribution {
        app: Some(asked.app.name.clone()),
        part: component(asked).to_owned(),
        resource,
        amount,
        origin,
    };
    vec![share(ResourceName::Cpu, rendered.requests.cpu), share(ResourceName::Memory, rendered.requests.memory)]
}
