//! Tables that follow from others. Every write keeps them; where rows are read back they are made anew, which is quicker than to read
//! them, and cannot differ.

use std::cmp::Reverse;

use uuid::Uuid;

use crate::domain::{Area, Digest, Name, Timestamp, Version};

use super::super::rules::rank;
use super::state::{PackageRow, State};
use super::table::Table;

/// By time, latest first, and name.
type Times = Table<(Reverse<Timestamp>, String), ()>;

/// All of them.
pub(super) struct Indexes {
    times: (Times, Times),
    ranks: Table<(String, String), String>,
    by_digest: Table<(String, Digest, u64), String>,
    by_id: Table<Uuid, (Name, Version)>,
    subjects: Table<(String, Digest, u64, Digest), ()>,
    linked: Table<(Digest, Area, String), ()>,
    gathered: Table<(String, String), ()>,
}

impl State {
    /// Makes them of the rows, on several threads: they are a good part of a start. `None` if one of those panicked.
    pub fn indexes(&self) -> Option<Indexes> {
        std::thread::scope(|scope| {
            let times = scope.spawn(|| (self.times(|row| row.updated), self.times(|row| row.created)));
            let ranks = scope.spawn(|| self.ranks());
            let versions = scope.spawn(|| (self.by_digest(), self.by_id()));
            let linked = scope.spawn(|| self.linked());
            let (subjects, gathered) = (self.subjects(), self.gathered());
            let (by_digest, by_id) = versions.join().ok()?;
            let (times, ranks, linked) = (times.join().ok()?, ranks.join().ok()?, linked.join().ok()?);
            Some(Indexes { times, ranks, by_digest, by_id, subjects, linked, gathered })
        })
    }

    /// Takes them in place of its own.
    pub fn take(&mut self, indexes: Indexes) {
        (self.by_time, self.by_age) = indexes.times;
        self.ranks = indexes.ranks;
        self.by_digest = indexes.by_digest;
        self.by_id = indexes.by_id;
        self.subjects = indexes.subjects;
        self.linked = indexes.linked;
        self.gathered = indexes.gathered;
    }

    fn times(&self, time: impl Fn(&PackageRow) -> Timestamp) -> Times {
        let found = self.packages.iter().filter(|(_, row)| row.shown.is_some());
        Table::of(found.map(|(name, row)| ((Reverse(time(row)), name.clone()), ())))
    }

    fn ranks(&self) -> Table<(String, String), String> {
        let ranked = self.versions.iter().filter_map(|((name, number), row)| {
            let rank = rank(&row.version, row.yanked, row.deleted)?;
            Some(((name.clone(), rank), number.clone()))
        });
        Table::of(ranked)
    }

    fn by_digest(&self) -> Table<(String, Digest, u64), String> {
        let published = self.versions.iter();
        Table::of(published.map(|((name, number), row)| ((name.clone(), row.digest, row.event), number.clone())))
    }

    fn by_id(&self) -> Table<Uuid, (Name, Version)> {
        let published = self.versions.iter();
        Table::of(published.filter_map(|((name, _), row)| Some((row.id, (name.parse().ok()?, row.version.clone())))))
    }

    fn subjects(&self) -> Table<(String, Digest, u64, Digest), ()> {
        let referring = self.manifests.iter().filter_map(|((repository, digest), held)| {
            held.row.subject.map(|subject| ((repository.clone(), subject, held.n, *digest), ()))
        });
        Table::of(referring)
    }

    fn linked(&self) -> Table<(Digest, Area, String), ()> {
        let links = self.links.iter();
        Table::of(links.map(|((repository, digest), link)| ((*digest, link.area.clone(), repository.to_string()), ())))
    }

    fn gathered(&self) -> Table<(String, String), ()> {
        let collections = self.collections.iter();
        let gathered = collections
            .flat_map(|(name, gathered)| gathered.packages.iter().map(move |package| (package.clone(), name.clone())));
        Table::of(gathered.map(|key| (key, ())))
    }
}
