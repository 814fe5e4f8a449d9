//! Commits that take back what is applied, in words.

use crate::engine::TakenBack;
use crate::git::Ancestry;

/// Why a commit is not applied over the one that is, and what leads on, as the end of a sentence.
fn of_ancestry(ancestry: &Ancestry) -> &'static str {
    match ancestry {
        Ancestry::BuildsOn | Ancestry::TakesBack(_) => "which this commit takes back; to go back",
        Ancestry::Unrelated => "with which this commit shares no history; where it goes on from there all the same",
        Ancestry::Unknown => {
            "which this repository does not hold; fetch its whole history, or where this commit goes on from there all the same"
        }
    }
}

/// At which commit an organisation stays, why, and what leads on.
pub(super) fn of_taken_back(back: &TakenBack) -> String {
    format!(
        "{}, {}, commit `rollback to=\"{}\"` in garden.kdl on top of it",
        back.at.short(),
        of_ancestry(&back.ancestry),
        back.named().short()
    )
}
