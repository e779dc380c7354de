//! What packages are found by: how many have each label, and the postings of all that lists ask for.

use std::collections::BTreeSet;

use crate::domain::Visibility;

use super::super::MetaError;
use super::keys;
use super::rows::{Label, Package, Posting};
use super::unit::Unit;

/// What becomes of something that a package is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Gained,
    Lost,
}

impl Package {
    /// Everything that has a posting with its number: nothing while it shows no version.
    pub fn found_by(&self) -> BTreeSet<String> {
        let of_itself = [keys::org(&self.org), keys::kind(&self.kind)];
        let public = self.is_public().then(|| keys::PUBLIC.to_owned());
        let found_by = self.labels.iter().cloned().chain(of_itself).chain(public);
        found_by.filter(|_| self.shown.is_some()).collect()
    }

    /// The labels that count it, and its organisation.
    fn counted(&self) -> BTreeSet<String> {
        let counted = self.labels.iter().cloned().chain([keys::org(&self.org)]);
        counted.filter(|_| self.shown.is_some() && self.is_public()).collect()
    }

    fn is_public(&self) -> bool {
        self.visibility == Visibility::Public.as_str()
    }
}

impl Unit<'_> {
    /// Lets a package be found by what it says after a change, and no more by what it said before alone.
    pub(super) fn find_by(&mut self, before: &Package, after: &Package) -> Result<(), MetaError> {
        let is_shown = |package: &Package| package.shown.is_some();
        if before.visibility == after.visibility && before.labels == after.labels && is_shown(before) == is_shown(after)
        {
            return Ok(());
        }
        let counts = turns(&before.counted(), &after.counted());
        let found_by = turns(&before.found_by(), &after.found_by());
        let posting = |(found_by, turn): (String, Turn)| (keys::posting(&found_by, after.number), turn);
        let postings: Vec<(String, Turn)> = found_by.into_iter().map(posting).collect();
        let keys_of = |turns: &[(String, Turn)]| turns.iter().map(|(key, _)| key.clone()).collect();
        self.load_found_by(keys_of(&counts), keys_of(&postings))?;
        for (key, turn) in counts {
            self.count_label(key, turn);
        }
        for (key, turn) in postings {
            self.put_number(key, after.number, turn);
        }
        Ok(())
    }

    fn count_label(&mut self, key: String, turn: Turn) {
        let count = self.labels.peek(&key).map_or(0, |row| row.count);
        let count = match turn {
            Turn::Gained => count + 1,
            Turn::Lost => count - 1,
        };
        let of = key.split(' ').next().unwrap_or_default().to_owned();
        match count {
            ..=0 => self.labels.remove(&key),
            count => self.labels.put(Label { id: key, of, count }),
        }
    }

    fn put_number(&mut self, key: String, number: i64, turn: Turn) {
        let mut bits = self.postings.peek(&key).map(|row| row.bits.clone()).unwrap_or_default();
        match turn {
            Turn::Gained => bits.insert(number),
            Turn::Lost => bits.remove(number),
        }
        match bits.is_empty() {
            true => self.postings.remove(&key),
            false => self.postings.put(Posting { id: key, bits }),
        }
    }
}

fn turns(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<(String, Turn)> {
    let turn = |key: &String| if after.contains(key) { Turn::Gained } else { Turn::Lost };
    before.symmetric_difference(after).map(|key| (key.clone(), turn(key))).collect()
}
