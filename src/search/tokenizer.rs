//! The tokens that documents are indexed by: what [`units`] cuts, laid out on positions, with stems and pairs.
//!
//! A word takes one position for each part; its stem lies on the same position, its whole on that of its first part. A run
//! takes one position for each character; on it lie the character and the pair that it begins.

use std::collections::VecDeque;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use super::analysis::{Piece, Unit, Units, units};
use super::fold::stem;

/// Name under which the tokenizer is registered.
pub(super) const WORDS: &str = "words";

/// The tokenizer of every field that is searched by words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words;

/// Its tokens, made one unit at a time.
pub(super) struct WordStream<'a> {
    units: Units<'a>,
    pending: VecDeque<Token>,
    position: usize,
    token: Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream::new(text)
    }
}

impl<'a> WordStream<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { units: units(text), pending: VecDeque::new(), position: 0, token: Token::default() }
    }

    fn push(&mut self, piece: Piece, position: usize) {
        let Piece { from, to, text } = piece;
        self.pending.push_back(Token { offset_from: from, offset_to: to, position, text, position_length: 1 });
    }

    fn push_word(&mut self, piece: Piece, position: usize) {
        let stem = stem(&piece.text).map(|text| Piece { text, ..piece.clone() });
        self.push(piece, position);
        if let Some(stem) = stem {
            self.push(stem, position);
        }
    }

    fn fill(&mut self, unit: Unit) {
        let start = self.position;
        match unit {
            Unit::Word { parts, whole, implied } => {
                self.position += parts.len();
                for extra in whole.into_iter().chain(implied) {
                    self.push_word(extra, start);
                }
                for (offset, part) in parts.into_iter().enumerate() {
                    self.push_word(part, start + offset);
                }
            }
            Unit::Run(characters) => {
                self.position += characters.len();
                for (offset, character) in characters.iter().enumerate() {
                    self.push(character.clone(), start + offset);
                    if let Some(next) = characters.get(offset + 1) {
                        self.push(pair(character, next), start + offset);
                    }
                }
            }
        }
    }
}

/// Two neighbouring characters of a run as one term.
pub(super) fn pair(first: &Piece, second: &Piece) -> Piece {
    Piece { from: first.from, to: second.to, text: format!("{}{}", first.text, second.text) }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        while self.pending.is_empty() {
            let Some(unit) = self.units.next() else { return false };
            self.fill(unit);
        }
        match self.pending.pop_front() {
            Some(token) => {
                self.token = token;
                true
            }
            None => false,
        }
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str)]) {
        let mut stream = WordStream::new(text);
        let mut tokens = Vec::new();
        while stream.advance() {
            tokens.push((stream.token().position, stream.token().text.clone()));
        }
        let expected: Vec<_> = expected.iter().map(|(position, text)| (*position, (*text).to_owned())).collect();
        assert_eq!(tokens, expected, "{text:?}");
    }

    #[test]
    fn tokens_lie_on_positions() {
        check("Code reviews", &[(0, "code"), (1, "reviews"), (1, "review")]);
        check("CodeReview x", &[(0, "codereview"), (0, "code"), (1, "review"), (2, "x")]);
        check("AI写作手", &[(0, "ai"), (1, "写"), (1, "写作"), (2, "作"), (2, "作手"), (3, "手")]);
    }
}
