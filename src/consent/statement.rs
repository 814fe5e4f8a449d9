//! Signed statements: what somebody says of a change, as it lies in the repository.

use std::collections::BTreeMap;

use super::Voice;
use crate::model::Person;
use crate::name::Name;

/// A statement that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unheard {
    /// Where it lies: the name of its ref.
    pub(crate) place: String,
    /// Why, in words, after "does not count: ".
    pub(crate) why: String,
}

/// What statements say: those that one of the people signed, for this garden, and the others with the reason.
pub(crate) fn heard<'s>(
    _garden: &Name,
    _people: &BTreeMap<Name, Person>,
    _statements: impl IntoIterator<Item = (&'s str, &'s [u8])>,
) -> (Vec<Voice>, Vec<Unheard>) {
    (Vec::new(), Vec::new())
}
