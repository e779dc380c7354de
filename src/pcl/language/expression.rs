//! Values: literals, lists, blocks and expressions, which are kept as text with their tokens.

use super::lexer::TokenKind;
use super::outline::{Value, ValueKind, same_key};
use super::parser::{DEPTH_MAX, Parser, Words};

/// Operators that join two operands.
const BINARY: [&str; 25] = [
    "->", "||", "|", "=>", "~>", "<->", ">>>", "::", "&&", "&", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/",
    "%", ".", "?", "..", "=",
];
/// Words that join two operands or go on with an expression.
const CONNECTIVES: [&str; 22] = [
    "then", "else", "times", "while", "until", "in", "with", "as", "and", "or", "not", "where", "contains", "if",
    "loop", "for", "await", "match", "merge", "try", "catch", "return",
];
/// Blocks whose bare words are items.
const ITEM_BLOCKS: [&str; 8] =
    ["tags", "skills", "members", "items", "keywords", "constraints", "dependencies", "personas"];

impl Parser<'_> {
    fn made(&self, from: usize, to: usize, kind: ValueKind) -> (Value, usize) {
        (Value { span: self.span(from, to), kind, tokens: from..to }, to)
    }

    fn missing(&self, at: usize) -> (Value, usize) {
        self.made(at, at, ValueKind::Missing)
    }

    /// Values of a list.
    pub fn values(&mut self, mut index: usize, end: usize, depth: usize) -> Vec<Value> {
        let mut values = Vec::new();
        while index < end {
            let bullet = self.symbol(index, "-") && self.fresh(index);
            if bullet || self.symbol(index, ",") || self.symbol(index, ";") {
                index += 1;
                continue;
            }
            let (value, next) = self.value(index, end, depth);
            if value.kind != ValueKind::Missing {
                values.push(value);
            }
            index = next.max(index + 1);
        }
        values
    }

    /// The value of a key with `:` or `=`.
    pub fn assigned(&mut self, key: &str, index: usize, end: usize, depth: usize) -> (Value, usize) {
        if index >= end || self.is_next_property(index, end) {
            return self.missing(index.min(end));
        }
        if self.symbol(index, "{") {
            return self.braces(key, index, end, depth);
        }
        let (mut value, mut next) = self.line_value(index, end, depth);
        // `key: Type = value`: what counts is the value.
        while next + 1 < end && self.symbol(next, "=") && !self.fresh(next) {
            (value, next) = match self.symbol(next + 1, "{") {
                true => self.braces(key, next + 1, end, depth),
                false => self.line_value(next + 1, end, depth),
            };
        }
        (value, next)
    }

    /// A line that begins with `key:` where a value was expected.
    fn is_next_property(&self, index: usize, end: usize) -> bool {
        self.fresh(index)
            && index + 1 < end
            && (self.is_kind(index, TokenKind::Word) || self.is_string(index))
            && (self.symbol(index + 1, ":") || self.symbol(index + 1, "="))
    }

    /// A block in braces, whose words are read as its key asks.
    pub fn braces(&mut self, key: &str, open: usize, end: usize, depth: usize) -> (Value, usize) {
        let next = self.after(open).min(end);
        if depth >= DEPTH_MAX {
            return self.as_text(open, next);
        }
        let (from, to) = self.inside(open, end);
        let words = if ITEM_BLOCKS.iter().any(|name| same_key(key, name)) { Words::Items } else { Words::Keys };
        let (block, nested) = self.block(from, to, words, depth + 1);
        for declaration in nested {
            self.problem(declaration.span.start, "a declaration inside a property is ignored");
        }
        self.made(open, next, ValueKind::Block(block))
    }

    /// One operand of a list of words: the word with what is joined to it by operators.
    pub fn short_item(&mut self, index: usize, end: usize, depth: usize) -> (Value, usize) {
        let next = index + 1;
        if next < end && self.is_kind(next, TokenKind::Symbol) && BINARY.contains(&self.word(next)) && !self.fresh(next)
        {
            return self.value(index, end, depth);
        }
        self.made(index, next, ValueKind::Word(self.word(index).to_owned()))
    }

    /// The value of a key without separator: one token, path or group.
    pub fn bare_value(&mut self, index: usize, end: usize) -> (Value, usize) {
        if self.is_string(index) {
            return self.made(index, index + 1, ValueKind::Text(self.string(index)));
        }
        if self.symbol(index, "@") {
            return self.reference(index, end);
        }
        if self.is_kind(index, TokenKind::Number) {
            return self.made(index, index + 1, ValueKind::Number(self.word(index).to_owned()));
        }
        let (path, next) = self.path(index, end);
        self.made(index, next, ValueKind::Word(path))
    }

    /// `@Foundation.X`, `@Namespace::Skill`, `@scope/name`.
    pub fn reference(&self, index: usize, end: usize) -> (Value, usize) {
        let (path, next) = self.path(index, end);
        self.made(index, next, ValueKind::Reference(path))
    }

    /// Words that `.`, `::` and `/` join without space, with a leading `@` or `#`.
    pub fn path(&self, start: usize, end: usize) -> (String, usize) {
        let mut index = start;
        if (self.symbol(index, "@") || self.symbol(index, "#")) && index + 1 < end {
            index += 1;
        }
        index += 1;
        while index + 1 < end
            && matches!(self.word(index), "." | "::" | "/")
            && self.adjacent(index)
            && self.adjacent(index + 1)
            && self.is_kind(index + 1, TokenKind::Word)
        {
            index += 2;
        }
        let index = index.min(end);
        (self.span(start, index).of(self.text).to_owned(), index)
    }

    /// Any value: a literal if it is one token, a list, a block, else an expression.
    pub fn value(&mut self, index: usize, end: usize, depth: usize) -> (Value, usize) {
        let next = self.expression_end(index, end);
        self.value_of(index, next, end, depth)
    }

    /// A value that has its line for itself: several words are one text, as in `tone: warm and friendly`.
    fn line_value(&mut self, index: usize, end: usize, depth: usize) -> (Value, usize) {
        let next = self.words_to_line_end(index, end).unwrap_or_else(|| self.expression_end(index, end));
        self.value_of(index, next, end, depth)
    }

    fn value_of(&mut self, index: usize, next: usize, end: usize, depth: usize) -> (Value, usize) {
        if next <= index {
            return self.missing(index);
        }
        if self.after(index) >= next {
            return self.single(index, end, depth);
        }
        if self.symbol(index, "@") || self.symbol(index, "#") {
            let (path, after) = self.path(index, next);
            if after == next {
                return self.made(index, next, ValueKind::Reference(path));
            }
        }
        let words = (index..next).all(|at| self.is_kind(at, TokenKind::Word));
        let text = self.span(index, next).of(self.text).to_owned();
        let kind = if words { ValueKind::Word(text) } else { ValueKind::Expression(text) };
        self.made(index, next, kind)
    }

    fn as_text(&self, from: usize, to: usize) -> (Value, usize) {
        self.made(from, to, ValueKind::Expression(self.span(from, to).of(self.text).to_owned()))
    }

    /// A value of one token or one group.
    fn single(&mut self, index: usize, end: usize, depth: usize) -> (Value, usize) {
        let next = self.after(index).min(end);
        match (self.tokens[index].kind, self.word(index)) {
            (TokenKind::Word, word) => self.made(index, next, ValueKind::Word(word.to_owned())),
            (TokenKind::Number, word) => self.made(index, next, ValueKind::Number(word.to_owned())),
            (TokenKind::Symbol, "[") if depth < DEPTH_MAX => {
                let (from, to) = self.inside(index, end);
                let values = self.values(from, to, depth + 1);
                self.made(index, next, ValueKind::List(values))
            }
            (TokenKind::Symbol, "{") if depth < DEPTH_MAX => self.braces("", index, end, depth),
            (TokenKind::Symbol, "(" | "[" | "{") => self.as_text(index, next),
            (TokenKind::Symbol, "," | ";" | "}" | "]" | ")") => self.missing(index),
            (TokenKind::Symbol, _) => self.as_text(index, next),
            _ => self.made(index, next, ValueKind::Text(self.string(index))),
        }
    }

    /// Where the expression that starts here ends: operands joined by operators, groups stepped over whole.
    fn expression_end(&self, start: usize, end: usize) -> usize {
        let mut index = start;
        let mut wants_operand = true;
        while index < end {
            let word = self.word(index);
            let kind = self.tokens[index].kind;
            let fresh = index > start && self.fresh(index);
            if kind == TokenKind::Symbol {
                match word {
                    "," | ";" | "}" | "]" | ")" => break,
                    "-" | "@" | "<" if fresh => break,
                    "=" if fresh || index == start || self.word(start) != "let" => break,
                    "{" if !wants_operand && !self.is_body(index, start) => break,
                    "{" | "[" | "(" => {
                        if fresh && !wants_operand {
                            break;
                        }
                        index = self.after(index).min(end);
                        wants_operand = false;
                    }
                    "<" if self.adjacent(index)
                        && !wants_operand
                        && self.after_type_arguments(index, end) > index + 1 =>
                    {
                        index = self.after_type_arguments(index, end);
                    }
                    _ if BINARY.contains(&word) => {
                        index += 1;
                        wants_operand = true;
                    }
                    // `!x`, `@x`, `#x`, and whatever else is no operator.
                    _ if wants_operand => index += 1,
                    _ => break,
                }
                continue;
            }
            let connective = kind == TokenKind::Word && CONNECTIVES.contains(&word);
            if !wants_operand && !connective && !self.multiple(index) {
                break;
            }
            if fresh && !wants_operand && word != "else" {
                break;
            }
            wants_operand = connective;
            index += 1;
        }
        index
    }

    /// `3x SEC`: the name belongs to the count.
    fn multiple(&self, index: usize) -> bool {
        self.adjacent(index) && index > 0 && self.is_kind(index - 1, TokenKind::Number)
    }

    /// A `{` after `then`, `else`, `times` or a condition opens the body of a statement that began with `if`, `loop` ….
    fn is_body(&self, index: usize, start: usize) -> bool {
        let led = matches!(self.word(start), "if" | "loop" | "while" | "for" | "match" | "try" | "else" | "switch");
        led && index > start
    }

    /// The end of the line, if two or more words are all that is left on it.
    fn words_to_line_end(&self, start: usize, end: usize) -> Option<usize> {
        let mut last = start;
        while last < end.min(start + 64) && (last == start || !self.fresh(last)) {
            if !self.is_kind(last, TokenKind::Word) {
                return None;
            }
            last += 1;
        }
        let continues = last < end && !self.fresh(last);
        // An operator on the next line goes on with the expression.
        let joined = self.is_kind(last, TokenKind::Symbol) && last < end && BINARY.contains(&self.word(last));
        (last > start + 1 && !continues && !joined).then_some(last)
    }

    /// After `<A, B<C>>` on one line; the next index if this is no list of type arguments.
    pub fn after_type_arguments(&self, start: usize, end: usize) -> usize {
        let mut depth = 0_usize;
        for index in start..end.min(start + 64) {
            match self.word(index) {
                "<" => depth += 1,
                ">" => depth = depth.saturating_sub(1),
                // `>>>` closes three at once.
                ">>>" => depth = depth.saturating_sub(3),
                "{" | "}" | ";" => break,
                _ => {}
            }
            if index > start && self.fresh(index) {
                break;
            }
            if depth == 0 {
                return index + 1;
            }
        }
        start + 1
    }
}
