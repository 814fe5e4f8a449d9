//! Names of organisations are names of namespaces, and some namespaces are not anybody's to have.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::One;

/// A name that the cluster or parcelle itself uses.
pub(crate) const RESERVED: Code = Code::new("E0404");

const NAMES: &[&str] = &["default", "parcelle", "parcelle-system", "cert-manager", "cnpg-system", "gateways", "garage"];
const PREFIXES: &[&str] = &["kube-", "openshift-", "parcelle-"];

pub(super) fn check(one: &One, findings: &mut Findings) {
    let organisation = &one.draft.organisation;
    let name = organisation.name.as_str();
    let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix));
    if prefix.is_none() && !NAMES.contains(&name) {
        return;
    }
    let why = match prefix {
        Some(prefix) => format!("names that start with `{prefix}` belong to the cluster's own parts"),
        None => "an organisation's name is its namespace in the cluster, and this one is taken".to_owned(),
    };
    let finding = Finding::refused(RESERVED, format!("no organisation can be called `{name}`"), organisation.span);
    findings.push(finding.why(why).help("call it by another name, for example that of its domain"));
}
