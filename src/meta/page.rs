//! Cursors: where a page of packages ends and the next begins.
//!
//! A cursor holds the sort key of the last row, not a count of rows, so rows that come and go between two pages neither
//! repeat nor hide others. It names its query by hash and is refused under another.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Digest, Name, Package};

use super::{Cursor, Filter, LabelCount, MetaError, Order, Page};

/// Rows of a page where all are read, page by page.
pub const PAGE_MAX: usize = 1000;
/// Most packages of one page. Who weighs many asks for them at once: what a store gathers and sorts it would gather and sort again for
/// each page.
pub const PACKAGES_MAX: usize = 10_000;

/// The version of the text form.
const FORMAT: &str = "1";

impl Cursor {
    /// The cursor after `last` in the list of this filter and order.
    pub fn after(filter: &Filter, order: Order, last: &Package) -> Self {
        let key = match order {
            Order::Name => String::new(),
            Order::Updated => last.updated.micros().to_string(),
            Order::Created => last.created.micros().to_string(),
            Order::Downloads => last.downloads.to_string(),
            Order::Stars => last.stars.to_string(),
        };
        Self { query: query_hash(filter, order), key, name: last.name.to_string() }
    }

    /// The place in the list of this filter and order: the time of the last row in microseconds, or its count (0 where the list is
    /// by name), and its name. [`MetaError::Cursor`] if the cursor was made by another query.
    pub fn place(&self, filter: &Filter, order: Order) -> Result<(i64, Name), MetaError> {
        if self.query != query_hash(filter, order) {
            return Err(MetaError::Cursor);
        }
        let key = match (order, self.key.as_str()) {
            (Order::Name, "") => 0,
            (Order::Name, _) => return Err(MetaError::Cursor),
            (Order::Updated | Order::Created | Order::Downloads | Order::Stars, key) => {
                key.parse().map_err(|_| MetaError::Cursor)?
            }
        };
        Ok((key, self.name.parse().map_err(|_| MetaError::Cursor)?))
    }
}

/// The first 16 hexadecimal digits of the hash of filter and order.
fn query_hash(filter: &Filter, order: Order) -> String {
    let query = serde_json::to_vec(&(filter, order)).unwrap_or_default();
    let mut hash = Digest::sha256(&query).hex();
    hash.truncate(16);
    hash
}

/// Makes a page of up to `limit` rows out of up to `limit + 1`.
pub(super) fn page(mut items: Vec<Package>, limit: usize, filter: &Filter, order: Order) -> Page<Package> {
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|last| Cursor::after(filter, order, last));
    Page { items, next }
}

impl fmt::Display for Cursor {
    /// Letters and digits alone: safe in any part of an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = format!("{}\n{}\n{}", self.query, self.key, self.name);
        write!(f, "{FORMAT}{}", hex::encode(fields))
    }
}

impl FromStr for Cursor {
    type Err = MetaError;

    fn from_str(text: &str) -> Result<Self, MetaError> {
        let fields = text.strip_prefix(FORMAT).and_then(|digits| hex::decode(digits).ok()).ok_or(MetaError::Cursor)?;
        let fields = String::from_utf8(fields).map_err(|_| MetaError::Cursor)?;
        match *fields.split('\n').collect::<Vec<_>>() {
            [query, key, name] => Ok(Self { query: query.to_owned(), key: key.to_owned(), name: name.to_owned() }),
            _ => Err(MetaError::Cursor),
        }
    }
}

impl LabelCount {
    /// The text form of its place in a list of labels: letters and digits alone.
    pub fn cursor(&self) -> String {
        format!("{FORMAT}{}", hex::encode(format!("{}\n{}", self.count, self.label)))
    }

    /// The place that a text names. [`MetaError::Cursor`] if it names none.
    pub fn from_cursor(text: &str) -> Result<Self, MetaError> {
        let fields = text.strip_prefix(FORMAT).and_then(|digits| hex::decode(digits).ok()).ok_or(MetaError::Cursor)?;
        let fields = String::from_utf8(fields).map_err(|_| MetaError::Cursor)?;
        let (count, label) = fields.split_once('\n').ok_or(MetaError::Cursor)?;
        Ok(Self { count: count.parse().map_err(|_| MetaError::Cursor)?, label: label.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_and_garbled_text_is_refused() -> Result<(), MetaError> {
        let cursor = Cursor { query: "00ff".into(), key: "-5".into(), name: "acme/hello".into() };
        let text = cursor.to_string();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(text.parse::<Cursor>()?, cursor);
        for garbled in ["", "1", "2", "zz", &text[1..], &text[..text.len() - 1], &format!("{text}0a61"), "é"] {
            assert!(matches!(garbled.parse::<Cursor>(), Err(MetaError::Cursor)), "{garbled:?}");
        }
        Ok(())
    }

    #[test]
    fn places_of_labels_come_back() -> Result<(), MetaError> {
        for label in ["", "a b", "two\nlines", "写作\0"] {
            let place = LabelCount { label: label.to_owned(), count: 7 };
            assert_eq!(LabelCount::from_cursor(&place.cursor())?, place);
        }
        for garbled in ["", "1", "x", "13", "1zz", "137", "17a0a61"] {
            assert!(matches!(LabelCount::from_cursor(garbled), Err(MetaError::Cursor)), "{garbled:?}");
        }
        Ok(())
    }

    #[test]
    fn a_cursor_belongs_to_its_query() {
        let filter = Filter { org: Some("acme".into()), ..Filter::default() };
        let cursor = Cursor { query: query_hash(&filter, Order::Name), key: String::new(), name: "acme/hello".into() };
        assert!(cursor.place(&filter, Order::Name).is_ok());
        assert!(cursor.place(&filter, Order::Updated).is_err());
        assert!(cursor.place(&Filter::default(), Order::Name).is_err());
        let nameless = Cursor { name: "no name".into(), ..cursor };
        assert!(nameless.place(&filter, Order::Name).is_err());
    }
}
