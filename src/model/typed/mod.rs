//! The typed garden: data, and what follows from it alone.

mod app;
mod garden;
mod organisation;
mod setting;

pub use app::{Adopt, App, AppNode, EnvValue, FieldDecision, Life};
pub use garden::{Cluster, Consent, Deletions, Garden, Grants, Offer, Past, Person, ProviderChoice};
pub use organisation::{Contact, Organisation, Retired};
pub use setting::{Layer, Setting};
