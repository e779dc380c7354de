//! `pclr tag`: channel tags, such as `stable` or `next`, that move from version to version.

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use super::output::table;
use crate::client::{Selector, Wanted};
use crate::domain::api::{ChannelTag, List};
use crate::domain::{self, Version};

/// List tags and what they name, let one name a version, or remove it
#[derive(Debug, Args)]
pub(super) struct Tag {
    /// org/name@1.2.3; org/name to list tags, or with --remove
    #[arg(value_name = "NAME[@VERSION]")]
    wanted: Wanted,
    /// The tag, such as stable or next; all are listed if none is named
    tag: Option<domain::Tag>,
    /// Remove the tag; the version stays
    #[arg(long, requires = "tag")]
    remove: bool,
}

impl Tag {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, name) = (global.client()?, &self.wanted.name);
        let Some(tag) = &self.tag else {
            if self.wanted.selector != Selector::Latest {
                let hint = format!("write `pclr tag {} stable`, or `pclr tag {name}` to list tags", self.wanted);
                return Err(Failure::usage("no tag is named", hint).into());
            }
            global.output().document(&client.channel_tags(name).await?, of_tags)?;
            return Ok(Exit::Done);
        };
        if Version::from_tag(tag).is_some() || tag.as_str() == domain::Tag::LATEST {
            let hint = "`pclr push` publishes versions, `pclr rollback` sets latest; choose another tag";
            return Err(Failure::usage(format!("the tag {tag} follows from the published versions"), hint).into());
        }
        if self.remove {
            client.remove_tag(name, tag).await?;
            global.output().outcome(tag, |tag| format!("{name}:{tag} is removed"))?;
            return Ok(Exit::Done);
        }
        let Selector::Version(version) = &self.wanted.selector else {
            let hint = format!("write `pclr tag {name}@1.2.3 {tag}`; `pclr versions {name}` lists what there is");
            return Err(Failure::usage(format!("{} names no version", self.wanted), hint).into());
        };
        let published = client.version(name, version).await?.published;
        client.set_tag(name, tag, &published.digest).await?;
        global.output().outcome(&published, |published| format!("{name}:{tag} is {}", published.version))?;
        Ok(Exit::Done)
    }
}

/// A tag that names no version names a manifest.
fn of_tags(tags: &List<ChannelTag>) -> String {
    let rows = tags.items.iter().map(|tag| {
        let version = tag.version.as_ref().map(Version::to_string);
        [tag.tag.to_string(), version.unwrap_or_default(), tag.digest.to_string()]
    });
    table(["TAG", "VERSION", "DIGEST"], rows)
}
