//! What may be made of an organisation's apps: so many objects, and so much work.

use std::sync::Arc;

use super::tree::Tree;
use crate::expression::{Budget, MOST_WORK_OF_ORGANISATION, too_much_work};
use crate::finding::Finding;
use crate::model::{App, Organisation, TOO_MANY_APPS};

/// The most objects of the apps of one organisation.
pub(crate) const MOST_OBJECTS: usize = 2_000;

/// What a field of an object costs, in steps of an expression.
const WORK_OF_FIELD: u64 = 40;

/// What is left for the apps of an organisation.
pub(in crate::render) struct RenderAllowance {
    /// The work and the objects that are left; no limit where absent.
    left: Option<(u64, usize)>,
    exceeded: bool,
}

impl RenderAllowance {
    /// As much as one organisation may have.
    pub(in crate::render) fn of_organisation() -> Self {
        Self { left: Some((MOST_WORK_OF_ORGANISATION, MOST_OBJECTS)), exceeded: false }
    }

    /// No limit, for an organisation that kept to its limits when it was checked: what is rendered of it is never cut short.
    pub(in crate::render) fn unlimited() -> Self {
        Self { left: None, exceeded: false }
    }

    /// The budget of the next app.
    pub(in crate::render) fn of_app(&self) -> Arc<Budget> {
        Arc::new(self.left.map_or_else(Budget::unlimited, |(work, _)| Budget::at_most(work)))
    }

    /// Whether an app was too much.
    pub(in crate::render) fn is_exceeded(&self) -> bool {
        self.exceeded
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
            self.exceeded = true;
            let done = format!("rendering `{}` of {}", app.name, organisation.name);
            return Some(too_much_work(&done, place, app.span));
        }
        *work = work.saturating_sub(budget.spent());
        let Some(left) = most.checked_sub(objects) else {
            self.exceeded = true;
            let title = format!("{} has more than {MOST_OBJECTS} objects", organisation.name);
            let finding = Finding::refused(TOO_MANY_APPS, title, organisation.span)
                .also(app.span, "with this app it became too many")
                .help("divide its apps among several organisations");
            return Some(finding);
        };
        *most = left;
        None
    }
}

/// What an object costs: its fields, and each byte of text in them.
pub(in crate::render) fn work_of_object(body: &Tree) -> u64 {
    let mut work = WORK_OF_FIELD;
    body.each_text(&mut |bytes| work += WORK_OF_FIELD + u64::try_from(bytes).unwrap_or(u64::MAX));
    work
}
