//! What string tokens say.

use super::lexer::TokenKind;

/// The text of a string token, without quotes and escapes.
pub(super) fn unquote(kind: TokenKind, token: &str) -> String {
    match kind {
        TokenKind::Triple => {
            let body = token.strip_prefix("\"\"\"").unwrap_or(token);
            let body = body.strip_suffix("\"\"\"").unwrap_or(body);
            dedent(&unescape(body, Escapes::Quotes))
        }
        TokenKind::Raw => {
            let body = token.strip_prefix("r\"").unwrap_or(token);
            body.strip_suffix('"').unwrap_or(body).to_owned()
        }
        TokenKind::Quoted | TokenKind::Template => {
            let quote = token.chars().next().unwrap_or('"');
            let body = token.strip_prefix(quote).unwrap_or(token);
            let closed = body.ends_with(quote) && trailing_backslashes(body).is_multiple_of(2);
            let body = if closed { &body[..body.len() - quote.len_utf8()] } else { body };
            unescape(body.trim_end_matches('\r'), Escapes::All)
        }
        TokenKind::Word | TokenKind::Number | TokenKind::Symbol => token.to_owned(),
    }
}

/// Backslashes just before the last character.
fn trailing_backslashes(body: &str) -> usize {
    body.bytes().rev().skip(1).take_while(|byte| *byte == b'\\').count()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    All,
    /// Only `\"` and `\\`: bodies of many lines hold code with escapes of its own.
    Quotes,
}

fn unescape(body: &str, escapes: Escapes) -> String {
    if !body.contains('\\') {
        return body.to_owned();
    }
    let mut text = String::with_capacity(body.len());
    let mut characters = body.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match (characters.next(), escapes) {
            (Some('n'), Escapes::All) => text.push('\n'),
            (Some('t'), Escapes::All) => text.push('\t'),
            (Some('r'), Escapes::All) => text.push('\r'),
            (Some(quote @ ('"' | '\\' | '\'' | '`' | '$')), Escapes::All) | (Some(quote @ ('"' | '\\')), _) => {
                text.push(quote);
            }
            (Some(other), _) => text.extend(['\\', other]),
            (None, _) => text.push('\\'),
        }
    }
    text
}

/// Removes the indentation that all lines share, and empty lines at both ends.
fn dedent(body: &str) -> String {
    let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let lines = || body.lines().skip(1).filter(|line| !line.trim().is_empty());
    let shared = lines().map(|line| indent(&line)).min().unwrap_or(0);
    let mut text = String::with_capacity(body.len());
    for (number, line) in body.lines().enumerate() {
        let cut = if number == 0 { 0 } else { shared.min(indent(&line)) };
        text.push_str(line[cut..].trim_end());
        text.push('\n');
    }
    text.trim_matches('\n').trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_lose_quotes_and_escapes() {
        assert_eq!(unquote(TokenKind::Quoted, r#""a \"b\" \n c\d""#), "a \"b\" \n c\\d");
        assert_eq!(unquote(TokenKind::Quoted, "'it'"), "it");
        assert_eq!(unquote(TokenKind::Quoted, "\"open"), "open");
        assert_eq!(unquote(TokenKind::Quoted, "\""), "");
        assert_eq!(unquote(TokenKind::Raw, r#"r"a\n""#), "a\\n");
        assert_eq!(
            unquote(TokenKind::Triple, "\"\"\"\n    a \\\"\\\"\\\" b\n      c\\n\n  \"\"\""),
            "a \"\"\" b\n  c\\n"
        );
        assert_eq!(unquote(TokenKind::Triple, "\"\"\"\"\"\""), "");
        assert_eq!(unquote(TokenKind::Triple, "\"\"\""), "");
    }
}
