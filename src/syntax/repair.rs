//! Text with mistakes mended, so that reading goes on behind them, and the way back to the places in the file.

use std::ops::Range;

/// A replacement in a text; an empty range inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

impl Repair {
    pub(super) fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    pub(super) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { range: at..at, text: text.into() }
    }

    pub(super) fn delete(range: Range<usize>) -> Self {
        Self { range, text: String::new() }
    }
}

/// `source` with the repairs made. Of two that overlap the first counts.
pub(super) fn mend(source: &str, mut repairs: Vec<Repair>) -> (String, Mending) {
    repairs.sort_by_key(|repair| (repair.range.start, repair.range.end));
    let mut text = String::with_capacity(source.len() + 16 * repairs.len());
    let (mut steps, mut from) = (Vec::with_capacity(repairs.len()), 0);
    for repair in repairs {
        if repair.range.start < from {
            continue;
        }
        text.push_str(&source[from..repair.range.start]);
        let new_start = text.len();
        text.push_str(&repair.text);
        from = repair.range.end;
        steps.push(Step { new: new_start..text.len(), old: repair.range });
    }
    text.push_str(&source[from..]);
    (text, Mending { steps })
}

struct Step {
    new: Range<usize>,
    old: Range<usize>,
}

/// How offsets in a mended text map to those before.
pub(super) struct Mending {
    steps: Vec<Step>,
}

impl Mending {
    /// The range before mending of a range after it. What lies inside a repair becomes all that the repair replaced.
    pub(super) fn back(&self, range: Range<usize>) -> Range<usize> {
        let start = self.offset(range.start, true);
        let end = if range.is_empty() { start } else { self.offset(range.end, false) };
        start..end.max(start)
    }

    /// Whether the range touches nothing that was mended, so that an edit of it is an edit of the text before.
    pub(super) fn is_untouched(&self, range: &Range<usize>) -> bool {
        let next = self.steps.partition_point(|step| step.new.end < range.start || step.new.end == 0);
        self.steps[next..].first().is_none_or(|step| {
            step.new.start > range.end
                || (!range.is_empty() && step.new.start == range.end)
                || step.new.end <= range.start
        })
    }

    fn offset(&self, at: usize, is_start: bool) -> usize {
        let next = self.steps.partition_point(|step| if is_start { step.new.start <= at } else { step.new.start < at });
        let Some(step) = next.checked_sub(1).map(|last| &self.steps[last]) else { return at };
        let inside = if is_start { at < step.new.end } else { at <= step.new.end };
        match inside {
            true if is_start => step.old.start,
            true => step.old.end,
            false => step.old.end + (at - step.new.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_the_mended_text_lead_back() {
        let (text, mending) = mend("a 50GiB b", vec![Repair::insert(4, " ")]);
        assert_eq!(text, "a 50 GiB b");
        assert_eq!(mending.back(2..4), 2..4);
        assert_eq!(mending.back(5..8), 4..7);
        assert_eq!(mending.back(9..10), 8..9);
    }

    #[test]
    fn what_lies_inside_a_repair_is_all_it_replaced() {
        let (text, mending) = mend("a 22:00 b", vec![Repair::replace(2..7, "\"22:00\"")]);
        assert_eq!(text, "a \"22:00\" b");
        assert_eq!(mending.back(2..9), 2..7);
        assert_eq!(mending.back(10..11), 8..9);
        assert!(!mending.is_untouched(&(3..5)));
        assert!(mending.is_untouched(&(10..11)));
    }
}
