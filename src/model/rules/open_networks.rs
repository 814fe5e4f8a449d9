//! A cluster whose file does not name its own addresses: pods could reach those that are public.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::View;

/// Addresses of a cluster that its policies cannot leave out.
pub(crate) const OPEN: Code = Code::new("W0412");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let read = view.garden.clusters.values();
    for cluster in read.filter(|cluster| cluster.complete && !view.unsound_clusters.contains(&cluster.name)) {
        let unsaid = cluster.network.unsaid();
        let is_used = || view.drafts.iter().any(|draft| draft.organisation.cluster.name == cluster.name);
        if unsaid.is_empty() || !is_used() {
            continue;
        }
        let what = match unsaid[..] {
            ["nodes"] => "its nodes",
            ["api-server"] => "its API server",
            _ => "its nodes and its API server",
        };
        let title = format!("pods on cluster `{}` may reach {what}", cluster.name);
        let mut why = "policies leave out private and link-local addresses; what has a public address of its own is outside as long as \
                       the file does not name it"
            .to_owned();
        if unsaid.contains(&"api-server") {
            why += "; pods of databases and backups, which follow the API server, reach every address at its ports";
        }
        let place = cluster.network.span.unwrap_or(cluster.span);
        let lines = unsaid.iter().map(|word| format!("{word} …; ")).collect::<String>();
        let finding = Finding::warning(OPEN, title, place)
            .why(why)
            .help(format!("name them in the cluster: `network {{ {lines}}}`; `parcelle doctor` says which they are"))
            .help(format!("where that is as it should be: `allow {OPEN} \"why\"` in the cluster"));
        findings.push(finding);
    }
}
