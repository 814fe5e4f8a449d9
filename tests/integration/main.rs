//! All integration tests, in one binary.

mod findings;
mod hostile;
mod kdl;
mod stories_apply;
mod stories_crash;
mod story;
mod strict;
mod sandbox;
mod sandbox_replay;
