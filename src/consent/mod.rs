//! Who must agree before something is applied, and whether they have: pure. What a change is stands in [`change`], who said what
//! of it in [`voice`], what the rules make of both in [`judge`], how far the garden and each organisation may go in [`walk`], what
//! is remembered in [`record`].
//!
//! ```text
//! rules ┐
//! change ┤
//! voices ┼─▶ judge ─▶ Verdict ─┐
//! record ┤                     ├─▶ walk ─▶ Standing of the garden and of each organisation
//! time  ─┘   line of commits ──┘
//! ```

#![expect(dead_code, unused_imports, reason = "asked by the engine, which is being built")]

mod change;
mod judge;
mod record;
pub(crate) mod signature;
mod statement;
mod voice;
mod walk;

pub(crate) use change::{Authors, Change, ChangeId};
pub(crate) use judge::{Allowed, Discounted, Missing, Objection, Question, Verdict, judge};
pub(crate) use record::{Record, UrgentUse, Used};
pub(crate) use statement::{Unheard, heard};
pub(crate) use voice::{Given, Via, Voice, Word};
pub(crate) use walk::{Exchange, Line, Standing, Unit, standings};
