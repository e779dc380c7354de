//! What no event brings back, from a metadata store to the one that takes its place: accounts, downloads and stars, and of blobs who
//! may read them and when they were last needed.
//!
//! Afterwards the second store holds of these what the first one does, and nothing else. Only what differs is written, so that
//! whoever was interrupted begins again and is soon where it was.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::{Name, Timestamp, TokenName, TokenOwner, UserName};
use crate::meta::{
    Accounts, BlobKey, CarriedBlob, CarriedLink, Carrier, DownloadBatch, LinkKey, Meta, MetaError, PAGE_MAX, Social,
    Starred, TokenAdded, TokenRow, UserRow,
};

/// Makes users, roles and tokens of a store those of another one. Returns how many users and tokens those are.
pub(super) async fn carry_accounts(from: &dyn Accounts, to: &dyn Accounts) -> Result<u64, MetaError> {
    let (users, tokens) = (all_users(from).await?, from.tokens(None).await?);
    let carried = users.len() + tokens.len();
    let mut held: BTreeMap<UserName, UserRow> =
        all_users(to).await?.into_iter().map(|user| (user.name.clone(), user)).collect();
    for user in users {
        let known = held.remove(&user.name);
        carry_user(to, &user, known).await?;
    }
    for name in held.keys() {
        to.remove_user(name).await?;
    }
    carry_tokens(tokens, to).await?;
    Ok(carried as u64)
}

/// Every user of a store, by name.
pub(super) async fn all_users(store: &dyn Accounts) -> Result<Vec<UserRow>, MetaError> {
    let mut users: Vec<UserRow> = Vec::new();
    loop {
        let page = store.users(users.last().map(|user| &user.name), PAGE_MAX).await?;
        if page.is_empty() {
            return Ok(users);
        }
        users.extend(page);
    }
}

async fn carry_user(to: &dyn Accounts, user: &UserRow, mut known: Option<UserRow>) -> Result<(), MetaError> {
    // Another one of the name.
    if known.as_ref().is_some_and(|known| known.created != user.created) {
        to.remove_user(&user.name).await?;
        known = None;
    }
    if known.is_none() {
        to.add_user(&user.name, user.created).await?;
    }
    let held = known.map(|known| known.roles).unwrap_or_default();
    for (org, role) in &user.roles {
        if held.get(org) != Some(role) {
            to.set_role(org, &user.name, Some(*role)).await?;
        }
    }
    for org in held.keys().filter(|org| !user.roles.contains_key(*org)) {
        to.set_role(org, &user.name, None).await?;
    }
    Ok(())
}

async fn carry_tokens(tokens: Vec<TokenRow>, to: &dyn Accounts) -> Result<(), MetaError> {
    let key = |token: &TokenRow| (token.owner.clone(), token.name.clone());
    let mut wanted: BTreeMap<(TokenOwner, TokenName), TokenRow> =
        tokens.into_iter().map(|token| (key(&token), token)).collect();
    for held in to.tokens(None).await? {
        match wanted.remove(&key(&held)) {
            Some(token) if token == held => {}
            other => {
                to.revoke_token(&held.owner, &held.name).await?;
                wanted.extend(other.map(|token| (key(&token), token)));
            }
        }
    }
    for token in wanted.values() {
        if to.add_token(token).await? == TokenAdded::NoUser {
            return Err(MetaError::Corrupt(format!("a token of {}, who is no user", token.owner)));
        }
    }
    Ok(())
}

/// Rows of one table that are carried as they are.
#[async_trait]
pub(super) trait Carried: Clone + PartialEq + Send + Sync {
    /// What names a row.
    type Key: Clone + Send + Sync;

    fn named(&self) -> Self::Key;

    /// The text of the key, by which rows are in order.
    fn order(&self) -> (String, String);

    async fn page(store: &dyn Carrier, after: Option<&Self::Key>, limit: usize) -> Result<Vec<Self>, MetaError>;

    async fn put(store: &dyn Carrier, rows: &[Self], gone: &[Self::Key]) -> Result<(), MetaError>;
}

/// Makes the rows of a table in one store those of another one, `limit` at a time. `progress` is told how many were compared.
pub(super) async fn carry<T: Carried>(
    from: &dyn Carrier,
    to: &dyn Carrier,
    limit: usize,
    mut progress: impl FnMut(u64) + Send,
) -> Result<(), MetaError> {
    let (mut after, mut held_after, mut compared) = (None, None, 0);
    loop {
        let page = T::page(from, after.as_ref(), limit).await?;
        let until = page.last().map(T::order);
        let mut held = BTreeMap::new();
        loop {
            let rows = T::page(to, held_after.as_ref(), limit).await?;
            let read = rows.len();
            let within = rows.into_iter().filter(|row| until.as_ref().is_none_or(|until| row.order() <= *until));
            let within: Vec<T> = within.collect();
            let is_whole = within.len() == read && read > 0;
            held_after = within.last().map(T::named).or(held_after);
            held.extend(within.into_iter().map(|row| (row.order(), row)));
            if !is_whole {
                break;
            }
        }
        let differing: Vec<T> =
            page.iter().filter(|row| held.remove(&row.order()).as_ref() != Some(*row)).cloned().collect();
        let gone: Vec<T::Key> = held.values().map(T::named).collect();
        if !differing.is_empty() || !gone.is_empty() {
            T::put(to, &differing, &gone).await?;
        }
        compared += page.len() as u64;
        progress(compared);
        let Some(last) = page.last() else { return Ok(()) };
        // Up to here both are the same now, rows that were just put included.
        after = Some(last.named());
        held_after.clone_from(&after);
    }
}

#[async_trait]
impl Carried for CarriedBlob {
    type Key = BlobKey;

    fn named(&self) -> BlobKey {
        self.key()
    }

    fn order(&self) -> (String, String) {
        (self.area.to_string(), self.digest.to_string())
    }

    async fn page(store: &dyn Carrier, after: Option<&BlobKey>, limit: usize) -> Result<Vec<Self>, MetaError> {
        store.blobs(after, limit).await
    }

    async fn put(store: &dyn Carrier, rows: &[Self], gone: &[BlobKey]) -> Result<(), MetaError> {
        store.put_blobs(rows, gone).await
    }
}

#[async_trait]
impl Carried for CarriedLink {
    type Key = LinkKey;

    fn named(&self) -> LinkKey {
        self.key()
    }

    fn order(&self) -> (String, String) {
        (self.repository.to_string(), self.digest.to_string())
    }

    async fn page(store: &dyn Carrier, after: Option<&LinkKey>, limit: usize) -> Result<Vec<Self>, MetaError> {
        store.links(after, limit).await
    }

    async fn put(store: &dyn Carrier, rows: &[Self], gone: &[LinkKey]) -> Result<(), MetaError> {
        store.put_links(rows, gone).await
    }
}

/// Makes downloads and stars of a store those of another one, which has its packages and users. Returns how many days of versions,
/// and stars, those are. Downloads are only ever added to: where the second store has counted more, it keeps that.
pub(super) async fn carry_social(from: &Meta, to: &Meta) -> Result<u64, MetaError> {
    let mut carried = carry_downloads(from.social.as_ref(), to.social.as_ref()).await?;
    for user in all_users(from.accounts.as_ref()).await? {
        carried += carry_stars(from.social.as_ref(), to.social.as_ref(), &user.name).await?;
    }
    Ok(carried)
}

async fn carry_downloads(from: &dyn Social, to: &dyn Social) -> Result<u64, MetaError> {
    // An interrupted move left some there. What is missing is found by comparing: whether the last batch arrived does not matter then.
    let mut held = HashMap::new();
    let mut after = None;
    loop {
        let page = to.counted(after.as_ref(), PAGE_MAX).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        held.extend(page.into_iter().map(|row| ((row.name, row.version.number(), row.day), row.number)));
    }
    let (sender, mut number, mut carried, mut after) = (Uuid::now_v7(), 0, 0, None);
    loop {
        let mut downloads = from.counted(after.as_ref(), PAGE_MAX).await?;
        let Some(last) = downloads.last() else { return Ok(carried) };
        after = Some(last.clone());
        carried += downloads.len() as u64;
        for row in &mut downloads {
            let known = held.get(&(row.name.clone(), row.version.number(), row.day)).copied();
            row.number = row.number.saturating_sub(known.unwrap_or_default());
        }
        downloads.retain(|row| row.number > 0);
        if !downloads.is_empty() {
            number += 1;
            to.count(&DownloadBatch { sender, number, downloads }).await?;
        }
    }
}

async fn carry_stars(from: &dyn Social, to: &dyn Social, user: &UserName) -> Result<u64, MetaError> {
    let mut held = all_stars(to, user).await?;
    let stars = all_stars(from, user).await?;
    let carried = stars.len() as u64;
    let mut changes = Vec::new();
    for (name, starred) in stars {
        match held.remove(&name) {
            Some(known) if known == starred => {}
            // A star that is there keeps its time: taken away first.
            Some(_) => changes.extend([(name.clone(), None), (name, Some(starred))]),
            None => changes.push((name, Some(starred))),
        }
    }
    changes.extend(held.into_keys().map(|name| (name, None)));
    for (name, starred) in changes {
        if to.star(&name, user, starred).await? != Starred::Done {
            return Err(MetaError::Corrupt(format!("a star of {user} for {name}, of which one is not there")));
        }
    }
    Ok(carried)
}

/// Every star of a user, by package.
async fn all_stars(store: &dyn Social, user: &UserName) -> Result<BTreeMap<Name, Timestamp>, MetaError> {
    let (mut stars, mut after) = (BTreeMap::new(), None);
    loop {
        let page = store.stars(user, after.as_ref(), PAGE_MAX).await?;
        let Some(last) = page.last() else { return Ok(stars) };
        after = Some(last.name.clone());
        stars.extend(page.into_iter().map(|star| (star.name, star.starred)));
    }
}
