//! What lies in the database: collections, the fields of their documents, their indexes.

use mongodb::IndexModel;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;

use super::super::rows::EVENTS;

/// A collection: fields that every document has, fields that it may have, with their BSON types, and indexes.
pub struct Layout {
    pub collection: &'static str,
    fields: &'static [(&'static str, &'static str)],
    optional: &'static [(&'static str, &'static str)],
    indexes: &'static [Index],
}

/// Fields with their directions.
struct Index {
    name: &'static str,
    keys: &'static [(&'static str, i32)],
    of: Of,
}

/// Which documents are in an index.
#[derive(Clone, Copy)]
enum Of {
    All,
    /// Those with this field.
    Having(&'static str),
}

/// The index of the numbers of packages.
pub const BY_NUMBER: &str = "by_number";

pub const LAYOUTS: &[Layout] = &[
    Layout {
        collection: EVENTS,
        fields: &[("_id", "long"), ("repository", "string"), ("bytes", "binData")],
        optional: &[],
        indexes: &[Index { name: "by_repository", keys: &[("repository", 1), ("_id", -1)], of: Of::All }],
    },
    Layout {
        collection: "repositories",
        fields: &[("_id", "string"), ("live", "long")],
        optional: &[("unlisted", "bool"), ("said", "string"), ("unpushed", "bool")],
        indexes: &[],
    },
    Layout {
        collection: "manifests",
        fields: &[
            ("_id", "string"),
            ("blob", "string"),
            ("media_type", "string"),
            ("size", "long"),
            ("annotations", "string"),
            ("blobs", "array"),
            ("hidden", "bool"),
            ("n", "long"),
        ],
        optional: &[("artifact_type", "string"), ("subject", "string")],
        indexes: &[
            Index { name: "by_subject", keys: &[("subject", 1), ("n", 1)], of: Of::Having("subject") },
            // What keeps a blob is asked for by the blob.
            Index { name: "by_blob", keys: &[("blob", 1)], of: Of::All },
            Index { name: "by_blobs", keys: &[("blobs", 1)], of: Of::All },
        ],
    },
    Layout {
        collection: "tags",
        fields: &[("_id", "string"), ("manifest", "string")],
        optional: &[],
        indexes: &[Index { name: "by_manifest", keys: &[("manifest", 1), ("_id", 1)], of: Of::All }],
    },
    Layout {
        collection: "packages",
        fields: &[
            ("_id", "string"),
            ("number", "long"),
            ("org", "string"),
            ("kind", "string"),
            ("visibility", "string"),
            ("created", "long"),
            ("updated", "long"),
            ("versions", "long"),
            ("labels", "array"),
            ("downloads", "long"),
            ("stars", "long"),
        ],
        optional: &[
            ("shown", "string"),
            ("rank", "string"),
            ("latest", "string"),
            ("card", "string"),
            ("pinned", "string"),
            ("owners", "array"),
        ],
        indexes: &[
            Index { name: "by_time", keys: &[("updated", -1), ("_id", 1)], of: Of::Having("shown") },
            Index { name: "by_age", keys: &[("created", -1), ("_id", 1)], of: Of::Having("shown") },
            Index { name: "by_downloads", keys: &[("downloads", -1), ("_id", 1)], of: Of::Having("shown") },
            Index { name: "by_stars", keys: &[("stars", -1), ("_id", 1)], of: Of::Having("shown") },
            Index { name: "by_label", keys: &[("labels", 1), ("_id", 1)], of: Of::All },
            Index { name: "by_org", keys: &[("org", 1), ("_id", 1)], of: Of::All },
            // What not everybody sees is listed by itself.
            Index {
                name: "by_visibility",
                keys: &[("visibility", 1), ("org", 1), ("_id", 1)],
                of: Of::Having("shown"),
            },
            // What postings find.
            Index { name: BY_NUMBER, keys: &[("number", 1)], of: Of::Having("number") },
            Index { name: "by_kind", keys: &[("kind", 1), ("_id", 1)], of: Of::All },
            // What is added up of all public packages, with all that the sum asks for.
            Index {
                name: "by_sums",
                keys: &[("kind", 1), ("visibility", 1), ("versions", 1), ("downloads", 1), ("stars", 1), ("shown", 1)],
                of: Of::Having("shown"),
            },
        ],
    },
    Layout {
        collection: "labels",
        fields: &[("_id", "string"), ("type", "string"), ("count", "long")],
        optional: &[],
        indexes: &[Index { name: "by_count", keys: &[("type", 1), ("count", -1), ("_id", 1)], of: Of::All }],
    },
    Layout { collection: "postings", fields: &[("_id", "string"), ("bits", "binData")], optional: &[], indexes: &[] },
    Layout {
        collection: "versions",
        fields: &[
            ("_id", "string"),
            ("name", "string"),
            ("version", "string"),
            ("manifest", "string"),
            ("kind", "string"),
            ("record", "string"),
            ("yanked", "bool"),
            ("deleted", "bool"),
            ("published", "long"),
            ("event", "long"),
            ("event_id", "string"),
            ("blobs", "array"),
        ],
        optional: &[
            ("rank", "string"),
            ("reason", "string"),
            ("deprecation", "string"),
            ("needs", "string"),
            ("purged", "bool"),
        ],
        indexes: &[
            // The versions of a package lie as far apart as they were published: with all that a list of them asks for.
            Index {
                name: "by_release",
                keys: &[
                    ("name", 1),
                    ("rank", -1),
                    ("version", 1),
                    ("manifest", 1),
                    ("yanked", 1),
                    ("deprecation", 1),
                    ("published", 1),
                    ("needs", 1),
                ],
                of: Of::Having("rank"),
            },
            Index { name: "by_manifest", keys: &[("manifest", 1), ("event", 1)], of: Of::All },
            Index { name: "by_event_id", keys: &[("event_id", 1), ("event", 1)], of: Of::All },
            Index { name: "by_blobs", keys: &[("blobs", 1)], of: Of::All },
        ],
    },
    Layout { collection: "configs", fields: &[("_id", "string"), ("text", "string")], optional: &[], indexes: &[] },
    Layout {
        collection: "collections",
        fields: &[
            ("_id", "string"),
            ("org", "string"),
            ("blob", "string"),
            ("visibility", "string"),
            ("packages", "array"),
            ("created", "long"),
            ("updated", "long"),
        ],
        optional: &[("title", "string"), ("description", "string")],
        indexes: &[
            Index { name: "by_org", keys: &[("org", 1), ("_id", 1)], of: Of::All },
            Index { name: "by_package", keys: &[("packages", 1), ("_id", 1)], of: Of::All },
            Index { name: "by_blob", keys: &[("blob", 1)], of: Of::All },
        ],
    },
    Layout {
        collection: "orgs",
        fields: &[
            ("_id", "string"),
            ("blob", "string"),
            ("profile", "string"),
            ("visibility", "string"),
            ("created", "long"),
            ("updated", "long"),
        ],
        optional: &[],
        indexes: &[Index { name: "by_blob", keys: &[("blob", 1)], of: Of::All }],
    },
    Layout {
        collection: "blobs",
        fields: &[("_id", "string"), ("size", "long"), ("touched", "long"), ("state", "int")],
        optional: &[("condemned", "long"), ("named", "long")],
        indexes: &[
            Index { name: "not_live", keys: &[("condemned", 1), ("_id", 1)], of: Of::Having("condemned") },
            Index { name: "by_touch", keys: &[("state", 1), ("touched", 1)], of: Of::All },
        ],
    },
    Layout {
        collection: "links",
        fields: &[("_id", "string"), ("blob", "string"), ("recorded", "bool")],
        optional: &[],
        indexes: &[Index { name: "by_blob", keys: &[("blob", 1)], of: Of::All }],
    },
    Layout {
        collection: "accounts",
        fields: &[("_id", "string"), ("created", "long"), ("roles", "array"), ("tokens", "array")],
        optional: &[],
        indexes: &[
            Index { name: "by_token", keys: &[("tokens.hash", 1)], of: Of::All },
            Index { name: "by_role", keys: &[("roles", 1), ("_id", 1)], of: Of::All },
        ],
    },
    Layout {
        collection: "downloads",
        fields: &[("_id", "string"), ("name", "string"), ("version", "string"), ("day", "long"), ("number", "long")],
        optional: &[],
        indexes: &[Index { name: "by_name", keys: &[("name", 1), ("day", 1)], of: Of::All }],
    },
    Layout {
        collection: "daily_downloads",
        fields: &[("_id", "string"), ("day", "long"), ("name", "string"), ("number", "long")],
        optional: &[],
        indexes: &[Index { name: "by_day", keys: &[("day", 1), ("name", 1), ("number", 1)], of: Of::All }],
    },
    Layout {
        collection: "download_batches",
        fields: &[("_id", "string"), ("number", "long")],
        optional: &[],
        indexes: &[],
    },
    Layout {
        collection: "stars",
        fields: &[("_id", "string"), ("name", "string"), ("starred", "long"), ("day", "long")],
        optional: &[],
        indexes: &[Index { name: "by_day", keys: &[("day", 1), ("name", 1)], of: Of::All }],
    },
];

/// Indexes that an earlier release made, and that nothing asks any more.
pub const DROPPED: &[(&str, &str)] = &[("versions", "by_rank")];

/// Fields that documents of an earlier release lack, and what they are to hold.
pub const ADDED: &[(&str, &str, i64)] = &[("packages", "downloads", 0), ("packages", "stars", 0)];

impl Layout {
    pub fn validator(&self) -> Document {
        let types = |fields: &[(&str, &str)]| -> Document {
            fields.iter().map(|(name, bson)| ((*name).to_owned(), Bson::from(doc! { "bsonType": *bson }))).collect()
        };
        let required: Vec<&str> = self.fields.iter().map(|(name, _)| *name).collect();
        let mut properties = types(self.fields);
        properties.extend(types(self.optional));
        let schema = doc! {
            "bsonType": "object",
            "required": required,
            "properties": properties,
            "additionalProperties": false,
        };
        doc! { "$jsonSchema": schema }
    }

    pub fn indexes(&self) -> impl Iterator<Item = IndexModel> {
        self.indexes.iter().map(|index| {
            let keys: Document =
                index.keys.iter().map(|(field, way)| ((*field).to_owned(), Bson::from(*way))).collect();
            let only = match index.of {
                Of::All => None,
                Of::Having(field) => Some(doc! { field: { "$exists": true } }),
            };
            let options = IndexOptions::builder().name(index.name.to_owned());
            let options = options.partial_filter_expression(only);
            IndexModel::builder().keys(keys).options(options.build()).build()
        })
    }
}
