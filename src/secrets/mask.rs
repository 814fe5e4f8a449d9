//! Masking: the API server echoes what it was sent, so every text it answers passes through here.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "(secret)";

/// What stands in place of a value of somebody else.
pub(crate) const OTHERS: &str = "(not shown)";

/// Texts of others from this length on are masked wherever they stand, shorter ones where they stand alone.
const LONG: usize = 8;

/// Shorter texts are not masked alone: `a` occurs in every sentence and is no secret.
const SHORTEST: usize = 4;

/// The secret texts that must not be in what is printed next: plain, base64 and as JSON writes them.
#[derive(Clone, Default)]
pub(crate) struct Tainted {
    texts: BTreeSet<String>,
    /// Texts that are somebody else's, in the same forms.
    others: BTreeSet<String>,
    /// The text is about a Secret: whatever the server quotes as a value goes, known or not.
    quoted_values: bool,
}

impl fmt::Debug for Tainted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tainted({} texts)", self.texts.len() + self.others.len())
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

    /// Taints what is somebody else's in live objects: each text, its lines and their words, and what stands in it if it is JSON.
    pub(crate) fn of_others(texts: impl IntoIterator<Item = String>) -> Self {
        let mut tainted = Self::default();
        for text in texts {
            if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&text) {
                tainted.add_inside(&value);
            }
            for line in text.lines() {
                // What stands before the first sign is the name of what follows.
                let value = line.split_once(['=', ':']).map_or(line, |(_, value)| value);
                let words = value.split(|letter: char| letter.is_whitespace() || "=,;'\"".contains(letter));
                let parts = words.chain([line.trim(), value.trim()]);
                parts.filter(|part| part.len() >= LONG).for_each(|part| tainted.add_of_others(part));
            }
            tainted.add_of_others(&text);
        }
        tainted
    }

    fn add_inside(&mut self, value: &Value) {
        match value {
            Value::Object(map) => map.values().for_each(|value| self.add_inside(value)),
            Value::Array(items) => items.iter().for_each(|value| self.add_inside(value)),
            Value::String(text) => self.add_of_others(text),
            Value::Number(_) | Value::Bool(_) | Value::Null => {}
        }
    }

    fn add_of_others(&mut self, text: &str) {
        let mut forms = Self::default();
        forms.add_plain(text);
        self.others.append(&mut forms.texts);
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
        let masked = longest_first(&self.texts, text).fold(text.to_owned(), |text, secret| text.replace(secret, MASK));
        let masked = longest_first(&self.others, text).fold(masked, |text, other| without(&text, other));
        if self.quoted_values { mask_values(&masked, |_| true, |_| Some(MASK)) } else { masked }
    }
}

/// The texts that stand in another one.
fn longest_first<'t>(texts: &'t BTreeSet<String>, within: &str) -> impl Iterator<Item = &'t str> {
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).filter(|text| within.contains(text)).collect();
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts.into_iter()
}

/// A text without one of somebody else. A short text, and one that is a word of the language (`kubernetes`), is taken out where it
/// stands alone: paths and names of fields are made of such words.
fn without(text: &str, other: &str) -> String {
    let is_word = other.bytes().all(|letter| letter.is_ascii_lowercase());
    if (other.len() >= LONG && !is_word) || !text.contains(other) {
        return text.replace(other, OTHERS);
    }
    let joins = |letter: char| letter.is_alphanumeric() || (is_word && "./-_".contains(letter));
    let is_end = |letter: Option<char>| letter.is_none_or(|letter| !joins(letter));
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(other) {
        let (before, after) = (&rest[..at], &rest[at + other.len()..]);
        let alone = is_end(before.chars().next_back().or(out.chars().next_back())) && is_end(after.chars().next());
        out.push_str(before);
        out.push_str(if alone { OTHERS } else { other });
        rest = after;
    }
    out + rest
}

/// A text of an API server without the values that it quotes and that we did not send: `Invalid value: "…"` of a field of
/// somebody else, a whole pod template. `sent` is the body of the request.
pub(crate) fn without_unsent(text: &str, sent: Option<&Value>) -> String {
    if !text.contains(VALUE) {
        return text.to_owned();
    }
    let mut known = BTreeSet::new();
    sent.into_iter().for_each(|sent| collect(sent, &mut known));
    mask_values(text, quotes_a_value, |quoted| {
        let plain = serde_json::from_str::<String>(quoted).unwrap_or_else(|_| quoted.trim().to_owned());
        (!known.contains(&plain) && !TYPES.contains(&&*plain)).then_some(OTHERS)
    })
}

/// What the server says instead of a value that breaks a rule.
const TYPES: [&str; 8] = ["object", "array", "string", "integer", "number", "boolean", "null", ""];

fn collect(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            texts.insert(key.clone());
            collect(value, texts);
        }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::String(text) => drop(texts.insert(text.clone())),
        other => drop(texts.insert(other.to_string())),
    }
}

/// What the API server writes before a value that it quotes: `Invalid value: "…"`, `Unsupported value: {…}`.
const VALUE: &str = " value: ";

/// Replaces quoted values by what `instead` gives for each, where `quotes` says that there is one; `Required value: ` has none.
fn mask_values(text: &str, quotes: impl Fn(&str) -> bool, instead: impl Fn(&str) -> Option<&'static str>) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(at) = rest.find(VALUE) {
        let (before, after) = rest.split_at(at + VALUE.len());
        out.push_str(before);
        let end = if quotes(after) && !before.ends_with("Required value: ") { end_of_value(after) } else { 0 };
        if end > 0 {
            out.push_str(instead(&after[..end]).unwrap_or(&after[..end]));
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Whether a text begins with a value, as Go prints one, rather than with words: some rules are told without the value.
fn quotes_a_value(text: &str) -> bool {
    let word = text.split([' ', '\n']).next().unwrap_or_default();
    let word = word.split_once(':').map_or(word, |(word, _)| word);
    word.contains(['"', '{', '[', '(']) || word.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

/// Where the value ends that a text begins with: after the closing quote or bracket, or at the colon that explains it.
fn end_of_value(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '\\' if quoted && !escaped => {
                escaped = true;
                continue;
            }
            '"' if quoted && !escaped => {
                quoted = false;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ if quoted => {}
            '"' => quoted = true,
            '{' | '[' | '(' => depth += 1,
            '}' | ']' | ')' if depth > 0 => {
                depth -= 1;
                // `[]string{…}` and `map[string]string{…}` go on.
                let goes_on =
                    text[at + 1..].starts_with(|next: char| next.is_alphanumeric() || "{[(.*&".contains(next));
                if depth == 0 && !goes_on {
                    return at + 1;
                }
            }
            ':' if depth == 0 && text[at..].starts_with(": ") => return at,
            _ => {}
        }
        escaped = false;
    }
    text.len()
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
    fn what_a_server_quotes_and_we_did_not_send_is_not_told() {
        let sent = json!({"spec": {"replicas": -1, "env": [{"name": "A", "value": "mine \"x\""}]}});
        let mask = |text: &str| without_unsent(text, Some(&sent));
        for told in [
            "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            "spec.env[0]: Invalid value: \"mine \\\"x\\\"\": no",
            "spec.x: Required value: must be set: here",
            "spec: Invalid value: \"object\": no two of them",
            "spec: Invalid value: hosts are immutable",
            "plain",
        ] {
            assert_eq!(mask(told), told);
        }
        for (told, masked) in [
            ("a: Invalid value: \"their: \\\"x\": no", "a: Invalid value: (not shown): no"),
            (
                "a: Unsupported value: \"theirs\": no, b: Invalid value: 7",
                "a: Unsupported value: (not shown): no, b: Invalid value: (not shown)",
            ),
            (
                "t: Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{core.EnvVar{Name:\"T\", Value:\"a: }\"}}, M:map[string]string{\"a\":\"b\"}}: field is immutable",
                "t: Invalid value: (not shown): field is immutable",
            ),
            ("t: Invalid value: {\"a\":{\"b\":\"c: d\"}}: no", "t: Invalid value: (not shown): no"),
        ] {
            assert_eq!(mask(told), masked);
        }
    }

    #[test]
    fn texts_of_others_are_masked_long_ones_everywhere_short_ones_alone() {
        let tainted = Tainted::of_others([
            "theirs".to_owned(),
            "a-long-token".to_owned(),
            "{\"in\":\"deeper-token\"}".to_owned(),
            "port=1\npassword = \"typed-by-hand\"".to_owned(),
        ]);
        let text = "theirs, not theirselves: xa-long-tokenx (deeper-token) \"theirs\", password typed-by-hand";
        let masked = "(not shown), not theirselves: x(not shown)x ((not shown)) \"(not shown)\", password (not shown)";
        assert_eq!(tainted.mask(text), masked);
    }

    #[test]
    fn a_plain_word_of_others_leaves_the_names_of_fields_readable() {
        let tainted = Tainted::of_others(["kubernetes".to_owned(), "correcthorse".to_owned()]);
        let text = "spec.nodeSelector[beta.kubernetes.io/arch]: \"kubernetes\" and password=correcthorse, not kubernetes-dashboard";
        let masked = "spec.nodeSelector[beta.kubernetes.io/arch]: \"(not shown)\" and password=(not shown), not kubernetes-dashboard";
        assert_eq!(tainted.mask(text), masked);
    }

    #[test]
    fn debug_output_holds_no_value() {
        let mut tainted = Tainted::default();
        tainted.add("hunter2hunter2");
        assert!(!format!("{tainted:?}").contains("hunter2"));
    }
}
