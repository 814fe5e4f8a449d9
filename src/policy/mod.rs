//! What an organisation's file may never reach, whatever word it uses. Pure.

pub(crate) mod protected;
