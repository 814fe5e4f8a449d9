//! Patterns of schemas, compiled once.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use regex::Regex;

use crate::cel;

/// The most patterns of schemas that are kept compiled; those of the operators that are known here are fewer.
const KEPT_PATTERNS: usize = 512;

/// A pattern of a schema, compiled once; absent where it is none.
pub(super) fn compiled(pattern: &str) -> Option<Regex> {
    static COMPILED: RwLock<BTreeMap<String, Option<Regex>>> = RwLock::new(BTreeMap::new());
    let known = COMPILED.read().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
    known.unwrap_or_else(|| {
        let regex = cel::pattern(pattern);
        let mut compiled = COMPILED.write().unwrap_or_else(PoisonError::into_inner);
        if compiled.len() >= KEPT_PATTERNS {
            compiled.clear();
        }
        compiled.insert(pattern.to_owned(), regex.clone());
        regex
    })
}
