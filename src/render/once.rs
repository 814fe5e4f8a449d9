//! What a Job is about that runs once: which job of the app it is, its inputs, and how long it may take.

use serde_json::Value;

use super::naming;
use crate::kind;
use crate::model::definition::{DEFAULT_DEADLINE, Release};
use crate::name::Name;

/// A Job that runs once for its inputs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OneTime {
    /// How it stands in an inventory's records, by the name that the app's data is called by: `cloud/upgrade`.
    pub key: String,
    /// The same by an earlier name of the job, which its definition says and no other job has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// The job's name inside its app, as its definition has it: `upgrade`.
    pub job: String,
    /// The hash of the inputs that it runs once for.
    pub inputs: String,
    /// How long it may take from the start of its first container before people are told, in seconds.
    pub deadline: i64,
}

/// The hash of inputs, as records keep it.
const LENGTH: usize = 32;

impl OneTime {
    pub(super) fn new((data, job): (&str, &str), inputs: &[String], deadline: u32) -> Self {
        let inputs = hashed(inputs);
        Self { key: format!("{data}/{job}"), was: None, job: job.to_owned(), inputs, deadline: deadline.into() }
    }

    /// The same job with an earlier name.
    #[must_use]
    pub(super) fn called(self, data: &str, was: Option<&Name>) -> Self {
        Self { was: was.map(|was| format!("{data}/{was}")), ..self }
    }

    /// A Job that a definition writes as an object: what its pods run and are given are its inputs.
    pub(super) fn of_object(app: Option<&Name>, name: &str, body: &Value) -> Self {
        Self::new((app.map_or("", Name::as_str), name), &[inputs_of(&body["spec"]["template"])], DEFAULT_DEADLINE)
    }

    /// Whether an object of this kind runs once.
    pub(super) fn is_kind(group_kind: kind::GroupKind) -> bool {
        group_kind == kind::JOB
    }

    /// Whether a record is that of this job.
    pub(crate) fn is_of(&self, key: &String) -> bool {
        self.key == *key || self.was.as_ref() == Some(key)
    }

    /// The word that ends the name of its Job.
    pub(super) fn word(&self) -> &str {
        &self.inputs[..10]
    }
}

/// The inputs of a job before an upgrade: the release, and the images of its own.
pub(super) fn of_release(release: &Release, own: impl Iterator<Item = String>) -> Vec<String> {
    [release.version.clone(), release.image.clone()].into_iter().chain(own).collect()
}

/// The hash of the inputs that a job before an upgrade has at another release, as records keep it. `template` is that of its pod
/// at the release `at`.
pub(crate) fn inputs_at(release: &Release, template: &Value, at: &Release) -> String {
    let own = images_of(template).into_iter().filter(|own| *own != at.image).map(str::to_owned);
    hashed(&of_release(release, own))
}

fn hashed(inputs: &[String]) -> String {
    naming::hash(&inputs.iter().map(String::as_str).collect::<Vec<_>>(), LENGTH)
}

/// What a pod runs and is given: images, commands, environment, and the files by their hashes. Sizes, labels, volumes and
/// where it runs are no inputs.
pub(crate) fn inputs_of(template: &Value) -> String {
    let mut text = template["metadata"]["annotations"].to_string();
    for list in ["initContainers", "containers"] {
        for container in template["spec"][list].as_array().into_iter().flatten() {
            for field in ["image", "command", "args", "env"] {
                text.push_str(field);
                text.push_str(&container[field].to_string());
            }
        }
    }
    text
}

/// The images that a pod's containers run.
pub(crate) fn images_of(template: &Value) -> Vec<&str> {
    let lists = ["initContainers", "containers"].into_iter().filter_map(|list| template["spec"][list].as_array());
    lists.flatten().filter_map(|container| container["image"].as_str()).collect()
}
