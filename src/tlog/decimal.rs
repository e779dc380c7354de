//! Decimal numbers as the log's texts write them: one number, one way to write it.

/// The number that `text` is: ASCII digits alone, without leading zeros unless it is `0`. `None` for everything else, and above 2⁶⁴ − 1.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn a_number_is_written_in_one_way() {
        for (text, number) in [("0", 0), ("7", 7), ("10", 10), ("18446744073709551615", u64::MAX)] {
            assert_eq!(decimal(text), Some(number));
        }
        for text in ["", "00", "07", "+7", "-7", " 7", "7 ", "7\n", "0x7", "٧", "18446744073709551616"] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }
}
