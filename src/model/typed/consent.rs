//! Who must agree to what: the rules of consent, as the garden says them.

use std::collections::BTreeSet;

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

/// The classes that a change can be of by what it does.
pub(crate) const BY_EFFECT: [Class; 6] =
    [Class::Deletions, Class::Data, Class::Offers, Class::People, Class::Clusters, Class::Routine];

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

    /// What the rule of approvals at a position asks of its group where it asks for the most: as the judge counts, over all kinds of
    /// changes that the rule is about.
    pub(crate) fn asked_at_most(&self, at: usize) -> AskedAtMost {
        let kinds: Vec<BTreeSet<Class>> = match self.approvals[at].class {
            None => BY_EFFECT.map(|effect| BTreeSet::from([effect])).into(),
            Some(Class::Contribution) => BY_EFFECT.map(|effect| BTreeSet::from([effect, Class::Contribution])).into(),
            Some(class) => vec![BTreeSet::from([class])],
        };
        let each = kinds.iter().map(|classes| self.asked_about(at, classes));
        each.max_by_key(|asked| asked.people).unwrap_or_default()
    }

    /// What a rule asks of its group about a change of some classes.
    fn asked_about(&self, at: usize, classes: &BTreeSet<Class>) -> AskedAtMost {
        let rule = &self.approvals[at];
        let is_vouched = self.signed || self.sources.iter().any(|one| matches!(one, ConsentSource::Forge { .. }));
        // The strictest of the rules about a change asks for one more, the first of equals.
        let is_stricter = |(other_at, other): (usize, &ApprovalRule)| {
            let is_about = other.class.is_none_or(|class| classes.contains(&class));
            is_about && (other.count > rule.count || (other.count == rule.count && other_at < at))
        };
        let one_more = !is_vouched && !self.approvals.iter().enumerate().any(is_stricter);
        let count = usize::try_from(rule.count).unwrap_or(usize::MAX).saturating_add(usize::from(one_more));
        // Nobody among the people wrote a contribution.
        let author = count > 0 && !classes.contains(&Class::Contribution);
        AskedAtMost { people: count.saturating_add(usize::from(author)), one_more, author }
    }
}

/// What a rule of approvals asks of its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AskedAtMost {
    /// How many people the group must have.
    pub(crate) people: usize,
    /// Whether one of them is asked for because nothing proves who wrote the change.
    pub(crate) one_more: bool,
    /// Whether one of them may have written the change.
    pub(crate) author: bool,
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
