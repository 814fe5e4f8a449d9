//! The typed garden: data, and what follows from it alone.

mod app;
mod footprint;
mod garden;
mod organisation;
mod setting;

pub use app::{Adopt, App};
pub(crate) use app::{AppNode, EnvValue, FieldDecision, Life};
pub use footprint::{AppFootprint, AppliedApp, Footprint, KeptValue, PastOrganisation};
pub use garden::{Cluster, Deletions, Garden, Grants, Past};
pub(crate) use garden::{Consent, Offer, Person, ProviderChoice};
pub(crate) use organisation::Contact;
pub use organisation::{Organisation, Retired};
pub(crate) use setting::Layer;
pub use setting::Setting;
