//! Who must agree before something is applied, and whether they have: pure. What a change is stands in [`change`], who said what
//! of it in [`voice`], what the rules make of both in [`judge`], how far the garden and each organisation may go in [`walk`], what
//! is remembered in [`record`].
//!
//! ```text
//! rules ┐
//! change ┤
//! voices ┼─▶ judge ─▶ ConsentVerdict ─┐
//! record ┤                     ├─▶ walk ─▶ UnitStanding of the garden and of each organisation
//! time  ─┘   line of commits ──┘
//! ```

mod agreement;
mod alike;
mod change;
mod classes;
#[cfg(test)]
mod groups;
mod json;
mod judge;
#[cfg(test)]
mod laws;
mod record;
pub(crate) mod signature;
pub(crate) mod statement;
mod told;
mod unread;
mod voice;
mod walk;
pub(crate) mod words;

pub use agreement::Agreement;
pub(crate) use agreement::{HeldBack, OpenChange};
pub(crate) use alike::{Fingerprint, is_untouched};
pub(crate) use change::{Authors, Change, ChangeId, MOST_COMMITS, moved_since, unsigned};
pub(crate) use classes::Between;
pub(crate) use judge::{Allowed, ConsentVerdict, Discounted, Missing, Objection, Question, judge};
pub(crate) use record::{Contains, ForgottenUse, Record, UnreadRecord, UrgentUse, Used};
pub(crate) use statement::{Unheard, heard};
pub(crate) use unread::{hold_for_unread, unread_words};
pub(crate) use voice::{ConsentWord, Given, Via, Voice};
pub(crate) use walk::{CommitLine, Exchange, Unit, UnitStanding, standings};
