//! Values that begin like what was typed, the most used first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// How many of the most used values are looked at before all that begin so are: what begins with one letter is found among these,
/// and what is not has few that begin so.
const MOST_USED: usize = 256;
/// How far above the value before it a new value is ranked at most.
const STEP: u64 = 1 << 32;

/// Values of one sort, with how often each is used.
pub(super) struct Table {
    /// What a value is found by.
    keys_of: fn(&str) -> Vec<String>,
    /// Those that are shown, in the order in which they are answered.
    by_use: BTreeSet<(Reverse<u32>, Arc<str>)>,
    places: BTreeMap<Arc<str>, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// What a value that is shown is found by. As bytes: the end of a range of prefixes is the prefix and a byte that no text has.
    keys: BTreeSet<(Box<[u8]>, u32)>,
    /// Whether ranks are to be given anew before they are looked at.
    is_unranked: bool,
}

/// A table that is made of all values at once: they come in any order, and are sorted when all are there.
pub(super) struct Draft {
    keys_of: fn(&str) -> Vec<String>,
    places: HashMap<Arc<str>, u32>,
    slots: Vec<Slot>,
}

struct Slot {
    value: Arc<str>,
    uses: u32,
    is_shown: bool,
    /// Greater than that of every value before it, so that two are compared without being looked at.
    rank: u64,
}

impl Draft {
    pub fn new(keys_of: fn(&str) -> Vec<String>) -> Self {
        Self { keys_of, places: HashMap::new(), slots: Vec::new() }
    }

    pub fn value(&self, place: u32) -> Arc<str> {
        Arc::clone(&self.slots[place as usize].value)
    }

    /// The place of a value, made if there is none.
    pub fn place(&mut self, value: &str) -> u32 {
        if let Some(place) = self.places.get(value) {
            return *place;
        }
        let (value, place) = (Arc::<str>::from(value), self.slots.len() as u32);
        self.places.insert(Arc::clone(&value), place);
        self.slots.push(Slot { value, uses: 0, is_shown: false, rank: 0 });
        place
    }

    /// One more uses the value; if it is a `label`, that is what shows it.
    pub fn use_one(&mut self, place: u32, is_label: bool) {
        let slot = &mut self.slots[place as usize];
        slot.uses += 1;
        slot.is_shown |= is_label;
    }

    pub fn show(&mut self, place: u32) {
        self.slots[place as usize].is_shown = true;
    }

    pub fn finish(self) -> Table {
        let Self { keys_of, places, slots } = self;
        let shown = || slots.iter().zip(0..).filter(|(slot, _)| slot.is_shown);
        let by_use = shown().map(|(slot, _)| (Reverse(slot.uses), Arc::clone(&slot.value))).collect();
        let keys = |(slot, place): (&Slot, u32)| {
            (keys_of)(&slot.value).into_iter().map(move |key| (key.into_bytes().into_boxed_slice(), place))
        };
        let keys = shown().flat_map(keys).collect();
        let places = places.into_iter().collect();
        let mut table = Table { keys_of, by_use, places, slots, free: Vec::new(), keys, is_unranked: true };
        table.rank_all();
        table
    }
}

impl Table {
    pub fn new(keys_of: fn(&str) -> Vec<String>) -> Self {
        Self {
            keys_of,
            by_use: BTreeSet::new(),
            places: BTreeMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            keys: BTreeSet::new(),
            is_unranked: true,
        }
    }

    pub fn value(&self, place: u32) -> Arc<str> {
        Arc::clone(&self.slots[place as usize].value)
    }

    /// The place of a value, made if there is none.
    pub fn place(&mut self, value: &str) -> u32 {
        if let Some(place) = self.places.get(value) {
            return *place;
        }
        let slot = Slot { value: value.into(), uses: 0, is_shown: false, rank: 0 };
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                self.slots.push(Slot { value: Arc::clone(&slot.value), ..slot });
                (self.slots.len() - 1) as u32
            }
        };
        self.places.insert(Arc::clone(&slot.value), place);
        self.slots[place as usize] = slot;
        self.rank(place);
        place
    }

    /// Lets somebody who used the values at these places use others. The places of those.
    pub fn turn(&mut self, before: &[u32], values: &[String], is_label: bool) -> Vec<u32> {
        let after: Vec<u32> = values.iter().map(|value| self.place(value)).collect();
        let (had, has) = (sorted(before), sorted(&after));
        for place in after.iter().filter(|place| had.binary_search(place).is_err()) {
            self.use_one(*place, is_label);
        }
        for place in before.iter().filter(|place| has.binary_search(place).is_err()) {
            self.leave_one(*place, is_label);
        }
        after
    }

    /// One more uses the value; if it is a `label`, that is what shows it.
    fn use_one(&mut self, place: u32, is_label: bool) {
        self.set_uses(place, self.slots[place as usize].uses + 1);
        if is_label {
            self.show(place, true);
        }
    }

    pub fn leave_one(&mut self, place: u32, is_label: bool) {
        let uses = self.slots[place as usize].uses - 1;
        self.set_uses(place, uses);
        if is_label && uses == 0 {
            self.show(place, false);
        }
        self.drop_unused(place);
    }

    fn set_uses(&mut self, place: u32, uses: u32) {
        let slot = &mut self.slots[place as usize];
        if slot.is_shown {
            self.by_use.remove(&(Reverse(slot.uses), Arc::clone(&slot.value)));
            self.by_use.insert((Reverse(uses), Arc::clone(&slot.value)));
        }
        slot.uses = uses;
    }

    pub fn show(&mut self, place: u32, is_shown: bool) {
        let slot = &mut self.slots[place as usize];
        if slot.is_shown == is_shown {
            return;
        }
        slot.is_shown = is_shown;
        let used = (Reverse(slot.uses), Arc::clone(&slot.value));
        if is_shown {
            self.by_use.insert(used);
        } else {
            self.by_use.remove(&used);
        }
        for key in (self.keys_of)(&slot.value) {
            let key = (key.into_bytes().into_boxed_slice(), place);
            if is_shown {
                self.keys.insert(key);
            } else {
                self.keys.remove(&key);
            }
        }
    }

    pub fn drop_unused(&mut self, place: u32) {
        let slot = &self.slots[place as usize];
        if slot.uses == 0 && !slot.is_shown {
            self.places.remove(&slot.value);
            self.free.push(place);
        }
    }

    /// Gives a new value a rank between those of its neighbours. Where there is none left, all are given anew.
    fn rank(&mut self, place: u32) {
        if self.is_unranked {
            return;
        }
        let value = &self.slots[place as usize].value;
        let rank = |(_, place): (&Arc<str>, &u32)| self.slots[*place as usize].rank;
        let before = self.places.range::<Arc<str>, _>((Bound::Unbounded, Bound::Excluded(value))).next_back();
        let behind = self.places.range::<Arc<str>, _>((Bound::Excluded(value), Bound::Unbounded)).next();
        let (before, behind) = (before.map_or(0, rank), behind.map_or(u64::MAX, rank));
        // Names come mostly one after the other: what follows needs the room above.
        let between = before + ((behind - before) / 2).min(STEP);
        self.slots[place as usize].rank = between;
        self.is_unranked = between == before;
    }

    /// Ranks far apart for all values, if those that they have are not to be trusted.
    pub fn rank_all(&mut self) {
        if std::mem::take(&mut self.is_unranked) {
            let apart = u64::MAX / (self.places.len() as u64 + 1);
            for (place, number) in self.places.values().zip(1..) {
                self.slots[*place as usize].rank = apart * number;
            }
        }
    }

    pub fn complete(&self, begun: &str, limit: usize) -> Vec<(String, u64)> {
        let begins = |value: &str| (self.keys_of)(value).iter().any(|key| key.starts_with(begun));
        let most_used = self.by_use.iter().take(MOST_USED).filter(|(_, value)| begins(value)).take(limit);
        let found: Vec<_> = most_used.map(|(uses, value)| (value.as_ref().to_owned(), u64::from(uses.0))).collect();
        if found.len() == limit || self.by_use.len() <= MOST_USED {
            return found;
        }
        self.scan(begun, limit)
    }

    /// All that begin so, for the best of them.
    pub fn scan(&self, begun: &str, limit: usize) -> Vec<(String, u64)> {
        let from = (begun.as_bytes().into(), 0);
        let behind = ([begun.as_bytes(), &[0xff]].concat().into(), 0);
        // The worst on top, to be replaced.
        let mut best: BinaryHeap<(Reverse<u32>, u64, u32)> = BinaryHeap::with_capacity(limit + 1);
        for (_, place) in self.keys.range((Bound::Included(from), Bound::Excluded(behind))) {
            let slot = &self.slots[*place as usize];
            let candidate = (Reverse(slot.uses), slot.rank, *place);
            let is_better = best.len() < limit || best.peek().is_some_and(|worst| candidate < *worst);
            // A value may be found by several of its keys.
            if !is_better || best.iter().any(|found| found.2 == *place) {
                continue;
            }
            best.push(candidate);
            if best.len() > limit {
                best.pop();
            }
        }
        let found = best.into_sorted_vec().into_iter();
        found.map(|(uses, _, place)| (self.value(place).as_ref().to_owned(), u64::from(uses.0))).collect()
    }
}

fn sorted(places: &[u32]) -> Vec<u32> {
    let mut places = places.to_vec();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes between the same two values again and again uses up the ranks between them.
    #[test]
    fn ranks_follow_the_order_however_values_come() {
        let mut table = Table::new(|value| vec![value.to_owned()]);
        let deeper = (1..200).map(|depth| format!("{}b", "a".repeat(depth)));
        let higher = (1..200).map(|depth| format!("ac{}", "d".repeat(depth)));
        let mut values = vec!["a".to_owned()];
        for (one, other) in deeper.zip(higher) {
            for value in [one, other] {
                let place = table.place(&value);
                table.show(place, true);
                table.rank_all();
                values.push(value);
            }
        }
        values.sort_unstable();
        values.remove(0);
        let found: Vec<String> = table.scan("a", values.len()).into_iter().map(|(value, _)| value).collect();
        assert_eq!(found, values);
        let ranks: BTreeSet<u64> = table.places.values().map(|place| table.slots[*place as usize].rank).collect();
        assert_eq!(ranks.len(), values.len());
    }
}
