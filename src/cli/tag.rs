//! `pclr tag`: tags of one's own, such as `stable` or `next`, that move from version to version.

use clap::Args;

use super::args::Global;
use super::failure::{Exit, Failure};
use crate::client::{Selector, Wanted};
use crate::domain::{self, Version};

/// Let a tag name a version, or remove it
#[derive(Debug, Args)]
pub(super) struct Tag {
    /// org/name@1.2.3; org/name with --remove
    #[arg(value_name = "NAME[@VERSION]")]
    wanted: Wanted,
    /// The tag, such as stable or next
    tag: domain::Tag,
    /// Remove the tag; the version stays
    #[arg(long)]
    remove: bool,
}

impl Tag {
    pub(super) async fn run(self, global: &Global) -> anyhow::Result<Exit> {
        let (client, name, tag) = (global.client()?, &self.wanted.name, &self.tag);
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
