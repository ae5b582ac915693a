//! See `traitwire_fuzz::evolution`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| traitwire_fuzz::evolution(data));
