//! STUB
use crate::impact::Impact;
pub(super) struct CauseRow {
    pub(super) place: String,
    pub(super) word: String,
    pub(super) was: Option<String>,
    pub(super) is: Option<String>,
    pub(super) does: Vec<String>,
    pub(super) later: Vec<String>,
    pub(super) reach: String,
}
pub(super) fn rows(_impact: &Impact) -> Vec<CauseRow> {
    Vec::new()
}
