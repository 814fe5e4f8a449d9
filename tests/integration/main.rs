//! All integration tests, in one binary.

mod kdl;
mod stories_apply;
mod story;
mod strict;
