//! The promises that the guard holds plans against.

use std::fmt;

/// The promises of `ARCHITECTURE.md` that a plan alone can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// Nothing is deleted or taken that is neither ours nor adopted by word.
    NoForeignDelete,
    /// Nothing that holds data goes before its time.
    NoDataLost,
    /// Nothing is deleted that the garden asks for.
    Wanted,
    /// An organisation is pruned only when it is clean and the deletions fit the budget.
    CleanPrune,
    /// What is applied is what was planned.
    AsPlanned,
    /// Nothing is written to a cluster of another uid.
    OneCluster,
    /// Nothing reaches outside of its organisation.
    OneOrganisation,
    /// A one-time job runs once for its inputs, and is not ended while it runs.
    RunsOnce,
}

impl fmt::Display for Promise {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::NoForeignDelete => "nothing is deleted that parcelle did not create or adopt by word",
            Self::NoDataLost => {
                "nothing that holds data is deleted unless the garden says `retired` and its time has passed"
            }
            Self::Wanted => "nothing is deleted that the garden asks for",
            Self::CleanPrune => {
                "an organisation is pruned only when it is clean on one commit, and undeclared deletions fit the budget"
            }
            Self::AsPlanned => "what is applied is what was planned",
            Self::OneCluster => "nothing is written to a cluster whose uid is not the one in the garden",
            Self::RunsOnce => "a one-time job runs once for its inputs, and is not ended while it runs",
            Self::OneOrganisation => "an organisation's files reach nothing outside its namespace",
        })
    }
}
