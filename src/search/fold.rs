//! Folding: the one form under which differently written words meet, and stems beside it.
//!
//! Lower case, compatibility forms undone, accents off Latin, Greek and Cyrillic (`ё` is `е`; `й` stays), Arabic without
//! vowel signs and tatweel and with one alef, yeh and heh, digits of every script as ASCII. Pure; knows nothing of indexes.

use std::sync::LazyLock;

use frostem::{Algorithm, Stemmer};
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

const COMPOSED: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const COMPATIBLE: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const DECOMPOSED: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();

static ENGLISH: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::English));
static RUSSIAN: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::Russian));
static ARABIC: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::new(Algorithm::Arabic));

/// Unicode's form C: text from file systems that decompose is told apart by nobody who reads it.
pub(super) fn composed(text: &str) -> String {
    COMPOSED.normalize(text).into_owned()
}

/// The folded form of a word that spaces set off.
pub(super) fn fold_word(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(word.len());
    for character in DECOMPOSED.normalize_iter(word.chars()).flat_map(char::to_lowercase) {
        fold_character(character, &mut folded);
    }
    folded
}

/// The folded form of one character of a script that sets no spaces. Its marks carry meaning, so it stays composed.
pub(super) fn fold_unspaced(character: char) -> String {
    COMPATIBLE.normalize_iter(std::iter::once(character)).flat_map(char::to_lowercase).collect()
}

fn fold_character(character: char, folded: &mut String) {
    match character {
        // Kratkaya makes another letter of и; over other letters it is an accent like the rest.
        '\u{306}' if folded.ends_with('и') => {
            folded.pop();
            folded.push('й');
        }
        // Accents; soft hyphen and joiners; Hebrew points; Arabic vowel signs and tatweel.
        '\u{300}'..='\u{36f}'
        | '\u{ad}'
        | '\u{200c}'
        | '\u{200d}'
        | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{670}'
        | '\u{6d6}'..='\u{6ed}'
        | '\u{640}' => {}
        'ٱ' => folded.push('ا'),
        'ى' | 'ی' => folded.push('ي'),
        'ة' => folded.push('ه'),
        'ک' => folded.push('ك'),
        'ς' => folded.push('σ'),
        '٠'..='٩' => folded.extend(char::from_digit(character as u32 - '٠' as u32, 10)),
        '۰'..='۹' => folded.extend(char::from_digit(character as u32 - '۰' as u32, 10)),
        // Letters that no decomposition takes apart: ı, ł, ø, ß, æ, ə …
        '\u{c0}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' => {
            folded.extend(any_ascii::any_ascii_char(character).chars().map(|ascii| ascii.to_ascii_lowercase()));
        }
        other => folded.push(other),
    }
}

/// The stem of a folded word by the stemmer of its script: Snowball's English, Russian or Arabic.
/// `None` where there is no such stemmer, or the stem is the word itself.
pub(super) fn stem(folded: &str) -> Option<String> {
    let within = |low: char, high: char| folded.chars().all(|character| (low..=high).contains(&character));
    let stemmer = if within('a', 'z') {
        &ENGLISH
    } else if within('а', 'я') {
        &RUSSIAN
    } else if within('\u{620}', '\u{64a}') {
        &ARABIC
    } else {
        return None;
    };
    let stem = stemmer.stem(folded);
    (stem != folded && !stem.is_empty()).then(|| stem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(same: &[&str]) {
        let first = fold_word(same[0]);
        for word in same {
            assert_eq!(fold_word(word), first, "{word}");
        }
    }

    #[test]
    fn words_that_differ_in_writing_meet() {
        check(&["resume", "Résumé", "RE\u{301}SUME\u{301}"]);
        check(&["istanbul", "İstanbul", "ISTANBUL", "ıstanbul"]);
        check(&["ogretmen", "öğretmen", "ÖĞRETMEN"]);
        check(&["strasse", "Straße", "STRASSE"]);
        check(&["елка", "ёлка", "Ёлка"]);
        check(&["ai", "ＡＩ", "Ai"]);
        check(&["كتاب", "كِتَاب", "كـتـاب"]);
        check(&["اكل", "أكل", "آكل"]);
        check(&["مكتبه", "مكتبة"]);
        check(&["σοφοσ", "σοφός"]);
        check(&["2024", "٢٠٢٤", "۲۰۲۴"]);
        assert_ne!(fold_word("мой"), fold_word("мои"));
        assert_eq!(fold_word("мои\u{306}"), "мой");
        assert_eq!(fold_unspaced('が'), "が");
    }

    #[test]
    fn inflected_forms_share_a_stem() {
        let stemmed = |word: &str| stem(word).unwrap_or_else(|| word.to_owned());
        for (one, other) in [
            ("reviews", "reviewing"),
            ("translator", "translation"),
            ("переводчик", "переводчика"),
            ("المترجم", "مترجم"),
        ] {
            assert_eq!(stemmed(one), stemmed(other));
        }
        assert_eq!(stem("gpt4"), None);
        assert_eq!(stem("写作"), None);
    }

    proptest! {
        #[test]
        fn any_text_folds_and_stems_and_folding_again_changes_nothing(text in "\\PC{0,30}") {
            let folded = fold_word(&text);
            let _ = stem(&folded);
            prop_assert_eq!(fold_word(&folded), folded);
        }
    }
}
