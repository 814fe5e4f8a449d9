//! Escape hatches are open only where the offer opens them.

use crate::finding::{Code, Finding, Findings};
use crate::model::rules::One;
use crate::syntax::Node;

/// `env` or `patch` where the offer does not allow it.
pub(crate) const CLOSED: Code = Code::new("E0414");

pub(super) fn check(one: &One, findings: &mut Findings) {
    if !one.draft.resolved.offer {
        return;
    }
    let offer = one.draft.organisation.offer.as_ref();
    let allowed = |word: &str| offer.is_some_and(|offer| offer.allows.contains(word));
    let apps = one.draft.node().children.iter().filter(|node| matches!(node.name.value.as_str(), "app" | "retired"));
    let hatches = apps.flat_map(|app| &app.children).filter(|node| matches!(node.name.value.as_str(), "env" | "patch"));
    for hatch in hatches.filter(|hatch| !allowed(&hatch.name.value)) {
        let finding = closed(hatch);
        findings.push(match offer {
            Some(offer) => finding
                .also(offer.span, format!("`{}` does not allow `{}`", offer.name, hatch.name.value))
                .help(format!("ask for a setting in the definition, or add `allow {}` to the offer", hatch.name.value)),
            None => finding.help("subscribe to an offer that allows it"),
        });
    }
}

fn closed(hatch: &Node) -> Finding {
    let word = &hatch.name.value;
    Finding::refused(CLOSED, format!("`{word}` is not allowed here"), hatch.head)
        .why("what goes past the definition is not covered by its tests, so an offer must allow it")
}
