//! The stretch of a text that shows why it was found, with the found words marked.

use std::collections::HashSet;
use std::ops::Range;

use tantivy::tokenizer::TokenStream;

use super::tokenizer::{Initials, WordStream};

/// Characters of a snippet.
const WINDOW: usize = 240;
/// Bytes of a text that are looked through together. Most texts say early what they are found for, and cutting 16 KiB of twenty
/// texts into words was most of a search's time.
const BLOCK: usize = 2 << 10;
/// Marked words that a snippet is chosen by: a text with a thousand of them is judged by its first.
const MARKS_MAX: usize = 100;
/// Characters that a snippet shows before its first marked word.
const LEAD: usize = 40;

/// A piece of a text with marked words, as plain text with ranges and ready for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// Plain text, white space folded; `…` stands for what was cut off.
    pub text: String,
    /// Marked stretches of it: byte offsets on character boundaries, in order, without overlap.
    pub marks: Vec<Range<usize>>,
}

impl Snippet {
    /// As HTML: escaped, marked words in `<em>`.
    pub fn html(&self) -> String {
        let mut html = String::with_capacity(self.text.len() + 16 * self.marks.len());
        let mut at = 0;
        for mark in &self.marks {
            escape(&self.text[at..mark.start], &mut html);
            html.push_str("<em>");
            escape(&self.text[mark.clone()], &mut html);
            html.push_str("</em>");
            at = mark.end;
        }
        escape(&self.text[at..], &mut html);
        html
    }
}

fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

/// Which tokens are to be marked.
#[derive(Clone, Debug, Default)]
pub(super) struct Matcher {
    terms: HashSet<String>,
    prefixes: Vec<String>,
    misspelt: Vec<Vec<char>>,
}

impl Matcher {
    /// A word and its stem.
    pub(super) fn add(&mut self, word: &str) {
        self.terms.extend(super::fold::stem(word));
        self.add_exactly(word);
    }

    /// A term as it stands.
    pub(super) fn add_exactly(&mut self, term: &str) {
        self.terms.insert(term.to_owned());
    }

    /// Everything in a text; single characters of runs only where they stand alone.
    pub(super) fn add_all(&mut self, text: &str) {
        let mut stream = WordStream::new(text);
        let mut tokens = Vec::new();
        while stream.advance() {
            tokens.push(stream.token().clone());
        }
        for token in &tokens {
            let inside = |other: &tantivy::tokenizer::Token| {
                other.offset_to - other.offset_from > token.offset_to - token.offset_from
                    && other.offset_from <= token.offset_from
                    && token.offset_to <= other.offset_to
            };
            if !tokens.iter().any(inside) {
                self.add_exactly(&token.text);
            }
        }
    }

    /// Words that begin like this.
    pub(super) fn add_prefix(&mut self, prefix: &str) {
        self.prefixes.push(prefix.to_owned());
    }

    /// Words that are one or, from eight letters on, two typing mistakes away. Marked in titles only, as they are searched.
    pub(super) fn add_misspelt(&mut self, word: &str) {
        self.misspelt.push(word.chars().collect());
    }

    fn matches(&self, term: &str, guess: bool) -> bool {
        self.terms.contains(term)
            || self.prefixes.iter().any(|prefix| term.starts_with(prefix.as_str()))
            || (guess && self.misspelt.iter().any(|word| is_near(word, term)))
    }

    fn marks(&self, text: &str, guess: bool) -> Vec<Range<usize>> {
        if self.terms.is_empty() && self.prefixes.is_empty() {
            return Vec::new();
        }
        let mut marks: Vec<Range<usize>> = Vec::new();
        let initials = self.initials();
        let mut stream = if guess { WordStream::new(text) } else { WordStream::beginning(text, &initials) };
        while stream.advance() {
            let token = stream.token();
            if !self.matches(&token.text, guess) {
                continue;
            }
            let enough = !guess && marks.len() == MARKS_MAX;
            match marks.last_mut() {
                // Pairs of a run overlap; parts lie inside their whole, or side by side.
                Some(last) if token.offset_from <= last.end => {
                    last.start = last.start.min(token.offset_from);
                    last.end = last.end.max(token.offset_to);
                }
                _ if enough => break,
                _ => marks.push(token.offset_from..token.offset_to),
            }
        }
        marks
    }

    fn initials(&self) -> Initials {
        let mut initials = Initials::default();
        self.terms.iter().chain(&self.prefixes).for_each(|word| initials.add(word));
        initials
    }

    /// The whole text, marked. For titles: guesses are marked too.
    pub(super) fn mark_title(&self, text: &str) -> Snippet {
        Snippet { text: text.to_owned(), marks: self.marks(text, true) }
    }

    /// The best stretch of a text; its beginning if nothing is marked.
    pub(super) fn describe(&self, text: &str) -> Snippet {
        cut(text, &self.marks(text, false))
    }

    /// The best stretch of the first block of a text in which anything is marked, if there is one.
    pub(super) fn excerpt(&self, text: &str) -> Option<Snippet> {
        let mut from = 0;
        while from < text.len() {
            let near = text.ceil_char_boundary(from + BLOCK);
            let to = text[near..].find(char::is_whitespace).map_or(text.len(), |space| near + space);
            let marks = self.marks(&text[from..to], false).into_iter();
            let marks: Vec<Range<usize>> = marks.map(|mark| from + mark.start..from + mark.end).collect();
            if !marks.is_empty() {
                return Some(cut(text, &marks));
            }
            from = to;
        }
        None
    }
}

/// Cuts the window out of a text that holds most different marked words, white space folded.
fn cut(text: &str, marks: &[Range<usize>]) -> Snippet {
    let behind = |from: usize, characters: usize| {
        text[from..].char_indices().nth(characters).map_or(text.len(), |(at, _)| from + at)
    };
    let before = |from: usize, characters: usize| {
        text[..from].char_indices().rev().take(characters).last().map_or(from, |(at, _)| at)
    };
    let worth = |mark: &Range<usize>| {
        let end = behind(mark.start, WINDOW - LEAD);
        let inside = marks.iter().skip_while(|other| other.start < mark.start).take_while(|other| other.end <= end);
        let words: HashSet<String> = inside.map(|other| text[other.clone()].to_lowercase()).collect();
        words.len()
    };
    // Of equals the first.
    let first = marks.iter().rev().max_by_key(|mark| worth(mark));
    let mut from = first.map_or(0, |mark| before(mark.start, LEAD));
    if from > 0
        && let (Some(space), Some(mark)) = (text[from..].find(char::is_whitespace), first)
        && from + space < mark.start
    {
        from += space;
    }
    let mut to = behind(from, WINDOW);
    if to < text.len()
        && let Some(space) = text[from..to].rfind(char::is_whitespace)
        && space > (to - from) / 2
        && marks.iter().all(|mark| !(mark.start < from + space && from + space < mark.end))
    {
        to = from + space;
    }
    fold_spaces(text, from..to, marks)
}

fn fold_spaces(text: &str, window: Range<usize>, marks: &[Range<usize>]) -> Snippet {
    let mut snippet = Snippet::default();
    if window.start > 0 {
        snippet.text.push('…');
    }
    let mut marks = marks.iter().filter(|mark| mark.start >= window.start && mark.end <= window.end).peekable();
    let mut space = false;
    let mut start = None;
    for (offset, character) in text[window.clone()].char_indices() {
        let at = window.start + offset;
        if character.is_whitespace() || character.is_control() {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) && !snippet.text.is_empty() && snippet.text != "…" {
            snippet.text.push(' ');
        }
        if marks.peek().is_some_and(|mark| mark.start == at) {
            start = Some(snippet.text.len());
        }
        snippet.text.push(character);
        if let (Some(from), Some(mark)) = (start, marks.peek())
            && mark.end <= at + character.len_utf8()
        {
            snippet.marks.push(from..snippet.text.len());
            start = None;
            marks.next();
        }
    }
    if window.end < text.len() && !text[window.end..].trim().is_empty() {
        snippet.text.push('…');
    }
    snippet
}

/// Whether two words are as near as the search takes them: optimal string alignment, one mistake, or two from eight
/// letters on.
fn is_near(word: &[char], other: &str) -> bool {
    let allowed = if word.len() >= 8 { 2 } else { 1 };
    let other: Vec<char> = other.chars().take(word.len() + allowed + 1).collect();
    if word.len().abs_diff(other.len()) > allowed {
        return false;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (row, left) in word.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, right) in other.iter().enumerate() {
            let mut cost =
                (previous[column] + usize::from(left != right)).min(previous[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *left == other[column - 1] && word[row - 1] == *right {
                cost = cost.min(before[column - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[other.len()] <= allowed
}
