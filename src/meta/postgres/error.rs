//! What a failure of the server, or of the way to it, means to a caller.

use std::io;
use std::time::Duration;

use super::super::MetaError;

/// The server, or the way to it, failed.
#[derive(Debug, thiserror::Error)]
#[error("{server}: {source}{}", hint(source))]
struct ServerError {
    /// Its address, without a password.
    server: String,
    source: sqlx::Error,
}

/// What a failure means: damage, and what this program does wrong, do not pass; all else may.
pub(super) fn failed(server: &str, source: sqlx::Error) -> MetaError {
    let lasts = match &source {
        sqlx::Error::Database(_) => {
            let code = code(&source);
            // Errors in data, constraints and statements; damaged pages and indexes. Missing rights can be given.
            matches!(code.get(..2), Some("22" | "23" | "42")) && code != "42501" || matches!(code, "XX001" | "XX002")
        }
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::Encode(_) => true,
        _ => false,
    };
    let error = ServerError { server: server.to_owned(), source };
    if lasts { MetaError::Corrupt(error.to_string()) } else { MetaError::Unavailable(Box::new(error)) }
}

/// The server did not answer in time.
pub(super) fn timed_out(limit: Duration) -> sqlx::Error {
    let text = format!("no answer within {} seconds", limit.as_secs());
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, text))
}

/// Whether the connection is of no more use.
pub(super) fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        // Connection errors; the server stops, has stopped or is starting; it ended a session that had been idle.
        sqlx::Error::Database(_) => {
            let code = code(error);
            code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03")
        }
        _ => false,
    }
}

/// Whether the server ended the transaction because of another one: run again, it may succeed.
pub(super) fn is_conflict(error: &MetaError) -> bool {
    let MetaError::Unavailable(source) = error else { return false };
    source.downcast_ref::<ServerError>().is_some_and(|error| matches!(code(&error.source), "40001" | "40P01"))
}

/// The SQLSTATE; empty if it is not the server that speaks.
fn code(error: &sqlx::Error) -> &str {
    match error {
        sqlx::Error::Database(error) => {
            error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().map_or("", |error| error.code())
        }
        _ => "",
    }
}

/// What to do about it.
fn hint(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Configuration(_) => "\nhint: an address looks like postgres://user@host:5432/database",
        sqlx::Error::Io(_) => "\nhint: see that the server runs and is reached under this address",
        sqlx::Error::Tls(_) => "\nhint: sslmode and sslrootcert in the address say whom to trust",
        sqlx::Error::PoolTimedOut => {
            "\nhint: see that the server runs, and that it takes as many connections as are asked of it (max_connections)"
        }
        sqlx::Error::Database(_) => match code(error) {
            "28P01" | "28000" => "\nhint: check user and password; PGPASSWORD or a .pgpass file may hold it",
            "3D000" => "\nhint: create the database first, with createdb",
            "3F000" => "\nhint: create the schema that the search_path names first",
            "42501" => "\nhint: the user must own the database, or be granted CREATE on its schema",
            "25006" => "\nhint: name the primary; a standby takes no changes",
            "53100" => "\nhint: the server's disk is full",
            "53300" => "\nhint: raise max_connections of the server",
            "55P03" | "57014" => "\nhint: the server is too busy, or a transaction holds a lock for long",
            _ => "",
        },
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_lasts() {
        let passes = |error| matches!(failed("server", error), MetaError::Unavailable(_));
        assert!(passes(timed_out(Duration::from_secs(1))));
        assert!(passes(sqlx::Error::PoolTimedOut));
        assert!(!passes(sqlx::Error::Decode("no number".into())));
        assert!(is_broken(&timed_out(Duration::from_secs(1))));
        assert!(!is_broken(&sqlx::Error::PoolTimedOut));
        assert!(!is_conflict(&failed("server", sqlx::Error::PoolTimedOut)));
    }

    #[test]
    fn a_message_names_the_server_and_says_what_to_do() {
        let text = failed("postgres://host/db", timed_out(Duration::from_secs(3))).to_string();
        assert!(text.contains("postgres://host/db: ") && text.contains("no answer within 3 seconds"), "{text}");
        assert!(text.contains("\nhint: see that the server runs"), "{text}");
    }
}
