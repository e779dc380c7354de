//! The ranges of an index that make up a list between two places.
//!
//! Behind its key, a time or a count, a list goes on by name, and nearly all packages have no stars at all: that tie is most of the
//! list. A condition on both columns at once bounds an index by the key alone, and each page would walk the tie from its beginning.
//! So a list is read span by span, each of which is one range of the index (key falling, name rising).

use super::Order;
use crate::domain::Name;

/// A place in a list: the key of a row, 0 in the order of names, and its name.
pub(super) type Place = (i64, Name);

/// What SQL asks of a column: each bound, if there is one, behind its sign.
type Bounds<T> = [(&'static str, Option<T>); 2];

/// One range of the index of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Those with this key, all in the order of names: behind the first name, up to the last.
    Names { key: Option<i64>, after: Option<Name>, to: Option<Name> },
    /// Those with keys below the first and above the last.
    Keys { below: Option<i64>, above: Option<i64> },
}

impl Span {
    /// What SQL asks of the key, and of the name.
    pub fn bounds(&self) -> (Bounds<i64>, Bounds<&Name>) {
        match self {
            Self::Names { key, after, to } => {
                ([("=", *key), ("=", None)], [(">", after.as_ref()), ("<=", to.as_ref())])
            }
            Self::Keys { below, above } => ([("<", *below), (">", *above)], [(">", None), ("<=", None)]),
        }
    }
}

/// The list behind `after` up to `to`, which lies behind it.
pub(super) fn spans(order: Order, after: Option<&Place>, to: Option<&Place>) -> Vec<Span> {
    let name = |place: &Place| place.1.clone();
    if order == Order::Name {
        return vec![Span::Names { key: None, after: after.map(name), to: to.map(name) }];
    }
    let (below, above) = (after.map(|place| place.0), to.map(|place| place.0));
    if below.is_some() && below == above {
        return vec![Span::Names { key: below, after: after.map(name), to: to.map(name) }];
    }
    let begun = after.map(|place| Span::Names { key: below, after: Some(name(place)), to: None });
    let ended = to.map(|place| Span::Names { key: above, after: None, to: Some(name(place)) });
    let is_count = matches!(order, Order::Downloads | Order::Stars);
    // Nothing counts less than nothing.
    let between = Some(Span::Keys { below, above }).filter(|_| !is_count || below.is_none_or(|key| key > 0));
    begun.into_iter().chain(between).chain(ended).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: i64, slug: &str) -> Place {
        (key, format!("acme/{slug}").parse().unwrap())
    }

    /// Keys and slugs of a list that lie in the spans, in their order.
    fn read(list: &[Place], spans: &[Span]) -> Vec<Place> {
        let lies_in = |span: &Span, (at, name): &Place| match span {
            Span::Names { key, after, to } => {
                let text = name.as_str();
                key.is_none_or(|key| key == *at)
                    && after.as_ref().is_none_or(|after| text > after.as_str())
                    && to.as_ref().is_none_or(|to| text <= to.as_str())
            }
            Span::Keys { below, above } => {
                below.is_none_or(|below| *at < below) && above.is_none_or(|above| *at > above)
            }
        };
        spans.iter().flat_map(|span| list.iter().filter(move |place| lies_in(span, place))).cloned().collect()
    }

    #[test]
    fn spans_are_the_list_between_two_places() {
        let by_key = [(7, "c"), (5, "a"), (5, "b"), (5, "d"), (2, "a0"), (0, "e"), (0, "f")];
        let by_name = [(0, "a"), (0, "b"), (0, "c"), (0, "d")];
        for (order, list) in [
            (Order::Stars, &by_key[..]),
            (Order::Downloads, &by_key[..]),
            (Order::Updated, &by_key[..]),
            (Order::Created, &by_key[..]),
            (Order::Name, &by_name[..]),
        ] {
            let list: Vec<Place> = list.iter().map(|(key, slug)| place(*key, slug)).collect();
            for first in 0..=list.len() {
                let after = first.checked_sub(1).map(|at| &list[at]);
                assert_eq!(read(&list, &spans(order, after, None)), list[first..], "{order:?} {first}");
                for last in first..list.len() {
                    let found = read(&list, &spans(order, after, Some(&list[last])));
                    assert_eq!(found, list[first..=last], "{order:?} {first} {last}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_read_below_nothing() {
        let last = place(0, "a");
        assert_eq!(spans(Order::Stars, Some(&last), None).len(), 1);
        assert_eq!(spans(Order::Updated, Some(&last), None).len(), 2);
    }
}
