//! What may be made of an organisation's apps: so many objects, and so much work.

use std::sync::Arc;

use super::tree::Tree;
use crate::expression::{Budget, work_of_text};
use crate::finding::{Code, Finding};
use crate::model::{App, Organisation};

/// Expressions or loops of a definition that cost too much.
pub(crate) const TOO_MUCH_WORK: Code = Code::new("E0512");

/// More apps or objects than an organisation has.
pub(crate) const TOO_MANY_OBJECTS: Code = Code::new("E0317");

/// The most objects of the apps of one organisation.
pub(crate) const MOST_OBJECTS: usize = 1_000;

/// The most work of all apps of one organisation together.
pub(crate) const MOST_WORK_OF_ORGANISATION: u64 = 6_000_000;

/// What a field of an object costs, in steps of an expression.
const WORK_OF_FIELD: u64 = 40;

/// What is left for the apps of an organisation.
pub(in crate::render) struct Allowance {
    /// The work and the objects that are left; no limit where absent.
    left: Option<(u64, usize)>,
}

impl Allowance {
    /// As much as one organisation may have.
    pub(in crate::render) fn of_organisation() -> Self {
        Self { left: Some((MOST_WORK_OF_ORGANISATION, MOST_OBJECTS)) }
    }

    /// No limit, for an organisation that kept to its limits when it was checked: what is rendered of it is never cut short.
    pub(in crate::render) fn unlimited() -> Self {
        Self { left: None }
    }

    /// The budget of the next app.
    pub(in crate::render) fn of_app(&self) -> Arc<Budget> {
        Arc::new(self.left.map_or_else(Budget::unlimited, |(work, _)| Budget::at_most(work)))
    }

    /// Takes what an app cost; the finding where that was too much.
    pub(in crate::render) fn take(
        &mut self,
        organisation: &Organisation,
        app: &App,
        budget: &Budget,
        objects: usize,
    ) -> Option<Finding> {
        let (work, most) = self.left.as_mut()?;
        if let Some(place) = budget.beyond() {
            let title = format!("rendering `{}` of {} takes too much work", app.name, organisation.name);
            let finding = Finding::refused(TOO_MUCH_WORK, title, place)
                .label("here it became too much")
                .also(app.span, "for this app")
                .why("what expressions compute, loops repeat and objects hold is limited, for each app and organisation")
                .help("shorten the lists that `@each`, `map`, `filter`, `exists` and `all` walk over, or nest fewer of them");
            return Some(finding);
        }
        *work = work.saturating_sub(budget.spent());
        let Some(left) = most.checked_sub(objects) else {
            let title = format!("{} has more than {MOST_OBJECTS} objects", organisation.name);
            let finding = Finding::refused(TOO_MANY_OBJECTS, title, organisation.span)
                .also(app.span, "with this app it became too many")
                .help("divide its apps among several organisations");
            return Some(finding);
        };
        *most = left;
        None
    }
}

/// What an object costs: its fields, and the text in them.
pub(in crate::render) fn work_of_object(body: &Tree) -> u64 {
    let mut work = WORK_OF_FIELD;
    body.each_text(&mut |bytes| work += WORK_OF_FIELD + work_of_text(bytes));
    work
}
