//! What an API server warns of beside an answer (`Warning: 299 - "…"`): deprecated versions, admission, fields that are
//! lost. Bounded, masked, and without anything that could steer a terminal.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, header};

use crate::secrets::Tainted;
use crate::visible;

/// So many warnings of one answer, or of one action, are kept.
pub(crate) const MOST: usize = 10;
/// So many characters of each.
pub(crate) const LONGEST: usize = 500;

/// The warnings of an answer, each once, in order.
pub(super) fn of_answer(headers: &HeaderMap, tainted: &Tainted) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    for value in headers.get_all(header::WARNING) {
        for text in texts(&String::from_utf8_lossy(value.as_bytes())) {
            let text = shortened(&tainted.mask(&text));
            if !text.is_empty() && !warnings.contains(&text) && warnings.len() < MOST {
                warnings.push(text);
            }
        }
    }
    warnings
}

/// The quoted texts of one header: `299 agent "text" "date"`, several of them with commas between. A text without quotes is
/// taken whole.
fn texts(value: &str) -> Vec<String> {
    let (mut texts, mut rest) = (Vec::new(), value);
    // The text comes first, and a date may follow it before the next comma.
    while let Some((_, quoted)) = rest.split_once('"') {
        let (text, after) = unquoted(quoted);
        texts.push(text);
        rest = after.trim_start();
        if let Some(date) = rest.strip_prefix('"') {
            rest = unquoted(date).1;
        }
    }
    if texts.is_empty() {
        texts.push(value.to_owned());
    }
    texts
}

/// The text up to the quote that ends it, and what follows that.
fn unquoted(quoted: &str) -> (String, &str) {
    let (mut text, mut escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '"' if !escaped => return (text, &quoted[at + 1..]),
            '\\' if !escaped => escaped = true,
            other => {
                text.push(other);
                escaped = false;
            }
        }
    }
    (text, "")
}

/// One line of bounded length.
fn shortened(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() || visible::is_steering(letter) { ' ' } else { letter };
    let line: Vec<char> = text.chars().map(plain).collect();
    let words = line.into_iter().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &words[..at]),
        None => words,
    }
}

/// What was warned of while an action was carried out; several requests may belong to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<BTreeSet<String>>>);

impl Heard {
    pub(super) fn hear(&self, warnings: &[String]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MOST.saturating_sub(heard.len());
        heard.extend(warnings.iter().take(room).cloned());
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&[u8]]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WARNING, http::HeaderValue::from_bytes(value).unwrap());
        }
        of_answer(&headers, &Tainted::default())
    }

    #[test]
    fn every_form_of_the_header_is_read_and_each_text_kept_once() {
        let hides =
            "spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply";
        let quoted = hides.replace('"', "\\\"");
        assert_eq!(of(&[format!("299 - \"{quoted}\"").as_bytes(), format!("299 - \"{quoted}\"").as_bytes()]), [hides]);
        assert_eq!(of(&[br#"299 - "a, b" "Tue, 15 Nov 1994 08:12:31 GMT", 299 proxy "c""#]), ["a, b", "c"]);
        assert_eq!(of(&[b"299 - \"open"]), ["open"]);
        assert_eq!(of(&[b"no quotes at all"]), ["no quotes at all"]);
        assert_eq!(of(&["299 - \"déprécié \u{202e}x\"".as_bytes(), b"299 - \"\"", b""]), ["déprécié x"]);
        assert_eq!(of(&[b"299 - \"a\tb\""]), ["a b"]);
    }

    #[test]
    fn what_is_warned_of_is_bounded() {
        let long = format!("299 - \"{}\"", "x".repeat(5_000));
        assert_eq!(of(&[long.as_bytes()])[0].chars().count(), LONGEST + 1);
        let many: Vec<String> = (0..50).map(|n| format!("299 - \"{n}\"")).collect();
        assert_eq!(of(&many.iter().map(String::as_bytes).collect::<Vec<_>>()).len(), MOST);
        let heard = Heard::default();
        (0..50).for_each(|n| heard.hear(&[n.to_string()]));
        assert_eq!(heard.all().len(), MOST);
    }
}
