//! Accounts, downloads and stars, from a metadata store to the one that takes its place: no event brings them back, so a rebuild
//! carries them over.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use crate::domain::UserName;
use crate::meta::{Accounts, DownloadBatch, Meta, MetaError, PAGE_MAX};

/// Stars that are given at once: a store may write them down together.
const STARS: usize = 64;

/// Copies users, roles and tokens into a store without any. Returns how many users and tokens.
pub(super) async fn carry_accounts(from: &dyn Accounts, to: &dyn Accounts) -> Result<u64, MetaError> {
    let (mut carried, mut after) = (0, None);
    loop {
        let users = from.users(after.as_ref(), PAGE_MAX).await?;
        let Some(last) = users.last() else { break };
        after = Some(last.name.clone());
        for user in users {
            to.add_user(&user.name, user.created).await?;
            for (org, role) in user.roles {
                to.set_role(&org, &user.name, Some(role)).await?;
            }
            carried += 1;
        }
    }
    for token in from.tokens(None).await? {
        to.add_token(&token).await?;
        carried += 1;
    }
    Ok(carried)
}

/// Copies downloads and stars into a store without any, which has their packages and users. Returns how many versions' days, and stars.
pub(super) async fn carry_social(from: &Meta, to: &Meta) -> Result<u64, MetaError> {
    let (mut carried, mut after, sender, mut number) = (0, None, Uuid::now_v7(), 0);
    loop {
        let downloads = from.social.counted(after.as_ref(), PAGE_MAX).await?;
        let Some(last) = downloads.last() else { break };
        after = Some(last.clone());
        carried += downloads.len() as u64;
        number += 1;
        to.social.count(&DownloadBatch { sender, number, downloads }).await?;
    }
    let mut after = None;
    loop {
        let users = from.accounts.users(after.as_ref(), PAGE_MAX).await?;
        let Some(last) = users.last() else { return Ok(carried) };
        after = Some(last.name.clone());
        for user in users {
            carried += carry_stars(from, to, &user.name).await?;
        }
    }
}

async fn carry_stars(from: &Meta, to: &Meta, user: &UserName) -> Result<u64, MetaError> {
    let (mut carried, mut after) = (0, None);
    loop {
        let stars = from.social.stars(user, after.as_ref(), PAGE_MAX).await?;
        let Some(last) = stars.last() else { return Ok(carried) };
        after = Some(last.name.clone());
        carried += stars.len() as u64;
        let given = stars.iter().map(|star| to.social.star(&star.name, user, Some(star.starred)));
        stream::iter(given.collect::<Vec<_>>()).buffer_unordered(STARS).try_for_each(|_| async { Ok(()) }).await?;
    }
}
