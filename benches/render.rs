//! How long rendering takes: the real garden, warm.
#![expect(clippy::disallowed_methods, reason = "a benchmark is a surface")]

use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use parcelle::finding::Findings;
use parcelle::model::{self, Garden, definition};
use parcelle::source::{SourceFile, Sources};
use parcelle::{render, schema, syntax};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "kdl") {
            found.push(path);
        }
    }
    found.sort();
}

fn garden() -> Garden {
    let (mut sources, mut findings) = (Sources::default(), Findings::default());
    let built_in = definition::built_in(&mut sources);
    let mut paths = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("orgs");
    files(&root, &mut paths);
    let written: Vec<_> = paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a readable file");
            sources.add(SourceFile::new(&path.display().to_string(), &text))
        })
        .collect();
    let mut parse = |file| syntax::parse(file, &sources.file(file).text, &mut findings);
    let built_in: Vec<_> = built_in.into_iter().map(&mut parse).collect();
    let documents: Vec<_> = written.into_iter().map(&mut parse).collect();
    let checked = documents.into_iter().map(|document| schema::check(document, &mut findings));
    let checked = paths.iter().map(|path| path.display().to_string()).zip(checked).collect();
    let checked = model::place(checked, &root.display().to_string(), &mut findings);
    let definitions = definition::load_all(&built_in, &checked, &mut findings);
    model::build(&checked, &definitions, None, &mut findings).expect("a garden")
}

fn rendering(criterion: &mut Criterion) {
    let garden = garden();
    let noon = "2026-11-20T12:00:00Z".parse().expect("a moment");
    let all = || -> Vec<_> {
        garden.organisations.values().map(|organisation| render::organisation(&garden, organisation, noon)).collect()
    };
    let objects: usize = all().iter().map(|objects| objects.objects.len()).sum();
    assert!(objects > 0, "the garden has findings: nothing to measure");
    criterion.bench_function(&format!("the garden, {objects} objects"), |bencher| bencher.iter(all));
    criterion.bench_function("the garden with the rules over its objects", |bencher| {
        bencher.iter(|| {
            let mut findings = Findings::default();
            let organisations = garden.organisations.values();
            let rendered = organisations.map(|one| render::rules::render(&garden, one, noon, &mut findings));
            (rendered.collect::<Vec<_>>(), findings)
        });
    });
}

criterion_group!(benches, rendering);
criterion_main!(benches);
