//! Declarations: decorators, modifiers, keyword, name, type parameters, clauses, body.

use crate::domain::Kind;
use crate::pcl::kind_of_keyword;

use super::lexer::TokenKind;
use super::outline::{Block, Declaration};
use super::parser::{DEPTH_MAX, Parser, Words};

pub(super) const MODIFIERS: [&str; 9] =
    ["pub", "priv", "mut", "async", "static", "abstract", "final", "export", "default"];

/// Where the parts of a declaration stand, found by looking at its header only.
pub(super) struct Header {
    /// `None`: a policy, which the draft specification has and the registry does not.
    kind: Option<Kind>,
    modifiers: Vec<String>,
    keyword: usize,
    name: String,
    /// First and last name token.
    name_tokens: (usize, usize),
    type_parameters: Vec<String>,
    extends: Vec<String>,
    implements: Vec<String>,
    requires: Vec<String>,
    end: HeaderEnd,
}

#[derive(Clone, Copy)]
enum HeaderEnd {
    /// The opening brace.
    Body(usize),
    /// The token after `=`.
    Type(usize),
    /// The token after the header of a function or declaration without body.
    None(usize),
}

impl Parser<'_> {
    /// The declaration that starts here, with the index after it. The declaration is `None` for what is declared but is
    /// no artifact.
    pub fn declaration(&mut self, start: usize, end: usize, depth: usize) -> Option<(Option<Declaration>, usize)> {
        let starts = self.symbol(start, "@") || self.is_kind(start, TokenKind::Word);
        if !starts || depth > DEPTH_MAX {
            return None;
        }
        let decorated = self.symbol(start, "@");
        if decorated && start < self.plain_until {
            return None;
        }
        let (places, index) = self.decorators(start, end);
        let Some(header) = self.declaration_header(index, end) else {
            self.plain_until = if decorated { index } else { self.plain_until };
            return None;
        };
        let decorators = self.read_decorators(&places, end, depth);
        let (body, nested, imports, next) = self.declaration_body(&header, end, depth);
        let span = self.span(start, next);
        let Some(kind) = header.kind else {
            self.problem(span.start, "a policy is no artifact of its own; it is kept as part of the file");
            return Some((None, next));
        };
        if matches!(header.end, HeaderEnd::None(_)) && kind != Kind::Function {
            self.problem(span.start, "a declaration has no body");
        }
        let (doc, comment) = self.comments_above(start);
        let declaration = Declaration {
            kind,
            name: header.name,
            name_span: self.span(header.name_tokens.0, header.name_tokens.1 + 1),
            span,
            keyword: self.span(header.keyword, header.keyword + 1),
            modifiers: header.modifiers,
            decorators,
            type_parameters: header.type_parameters,
            extends: header.extends,
            implements: header.implements,
            requires: header.requires,
            body,
            nested,
            imports,
            doc,
            comment,
        };
        Some((Some(declaration), next))
    }

    /// Reads modifiers, keyword, name and clauses, up to the body.
    pub fn declaration_header(&self, start: usize, end: usize) -> Option<Header> {
        let mut index = start;
        let mut modifiers = Vec::new();
        while index < end && MODIFIERS.contains(&self.word(index)) && modifiers.len() < MODIFIERS.len() {
            modifiers.push(self.word(index).to_owned());
            index += 1;
        }
        let keyword = index;
        let kind = kind_of_keyword(self.word(keyword));
        let named = self.is_kind(keyword + 1, TokenKind::Word) || self.is_string(keyword + 1);
        let is_keyword = self.is_kind(keyword, TokenKind::Word) && (kind.is_some() || self.word(keyword) == "policy");
        if keyword + 1 >= end || !named || !is_keyword {
            return None;
        }
        let (name, last) = self.declared_name(keyword + 1, end);
        let header = Header {
            kind,
            modifiers,
            keyword,
            name,
            name_tokens: (keyword + 1, last),
            type_parameters: Vec::new(),
            extends: Vec::new(),
            implements: Vec::new(),
            requires: Vec::new(),
            end: HeaderEnd::None(last + 1),
        };
        match kind {
            Some(Kind::Function) => self.function_header(header, last + 1, end),
            _ => self.clauses(header, last + 1, end),
        }
    }

    /// A name, quoted or not; `a::b` and `a.b` are one. The last of its tokens.
    fn declared_name(&self, index: usize, end: usize) -> (String, usize) {
        if self.is_string(index) {
            return (self.string(index), index);
        }
        let mut last = index;
        while last + 2 < end
            && matches!(self.word(last + 1), "::" | ".")
            && self.adjacent(last + 1)
            && self.is_kind(last + 2, TokenKind::Word)
            && self.adjacent(last + 2)
        {
            last += 2;
        }
        (self.span(index, last + 1).of(self.text).to_owned(), last)
    }

    fn clauses(&self, mut header: Header, mut index: usize, end: usize) -> Option<Header> {
        while index < end {
            match self.word(index) {
                "{" if self.is_kind(index, TokenKind::Symbol) && header.kind != Some(Kind::Type) => {
                    header.end = HeaderEnd::Body(index);
                    return Some(header);
                }
                "=" if header.kind == Some(Kind::Type) => {
                    header.end = HeaderEnd::Type(index + 1);
                    return Some(header);
                }
                "<" => index = self.type_parameters(&mut header, index, end)?,
                "extends" => index = self.names(&mut header.extends, index + 1, end),
                "implements" => index = self.names(&mut header.implements, index + 1, end),
                "requires" => index = self.names(&mut header.requires, index + 1, end),
                _ => break,
            }
        }
        // Without a body: only where a line or the file ends here, and no `export` stands before; prose is no declaration.
        let alone = index >= end || (self.fresh(index) && !self.is_kind(index, TokenKind::Symbol));
        let exported = header.modifiers.iter().any(|modifier| modifier == "export" || modifier == "default");
        let first = self.fresh(header.keyword - header.modifiers.len());
        let quotes_or_capital = header.name.starts_with(char::is_uppercase) || self.is_string(header.name_tokens.0);
        header.end = HeaderEnd::None(index);
        let declares = alone && first && !exported && quotes_or_capital;
        (declares && header.kind.is_some_and(|kind| kind != Kind::Type)).then_some(header)
    }

    /// `(parameters) [-> Type]`, then the body if one stands on the same line.
    fn function_header(&self, mut header: Header, mut index: usize, end: usize) -> Option<Header> {
        if self.symbol(index, "<") {
            index = self.type_parameters(&mut header, index, end)?;
        }
        if index >= end || !self.symbol(index, "(") {
            return None;
        }
        index = self.after(index).min(end);
        while index < end {
            if self.symbol(index, "{") && !self.symbol(index - 1, "->") {
                header.end = HeaderEnd::Body(index);
                return Some(header);
            }
            if self.fresh(index) && !matches!(self.word(index), "->" | "|" | "&") {
                break;
            }
            index = self.after(index).min(end);
        }
        header.end = HeaderEnd::None(index);
        Some(header)
    }

    /// `<T: Bound, U = V>`; the index after it.
    fn type_parameters(&self, header: &mut Header, start: usize, end: usize) -> Option<usize> {
        let (mut depth, mut from) = (0_usize, start + 1);
        for index in start..end.min(start + 256) {
            let word = self.word(index);
            let ends = match word {
                "<" => {
                    depth += 1;
                    false
                }
                ">" => {
                    depth -= 1;
                    depth == 0
                }
                "," => depth == 1,
                "{" | ";" => return None,
                _ => false,
            };
            if ends {
                header.type_parameters.push(self.span(from, index).of(self.text).to_owned());
                from = index + 1;
            }
            if depth == 0 {
                return Some(index + 1);
            }
        }
        None
    }

    /// Names separated by commas, in parentheses or not; the index after them.
    fn names(&self, into: &mut Vec<String>, index: usize, end: usize) -> usize {
        if !self.symbol(index, "(") {
            return self.name_list(into, index, end);
        }
        let (from, to) = self.inside(index, end);
        self.name_list(into, from, to);
        self.after(index).min(end)
    }

    fn name_list(&self, into: &mut Vec<String>, mut index: usize, end: usize) -> usize {
        while index < end && (self.is_kind(index, TokenKind::Word) || self.is_string(index) || self.symbol(index, "@"))
        {
            let quoted = self.is_string(index);
            let (name, next) = if quoted { (self.string(index), index + 1) } else { self.path(index, end) };
            into.push(name);
            // Type arguments of a name are not part of it.
            index = if self.symbol(next, "<") { self.after_type_arguments(next, end) } else { next };
            if index >= end || !self.symbol(index, ",") {
                break;
            }
            index += 1;
        }
        index
    }

    #[allow(clippy::type_complexity)]
    fn declaration_body(
        &mut self,
        header: &Header,
        end: usize,
        depth: usize,
    ) -> (Block, Vec<Declaration>, Vec<super::outline::Import>, usize) {
        let empty = Block::default;
        match (header.end, header.kind) {
            (HeaderEnd::Body(open), Some(Kind::Function) | None) => {
                (empty(), Vec::new(), Vec::new(), self.after(open).min(end))
            }
            (HeaderEnd::Body(open), Some(Kind::Module)) => {
                let (from, to) = self.inside(open, end);
                let statements = self.statements(from, to, depth + 1);
                (empty(), statements.declarations, statements.imports, self.after(open).min(end))
            }
            (HeaderEnd::Body(open), kind) => {
                let (from, to) = self.inside(open, end);
                let words = if kind == Some(Kind::Enum) { Words::Items } else { Words::Keys };
                let (block, nested) = self.block(from, to, words, depth + 1);
                (block, nested, Vec::new(), self.after(open).min(end))
            }
            (HeaderEnd::Type(from), _) => {
                let (_, next) = self.value(from, end, depth + 1);
                let next = if self.symbol(next, ";") { next + 1 } else { next };
                (empty(), Vec::new(), Vec::new(), next.min(end))
            }
            (HeaderEnd::None(next), _) => (empty(), Vec::new(), Vec::new(), next),
        }
    }
}
