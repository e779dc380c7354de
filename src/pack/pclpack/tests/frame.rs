//! Limits, and what is wrong with a pack before its entries are looked at: bombs, cuts, flipped bytes, what follows.

use proptest::prelude::*;

use super::hostile::{entries, read_entries, tar_of};
use super::*;
use crate::pack::ArchiveError;
use crate::pack::limits::Limit;

#[test]
fn every_limit_is_kept() {
    let found = entries(&team());
    let bytes = compress(&tar_of(&found));
    let tar = tar_of(&found).len() as u64;
    let document = found.iter().map(|entry| entry.2.len()).max().unwrap() as u64;
    let exact =
        Limits { compressed: bytes.len() as u64, unpacked: tar, blob: 6, entries: found.len() as u64, document };
    let exact = Limits { blob: 14, ..exact };
    let read_within = |limits: &Limits| read(bytes.as_slice(), limits, &mut ());
    read_within(&exact).unwrap();
    for (less, expected) in [
        (Limits { compressed: exact.compressed - 1, ..exact }, Limit::Compressed),
        (Limits { unpacked: exact.unpacked - 1, ..exact }, Limit::Unpacked),
        (Limits { unpacked: 5000, ..exact }, Limit::Unpacked),
        (Limits { blob: 13, ..exact }, Limit::File),
        (Limits { document: document - 1, ..exact }, Limit::File),
        (Limits { entries: exact.entries - 1, ..exact }, Limit::Entries),
        (Limits { entries: 3, ..exact }, Limit::Entries),
    ] {
        match read_within(&less) {
            Err(PclPackError::Archive(ArchiveError::TooLarge { limit, .. })) => assert_eq!(limit, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    // 256 MiB of zeros behind the end mark, in some kilobytes.
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    io::Write::write_all(&mut bomb, &team().tar().unwrap()).unwrap();
    io::copy(&mut io::Read::take(io::repeat(0), 256 << 20), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    let limits = Limits { unpacked: 1 << 20, ..Limits::default() };
    let error = read(bomb.as_slice(), &limits, &mut ()).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes when unpacked"), "{error}");
    // A frame that declares its size is not begun.
    let declared = zstd::bulk::compress(&vec![0; 2 << 20], 1).unwrap();
    let error = read(declared.as_slice(), &limits, &mut ()).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes when unpacked"), "{error}");
}

#[test]
fn a_window_that_no_reader_must_hold_is_refused() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.window_log(27).unwrap();
    io::Write::write_all(&mut encoder, &team().tar().unwrap()).unwrap();
    let bytes = encoder.finish().unwrap();
    let error = read(bytes.as_slice(), &Limits::default(), &mut ()).unwrap_err();
    assert!(matches!(error, PclPackError::Window { window: 134_217_728, most: 8_388_608 }), "{error}");
}

#[test]
fn a_pack_that_is_cut_anywhere_is_refused() {
    let bytes = team().pack();
    for length in 0..bytes.len() {
        let mut kept = Kept::default();
        let error = read(&bytes[..length], &Limits::default(), &mut kept).unwrap_err().to_string();
        assert!(error.contains("cut off") || length < 4 && error.contains("no pack"), "{length}: {error}");
    }
    let tar = team().tar().unwrap();
    for length in (0..tar.len() - 1024).step_by(512) {
        assert!(read(compress(&tar[..length]).as_slice(), &Limits::default(), &mut ()).is_err(), "{length}");
    }
}

#[test]
fn a_byte_that_is_flipped_anywhere_is_noticed_or_means_nothing() {
    let bytes = team().pack();
    let whole = |bytes: &[u8]| {
        let mut kept = Kept::default();
        read(bytes, &Limits::default(), &mut kept).map(|pack| (pack, kept.parts, kept.blobs))
    };
    let good = whole(&bytes).unwrap();
    let mut same = 0;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        // Some bits of the compression can be either.
        if let Ok(read) = whole(&flipped) {
            assert_eq!(read, good, "byte {at}");
            same += 1;
        }
    }
    assert!(same < 20, "{same} of {} bytes", bytes.len());
}

#[test]
fn what_follows_the_frame_is_refused() {
    let bytes = team().pack();
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];
    for behind in [&b"x"[..], &[0], &skippable, &bytes] {
        let error = read([&bytes, behind].concat().as_slice(), &Limits::default(), &mut ()).unwrap_err();
        assert!(matches!(error, PclPackError::Trailing), "{error}");
    }
    // Nor may anything follow inside of it.
    let tar = [team().tar().unwrap(), b"more".to_vec()].concat();
    let error = read(compress(&tar).as_slice(), &Limits::default(), &mut ()).unwrap_err().to_string();
    assert!(error.contains("something behind its end"), "{error}");
}

#[test]
fn what_is_no_pack_is_said_to_be_none() {
    for other in [&b""[..], b"PK\x03\x04", &[0x1f, 0x8b, 8, 0], &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]] {
        assert!(matches!(read(other, &Limits::default(), &mut ()), Err(PclPackError::NotAPack(_))), "{other:?}");
    }
}

#[test]
fn a_sink_that_fails_ends_the_reading() {
    struct Full;
    impl Sink for Full {
        fn part(&mut self, _: &Part, _: Bytes) -> io::Result<()> {
            Ok(())
        }
        fn opened(&mut self, _: &Pack) -> io::Result<()> {
            Ok(())
        }
        fn begin(&mut self, _: &Content) -> io::Result<()> {
            Ok(())
        }
        fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn end(&mut self, _: &Content) -> io::Result<()> {
            panic!("a blob that was not written has not ended")
        }
    }
    assert!(matches!(read(team().pack().as_slice(), &Limits::default(), &mut Full), Err(PclPackError::Io(_))));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000), at in 0usize..20) {
        prop_assert!(read(bytes.as_slice(), &Limits::default(), &mut ()).is_err());
        let mut found = entries(&team());
        let at = at % found.len();
        found[at].2 = bytes;
        let _ = read_entries(&found, &Limits { unpacked: 1 << 20, ..Limits::default() });
    }
}
