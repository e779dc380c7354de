//! The outline parser: statements, declarations' bodies, imports and exports.
//!
//! Brackets are matched first, without recursion; what follows only recurses into matched groups, at most
//! [`DEPTH_MAX`] deep, and steps over deeper ones. Each token is looked at a bounded number of times.

use super::comment;
use super::lexer::{Lexed, Span, Token, TokenKind, lex};
use super::outline::{Block, Declaration, Decorator, Export, Import, Outline, Problem, Property, ValueKind};
use super::text::unquote;

/// Deepest nesting of blocks, lists and declarations that is read; what lies deeper is kept as text.
pub(super) const DEPTH_MAX: usize = 48;
/// Most tokens of an import.
const IMPORT_MAX: usize = 512;
/// Most problems that are kept for a file.
const PROBLEMS_MAX: usize = 100;

/// Reads a file. Never fails.
pub fn outline(text: &str) -> Outline {
    parse(text).0
}

/// The outline with the tokens and comments that it was made of.
pub(super) fn parse(text: &str) -> (Outline, Lexed) {
    let (front_matter, from) = match crate::pcl::front_matter::split(text) {
        Some(split) => (Some(Span { start: split.start, end: split.end }), split.body),
        None => (None, 0),
    };
    let lexed = lex(text, from);
    let (close, unclosed) = match_brackets(text, &lexed.tokens);
    let mut parser = Parser { text, tokens: &lexed.tokens, lexed: &lexed, close, plain_until: 0, problems: Vec::new() };
    for (at, message) in &lexed.problems {
        parser.problem(*at, message);
    }
    if let Some(at) = unclosed {
        parser.problem(at, "a bracket is never closed; what follows is taken as its content");
    }
    let mut outline = Outline { front_matter, ..Outline::default() };
    let statements = parser.statements(0, lexed.tokens.len(), 0);
    outline.declarations = statements.declarations;
    outline.imports = statements.imports;
    outline.exports = statements.exports;
    outline.problems = parser.problems;
    outline.problems.sort_by_key(|problem| problem.at);
    (outline, lexed)
}

/// For each opening bracket the index of its partner, or of the token where it has to end; the offset of the first
/// bracket that is never closed.
fn match_brackets(text: &str, tokens: &[Token]) -> (Vec<usize>, Option<usize>) {
    let mut close = vec![0; tokens.len()];
    let mut stack: Vec<(usize, char)> = Vec::new();
    let mut open = [0_usize; 3];
    let slot = |bracket: char| match bracket {
        '{' | '}' => 0,
        '[' | ']' => 1,
        _ => 2,
    };
    for (index, token) in tokens.iter().enumerate() {
        if token.kind != TokenKind::Symbol {
            continue;
        }
        match token.span.of(text).chars().next() {
            Some(bracket @ ('{' | '[' | '(')) => {
                stack.push((index, bracket));
                open[slot(bracket)] += 1;
            }
            // A closing bracket without an opening one is ignored; one that closes an outer group closes the inner too.
            Some(bracket @ ('}' | ']' | ')')) if open[slot(bracket)] > 0 => {
                while let Some((start, opener)) = stack.pop() {
                    close[start] = index;
                    open[slot(opener)] -= 1;
                    if slot(opener) == slot(bracket) {
                        break;
                    }
                }
            }
            _ => {}
        }
    }
    let unclosed = stack.first().map(|(index, _)| tokens[*index].span.start);
    for (index, _) in stack {
        close[index] = tokens.len();
    }
    (close, unclosed)
}

pub(super) struct Parser<'t> {
    pub text: &'t str,
    pub tokens: &'t [Token],
    pub lexed: &'t Lexed,
    pub close: Vec<usize>,
    /// No declaration starts at a decorator before this token: a run of decorators is tried once.
    pub plain_until: usize,
    pub problems: Vec<Problem>,
}

#[derive(Default)]
pub(super) struct Statements {
    pub declarations: Vec<Declaration>,
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
}

/// What a block's bare words are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// `tone professional`: a key and its value.
    Keys,
    /// `tags { security audit }`: each an item.
    Items,
}

/// Words that begin an expression or statement rather than a property.
const STATEMENT_WORDS: [&str; 14] = [
    "if", "else", "loop", "while", "until", "for", "match", "switch", "try", "catch", "let", "return", "break",
    "continue",
];

impl<'t> Parser<'t> {
    pub fn problem(&mut self, at: usize, message: &str) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { at, message: message.to_owned() });
        }
    }

    pub fn word(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| token.span.of(self.text))
    }

    pub fn is_kind(&self, index: usize, kind: TokenKind) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == kind)
    }

    pub fn is_string(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(Token::is_string)
    }

    /// Whether the token is the symbol.
    pub fn symbol(&self, index: usize, symbol: &str) -> bool {
        self.is_kind(index, TokenKind::Symbol) && self.word(index) == symbol
    }

    pub fn fresh(&self, index: usize) -> bool {
        self.tokens.get(index).is_none_or(|token| token.first_on_line)
    }

    /// Whether nothing stands between a token and the one before.
    pub fn adjacent(&self, index: usize) -> bool {
        index > 0 && self.tokens.get(index).is_some_and(|token| token.span.start == self.tokens[index - 1].span.end)
    }

    pub fn string(&self, index: usize) -> String {
        self.tokens.get(index).map_or_else(String::new, |token| unquote(token.kind, token.span.of(self.text)))
    }

    /// The span of tokens `from..to`.
    pub fn span(&self, from: usize, to: usize) -> Span {
        let start = self.tokens.get(from).map_or(self.text.len(), |token| token.span.start);
        let end = to.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |token| token.span.end);
        Span { start, end: end.max(start) }
    }

    /// The index after a group that opens here, or after this token.
    pub fn after(&self, index: usize) -> usize {
        match self.word(index) {
            "{" | "[" | "(" if self.is_kind(index, TokenKind::Symbol) => (self.close[index] + 1).min(self.tokens.len()),
            _ => index + 1,
        }
    }

    /// The inside of a group that opens here, cut to `end`.
    pub fn inside(&self, index: usize, end: usize) -> (usize, usize) {
        let close = self.close[index].min(end);
        (index + 1, close.max(index + 1))
    }

    /// The statements of a file or of a module.
    pub fn statements(&mut self, mut index: usize, end: usize, depth: usize) -> Statements {
        let mut found = Statements::default();
        while index < end {
            if self.word(index) == "import"
                && let Some((import, next)) = self.import(index, end)
            {
                found.imports.push(import);
                index = next;
            } else if self.word(index) == "export"
                && let Some((export, next)) = self.export(index, end)
            {
                found.exports.push(export);
                index = next;
            } else if let Some((declaration, next)) = self.declaration(index, end, depth) {
                found.declarations.extend(declaration);
                index = next.max(index + 1);
            } else {
                index = self.after(index);
            }
        }
        found
    }

    /// `import { A, B as C } from "m"`, `import X from "m"`, `import * as N from "m"`, `import type { T } from "m"`,
    /// `import "m"`.
    fn import(&self, start: usize, end: usize) -> Option<(Import, usize)> {
        let mut names: Vec<String> = Vec::new();
        let mut index = start + 1;
        while index < end.min(start + IMPORT_MAX) {
            let word = self.word(index);
            if self.is_string(index) {
                let import = Import { source: self.string(index), names, span: self.span(start, index + 1) };
                return Some((import, index + 1));
            }
            if self.is_kind(index, TokenKind::Word) {
                match word {
                    "import" | "export" => return None,
                    "from" | "type" => {}
                    // The name after `as` is the one that it has here.
                    "as" => drop(names.pop()),
                    _ => names.push(word.to_owned()),
                }
            } else if word == "*" {
                names.push("*".to_owned());
            } else if !matches!(word, "{" | "}" | "," | "." | "::") {
                return None;
            }
            index += 1;
        }
        None
    }

    /// `export { A, B }`, `export * as N from "m"`, `export default persona A`, `export A`.
    fn export(&mut self, start: usize, end: usize) -> Option<(Export, usize)> {
        let mut index = start + 1;
        if self.symbol(index, "{") {
            let (from, to) = self.inside(index, end);
            let words = (from..to).filter(|at| self.is_kind(*at, TokenKind::Word));
            let keyword = |name: &str| crate::pcl::kind_of_keyword(name).is_some();
            let names = words.map(|at| self.word(at)).filter(|name| !keyword(name)).map(str::to_owned).collect();
            let next = self.after(index).min(end);
            return Some((Export { names, span: self.span(start, next) }, next));
        }
        if self.symbol(index, "*") {
            while index < end && !self.is_string(index) && !(index > start + 1 && self.fresh(index)) {
                index += 1;
            }
            let next = (index + 1).min(end);
            return Some((Export { names: vec!["*".to_owned()], span: self.span(start, next) }, next));
        }
        if self.declaration_header(index, end).is_some() {
            return None;
        }
        while matches!(self.word(index), "default" | "type") || crate::pcl::kind_of_keyword(self.word(index)).is_some()
        {
            index += 1;
        }
        let named = self.is_kind(index, TokenKind::Word) && !self.fresh(index) && index < end;
        named.then(|| {
            let names = vec![self.word(index).to_owned()];
            (Export { names, span: self.span(start, index + 1) }, index + 1)
        })
    }

    /// What stands between braces.
    pub fn block(&mut self, mut index: usize, end: usize, words: Words, depth: usize) -> (Block, Vec<Declaration>) {
        let mut block = Block::default();
        let mut nested = Vec::new();
        while index < end {
            if let Some((declaration, next)) = self.declaration(index, end, depth + 1) {
                match declaration {
                    Some(method) if method.kind == crate::domain::Kind::Function => block.methods.push(method.name),
                    other => nested.extend(other),
                }
                index = next.max(index + 1);
                continue;
            }
            let next = self.entry(&mut block, index, end, words, depth);
            index = next.max(index + 1);
        }
        (block, nested)
    }

    /// One property, item or hook of a block; the index after it.
    fn entry(&mut self, block: &mut Block, index: usize, end: usize, words: Words, depth: usize) -> usize {
        let word = self.word(index);
        let token = self.tokens[index];
        match token.kind {
            TokenKind::Symbol if matches!(word, "," | ";" | "}" | "]" | ")") => index + 1,
            // An element of a list of `- "text"`.
            TokenKind::Symbol if word == "-" && token.first_on_line => index + 1,
            TokenKind::Symbol if word == "@" => self.hook_or_reference(block, index, end),
            TokenKind::Word | TokenKind::Quoted | TokenKind::Raw if !STATEMENT_WORDS.contains(&word) => {
                match self.property(index, end, words, depth) {
                    Some((property, next)) => {
                        block.properties.push(property);
                        next
                    }
                    None => self.item(block, index, end, words, depth),
                }
            }
            _ => self.item(block, index, end, words, depth),
        }
    }

    fn item(&mut self, block: &mut Block, index: usize, end: usize, words: Words, depth: usize) -> usize {
        let (value, next) = match words {
            Words::Items if self.is_kind(index, TokenKind::Word) => self.short_item(index, end, depth),
            _ => self.value(index, end, depth),
        };
        if value.kind != ValueKind::Missing {
            block.items.push(value);
        }
        next
    }

    /// `@onStep(step) { … }` is a hook, `@Foundation.X` a reference.
    fn hook_or_reference(&mut self, block: &mut Block, index: usize, end: usize) -> usize {
        let (path, next) = self.reference(index, end);
        let after = if self.symbol(next, "(") { self.after(next) } else { next };
        if after < end && self.symbol(after, "{") {
            block.hooks.push(path.text().unwrap_or_default().trim_start_matches('@').to_owned());
            return self.after(after);
        }
        block.items.push(path);
        after
    }

    /// `key: value`, `key = value`, `key: Type = value`, `key { … }`, `key value`.
    fn property(&mut self, index: usize, end: usize, words: Words, depth: usize) -> Option<(Property, usize)> {
        let key = if self.is_string(index) { self.string(index) } else { self.word(index).to_owned() };
        let key_span = self.tokens[index].span;
        let next = index + 1;
        if next >= end {
            return None;
        }
        let kind = self.tokens[next].kind;
        let (value, after) = match self.word(next) {
            ":" | "=" if kind == TokenKind::Symbol => self.assigned(&key, next + 1, end, depth),
            "{" if kind == TokenKind::Symbol => self.braces(&key, next, end, depth),
            "[" if kind == TokenKind::Symbol && !self.fresh(next) && !self.adjacent(next) => {
                self.value(next, end, depth)
            }
            _ if words == Words::Items || self.is_string(index) || self.fresh(next) => return None,
            _ if kind == TokenKind::Symbol && self.word(next) != "@" => return None,
            _ => self.bare_value(next, end),
        };
        Some((Property { key, key_span, value }, after))
    }

    /// Where the decorators that start here stand, as name token and group of arguments, and the index after them.
    pub fn decorators(&self, mut index: usize, end: usize) -> (Vec<(usize, Option<usize>)>, usize) {
        let mut found = Vec::new();
        while self.symbol(index, "@") && index + 1 < end && self.is_kind(index + 1, TokenKind::Word) {
            let next = index + 2;
            let group = (next < end && self.symbol(next, "(") && !self.fresh(next)).then_some(next);
            found.push((index + 1, group));
            index = group.map_or(next, |group| self.after(group).min(end));
        }
        (found, index)
    }

    /// Reads decorators whose place is known.
    pub fn read_decorators(&mut self, places: &[(usize, Option<usize>)], end: usize, depth: usize) -> Vec<Decorator> {
        let mut decorators = Vec::new();
        for (name, group) in places {
            let arguments = match group {
                Some(group) => {
                    let (from, to) = self.inside(*group, end);
                    self.values(from, to, depth + 1)
                }
                None => Vec::new(),
            };
            decorators.push(Decorator { name: self.word(*name).to_owned(), arguments });
        }
        decorators
    }

    /// The doc comment and the plain comment above a token.
    pub fn comments_above(&self, index: usize) -> (Option<String>, Option<String>) {
        comment::above(self.text, self.lexed, index)
    }
}
