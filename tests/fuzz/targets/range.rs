//! `Range` and `Content-Range` headers: what is asked for always lies within the content.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::range::{Wanted, chunk, wanted};

fuzz_target!(|input: (u64, &str)| {
    let (size, header) = input;
    if let Wanted::Part(range) = wanted(Some(header), size) {
        assert!(range.start < range.end && range.end <= size, "{header:?} of {size}: {range:?}");
    }
    if let Some(range) = chunk(header) {
        assert!(range.start < range.end, "{header:?}: {range:?}");
    }
});
