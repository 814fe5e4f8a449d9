//! All integration tests, in one binary.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are surfaces: they read cases, clocks and the environment"
)]

mod findings;
mod fuzzed;
mod ground;
mod help;
mod git_past;
mod hostile;
mod incremental;
mod budgets;
mod collisions;
mod command;
mod definitions;
mod dependencies;
mod kdl;
mod passed_over;
mod layout;
mod limits;
mod moments;
mod policy;
mod mutation;
mod render;
mod proxy;
mod reports;
mod scenarios;
mod schema_check;
mod stories_admission;
mod stories_apply;
mod stories_batches;
mod stories_boundary;
mod stories_canary;
mod stories_claims;
mod stories_crash;
mod stories_doctor;
mod stories_hatches;
mod stories_hatches_seen;
mod stories_history;
mod stories_hostile;
mod stories_jobs;
mod stories_leaders;
mod stories_loop;
mod stories_moments;
mod stories_network;
mod stories_offline;
mod stories_others;
mod stories_output;
mod stories_past;
mod stories_policy;
mod stories_process;
mod stories_recover;
mod stories_refusals;
mod stories_remove;
mod stories_retry;
mod stories_rights;
mod stories_rules;
mod stories_saved;
mod stories_saved_edited;
mod stories_secrets;
mod stories_sources;
mod stories_standing;
mod stories_unions;
mod stories_values;
mod stories_wait;
mod stories_warnings;
mod story;
mod strangers;
mod strict;
mod tidy;
mod told;
mod sandbox;
mod sandbox_process;
mod sandbox_replay;
mod sandbox_runtime;
