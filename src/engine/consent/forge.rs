//! What forges say of the open changes: the place for it, since the loop asks none yet.

use std::collections::BTreeMap;

use crate::consent::{Change, Voice};
use crate::model::{Garden, Person};
use crate::name::Name;

/// What forges say of the open changes.
#[derive(Default)]
pub(super) struct ForgeVoices {}

impl ForgeVoices {
    /// What was said, by these people.
    pub(super) fn voices(&self, _people: &BTreeMap<Name, Person>) -> Vec<Voice> {
        Vec::new()
    }

    /// Adds who wrote a change, as a forge says.
    pub(super) fn vouch(&self, _change: &mut Change, _rules: &Garden) {}
}
