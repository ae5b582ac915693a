//! See `traitwire_fuzz::hello`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| traitwire_fuzz::hello(data));
