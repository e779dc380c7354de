//! What is signed: an in-toto statement that names a manifest by its digest.
//!
//! `spec/signature.md`, "Statement"; in-toto attestation framework, Statement v1.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json;
use crate::domain::{Digest, Repository};

/// `_type` of a statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// `predicateType` of a plain signature, as cosign writes it.
pub const PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";
/// Largest statement that is read, in bytes: 64 KiB.
pub const STATEMENT_MAX: usize = 64 << 10;

/// That a manifest is what it is said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The repository that the signer meant. Others' statements may have none.
    pub name: Option<String>,
    /// Digest of the manifest.
    pub digest: Digest,
}

/// Why bytes are no statement of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not JSON, too long, or not of the shape.
    #[error("the statement cannot be read: {0}")]
    Malformed(String),
    /// It states something else, such as provenance.
    #[error("the statement is a {0:?}, no signature of an artifact")]
    OtherPredicate(String),
    /// None or several subjects: which of them was meant cannot be told.
    #[error("the statement has {0} subjects, one is expected")]
    Subjects(usize),
}

// Members stand in the order of their names, as they are written.
#[derive(Serialize, Deserialize)]
struct Document {
    #[serde(rename = "_type")]
    kind: String,
    #[serde(default)]
    predicate: Option<Value>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    digest: Digests,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Digests {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha512: Option<String>,
}

impl Statement {
    /// That the manifest with this digest belongs into this repository.
    pub fn new(digest: Digest, repository: &Repository) -> Self {
        Self { name: Some(repository.to_string()), digest }
    }

    /// The bytes that are signed: JSON with sorted keys and no white space.
    pub fn to_bytes(&self) -> Bytes {
        let hex = Some(self.digest.hex());
        let digest = match self.digest.algorithm() {
            crate::domain::Algorithm::Sha256 => Digests { sha256: hex, sha512: None },
            crate::domain::Algorithm::Sha512 => Digests { sha256: None, sha512: hex },
        };
        let document = Document {
            kind: STATEMENT_TYPE.to_owned(),
            predicate: Some(Value::Object(serde_json::Map::new())),
            predicate_type: PREDICATE_TYPE.to_owned(),
            subject: vec![Subject { digest, name: self.name.clone() }],
        };
        // Strings and lists of them: nothing is left to fail.
        serde_json::to_vec(&document).unwrap_or_default().into()
    }

    /// Reads a statement of at most [`STATEMENT_MAX`] bytes. Whatever else stands in it is ignored.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        let malformed = |why: String| StatementError::Malformed(why);
        let document: Document = json::read(bytes, STATEMENT_MAX).map_err(malformed)?;
        if document.kind != STATEMENT_TYPE {
            return Err(malformed(format!("its type is {:?}", json::shortened(&document.kind))));
        }
        if document.predicate_type != PREDICATE_TYPE {
            return Err(StatementError::OtherPredicate(json::shortened(&document.predicate_type)));
        }
        let [subject] = document.subject.as_slice() else {
            return Err(StatementError::Subjects(document.subject.len()));
        };
        // Two digests may be of two manifests.
        let digest = match (&subject.digest.sha256, &subject.digest.sha512) {
            (Some(hex), None) => format!("sha256:{hex}"),
            (None, Some(hex)) => format!("sha512:{hex}"),
            (None, None) => return Err(malformed("its subject has neither a sha256 nor a sha512 digest".to_owned())),
            (Some(_), Some(_)) => return Err(malformed("its subject has two digests".to_owned())),
        };
        let digest = digest.parse().map_err(|error: crate::domain::DigestError| malformed(error.to_string()))?;
        Ok(Self { name: subject.name.clone().filter(|name| !name.is_empty()), digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::{artifact, hello};

    #[test]
    fn bytes_are_canonical_and_come_back() {
        let statement = Statement::new(artifact(), &hello());
        let expected = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{}},"predicateType":"https://sigstore.dev/cosign/sign/v1","subject":[{{"digest":{{"sha256":"{}"}},"name":"acme/hello"}}]}}"#,
            artifact().hex()
        );
        assert_eq!(statement.to_bytes(), expected);
        assert_eq!(Statement::parse(expected.as_bytes()), Ok(statement));
        let long = Statement { name: None, digest: Digest::of(crate::domain::Algorithm::Sha512, b"x") };
        assert_eq!(Statement::parse(&long.to_bytes()), Ok(long));
    }

    #[test]
    fn refuses_what_states_something_else() {
        let good = String::from_utf8(Statement::new(artifact(), &hello()).to_bytes().to_vec()).unwrap();
        let check = |from: &str, to: &str, expected: &str| {
            let changed = good.replace(from, to);
            assert_ne!(changed, good, "{from}");
            let error = Statement::parse(changed.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("Statement/v1", "Statement/v0.1", "its type is");
        check("sigstore.dev/cosign/sign/v1", "slsa.dev/provenance/v1", "provenance");
        check(r#""name":"acme/hello"}"#, r#""name":"a"},{"digest":{},"name":"b"}"#, "2 subjects");
        check("sha256", "sha1", "neither");
        check(&artifact().hex(), "abc", "is not a digest");
        check(r#""sha256":""#, r#""sha512":"00","sha256":""#, "two digests");
        check("{", "[", "not a JSON object");
        let long = good.replace("acme/hello", &"a".repeat(STATEMENT_MAX));
        assert!(Statement::parse(long.as_bytes()).unwrap_err().to_string().contains("65536"));
    }
}
