#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parcelle_fuzz::targets::tree(data));
