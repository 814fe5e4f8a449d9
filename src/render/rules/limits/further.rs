//! Limits that the API server holds nobody to, and the parts behind it do: kubelets and operators.

use serde_json::Value;

use super::{Held, LIMIT};
use crate::finding::{Finding, Findings};
use crate::validation;

/// How the schedules of an operator are written.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Six fields, of which the first are seconds.
    Seconds,
    /// Five fields, or `@daily-random` and its like.
    Random,
}

/// The schedules of operators: kind, field, form.
const SCHEDULES: &[(&str, &str, &str, Form)] = &[
    ("postgresql.cnpg.io", "ScheduledBackup", "/spec/schedule", Form::Seconds),
    ("k8up.io", "Schedule", "/spec/archive/schedule", Form::Random),
    ("k8up.io", "Schedule", "/spec/backup/schedule", Form::Random),
    ("k8up.io", "Schedule", "/spec/check/schedule", Form::Random),
    ("k8up.io", "Schedule", "/spec/prune/schedule", Form::Random),
    ("k8up.io", "Schedule", "/spec/restore/schedule", Form::Random),
];

/// The intervals at which K8up picks a moment itself.
const RANDOM: [&str; 7] = [
    "@yearly-random",
    "@annually-random",
    "@monthly-random",
    "@weekly-random",
    "@daily-random",
    "@midnight-random",
    "@hourly-random",
];

/// Checks an object that an API server would take.
pub(super) fn check(held: &Held, findings: &mut Findings) {
    mount_paths(held, findings);
    long_variables(held, findings);
    schedules(held, findings);
}

/// Linux starts no process with a longer text in its environment: 32 pages, name and `=` among them.
const VARIABLE: usize = (32 << 12) - 1;

fn long_variables(held: &Held, findings: &mut Findings) {
    each_of_containers(held, "env", |pointer, variable| {
        let text = |name: &str| variable[name].as_str().unwrap_or_default();
        let length = text("name").len() + 1 + text("value").len();
        if length > VARIABLE {
            let title = format!("`{}` is too long for a variable of {} `{}`", text("name"), held.id.kind, held.id.name);
            let finding = Finding::refused(LIMIT, title, held.span(&pointer()))
                .why(format!("with its name it has {length} bytes, and no process starts with more than {VARIABLE}"))
                .help("put the text into a `file`");
            findings.push(finding);
        }
    });
}

/// Runtimes divide where a volume is mounted from how by a colon.
fn mount_paths(held: &Held, findings: &mut Findings) {
    each_of_containers(held, "volumeMounts", |pointer, mount| {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        if path.contains(':') {
            let title = format!("`mountPath` of {} `{}` cannot be `{path}`", held.id.kind, held.id.name);
            let finding = Finding::refused(LIMIT, title, held.span(&(pointer() + "/mountPath")))
                .why("paths at which a container mounts something hold no colon")
                .help("choose a path without `:`");
            findings.push(finding);
        }
    });
}

/// Goes over a list of each container of an object's pods: how to point to each item, and the item.
fn each_of_containers(held: &Held, list: &str, mut look: impl FnMut(&dyn Fn() -> String, &Value)) {
    let pod_spec = held.id.facts().pod_spec;
    let Some(pod) = pod_spec.iter().try_fold(held.body, |value, name| value.get(*name)) else { return };
    if pod_spec.is_empty() {
        return;
    }
    for containers in ["containers", "initContainers"] {
        for (container, one) in items(pod.get(containers)) {
            for (at, item) in items(one.get(list)) {
                look(&|| format!("/{}/{containers}/{container}/{list}/{at}", pod_spec.join("/")), item);
            }
        }
    }
}

fn items(list: Option<&Value>) -> impl Iterator<Item = (usize, &Value)> {
    list.and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn schedules(held: &Held, findings: &mut Findings) {
    let is = |group, kind| group == held.id.group() && kind == &*held.id.kind;
    for (_, _, pointer, form) in SCHEDULES.iter().filter(|(group, kind, ..)| is(*group, *kind)) {
        let Some(schedule) = held.body.pointer(pointer).and_then(Value::as_str) else { continue };
        if *form == Form::Random && RANDOM.contains(&schedule) {
            continue;
        }
        if let Err(why) = validation::schedule(schedule, *form == Form::Seconds) {
            let of = format!("{} `{}`", held.id.kind, held.id.name);
            let field = pointer.trim_start_matches('/').replace('/', ".");
            let help = match form {
                Form::Seconds => "write six fields, seconds first, such as `0 30 2 * * *`",
                Form::Random => "write five fields, such as `30 2 * * *`, or `@daily-random`",
            };
            let title = format!("`{field}` of {of} cannot be `{schedule}`");
            findings.push(Finding::refused(LIMIT, title, held.span(pointer)).why(why).help(help));
        }
    }
}
