//! What evaluation may cost: each step and each copied byte is counted before it is made.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Value;
use crate::finding::{Code, Finding};
use crate::source::Span;

/// The most work of one expression: steps, and one for each [`BYTES`] of text that are made.
pub(crate) const MOST_WORK: u64 = 100_000;

/// The most work of all expressions of one app together.
pub(crate) const MOST_WORK_OF_APP: u64 = 2_000_000;

/// The most work of all apps of one organisation together.
pub(crate) const MOST_WORK_OF_ORGANISATION: u64 = 6_000_000;

/// Expressions or loops that cost too much.
const TOO_MUCH_WORK: Code = Code::new("E0512");

/// The bytes of text that cost as much as a step.
const BYTES: usize = 4;

/// What the expressions of one app may still cost. What would cost more is absent, and where that was is kept.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u64,
    left: AtomicU64,
    of_one: u64,
    beyond: OnceLock<Span>,
}

impl Budget {
    /// The budget of one app.
    pub(crate) fn of_app() -> Self {
        Self::at_most(MOST_WORK_OF_APP)
    }

    /// The budget of one app, where no more than that is left.
    pub(crate) fn at_most(work: u64) -> Self {
        Self::new(work.min(MOST_WORK_OF_APP), MOST_WORK)
    }

    /// The budget of all apps of one organisation together.
    pub(crate) fn of_organisation() -> Self {
        Self::new(MOST_WORK_OF_ORGANISATION, MOST_WORK)
    }

    /// No limit: for what was evaluated within its limits before.
    pub(crate) fn unlimited() -> Self {
        Self::new(u64::MAX, u64::MAX)
    }

    fn new(most: u64, of_one: u64) -> Self {
        Self { most, left: AtomicU64::new(most), of_one, beyond: OnceLock::new() }
    }

    /// What was spent.
    pub(crate) fn spent(&self) -> u64 {
        self.most - self.left.load(Ordering::Relaxed)
    }

    /// The place that cost too much, where one did.
    pub(crate) fn beyond(&self) -> Option<Span> {
        self.beyond.get().copied()
    }

    /// Takes the cost of something at a place; whether there was as much left.
    pub(crate) fn spend(&self, work: u64, place: Span) -> bool {
        let spent = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(work));
        if spent.is_err() {
            self.exceed(place);
        }
        spent.is_ok()
    }

    /// Nothing more is made, because of what stands at a place.
    pub(crate) fn exceed(&self, place: Span) {
        self.left.store(0, Ordering::Relaxed);
        self.beyond.get_or_init(|| place);
    }

    /// The meter of one expression.
    pub(super) fn meter(&self) -> Meter {
        let most = self.of_one.min(self.left.load(Ordering::Relaxed));
        Meter { most, left: Cell::new(Some(most)) }
    }

    /// Takes what an expression cost; whether that was within its limits.
    pub(super) fn settle(&self, meter: &Meter, place: Span) -> bool {
        let spent = meter.left.get().map(|left| meter.most - left);
        if spent.is_none() {
            self.exceed(place);
        }
        spent.is_some_and(|spent| self.spend(spent, place))
    }
}

/// What one expression may still cost; none once it would have cost more.
pub(super) struct Meter {
    most: u64,
    left: Cell<Option<u64>>,
}

impl Meter {
    /// Takes steps; whether there were as many left.
    pub(super) fn spend(&self, steps: u64) -> bool {
        self.left.set(self.left.get().and_then(|left| left.checked_sub(steps)));
        self.left.get().is_some()
    }

    /// Takes the cost of a text of so many bytes.
    pub(super) fn spend_text(&self, bytes: usize) -> bool {
        self.spend(work_of_text(bytes))
    }
}

/// The finding about an app that costs too much, where the app is written: `done` says what with it, `place` is the part of the
/// definition in which it became too much.
pub(crate) fn too_much_work(done: &str, place: Span, app: Span) -> Finding {
    Finding::refused(TOO_MUCH_WORK, format!("{done} takes too much work"), app)
        .also(place, "here it became too much")
        .why("what expressions compute, loops repeat and objects hold is limited, for each app and each organisation")
        .help("shorten the lists that `@each`, `map`, `filter`, `exists` and `all` walk over, or nest fewer of them")
}

/// What making a text of so many bytes costs.
pub(crate) fn work_of_text(bytes: usize) -> u64 {
    u64::try_from(1 + bytes / BYTES).unwrap_or(u64::MAX)
}

/// What copying a value costs; texts are shared.
pub(super) fn work_of_copy(value: &Value) -> u64 {
    match value {
        Value::List(items) => items.iter().fold(1, |work, item| work + work_of_copy(item)),
        Value::Map(entries) => {
            entries.iter().fold(1, |work, (key, value)| work + work_of_text(key.len()) + work_of_copy(value))
        }
        Value::Absent | Value::Bool(_) | Value::Int(_) | Value::Quantity(_) | Value::Text(_) | Value::Secret(_) => 1,
    }
}

/// What making a text of all of a value costs.
pub(crate) fn work_of_value(value: &Value) -> u64 {
    match value {
        Value::Text(text) => work_of_text(text.text.len()),
        Value::List(items) => items.iter().fold(1, |work, item| work + work_of_value(item)),
        Value::Map(entries) => {
            entries.iter().fold(1, |work, (key, value)| work + work_of_text(key.len()) + work_of_value(value))
        }
        Value::Absent | Value::Bool(_) | Value::Int(_) | Value::Quantity(_) | Value::Secret(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::expression::{Environment, evaluate, evaluate_explained, parse};
    use crate::source::FileId;

    /// A budget with an expression evaluated in it over `count` words, and the value.
    fn evaluated_over(text: &str, count: usize) -> (Arc<Budget>, Value) {
        let words = (0..count).map(|at| Value::text(&format!("w{at}"))).collect();
        let budget = Arc::new(Budget::of_app());
        let environment = Environment::new().within(&budget).with("words", Value::List(words));
        let expression = parse(text, Span::new(FileId(0), 0..text.len())).unwrap();
        let value = evaluate(&expression, &environment);
        (budget, value)
    }

    #[test]
    fn work_grows_with_what_is_walked_over_and_ends_at_the_most() {
        let work = |text: &str, count| evaluated_over(text, count).0.spent();
        let one = |count| work("words.all(a, a != 'z')", count);
        assert!(one(200) < 2 * one(100) + 20, "{} and {}", one(100), one(200));
        let two = "words.all(a, words.all(b, a != b || true))";
        assert!(work(two, 100) > 50 * one(100));
        for costly in [
            "words.all(a, words.all(b, words.all(c, c != 'z')))",
            "size(words.map(a, words.map(b, words.map(c, c))))",
            "join(words.map(a, join(words.map(b, join(words, a + b)), a)), '') == ''",
            "hash(words.map(a, words.map(b, words)))",
            "words.exists(a, lower(join(words, join(words, a))) == 'x')",
            "size(words.filter(a, words in [words, words] && size(words.map(b, words)) > 0))",
        ] {
            let (budget, value) = evaluated_over(costly, 300);
            assert_eq!(value, Value::Absent, "{costly}");
            assert!(budget.beyond().is_some(), "{costly}");
            let unlimited = Arc::new(Budget::unlimited());
            let environment = Environment::new().within(&unlimited).with("words", Value::List(vec![Value::text("w")]));
            let expression = parse(costly, Span::new(FileId(0), 0..costly.len())).unwrap();
            assert_ne!(evaluate(&expression, &environment), Value::Absent, "{costly}");
        }
    }

    #[test]
    fn what_is_spent_together_ends_too_and_nothing_follows() {
        let budget = Arc::new(Budget::of_app());
        let words: Vec<Value> = (0..100).map(|at| Value::text(&format!("w{at}"))).collect();
        let environment = Environment::new().within(&budget).with("words", Value::List(words));
        let text = "words.all(a, words.all(b, a != 'z'))";
        let expression = parse(text, Span::new(FileId(0), 0..text.len())).unwrap();
        let sound = (0..1000).take_while(|_| evaluate(&expression, &environment) == Value::Bool(true)).count();
        assert!((10..200).contains(&sound), "{sound}");
        let cheap = parse("1 + 1", Span::new(FileId(0), 0..5)).unwrap();
        assert_eq!(evaluate(&cheap, &environment), Value::Absent);
        assert_eq!(budget.beyond(), Some(expression.span));
    }

    #[test]
    fn a_message_shows_the_start_of_what_is_long() {
        let (text, count) = ("size(words) == 0", 5_000);
        let words = (0..count).map(|at| Value::text(&format!("w{at}"))).collect();
        let environment = Environment::new().with("words", Value::List(words));
        let text = format!("{text} && words == words && words.all(a, a == '')");
        let expression = parse(&text, Span::new(FileId(0), 0..text.len())).unwrap();
        let line = evaluate_explained(&expression, &environment).parts_line();
        assert!(line.len() < 2_000 && line.contains("w0") && line.contains('…'), "{line}");
    }
}
