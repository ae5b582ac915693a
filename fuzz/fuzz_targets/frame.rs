//! See `traitwire_fuzz::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| traitwire_fuzz::frame(data));
