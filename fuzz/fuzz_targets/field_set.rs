#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| parcelle_fuzz::field_set::check(data));
