//! The fields of the index, and the name of the directory that holds an index with just these fields.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};

use super::tokenizer::WORDS;
use crate::domain::Digest;

/// Counted up whenever documents are cut, folded, stored or divided differently under the same fields.
const ANALYSIS: u32 = 3;

/// Handles of the fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// `org/slug`: one document each. Sorted by.
    pub name: Field,
    /// The whole name, and slug and title squeezed: what an exact question equals.
    pub key: Field,
    /// Words of the slug, ×3.
    pub slug: Field,
    /// Words of the title, ×3.
    pub title: Field,
    /// Words of the description, ×2.
    pub description: Field,
    /// Words of the tags, ×1.
    pub tag_words: Field,
    /// Words of the skills, ×1.
    pub skill_words: Field,
    /// Words of the primary file, ×1.
    pub text: Field,
    /// Filter and facet.
    pub kind: Field,
    /// Filter and facet.
    pub org: Field,
    /// Filter and facet: labels, see `document::label`.
    pub tag: Field,
    /// Filter and facet: labels.
    pub skill: Field,
    /// Names of packages that it needs. Only a column.
    pub need: Field,
    /// Who may find it: `public`, or `org/<organisation>`.
    pub audience: Field,
    /// Microseconds since the epoch. Sorted by.
    pub updated: Field,
    /// What a hit shows, as JSON.
    pub shown: Field,
}

/// Names of the columns that sorting, facets and completions read.
pub(super) mod column {
    pub(in crate::search) const NAME: &str = "name";
    pub(in crate::search) const UPDATED: &str = "updated";
    pub(in crate::search) const KIND: &str = "kind";
    pub(in crate::search) const ORG: &str = "org";
    pub(in crate::search) const TAG: &str = "tag";
    pub(in crate::search) const SKILL: &str = "skill";
    pub(in crate::search) const NEED: &str = "need";
    pub(in crate::search) const AUDIENCE: &str = "audience";
}

impl Fields {
    /// The schema and its handles.
    pub(super) fn new() -> (Schema, Self) {
        let words = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer(WORDS)
                .set_index_option(IndexRecordOption::WithFreqsAndPositions)
                .set_fieldnorms(true),
        );
        let mut builder = Schema::builder();
        let fields = Self {
            name: builder.add_text_field(column::NAME, STRING | FAST),
            key: builder.add_text_field("key", STRING),
            slug: builder.add_text_field("slug", words.clone()),
            title: builder.add_text_field("title", words.clone()),
            description: builder.add_text_field("description", words.clone()),
            tag_words: builder.add_text_field("tag_words", words.clone()),
            skill_words: builder.add_text_field("skill_words", words.clone()),
            text: builder.add_text_field("text", words),
            kind: builder.add_text_field(column::KIND, STRING | FAST),
            org: builder.add_text_field(column::ORG, STRING | FAST),
            tag: builder.add_text_field(column::TAG, STRING | FAST),
            skill: builder.add_text_field(column::SKILL, STRING | FAST),
            need: builder.add_text_field(column::NEED, FAST),
            audience: builder.add_text_field(column::AUDIENCE, STRING),
            updated: builder.add_i64_field(column::UPDATED, INDEXED | FAST),
            shown: builder.add_bytes_field("shown", STORED),
        };
        (builder.build(), fields)
    }

    /// The fields that words are looked for in, with their weights.
    pub(super) fn weighted(&self) -> [(Field, f32); 6] {
        [
            (self.slug, 3.0),
            (self.title, 3.0),
            (self.description, 2.0),
            (self.tag_words, 1.0),
            (self.skill_words, 1.0),
            (self.text, 1.0),
        ]
    }
}

/// Sixteen hexadecimal digits that change whenever fields or analysis do.
pub(super) fn hash(schema: &Schema) -> String {
    let fields = serde_json::to_string(schema).unwrap_or_default();
    let mut hex = Digest::sha256(format!("{ANALYSIS}\n{fields}").as_bytes()).hex();
    hex.truncate(16);
    hex
}
