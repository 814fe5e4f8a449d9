//! What a garden means: typed, checked, with an origin for every effective value.
//!
//! Four parts, each of which uses only those before it (`tests/integration/layers_of_model.rs` watches that):
//!
//! | part | what it holds |
//! |---|---|
//! | `typed`, `definition` | what is typed: the garden as data, the definitions, and what follows from these alone |
//! | `draft` | documents read into that data, as far as they can be understood |
//! | `rules`, `stop` | what is judged: one file a rule, each a function from data to findings; which organisations stop |
//! | `incremental` | what is remembered: a check that reads and judges again only what changed |

mod names;
mod read;
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

pub use definition::{Definition, Definitions, NOT_PROVIDED};
pub use draft::NO_HOST;
pub use explain::{Computed, Explained, Explanation, Part, explain};
pub use incremental::{Memo, build, build_again};
pub use judgement::Judgement;
pub use names::UNKNOWN_NAME;
pub use rules::secret_names::NOT_OWN;
pub use spelling::value_text;
pub use typed::{
    Adopt, App, AppNode, Cluster, Consent, Contact, Deletions, EnvValue, FieldDecision, Garden, Grants, Layer, Life,
    Offer, Organisation, Past, Person, ProviderChoice, Retired, Setting,
};

#[cfg(test)]
mod tests;
