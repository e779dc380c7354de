//! Where this user's memory of logs lies.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::client::LogMemory;

/// The folder that remembers what was seen of transparency logs.
#[derive(Clone, Debug, Args)]
pub(super) struct Memory {
    /// Folder that remembers the logs of registries, so that none can be rolled back (also PCLR_STATE) [default: ~/.local/state/pclr]
    #[arg(long, env = "PCLR_STATE", hide_env = true, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl Memory {
    pub(super) fn open(&self) -> Result<LogMemory, Failure> {
        let folder = self.state.clone().or_else(user_state).ok_or_else(|| {
            Failure::usage("there is no folder for what is remembered: HOME is not set", "name one with --state DIR")
        })?;
        Ok(LogMemory::at(folder.join("logs")))
    }
}

/// The folder of this user for what is to be remembered, if there is one.
fn user_state() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG base directory specification ignores relative paths here.
    let user = variable("XDG_STATE_HOME").filter(|path| path.is_absolute());
    user.or_else(|| variable("HOME").map(|home| home.join(".local/state"))).map(|folder| folder.join("pclr"))
}
