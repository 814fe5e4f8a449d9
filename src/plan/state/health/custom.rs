//! Health of the kinds that operators bring: databases, buckets, certificates, routes, backups.

use serde_json::Value;

use super::{Health, condition, failed, number, progressing, ready};

/// A condition `Ready` that must be there and true.
pub(super) fn ready_condition(object: &Value) -> Health {
    match condition(&object["status"], "Ready") {
        Some(condition) if condition.is_true => ready(),
        Some(condition) => condition.progressing(),
        None => progressing("its operator has not seen it yet"),
    }
}

/// A `status.phase` among those that are good, or those that are final and bad.
pub(super) fn phase(object: &Value, good: &[&str], bad: &[&str]) -> Health {
    match object["status"]["phase"].as_str() {
        Some(phase) if good.contains(&phase) => ready(),
        Some(phase) if bad.contains(&phase) => failed(phase, object["status"]["error"].as_str().unwrap_or_default()),
        Some(phase) => progressing(phase),
        None => progressing("its operator has not seen it yet"),
    }
}

/// Ready when all instances are; hibernated ones are meant to sleep.
pub(super) fn postgres_cluster(object: &Value) -> Health {
    let status = &object["status"];
    if condition(status, "cnpg.io/hibernation").is_some_and(|condition| condition.is_true) {
        return ready();
    }
    let phase = status["phase"].as_str().unwrap_or_default();
    let reason = status["phaseReason"].as_str().unwrap_or_default();
    if phase.contains("unrecoverable") || phase.contains("cannot proceed") {
        return failed(phase, reason);
    }
    if let Some(condition) = condition(status, "Ready") {
        return if condition.is_true { ready() } else { said(phase, condition.message) };
    }
    let (wanted, there) = (number(&object["spec"]["instances"], 1), number(&status["readyInstances"], 0));
    match phase {
        "" => progressing("its operator has not seen it yet"),
        "Cluster in healthy state" if there >= wanted => ready(),
        _ => said(phase, &format!("{there} of {wanted} instances are ready")),
    }
}

fn said(phase: &str, message: &str) -> Health {
    let message = if message.is_empty() { phase } else { message };
    Health { reason: phase.to_owned(), ..progressing(message) }
}

/// Databases and roles: `status.applied` says it.
pub(super) fn applied(object: &Value) -> Health {
    let status = &object["status"];
    let message = status["message"].as_str().unwrap_or_default();
    match status["applied"].as_bool() {
        Some(true) => ready(),
        // The operator tries again by itself: the server may not be up yet.
        Some(false) => Health { reason: "NotApplied".to_owned(), ..progressing(message) },
        None => progressing("its operator has not seen it yet"),
    }
}

pub(super) fn garage(object: &Value) -> Health {
    let status = &object["status"];
    if let Some(condition) = condition(status, "Ready") {
        return if condition.is_true { ready() } else { condition.progressing() };
    }
    match status["phase"].as_str() {
        Some("Ready" | "Running" | "Active") => ready(),
        Some("Failed" | "Error") => failed("Failed", status["message"].as_str().unwrap_or_default()),
        Some(phase) => progressing(phase),
        None => progressing("its operator has not seen it yet"),
    }
}

/// A certificate that could not be issued is tried again, with longer and longer pauses: failed until then.
pub(super) fn certificate(object: &Value) -> Health {
    let status = &object["status"];
    let Some(is_ready) = condition(status, "Ready") else { return progressing("its operator has not seen it yet") };
    if is_ready.is_true {
        return ready();
    }
    match condition(status, "Issuing") {
        Some(issuing) if issuing.is_true => issuing.progressing(),
        Some(issuing) if issuing.reason == "Failed" => issuing.failed(),
        _ => is_ready.progressing(),
    }
}

/// A route works when each parent has accepted it and resolved what it refers to.
pub(super) fn route(object: &Value) -> Health {
    let parents = object["status"]["parents"].as_array().map_or(&[][..], Vec::as_slice);
    let wanted = object["spec"]["parentRefs"].as_array().map_or(1, Vec::len);
    if parents.len() < wanted {
        return progressing("no gateway has seen it yet");
    }
    for parent in parents {
        match condition(parent, "Accepted") {
            Some(accepted) if accepted.is_true => {}
            // A listener set may still be on its way.
            Some(accepted) if matches!(accepted.reason, "Pending" | "NoMatchingParent") => {
                return accepted.progressing();
            }
            Some(accepted) => return accepted.failed(),
            None => return progressing("no gateway has accepted it yet"),
        }
        if let Some(resolved) = condition(parent, "ResolvedRefs").filter(|resolved| resolved.is_false) {
            return resolved.progressing();
        }
    }
    ready()
}

pub(super) fn listeners(object: &Value) -> Health {
    let status = &object["status"];
    match condition(status, "Accepted") {
        None => return progressing("no gateway has seen it yet"),
        Some(accepted) if accepted.is_false && accepted.reason == "Pending" => return accepted.progressing(),
        Some(accepted) if accepted.is_false => return accepted.failed(),
        Some(_) => {}
    }
    match condition(status, "Programmed") {
        Some(programmed) if !programmed.is_true => programmed.progressing(),
        _ => ready(),
    }
}

pub(super) fn k8up(object: &Value) -> Health {
    let status = &object["status"];
    match condition(status, "Completed") {
        Some(completed) if completed.is_true && completed.reason == "Failed" => completed.failed(),
        Some(completed) if completed.is_true => ready(),
        _ if status["finished"] == true => ready(),
        _ => progressing("it runs"),
    }
}

pub(super) fn mongodb(object: &Value) -> Health {
    let status = &object["status"];
    match status["state"].as_str() {
        Some("ready" | "paused") => ready(),
        Some("error") => failed("error", status["message"].as_str().unwrap_or_default()),
        Some(state) => progressing(state),
        None => progressing("its operator has not seen it yet"),
    }
}
