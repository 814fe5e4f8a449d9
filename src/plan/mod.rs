//! The changes that turn live into objects: a value with reasons.
