//! The index on disk or in memory: opened, fed, cleared.
//!
//! It is a projection of the events: whatever is wrong with it, it is emptied and fed again.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};

use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::indexer::IndexWriterOptions;
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Term};

use super::complete::{Completions, Known};
use super::document::Document;
use super::error::SearchError;
use super::schema::{self, Fields};
use super::tokenizer::{WORDS, Words};
use crate::domain::Name;

/// Memory that documents may take before they are written out. Taken by a commit, given back after it.
const WRITER_BYTES: usize = 50_000_000;
/// Blocks of 16 KB of stored documents that each segment keeps decompressed.
const STORE_CACHE_BLOCKS: usize = 16;

/// Most events that change nothing here before a commit names them anyway. After a crash they are read once more.
const UNCOMMITTED_MAX: u64 = 4096;

/// A full-text index over packages. Searches run while it is being fed and see the last whole commit.
pub struct Index {
    pub(super) fields: Fields,
    pub(super) reader: IndexReader,
    pub(super) completions: RwLock<Completions>,
    index: tantivy::Index,
    /// Empty after a failed commit: a writer that failed takes nothing more, the next change begins a new one.
    writer: Mutex<Option<IndexWriter>>,
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
            Ok(index) => {
                let origin = if before { Origin::Found } else { Origin::New };
                Ok((index.0, Opened { through: index.1, origin }))
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
        Ok(Self::over(tantivy::Index::create_in_ram(schema), fields)?.0)
    }

    fn open_folder(folder: &Path) -> Result<(Self, u64), SearchError> {
        fs::create_dir_all(folder)?;
        let (schema, fields) = Fields::new();
        let directory = MmapDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
        // Asked first, so that what another process is writing is never taken for damage.
        let lock = directory
            .acquire_lock(&INDEX_WRITER_LOCK)
            .map_err(|error| SearchError::Busy(Box::new(tantivy::TantivyError::LockFailure(error, None))))?;
        drop(lock);
        let index = tantivy::Index::open_or_create(directory, schema)?;
        if let Some(file) = index.validate_checksum()?.into_iter().next() {
            return Err(SearchError::damaged(format!("{} does not match its checksum", file.display())));
        }
        Self::over(index, fields)
    }

    fn over(index: tantivy::Index, fields: Fields) -> Result<(Self, u64), SearchError> {
        index.tokenizers().register(WORDS, TextAnalyzer::from(Words));
        let through = match index.load_metas()?.payload {
            Some(payload) => payload
                .parse()
                .map_err(|_| SearchError::damaged(format!("the commit names no event but {payload:?}")))?,
            None => 0,
        };
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
            .try_into()?;
        let completions = RwLock::new(Completions::read(&reader.searcher())?);
        let writer = Mutex::new(Some(begin(&index)?));
        let committed = AtomicU64::new(through);
        let opened = Self { fields, reader, completions, index, writer, through: AtomicU64::new(through), committed };
        Ok((opened, through))
    }

    /// Puts documents in, each in place of the one of its name, takes others out, and notes the event that the index now
    /// shows: one commit, seen by the next search. Blocking.
    ///
    /// # Errors
    /// [`SearchError::Unavailable`] if it cannot be written: nothing has changed, and the next call begins afresh.
    pub fn apply(&self, upserts: Vec<Document>, removals: Vec<Name>, through: u64) -> Result<(), SearchError> {
        let term = |name: &Name| Term::from_field_text(self.fields.name, name.as_str());
        let searcher = self.reader.searcher();
        let mut gone = removals.iter().map(|name| searcher.doc_freq(&term(name)));
        let changes_nothing = upserts.is_empty() && gone.all(|found| matches!(found, Ok(0)));
        // Pushes of plain images are events, too. A commit costs two syncs, so that many of them share one.
        if changes_nothing && through.saturating_sub(self.committed.load(Ordering::Acquire)) < UNCOMMITTED_MAX {
            self.through.store(through, Ordering::Release);
            return Ok(());
        }
        let known: Vec<Known> = upserts.iter().filter_map(Document::known).collect();
        // What only some may find was perhaps found by all before.
        let hidden = upserts.iter().map(|document| &document.name);
        let gone: Vec<String> = removals.iter().chain(hidden).map(Name::to_string).collect();
        self.change(through, |writer| {
            for name in &removals {
                writer.delete_term(term(name));
            }
            for document in upserts {
                writer.delete_term(term(&document.name));
                let document =
                    document.into_indexed(&self.fields).map_err(|error| SearchError::Unavailable(error.into()))?;
                writer.add_document(document)?;
            }
            Ok(())
        })?;
        self.completions.write().unwrap_or_else(PoisonError::into_inner).change(&known, &gone);
        Ok(())
    }

    /// Takes everything out, so that all events can be fed again. Blocking.
    ///
    /// # Errors
    /// As [`Index::apply`].
    pub fn clear(&self) -> Result<(), SearchError> {
        self.change(0, |writer| {
            writer.delete_all_documents()?;
            Ok(())
        })?;
        *self.completions.write().unwrap_or_else(PoisonError::into_inner) = Completions::default();
        Ok(())
    }

    /// Number of the last event that the index shows; 0 if it is empty.
    pub fn through(&self) -> u64 {
        self.through.load(Ordering::Acquire)
    }

    /// How many documents there are, whoever may find them.
    pub fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn change(
        &self,
        through: u64,
        fill: impl FnOnce(&IndexWriter) -> Result<(), SearchError>,
    ) -> Result<(), SearchError> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut writer = match slot.take() {
            Some(writer) => writer,
            None => begin(&self.index)?,
        };
        fill(&writer)?;
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&through.to_string());
        commit.commit()?;
        *slot = Some(writer);
        self.through.store(through, Ordering::Release);
        self.committed.store(through, Ordering::Release);
        self.reader.reload()?;
        Ok(())
    }
}

fn begin(index: &tantivy::Index) -> Result<IndexWriter, SearchError> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(WRITER_BYTES)
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    Ok(index.writer_with_options(options)?)
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
