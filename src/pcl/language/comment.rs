//! Comments above declarations.

use super::lexer::{Comment, Lexed};

/// The doc comment and the plain comment that stand just above the token with this index. A plain comment counts only
/// if no empty line lies between.
pub(super) fn above(text: &str, lexed: &Lexed, token: usize) -> (Option<String>, Option<String>) {
    let end = lexed.comments.partition_point(|comment| comment.before <= token);
    let start = lexed.comments[..end].partition_point(|comment| comment.before < token);
    let Some(last) = lexed.comments[start..end].last() else { return (None, None) };
    let run = trailing_run(text, &lexed.comments[start..end]);
    let said = plain(run.iter().map(|comment| comment.span.of(text)));
    if last.doc {
        return (said, None);
    }
    let next = lexed.tokens.get(token).map_or(text.len(), |token| token.span.start);
    let gap = text.get(last.span.end..next).unwrap_or_default();
    (None, said.filter(|_| line_breaks(gap) <= 1))
}

/// The first comment of a file, whatever it stands above.
pub(super) fn first(text: &str, lexed: &Lexed) -> Option<String> {
    let comments: Vec<&Comment> = lexed.comments.iter().take_while(|comment| comment.before == 0).collect();
    let mut end = usize::from(!comments.is_empty());
    while end < comments.len() && !apart(text, comments[end - 1], comments[end]) {
        end += 1;
    }
    plain(comments[..end].iter().map(|comment| comment.span.of(text)))
}

/// The last comments that are of one sort and stand on lines that follow each other.
fn trailing_run<'c>(text: &str, comments: &'c [Comment]) -> &'c [Comment] {
    let mut start = comments.len().saturating_sub(1);
    while start > 0 && !apart(text, &comments[start - 1], &comments[start]) {
        start -= 1;
    }
    &comments[start..]
}

/// Whether two comments are of different sorts, blocks, or parted by an empty line.
fn apart(text: &str, upper: &Comment, lower: &Comment) -> bool {
    let block = |comment: &Comment| comment.span.of(text).starts_with("/*");
    let gap = text.get(upper.span.end..lower.span.start).unwrap_or_default();
    upper.doc != lower.doc || block(upper) || block(lower) || line_breaks(gap) > 1
}

fn line_breaks(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// The text of comments without marks, rules made of punctuation, and lines with doc tags; up to the first empty line.
fn plain<'t>(comments: impl Iterator<Item = &'t str>) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for line in comments.flat_map(str::lines) {
        let line = strip_marks(line);
        let says = line.chars().any(char::is_alphanumeric);
        match says {
            true if line.starts_with('@') => {}
            true => words.push(line),
            false if line.is_empty() && !words.is_empty() => break,
            false => {}
        }
    }
    (!words.is_empty()).then(|| words.join(" "))
}

fn strip_marks(line: &str) -> &str {
    let line = line.trim().trim_start_matches(['/', '#']).trim_start_matches('*').trim_start_matches('/');
    line.strip_suffix("*/").unwrap_or(line).trim()
}

/// The value of a doc tag (`@version 1.2`) in the comments above a token.
pub(super) fn doc_tag(text: &str, lexed: &Lexed, token: usize, tag: &str) -> Option<String> {
    let end = lexed.comments.partition_point(|comment| comment.before <= token);
    let start = lexed.comments[..end].partition_point(|comment| comment.before < token);
    let docs = lexed.comments[start..end].iter().rev().filter(|comment| comment.doc);
    let mut lines = docs.flat_map(|comment| comment.span.of(text).lines()).map(strip_marks);
    lines.find_map(|line| {
        let value = line.strip_prefix('@')?.strip_prefix(tag)?;
        (value.starts_with(char::is_whitespace)).then(|| value.trim().to_owned())
    })
}
