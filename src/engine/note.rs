//! What people are to know beside plan and outcome.

use crate::cluster::lease::Taken;
use crate::name::Name;

/// What people are to know beside plan and outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// Where an embedded sandbox keeps its state.
    SandboxState {
        /// The cluster that it stands for.
        cluster: Name,
        file: std::path::PathBuf,
    },
    /// Somebody else writes to a cluster; this process stands by.
    StandsBy {
        cluster: Name,
        /// Who holds the lease.
        why: String,
    },
    /// Whoever wrote to a cluster is gone; this process writes from now on.
    TakesOver {
        cluster: Name,
        /// How the lease came to be free, as far as that is known.
        from: Option<Taken>,
    },
    /// A person's word was carried out, or counts for nothing.
    Word { cluster: Name, text: String },
    /// Words of people could not be carried out; they are looked at again.
    WordFailed { cluster: Name, why: String },
}
