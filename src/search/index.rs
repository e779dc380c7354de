//! The index on disk or in memory: opened, fed, cleared.
//!
//! It is a projection of the events: whatever is wrong with it, it is emptied and fed again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use super::complete::{Completions, Known};
use super::document::Document;
use super::error::SearchError;
use super::part::Part;
use super::query::Audience;
use super::schema::{self, Fields};
use crate::domain::Name;

/// Most events that change nothing here before a commit names them anyway. After a crash they are read once more.
const UNCOMMITTED_MAX: u64 = 4096;

/// The folder of what members find, in that of what everybody finds.
const MEMBERS: &str = "members";

/// A full-text index over packages. Searches run while it is being fed and see the last whole commit.
///
/// What only members find lies apart from what everybody finds: an answer to everybody is the same to the last bit of its scores, whatever
/// there is besides.
pub struct Index {
    pub(super) fields: Fields,
    pub(super) completions: RwLock<Completions>,
    /// What everybody finds. Its commits name the event that all of the index shows.
    open: Part,
    /// What members find, which is never behind that.
    hidden: Part,
    through: AtomicU64,
    /// The event that the last commit names: behind `through` by events that changed nothing here.
    committed: AtomicU64,
}

/// What was found where an index was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Number of the last event that the index shows; 0 if it is empty.
    pub through: u64,
    /// How it came to be.
    pub origin: Origin,
}

/// How an opened index came to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was there.
    Found,
    /// There was none for this schema: feed it from the first event.
    New,
    /// What was there was damaged, for this reason, and was removed: feed it from the first event.
    Replaced(String),
}

impl Index {
    /// Opens the index below a directory, in a folder named by its schema's hash, and removes the folders of other schemas.
    ///
    /// Every file is compared with its checksum. A damaged index is removed and begun anew. Blocking.
    ///
    /// # Errors
    /// [`SearchError::Busy`] if another process has it open, [`SearchError::Unavailable`] if the disk does not let it.
    pub fn open(directory: &Path) -> Result<(Self, Opened), SearchError> {
        let (schema, _) = Fields::new();
        let hash = schema::hash(&schema);
        let own = directory.join(&hash);
        fs::create_dir_all(directory)?;
        remove_others(directory, &hash)?;
        let before = own.exists();
        match Self::open_folder(&own) {
            Ok((index, through)) => {
                let origin = if before { Origin::Found } else { Origin::New };
                Ok((index, Opened { through, origin }))
            }
            Err(SearchError::Damaged(reason)) => {
                remove(&own)?;
                let (index, through) = Self::open_folder(&own)?;
                Ok((index, Opened { through, origin: Origin::Replaced(reason.to_string()) }))
            }
            Err(error) => Err(error),
        }
    }

    /// An index that lives in memory and ends with the process.
    ///
    /// # Errors
    /// [`SearchError::Unavailable`] if its threads cannot be started.
    pub fn memory() -> Result<Self, SearchError> {
        let (schema, fields) = Fields::new();
        let (open, hidden) = (Part::memory(schema.clone())?, Part::memory(schema)?);
        Self::over(fields, open, hidden, 0)
    }

    fn open_folder(folder: &Path) -> Result<(Self, u64), SearchError> {
        fs::create_dir_all(folder)?;
        let members = folder.join(MEMBERS);
        if folder.join("meta.json").exists() && !members.exists() {
            return Err(SearchError::damaged(format!("{} is missing", members.display())));
        }
        let (schema, fields) = Fields::new();
        let (hidden, _) = Part::open(&members, schema.clone())?;
        let (open, through) = Part::open(folder, schema)?;
        Ok((Self::over(fields, open, hidden, through)?, through))
    }

    fn over(fields: Fields, open: Part, hidden: Part, through: u64) -> Result<Self, SearchError> {
        open.hold()?;
        let completions = RwLock::new(Completions::read(&open.reader.searcher())?);
        let (through, committed) = (AtomicU64::new(through), AtomicU64::new(through));
        Ok(Self { fields, completions, open, hidden, through, committed })
    }

    /// Puts documents in, each in place of the one of its name, takes others out, and notes the event that the index now
    /// shows: seen by the next search. Blocking.
    ///
    /// # Errors
    /// [`SearchError::Unavailable`] if it cannot be written: what everybody finds has not changed, and the next call begins afresh.
    pub fn apply(&self, upserts: Vec<Document>, removals: Vec<Name>, through: u64) -> Result<(), SearchError> {
        let (open, hidden): (Vec<Document>, Vec<Document>) = upserts.into_iter().partition(Document::is_open);
        let names = |documents: &[Document]| documents.iter().map(|document| document.name.clone()).collect::<Vec<_>>();
        let gone_from_open = [removals.as_slice(), &names(&hidden)].concat();
        let gone_from_hidden = [removals.as_slice(), &names(&open)].concat();
        // First what members find: whatever the commit of the others names is then in both, whenever this is interrupted.
        if !hidden.is_empty() || self.hidden.has_any(&self.fields, &gone_from_hidden) {
            self.hidden.put(&self.fields, hidden, &gone_from_hidden, through)?;
            self.hidden.show()?;
        }
        // Pushes of plain images are events, too. A commit costs two syncs, so that many of them share one.
        let changes_nothing = open.is_empty() && !self.open.has_any(&self.fields, &gone_from_open);
        if changes_nothing && through.saturating_sub(self.committed.load(Ordering::Acquire)) < UNCOMMITTED_MAX {
            self.through.store(through, Ordering::Release);
            return Ok(());
        }
        let known: Vec<Known> = open.iter().map(Document::known).collect();
        let gone: Vec<String> = gone_from_open.iter().map(Name::to_string).collect();
        self.open.put(&self.fields, open, &gone_from_open, through)?;
        self.committed_through(through)?;
        self.completions.write().unwrap_or_else(PoisonError::into_inner).change(&known, &gone);
        Ok(())
    }

    /// Takes everything out, so that all events can be fed again. Blocking.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn clear(&self) -> Result<(), SearchError> {
        self.open.clear()?;
        self.committed_through(0)?;
        *self.completions.write().unwrap_or_else(PoisonError::into_inner) = Completions::default();
        self.hidden.clear()?;
        self.hidden.show()
    }

    /// The parts that hold what these may find.
    pub(super) fn parts(&self, audience: &Audience) -> Vec<&Part> {
        match audience {
            Audience::Everybody => vec![&self.open],
            Audience::OnlyMembers(_) => vec![&self.hidden],
            Audience::Members(_) => vec![&self.open, &self.hidden],
        }
    }

    /// Number of the last event that the index shows; 0 if it is empty.
    pub fn through(&self) -> u64 {
        self.through.load(Ordering::Acquire)
    }

    /// How many documents there are, whoever may find them.
    pub fn len(&self) -> u64 {
        self.open.len() + self.hidden.len()
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn committed_through(&self, through: u64) -> Result<(), SearchError> {
        self.through.store(through, Ordering::Release);
        self.committed.store(through, Ordering::Release);
        self.open.show()
    }
}

/// Removes the folders of other schemas: those named as only [`schema::hash`] names them.
fn remove_others(directory: &Path, own: &str) -> Result<(), SearchError> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_hash = name.to_str().is_some_and(|name| {
            name != own && name.len() == own.len() && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if is_hash {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), SearchError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|error| SearchError::Unavailable(error.into()))
}
