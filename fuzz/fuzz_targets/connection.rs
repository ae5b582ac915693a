//! See `traitwire_fuzz::connection`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| traitwire_fuzz::connection(data));
