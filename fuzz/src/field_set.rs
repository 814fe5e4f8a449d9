//! Field sets: what is read is written back equal, and sets obey their algebra.

use arbitrary::Unstructured;
use serde_json::Value;

use crate::fields;
use crate::merge::{FieldSet, Path};

/// The set of a value, checked against what it writes.
fn read(value: &Value) -> Option<FieldSet> {
    let set = FieldSet::from_fields_v1(value).ok()?;
    let written = set.to_fields_v1();
    assert_eq!(FieldSet::from_fields_v1(&written).as_ref(), Ok(&set), "{written}");
    let paths = set.paths();
    assert_eq!(paths.len(), set.len());
    assert!(paths.iter().all(|path| set.contains(path.elements())));
    let _ = paths.iter().map(Path::to_string).collect::<String>();
    assert_eq!(paths.into_iter().collect::<FieldSet>(), set, "{written}");
    Some(set)
}

fn obey(a: &FieldSet, b: &FieldSet, c: &FieldSet) {
    assert_eq!(a.union(b), b.union(a));
    assert_eq!(a.union(a), *a);
    assert_eq!(a.intersection(b), b.intersection(a));
    assert_eq!(a.union(b).union(c), a.union(&b.union(c)));
    assert_eq!(a.intersection(&b.union(c)), a.intersection(b).union(&a.intersection(c)));
    assert_eq!(a.difference(b).union(&a.intersection(b)), *a);
    assert_eq!(a.difference(&b.union(c)), a.difference(b).difference(c));
    assert!(a.difference(b).intersection(b).is_empty());
    assert!(a.difference_with_descendants(b).is_subset(&a.difference(b)));
    assert!(a.intersection(b).is_subset(a) && a.is_subset(&a.union(b)));
    assert_eq!(a.is_subset(b), a.difference(b).is_empty());
    assert_eq!(a.union(b).len() + a.intersection(b).len(), a.len() + b.len());
}

/// Runs the target on the fuzzer's bytes.
pub fn check(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice(data) {
        read(&value);
    }
    let mut u = Unstructured::new(data);
    let mut set = || fields(&mut u, 0).ok().as_ref().and_then(read);
    if let (Some(a), Some(b), Some(c)) = (set(), set(), set()) {
        obey(&a, &b, &c);
    }
}
