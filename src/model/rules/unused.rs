//! Hints about what nobody uses: an offer, a cluster, a definition of the garden.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::finding::{Code, Finding, Findings};
use crate::model::definition;
use crate::model::draft::Draft;
use crate::model::rules::View;
use crate::source::Span;
use crate::syntax::Node;

/// Something that nobody uses.
pub(crate) const UNUSED: Code = Code::new("W0101");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // What an error is about may be meant to use it.
    if findings.has_errors() {
        return;
    }
    let mut hint = |what: &str, name: &str, span| {
        findings.push(Finding::hint(UNUSED, format!("nobody uses {what} `{name}`"), span));
    };
    for (name, offer) in &view.garden.offers {
        let used = |draft: &Arc<Draft>| draft.organisation.offer.as_ref().is_some_and(|offer| offer.name == *name);
        if view.drafts.iter().all(|draft| draft.resolved.offer) && !view.drafts.iter().any(used) {
            hint("the offer", name.as_str(), offer.span);
        }
    }
    for (name, cluster) in &view.garden.clusters {
        if view.drafts.iter().all(|draft| draft.resolved.cluster && draft.organisation.cluster.name != *name) {
            hint("the cluster", name.as_str(), cluster.span);
        }
    }
    // What another definition takes in is used, too.
    let written: Vec<&Node> = view.files.iter().flat_map(|file| file.nodes("definition")).collect();
    let taken_in: BTreeSet<&str> = written.iter().flat_map(|node| definition::uses(node)).collect();
    let of_offers: BTreeSet<&str> = view
        .garden
        .offers
        .values()
        .flat_map(|offer| offer.apps.values())
        .map(|app| app.definition.value.as_str())
        .collect();
    let own = |span: Span| written.iter().any(|node| node.head.file == span.file);
    for (name, definition) in view.definitions.loaded.iter().filter(|(_, definition)| own(definition.span)) {
        let taken = taken_in.contains(name.as_str()) || of_offers.contains(name.as_str());
        if !taken && view.drafts.iter().all(|draft| !draft.uses.contains(name.as_str())) {
            hint("the definition", name.as_str(), definition.span);
        }
    }
}
