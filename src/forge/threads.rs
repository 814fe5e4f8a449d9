//! Findings on the lines of a diff: made where they are missing, edited where they say something else, resolved where they are mended.

use std::collections::BTreeMap;

use super::comment::{is_same, without_commands};
use super::publish::{LineNote, PostingStop, RequestAtHand};
use super::{Forge, ForgeError, ForgeKind, LineThread, NewThread, SuggestionForm};

/// What is said of a review that holds notes on lines.
pub(super) const REVIEW: &str = "Findings on lines of this merge request:";
/// The most notes on lines; the rest stands in the comment.
pub(super) const MOST_NOTES: usize = 30;
/// The most bytes of a note, and of a suggestion.
const MOST_OF_NOTE: usize = 8_000;
/// How often it is looked which threads are there before some are made again.
const LOOKS: u32 = 4;
/// How the line begins by which a note is known.
const MARKER: &str = "<!-- parcelle note ";
const RESOLVED: &str = " resolved -->";
const END: &str = " -->";

/// What became of the notes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NotesDone {
    pub(crate) created: usize,
    pub(crate) edited: usize,
    pub(crate) resolved: usize,
    /// The places of those that stand on no line of the diff, or for which there was no room.
    pub(super) unplaced: Vec<String>,
}

/// Brings the threads of a garden to what the notes say.
pub(super) fn publish(
    standing: &RequestAtHand<'_>,
    garden: &str,
    notes: &[LineNote],
    done: &mut NotesDone,
) -> Result<(), PostingStop> {
    let forge = standing.forge;
    let wanted: Vec<(String, &LineNote)> = notes.iter().map(|note| (key(garden, note), note)).collect();
    let (placed, rest) = wanted.split_at(wanted.len().min(MOST_NOTES));
    done.unplaced.extend(rest.iter().map(|(_, note)| note.place()));
    let mut missing: Vec<&(String, &LineNote)> = placed.iter().collect();
    for look in 1..=LOOKS {
        let threads = own(standing, garden)?;
        settle(standing, &wanted, &threads, done)?;
        missing.retain(|(key, _)| !threads.contains_key(key));
        if missing.is_empty() {
            return Ok(());
        }
        standing.check()?;
        let new: Vec<NewThread> = missing.iter().map(|(key, note)| note.thread(forge, key)).collect();
        match forge.create_threads(&standing.head, &new) {
            Ok(dropped) => {
                done.created += new.len() - dropped.len();
                done.unplaced.extend(dropped.iter().map(|at| missing[*at].1.place()));
                return Ok(());
            }
            // Which of them are there shows when they are read again.
            Err(error) if error.is_uncertain() && look < LOOKS && forge.client().pause(look) => {}
            Err(error) => {
                done.unplaced.extend(missing.iter().map(|(_, note)| note.place()));
                return Err(PostingStop::Failed(error));
            }
        }
    }
    Ok(())
}

/// The threads of this garden that the token's own account began, by their key, the oldest first.
fn own(standing: &RequestAtHand<'_>, garden: &str) -> Result<BTreeMap<String, Vec<LineThread>>, PostingStop> {
    let mut threads: BTreeMap<String, Vec<LineThread>> = BTreeMap::new();
    for thread in standing.forge.threads().map_err(PostingStop::Failed)? {
        let is_own = standing.account.as_ref().is_some_and(|account| account.is(&thread.author));
        if let Some((key, _)) = mark(&thread.body).filter(|(key, _)| is_own && key.starts_with(&prefix(garden))) {
            threads.entry(key.to_owned()).or_default().push(thread);
        }
    }
    threads.values_mut().for_each(|threads| threads.sort_by_key(|thread| thread.comment));
    Ok(threads)
}

/// Edits and opens what is found again, and resolves the rest.
fn settle(
    standing: &RequestAtHand<'_>,
    wanted: &[(String, &LineNote)],
    threads: &BTreeMap<String, Vec<LineThread>>,
    done: &mut NotesDone,
) -> Result<(), PostingStop> {
    let forge = standing.forge;
    for (key, threads) in threads {
        let note = wanted.iter().find(|(wanted, _)| wanted == key).map(|(_, note)| note);
        for (nth, thread) in threads.iter().enumerate() {
            // A further thread of the same finding came of a call that was cut.
            match note.filter(|_| nth == 0) {
                Some(note) => {
                    let body = note.body(forge, key);
                    if !is_same(&body, &thread.body) {
                        standing.check()?;
                        forge.edit_thread(thread, &body).map_err(PostingStop::Failed)?;
                        done.edited += 1;
                    }
                    if thread.resolved && is_resolved(&thread.body) {
                        standing.check()?;
                        forge.set_resolved(thread, false).map_err(PostingStop::Failed)?;
                    }
                }
                None if is_resolved(&thread.body) => {}
                None => {
                    standing.check()?;
                    let body = resolved_body(key, &thread.body);
                    let resolve = || -> Result<(), ForgeError> {
                        if forge.can_resolve() && !thread.resolved {
                            forge.set_resolved(thread, true)?;
                        }
                        forge.edit_thread(thread, &body)
                    };
                    resolve().map_err(PostingStop::Failed)?;
                    done.resolved += 1;
                }
            }
        }
    }
    Ok(())
}

/// The key and whether it is resolved, by the last line of its kind in a body.
fn mark(body: &str) -> Option<(&str, bool)> {
    let rest = body.lines().rev().find_map(|line| line.trim().strip_prefix(MARKER))?;
    let found = rest.strip_suffix(RESOLVED).map(|key| (key, true));
    let (key, resolved) = found.or_else(|| rest.strip_suffix(END).map(|key| (key, false)))?;
    let is_key = key.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_key.then_some((key, resolved))
}

fn is_resolved(body: &str) -> bool {
    mark(body).is_some_and(|(_, resolved)| resolved)
}

/// A thread whose finding is gone.
fn resolved_body(key: &str, body: &str) -> String {
    let first = body.lines().next().unwrap_or_default().replace("~~", "");
    format!("**Resolved:** ~~{}~~\n\n{MARKER}{key}{RESOLVED}", first.trim())
}

/// Hexadecimal digits of a text's hash: nothing that a text says ends a marker.
fn hash(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn prefix(garden: &str) -> String {
    format!("{}-", hash(garden))
}

fn key(garden: &str, note: &LineNote) -> String {
    format!("{}{}", prefix(garden), hash(&note.key))
}

impl LineNote {
    /// Its place, as people read it.
    fn place(&self) -> String {
        let title = self.text.lines().next().unwrap_or_default();
        format!("{}:{} {title}", self.path, self.line)
    }

    fn thread(&self, forge: &dyn Forge, key: &str) -> NewThread {
        let end_line = self.end_line.max(self.line);
        NewThread { path: self.path.clone(), line: self.line, end_line, body: self.body(forge, key) }
    }

    /// Its text with the suggestion, as the forge takes it.
    fn body(&self, forge: &dyn Forge, key: &str) -> String {
        let end = self.text.floor_char_boundary(MOST_OF_NOTE);
        let mut body = self.text[..end].trim_end().to_owned();
        if let Some(suggestion) = self.suggestion.as_ref().filter(|suggestion| suggestion.len() <= MOST_OF_NOTE) {
            let below = self.end_line.saturating_sub(self.line);
            let (before, word) = match forge.suggestion_form() {
                SuggestionForm::OfLines => ("", "suggestion".to_owned()),
                SuggestionForm::BelowLine => ("", format!("suggestion:-0+{below}")),
                SuggestionForm::Shown => ("It could be:\n\n", String::new()),
            };
            // A fence longer than any run of backticks inside, so that nothing of a garden can end it.
            let longest = suggestion.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
            let fence = "`".repeat(longest.max(2) + 1);
            body.push_str(&format!("\n\n{before}{fence}{word}\n{}\n{fence}", suggestion.trim_end_matches('\n')));
        }
        let body = format!("{body}\n\n{MARKER}{key}{END}");
        // In a fence nothing is a command, and a suggestion is taken as it is.
        if forge.kind() == ForgeKind::GitLab && self.suggestion.is_none() { without_commands(&body) } else { body }
    }
}
