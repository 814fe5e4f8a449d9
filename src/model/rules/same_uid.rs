//! Two clusters of one uid are one cluster: both would be written to, each taking the other's lease and objects for its own.

use std::collections::BTreeMap;

use crate::finding::{Code, Finding, Findings};
use crate::model::Cluster;
use crate::model::rules::View;
use crate::schema::scalar::plain_uid;

/// A uid that another cluster of the garden has.
pub(crate) const SAME_UID: Code = Code::new("E0495");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut first: BTreeMap<String, &Cluster> = BTreeMap::new();
    let mut in_order: Vec<&Cluster> = view.garden.clusters.values().map(|cluster| &**cluster).collect();
    in_order.sort_by_key(|cluster| (view.sources.path(cluster.span.file), cluster.span.start));
    for cluster in in_order.into_iter().filter(|cluster| !cluster.uid.value.is_empty()) {
        let written = &cluster.uid.value;
        // One that is not written as API servers do is a finding of its own, and means the same cluster.
        let uid = plain_uid(written).unwrap_or_else(|| written.trim().to_ascii_lowercase());
        let Some(other) = first.get(&uid) else {
            first.insert(uid, cluster);
            continue;
        };
        let tell = |here: &Cluster, there: &Cluster| {
            let title = format!("`{}` and `{}` are one cluster: they have one uid", here.name, there.name);
            Finding::error(SAME_UID, title, here.uid.span)
                .also(there.uid.span, format!("the uid of `{}`", there.name))
                .why("each would hold the other's lease, and take the other's namespaces for its own")
                .help("`parcelle doctor` prints the uid of the cluster behind each context; write the one that is its own")
                .help("where it is one cluster under two names, keep one `cluster` and let the organisations name it")
        };
        findings.push(tell(cluster, other));
        findings.push(tell(other, cluster));
    }
}
