//! Splits PCL source into tokens and comments.
//!
//! Takes the union of the dialects: five forms of string, nested block comments, `//` and `#` comments, durations (`5s`),
//! fractions (`3/4`) and multiples (`3xSEC`). Never fails: an unfinished string or comment ends with its line or the text.

/// A part of a text, in bytes from its start; the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The part of the text that it covers; empty if it does not fit.
    pub fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Identifier or keyword; may hold `-` between letters, as `allowed-tools` does.
    Word,
    /// Number with its unit: `5`, `0.7`, `1.0.0`, `10m`, `3/4`, `3x`.
    Number,
    /// `"…"`, `'…'`
    Quoted,
    /// `r"…"`
    Raw,
    /// `"""…"""`
    Triple,
    /// `` `…` ``
    Template,
    /// Operator, bracket or any other character.
    Symbol,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub span: Span,
    /// Whether only white space and comments stand before it on its line.
    pub first_on_line: bool,
}

impl Token {
    pub fn is_string(&self) -> bool {
        matches!(self.kind, TokenKind::Quoted | TokenKind::Raw | TokenKind::Triple | TokenKind::Template)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Comment {
    pub span: Span,
    /// `///` or `/** */`
    pub doc: bool,
    /// Index of the token that follows.
    pub before: usize,
}

#[derive(Debug, Default)]
pub(super) struct Lexed {
    pub tokens: Vec<Token>,
    pub comments: Vec<Comment>,
    /// Offsets with what is wrong there.
    pub problems: Vec<(usize, &'static str)>,
}

/// Longest first.
const OPERATORS: [&str; 13] = ["<->", ">>>", "->", "=>", "~>", "||", "&&", "::", "==", "!=", "<=", ">=", ".."];

/// Reads the text from an offset, which must be a character boundary; spans count from the start of the text.
pub(super) fn lex(text: &str, from: usize) -> Lexed {
    let mut lexer = Lexer {
        text,
        at: from,
        fresh_line: true,
        line_end: 0,
        no_quote_until: 0,
        templates: true,
        out: Lexed::default(),
    };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.out
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    fresh_line: bool,
    /// End of the current line, looked for once a line, so that time stays linear.
    line_end: usize,
    /// No `'` closes before this offset: looked for once a line, so that time stays linear.
    no_quote_until: usize,
    /// False once a template was found to have no end.
    templates: bool,
    out: Lexed,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn line_end(&mut self) -> usize {
        if self.line_end <= self.at {
            self.line_end = self.rest().find('\n').map_or(self.text.len(), |length| self.at + length);
        }
        self.line_end
    }

    fn push(&mut self, kind: TokenKind, end: usize) {
        let span = Span { start: self.at, end };
        self.out.tokens.push(Token { kind, span, first_on_line: self.fresh_line });
        self.fresh_line = false;
        self.at = end;
    }

    fn comment(&mut self, end: usize, doc: bool) {
        let span = Span { start: self.at, end };
        self.out.comments.push(Comment { span, doc, before: self.out.tokens.len() });
        self.at = end;
    }

    fn step(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return };
        match first {
            '\n' => {
                self.fresh_line = true;
                self.at += 1;
            }
            _ if first.is_whitespace() || first == '\u{feff}' => self.at += first.len_utf8(),
            '/' if rest.starts_with("//") => {
                let doc = rest.starts_with("///") && !rest.starts_with("////");
                let end = self.line_end();
                self.comment(end, doc);
            }
            '/' if rest.starts_with("/*") => self.block_comment(),
            '#' if self.hash_is_comment() => {
                let end = self.line_end();
                self.comment(end, false);
            }
            '"' if rest.starts_with("\"\"\"") => self.triple(),
            '"' => self.quoted(),
            '\'' => self.apostrophe(),
            '`' if self.templates => self.template(),
            'r' if rest.starts_with("r\"") => self.raw(),
            _ if first.is_ascii_digit() => self.number(),
            _ if is_word(first) => self.word(),
            _ => self.symbol(first),
        }
    }

    /// A `#` starts a comment at the start of a line or after white space; elsewhere it is a persona literal, and so is
    /// `#NAME` that stands as an element of a list.
    fn hash_is_comment(&self) -> bool {
        let before = self.text[..self.at].chars().next_back();
        if before.is_some_and(|character| !character.is_whitespace()) {
            return false;
        }
        let after = &self.rest()[1..];
        let name = after.find(|character| !is_word(character)).unwrap_or(after.len());
        self.fresh_line || name == 0 || !after[name..].starts_with([',', ']', ')'])
    }

    fn block_comment(&mut self) {
        let bytes = self.text.as_bytes();
        let doc = self.rest().starts_with("/**") && !self.rest().starts_with("/**/");
        let (mut at, mut depth) = (self.at + 2, 1);
        while depth > 0 {
            match bytes.get(at..at + 2) {
                Some(b"/*") => (at, depth) = (at + 2, depth + 1),
                Some(b"*/") => (at, depth) = (at + 2, depth - 1),
                Some(_) => at += 1,
                None => {
                    self.out
                        .problems
                        .push((self.at, "a comment has no end; the rest of the file is taken as part of it"));
                    at = self.text.len();
                    break;
                }
            }
        }
        self.fresh_line |= self.text[self.at..at].contains('\n');
        self.comment(at, doc);
    }

    fn triple(&mut self) {
        let end = find_end(self.text.as_bytes(), self.at + 3, self.text.len(), b"\"\"\"");
        if end.is_none() {
            self.out
                .problems
                .push((self.at, "a \"\"\" string has no end; the rest of the file is taken as part of it"));
        }
        self.push(TokenKind::Triple, end.unwrap_or(self.text.len()));
    }

    fn quoted(&mut self) {
        let line_end = self.line_end();
        let end = find_end(self.text.as_bytes(), self.at + 1, line_end, b"\"");
        if end.is_none() {
            self.out.problems.push((self.at, "a string has no end on its line"));
        }
        self.push(TokenKind::Quoted, end.unwrap_or(line_end));
    }

    fn raw(&mut self) {
        let line_end = self.line_end();
        let close = self.text[self.at + 2..line_end].find('"');
        if close.is_none() {
            self.out.problems.push((self.at, "a string has no end on its line"));
        }
        self.push(TokenKind::Raw, close.map_or(line_end, |length| self.at + 2 + length + 1));
    }

    /// `'` is a string if it closes on its line, else a character of prose.
    fn apostrophe(&mut self) {
        if self.at < self.no_quote_until {
            return self.push(TokenKind::Symbol, self.at + 1);
        }
        let line_end = self.line_end();
        match find_end(self.text.as_bytes(), self.at + 1, line_end, b"'") {
            Some(end) => self.push(TokenKind::Quoted, end),
            None => {
                self.no_quote_until = line_end;
                self.push(TokenKind::Symbol, self.at + 1);
            }
        }
    }

    fn template(&mut self) {
        let bytes = self.text.as_bytes();
        let (mut at, mut depth) = (self.at + 1, 0_usize);
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += 1,
                b'$' if bytes.get(at + 1) == Some(&b'{') => (at, depth) = (at + 1, depth + 1),
                b'{' if depth > 0 => depth += 1,
                b'}' if depth > 0 => depth -= 1,
                b'`' if depth == 0 => return self.push(TokenKind::Template, at + 1),
                _ => {}
            }
            at += 1;
        }
        self.templates = false;
        self.out.problems.push((self.at, "a ` string has no end"));
        self.push(TokenKind::Symbol, self.at + 1);
    }

    fn number(&mut self) {
        let bytes = self.text.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mut at = self.at;
        while digit(at) || (matches!(bytes.get(at), Some(b'.' | b'_' | b'/')) && digit(at + 1)) {
            at += 1;
        }
        let suffix = self.text[at..].find(|character| !is_word(character)).unwrap_or(self.text.len() - at);
        if bytes.get(at) == Some(&b'x') && suffix > 1 && !digit(at + 1) {
            return self.push(TokenKind::Number, at + 1);
        }
        self.push(TokenKind::Number, at + suffix);
    }

    fn word(&mut self) {
        let mut end = self.at;
        let mut characters = self.rest().char_indices().peekable();
        while let Some((offset, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let joins = character == '-' && offset > 0 && next.is_some_and(char::is_alphanumeric);
            if !is_word(character) && !joins {
                break;
            }
            end = self.at + offset + character.len_utf8();
        }
        self.push(TokenKind::Word, end);
    }

    fn symbol(&mut self, first: char) {
        let operator = OPERATORS.iter().find(|operator| self.rest().starts_with(**operator));
        let length = operator.map_or(first.len_utf8(), |operator| operator.len());
        self.push(TokenKind::Symbol, self.at + length);
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$'
}

/// The offset after the first unescaped `close` at or after `at`. All bytes looked for are ASCII, so what is found is a
/// character boundary.
fn find_end(bytes: &[u8], mut at: usize, limit: usize, close: &[u8]) -> Option<usize> {
    while at + close.len() <= limit {
        if bytes[at] == b'\\' {
            at += 2;
        } else if &bytes[at..at + close.len()] == close {
            return Some(at + close.len());
        } else {
            at += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let lexed = lex(text, 0);
        let found: Vec<&str> = lexed.tokens.iter().map(|token| token.span.of(text)).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn strings_of_all_five_forms() {
        check(
            r#"a "b \" {" 'c' `d ${x.map({y})} e` r"f\" """g \"\"\" " } """"#,
            &["a", r#""b \" {""#, "'c'", "`d ${x.map({y})} e`", r#"r"f\""#, r#""""g \"\"\" " } """"#],
        );
    }

    #[test]
    fn comments_nest_and_hashes_are_comments_only_after_space() {
        check("a /* b /* c */ d */ e // f\n# g\nh # i", &["a", "e", "h"]);
        check("[#SEC, #DEV]", &["[", "#", "SEC", ",", "#", "DEV", "]"]);
        assert!(lex("/// x\n/** y */\n// z", 0).comments.iter().map(|comment| comment.doc).eq([true, true, false]));
    }

    #[test]
    fn numbers_keep_their_units() {
        check("5s 10m 3/4 3xSEC 1.0.0 0.7 2xA-b", &["5s", "10m", "3/4", "3x", "SEC", "1.0.0", "0.7", "2x", "A-b"]);
    }

    #[test]
    fn operators_are_whole() {
        check(
            "A->B <-> C~>D>>>E::F||G|H",
            &["A", "->", "B", "<->", "C", "~>", "D", ">>>", "E", "::", "F", "||", "G", "|", "H"],
        );
    }

    #[test]
    fn prose_apostrophes_are_not_strings() {
        check("- don't do\nx", &["-", "don", "'", "t", "do", "x"]);
    }

    #[test]
    fn unfinished_ends_are_reported() {
        for text in ["\"abc\nx", "\"\"\"abc", "/* abc", "`abc"] {
            assert_eq!(lex(text, 0).problems.len(), 1, "{text:?}");
        }
    }
}
