//! Workloads and jobs.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::super::{
    DEFAULT_DEADLINE, Guarded, Job, Need, NeedKind, Pod, Port, Probe, ProbeKind, SignOn, Trigger, Workload,
};
use super::context::{Context, Flat, Loop, Secrets};
use super::pods::{self, is_literal};
use crate::expression::{Field, Scope, Template, Type};
use crate::finding::{Code, Finding};
use crate::quantity::Dimension;
use crate::schema::scalar;
use crate::source::Spanned;
use crate::syntax::{Node, Value};

/// A port or a probe that cannot be as written.
const BAD_PORT: Code = Code::new("E0261");
/// A job that does not say when, or says it twice, or what.
const BAD_JOB: Code = Code::new("E0262");

/// What `workloads` is in expressions: the host at which each is reached inside the organisation.
pub(super) fn hosts(definition: &Node) -> Type {
    fn names<'n>(nodes: &'n [Node], found: &mut Vec<&'n str>) {
        for node in nodes {
            match (node.name.value.as_str(), node.arg(0)) {
                ("workload", Some(name)) => found.push(&name.text),
                // One inside `@each` is several, each at a host of its own.
                ("@when", _) => names(&node.children, found),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    names(&definition.children, &mut found);
    let field = |kind: Type| Field { kind, optional: false };
    let host = || field(Type::Object(Arc::new(BTreeMap::from([("host".to_owned(), field(Type::Text))]))));
    Type::Object(Arc::new(found.into_iter().map(|name| (name.to_owned(), host())).collect()))
}

/// A workload with the ports that probes name; `like WORKLOAD` starts from the pod of one before it.
pub(super) fn workload(
    context: &mut Context,
    flat: &Flat,
    needs: &[Guarded<Need>],
    before: &[Guarded<Workload>],
) -> Option<Workload> {
    let node = flat.node;
    let name = Context::name(node.arg(0))?;
    let block = context.flatten(&node.children, &flat.scope);
    let ports = ports(context, &block);
    let like = match node.child("like").and_then(|like| like.arg(0)) {
        Some(like) => Some(workload_like(context, like, before, &flat.each)?),
        None => None,
    };
    let base = like.map(|workload| Pod { run: Vec::new(), ..workload.item.pod.clone() });
    let pod = pods::pod(context, node, &block, pods::Around { needs, loops: &flat.each }, base);
    let mut workload = Workload {
        name,
        pod,
        ports,
        replicas: None,
        stateful: false,
        recreate: false,
        ready: None,
        alive: None,
        started: None,
        span: node.head,
    };
    for part in &block {
        let place = match part.word() {
            "ready" => &mut workload.ready,
            "alive" => &mut workload.alive,
            "started" => &mut workload.started,
            "replicas" => {
                workload.replicas = replicas(context, part);
                continue;
            }
            "stateful" => {
                workload.stateful = part.node.arg(0).is_some_and(|arg| arg.text == "on");
                continue;
            }
            "recreate" => {
                workload.recreate = true;
                continue;
            }
            _ => continue,
        };
        if part.is_guarded() {
            context.unguardable(part);
        }
        *place = probe(context, part, &workload.ports);
    }
    Some(workload)
}

fn ports(context: &mut Context, block: &[Flat]) -> Vec<Guarded<Port>> {
    let mut names = BTreeMap::new();
    let mut ports = Vec::new();
    for part in block.iter().filter(|part| part.word() == "port") {
        let (Some(name), Some(number)) = (Context::name(part.node.arg(0)), part.node.arg(1)) else { continue };
        context.once(part);
        context.unique(&mut names, "ports", &name);
        if name.value.as_str().len() > 15 || !name.value.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) {
            context.push(
                Finding::error(BAD_PORT, format!("`{}` is no name of a port", name.value), name.span)
                    .why("Kubernetes takes at most 15 characters, one of them a letter"),
            );
        }
        let Some(number) = number.text.parse::<u16>().ok().filter(|number| *number > 0) else {
            context.push(
                Finding::error(BAD_PORT, format!("`{}` is no port", number.text), number.span).help("write 1 to 65535"),
            );
            continue;
        };
        let udp = part.node.prop("protocol").is_some_and(|protocol| protocol.text == "udp");
        ports.push(part.guarded(Port { name: Spanned::new(name.value.to_string(), name.span), number, udp }));
    }
    ports
}

/// `replicas min=1 max=3`; the most where not said is the least.
fn replicas(context: &mut Context, part: &Flat) -> Option<(Template, Template)> {
    let min = part.node.prop("min").map(|min| context.typed(min, &part.scope, &Type::Int));
    let max = part.node.prop("max").map(|max| context.typed(max, &part.scope, &Type::Int));
    let one = || Template::literal("1", part.node.head);
    match (min, max) {
        (None, None) => None,
        (Some(min), None) => Some((min.clone(), min)),
        (min, Some(max)) => Some((min.unwrap_or_else(one), max)),
    }
}

fn probe(context: &mut Context, asked: &Flat, ports: &[Guarded<Port>]) -> Option<Probe> {
    let (node, scope) = (asked.node, &asked.scope);
    let port = node.prop("port").map(|port| known_port(context, port, ports));
    let kind = match node.arg(0)?.text.as_str() {
        "http" => ProbeKind::Http {
            path: context.text(node.prop("path")?, scope, Secrets::Refused("a probe")),
            port,
            host: node.prop("host").map(|host| context.text(host, scope, Secrets::Refused("a probe"))),
        },
        "tcp" => ProbeKind::Tcp { port },
        "run" => ProbeKind::Run(pods::command(context, &node.args[1..], scope)),
        _ => return None,
    };
    if ports.is_empty() && !matches!(kind, ProbeKind::Run(_)) {
        context.push(
            Finding::error(BAD_PORT, "the probe has no port to ask", node.head)
                .help("declare one: `port http 8080`, or probe with `run`"),
        );
    }
    let mut time = |word: &str, otherwise: u32| -> u32 {
        let said = node.child(word).and_then(|child| seconds(context, child));
        said.filter(|seconds| *seconds > 0).unwrap_or(otherwise)
    };
    let (period, timeout) = (time("period", 10), time("timeout", 5));
    let failures = node.child("failures").and_then(|child| child.arg(0)).and_then(|arg| arg.text.parse().ok());
    let failures = failures.filter(|failures| *failures > 0).unwrap_or(if asked.word() == "started" { 30 } else { 3 });
    Some(Probe { kind, period, timeout, failures, span: node.head })
}

fn known_port(context: &mut Context, port: &Value, ports: &[Guarded<Port>]) -> String {
    let known: Vec<&str> = ports.iter().map(|port| port.item.name.value.as_str()).collect();
    if !known.contains(&port.text.as_str()) {
        pods::unknown(context, "port", &port.text, port.span, &known, "declare it: `port http 8080`");
    }
    port.text.clone()
}

/// The workloads and ports that routes name exist, and the workload at which people sign in.
pub(super) fn check_routes(
    context: &mut Context,
    needs: &[Guarded<Need>],
    workloads: &[Guarded<Workload>],
    sign_on: Option<&SignOn>,
) {
    let literal = |need: &Need, option: &str| -> Option<(String, crate::source::Span)> {
        let super::super::NeedValue::Template(template) = &need.options.get(option)?.value else { return None };
        Some((template.as_literal()?.to_owned(), template.span))
    };
    let names: Vec<&str> = workloads.iter().map(|workload| workload.item.name.value.as_str()).collect();
    if let Some(to) = sign_on.map(|sign_on| &sign_on.to) {
        match workloads.iter().find(|workload| workload.item.name.value == to.value) {
            Some(workload) => {
                context.inside("workload", to.value.as_str(), to.span, &workload.each, &[]);
            }
            None => pods::unknown(
                context,
                "workload",
                to.value.as_str(),
                to.span,
                &names,
                "name a workload of this definition",
            ),
        }
    }
    for need in needs.iter().filter(|need| need.item.kind == NeedKind::Route) {
        let Some((to, span)) = literal(&need.item, "to") else { continue };
        let Some(workload) = workloads.iter().find(|workload| workload.item.name.value.as_str() == to) else {
            pods::unknown(context, "workload", &to, span, &names, "name a workload of this definition");
            continue;
        };
        if !context.inside("workload", &to, span, &workload.each, &need.each) {
            continue;
        }
        let ports: Vec<&str> = workload.item.ports.iter().map(|port| port.item.name.value.as_str()).collect();
        if ports.is_empty() {
            context.push(
                Finding::error(BAD_PORT, format!("the workload `{to}` listens on no port"), span)
                    .also(workload.item.span, "the workload")
                    .help("declare one: `port http 8080`"),
            );
        }
        if let Some((port, span)) = literal(&need.item, "port")
            && !ports.contains(&port.as_str())
        {
            pods::unknown(context, "port", &port, span, &ports, "name a port of the workload");
        }
    }
}

/// A job; `like WORKLOAD` starts from the pod of that workload.
pub(super) fn job(
    context: &mut Context,
    flat: &Flat,
    needs: &[Guarded<Need>],
    workloads: &[Guarded<Workload>],
) -> Option<Guarded<Job>> {
    let node = flat.node;
    let name = Context::name(node.arg(0))?;
    let block = context.flatten(&node.children, &flat.scope);
    let like = match node.child("like").and_then(|like| like.arg(0)) {
        Some(like) => Some(workload_like(context, like, workloads, &flat.each)?),
        None => None,
    };
    let base = like.map(|workload| Pod { run: Vec::new(), ..workload.item.pod.clone() });
    let pod = pods::pod(context, node, &block, pods::Around { needs, loops: &flat.each }, base);
    if pod.run.is_empty() && (like.is_some() || node.child("image").is_none()) {
        context.push(
            Finding::error(BAD_JOB, format!("the job `{}` does not say what to run", name.value), node.head)
                .why("without a command it would start the application a second time")
                .help("write `run COMMAND …` in its block"),
        );
    }
    let trigger = trigger(context, node, &flat.scope)?;
    let deadline = deadline(context, node, &trigger);
    let was = node.child("was").and_then(|was| Context::name(was.arg(0))).map(|was| was.value);
    let mut job = flat.guarded(Job { name, was, trigger, deadline, pod, span: node.head });
    // What the workload stands under holds for a job like it.
    if let Some(workload) = like {
        let missing: Vec<_> = workload.when.iter().filter(|condition| !job.when.contains(condition)).cloned().collect();
        job.when.splice(0..0, missing);
    }
    Some(job)
}

fn workload_like<'w>(
    context: &mut Context,
    like: &Value,
    workloads: &'w [Guarded<Workload>],
    around: &[Loop],
) -> Option<&'w Guarded<Workload>> {
    let found = workloads.iter().find(|workload| workload.item.name.value.as_str() == like.text);
    if found.is_none() {
        let known: Vec<&str> = workloads.iter().map(|workload| workload.item.name.value.as_str()).collect();
        pods::unknown(context, "workload", &like.text, like.span, &known, "name a workload of this definition");
    }
    found.filter(|workload| context.inside("workload", &like.text, like.span, &workload.each, around))
}

fn trigger(context: &mut Context, node: &Node, scope: &Scope) -> Option<Trigger> {
    let triggers: Vec<&Node> = node
        .children
        .iter()
        .filter(|child| matches!(child.name.value.as_str(), "every" | "on-change" | "on-upgrade"))
        .collect();
    let [trigger] = triggers[..] else {
        let title =
            if triggers.is_empty() { "the job does not say when it runs" } else { "the job says twice when it runs" };
        let mut finding = Finding::error(BAD_JOB, title, node.head)
            .help("write one of `every \"*/5 * * * *\"`, `on-change settings.office`, `on-upgrade`");
        for again in triggers.iter().skip(1) {
            finding = finding.also(again.head, "again here");
        }
        context.push(finding);
        return None;
    };
    match trigger.name.value.as_str() {
        "every" => {
            let schedule = context.text(trigger.arg(0)?, scope, Secrets::Refused("a schedule"));
            check_schedule(context, &schedule);
            Some(Trigger::Every(schedule))
        }
        "on-change" => {
            let values = trigger.args.iter().filter_map(|value| context.any_expression(value, scope)).collect();
            Some(Trigger::OnChange(values))
        }
        _ => Some(Trigger::OnUpgrade),
    }
}

/// How long a one-time job may take before people are told; what runs by the clock has a limit of its own.
fn deadline(context: &mut Context, job: &Node, trigger: &Trigger) -> u32 {
    let Some(said) = job.child("deadline") else { return DEFAULT_DEADLINE };
    if matches!(trigger, Trigger::Every(_)) {
        context.push(
            Finding::error(BAD_JOB, "a job that runs by the clock has no `deadline`", said.head)
                .why("a run of it is ended after six hours; a one-time job is never ended, so people are told when it takes too long")
                .help("leave it out"),
        );
        return DEFAULT_DEADLINE;
    }
    match seconds(context, said) {
        Some(0) => {
            let finding = Finding::error(BAD_JOB, "a deadline of nothing has passed before the job begins", said.head);
            context.push(finding.help("write how long it usually takes, and some more: `deadline 2 hours`"));
            DEFAULT_DEADLINE
        }
        said => said.unwrap_or(DEFAULT_DEADLINE),
    }
}

fn check_schedule(context: &mut Context, schedule: &Template) {
    if !is_literal(schedule) {
        return;
    }
    let text = schedule.as_literal().unwrap_or_default();
    if is_schedule(text) {
        return;
    }
    context.push(
        Finding::error(BAD_JOB, format!("`{text}` is no schedule"), schedule.span)
            .why("it has five fields: minute, hour, day of the month, month, day of the week")
            .help("every five minutes is `*/5 * * * *`, at half past two each night `30 2 * * *`"),
    );
}

/// Five fields of numbers in their bounds, with `*`, lists, ranges and steps.
fn is_schedule(text: &str) -> bool {
    let bounds = [0..=59, 0..=23, 1..=31, 1..=12, 0..=7];
    let fields: Vec<&str> = text.split_whitespace().collect();
    fields.len() == 5
        && fields.iter().zip(&bounds).all(|(field, bounds)| field.split(',').all(|part| is_span(part, bounds)))
}

fn is_span(part: &str, bounds: &RangeInclusive<u32>) -> bool {
    let (span, step) = part.split_once('/').map_or((part, None), |(span, step)| (span, Some(step)));
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| bounds.contains(number));
    let step_good = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
    let span_good = match span.split_once('-') {
        Some((from, to)) => matches!((number(from), number(to)), (Some(from), Some(to)) if from <= to),
        None => span == "*" || (number(span).is_some() && step.is_none()),
    };
    span_good && step_good
}

/// Names that a definition uses twice.
pub(super) fn check_names(context: &mut Context, workloads: &[Guarded<Workload>], jobs: &[Guarded<Job>]) {
    let mut names = BTreeMap::new();
    let workloads = workloads.iter().map(|workload| &workload.item.name);
    for name in workloads.chain(jobs.iter().map(|job| &job.item.name)) {
        context.unique(&mut names, "workloads or jobs", name);
    }
}

/// A literal amount of time in whole seconds.
fn seconds(context: &mut Context, node: &Node) -> Option<u32> {
    let first = node.arg(0)?;
    match scalar::amount(Dimension::Duration, &format!("`{}`", node.name.value), first, node.arg(1)) {
        Ok(quantity) => u32::try_from(quantity.amount).ok(),
        Err(finding) => {
            context.push(*finding);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_schedule;

    #[test]
    fn a_schedule_has_five_fields_in_their_bounds() {
        for good in ["*/5 * * * *", "30 2 * * *", "0 0 1-5,10 * 1-5", "0 8-18/2 * * *"] {
            assert!(is_schedule(good), "{good}");
        }
        for bad in ["* * * *", "60 * * * *", "* 24 * * *", "*/0 * * * *", "5-1 * * * *", "@daily", "5/2 * * * *"] {
            assert!(!is_schedule(bad), "{bad}");
        }
    }
}
