//! One of the indexes that an [`super::Index`] is made of: documents that are counted together. How rare a word is, and with that every
//! score and every guess at what was meant, follows from the documents of one part alone.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tantivy::collector::Count;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::indexer::IndexWriterOptions;
use tantivy::query::TermQuery;
use tantivy::schema::{IndexRecordOption, Schema};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Term};

use super::document::Document;
use super::error::SearchError;
use super::schema::Fields;
use super::tokenizer::{WORDS, Words};
use crate::domain::Name;

/// Memory that documents may take before they are written out. Taken by a commit, given back after it.
const WRITER_BYTES: usize = 50_000_000;
/// Blocks of 16 KB of stored documents that each segment keeps decompressed.
const STORE_CACHE_BLOCKS: usize = 16;

/// Some of the documents. Searches see what was shown last.
pub(super) struct Part {
    pub(super) reader: IndexReader,
    index: tantivy::Index,
    /// Empty until something is written, and after a failed commit: a writer that failed takes nothing more, the next change begins a
    /// new one.
    writer: Mutex<Option<IndexWriter>>,
}

impl Part {
    /// One that lives in memory.
    pub(super) fn memory(schema: Schema) -> Result<Self, SearchError> {
        Ok(Self::over(tantivy::Index::create_in_ram(schema))?.0)
    }

    /// The one in a folder, which is made if it is not there, and the event that its last commit names. Every file is compared with its
    /// checksum.
    pub(super) fn open(folder: &Path, schema: Schema) -> Result<(Self, u64), SearchError> {
        fs::create_dir_all(folder)?;
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
        Self::over(index)
    }

    fn over(index: tantivy::Index) -> Result<(Self, u64), SearchError> {
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
        Ok((Self { reader, index, writer: Mutex::new(None) }, through))
    }

    /// Begins to write, so that no other process does.
    pub(super) fn hold(&self) -> Result<(), SearchError> {
        let mut slot = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            *slot = Some(begin(&self.index)?);
        }
        Ok(())
    }

    /// Whether one of these is there. What was removed is not, although the dictionary still counts it: writing for its sake would show
    /// everybody, in their scores, that something happened to what is private since.
    pub(super) fn has_any<'a>(&self, fields: &Fields, names: impl IntoIterator<Item = &'a Name>) -> bool {
        let searcher = self.reader.searcher();
        let is_there = |name: &Name| {
            let query = TermQuery::new(term(fields, name), IndexRecordOption::Basic);
            !matches!(searcher.search(&query, &Count), Ok(0))
        };
        names.into_iter().any(is_there)
    }

    /// Puts documents in, each in place of the one of its name, takes others out, and names the event: one commit, which
    /// [`Part::show`] shows.
    pub(super) fn put<'a>(
        &self,
        fields: &Fields,
        upserts: Vec<Document>,
        removals: impl IntoIterator<Item = &'a Name>,
        through: u64,
    ) -> Result<(), SearchError> {
        self.change(through, |writer| {
            for name in removals {
                writer.delete_term(term(fields, name));
            }
            for document in upserts {
                writer.delete_term(term(fields, &document.name));
                let document = document.into_indexed(fields).map_err(|error| SearchError::Unavailable(error.into()))?;
                writer.add_document(document)?;
            }
            Ok(())
        })
    }

    /// Takes everything out.
    pub(super) fn clear(&self) -> Result<(), SearchError> {
        self.change(0, |writer| {
            writer.delete_all_documents()?;
            Ok(())
        })
    }

    /// Lets searches see what was committed.
    pub(super) fn show(&self) -> Result<(), SearchError> {
        Ok(self.reader.reload()?)
    }

    /// How many documents there are.
    pub(super) fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
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
        Ok(())
    }
}

fn term(fields: &Fields, name: &Name) -> Term {
    Term::from_field_text(fields.name, name.as_str())
}

fn begin(index: &tantivy::Index) -> Result<IndexWriter, SearchError> {
    let options = IndexWriterOptions::builder()
        .memory_budget_per_thread(WRITER_BYTES)
        .num_worker_threads(1)
        .num_merge_threads(1)
        .build();
    Ok(index.writer_with_options(options)?)
}
