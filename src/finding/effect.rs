//! What a finding leaves unknown of what people wrote.

use crate::finding::{Applicability, Finding};

/// What is unknown beside a finding; said where the finding is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The form is wrong: so much of the text cannot be read.
    Unreadable(Extent),
    /// The text was read, and what it means is not known.
    MeaningLost,
    /// What it means is clear, and was judged: a doubt, a word too many, or something refused.
    MeaningKnown,
}

/// How much of a text a mistake of form takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Extent {
    /// A value that KDL allows and the language does not. The text itself reads as it stands.
    Value,
    /// What stands at the place of the finding, which was mended by guess.
    Place,
    /// Which node stands in which, unless a safe fix says it.
    Nesting,
    /// Everything that follows, unless a fix says where it begins: a text or comment without its end takes it in.
    Rest,
}

impl Finding {
    /// Whether the text cannot be read at the finding's place.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self.effect, Effect::Unreadable(_))
    }

    /// Whether nodes may stand in others than they seem to: then what is said of words in wrong places helps nobody.
    pub(crate) fn hides_nesting(&self) -> bool {
        match self.effect {
            Effect::Unreadable(Extent::Nesting) => {
                !self.fixes.iter().any(|fix| fix.applicability == Applicability::Safe)
            }
            Effect::Unreadable(Extent::Rest) => self.fixes.is_empty(),
            Effect::Unreadable(Extent::Value | Extent::Place) | Effect::MeaningLost | Effect::MeaningKnown => false,
        }
    }
}
