//! Who must agree to what: the rules of consent, as the garden says them.

use crate::name::Name;
use crate::quantity::Quantity;

/// What kind of change it is, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Something is deleted, retired or let go.
    Deletions,
    /// What holds data changes: volumes, databases, buckets, backups, how long data is kept.
    Data,
    /// Money: offers, ceilings, who subscribes to what.
    Offers,
    /// Who works on the garden, and who must agree.
    People,
    /// Clusters, definitions, and what the garden says of all.
    Clusters,
    /// Nobody among the people wrote it.
    Contribution,
    /// None of the others but a contribution.
    Routine,
}

/// The rules of consent; none where the garden asks nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// How many people must approve.
    pub approvals: Vec<ApprovalRule>,
    /// How long people may object.
    pub waiting: Vec<WaitingRule>,
    /// Where approvals and objections come from.
    pub sources: Vec<ConsentSource>,
    /// Whether each commit that changes the garden must be signed by somebody of the people.
    pub signed: bool,
}

impl Consent {
    /// Whether it asks for anything.
    pub fn asks(&self) -> bool {
        !self.approvals.is_empty() || !self.waiting.is_empty() || self.signed
    }
}

/// `approvals 2 from=operators [for=offers]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRule {
    /// How many.
    pub count: u32,
    /// From which group.
    pub from: Name,
    /// For which changes; all where absent.
    pub class: Option<Class>,
}

/// `waiting 24 hours [for=deletions]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRule {
    /// How long, from when parcelle saw the change first.
    pub time: Quantity,
    /// For which changes; all where absent.
    pub class: Option<Class>,
}

/// Where approvals come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentSource {
    /// Signed statements in the repository itself.
    Signatures,
    /// The reviews of a forge.
    Forge {
        /// Which software it is.
        kind: ForgeWord,
        /// The project's address, as people open it: `https://gitlab.example/group/project`.
        address: String,
        /// Names the token that it is read with.
        credentials: Option<Name>,
    },
}

/// A kind of forge, as `account` and `source forge` name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeWord {
    /// GitHub, and GitHub Enterprise Server.
    Github,
    /// GitLab.
    Gitlab,
    /// Forgejo.
    Forgejo,
    /// Gitea.
    Gitea,
}
