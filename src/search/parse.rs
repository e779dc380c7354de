//! Reading what people type into a search box. Never fails: what is no phrase, exclusion or filter is words.

use crate::domain::Kind;

/// Characters of a question that are read.
const TEXT_MAX: usize = 1000;
/// Items of a question that are read.
const ITEMS_MAX: usize = 32;

/// One thing that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What.
    pub wanted: Wanted,
    /// Whether `-` stood before it.
    pub excluded: bool,
}

/// What a part of a question asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What stood between spaces; perhaps several words, perhaps none.
    Words(String),
    /// What stood between quotes.
    Phrase(String),
    /// `kind:`
    Kind(Kind),
    /// `tag:`
    Tag(String),
    /// `skill:`
    Skill(String),
    /// `org:`
    Org(String),
}

/// A question taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// In the order of the text.
    pub items: Vec<Item>,
    /// Whether the last item is a word that no space ends: perhaps its reader is still typing.
    pub open: bool,
}

/// Takes a question apart.
pub(super) fn parse(text: &str) -> Parsed {
    let end = text.char_indices().nth(TEXT_MAX).map_or(text.len(), |(at, _)| at);
    let mut rest = text[..end].trim_start();
    let mut parsed = Parsed::default();
    while !rest.is_empty() && parsed.items.len() < ITEMS_MAX {
        let (item, length) = item(rest);
        let behind = &rest[length..];
        parsed.open = behind.is_empty() && !item.excluded && matches!(item.wanted, Wanted::Words(_));
        parsed.items.push(item);
        rest = behind.trim_start();
    }
    parsed
}

/// The item at the start of a text that begins with no space, and how many bytes it takes.
fn item(text: &str) -> (Item, usize) {
    let without =
        text.strip_prefix('-').filter(|rest| !rest.starts_with(|next: char| next == '-' || next.is_whitespace()));
    let excluded = without.is_some_and(|rest| !rest.is_empty());
    let body = if excluded { &text[1..] } else { text };
    let (wanted, length) = phrase(body).or_else(|| filter(body)).unwrap_or_else(|| {
        let word = word(body);
        (Wanted::Words(word.to_owned()), word.len())
    });
    (Item { wanted, excluded }, length + text.len() - body.len())
}

fn word(text: &str) -> &str {
    &text[..text.find(char::is_whitespace).unwrap_or(text.len())]
}

/// A quoted text; a quote that nothing closes goes on to the end.
fn phrase(text: &str) -> Option<(Wanted, usize)> {
    let (quoted, length) = quoted(text)?;
    Some((Wanted::Phrase(quoted.to_owned()), length))
}

fn quoted(text: &str) -> Option<(&str, usize)> {
    let open = text.chars().next().filter(|first| matches!(first, '"' | '“' | '”' | '„' | '「' | '«'))?;
    let body = &text[open.len_utf8()..];
    let closes = |character: char| match open {
        '「' => character == '」',
        '«' => character == '»',
        _ => matches!(character, '"' | '“' | '”'),
    };
    match body.char_indices().find(|(_, character)| closes(*character)) {
        Some((at, close)) => Some((&body[..at], open.len_utf8() + at + close.len_utf8())),
        None => Some((body, text.len())),
    }
}

fn filter(text: &str) -> Option<(Wanted, usize)> {
    let (field, value) = text.split_once(':')?;
    let (value, length) = quoted(value).unwrap_or_else(|| (word(value), word(value).len()));
    if value.trim().is_empty() {
        return None;
    }
    let wanted = match field.to_ascii_lowercase().as_str() {
        "kind" => {
            let kind = value.to_ascii_lowercase();
            let singular = kind.strip_suffix('s').unwrap_or(&kind);
            Wanted::Kind(kind.parse().or_else(|_| singular.parse()).ok()?)
        }
        "tag" => Wanted::Tag(value.to_owned()),
        "skill" => Wanted::Skill(value.to_owned()),
        "org" => Wanted::Org(value.to_lowercase()),
        _ => return None,
    };
    Some((wanted, field.len() + 1 + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(text: &str) -> String {
        let parsed = parse(text);
        let shown = parsed.items.iter().map(|Item { wanted, excluded }| {
            let sign = if *excluded { "-" } else { "" };
            match wanted {
                Wanted::Words(word) => format!("{sign}{word}"),
                Wanted::Phrase(phrase) => format!("{sign}[{phrase}]"),
                Wanted::Kind(kind) => format!("{sign}K={kind}"),
                Wanted::Tag(tag) => format!("{sign}T={tag}"),
                Wanted::Skill(skill) => format!("{sign}S={skill}"),
                Wanted::Org(org) => format!("{sign}O={org}"),
            }
        });
        shown.collect::<Vec<_>>().join(" ") + if parsed.open { "…" } else { "" }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(show(text), expected, "{text:?}");
    }

    #[test]
    fn questions_are_taken_apart() {
        check("", "");
        check("code review", "code review…");
        check("code review ", "code review");
        check("\"code review\" -draft", "[code review] -draft");
        check("“写作 助手” x", "[写作 助手] x…");
        check("-\"a b\" c", "-[a b] c…");
        check("kind:skill kind:Personas -kind:team", "K=skill K=persona -K=team");
        check("tag:\"code review\" skill:sql org:Acme", "T=code review S=sql O=acme");
        check("kind:nonsense tag: http://x -- - --x", "kind:nonsense tag: http://x -- - --x…");
        check("\"open end", "[open end]");
        check("well-known a\"b", "well-known a\"b…");
        check("\"\"", "[]");
    }

    proptest! {
        #[test]
        fn any_text_is_a_question(text in "(\\PC|[-\"“”:\\s]|tag:|kind:skill){0,60}") {
            let parsed = parse(&text);
            prop_assert!(parsed.items.len() <= ITEMS_MAX);
            prop_assert_eq!(parsed.items.is_empty(), text.trim().is_empty());
        }
    }
}
