//! Cutting text into what can be searched for: words with their parts, and runs of scripts that set no spaces.
//!
//! Documents and queries go through the same cut. Pure; knows nothing of indexes.

use super::fold::{fold_unspaced, fold_word};

/// Longest piece, in bytes, that is searched for; longer ones are encoded data, not words.
const PIECE_MAX: usize = 100;

/// A stretch of text and its folded form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Byte offset of its first character.
    pub from: usize,
    /// Byte offset behind its last.
    pub to: usize,
    /// Folded.
    pub text: String,
}

/// What spaces and punctuation set off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// A word, or several joined by `-`, `_`, `.` or capitals.
    Word {
        /// `code` and `review` of `code-review` and of `CodeReview`. May be empty: all too long.
        parts: Vec<Piece>,
        /// `codereview`, if there are two parts or more.
        whole: Option<Piece>,
        /// What a document that says this also says: `dotnet` for `ASP.NET`.
        implied: Option<Piece>,
    },
    /// The characters of a run of Chinese, Japanese, Korean, Thai and the like.
    Run(Vec<Piece>),
}

/// The units of a text, in order.
pub(super) struct Units<'a> {
    text: &'a str,
    at: usize,
}

/// Cuts a text.
pub(super) fn units(text: &str) -> Units<'_> {
    Units { text, at: 0 }
}

/// Everything that can be searched for in the text in one piece, without what lies between: the same for
/// `Code Review`, `code-review` and `CodeReview`.
pub(super) fn squeeze(text: &str) -> String {
    let piece_texts = |pieces: Vec<Piece>| pieces.into_iter().map(|piece| piece.text).collect::<String>();
    units(text)
        .map(|unit| match unit {
            Unit::Word { parts, .. } => piece_texts(parts),
            Unit::Run(characters) => piece_texts(characters),
        })
        .collect()
}

impl Iterator for Units<'_> {
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
        loop {
            let character = self.peek(self.at)?;
            if character == '.' && self.is_dotnet() {
                return Some(self.dotnet());
            }
            if is_unspaced(character) {
                return Some(self.run());
            }
            if is_word(character) {
                match self.contraction() {
                    Some(length) => self.at += length,
                    None => return Some(self.word()),
                }
            } else {
                self.at += character.len_utf8();
            }
        }
    }
}

impl Units<'_> {
    fn peek(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    fn before(&self, at: usize) -> Option<char> {
        self.text[..at].chars().next_back()
    }

    /// `.net` that begins a word: the platform, not the network.
    fn is_dotnet(&self) -> bool {
        let follows = |at: usize| self.text.get(at..).and_then(|rest| rest.chars().next());
        self.text.get(self.at + 1..self.at + 4).is_some_and(|name| name.eq_ignore_ascii_case("net"))
            && !self.before(self.at).is_some_and(is_word)
            && !follows(self.at + 4).is_some_and(is_word)
    }

    fn dotnet(&mut self) -> Unit {
        let piece = Piece { from: self.at, to: self.at + 4, text: "dotnet".to_owned() };
        self.at += 4;
        Unit::Word { parts: vec![piece], whole: None, implied: None }
    }

    /// The one letter behind an apostrophe, as in `Claude's` and `don't`, is no word.
    fn contraction(&self) -> Option<usize> {
        let letter = self.peek(self.at)?;
        let apostrophe = matches!(self.before(self.at), Some('\'' | '’'));
        let inside = apostrophe && self.text[..self.at].chars().rev().nth(1).is_some_and(is_word);
        let alone = !self.peek(self.at + letter.len_utf8()).is_some_and(is_word);
        (inside && alone && "stdmSTDM".contains(letter)).then_some(letter.len_utf8())
    }

    fn run(&mut self) -> Unit {
        let mut characters = Vec::new();
        while let Some(character) = self.peek(self.at).filter(|character| is_unspaced(*character)) {
            let to = self.at + character.len_utf8();
            characters.push(Piece { from: self.at, to, text: fold_unspaced(character) });
            self.at = to;
        }
        Unit::Run(characters)
    }

    fn word(&mut self) -> Unit {
        let start = self.at;
        let mut parts: Vec<Piece> = Vec::new();
        loop {
            let from = self.at;
            while self.peek(self.at).is_some_and(|character| is_word(character) && !is_unspaced(character)) {
                self.at += self.peek(self.at).map_or(0, char::len_utf8);
            }
            split_at_capitals(self.text, from, self.at, &mut parts);
            let joined = matches!(self.peek(self.at), Some('-' | '_' | '.'))
                && self.peek(self.at + 1).is_some_and(|next| is_word(next) && !is_unspaced(next));
            if !joined {
                break;
            }
            self.at += 1;
        }
        self.name_language(&mut parts);
        let ends_in_net = parts.len() > 1 && parts.last().is_some_and(|part| part.text == "net" && part.from > 0);
        let implied = parts
            .last()
            .filter(|part| ends_in_net && self.before(part.from) == Some('.'))
            .map(|part| Piece { text: "dotnet".to_owned(), ..part.clone() });
        let length: usize = parts.iter().map(|part| part.text.len()).sum();
        let whole = (parts.len() > 1 && length <= PIECE_MAX).then(|| Piece {
            from: start,
            to: self.at,
            text: parts.iter().map(|part| part.text.as_str()).collect(),
        });
        parts.retain(|part| part.text.len() <= PIECE_MAX && !part.text.is_empty());
        Unit::Word { parts, whole, implied }
    }

    /// `C++` is searched for as `cpp`, `C#` as `csharp`, so that names, which cannot hold the signs, are found too.
    fn name_language(&mut self, parts: &mut [Piece]) {
        let Some(last) = parts.last_mut() else { return };
        let rest = &self.text[self.at..];
        let (sign, spoken) = if rest.starts_with("++") {
            ("++", "pp")
        } else if rest.starts_with('#') && last.text.len() == 1 {
            ("#", "sharp")
        } else {
            return;
        };
        last.text.push_str(spoken);
        self.at += sign.len();
        last.to = self.at;
    }
}

/// `HTTPServer` is `HTTP` and `Server`.
fn split_at_capitals(text: &str, from: usize, to: usize, parts: &mut Vec<Piece>) {
    let mut start = from;
    let mut push = |from: usize, to: usize| {
        let folded = fold_word(&text[from..to]);
        if !folded.is_empty() {
            parts.push(Piece { from, to, text: folded });
        }
    };
    let (mut before, mut previous) = (None, None::<char>);
    for (offset, character) in text[from..to].char_indices() {
        let at = from + offset;
        let next_is_lower = text[at + character.len_utf8()..to].chars().next().is_some_and(char::is_lowercase);
        let boundary = character.is_uppercase()
            && previous.is_some_and(|previous| {
                previous.is_lowercase() || (previous.is_uppercase() && next_is_lower && before.is_some())
            });
        if boundary {
            push(start, at);
            start = at;
        }
        before = previous;
        previous = Some(character);
    }
    push(start, to);
}

/// Letters and digits of any script, and the marks that belong to them.
fn is_word(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_alphanumeric();
    }
    character.is_alphanumeric()
        || matches!(character,
            '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{483}'..='\u{487}'
            | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c5}' | '\u{5c7}'
            | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}'
            | '\u{900}'..='\u{963}' | '\u{966}'..='\u{df3}')
        || is_unspaced(character)
}

/// Characters of scripts that set no spaces between words, or, as Korean, between a word and its endings.
pub(super) fn is_unspaced(character: char) -> bool {
    match character {
        ..'\u{e00}' => false,
        // Thai, Lao, Myanmar and Khmer vowel and tone signs, which Unicode does not count as letters.
        '\u{e31}'..='\u{e4e}' => character != '\u{e3f}',
        '\u{eb1}'..='\u{ece}' | '\u{102b}'..='\u{103e}' | '\u{17b4}'..='\u{17d3}' => true,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}'
        | '\u{20000}'..='\u{3ffff}' => character.is_alphanumeric(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(text: &str) -> String {
        let texts = |pieces: &[Piece]| pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join("+");
        let shown = units(text).map(|unit| match unit {
            Unit::Word { parts, whole, implied } => {
                let extra = whole.into_iter().chain(implied).map(|piece| format!("={}", piece.text));
                format!("{}{}", texts(&parts), extra.collect::<String>())
            }
            Unit::Run(characters) => format!("<{}>", texts(&characters)),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(show(text), expected, "{text:?}");
    }

    #[test]
    fn words_are_split_and_kept_whole() {
        check("Code review", "code review");
        check("code-review", "code+review=codereview");
        check("CodeReview", "code+review=codereview");
        check("HTTPServer2", "http+server2=httpserver2");
        check("snake_case.", "snake+case=snakecase");
        check("Node.js, GPT-4", "node+js=nodejs gpt+4=gpt4");
        check("Claude's and don't l'outil", "claude and don l outil");
        check("e.g. a/b -x-", "e+g=eg a b x");
        check("", "");
        check(&"x".repeat(200), "");
    }

    #[test]
    fn languages_with_signs_have_names() {
        check("C++ and c#, F#!", "cpp and csharp fsharp");
        check("C++17 #tag a#b", "cpp 17 tag asharp b");
        check(".NET ASP.NET internet .network", "dotnet asp+net=aspnet=dotnet internet network");
    }

    #[test]
    fn scripts_without_spaces_are_runs() {
        check("AI写作助手", "ai <写+作+助+手>");
        check("写作，助手", "<写+作> <助+手>");
        check("ひらがな・カタカナー", "<ひ+ら+が+な> <カ+タ+カ+ナ+ー>");
        check("한국어 번역", "<한+국+어> <번+역>");
        check("น้ำ", "<น+้+ํา>");
    }

    #[test]
    fn squeezed_names_meet_their_titles() {
        for text in ["Code Review", "code-review", "CodeReview!", "code_review"] {
            assert_eq!(squeeze(text), "codereview");
        }
        assert_eq!(squeeze("AI 写作"), "ai写作");
    }

    proptest! {
        #[test]
        fn pieces_lie_on_character_boundaries_in_order(text in "(\\PC|[-._#+.'A-Ca-c写作й\u{301} ]){0,40}") {
            let mut last = 0;
            for unit in units(&text) {
                let pieces = match unit { Unit::Word { parts, .. } => parts, Unit::Run(characters) => characters };
                for piece in pieces {
                    prop_assert!(piece.from >= last && piece.to > piece.from);
                    prop_assert!(text.get(piece.from..piece.to).is_some());
                    last = piece.to;
                }
            }
        }
    }
}
