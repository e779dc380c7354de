//! What the outline of a PCL file holds.

use std::ops::Range;

use crate::domain::Kind;

use super::lexer::Span;

/// Something that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Offset in bytes.
    pub at: usize,
    /// What was found, and what was made of it.
    pub message: String,
}

/// The outline of a file: what it declares, imports and exports.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    /// Declarations in the order of the file.
    pub declarations: Vec<Declaration>,
    /// Imports outside modules.
    pub imports: Vec<Import>,
    /// Exports that are not declarations.
    pub exports: Vec<Export>,
    /// The YAML between two lines of `---` at the start, without these lines.
    pub front_matter: Option<Span>,
    /// What was not understood, in the order in which it was met.
    pub problems: Vec<Problem>,
}

/// One declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// What is declared.
    pub kind: Kind,
    /// Its identifier, without quotes.
    pub name: String,
    /// The identifier, quotes included.
    pub name_span: Span,
    /// From the first decorator or modifier to the closing brace.
    pub span: Span,
    /// The keyword.
    pub keyword: Span,
    /// `pub`, `async`, `export` …
    pub modifiers: Vec<String>,
    /// `@deprecated("…")` …
    pub decorators: Vec<Decorator>,
    /// `T: Bound`, as written.
    pub type_parameters: Vec<String>,
    /// Names after `extends`.
    pub extends: Vec<String>,
    /// Names after `implements`.
    pub implements: Vec<String>,
    /// Names after `requires`.
    pub requires: Vec<String>,
    /// What stands between the braces; empty for modules, types and functions.
    pub body: Block,
    /// Declarations within: of a module, or personas and others within a persona.
    pub nested: Vec<Declaration>,
    /// Imports within a module.
    pub imports: Vec<Import>,
    /// The doc comment just above, without its marks.
    pub doc: Option<String>,
    /// The plain comment directly above, without its marks.
    pub comment: Option<String>,
}

/// `@name(arguments)`
#[derive(Clone, Debug, PartialEq)]
pub struct Decorator {
    /// Name without `@`.
    pub name: String,
    /// What stands in its parentheses.
    pub arguments: Vec<Value>,
}

/// An `import`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Module, path or address, without quotes.
    pub source: String,
    /// What is taken from it, by the name it has here.
    pub names: Vec<String>,
    /// The whole statement.
    pub span: Span,
}

/// An `export` of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The names, or `*`.
    pub names: Vec<String>,
    /// The whole statement.
    pub span: Span,
}

/// What stands between two braces.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// Keys with values, in order; a key may recur.
    pub properties: Vec<Property>,
    /// Values without a key: strings, words, references, expressions.
    pub items: Vec<Value>,
    /// Names of methods.
    pub methods: Vec<String>,
    /// Names of hooks: `onActivate` …
    pub hooks: Vec<String>,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Without quotes.
    pub key: String,
    /// The key as written.
    pub key_span: Span,
    /// Its value.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ValueKind,
    /// The tokens it is made of.
    pub(super) tokens: Range<usize>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// Nothing where a value was expected.
    Missing,
    /// A string, unescaped.
    Text(String),
    /// One identifier, or several words of one line.
    Word(String),
    /// A number, with its unit: `5`, `10m`, `3/4`.
    Number(String),
    /// `@Foundation.X`, `@scope/name`, `#SEC`
    Reference(String),
    /// `[ … ]`
    List(Vec<Value>),
    /// `{ … }`
    Block(Block),
    /// Anything else, as written.
    Expression(String),
}

impl Block {
    /// The value of the first property with one of these keys, tried in order; `-`, `_` and case do not matter.
    pub fn get(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter()
            .find_map(|key| self.properties.iter().find(|property| same_key(&property.key, key)))
            .map(|property| &property.value)
    }
}

/// Whether two keys are one: `allowed-tools`, `allowed_tools`, `allowedTools`.
pub(super) fn same_key(left: &str, right: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|character| !matches!(character, '-' | '_')).flat_map(char::to_lowercase)
    }
    letters(left).eq(letters(right))
}

impl Value {
    /// Its text, if it is one piece of text.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Text(text) | ValueKind::Word(text) | ValueKind::Number(text) | ValueKind::Reference(text) => {
                Some(text)
            }
            ValueKind::Expression(text) => Some(text),
            ValueKind::Missing | ValueKind::List(_) | ValueKind::Block(_) => None,
        }
    }

    /// Its elements: of a list, the items of a block, or itself.
    pub fn elements(&self) -> &[Value] {
        match &self.kind {
            ValueKind::List(values) => values,
            ValueKind::Block(block) => &block.items,
            ValueKind::Missing => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// As JSON: what has both properties and items becomes an object with `items`.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.kind {
            ValueKind::Missing => Json::Null,
            ValueKind::Word(text) => match text.as_str() {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                "null" | "nil" | "none" => Json::Null,
                _ => Json::String(text.clone()),
            },
            ValueKind::Number(text) => number(text),
            ValueKind::Text(text) | ValueKind::Reference(text) | ValueKind::Expression(text) => {
                Json::String(text.clone())
            }
            ValueKind::List(values) => Json::Array(values.iter().map(Value::to_json).collect()),
            ValueKind::Block(block) => block.to_json(),
        }
    }
}

impl Block {
    /// As JSON: see [`Value::to_json`].
    pub fn to_json(&self) -> serde_json::Value {
        let items: Vec<_> = self.items.iter().map(Value::to_json).collect();
        if self.properties.is_empty() && !items.is_empty() {
            return items.into();
        }
        let mut object = serde_json::Map::new();
        for property in &self.properties {
            object.entry(property.key.clone()).or_insert_with(|| property.value.to_json());
        }
        if !items.is_empty() {
            object.entry("items").or_insert_with(|| items.into());
        }
        object.into()
    }
}

fn number(text: &str) -> serde_json::Value {
    let plain = text.replace('_', "");
    if let Ok(whole) = plain.parse::<i64>() {
        return whole.into();
    }
    match plain.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
        Some(number) => number.into(),
        None => text.into(),
    }
}
