//! Who may talk to whom: what policies let through that they did not.

use serde_json::Value;

use super::Hits;
use crate::impact::subject::{PlannedOrganisation, text};
use crate::impact::wording::{line, list, value};
use crate::kind::NETWORK_POLICY;
use crate::name::Name;
use crate::plan::{Action, Shown, Verb};

/// The rules of a policy, by the direction.
const DIRECTIONS: [(&str, &str); 2] = [("ingress", "from"), ("egress", "to")];

/// Whom a rule lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Pods of the same organisation.
    Inside,
    /// Pods of other namespaces.
    Namespaces,
    /// Addresses, or everybody.
    Addresses,
}

/// A policy lets through what it did not, or goes.
pub(super) fn wider(subject: &PlannedOrganisation<'_>, hits: &mut Hits<'_>) {
    for action in subject.writes().filter(|action| action.id.is(NETWORK_POLICY)) {
        let app = app_of(subject, action);
        let app = app.as_ref();
        match action.verb() {
            Verb::Delete if &*action.id.name == "default--deny" => {
                let says = "the network is open: the policy that forbids what nobody asks for goes".to_owned();
                hits.danger(app, says, line(action, None));
            }
            Verb::Create => {
                // What parcelle itself asks for every organisation, and what a new app needs, is part of it.
                if action.id.name.starts_with("default--") {
                    continue;
                }
                let Some(body) = subject.body(&action.id).filter(|_| is_older(subject, app)) else { continue };
                for (direction, side) in DIRECTIONS {
                    let rules = body["spec"][direction].as_array().map(Vec::as_slice).unwrap_or_default();
                    tell(hits, app, (direction, side), &[], rules, line(action, None));
                }
            }
            Verb::Change | Verb::Adopt => {
                for (direction, side) in DIRECTIONS {
                    let path = format!("spec.{direction}");
                    let Some(change) = action.changes.iter().find(|change| change.path.starts_with(&path)) else {
                        continue;
                    };
                    let (before, after) = (rules(change.before.as_ref()), rules(change.after.as_ref()));
                    let whole = subject.body(&action.id).and_then(|body| body["spec"][direction].as_array());
                    let after = if change.path == path { after } else { whole.map(Vec::as_slice).unwrap_or_default() };
                    tell(hits, app, (direction, side), before, after, line(action, Some(change)));
                }
            }
            _ => {}
        }
    }
}

fn rules(shown: Option<&Shown>) -> &[Value] {
    value(shown).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn tell(
    hits: &mut Hits<'_>,
    app: Option<&Name>,
    (direction, side): (&str, &str),
    before: &[Value],
    after: &[Value],
    place: Option<crate::plan::Place>,
) {
    let new: Vec<&Value> = after.iter().filter(|rule| !before.contains(rule) && widens(rule, side, before)).collect();
    let Some(reach) = new.iter().map(|rule| reach(rule, side)).max().filter(|reach| *reach > Reach::Inside) else {
        return;
    };
    let towards = if direction == "ingress" { "is reached by" } else { "reaches" };
    let peers: Vec<String> =
        new.iter().filter(|rule| self::reach(rule, side) > Reach::Inside).flat_map(|rule| peers(rule, side)).collect();
    let ports: Vec<String> = new.iter().flat_map(|rule| ports(rule)).collect();
    let ports = if ports.is_empty() { "every port".to_owned() } else { format!("port {}", list(&ports)) };
    let says = format!("{towards} {} at {ports}, which it was not before", list(&peers))
        .replace(if direction == "egress" { "which it was not before" } else { "\0" }, "which it did not before");
    match reach {
        Reach::Addresses => hits.danger(app, says, place),
        _ => hits.doubt(app, says, place),
    }
}

/// Whether a rule lets anything through that those before did not: the same peers with ports that were all there are narrower.
fn widens(rule: &Value, side: &str, before: &[Value]) -> bool {
    let ports_of = |rule: &Value| rule["ports"].as_array().cloned().unwrap_or_default();
    let ports = ports_of(rule);
    !before.iter().filter(|earlier| earlier[side] == rule[side]).any(|earlier| {
        let earlier = ports_of(earlier);
        earlier.is_empty() || (!ports.is_empty() && ports.iter().all(|port| earlier.contains(port)))
    })
}

fn reach(rule: &Value, side: &str) -> Reach {
    let peers = rule[side].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |peer: &Value| {
        if peer.get("ipBlock").is_some() {
            Reach::Addresses
        } else if peer.get("namespaceSelector").is_some() {
            Reach::Namespaces
        } else {
            Reach::Inside
        }
    };
    // A rule that names nobody is about everybody.
    peers.iter().map(of).max().unwrap_or(Reach::Addresses)
}

/// The ends of a rule as people name them.
fn peers(rule: &Value, side: &str) -> Vec<String> {
    let peers = rule[side].as_array().map(Vec::as_slice).unwrap_or_default();
    let namespace = "/namespaceSelector/matchLabels/kubernetes.io~1metadata.name";
    let of = |peer: &Value| match (text(peer, "/ipBlock/cidr"), text(peer, namespace)) {
        (Some("0.0.0.0/0" | "::/0"), _) => "the internet".to_owned(),
        (Some(range), _) => format!("the addresses {range}"),
        (_, Some(namespace)) => format!("the namespace {namespace}"),
        _ if peer.get("namespaceSelector").is_some() => "other namespaces".to_owned(),
        _ => "the same organisation".to_owned(),
    };
    if peers.is_empty() {
        return vec!["everybody".to_owned()];
    }
    let mut named: Vec<String> = peers.iter().map(of).collect();
    named.dedup();
    named
}

fn ports(rule: &Value) -> Vec<String> {
    let ports = rule["ports"].as_array().into_iter().flatten();
    let of = |port: &Value| match &port["port"] {
        Value::String(name) => name.clone(),
        Value::Null => "any".to_owned(),
        number => number.to_string(),
    };
    ports.map(of).collect()
}

/// The app whose pods a policy is about.
fn app_of(subject: &PlannedOrganisation<'_>, action: &Action) -> Option<Name> {
    let body = subject.body(&action.id).or_else(|| subject.body_before(&action.id))?;
    let label = text(body, "/spec/podSelector/matchLabels/parcelle.dev~1app");
    label.and_then(|app| Name::new(app).ok()).or_else(|| action.app.clone())
}

/// Whether an app was there before; of what is the organisation's own, whether that was.
fn is_older(subject: &PlannedOrganisation<'_>, app: Option<&Name>) -> bool {
    let Some(applied) = subject.applied() else { return false };
    app.is_none_or(|app| {
        let was = subject.app(app).and_then(|app| app.was.as_ref()).map(|was| &was.value);
        applied.apps.contains_key(app) && was.is_none()
    })
}
