//! `pclr serve`: a registry, until it is told to stop.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use super::config::{ServeConfig, Settings};
use super::failure::Exit;
use super::server;

/// A skill folder of the source tree.
const EXAMPLE: &str = "tests/fixtures/hello-skill";

/// Start a registry
#[derive(Debug, Args)]
#[command(after_help = "Every setting is also a variable and a key of a TOML file: --max-upload-size is \
    PCLR_MAX_UPLOAD_SIZE and max-upload-size = \"20GiB\". Flags win over variables, variables over the file.\n\
    Sizes are written 512KiB, 4MiB, 20GiB; times 250ms, 30s, 5m, 24h.")]
pub(super) struct Serve {
    /// File with settings [default: DIR/pclr.toml, if it is there]
    #[arg(long, env = "PCLR_CONFIG", hide_env = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        let config = ServeConfig::load(self.settings, self.config.as_deref())?;
        server::serve(config, announce).await?;
        Ok(Exit::Done)
    }
}

/// Says where the registry listens, then what to type next. Programs read the first line; it never changes its form.
pub(super) fn announce(address: SocketAddr) -> std::io::Result<()> {
    // The default address needs no flag.
    let registry = match address {
        address if address == SocketAddr::from(([127, 0, 0, 1], 7117)) => String::new(),
        address => format!(" --registry http://{address}"),
    };
    // In the source tree there is an example at hand.
    let example = match Path::new(EXAMPLE).is_dir() {
        true => format!("{EXAMPLE} acme/hello-skill"),
        false => "FOLDER acme/hello-skill@1.0.0".to_owned(),
    };
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    writeln!(stdout, "publish:  pclr{registry} push {example}")?;
    writeln!(stdout, "find:     pclr{registry} search hello")?;
    writeln!(stdout, "stop:     Ctrl-C")?;
    stdout.flush()
}
