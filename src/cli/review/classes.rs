//! Which kinds of change a reviewed change is, as consent asks for them.

use std::collections::BTreeSet;

use crate::check::Checked;
use crate::impact::DataHow;
use crate::model::Class;
use crate::plan::Verb;
use crate::review::Review;

/// The kinds of a change by what it does and what it edits, except those that say who wrote it.
pub(super) fn classes_of(before: Option<&Checked>, after: &Checked, review: &Review) -> BTreeSet<Class> {
    let mut classes = BTreeSet::new();
    let plan = review.plan.as_ref();
    let impact = plan.map(|plan| &plan.impact);
    let deletes = plan.is_some_and(|plan| plan.counts.get(&Verb::Delete).is_some_and(|count| *count > 0));
    let data = || impact.into_iter().flat_map(|impact| &impact.data);
    if deletes || data().any(|one| matches!(one.how, DataHow::GoesNow | DataHow::GoesLater)) {
        classes.insert(Class::Deletions);
    }
    if data().next().is_some() {
        classes.insert(Class::Data);
    }
    let (before, after) = (before.and_then(|before| before.garden.as_ref()), after.garden.as_ref());
    let Some((before, after)) = before.zip(after) else {
        // What cannot be compared may be anything.
        return [Class::Deletions, Class::Data, Class::Offers, Class::People, Class::Clusters].into();
    };
    if before.people != after.people || before.consent != after.consent {
        classes.insert(Class::People);
    }
    let is_offer = |path: &String| path.split('/').any(|part| part == "offers");
    if review.reaches_all.iter().any(is_offer) {
        classes.insert(Class::Offers);
    }
    if review.reaches_all.iter().any(|path| !is_offer(path)) && !classes.contains(&Class::People) {
        classes.insert(Class::Clusters);
    }
    classes
}
