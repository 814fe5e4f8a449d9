//! What a garden means: typed, checked, with an origin for every effective value.
//!
//! Four parts, each of which uses only those before it (`tests/integration/tidy/model.rs` watches that):
//!
//! | part | modules | holds |
//! |---|---|---|
//! | typed | `typed` `definition` and the small ones above `draft` | garden and definitions as data, and what follows from them |
//! | drafted | `draft` | documents read into that data, as far as they can be understood |
//! | judged | `rules` `stop` | one file a rule, each a function from data to findings; which organisations stop |
//! | remembered | `incremental` | the check itself, which reads and judges again only what changed |

mod names;
mod read;
mod boundary;
mod domain;
mod typed;
pub mod definition;
mod judgement;
mod spelling;
mod explain;
mod draft;
mod rules;
mod stop;
mod incremental;

pub use boundary::{Boundary, FilePlace, PlacedFile, place};
pub use definition::Definitions;
pub(crate) use definition::{Definition, NOT_PROVIDED};
pub(crate) use domain::{below, namespace_in};
pub(crate) use draft::{NO_HOST, TOO_MANY_APPS};
pub(crate) use explain::{Explanation, InForce, explain};
pub use incremental::build;
pub(crate) use incremental::{ModelMemo, build_again};
pub use judgement::Judgement;
pub(crate) use judgement::LOOKS_SECRET;
pub(crate) use names::UNKNOWN_NAME;
pub(crate) use rules::CLAIMED;
pub(crate) use rules::database_images::version as image_version;
pub(crate) use rules::open_networks::OPEN as OPEN_NETWORK;
pub(crate) use rules::peaks::ODD as ODD_PEAK;
pub(crate) use rules::secret_names::NOT_OWN;
pub(crate) use rules::secrets::looks_secret;
pub(crate) use rules::vanished::ORGANISATION as VANISHED_ORGANISATION;
pub(crate) use spelling::{setting_text, value_text};
#[cfg(test)]
pub(crate) use typed::BY_EFFECT;
pub use typed::{
    Adopt, Age, App, AppFootprint, AppliedApp, ApprovalRule, Awaited, Claims, Class, Cluster, ClusterClaims,
    ClusterNetwork, Consent, ConsentSource, Deletions, Footprint, ForgeWord, Garden, Grants, KeptValue, Organisation,
    Past, PastOrganisation, Retired, Reviewer, Setting, WaitingRule, WrittenClaim,
};
pub(crate) use typed::{
    AppNode, AskedAtMost, Contact, EnvValue, FieldDecision, Layer, Life, Offer, Person, ProviderChoice, senders,
};

#[cfg(test)]
mod tests;
