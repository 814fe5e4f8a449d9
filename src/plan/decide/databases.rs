//! Which databases stand still while the image of their servers changes.

use super::action::{FieldChange, Shown};
use crate::kind;
use crate::plan::Input;
use crate::render::Object;

/// What stops for changes of an object, in words; absent where it is no server of databases, or goes on running.
pub(super) fn stops(input: &Input<'_>, object: &Object, changes: &[FieldChange]) -> Option<String> {
    let id = &object.id;
    let (field, count) = if id.is(kind::POSTGRES_CLUSTER) {
        let databases = input.desired.objects.iter().filter(|object| object.id.is(kind::POSTGRES_DATABASE));
        ("spec.imageName", databases.count())
    } else if id.is(kind::PERCONA_MONGODB) {
        ("spec.image", 1)
    } else {
        return None;
    };
    let change = changes.iter().find(|change| change.path == field)?;
    let databases = match count {
        0 => return None,
        1 => "the database".to_owned(),
        many => format!("all {many} databases"),
    };
    let organisation = &input.desired.organisation;
    let (before, after) = (major(change.before.as_ref()), major(change.after.as_ref()));
    let is_carried_over = id.is(kind::POSTGRES_CLUSTER) && before.is_some() && after.is_some() && before != after;
    Some(if is_carried_over {
        format!("{databases} of `{organisation}` stop until the data is carried over to the new version")
    } else {
        format!("the servers restart: {databases} of `{organisation}` cannot be reached for a moment")
    })
}

/// The major version that the tag of an image begins with.
fn major(image: Option<&Shown>) -> Option<u32> {
    let Some(Shown::Value(image)) = image else { return None };
    crate::model::image_version(image.as_str()?)
}
