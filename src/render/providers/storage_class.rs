//! Volumes of a storage class: a claim for each need.

use super::{Claim, Met, NeedContext, option_text};
use crate::expression::Value;
use crate::kind;
use crate::model::ProviderChoice;
use crate::quantity::{Dimension, Quantity};
use crate::render::tree::{Tree, tree};
use crate::render::{ResourceName, naming};

/// What a volume holds whose need says no size.
const SIZE: u64 = 1 << 30;

/// The claim; the workload that mounts it decides whether it is an object or a template of a StatefulSet.
pub(super) fn meet(asked: &NeedContext, choice: &ProviderChoice) -> Met {
    let size = Quantity { dimension: Dimension::Size, amount: SIZE };
    let (size, origin) = asked.size().unwrap_or((size, asked.need.span));
    let shared = asked.option("shared") == Some(Value::Bool(true));
    let class = if shared { option_text(choice, "shared-class") } else { None };
    let class = class.or_else(|| option_text(choice, "class"));
    let mode = if shared { "ReadWriteMany" } else { "ReadWriteOnce" };
    let spec = tree! {
        "accessModes": vec![mode.into()],
        "storageClassName": class.map(|(class, span)| Tree::from(class).at(span)),
        "resources": tree! { "requests": tree! { "storage": Tree::from(size).at(origin) } },
    };
    let name = naming::part(kind::PERSISTENT_VOLUME_CLAIM, asked.data_name(), asked.name());
    Met {
        claim: Some(Claim { name, shared, bytes: size.amount, spec, origin: asked.need.span }),
        contributions: vec![asked.contribution(ResourceName::Storage, size.amount, origin)],
        ..Met::default()
    }
}
