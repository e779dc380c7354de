//! Archives: what is read keeps to the limits and comes back from an archive of our own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pure::pack::{Limits, read_archive, write_archive};

const LIMITS: Limits =
    Limits { compressed: 1 << 20, unpacked: 1 << 20, file: 100_000, entries: 50, path: 400, depth: 20 };

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // A fuzzer does not guess checksums: the same bytes again, with those of all headers set right.
    let mut signed = bytes.to_vec();
    for block in signed.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    check(&signed);
});

fn check(bytes: &[u8]) {
    let Ok(tree) = read_archive(bytes, &LIMITS) else { return };
    assert!(tree.files().len() <= 50);
    assert!(tree.files().iter().map(|file| file.content.len()).sum::<usize>() <= 1 << 20);
    match read_archive(write_archive(&tree, "x").as_ref(), &Limits::default()) {
        Ok(again) => assert!(again == tree),
        Err(error) => panic!("{error}"),
    }
}
