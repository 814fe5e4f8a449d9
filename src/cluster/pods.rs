//! The pods of one-time jobs: whether a container ever started, and how the last one ended.
//!
//! What a container wrote as its last message may hold what it was given: values of the Secrets that its pod draws on, and of its
//! variables, are masked before it is kept. Where such a Secret cannot be read, the message is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::connect::Connection;
use super::errors::ApiError;
use super::request::{Detail, query_escaped};
use crate::name::Name;
use crate::plan::{self, GARDEN_LABEL, JOB_NAME, JobPods, by_job};
use crate::secrets::Tainted;

/// Reads the pods of a garden's Jobs in one namespace, by the name of the Job; those of one Job where it is named.
pub(super) async fn of_jobs(
    connection: &Connection,
    garden: &Name,
    namespace: &str,
    job: Option<&str>,
) -> Result<BTreeMap<String, JobPods>, ApiError> {
    let of_job = job.map_or_else(|| JOB_NAME.to_owned(), |job| format!("{JOB_NAME}={job}"));
    let selector = query_escaped(&format!("{GARDEN_LABEL}={garden},{of_job}"));
    let pods = connection.list(&format!("/api/v1/namespaces/{namespace}/pods"), &selector, Detail::Whole).await?;
    let secrets = drawn_on(&pods);
    let mut values = BTreeMap::new();
    for name in secrets {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let found = connection.get_opt(&path).await.ok().flatten();
        values.insert(name, found.map(|found| found["data"].clone()));
    }
    Ok(by_job(&pods, |pod, message| masked(pod, message, &values)))
}

/// Since when a Job runs, in Unix seconds: nothing where it is not there, has ended, or no container of it ever started.
pub(crate) async fn running_since(
    connection: &Connection,
    garden: &Name,
    namespace: &str,
    job: &str,
) -> Result<Option<i64>, ApiError> {
    let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs/{job}");
    let Some(found) = connection.get_opt(&path).await? else { return Ok(None) };
    let pods = of_jobs(connection, garden, namespace, Some(job)).await?;
    Ok(plan::job_runs_since(found, pods))
}

/// The Secrets that pods draw on whose containers say why they ended.
fn drawn_on(pods: &[Value]) -> BTreeSet<String> {
    let says = |pod: &&Value| {
        let lists = ["initContainerStatuses", "containerStatuses"].into_iter();
        let mut states = lists.filter_map(|list| pod["status"][list].as_array()).flatten();
        states.any(|one| {
            [&one["state"], &one["lastState"]].iter().any(|state| state["terminated"]["message"].is_string())
        })
    };
    pods.iter().filter(says).flat_map(secrets_of).collect()
}

/// The names of the Secrets that a pod draws on.
fn secrets_of(pod: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(&pod["spec"], &mut names);
    names
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let name = match key.as_str() {
                    "secretKeyRef" | "secretRef" => value["name"].as_str(),
                    "secret" => value["secretName"].as_str().or_else(|| value["name"].as_str()),
                    _ => None,
                };
                names.extend(name.map(str::to_owned));
                collect(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

/// A container's last message without what its pod was given; nothing where that is not known.
fn masked(pod: &Value, message: &str, values: &BTreeMap<String, Option<Value>>) -> String {
    let mut tainted = Tainted::default();
    for name in secrets_of(pod) {
        match values.get(&name) {
            Some(Some(data)) => {
                data.as_object()
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, value)| value.as_str())
                    .for_each(|value| tainted.add(value));
            }
            // It is not known what it holds.
            _ => return String::new(),
        }
    }
    let lists = ["initContainers", "containers"].into_iter().filter_map(|list| pod["spec"][list].as_array());
    let variables = lists.flatten().filter_map(|container| container["env"].as_array()).flatten();
    variables.filter_map(|variable| variable["value"].as_str()).filter(|value| value.len() >= LONG).for_each(|value| {
        tainted.add(value);
    });
    tainted.mask(message)
}

/// Variables with shorter values are no secrets: `production`, `true`, a port.
const LONG: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({ "spec": {
            "volumes": [{ "name": "a", "secret": { "secretName": "files" } },
                { "name": "b", "projected": { "sources": [{ "secret": { "name": "more" } }] } }],
            "containers": [{ "name": "c", "env": [
                { "name": "P", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } },
                { "name": "INJECTED", "value": "somebody-elses-token" }],
                "envFrom": [{ "secretRef": { "name": "keys" } }] }],
        } })
    }

    #[test]
    fn what_a_pod_was_given_is_not_in_what_it_says_at_its_end() {
        let names: Vec<String> = secrets_of(&pod()).into_iter().collect();
        assert_eq!(names, ["db", "files", "keys", "more"]);
        let known = |names: &[String]| {
            let data = |name: &String| (name.clone(), Some(json!({ "password": "aHVudGVyMg==" })));
            names.iter().map(data).collect::<BTreeMap<_, _>>()
        };
        let said = masked(&pod(), "no login with hunter2 or somebody-elses-token", &known(&names));
        assert_eq!(said, "no login with (secret) or (secret)");
        assert_eq!(masked(&pod(), "no login with hunter2", &known(&names[1..])), "");
    }
}
