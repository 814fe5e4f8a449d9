//! Masking: the API server echoes what it was sent, so every text it answers passes through here.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "(secret)";

/// Shorter texts are not masked alone: `a` occurs in every sentence and is no secret.
const SHORTEST: usize = 4;

/// The secret texts that must not be in what is printed next: plain, base64 and as JSON writes them.
#[derive(Clone, Default)]
pub(crate) struct Tainted {
    texts: BTreeSet<String>,
    /// The text is about a Secret: whatever the server quotes as a value goes, known or not.
    quoted_values: bool,
}

impl fmt::Debug for Tainted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tainted({} texts)", self.texts.len())
    }
}

impl Tainted {
    /// The values of a body that is about to be sent: those of a Secret, nothing of other kinds.
    pub(crate) fn of_body(body: &Value) -> Self {
        let mut tainted = Self::default();
        if body.get("kind").and_then(Value::as_str) != Some("Secret") {
            return tainted;
        }
        tainted.quoted_values = true;
        for field in ["data", "stringData"] {
            for text in body.get(field).and_then(Value::as_object).into_iter().flatten().filter_map(|(_, v)| v.as_str())
            {
                tainted.add(text);
            }
        }
        tainted
    }

    /// Taints a text: itself, what it is in base64, and what it holds if it is base64.
    pub(crate) fn add(&mut self, text: &str) {
        if let Some(plain) = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
            self.add_plain(&plain);
        }
        self.add_plain(text);
    }

    fn add_plain(&mut self, text: &str) {
        let quoted = Value::from(text).to_string();
        for form in [text.to_owned(), STANDARD.encode(text), quoted[1..quoted.len() - 1].to_owned()] {
            if form.len() >= SHORTEST {
                self.texts.insert(form);
            }
        }
    }

    /// The text without what is tainted.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut longest_first: Vec<&String> = self.texts.iter().collect();
        longest_first.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let masked =
            longest_first.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK));
        if self.quoted_values { mask_quoted_values(&masked) } else { masked }
    }
}

/// Replaces what the API server quotes as a value: `Invalid value: "…"`, `Unsupported value: {…}`.
fn mask_quoted_values(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(at) = rest.find(" value: ") {
        let (before, after) = rest.split_at(at + " value: ".len());
        out.push_str(before);
        out.push_str(MASK);
        rest = &after[end_of_value(after)..];
    }
    out.push_str(rest);
    out
}

/// Where the value ends that a text begins with: after the closing quote, or at the colon that explains it.
fn end_of_value(text: &str) -> usize {
    if text.starts_with('"') {
        let mut escaped = false;
        for (at, character) in text.char_indices().skip(1) {
            match character {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => return at + 1,
                _ => escaped = false,
            }
        }
        return text.len();
    }
    text.find(": ").unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_masked_plain_in_base64_and_escaped() {
        let mut tainted = Tainted::default();
        tainted.add("hunter2\"x");
        let base64 = STANDARD.encode("hunter2\"x");
        let text = format!("got hunter2\"x and {base64} and \"hunter2\\\"x\"");
        assert_eq!(tainted.mask(&text), format!("got {MASK} and {MASK} and \"{MASK}\""));
    }

    #[test]
    fn what_a_secret_body_holds_is_masked_also_when_the_server_decodes_it() {
        let body = json!({"kind": "Secret", "data": {"password": STANDARD.encode("correct horse")}});
        let text = Tainted::of_body(&body).mask("Invalid value: \"abc\\\"d\": no; saw correct horse");
        assert_eq!(text, format!("Invalid value: {MASK}: no; saw {MASK}"));
    }

    #[test]
    fn other_kinds_keep_their_values_in_messages() {
        let body = json!({"kind": "Deployment", "spec": {"replicas": "three"}});
        assert_eq!(Tainted::of_body(&body).mask("Invalid value: \"three\""), "Invalid value: \"three\"");
    }

    #[test]
    fn debug_output_holds_no_value() {
        let mut tainted = Tainted::default();
        tainted.add("hunter2hunter2");
        assert!(!format!("{tainted:?}").contains("hunter2"));
    }
}
