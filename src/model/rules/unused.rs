//! Hints about what nobody uses: an offer, a cluster, a definition of the garden.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::View;

/// Something that nobody uses.
pub const UNUSED: Code = Code("W0101");

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    // What an error is about may be meant to use it.
    if findings.has_errors() {
        return;
    }
    let mut hint = |what: &str, name: &str, span| {
        findings.push(Finding::hint(UNUSED, format!("nobody uses {what} `{name}`"), span));
    };
    for (name, offer) in &view.garden.offers {
        let used = |draft: &crate::model::organisation::Draft<'_>| {
            draft.organisation.offer.as_ref().is_some_and(|offer| offer.name == *name)
        };
        if view.drafts.iter().all(|draft| draft.known.offer) && !view.drafts.iter().any(used) {
            hint("the offer", name.as_str(), offer.span);
        }
    }
    for (name, cluster) in &view.garden.clusters {
        if view.drafts.iter().all(|draft| draft.known.cluster && draft.organisation.cluster.name != *name) {
            hint("the cluster", name.as_str(), cluster.span);
        }
    }
    let own = |file| view.files.iter().any(|checked| checked.document.file == file);
    for (name, span) in view
        .definitions
        .loaded
        .iter()
        .map(|(name, definition)| (name, &definition.span))
        .filter(|(_, span)| own(span.file))
    {
        let composed = view
            .garden
            .offers
            .values()
            .any(|offer| offer.apps.values().any(|app| app.definition.value == name.as_str()));
        // What another one takes in is used, too.
        let taken_in = view.files.iter().flat_map(|file| &file.document.nodes).any(|node| {
            node.name.value == "definition" && crate::model::definition::uses(node).any(|used| used == name.as_str())
        });
        if !composed && !taken_in && view.drafts.iter().all(|draft| !draft.uses.contains(name.as_str())) {
            hint("the definition", name.as_str(), *span);
        }
    }
}
