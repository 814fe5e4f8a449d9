//! What must not be overlooked of a plan, whatever has to be left out for length.

use crate::plan::{Action, Deleting, Reason, Verb};
use crate::review::UrgentCounts;

use super::words::word;

/// Whether an action must not be overlooked: it is refused, makes an object anew, or takes something away that nothing replaces.
fn is_urgent(action: &Action) -> bool {
    match action.verb() {
        Verb::Refused | Verb::Replace => true,
        Verb::Delete => !matches!(action.reason(), Reason::Deleting(Deleting::Superseded { .. })),
        _ => false,
    }
}

/// How many of some actions must not be overlooked, by verb and kind.
pub(super) fn count<'a>(actions: impl Iterator<Item = &'a Action>) -> UrgentCounts {
    let mut counts = UrgentCounts::new();
    for action in actions.filter(|action| is_urgent(action)) {
        *counts.entry(action.verb()).or_default().entry(action.id.kind.to_string()).or_default() += 1;
    }
    counts
}

/// Adds so many times what another count holds.
pub(super) fn add(counts: &mut UrgentCounts, other: &UrgentCounts, times: usize) {
    for (verb, kinds) in other {
        for (kind, count) in kinds {
            *counts.entry(*verb).or_default().entry(kind.clone()).or_default() += count * times;
        }
    }
}

/// `delete 1 Database, 2 PersistentVolumeClaim; refused 1 Service`.
pub(super) fn words(counts: &UrgentCounts) -> String {
    let of_verb = |(verb, kinds): (&Verb, &std::collections::BTreeMap<String, usize>)| {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        format!("{} {}", word(*verb), kinds.join(", "))
    };
    counts.iter().map(of_verb).collect::<Vec<_>>().join("; ")
}
