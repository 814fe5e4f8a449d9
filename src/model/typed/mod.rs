//! The typed garden: data, and what follows from it alone.

mod app;
mod claims;
mod cluster_claims;
mod cluster_network;
mod consent;
mod footprint;
mod garden;
mod kept_data;
mod organisation;
mod setting;
mod written_claim;

pub use app::{Adopt, App};
pub(crate) use app::{AppNode, EnvValue, FieldDecision, Life};
pub use claims::Claims;
pub(crate) use claims::senders;
pub use cluster_claims::ClusterClaims;
pub use cluster_network::ClusterNetwork;
pub(crate) use consent::AskedAtMost;
#[cfg(test)]
pub(crate) use consent::BY_EFFECT;
pub use consent::{ApprovalRule, Class, Consent, ConsentSource, ForgeWord, WaitingRule};
pub use footprint::{AppFootprint, AppliedApp, Footprint, KeptValue, PastOrganisation};
pub use garden::{Awaited, Cluster, Deletions, Garden, Grants, Past, Reviewer};
pub(crate) use garden::{Offer, Person, ProviderChoice};
pub(crate) use organisation::Contact;
pub use organisation::{Organisation, Retired};
pub(crate) use setting::Layer;
pub use setting::Setting;
pub use written_claim::{Age, WrittenClaim};
