//! Secret values that parcelle makes once: keys of the lengths that the definition says.

use super::{Met, NeedContext, random, secret_value};
use crate::kind;
use crate::render::{SecretSource, naming};

/// One Secret with all keys of the need.
pub(super) fn meet(asked: &NeedContext) -> Met {
    let name = naming::part(kind::SECRET, asked.data_name(), asked.name());
    let keys = &asked.need.keys;
    let made = keys.iter().map(|(key, length)| (key.value.clone(), random(*length))).collect();
    Met {
        outputs: keys.iter().map(|(key, _)| (key.value.clone(), secret_value(&name, &key.value))).collect(),
        secrets: vec![asked.secret(&name, SecretSource::Generated { keys: made }, "Opaque")],
        ..Met::default()
    }
}
