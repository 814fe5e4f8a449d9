//! What the pods of a Job say of its run: whether a container ever started, how the last one ended, what is waited for.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// The label by which the pods of a Job are known.
pub(crate) const JOB_NAME: &str = "job-name";

/// So much of what a container says at its end is told.
const LONGEST: usize = 300;

/// The pods of one Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct JobPods {
    /// Whether a container of any of them ever started.
    pub(crate) has_started: bool,
    /// When the first one did, in Unix seconds.
    pub(crate) started: Option<i64>,
    /// Those that have not ended yet, by name.
    pub(crate) alive: Vec<String>,
    /// The uids of the Jobs that some of them did the work of.
    pub(crate) succeeded: Vec<String>,
    /// How the last container that failed has ended.
    pub(crate) end: Option<ContainerEnd>,
    /// What keeps a container from starting, in words.
    pub(crate) waits: Option<String>,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerEnd {
    code: Option<i64>,
    reason: String,
    /// What it wrote for whoever asks why it ended; never what it logged.
    message: String,
    at: i64,
}

impl fmt::Display for ContainerEnd {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, &*self.reason) {
            (Some(code), "" | "Error") => write!(to, "its last container ended with exit code {code}")?,
            (Some(code), reason) => write!(to, "its last container ended with exit code {code} ({reason})")?,
            (None, "") => to.write_str("its last pod failed")?,
            (None, reason) => write!(to, "its last pod failed ({reason})")?,
        }
        if self.message.is_empty() { Ok(()) } else { write!(to, ": {}", self.message) }
    }
}

/// Reads the pods of Jobs, by the name of the Job. `tell` gives what may be told of a container's last message.
pub(crate) fn by_job(pods: &[Value], tell: impl Fn(&Value, &str) -> String) -> BTreeMap<String, JobPods> {
    let mut jobs: BTreeMap<String, JobPods> = BTreeMap::new();
    for pod in pods {
        let Some(job) = pod["metadata"]["labels"][JOB_NAME].as_str() else { continue };
        jobs.entry(job.to_owned()).or_default().add(pod, &tell);
    }
    jobs
}

impl JobPods {
    fn add(&mut self, pod: &Value, tell: &impl Fn(&Value, &str) -> String) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let status = &pod["status"];
        match status["phase"].as_str() {
            Some("Succeeded") => {
                let owners = pod["metadata"]["ownerReferences"].as_array().into_iter().flatten();
                let uids = owners.filter(|owner| owner["kind"] == "Job").map(|owner| text(&owner["uid"]));
                let label = text(&pod["metadata"]["labels"]["controller-uid"]);
                self.succeeded.extend(uids.chain(Some(label)).filter(|uid| !uid.is_empty()));
                self.has_started = true;
            }
            Some("Failed") => {}
            _ => self.alive.push(text(&pod["metadata"]["name"])),
        }
        for container in containers(status) {
            for state in [&container["state"], &container["lastState"]] {
                let of = [&state["running"], &state["terminated"]];
                // One that could not be started says so with the time zero.
                for started in of.iter().filter_map(|part| seconds(&part["startedAt"])).filter(|time| *time > 0) {
                    self.has_started = true;
                    self.started = Some(self.started.map_or(started, |known| known.min(started)));
                }
                self.note_end(pod, &container["name"], &state["terminated"], tell);
            }
            self.has_started |= container["restartCount"].as_i64().is_some_and(|count| count > 0);
            let reason = text(&container["state"]["waiting"]["reason"]);
            if !reason.is_empty() && reason != "ContainerCreating" && reason != "PodInitializing" {
                self.waits = Some(reason);
            }
        }
        if status["phase"] == "Failed" && self.end.is_none() {
            let at = seconds(&pod["metadata"]["creationTimestamp"]).unwrap_or_default();
            self.end = Some(ContainerEnd { code: None, reason: text(&status["reason"]), message: String::new(), at });
        }
        let conditions = status["conditions"].as_array().into_iter().flatten();
        let unplaced = conditions.filter(|one| one["type"] == "PodScheduled" && one["status"] == "False");
        let why = unplaced.map(|one| format!("{}: {}", text(&one["reason"]), text(&one["message"]))).next();
        self.waits = self.waits.take().or(why);
    }

    fn note_end(&mut self, pod: &Value, name: &Value, ended: &Value, tell: &impl Fn(&Value, &str) -> String) {
        let at = seconds(&ended["finishedAt"]).unwrap_or_default();
        let code = ended["exitCode"].as_i64();
        let is_news = self.end.as_ref().is_none_or(|known| known.code.is_none() || known.at <= at);
        if code.is_none_or(|code| code == 0) || !is_news {
            return;
        }
        let reason = ended["reason"].as_str().unwrap_or_default().to_owned();
        let message = ended["message"].as_str().filter(|_| is_own_word(pod, name)).unwrap_or_default();
        let message = if message.trim().is_empty() { String::new() } else { tell(pod, message) };
        let words: Vec<&str> = message.split_whitespace().collect();
        let message: String = words.join(" ").chars().take(LONGEST).collect();
        self.end = Some(ContainerEnd { code, reason, message, at });
    }
}

/// Whether what stands as a container's last message was written for that: by its policy it may be the end of its log.
fn is_own_word(pod: &Value, name: &Value) -> bool {
    let lists = ["initContainers", "containers"].into_iter().filter_map(|list| pod["spec"][list].as_array());
    let container = lists.flatten().find(|container| container["name"] == *name);
    container.is_some_and(|container| matches!(container["terminationMessagePolicy"].as_str(), None | Some("File")))
}

fn containers(status: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainerStatuses", "containerStatuses"].into_iter();
    lists.filter_map(|list| status[list].as_array()).flatten()
}

/// A time of the API in Unix seconds.
pub(super) fn seconds(time: &Value) -> Option<i64> {
    time.as_str()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}
