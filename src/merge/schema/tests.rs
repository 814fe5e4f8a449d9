use serde_json::json;

use super::BUILTIN;
use crate::merge::write::decode;

#[test]
fn every_built_in_kind_is_known_and_decodes_when_empty() {
    assert_eq!(BUILTIN.len(), 41);
    for ((version, kind), schema) in &*BUILTIN {
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "x" } });
        decode(schema, &mut object).unwrap();
        let once = object.clone();
        decode(schema, &mut object).unwrap();
        assert_eq!(object, once, "{kind}");
    }
}
