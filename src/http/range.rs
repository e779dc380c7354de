//! Byte ranges: of reads (`Range`, RFC 9110 section 14) and of chunks (`Content-Range` as OCI distribution writes it).

use std::ops::Range;

/// What a `Range` header asks of content with a known size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it: no header, or one that RFC 9110 lets a server ignore (other units, several ranges, not a range at all).
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes that are not there: 416.
    Unsatisfiable,
}

/// Reads a `Range` header. A last byte before the first, and a start past the end, are unsatisfiable.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else { return Wanted::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        // A suffix: the last bytes, all of them if there are fewer.
        (Err(Empty::Empty), Ok(length)) if length > 0 && size > 0 => Wanted::Part(size.saturating_sub(length)..size),
        (Err(Empty::Empty), Ok(_)) => Wanted::Unsatisfiable,
        (Ok(first), _) if first >= size => Wanted::Unsatisfiable,
        (Ok(first), Err(Empty::Empty)) => Wanted::Part(first..size),
        (Ok(first), Ok(last)) if last < first => Wanted::Unsatisfiable,
        (Ok(first), Ok(last)) => Wanted::Part(first..last.saturating_add(1).min(size)),
        _ => Wanted::Whole,
    }
}

/// Reads the `Content-Range` of a chunk. OCI distribution 1.1, "Pushing a blob in chunks": `^[0-9]+-[0-9]+$`, both inclusive.
/// `None` if it is something else, or if the last byte lies before the first.
pub fn chunk(header: &str) -> Option<Range<u64>> {
    let (first, last) = header.trim().split_once('-')?;
    let (first, last) = (number(first).ok()?, number(last).ok()?);
    (first <= last && last < u64::MAX).then(|| first..last + 1)
}

enum Empty {
    Empty,
    NoNumber,
}

fn number(text: &str) -> Result<u64, Empty> {
    if text.is_empty() {
        return Err(Empty::Empty);
    }
    // `parse` would take a sign.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Empty::NoNumber);
    }
    Ok(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, size: u64, expected: Wanted) {
        assert_eq!(wanted(Some(header), size), expected, "{header} of {size}");
    }

    #[test]
    fn ranges_of_reads() {
        check("bytes=0-0", 10, Wanted::Part(0..1));
        check("bytes=2-", 10, Wanted::Part(2..10));
        check("bytes=2-99", 10, Wanted::Part(2..10));
        check("bytes=-3", 10, Wanted::Part(7..10));
        check("bytes=-30", 10, Wanted::Part(0..10));
        check("bytes=9-18446744073709551615", 10, Wanted::Part(9..10));
        check("bytes=9-99999999999999999999999", 10, Wanted::Part(9..10));
        for unsatisfiable in
            ["bytes=10-", "bytes=10-12", "bytes=5-2", "bytes=500-0", "bytes=-0", "bytes=99999999999999999999-"]
        {
            check(unsatisfiable, 10, Wanted::Unsatisfiable);
        }
        check("bytes=0-", 0, Wanted::Unsatisfiable);
        check("bytes=-1", 0, Wanted::Unsatisfiable);
        for ignored in ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "items=0-1", "bytes=0-1,3-4"] {
            check(ignored, 10, Wanted::Whole);
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
    }

    #[test]
    fn ranges_of_chunks() {
        for (header, expected) in [
            ("0-9", Some(0..10)),
            ("5-5", Some(5..6)),
            ("bytes 0-9/10", None),
            ("0-99999999999999999999999", None),
            ("9-0", None),
            ("0-", None),
            ("-9", None),
            ("a-b", None),
            ("", None),
        ] {
            assert_eq!(chunk(header), expected, "{header}");
        }
    }
}
