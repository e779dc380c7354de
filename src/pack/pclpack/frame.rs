//! The compression around a pack: one Zstandard frame (RFC 8878), with a window that any reader can hold, and nothing behind it.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use zstd::stream::read::Decoder;

use super::{Limits, PclPackError};
use crate::pack::limits::{ArchiveError, Limit};
use crate::pack::tar_entries::read_error;

/// RFC 8878, 3.1.1.1.2: a window of 8 MiB is what every decoder should support.
const WINDOW_LOG_MAX: u32 = 23;
/// RFC 8878, 3.1.1.1: magic number, descriptor, window, dictionary and content size have 18 bytes at most.
const HEADER_MAX: u64 = 18;
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

type Input<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// The content of the frame that `input` begins with. Refuses by its header one that is too large.
pub(super) fn open<R: Read>(mut input: R, limits: &Limits) -> Result<Decoder<'static, Input<R>>, PclPackError> {
    let mut head = Vec::new();
    input.by_ref().take(HEADER_MAX).read_to_end(&mut head).map_err(failed)?;
    check_header(&head, limits)?;
    let input = BufReader::with_capacity(64 << 10, Cursor::new(head).chain(input));
    let mut decoder = Decoder::with_buffer(input).map_err(PclPackError::Io)?.single_frame();
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(PclPackError::Io)?;
    Ok(decoder)
}

/// That nothing follows the frame, all content of which was read.
pub(super) fn close<R: Read>(decoder: Decoder<'static, Input<R>>) -> Result<(), PclPackError> {
    let mut rest = decoder.finish();
    loop {
        match rest.fill_buf() {
            Ok([]) => return Ok(()),
            Ok(_) => return Err(PclPackError::Trailing),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

fn failed(error: io::Error) -> PclPackError {
    PclPackError::Archive(read_error(error, ""))
}

/// RFC 8878, 3.1.1.1, "Frame Header".
fn check_header(head: &[u8], limits: &Limits) -> Result<(), PclPackError> {
    let cut = || failed(io::ErrorKind::UnexpectedEof.into());
    let rest =
        head.strip_prefix(&MAGIC).ok_or(PclPackError::NotAPack("it does not begin as a Zstandard frame does"))?;
    let (descriptor, rest) = rest.split_first().ok_or_else(cut)?;
    let is_single_segment = descriptor & 0x20 != 0;
    if descriptor & 0x03 != 0 {
        return Err(PclPackError::NotAPack("it was compressed with a dictionary"));
    }
    let (window, rest) = match (is_single_segment, rest.split_first()) {
        (true, _) => (None, rest),
        (false, Some((window, rest))) => (Some(*window), rest),
        (false, None) => return Err(cut()),
    };
    // The size of the content has 1, 2, 4 or 8 bytes; without a single segment it may be absent, and two bytes begin at 256.
    let length = match descriptor >> 6 {
        0 => usize::from(is_single_segment),
        flag => 1 << flag,
    };
    let mut content = [0; 8];
    content[..length].copy_from_slice(rest.get(..length).ok_or_else(cut)?);
    let content = u64::from_le_bytes(content) + if length == 2 { 256 } else { 0 };
    if content > limits.unpacked {
        let (limit, maximum) = (Limit::Unpacked, limits.unpacked);
        return Err(ArchiveError::TooLarge { limit, maximum, entry: String::new() }.into());
    }
    // RFC 8878, 3.1.1.1.2, "Window Descriptor".
    let window = window.map_or(content, |byte| {
        let base = 1u64 << (10 + (byte >> 3));
        base + base / 8 * u64::from(byte & 7)
    });
    let most = 1 << WINDOW_LOG_MAX;
    if window > most { Err(PclPackError::Window { window, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rest: &[u8]) -> Result<(), String> {
        let head = [&MAGIC[..], rest].concat();
        check_header(&head, &Limits { unpacked: 1 << 30, ..Limits::default() }).map_err(|error| error.to_string())
    }

    #[test]
    fn windows_are_counted_as_the_rfc_says() {
        // Exponent 13: 8 MiB. Mantissa 1: an eighth more.
        assert_eq!(check(&[0x00, 13 << 3]), Ok(()));
        assert!(check(&[0x00, 13 << 3 | 1]).unwrap_err().contains("wants 9437184 bytes"));
        assert!(check(&[0x00, 0xff]).unwrap_err().contains("of memory"));
        // One segment: the window is the content.
        assert_eq!(check(&[0xa0, 0, 0, 0x80, 0]), Ok(()));
        assert!(check(&[0xa0, 1, 0, 0x80, 0]).unwrap_err().contains("wants 8388609 bytes"));
    }

    #[test]
    fn declared_content_is_held_against_the_limit() {
        assert_eq!(check(&[0xc0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0]), Ok(()));
        for wrong in [&[0xc0, 0, 1, 0, 0, 0x40, 0, 0, 0, 0][..], &[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80]] {
            assert!(check(wrong).unwrap_err().contains("more than 1073741824 bytes when unpacked"));
        }
        assert_eq!((check(&[0x20, 5]), check(&[0x60, 5, 0])), (Ok(()), Ok(())));
    }

    #[test]
    fn other_headers_are_refused() {
        assert!(check(&[0x01, 0, 7]).unwrap_err().contains("dictionary"));
        for cut in [&[][..], &[0x00], &[0x20], &[0xc0, 0, 1, 2, 3]] {
            assert!(check(cut).unwrap_err().contains("cut off"), "{cut:?}");
        }
        let skippable = check_header(&[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], &Limits::default());
        assert!(matches!(skippable, Err(PclPackError::NotAPack(_))));
    }
}
