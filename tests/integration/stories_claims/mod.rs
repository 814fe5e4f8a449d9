//! Stories of hosts and domains that two organisations ask for: who has them in a cluster keeps them, whatever the files say
//! and whichever process looks. They drive the very `Daemon` of `parcelle run`, over a Git repository and sandboxes.

mod files;
mod garden;
mod incumbents;
