//! `pclr key`: the keys that artifacts are signed with.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::Global;
use super::failure::Exit;
use super::keys::{DEFAULT, Keys, random};
use super::output::table;
use crate::trust::{KeyId, SigningKey};

/// Make, list, export and import the keys that you sign with
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key
    Generate {
        /// What to call it
        #[arg(default_value = DEFAULT)]
        name: String,
    },
    /// List the keys that there are
    List,
    /// Print a public key, for those who are to trust it
    Export {
        /// Which key
        #[arg(default_value = DEFAULT)]
        name: String,
    },
    /// Take in a private key from a PKCS#8 file
    Import {
        /// What to call it
        name: String,
        /// The file
        file: String,
    },
}

/// A key, without what is secret of it.
#[derive(Serialize)]
struct Shown {
    name: String,
    /// Absent where the file is under a passphrase that is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<KeyId>,
    file: String,
}

impl Key {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let Self { verb, keys } = self;
        // Encrypting and decrypting take a moment on purpose.
        tokio::task::spawn_blocking({
            let global = global.clone();
            move || run(verb, &keys, &global)
        })
        .await??;
        Ok(Exit::Done)
    }
}

fn run(verb: Verb, keys: &Keys, global: &Global) -> anyhow::Result<()> {
    let output = global.output();
    match verb {
        Verb::Generate { name } => made(keys, &name, &SigningKey::new(&*random()?), global)?,
        Verb::Import { name, file } => {
            let path = if file.contains('/') { file } else { format!("./{file}") };
            made(keys, &name, &keys.read(Some(&path))?, global)?;
        }
        Verb::Export { name } => {
            let pem = keys.read(Some(&name))?.public().to_pem();
            output.document(&serde_json::json!({ "key": pem }), |_| pem.trim_end().to_owned())?;
        }
        Verb::List => {
            let shown = keys.list()?.into_iter().map(|(name, path)| Shown {
                id: keys.read(Some(&path.display().to_string())).ok().map(|key| key.public().id()),
                name,
                file: path.display().to_string(),
            });
            let shown: Vec<Shown> = shown.collect();
            output.document(&shown, |shown| {
                let id = |one: &Shown| one.id.map_or_else(|| "under a passphrase".to_owned(), |id| id.to_string());
                table(["NAME", "KEY", "FILE"], shown.iter().map(|one| [one.name.clone(), id(one), one.file.clone()]))
            })?;
        }
    }
    Ok(())
}

fn made(keys: &Keys, name: &str, key: &SigningKey, global: &Global) -> anyhow::Result<()> {
    let file = keys.write(name, key)?.display().to_string();
    let shown = Shown { name: name.to_owned(), id: Some(key.public().id()), file };
    global.output().outcome(&shown, |shown| {
        let id = shown.id.map(|id| id.to_string()).unwrap_or_default();
        format!("key {} is {id}\n{}", shown.name, shown.file)
    })?;
    Ok(())
}
