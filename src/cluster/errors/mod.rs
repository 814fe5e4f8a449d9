//! What goes wrong with a request: which error it is ([`ApiError`]), what the server said ([`Refusal`]), and which line of the
//! garden caused it ([`findings`]). Pure.

mod line;
mod refusal;

use std::time::Duration;

use crate::plan::{full_name, role_rule};

pub(crate) use line::{MISSING_KIND, finding_of_secret, findings};
pub(crate) use refusal::{Refusal, StatusCause};

/// Why a request had no good end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// The server answered and said no.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// No connection stands: nothing was sent.
    #[error("the API server cannot be reached: {why}")]
    Unreachable {
        /// What the network says.
        why: String,
    },
    /// The connection broke before the whole answer came: it may have been done.
    #[error("the API server's answer was cut off: {why}")]
    Cut {
        /// What the network says.
        why: String,
    },
    /// No whole answer in time: it may have been done.
    #[error("the API server gave no answer within {seconds} s")]
    Silent {
        /// How long we waited.
        seconds: u64,
    },
    /// The answer is not what an API server says: it may have been done.
    #[error("the API server's answer is not readable: {why}")]
    Garbled {
        /// What is wrong with it.
        why: String,
    },
    /// The lease is not ours any more; the write was not sent.
    #[error("the lease is held by somebody else by now, so nothing more is written")]
    LeaseLost,
    /// The process was asked to end; nothing was sent, or the answer is not waited for.
    #[error("parcelle was asked to end")]
    Ending,
}

impl ApiError {
    /// The refusal, if the server answered.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Why something could not be read, with the rule to add where a right is missing.
    pub(crate) fn why_unread(&self, verb: &str, group: &str, resource: &str) -> String {
        if self.is_forbidden() {
            return format!("{self}; add to the rules of parcelle's role: {}", role_rule(group, &[resource], verb));
        }
        format!("{verb} {}: {self}", full_name(group, resource))
    }

    fn is(&self, code: u16) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == code)
    }

    /// There is no such object, namespace or kind.
    pub(crate) fn is_not_found(&self) -> bool {
        self.is(404)
    }

    /// The server knows the kind, and has no such object; it answers otherwise of a kind or a path that it does not serve.
    pub(crate) fn is_absent(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == 404 && refusal.reason == "NotFound")
    }

    /// Whether the server's word is about what was asked for, lasts, and says nothing of what else it may be asked: it knows
    /// who asks.
    pub(crate) fn is_of_this_alone(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code != 401) && !self.is_passing()
    }

    /// The same, or a word of a server of its own that stands behind a kind and is unwell.
    pub(crate) fn is_of_one_kind(&self) -> bool {
        self.is_of_this_alone() || self.refusal().is_some_and(|refusal| refusal.code >= 500)
    }

    /// We have no right to it.
    pub(crate) fn is_forbidden(&self) -> bool {
        self.is(403)
    }

    /// A precondition does not hold, an owner disagrees, or the name is taken.
    pub(crate) fn is_conflict(&self) -> bool {
        self.is(409)
    }

    /// A test in a JSON patch does not hold: the object is another by now.
    pub(crate) fn is_failed_test(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.code == 422 && refusal.causes.is_empty() && refusal.message.contains("rejected our request")
        })
    }

    /// The name is taken already.
    pub(crate) fn is_already_exists(&self) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == 409 && refusal.reason == "AlreadyExists")
    }

    /// A list or watch began too long ago.
    pub(crate) fn is_expired(&self) -> bool {
        self.is(410)
    }

    /// The namespace is being deleted.
    pub(crate) fn is_terminating(&self) -> bool {
        self.refusal().is_some_and(|refusal| {
            refusal.code == 403
                && (refusal.message.contains("being terminated")
                    || refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
        })
    }

    /// How long the server asks us to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.refusal()?.retry_after
    }

    /// Whether the same request may do better later, for a reason that lies in the server or the network.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.code == 429 || (refusal.code >= 500 && !refusal.is_about_the_body()),
            Self::Unreachable { .. } | Self::Cut { .. } | Self::Silent { .. } | Self::Garbled { .. } => true,
            Self::LeaseLost | Self::Ending => false,
        }
    }

    /// Whether a write surely had no effect, so that sending it again cannot do it twice.
    pub(crate) fn was_not_executed(&self) -> bool {
        self.is(429) || matches!(self, Self::Unreachable { .. })
    }

    /// Whether a write may have had its effect although the answer is bad.
    pub(crate) fn may_be_done(&self) -> bool {
        self.is_passing() && !self.was_not_executed()
    }
}
