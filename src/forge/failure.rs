//! Why a forge could not be asked, in words that hold no token.

use crate::visible;

/// A call to a forge that did not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForgeError {
    /// The forge answered that it does not do this.
    #[error("cannot {doing}: the forge answered {status}{}", said(says))]
    Refused {
        /// What was being done, after "cannot ".
        doing: &'static str,
        status: u16,
        /// What the forge said, neutralised; may be empty.
        says: String,
    },
    /// There was no answer.
    #[error("cannot {doing}: {why}")]
    NoAnswer {
        doing: &'static str,
        why: String,
        /// Whether the forge may have done it all the same.
        may_be_done: bool,
    },
    /// The forge asks for a longer pause than there is time for.
    #[error("cannot {doing}: the forge asks to wait for {seconds} s, and this run waits no longer")]
    AskedToWait { doing: &'static str, seconds: u64 },
    /// The answer is none that this forge gives.
    #[error("cannot {doing}: {why}")]
    Unreadable {
        doing: &'static str,
        why: String,
        /// Whether the forge may have done it all the same.
        may_be_done: bool,
    },
    /// A setting that cannot be.
    #[error("{0}")]
    Setting(String),
}

impl ForgeError {
    /// The status of the answer, where there was one.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the forge may have done what was asked for.
    pub(crate) fn is_uncertain(&self) -> bool {
        match self {
            Self::Refused { status, .. } => *status >= 500,
            Self::NoAnswer { may_be_done, .. } | Self::Unreadable { may_be_done, .. } => *may_be_done,
            Self::AskedToWait { .. } | Self::Setting(_) => false,
        }
    }

    /// An answer that does not hold what it should.
    pub(crate) fn lacking(doing: &'static str, field: &str) -> Self {
        Self::Unreadable { doing, why: format!("the answer has no `{field}`"), may_be_done: false }
    }
}

fn said(says: &str) -> String {
    if says.is_empty() { String::new() } else { format!(": {}", visible::line(says)) }
}
