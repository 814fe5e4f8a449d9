//! What every organisation stands on: its namespace, its quota, the defaults of its containers.

use super::draft::ObjectDraft;
use super::tree::{Tree, tree};
use super::{Contribution, ResourceName};
use crate::model::{Contact, Organisation};
use crate::quantity::{Dimension, Quantity};

/// What a container asks for that says nothing: processor in millicores, memory in bytes.
pub(super) const DEFAULT_REQUEST: (u64, u64) = (50, 128 << 20);

/// The most memory of a container that says nothing.
pub(super) const DEFAULT_MEMORY_LIMIT: u64 = 512 << 20;

/// Room for pods that are being replaced, and for what the cluster puts beside them (solvers of certificates).
const SURGE: (u64, u64) = (1_000, 2 << 30);

/// Namespace, quota and container defaults. `root` says why some container must run as root, where one must.
pub(super) fn render(organisation: &Organisation, root: bool, overhead: &[Contribution]) -> Vec<ObjectDraft> {
    let mut drafts = vec![namespace(organisation, root), limits(organisation)];
    drafts.extend(quota(organisation, overhead));
    drafts
}

/// The Pod Security Standard that the namespace enforces: the weaker one only where a definition says why.
fn namespace(organisation: &Organisation, root: bool) -> ObjectDraft {
    let level = if root { "baseline" } else { "restricted" };
    let labels = tree! {
        "pod-security.kubernetes.io/enforce": level,
        "pod-security.kubernetes.io/enforce-version": "latest",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "latest",
    };
    let name = organisation.name.to_string();
    let reached = |contact: &Contact| match &contact.role {
        Some(role) => format!("{} ({role})", contact.email),
        None => contact.email.clone(),
    };
    let contacts = organisation.contacts.iter().map(reached).collect::<Vec<_>>().join(", ");
    let annotations = tree! {
        "parcelle.dev/title": Tree::from(organisation.title.as_str()).at(organisation.span),
        "parcelle.dev/contacts": (!contacts.is_empty()).then_some(contacts),
    };
    let draft = ObjectDraft::new("v1", "Namespace", name, Tree::map::<String>([]), organisation.span);
    ObjectDraft { annotations, labels, ..draft }
}

/// What containers ask for that say nothing; without it the quota would refuse them.
fn limits(organisation: &Organisation) -> ObjectDraft {
    let (cpu, memory) = DEFAULT_REQUEST;
    let container = tree! {
        "type": "Container",
        "defaultRequest": tree! { "cpu": amount(Dimension::Cpu, cpu), "memory": amount(Dimension::Size, memory) },
        "default": tree! { "memory": amount(Dimension::Size, DEFAULT_MEMORY_LIMIT) },
    };
    let body = tree! { "spec": tree! { "limits": vec![container] } };
    ObjectDraft::new("v1", "LimitRange", "default".into(), body, organisation.span)
}

fn amount(dimension: Dimension, amount: u64) -> Quantity {
    Quantity { dimension, amount }
}

/// The organisation's ceilings, and on top what parcelle itself puts beside the apps: databases, jobs, pods being replaced.
fn quota(organisation: &Organisation, overhead: &[Contribution]) -> Option<ObjectDraft> {
    let grants = &organisation.grants;
    let beside = |resource: ResourceName| -> u64 {
        overhead.iter().filter(|part| part.resource == resource).map(|part| part.amount).sum()
    };
    let rows = [
        ("requests.cpu", "cpu", grants.cpu, beside(ResourceName::Cpu) + SURGE.0),
        ("requests.memory", "memory", grants.memory, beside(ResourceName::Memory) + SURGE.1),
        ("requests.storage", "storage", grants.storage, beside(ResourceName::Storage)),
    ];
    let granted = |(key, word, grant, extra)| {
        let grant: Option<crate::source::Spanned<Quantity>> = grant;
        let grant = grant?;
        let whole = Quantity { amount: grant.value.amount.saturating_add(extra), ..grant.value };
        let named = (extra > 0).then(|| format!("{word} {}", Quantity { amount: extra, ..grant.value }));
        Some(((key, Tree::from(whole).at(grant.span)), named))
    };
    let rows: Vec<((&str, Tree), Option<String>)> = rows.into_iter().filter_map(granted).collect();
    if rows.is_empty() {
        return None;
    }
    let named: Vec<String> = rows.iter().filter_map(|(_, named)| named.clone()).collect();
    let body = tree! { "spec": tree! { "hard": Tree::map(rows.into_iter().map(|(row, _)| row)) } };
    let annotations = tree! { "parcelle.dev/overhead": named.join(", ") };
    let draft = ObjectDraft::new("v1", "ResourceQuota", "default".into(), body, organisation.span);
    Some(draft.annotated(annotations))
}
