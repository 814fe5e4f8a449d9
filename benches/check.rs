//! How long a garden takes from checked files to its meaning, and a file to its check.

#![expect(clippy::disallowed_methods, reason = "the baseline is files of the repository")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use parcelle::finding::Findings;
use parcelle::model::{self, Definitions, PlacedFile};
use parcelle::schema;
use parcelle::source::{SourceFile, Sources};
use parcelle::syntax;

const ORGANISATIONS: usize = 500;

/// A garden of many organisations that differ as real ones do.
fn garden() -> Vec<(String, String)> {
    let read = |path: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/baseline/");
        (path.to_owned(), std::fs::read_to_string(format!("{folder}{path}")).expect("a file of the baseline"))
    };
    let mut files: Vec<(String, String)> =
        ["garden.kdl", "clusters/ada-lovelace.kdl", "offers/liiibre.kdl", "offers/sur-mesure.kdl"].map(read).into();
    for at in 0..ORGANISATIONS {
        files.push((format!("organisations/org-{at}.kdl"), organisation(at)));
    }
    files
}

fn organisation(at: usize) -> String {
    let mut text =
        format!("edition 2026\n\n/// Number {at}.\norganisation org-{at} {{\n    title \"Organisation {at}\"\n");
    let _ = writeln!(text, "    offer {}", if at.is_multiple_of(3) { "sur-mesure" } else { "liiibre" });
    let _ = writeln!(text, "    cluster ada-lovelace\n    domain org-{at}.example");
    let _ = writeln!(text, "    contact admin@org-{at}.example role=technical");
    let _ = writeln!(
        text,
        "    app nextcloud cloud {{\n        storage {} GiB\n        scale min=1 max=3\n    }}",
        60 + at % 40
    );
    let _ = writeln!(
        text,
        "    app static-site www {{\n        at org-{at}.example\n        also-at www.org-{at}.example\n    }}"
    );
    if at.is_multiple_of(2) {
        let _ = writeln!(
            text,
            "    app hedgedoc notes {{\n        backup {{\n            keep daily=14\n        }}\n    }}"
        );
    }
    text.push_str("}\n");
    text
}

fn checked(files: &[(String, String)]) -> (Definitions, Vec<Arc<PlacedFile>>) {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let definitions = Definitions::built_in(&mut sources);
    let check = |(path, text): &(String, String)| {
        let file = sources.add(SourceFile::new(path, text));
        (path.clone(), schema::check(syntax::parse(file, text, &mut findings), &mut findings))
    };
    let files = files.iter().map(check).collect();
    let files = model::place(files, "", &mut findings);
    assert!(!findings.has_errors(), "{findings:#?}");
    (definitions, files)
}

fn build(criterion: &mut Criterion) {
    let (definitions, files) = checked(&garden());
    let first = model::build(&files, &definitions, None, &mut Findings::default()).expect("there is a garden");
    assert_eq!(first.organisations.len(), ORGANISATIONS, "nothing is broken");
    let past = model::Past { organisations: first.organisations, ..model::Past::default() };
    criterion.bench_function("build 500 organisations", |bencher| {
        bencher.iter(|| black_box(model::build(&files, &definitions, None, &mut Findings::default())));
    });
    criterion.bench_function("build 500 organisations against their past", |bencher| {
        bencher.iter(|| black_box(model::build(&files, &definitions, Some(&past), &mut Findings::default())));
    });
}

fn check(criterion: &mut Criterion) {
    let text = organisation(0);
    let file = Sources::default().add(SourceFile::new("organisation.kdl", &text));
    let document = syntax::parse(file, &text, &mut Findings::default());
    criterion.bench_function("check the words of an organisation", |bencher| {
        bencher.iter(|| black_box(schema::check(document.clone(), &mut Findings::default())));
    });
}

criterion_group!(benches, build, check);
criterion_main!(benches);
