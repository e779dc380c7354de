//! Commands and what they print, in a Markdown document.

/// A line that stands for any lines.
const ANY: &str = "…";

/// A command, and the lines of the document that hold what it prints: from..to.
#[derive(Debug)]
pub struct Call {
    pub line: usize,
    pub command: String,
    pub printed: (usize, usize),
}

/// Reads the calls of a document.
pub fn calls(lines: &[&str]) -> Vec<Call> {
    let (mut calls, mut at) = (Vec::<Call>::new(), 0);
    while at < lines.len() {
        at += 1;
        if lines[at - 1] != "```console" {
            continue;
        }
        while lines[at] != "```" {
            let line = at;
            let command = command(lines, &mut at);
            let from = at;
            while lines[at] != "```" && !lines[at].starts_with("$ ") {
                at += 1;
            }
            let blank = lines[from..at].iter().rev().take_while(|line| line.is_empty()).count();
            calls.push(Call { line: line + 1, command, printed: (from, at - blank) });
        }
    }
    calls
}

/// From `$ ` on, with the lines that a backslash or a here-document adds.
fn command(lines: &[&str], at: &mut usize) -> String {
    let first =
        lines[*at].strip_prefix("$ ").unwrap_or_else(|| panic!("line {}: a block begins with a command", *at + 1));
    let mut command = first.to_owned();
    *at += 1;
    while command.ends_with('\\') {
        command = format!("{command}\n{}", lines[*at]);
        *at += 1;
    }
    if command.contains("<<") {
        loop {
            command = format!("{command}\n{}", lines[*at]);
            *at += 1;
            if lines[*at - 1] == "END" {
                break;
            }
        }
    }
    command
}

/// Whether the lines are the printed ones, but for what `…` stands for.
pub fn is_same(written: &[String], printed: &[String]) -> bool {
    let parts: Vec<&[String]> = written.split(|line| line == ANY).collect();
    let [first, rest @ ..] = parts.as_slice() else { return printed.is_empty() };
    let Some((last, middle)) = rest.split_last() else { return *first == printed };
    let Some(mut left) = printed.strip_prefix(*first) else { return false };
    for part in middle {
        let Some(found) = (0..=left.len()).find(|from| left[*from..].starts_with(part)) else { return false };
        left = &left[found + part.len()..];
    }
    left.ends_with(last)
}

/// Whether something is left out of what is written.
pub fn is_cut(written: &[&str]) -> bool {
    written.contains(&ANY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_end_where_their_output_begins() {
        let text =
            "```console\n$ a \\\n  b\none\n\ntwo\n\n$ cat <<END\nx\nEND\n\n$ c\n```\nwords\n```console\n$ d\n```\n";
        let lines: Vec<&str> = text.lines().collect();
        let found: Vec<(String, &[&str])> =
            calls(&lines).into_iter().map(|call| (call.command, &lines[call.printed.0..call.printed.1])).collect();
        let expected: [(String, &[&str]); 4] = [
            ("a \\\n  b".into(), &["one", "", "two"]),
            ("cat <<END\nx\nEND".into(), &[]),
            ("c".into(), &[]),
            ("d".into(), &[]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn three_dots_stand_for_any_lines() {
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (written, printed, same) in [
            ("a b", "a b", true),
            ("a b", "a b c", false),
            ("a … c", "a b b c", true),
            ("a … c", "a c", true),
            ("a … c", "a b", false),
            ("…", "a b", true),
            ("… b … d …", "a b c d e", true),
            ("… d … b …", "a b c d e", false),
        ] {
            assert_eq!(is_same(&lines(written), &lines(printed)), same, "{written:?} {printed:?}");
        }
    }
}
