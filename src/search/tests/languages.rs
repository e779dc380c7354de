//! Text that is not English.

use super::*;

#[test]
fn chinese_is_found_by_any_part_of_it() {
    let index = index(vec![
        titled("a/one", "学术写作助手"),
        described("b/two", "这个提示词可以帮助你翻译文章"),
        with_text("c/three", "你是一位代码审查专家。请审查以下代码。"),
        titled("d/four", "AI写作"),
    ]);
    check(&index, "写作", &["d/four", "a/one"]);
    check(&index, "助手", &["a/one"]);
    check(&index, "学术写作助手", &["a/one"]);
    check(&index, "译", &["b/two"]);
    check(&index, "翻译文章", &["b/two"]);
    check(&index, "代码审查", &["c/three"]);
    check(&index, "ai 写作", &["d/four"]);
    check(&index, "\"审查专家\"", &["c/three"]);
    check(&index, "写作 -学术", &["d/four"]);
    check(&index, "作写", &[]);
    // A sentence finds what holds half of it.
    check(&index, "审查代码的专家", &["c/three"]);
    check(&index, "请帮助你翻译这篇文章", &["b/two"]);
}

#[test]
fn japanese_korean_and_thai_are_found_by_parts() {
    let index = index(vec![
        titled("a/one", "コードレビューアシスタント"),
        titled("b/two", "한국어 번역가입니다"),
        titled("c/three", "ผู้ช่วยเขียนโค้ด"),
        titled("d/four", "がんばる"),
    ]);
    check(&index, "レビュー", &["a/one"]);
    check(&index, "번역가", &["b/two"]);
    check(&index, "번역가", &["b/two"]);
    check(&index, "เขียน", &["c/three"]);
    check(&index, "か\u{3099}ん", &["d/four"]);
}

#[test]
fn russian_is_found_in_other_cases_and_with_mistakes() {
    let index = index(vec![titled("a/one", "Переводчик текстов"), described("b/two", "Ёлка и чай для мой команды")]);
    for text in ["переводчик", "ПЕРЕВОДЧИКА", "переводчик текста", "преводчик", "перевод"]
    {
        check(&index, text, &["a/one"]);
    }
    for text in ["елка", "ёлку", "чая", "команда"] {
        check(&index, &format!("{text} "), &["b/two"]);
    }
}

#[test]
fn arabic_is_found_without_vowel_signs_and_articles() {
    let index = index(vec![titled("a/one", "المُتَرْجِم العربي"), described("b/two", "مساعد لكتابة الأكواد البرمجية")]);
    for text in ["مترجم", "المترجم", "المترجم العربى", "متـرجم"] {
        check(&index, &format!("{text} "), &["a/one"]);
    }
    for text in ["الاكواد", "البرمجيه", "مساعد"] {
        check(&index, &format!("{text} "), &["b/two"]);
    }
}

#[test]
fn turkish_and_accented_letters_are_found_either_way() {
    let index = index(vec![
        titled("a/one", "İstanbul Öğretmen Asistanı"),
        titled("b/two", "Crème brûlée"),
        titled("c/three", "Straßenkarte"),
        titled("d/four", "हिन्दी अनुवादक"),
    ]);
    for text in ["istanbul ", "İSTANBUL ", "ISTANBUL ", "ogretmen ", "ÖĞRETMEN ", "asistani ", "asistanı "] {
        check(&index, text, &["a/one"]);
    }
    check(&index, "creme brulee", &["b/two"]);
    check(&index, "strassenkarte", &["c/three"]);
    check(&index, "हिन्दी ", &["d/four"]);
}
