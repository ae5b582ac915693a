//! See `traitwire_fuzz::json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| traitwire_fuzz::json(data));
