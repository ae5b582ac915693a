//! See `traitwire_fuzz::bodies`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| traitwire_fuzz::bodies(data));
