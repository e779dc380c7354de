//! Rust source as the architecture tests see it: without comments, the contents of strings, and code for tests.

use std::path::{Path, PathBuf};

/// One source file of the project.
pub struct Source {
    /// From the project's folder: `src/http/mod.rs`.
    pub path: PathBuf,
    pub text: String,
}

impl Source {
    /// The module right under the crate's root that the file belongs to: `http`, or `main` for `src/main.rs`.
    pub fn module(&self) -> String {
        let below = self.path.strip_prefix("src").expect("the file is under src");
        let first = below.components().next().expect("the path has a component");
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    }

    /// The code, with as many lines as the file, without comments and the contents of strings.
    pub fn code(&self) -> String {
        blanked(&self.text)
    }

    /// [`Source::code`] without what is compiled for tests only.
    pub fn shipped(&self) -> String {
        without_tests(&self.code())
    }

    /// Whether one of the first lines says why the file breaks a rule: `// Long because: …`.
    pub fn explains(&self, words: &str) -> bool {
        self.text.lines().take(40).any(|line| line.contains(&format!("{words}: ")))
    }
}

/// All Rust files under a folder of the project, in the order of their paths. With the crate's own test modules.
pub fn under(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the project's folder can be read") {
            let path = entry.expect("the project's folder can be read").path();
            if path.is_dir() {
                // What the fuzzer builds lies below the sources, and is not ours.
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("source is UTF-8");
                sources.push(Source { path: path.strip_prefix(root).expect("it is below").to_owned(), text });
            }
        }
    }
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    sources
}

/// The files of `sources` that only `#[cfg(test)] mod NAME;` declares, and those below it.
pub fn test_files(sources: &[Source]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for source in sources {
        let code = source.code();
        for (start, _) in code.match_indices("#[cfg(test)]") {
            let item = code[start + "#[cfg(test)]".len()..].trim_start().trim_start_matches("pub ");
            let name = item.strip_prefix("mod ").and_then(|rest| rest.split_once(';')).map(|(name, _)| name.trim());
            let Some(name) = name.filter(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_')) else {
                continue;
            };
            let folder = match source.path.file_name().is_some_and(|file| file == "mod.rs" || file == "lib.rs") {
                true => source.path.parent().expect("a file has a folder").to_owned(),
                false => source.path.with_extension(""),
            };
            files.push(folder.join(format!("{name}.rs")));
            // What a module of tests declares is for tests too.
            let below = folder.join(name);
            files.extend(sources.iter().map(|source| &source.path).filter(|path| path.starts_with(&below)).cloned());
        }
    }
    files
}

/// Replaces comments and the contents of strings and character literals by spaces; line ends stay.
fn blanked(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = string_length(rest, text[..at].chars().next_back()) {
            length
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..length]);
            at += length;
            continue;
        };
        out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        at += length;
    }
    out
}

/// The length of the string or character literal that `rest` starts with. A lifetime is none.
fn string_length(rest: &str, before: Option<char>) -> Option<usize> {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if !in_word && (rest.starts_with("r\"") || rest.starts_with("r#") || rest.starts_with("br")) {
        let start = rest.find('r')? + 1;
        let hashes = rest[start..].chars().take_while(|c| *c == '#').count();
        if rest[start + hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let open = start + hashes + 1;
            return Some(rest[open..].find(&close).map_or(rest.len(), |end| open + end + close.len()));
        }
    }
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    if quote == '\'' {
        let mut characters = rest[1..].chars();
        let first = characters.next()?;
        if first != '\\' && characters.next() != Some('\'') {
            return None;
        }
    }
    let mut escaped = false;
    for (index, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return Some(index + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// Blanks every item after `#[cfg(test)]` or `#[test]`.
fn without_tests(code: &str) -> String {
    let mut code = code.to_owned();
    for attribute in ["#[cfg(test)]", "#[test]"] {
        while let Some(start) = code.find(attribute) {
            let end = start + item_length(&code[start + attribute.len()..]) + attribute.len();
            let blank: String = code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
            code.replace_range(start..end, &blank);
        }
    }
    code
}

/// Up to the `;` or the brace that ends the item at the start of `code`.
fn item_length(code: &str) -> usize {
    let mut depth = 0usize;
    for (index, character) in code.char_indices() {
        match character {
            ';' if depth == 0 => return index + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return index + 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

/// The names after `NAME::` and inside `NAME::{…}` in code: what a file takes from the crate's root.
pub fn used_from(code: &str, root: &str) -> Vec<String> {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let prefix = format!("{root}::");
    let mut names = Vec::new();
    for (start, _) in code.match_indices(&prefix) {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[start + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let mut depth = 0usize;
        let mut first = true;
        for (index, character) in group.char_indices() {
            match character {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => first = true,
                c if first && !c.is_whitespace() => {
                    names.push(word(&group[index..]));
                    first = false;
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn comments_and_strings_are_not_code() {
    for (text, code) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b\n */ c", "a     \n    c"),
        ("f(\"x.unwrap()\", 'y', '\\'')", "f(            ,    ,     )"),
        ("&'a str", "&'a str"),
        ("r#\"a\"b\"# c", "         c"),
    ] {
        assert_eq!(blanked(text), code, "{text}");
    }
}

#[test]
fn code_for_tests_is_left_out() {
    let code = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { c() } }\nfn d() {}\n#[cfg(test)]\nmod more;\nfn e() {}";
    let shipped: Vec<String> = without_tests(code).split_whitespace().map(str::to_owned).collect();
    assert_eq!(shipped.join(" "), "fn a() {} fn d() {} fn e() {}");
}

#[test]
fn uses_are_found_one_by_one_and_in_groups() {
    let code =
        "use crate::domain::Name; use crate::{pack::{a, b}, storage, pcl::c}; let x = crate::meta::open(); mycrate::no";
    assert_eq!(used_from(code, "crate"), ["domain", "pack", "storage", "pcl", "meta"]);
}
