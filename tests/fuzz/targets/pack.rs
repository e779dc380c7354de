//! Packs: whatever the bytes are, reading ends within its limits, and what is read is written again as the same pack.
#![no_main]

use std::collections::HashMap;
use std::io::{self, Cursor};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pure::domain::Digest;
use pure::pack::pclpack::{Content, Draft, Limits, Pack, Part, Sink, inspect, read, write};

const LIMITS: Limits = Limits { compressed: 1 << 20, unpacked: 1 << 20, blob: 100_000, entries: 50, document: 100_000 };

#[derive(Default)]
struct Kept {
    parts: Vec<(Part, Bytes)>,
    blobs: HashMap<Digest, Vec<u8>>,
    current: Vec<u8>,
}

impl Sink for Kept {
    fn part(&mut self, part: &Part, bytes: Bytes) -> io::Result<()> {
        self.parts.push((part.clone(), bytes));
        Ok(())
    }

    fn opened(&mut self, _: &Pack) -> io::Result<()> {
        Ok(())
    }

    fn begin(&mut self, _: &Content) -> io::Result<()> {
        self.current.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.current.extend_from_slice(bytes);
        assert!(self.current.len() <= 100_000);
        Ok(())
    }

    fn end(&mut self, content: &Content) -> io::Result<()> {
        assert!(content.digest.matches(&self.current) && content.size == self.current.len() as u64);
        assert!(self.blobs.insert(content.digest, self.current.clone()).is_none());
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // A fuzzer does not guess checksums, and compresses badly: the same bytes as a tar, with those of all headers set right.
    let mut tar = bytes.to_vec();
    for block in tar.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    if let Ok(frame) = zstd::bulk::compress(&tar, 1) {
        check(&frame);
    }
});

fn check(bytes: &[u8]) {
    let mut kept = Kept::default();
    let Ok(pack) = read(bytes, &LIMITS, &mut kept) else { return };
    assert!(inspect(bytes, &LIMITS, &mut ()).is_ok_and(|head| head == pack));
    let draft = Draft { members: pack.members.clone(), needs: pack.needs.clone(), parts: kept.parts };
    let mut again = Vec::new();
    let open = |content: &Content| {
        let bytes = kept.blobs.get(&content.digest).cloned();
        bytes.map(Cursor::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let written = write(&mut again, draft, open).unwrap_or_else(|error| panic!("{error}"));
    match read(again.as_slice(), &Limits::default(), &mut ()) {
        Ok(pack) => assert!(pack == written),
        Err(error) => panic!("{error}"),
    }
}
