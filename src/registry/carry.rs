//! Accounts, from a metadata store to the one that takes its place: no event brings them back, so a rebuild carries them over.

use crate::meta::{Accounts, MetaError, PAGE_MAX};

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
