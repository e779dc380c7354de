//! What a failure of the driver or the server means to a caller.

use std::time::Duration;

use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

use super::super::MetaError;

/// Most characters of a message of the driver: it may list every member of a replica set.
const MESSAGE_MAX: usize = 600;

/// Two transactions wrote the same document.
pub(super) const WRITE_CONFLICT: i32 = 112;
/// A collection is there already.
pub(super) const NAMESPACE_EXISTS: i32 = 48;
/// There is no such index.
pub(super) const INDEX_UNKNOWN: i32 = 27;
/// An index of that name has other options, or other keys.
pub(super) const INDEX_DIFFERS: [i32; 2] = [85, 86];
/// Another operation on the same collection runs.
pub(super) const IN_PROGRESS: i32 = 117;
/// What was found together is larger than a document may be, or than a lookup may find; or the server looks nothing up in a sharded
/// collection within a transaction, which it says differently from release to release.
const APART: [i32; 5] = [10334, 4568, 263, 28769, 3_904_800];
const AUTHENTICATION_FAILED: i32 = 18;
const UNAUTHORIZED: i32 = 13;
const INVALID_DOCUMENT: i32 = 121;

/// How long it makes sense to try a transaction again that ended so.
pub(super) fn patience(error: &Error) -> Duration {
    if !error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
        return Duration::ZERO;
    }
    match is_answer(error) {
        // Another change was faster. This passes; the longest that one can hold the counter is that its process died in the
        // middle, which ends after a minute.
        true => Duration::from_secs(30),
        // A connection was lost: once more. To find that nobody is there takes some seconds already.
        false => Duration::from_secs(2),
    }
}

/// Whether documents that were asked for together are to be asked for apart.
pub(super) fn is_to_be_apart(error: &Error) -> bool {
    let is_sharded =
        matches!(&*error.kind, ErrorKind::Command(command) if command.code_name == "NamespaceCannotBeSharded");
    is_sharded || code(error).is_some_and(|code| APART.contains(&code))
}

/// Whether the server said so itself.
pub(super) fn is_answer(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(_) | ErrorKind::Write(_) | ErrorKind::InsertMany(_))
}

/// Damage does not pass, all else may.
pub(super) fn failed(error: &Error) -> MetaError {
    let what = message(error);
    match &*error.kind {
        ErrorKind::Authentication { .. } => denied(&what),
        ErrorKind::Bson(_) | ErrorKind::InvalidResponse { .. } => MetaError::Corrupt(what),
        _ => match code(error) {
            Some(INVALID_DOCUMENT) => MetaError::Corrupt(what),
            Some(AUTHENTICATION_FAILED | UNAUTHORIZED) => denied(&what),
            _ => unavailable(what),
        },
    }
}

fn denied(what: &str) -> MetaError {
    unavailable(format!(
        "{what}; check user, password and authSource in the address, and that the user may read and write the database"
    ))
}

pub(super) fn unavailable(what: impl Into<String>) -> MetaError {
    MetaError::Unavailable(what.into().into())
}

/// The code that the server gave.
pub(super) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        _ => None,
    }
}

/// The message alone: the rest of what the driver prints is the server's answer, document by document.
pub(super) fn message(error: &Error) -> String {
    if let ErrorKind::ServerSelection { message, .. } = &*error.kind {
        return unselected(message);
    }
    let mut text = error.kind.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<Error>() {
            text.push_str(": ");
            text.push_str(&error.kind.to_string());
        }
        source = error.source();
    }
    match text.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Why no server was found that takes changes. The driver describes every server; the first that failed says enough.
fn unselected(description: &str) -> String {
    let reason = description.split_once("Error: Kind: ").and_then(|(_, rest)| rest.split_once(", labels: "));
    match reason {
        Some((reason, _)) => format!("no primary was found: {reason}"),
        None => "no primary was found".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_found_is_told_in_one_line() {
        let described = "Server selection timeout: No available servers. Topology: { Type: Unknown, Servers: [ { Address: \
                         127.0.0.1:1, Type: Unknown, Error: Kind: I/O error: Connection refused (os error 111), labels: {}, \
                         source: None, server response: None } ] }";
        for (described, told) in [
            (described, "no primary was found: I/O error: Connection refused (os error 111)"),
            ("Server selection timeout: None of the available servers suitable", "no primary was found"),
        ] {
            assert_eq!(unselected(described), told);
        }
    }
}
