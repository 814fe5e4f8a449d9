//! The custom kinds that our providers render: small definitions of our own, reduced to the fields in use.

use std::sync::LazyLock;

use serde_json::Value;

use crate::merge::Schemas;

/// One file an operator; a provider that renders a new kind adds it here.
const DEFINITIONS: &[&str] = &[
    include_str!("../../schemas/kubernetes/custom/barman-cloud.json"),
    include_str!("../../schemas/kubernetes/custom/cert-manager.json"),
    include_str!("../../schemas/kubernetes/custom/cloudnative-pg.json"),
    include_str!("../../schemas/kubernetes/custom/garage.json"),
    include_str!("../../schemas/kubernetes/custom/gateway.json"),
    include_str!("../../schemas/kubernetes/custom/k8up.json"),
    include_str!("../../schemas/kubernetes/custom/percona.json"),
];

/// The definitions (`CustomResourceDefinition` objects) of the custom kinds that are rendered.
///
/// # Panics
/// Never: the files are part of the program, and tests read them.
pub(crate) fn definitions() -> Vec<Value> {
    let lists = DEFINITIONS.iter().map(|text| serde_json::from_str::<Vec<Value>>(text));
    lists.flat_map(|list| list.expect("the reduced definitions are part of the program")).collect()
}

/// Definitions of kinds that nothing renders, of which only the fields are written that are limited or may be written.
const OTHERS: &str = include_str!("../../schemas/kubernetes/limits.json");

/// The kind among them that `object` may write.
const WRITTEN: &str = "ServiceMonitor";

/// The definitions of kinds that nothing renders.
///
/// # Panics
/// Never: the file is part of the program.
pub(super) fn others() -> Vec<Value> {
    serde_json::from_str(OTHERS).expect("the limits of others are part of the program")
}

/// The same once read, for everybody.
pub(crate) fn facts() -> &'static Schemas {
    static FACTS: LazyLock<Schemas> = LazyLock::new(schemas);
    &FACTS
}

/// What fields are, of everything that is rendered: for plans that no server is asked about.
///
/// # Panics
/// Never: the files are part of the program, and tests read them.
pub(crate) fn schemas() -> Schemas {
    let mut schemas = Schemas::builtin();
    let written = others().into_iter().filter(|definition| definition["spec"]["names"]["kind"] == WRITTEN);
    for definition in definitions().into_iter().chain(written) {
        schemas.add_crd(&definition).expect("the reduced definitions are part of the program");
    }
    schemas
}
