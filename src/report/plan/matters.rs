//! STUB
use crate::impact::Impact;
use crate::plan::Place;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatterGroup {
    Data,
    Interruptions,
    Images,
    Amounts,
    Dangers,
}
pub(super) struct MatterLine {
    pub(super) group: MatterGroup,
    pub(super) lead: String,
    pub(super) words: String,
    pub(super) origin: Option<Place>,
}
pub(super) fn lines(_impact: &Impact) -> Vec<MatterLine> {
    Vec::new()
}
pub(super) const GROUPS_BEFORE_LATER: &[(MatterGroup, &str)] =
    &[(MatterGroup::Data, "lines about data"), (MatterGroup::Interruptions, "interruptions")];
pub(super) const GROUPS_AFTER_LATER: &[(MatterGroup, &str)] =
    &[(MatterGroup::Images, "images"), (MatterGroup::Amounts, "amounts"), (MatterGroup::Dangers, "dangers")];
