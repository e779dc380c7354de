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

/// How words of interest begin. A stem of four letters or more begins with the same two letters as its word in Latin script,
/// a shorter one with the same letter, so that other words need not be stemmed, which is most of the work. What begins with a
/// character beyond ASCII is always of interest.
#[derive(Clone, Debug, Default)]
pub(super) struct Initials {
    letters: u128,
    pairs: Vec<[u8; 2]>,
}

impl Initials {
    /// A word or a stem, or the beginning of words.
    pub(super) fn add(&mut self, word: &str) {
        match word.as_bytes() {
            [first, second, _, _, ..] if first.is_ascii() => self.pairs.push([*first, *second]),
            [first, ..] if first.is_ascii() => self.letters |= 1 << first,
            _ => {}
        }
    }

    fn has(&self, word: &str) -> bool {
        match word.as_bytes() {
            [first, ..] if !first.is_ascii() => true,
            [first, ..] if self.letters & (1 << first) != 0 => true,
            [first, second, ..] => self.pairs.contains(&[*first, *second]),
            _ => false,
        }
    }
}

/// Its tokens, made one unit at a time.
pub(super) struct WordStream<'a> {
    units: Units<'a>,
    /// Words that begin otherwise are left out, if it is said.
    initials: Option<&'a Initials>,
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
        Self { units: units(text), initials: None, pending: VecDeque::new(), position: 0, token: Token::default() }
    }

    /// Only the words that begin like this; the others take their positions all the same.
    pub(super) fn beginning(text: &'a str, initials: &'a Initials) -> Self {
        Self { initials: Some(initials), ..Self::new(text) }
    }

    fn push(&mut self, piece: Piece, position: usize) {
        let Piece { from, to, text } = piece;
        self.pending.push_back(Token { offset_from: from, offset_to: to, position, text, position_length: 1 });
    }

    fn push_word(&mut self, piece: Piece, position: usize) {
        if self.initials.is_some_and(|initials| !initials.has(&piece.text)) {
            return;
        }
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

    proptest::proptest! {
        #[test]
        fn only_words_that_begin_otherwise_are_left_out(
            text in "([a-zA-Z]{1,12}[-._ ]|\\PC|写作 |dying |skies |рыбы ){0,30}",
            of_interest in proptest::collection::vec("[a-z]{1,5}|di|die|dyin|sky|skie", 0..4),
        ) {
            let mut initials = Initials::default();
            of_interest.iter().for_each(|word| initials.add(word));
            let tokens = |mut stream: WordStream<'_>| {
                let mut tokens = Vec::new();
                while stream.advance() {
                    tokens.push(stream.token().clone());
                }
                tokens
            };
            let mut all = tokens(WordStream::new(&text));
            let mut found = tokens(WordStream::beginning(&text, &initials));
            let mut rest = all.iter();
            proptest::prop_assert!(found.iter().all(|token| rest.any(|other| other == token)), "nothing is added or moved");
            // A word of interest brings its stem, which may begin otherwise.
            let is_of_interest = |token: &Token| of_interest.iter().any(|word| token.text.starts_with(word));
            found.retain(is_of_interest);
            all.retain(is_of_interest);
            proptest::prop_assert_eq!(found, all);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_word_is_left_out_whose_stem_is_of_interest(word in "[a-z]{1,9}(ing|ies|ied|y|ly|s|ational|sses|ement|)") {
            let stem = stem(&word).unwrap_or_else(|| word.clone());
            let mut initials = Initials::default();
            initials.add(&stem);
            proptest::prop_assert!(initials.has(&word), "{} of {}", stem, word);
        }
    }

    #[test]
    fn stems_that_are_exceptions_are_of_interest() {
        for (word, stem) in [("dying", "die"), ("lying", "lie"), ("tying", "tie"), ("skies", "sky"), ("idly", "idl")] {
            assert_eq!(super::stem(word).as_deref(), Some(stem));
            let mut initials = Initials::default();
            initials.add(stem);
            assert!(initials.has(word), "{word}");
        }
    }

    #[test]
    fn tokens_lie_on_positions() {
        check("Code reviews", &[(0, "code"), (1, "reviews"), (1, "review")]);
        check("CodeReview x", &[(0, "codereview"), (0, "code"), (1, "review"), (2, "x")]);
        check("AI写作手", &[(0, "ai"), (1, "写"), (1, "写作"), (2, "作"), (2, "作手"), (3, "手")]);
    }
}
