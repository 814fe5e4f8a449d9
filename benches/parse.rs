//! How long reading a file takes, and how much of it is the kdl crate's.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parcelle::finding::Findings;
use parcelle::source::FileId;
use parcelle::syntax;

/// An organisation as the repository has them.
const ORGANISATION: &str = include_str!("../orgs/organisations/alternatiba.kdl");

fn parse(text: &str) -> usize {
    let mut findings = Findings::default();
    syntax::parse(FileId(0), black_box(text), &mut findings).nodes.len()
}

fn reading(criterion: &mut Criterion) {
    let text = ORGANISATION;
    let broken = text.replacen("GiB", "", 1).replace(" GiB", "GiB");
    let mut group = criterion.benchmark_group("reading");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("kdl alone", |bencher| bencher.iter(|| kdl::KdlDocument::parse_v2(black_box(text)).is_ok()));
    group.bench_function("a clean file", |bencher| bencher.iter(|| parse(text)));
    group.bench_function("a file with mistakes", |bencher| bencher.iter(|| parse(&broken)));
    group.bench_function("formatting", |bencher| bencher.iter(|| syntax::format(black_box(text)).is_ok()));
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
