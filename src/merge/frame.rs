//! Where a walk over values stands. Paths are only built for what is worth telling.

use serde_json::Value;

use super::element::Element;
use super::schema::List;
use super::typed::item_element;

/// A place in a walk.
#[derive(Clone, Copy)]
pub(super) struct Frame<'f> {
    /// The place above, none for the root.
    pub(crate) above: Option<&'f Frame<'f>>,
    /// The step from there.
    pub(crate) step: FrameStep<'f>,
}

/// A step, not yet written as an element.
#[derive(Clone, Copy)]
pub(super) enum FrameStep<'f> {
    Field(&'f str),
    Item(&'f List, &'f Value),
    Element(&'f Element),
}

impl<'f> Frame<'f> {
    /// Where every walk begins.
    pub(crate) fn root() -> Self {
        Self { above: None, step: FrameStep::Field("") }
    }

    /// The place of a field of what stands here.
    pub(crate) fn field(&'f self, name: &'f str) -> Self {
        Frame { above: Some(self), step: FrameStep::Field(name) }
    }

    /// The path to this place.
    pub(crate) fn path(&self) -> Vec<Element> {
        let Some(above) = self.above else { return Vec::new() };
        let mut path = above.path();
        match self.step {
            FrameStep::Field(name) => path.push(Element::field(name)),
            FrameStep::Item(list, item) => path.extend(item_element(list, item).ok()),
            FrameStep::Element(element) => path.push(element.clone()),
        }
        path
    }

    fn is_field(&self, name: &str) -> bool {
        matches!(self.step, FrameStep::Field(field) if field == name)
    }

    /// Whether this is the metadata of the object itself.
    pub(crate) fn is_metadata(&self) -> bool {
        self.is_field("metadata") && self.above.is_some_and(|above| above.above.is_none())
    }
}
