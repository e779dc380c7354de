//! Hostile, foreign and damaged archives, each made by hand, and properties that hold for any bytes.

use std::io::Write;

use proptest::prelude::*;

use super::super::{write_archive, write_tar};
use super::*;

/// A header as it lies in the archive: name, type flag, length, mode, with the right checksum.
fn header(name: &[u8], flag: u8, size: u64) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    sign(&mut block);
    block
}

fn sign(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn entry(name: &[u8], flag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name, flag, content.len() as u64);
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str) -> Vec<u8> {
    entry(name.as_bytes(), b'0', b"content")
}

fn archive(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
    let tree = read_archive(bytes, &Limits::default()).map_err(|error| error.to_string())?;
    Ok(tree.files().iter().map(|file| file.path.to_string()).collect())
}

fn check(parts: &[Vec<u8>], expected: Result<&[&str], &str>) {
    let bytes = archive(parts);
    match (read(&bytes), expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(found), Err(part)) => assert!(found.contains(part), "{found:?} does not say {part:?}"),
        (found, expected) => panic!("expected {expected:?}, found {found:?}"),
    }
    // Compression makes no difference.
    assert_eq!(read(&gzip(&bytes)), read(&bytes));
}

#[test]
fn files_keep_the_folder_that_holds_them_all() {
    let paths = |bytes: &[u8]| -> Result<Vec<String>, ArchiveError> {
        Ok(read_files(bytes, &Limits::default())?.files().iter().map(|file| file.path.to_string()).collect())
    };
    assert_eq!(paths(&archive(&[file("x/SKILL.md"), file("./x/a/b")])).unwrap(), ["x/SKILL.md", "x/a/b"]);
    assert!(matches!(paths(&archive(&[file("x/SKILL.md"), file("../y")])), Err(ArchiveError::Path(_))));
    // Root and rest are each short enough; together they are longer than a path of a tree.
    let long = format!("{}/{}", "r".repeat(255), ["d".repeat(200).as_str(); 5].join("/"));
    let mut longest = entry(b"././@LongLink", b'L', format!("{long}\0").as_bytes());
    longest.extend(file("x"));
    assert_eq!(read(&archive(&[longest.clone()])).map(|paths| paths.len()), Ok(1));
    assert!(matches!(paths(&archive(&[longest])), Err(ArchiveError::Path(_))));
}

#[test]
fn foreign_archives_are_read() {
    check(&[file("SKILL.md"), file("scripts/a.sh")], Ok(&["SKILL.md", "scripts/a.sh"]));
    check(&[entry(b"./", b'5', b""), file("./SKILL.md"), file("././b")], Ok(&["SKILL.md", "b"]));
    check(&[entry(b"x/", b'5', b""), entry(b"x/empty/", b'5', b""), file("x/SKILL.md")], Ok(&["SKILL.md"]));
    check(&[file("x/a"), file("xy/a")], Ok(&["x/a", "xy/a"]));
    check(
        &[entry(b"old/", 0, b""), entry(b"old/file", 0, b"1"), entry(b"old/dense", b'7', b"")],
        Ok(&["dense", "file"]),
    );
    check(&[entry(b"pax_global_header", b'g', b"22 comment=0123456789\n"), file("x/a")], Ok(&["a"]));
    check(&[], Ok(&[]));

    let long = format!("x/{}", "long/".repeat(50));
    let mut gnu = entry(b"././@LongLink", b'L', format!("{long}name\0").as_bytes());
    gnu.extend(file("x/cut"));
    check(&[gnu, file("x/a")], Ok(&["a", &format!("{}name", &long[2..])]));
    check(&[entry(b"p", b'x', b"16 path=x/\xc3\xbc.md\n"), file("cut"), file("x/a")], Ok(&["a", "ü.md"]));
    let mut prefixed = header(b"name.md", b'0', 0);
    prefixed[345..353].copy_from_slice(b"x/folder");
    sign(&mut prefixed);
    check(&[prefixed, file("x/a")], Ok(&["a", "folder/name.md"]));
}

#[test]
fn only_the_owners_right_to_run_is_kept() {
    let mut script = header(b"run", b'0', 0);
    script[100..108].copy_from_slice(b"0006711\0");
    sign(&mut script);
    let tree = read_archive(archive(&[script, file("a")]).as_slice(), &Limits::default()).unwrap();
    assert_eq!(tree.files().iter().map(|file| file.executable).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn paths_that_leave_the_tree_are_refused() {
    let utf8 = |name: &[u8]| vec![entry(name, b'0', b""), file("x/a")];
    check(&utf8(b"/etc/passwd"), Err("absolute"));
    check(&utf8(b"//etc/passwd"), Err("absolute"));
    check(&utf8(b"../a"), Err("'..'"));
    check(&utf8(b"x/../../a"), Err("'..'"));
    check(&utf8(b"x/.."), Err("'..'"));
    check(&utf8(b"./../a"), Err("'..'"));
    check(&utf8(b"x//a"), Err("x//a"));
    check(&utf8(b"x/y//a"), Err("empty"));
    check(&utf8(b"x/./a"), Err("'.'"));
    check(&utf8(b""), Err("empty"));
    check(&utf8(b"."), Err("'.'"));
    check(&utf8(b"x\\..\\a"), Err("backslash"));
    check(&utf8(b"C:/a"), Err("absolute"));
    check(&utf8(b"x/C:/a"), Err("absolute"));
    check(&utf8(b"x/\x1b[2J"), Err("control character"));
    check(&utf8(b"x/\xff"), Err("UTF-8"));
    check(&[entry(b"/", b'5', b""), file("x/a")], Err("empty"));
    check(&[entry(b"/x/", b'5', b""), file("x/a")], Err("absolute"));
    check(&[entry(b"../x/", b'5', b""), file("x/a")], Err("'..'"));
    // All in one folder named "..", which must not be taken off as the root.
    check(&[file("../a"), file("../b")], Err("'..'"));
    check(&[file("/a"), file("/b")], Err("absolute"));
    check(&[entry(b"p", b'x', b"15 path=x/a\0b\n\n"), file("x/a")], Err("control character"));
    check(&[entry(b"p", b'x', b"16 path=../../a\n"), file("x/a")], Err("'..'"));
    check(&[entry(b"././@LongLink", b'L', b"../../a\0"), file("x/a")], Err("'..'"));
}

#[test]
fn paths_that_clash_are_refused() {
    check(&[file("x/a"), file("x/a")], Err("twice"));
    check(&[file("x/a"), file("./x/a")], Err("twice"));
    check(&[file("x/a"), file("x/a/b")], Err("below another file"));
    check(&[file("x/a"), entry(b"x/a/", b'5', b""), file("x/b")], Err("both a file and a folder"));
    check(&[file("x/a"), entry(b"x/a/b/c/", b'5', b""), file("x/b")], Err("both a file and a folder"));
}

#[test]
fn what_is_no_file_or_folder_is_refused() {
    for (flag, what) in [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "character device"),
        (b'4', "block device"),
        (b'6', "fifo"),
        (b'K', "link"),
        (b'S', "sparse"),
        (b'V', "unknown type"),
        (b'M', "unknown type"),
        (b'D', "unknown type"),
        (b'Z', "unknown type"),
    ] {
        check(&[file("x/a"), entry(b"x/b", flag, b"")], Err(what));
    }
    check(&[entry(b"x/a/", b'5', b"content")], Err("folder with content"));
    check(&[entry(b"p", b'x', b"22 GNU.sparse.major=1\n"), file("x/a")], Err("sparse"));
}

#[test]
fn archives_that_readers_could_see_differently_are_refused() {
    check(&[entry(b"p", b'x', b"10 size=0\n"), file("x/a")], Err("two lengths"));
    check(&[entry(b"p", b'x', b"10 size=7\n"), file("x/a"), file("x/b")], Ok(&["a", "b"]));
    check(&[entry(b"g", b'g', b"12 path=x/b\n"), file("x/a")], Err("global header"));
    let two = [archive(&[file("x/a")]), archive(&[file("x/b")])].concat();
    assert!(read(&two).is_err_and(|error| error.contains("behind its end")));
}

#[test]
fn damaged_archives_are_refused() {
    for broken in [
        "x",
        "path=x",
        "99 path=x\n",
        "3 path=x\n",
        "0 path=x\n",
        "9 path:a\n",
        "8 path=a\n",
        "10 size=x\n",
        "-1 a=b\n",
    ] {
        check(&[entry(b"p", b'x', broken.as_bytes()), file("x/a")], Err("cannot be read"));
    }
    check(&[entry(b"p", b'x', b"9 path=a\n")], Err("ends after an extended header"));
    let mut checksum = file("x/a");
    checksum[0] = b'y';
    check(&[checksum], Err("checksum"));
    let mut length = header(b"x/a", b'0', 0);
    length[124..136].copy_from_slice(b"12345678zzz\0");
    sign(&mut length);
    check(&[length], Err("length is no number"));
    // GNU's binary lengths, here 2^63 and more: nothing is allocated for it, and nothing overflows.
    for first in [0x80, 0xff] {
        let mut huge = header(b"x/a", b'0', 0);
        huge[124..136].copy_from_slice(&[first, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        sign(&mut huge);
        assert!(read(&archive(&[huge])).is_err());
    }
    for bytes in [&b""[..], b"text", b"\x1f\x8b", b"\x1f\x8b\x08\0\0\0\0\0\0\xff garbage", &[0xff; 2048]] {
        assert!(read(bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn an_archive_cut_anywhere_gives_an_error_or_whole_files() {
    let parts = [file("x/a"), entry(b"p", b'x', b"9 path=b\n"), file("cut"), file("x/c")];
    let whole = archive(&parts);
    let ends: Vec<usize> = [0, 1, 3, 4].iter().map(|count| parts[..*count].concat().len()).collect();
    for cut in 0..whole.len() {
        let clean = (cut > 0 && ends.contains(&cut)) || cut >= ends[3] + 512;
        assert_eq!(read(&whole[..cut]).is_ok(), clean, "cut at {cut}");
    }
    let packed = gzip(&whole);
    for cut in 0..packed.len() {
        assert!(read(&packed[..cut]).is_err(), "cut at {cut}");
    }
}

fn limited(change: impl Fn(&mut Limits), bytes: &[u8]) -> (Limit, u64) {
    let mut limits = Limits::default();
    change(&mut limits);
    match read_archive(bytes, &limits) {
        Err(ArchiveError::TooLarge { limit, maximum, .. }) => (limit, maximum),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_limit_holds_at_its_exact_value() {
    let bytes = archive(&[entry(b"x/", b'5', b""), file("x/abc/d")]);
    let size = bytes.len() as u64;
    let fits = Limits { compressed: size, unpacked: size, file: 7, entries: 2, path: 7, depth: 3 };
    assert!(read_archive(bytes.as_slice(), &fits).is_ok());
    assert_eq!(limited(|limits| limits.compressed = size - 1, &bytes), (Limit::Compressed, size - 1));
    assert_eq!(limited(|limits| limits.unpacked = size - 1, &bytes), (Limit::Unpacked, size - 1));
    assert_eq!(limited(|limits| limits.unpacked = size - 1, &gzip(&bytes)), (Limit::Unpacked, size - 1));
    assert_eq!(limited(|limits| limits.file = 6, &bytes), (Limit::File, 6));
    assert_eq!(limited(|limits| limits.entries = 1, &bytes), (Limit::Entries, 1));
    assert_eq!(limited(|limits| limits.path = 6, &bytes), (Limit::Path, 6));
    assert_eq!(limited(|limits| limits.depth = 2, &bytes), (Limit::Depth, 2));
    let error = read_archive(bytes.as_slice(), &Limits { entries: 1, ..fits }).unwrap_err().to_string();
    assert_eq!(error, "the archive has more than 1 files and folders, at \"x/abc/d\"");
}

#[test]
fn bombs_stop_at_the_limit() {
    // A gigabyte of zeros behind the end mark, in a megabyte; and as one file.
    let limits = Limits { unpacked: 1 << 20, ..Limits::default() };
    let zeros = gzip(&vec![0; 64 << 20]);
    assert!(matches!(
        read_archive(zeros.as_slice(), &limits),
        Err(ArchiveError::TooLarge { limit: Limit::Unpacked, .. })
    ));
    let mut one = header(b"x/a", b'0', 64 << 20);
    one.resize(one.len() + (64 << 20), 0);
    let one = gzip(&one);
    assert!(matches!(
        read_archive(one.as_slice(), &limits),
        Err(ArchiveError::TooLarge { limit: Limit::Unpacked, .. })
    ));
    // A declared length of a terabyte with nothing behind it.
    let declared = gzip(&header(b"x/a", b'0', 7 << 30));
    assert_eq!(limited(|_| {}, &declared), (Limit::File, 256 << 20));
    let name = header(b"././@LongLink", b'L', 2 << 20);
    assert_eq!(limited(|_| {}, &name), (Limit::ExtendedHeader, 1 << 20));
}

#[test]
fn a_hundred_thousand_files_are_refused() {
    let many: Vec<Vec<u8>> = (0..100_000).map(|number| header(format!("x/{number}").as_bytes(), b'0', 0)).collect();
    assert_eq!(limited(|_| {}, &gzip(&archive(&many))), (Limit::Entries, 20_000));
    let folders: Vec<Vec<u8>> = (0..20_001).map(|number| header(format!("x/{number}/").as_bytes(), b'5', 0)).collect();
    assert_eq!(limited(|_| {}, &archive(&folders)), (Limit::Entries, 20_000));
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let path = "([a-zü写]{1,4}/){0,3}([a-zA-Z. _é助-]{1,40}|[a-z]{100,200})";
    let file = (path, any::<bool>(), prop::collection::vec(any::<u8>(), 0..1200));
    prop::collection::vec(file, 1..8).prop_filter_map("paths clash or are not allowed", |files| {
        let files = files.into_iter().map(|(path, executable, content)| {
            Ok::<_, TreePathError>(File { path: path.parse()?, executable, content: Bytes::from(content) })
        });
        Tree::new(files.collect::<Result<_, _>>().ok()?).ok()
    })
}

proptest! {
    #[test]
    fn a_tree_comes_back_from_its_archive(tree in any_tree(), root in "[a-z0-9]{1,100}") {
        let limits = Limits::default();
        prop_assert!(limits.check(&tree, &root).is_ok());
        prop_assert_eq!(&read_archive(write_archive(&tree, &root).as_ref(), &limits).unwrap(), &tree);
        prop_assert_eq!(&read_archive(write_tar(&tree, &root).as_slice(), &limits).unwrap(), &tree);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        tree in any_tree(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        signed in any::<bool>(),
        packed in any::<bool>(),
    ) {
        let mut bytes = write_tar(&tree, "x");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
            if signed {
                sign(&mut bytes[at / 512 * 512..][..512]);
            }
        }
        let bytes = if packed { gzip(&bytes) } else { bytes };
        let limits = Limits { unpacked: 8 << 10, file: 1000, entries: 5, path: 60, depth: 3, ..Limits::default() };
        if let Ok(tree) = read_archive(bytes.as_slice(), &limits) {
            prop_assert!(tree.files().len() <= 5);
            prop_assert!(tree.files().iter().all(|file| file.content.len() <= 1000 && file.path.as_str().len() <= 60));
            prop_assert!(tree.files().iter().map(|file| file.content.len()).sum::<usize>() <= 8 << 10);
        }
    }

    #[test]
    fn any_noise_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..2000), packed in any::<bool>()) {
        let _ = read(&bytes);
        if packed {
            let _ = read(&gzip(&bytes));
        }
    }
}
