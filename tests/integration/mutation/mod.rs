//! Broken gardens, made from `orgs/` by mutation: each mistake is found once, where it was made; what is no mistake is
//! not found.
//!
//! A seeded sample is tried; `PARCELLE_MUTATIONS=all` tries every mutation that the generator knows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use parcelle::check::mending::Look;
use parcelle::check::{Checked, Memo, check_again};
use parcelle::finding::Finding;
use parcelle::git::{RawFile, Snapshot};
use rayon::prelude::*;

use crate::mending;

mod kinds;
mod scan;

/// How many of each kind are tried where not all are.
const OF_EACH_KIND: usize = 8;

/// What a mutation must lead to.
#[derive(Clone, Debug, PartialEq)]
enum Expect {
    /// It is no mistake.
    Nothing,
    /// One finding, which begins at one of these bytes of the mutated text.
    At(Range<usize>),
    /// One finding on the lines of these bytes.
    OnLines(Range<usize>),
    /// One finding, anywhere in the file: what is missing has no place of its own.
    Somewhere,
    /// It may be meant so: one finding at most.
    AtMostOne,
}

/// One file with one mistake.
#[derive(Clone, Debug)]
struct Mutation {
    kind: &'static str,
    path: String,
    /// What was done, for people.
    what: String,
    text: String,
    expect: Expect,
}

/// The files of the garden.
fn garden() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("orgs");
    let files = parcelle::git::read_files(&root, &root).expect("the garden is in the repository");
    files.into_iter().map(|raw| (raw.path, String::from_utf8(raw.bytes.to_vec()).expect("it is text"))).collect()
}

/// The shared files of a garden with the smallest organisation of each offer and each cluster, so that nothing is unused.
fn core(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let shared = |kind: &'static str| {
        let paths =
            files.keys().filter_map(move |path| path.strip_prefix(kind)?.strip_prefix("s/")?.strip_suffix(".kdl"));
        paths.map(move |name| format!("    {kind} {name}\n"))
    };
    let smallest = |line: String| {
        let users = files.iter().filter(|(path, text)| path.starts_with("organisations/") && text.contains(&line));
        users.min_by_key(|(_, text)| text.len()).map(|(path, _)| path)
    };
    let kept: Vec<&String> = shared("offer").chain(shared("cluster")).filter_map(smallest).collect();
    let mut core = files.clone();
    core.retain(|path, _| !path.starts_with("organisations/") || kept.contains(&path));
    core
}

/// The check of the garden with one file in the place of its own.
fn check(memo: &mut Memo, files: &BTreeMap<String, String>, path: &str, text: &str) -> Checked {
    let mut files = files.clone();
    files.insert(path.to_owned(), text.to_owned());
    let raw = |(path, text): (String, String)| RawFile { path, blob: text.clone(), bytes: text.into_bytes().into() };
    let snapshot = Snapshot::of(files.into_iter().map(raw).collect());
    check_again(memo, snapshot, None, jiff::Timestamp::UNIX_EPOCH)
}

/// What is wrong with what was found, in words.
fn verdict(mutation: &Mutation, checked: &Checked) -> Option<String> {
    let found: Vec<&Finding> = checked.findings.iter().collect();
    if found.len() > 1 {
        return Some(format!("{} findings", found.len()));
    }
    let here = found.first().is_some_and(|finding| *checked.sources.file(finding.file()).path == mutation.path);
    match (&mutation.expect, found.first()) {
        (Expect::Nothing, Some(_)) => Some("found, though it is no mistake".into()),
        (Expect::Nothing | Expect::AtMostOne, _) => None,
        (_, None) => Some("not found".into()),
        (_, Some(_)) if !here => Some("found in another file".into()),
        (Expect::Somewhere, Some(_)) => None,
        (Expect::At(range), Some(finding)) => {
            let start = finding.primary.span.start as usize;
            (!range.contains(&start)).then(|| "found at another place".into())
        }
        (Expect::OnLines(range), Some(finding)) => {
            let line = |at: usize| mutation.text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            let found = line(finding.primary.span.start as usize);
            (!(line(range.start)..=line(range.end)).contains(&found)).then(|| "found on another line".into())
        }
    }
}

fn describe(mutation: &Mutation, verdict: &str, checked: &Checked) -> String {
    let mut out = format!("{} in {}: {}: {verdict}\n", mutation.kind, mutation.path, mutation.what);
    for finding in &checked.findings {
        let place = checked.sources.locate(finding.primary.span);
        let _ = writeln!(out, "    {place}: {}: {}", finding.code.as_str(), finding.title);
    }
    out
}

/// A sample of each kind, the same in every run.
fn sample(mut all: Vec<Mutation>) -> Vec<Mutation> {
    if std::env::var_os("PARCELLE_MUTATIONS").is_some() {
        let only = std::env::var("PARCELLE_KIND").unwrap_or_default();
        all.retain(|mutation| mutation.kind.contains(&only));
        return all;
    }
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut by_kind: BTreeMap<&str, Vec<Mutation>> = BTreeMap::new();
    all.into_iter().for_each(|mutation| by_kind.entry(mutation.kind).or_default().push(mutation));
    let mut chosen = Vec::new();
    for mut of_kind in by_kind.into_values() {
        while of_kind.len() > OF_EACH_KIND {
            // xorshift: enough to spread the choice over the files.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = usize::try_from(state % of_kind.len() as u64).expect("it is below a length");
            of_kind.swap_remove(at);
        }
        chosen.extend(of_kind);
    }
    chosen
}

#[test]
fn each_mistake_is_found_once_and_where_it_was_made() {
    let files = garden();
    let all: Vec<Mutation> = files.iter().flat_map(|(path, text)| kinds::mutations(path, text)).collect();
    let (known, files) = (all.len(), core(&files));
    let tried = sample(all);
    let start = std::time::Instant::now();
    let results: Vec<(&Mutation, usize, Option<String>)> = tried
        .par_chunks(tried.len().div_ceil(rayon::current_num_threads().max(1)).max(1))
        .flat_map_iter(|chunk| {
            let mut memo = Memo::default();
            let files = &files;
            chunk.iter().map(move |mutation| {
                let checked = check(&mut memo, files, &mutation.path, &mutation.text);
                let wrong = verdict(mutation, &checked).map(|verdict| describe(mutation, &verdict, &checked));
                (mutation, checked.findings.len(), wrong)
            })
        })
        .collect();
    let mut figures: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (mutation, found, failure) in results {
        let of_kind = figures.entry(mutation.kind).or_default();
        of_kind.0 += 1;
        of_kind.1 += usize::from(found > 0);
        of_kind.2 += usize::from(failure.is_some());
        wrong.extend(failure);
    }
    println!("{:<24} {:>6} {:>6} {:>6}", "mutation", "tried", "found", "wrong");
    for (kind, (tried, found, wrong)) in &figures {
        println!("{kind:<24} {tried:>6} {found:>6} {wrong:>6}");
    }
    println!("{} of {known} mutations in {:.1} s", tried.len(), start.elapsed().as_secs_f64());
    assert!(wrong.is_empty(), "{} are not found as they should be:\n{}", wrong.len(), wrong.join(""));
}

/// What `fix` did to a mutation.
struct Mending {
    applied: usize,
    /// Fixes that were left out for what they would have led to: a second mistake of the same word, as a rule.
    left_out: usize,
    /// The promise that was broken, in words.
    broken: Option<String>,
}

fn mended(memo: &mut Memo, files: &BTreeMap<String, String>, mutation: &Mutation) -> Mending {
    let texts = BTreeMap::from([(mutation.path.clone(), mutation.text.clone())]);
    let mut look = |texts: &BTreeMap<String, String>| {
        let checked = check(memo, files, &mutation.path, &texts[&mutation.path]);
        Look { sources: checked.sources, findings: checked.findings }
    };
    let first = look(&texts);
    let (mended, broken) = mending::mended(&texts, look);
    let broken = broken.map(|broken| {
        let found: Vec<&Finding> = first.findings.iter().collect();
        let story = mending::story(&found, &mended);
        format!("{} in {}: {}: {broken}\n{story}", mutation.kind, mutation.path, mutation.what)
    });
    let left_out = mended.left_out.iter().filter(|fix| mending::leads_on(fix)).count();
    Mending { applied: mended.applied.len(), left_out, broken }
}

#[test]
fn fix_makes_no_mutation_worse() {
    let files = garden();
    let all: Vec<Mutation> = files.iter().flat_map(|(path, text)| kinds::mutations(path, text)).collect();
    let files = core(&files);
    let tried = sample(all);
    let chunk = tried.len().div_ceil(rayon::current_num_threads().max(1)).max(1);
    let results: Vec<Mending> = tried
        .par_chunks(chunk)
        .flat_map_iter(|chunk| {
            let (mut memo, files) = (Memo::default(), &files);
            chunk.iter().map(move |mutation| mended(&mut memo, files, mutation))
        })
        .collect();
    let applied: usize = results.iter().map(|mending| mending.applied).sum();
    let left_out: usize = results.iter().map(|mending| mending.left_out).sum();
    let broken: Vec<String> = results.into_iter().filter_map(|mending| mending.broken).collect();
    println!("{applied} fixes and {left_out} left out in {} mutations", tried.len());
    assert!(broken.is_empty(), "{} are mended badly:\n{}", broken.len(), broken.join(""));
    assert!(applied > 50 && left_out * 8 < applied, "{left_out} safe fixes of {applied} lead to another finding");
}
