//! `mini_lsm_torture::fuzz::sst` by libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    mini_lsm_torture::fuzz::sst(data);
});
