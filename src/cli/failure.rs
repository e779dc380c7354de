//! How a command ends: exit codes, and errors with a hint.

use std::io;
use std::process::ExitCode;

use crate::client::project::ProjectError;
use crate::client::{ClientError, FilesError, Outage, WantedError};
use crate::domain::Name;
use crate::resolve::Conflict;

use super::server;

/// How a command ends. The numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Understood, and the answer is no: not found, no match, refused.
    No = 1,
    /// Typed wrongly.
    Usage = 2,
    /// The server or the network failed.
    Unreachable = 3,
    /// Something came that is not what was asked for.
    NotVerified = 4,
    /// Stopped by the person who started it, as shells number it.
    Interrupted = 130,
    /// Stopped by the system or by another program, as shells number it.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that says what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Failure {
    /// Something is typed wrongly or missing; `hint` says what to type.
    pub(super) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hint: Some(hint.into()) }
    }

    /// The answer is no.
    pub(super) fn no(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::No, message: message.into(), hint: Some(hint.into()) }
    }

    /// What an error of any sort means to the person at the terminal.
    pub(super) fn of(error: anyhow::Error) -> Self {
        let message = told(&error);
        let (exit, hint) = match error.downcast::<Self>() {
            Ok(failure) => return failure,
            Err(error) => error
                .chain()
                .find_map(|cause| {
                    let client = cause.downcast_ref::<ClientError>().map(of_client);
                    let project = || cause.downcast_ref::<ProjectError>().map(of_project);
                    let files = || cause.downcast_ref::<FilesError>().map(of_files);
                    let wanted = || cause.downcast_ref::<WantedError>().map(|_| (Exit::Usage, None));
                    let data = || server::exit_of(cause).map(|exit| (exit, None));
                    client.or_else(project).or_else(files).or_else(wanted).or_else(data)
                })
                .unwrap_or((Exit::No, None)),
        };
        Self { exit, message, hint }
    }

    /// Whether whoever read the output went away: no error of ours, `pclr list | head` is ordinary.
    pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
        let closed = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
        error.downcast_ref::<io::Error>().is_some_and(closed)
    }
}

/// What happened and why, from the outside in. A cause whose words have been said already says nothing.
fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

fn of_client(error: &ClientError) -> (Exit, Option<String>) {
    let said = |text: &str| Some(text.to_owned());
    match error {
        ClientError::Address { .. } => (Exit::Usage, said("an address looks like http://127.0.0.1:7117")),
        ClientError::Token => (Exit::Usage, said("`pclr token create` makes one; --token or PCLR_TOKEN takes it")),
        ClientError::NotFound { hint, .. } => {
            (Exit::No, hint.clone().or_else(|| said("`pclr search WORDS` finds names, `pclr versions NAME` versions")))
        }
        ClientError::NoMatch(_) => (Exit::No, said("`pclr versions NAME` lists what there is")),
        ClientError::VersionExists { name, version, .. } => {
            let next = next_patch(&version.number()).map(|next| format!(", for example {name}@{next}"));
            let hint = format!("versions never change: publish under a new one{}", next.unwrap_or_default());
            (Exit::No, Some(hint))
        }
        ClientError::Refused { said: refusal, .. } if refusal.status == 401 => {
            (Exit::No, said("--token or PCLR_TOKEN takes a token; `pclr token create` makes one"))
        }
        ClientError::Refused { said, .. } => (Exit::No, said.hint.clone()),
        ClientError::Unavailable { outage: Outage::Connect(_), .. } => {
            (Exit::Unreachable, said("`pclr serve` starts a registry here; --registry URL names another"))
        }
        ClientError::Unavailable { .. } => (Exit::Unreachable, said("it is safe to try again")),
        ClientError::NeedsServer { .. } => (
            Exit::No,
            said(
                "a copy can be pulled and installed from and searched, and tells versions, tags and what is in them; for the rest name the \
                 registry that it is a copy of: --registry URL",
            ),
        ),
        ClientError::NotUnderstood { .. } => (Exit::Unreachable, said("is there a registry at this address?")),
        ClientError::NotVerified { .. } => {
            (Exit::NotVerified, said("nothing of it was used; the registry, or something on the way, changed it"))
        }
        ClientError::TooLarge { .. } | ClientError::Unpack { .. } => {
            (Exit::NotVerified, said("nothing of it was used"))
        }
        ClientError::Pack(_) => (Exit::No, None),
        ClientError::Files(error) => of_files(error),
    }
}

fn of_project(error: &ProjectError) -> (Exit, Option<String>) {
    let said = |text: &str| Some(text.to_owned());
    match error {
        ProjectError::NoManifest(_) => (Exit::Usage, said("`pclr add ORG/NAME` makes one here")),
        ProjectError::Unusable { .. } => (Exit::Usage, None),
        ProjectError::WouldChange(_) => {
            (Exit::No, said("without --locked or --frozen it is brought in step; commit it then"))
        }
        ProjectError::OutOfStep(_) => (Exit::No, said("`pclr install` brings it in step")),
        ProjectError::NotAsked(_) => (Exit::No, said("`pclr why NAME` says who needs a package that others brought")),
        ProjectError::NotUsed(_) => (Exit::No, said("`pclr tree` shows what is used")),
        ProjectError::NoSolution { offline: true, .. } => {
            (Exit::No, said("offline only versions count that were fetched before: try it without --offline"))
        }
        ProjectError::NoSolution { conflict, advice, .. } => (Exit::No, no_solution(conflict, advice)),
        ProjectError::TooHard => (Exit::No, said("narrower ranges in pclr.toml leave fewer combinations")),
        ProjectError::Endless { .. } => (Exit::No, said("leave out the package that leads there: `skip` in pclr.toml")),
        ProjectError::NotCached(_) => (Exit::Unreachable, said("leave out --offline or --frozen once to fetch it")),
        ProjectError::DamagedCache { .. } => {
            (Exit::NotVerified, said("nothing of it was used; without --offline or --frozen it is fetched again"))
        }
        ProjectError::NotVerified { .. } => {
            (Exit::NotVerified, said("nothing was written; the registry, or something on the way, changed it"))
        }
        ProjectError::InTheWay(_) => {
            (Exit::No, said("nothing was written: move what is yours, or --force replaces it"))
        }
        ProjectError::Client(error) => of_client(error),
        ProjectError::Files(error) => of_files(error),
    }
}

/// What to change in `pclr.toml`.
fn no_solution(conflict: &Conflict, advice: &[String]) -> Option<String> {
    if let [first, rest @ ..] = advice {
        let rest: String = rest.iter().map(|other| format!(", or {other}")).collect();
        return Some(format!("with one change in pclr.toml they fit: {first}{rest}"));
    }
    conflict.hint().or_else(|| {
        let own: Vec<&str> = conflict.own().into_iter().map(Name::as_str).collect();
        Some(format!("no other range of one package in pclr.toml helps: do without one of {}", own.join(", ")))
    })
}

fn of_files(error: &FilesError) -> (Exit, Option<String>) {
    match error {
        FilesError::Absent(_) => (Exit::Usage, None),
        FilesError::InTheWay { .. } => {
            (Exit::No, Some("nothing was written: --force replaces them, -o DIR writes elsewhere".to_owned()))
        }
        FilesError::Special { what: "link", .. } => (Exit::No, Some("put a copy in its place".to_owned())),
        FilesError::Blocked { .. } => (Exit::No, Some("-o DIR writes elsewhere".to_owned())),
        _ => (Exit::No, None),
    }
}

/// The version after `1.2.3` or `1.2.3-rc.1`.
fn next_patch(number: &str) -> Option<String> {
    let (core, pre) = number.split_once('-').map_or((number, None), |(core, pre)| (core, Some(pre)));
    if pre.is_some() {
        return Some(core.to_owned());
    }
    let (front, patch) = core.rsplit_once('.')?;
    Some(format!("{front}.{}", patch.parse::<u64>().ok()?.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let inner = || anyhow::anyhow!("no such folder");
        assert_eq!(
            told(&inner().context("cannot open x: no such folder; check it")),
            "cannot open x: no such folder; check it"
        );
        assert_eq!(told(&inner().context("cannot open x")), "cannot open x: no such folder");
        assert_eq!(told(&inner().context("").context("stopped")), "stopped: no such folder");
    }

    #[test]
    fn each_sort_of_error_has_its_exit_code() {
        let client = |error: ClientError| Failure::of(anyhow::Error::new(error)).exit;
        let what = || "acme/hello".to_owned();
        assert_eq!(client(ClientError::NotFound { what: what(), detail: what(), hint: None }), Exit::No);
        assert_eq!(client(ClientError::NotVerified { what: what(), why: what() }), Exit::NotVerified);
        assert_eq!(client(ClientError::TooLarge { what: what(), maximum: 1 }), Exit::NotVerified);
        let outage = Outage::Busy(503);
        assert_eq!(client(ClientError::Unavailable { address: what(), what: what(), outage }), Exit::Unreachable);
        let wanted = "acme/hello@".parse::<crate::client::Wanted>().unwrap_err();
        assert_eq!(Failure::of(wanted.into()).exit, Exit::Usage);
        assert_eq!(Failure::of(anyhow::anyhow!("disk").context("writing")).message, "writing: disk");
    }

    #[test]
    fn a_taken_version_suggests_the_next() {
        assert_eq!(next_patch("1.2.9").as_deref(), Some("1.2.10"));
        assert_eq!(next_patch("1.2.9-rc.1").as_deref(), Some("1.2.9"));
    }
}
