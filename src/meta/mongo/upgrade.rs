//! What the documents of an earlier release lack, filled in once. What another server does at the same time is the same.

mod postings;

use std::collections::{HashMap, HashSet};

use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

use crate::domain::{self, Name, State, Visibility};
use crate::resolve;

use super::super::shown::Standing;
use super::super::{Label, MetaError};
use super::connection::{BATCH, Connection, OPERATION, within};
use super::error::failed;
use super::keys::{self, pairs_after};
use super::rows::{self, EVENTS, Event, Release, Row, json, signed};

/// Configs that come in one answer.
const CONFIGS: u32 = 100;
/// Documents that are filled in at once.
const AT_ONCE: i64 = 1000;

/// Brings what is there from the schema of this number to that of the program.
pub(super) async fn fill(connection: &Connection, number: i64) -> Result<(), MetaError> {
    if number < 7 {
        // First: the validator refuses every change of a package without one.
        postings::number_packages(connection).await?;
    }
    if number < 2 {
        fill_ids(connection).await?;
    }
    if number < 3 {
        fill_states(connection).await?;
    }
    if number < 4 {
        fill_owners(connection).await?;
        fill_orgs(connection).await?;
    }
    if number < 6 {
        fill_needs(connection).await?;
    }
    if number < 8 {
        fill_releases(connection).await?;
    }
    if number < 7 {
        // Last: they are made of what the packages have by now.
        postings::fill_postings(connection).await?;
    }
    Ok(())
}

/// Gives every version the id of the event that published it.
async fn fill_ids(connection: &Connection) -> Result<(), MetaError> {
    let versions = connection.database.collection::<Document>(Release::COLLECTION);
    let events = connection.database.collection::<Event>(EVENTS);
    loop {
        let old = doc! { "event_id": { "$exists": false } };
        let old = versions.find(old).projection(doc! { "event": 1 }).limit(AT_ONCE).batch_size(BATCH);
        let old = connection.all(old).await?;
        if old.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i64> = old.iter().filter_map(|version| version.get_i64("event").ok()).collect();
        let found = connection.all(events.find(doc! { "_id": { "$in": numbers } }).batch_size(BATCH)).await?;
        let mut ids = HashMap::new();
        for event in found {
            let read =
                domain::Event::parse(&event.bytes.bytes).map_err(|error| MetaError::Corrupt(error.to_string()))?;
            ids.insert(event.n, read.id.to_string());
        }
        let mut updates = Vec::with_capacity(old.len());
        for version in &old {
            let key = version.get_str("_id").unwrap_or_default();
            let id = version.get_i64("event").ok().and_then(|event| ids.get(&event));
            let id = id.ok_or_else(|| MetaError::Corrupt(format!("the event that published {key} is not there")))?;
            updates.push(doc! { "q": { "_id": key }, "u": { "$set": { "event_id": id } } });
        }
        update(connection, Release::COLLECTION, updates).await?;
    }
}

/// Gives every package the labels that say how the version stands that it shows, and counts them.
async fn fill_states(connection: &Connection) -> Result<(), MetaError> {
    let packages = connection.database.collection::<Document>(rows::Package::COLLECTION);
    let versions = connection.database.collection::<Document>(Release::COLLECTION);
    let mut last = String::new();
    loop {
        let page = packages.find(doc! { "_id": { "$gt": &last }, "shown": { "$exists": true } });
        let page = page.sort(doc! { "_id": 1 }).projection(doc! { "shown": 1 }).limit(AT_ONCE).batch_size(BATCH);
        let page = connection.all(page).await?;
        let Some(end) = page.last() else { break };
        end.get_str("_id").unwrap_or_default().clone_into(&mut last);
        let mut shown = HashMap::new();
        for package in &page {
            let name = package.get_str("_id").unwrap_or_default();
            let version: domain::Version = keys::parse(package.get_str("shown").unwrap_or_default())?;
            shown.insert(Release::key(name, &version), name);
        }
        let of = doc! { "_id": { "$in": shown.keys().cloned().collect::<Vec<_>>() } };
        let of = versions.find(of).projection(doc! { "yanked": 1, "deprecation": 1 }).batch_size(BATCH);
        let updates = connection.all(of).await?.into_iter().filter_map(|version| {
            let name = shown.get(version.get_str("_id").unwrap_or_default())?;
            let yanked = version.get_bool("yanked").unwrap_or_default();
            let standing = Standing { yanked, deprecated: version.contains_key("deprecation") };
            let states: Vec<String> = standing.labels().map(|(label, text)| keys::label(label, &text)).collect();
            Some(doc! { "q": { "_id": *name }, "u": { "$addToSet": { "labels": { "$each": states } } } })
        });
        update(connection, rows::Package::COLLECTION, updates.collect()).await?;
    }
    let mut counts = Vec::new();
    for state in [State::Published, State::Deprecated, State::Yanked] {
        let key = keys::label(Label::State, state.as_str());
        let public = doc! { "labels": &key, "visibility": Visibility::Public.as_str(), "shown": { "$exists": true } };
        let count = signed(connection.run(packages.count_documents(public)).await?);
        if count > 0 {
            let set = doc! { "$set": { "type": keys::label_type(Label::State), "count": count } };
            counts.push(doc! { "q": { "_id": key }, "u": set, "upsert": true });
        }
    }
    update(connection, rows::Label::COLLECTION, counts).await
}

/// Gives every package the owner that it would have had from the beginning: who published it first, if that was a user.
async fn fill_owners(connection: &Connection) -> Result<(), MetaError> {
    let packages = connection.database.collection::<Document>(rows::Package::COLLECTION);
    let versions = connection.database.collection::<Document>(Release::COLLECTION);
    let events = connection.database.collection::<Event>(EVENTS);
    loop {
        let page = packages.find(doc! { "owners": { "$exists": false } }).sort(doc! { "_id": 1 });
        let page = page.projection(doc! { "shown": 1 }).limit(AT_ONCE).batch_size(BATCH);
        let page = connection.all(page).await?;
        let name = |package: &Document| package.get_str("_id").unwrap_or_default().to_owned();
        let (Some(first), Some(last)) = (page.first().map(name), page.last().map(name)) else { break };
        // Keys of versions are in the order of their packages' names.
        let of = doc! { "_id": { "$gt": pairs_after(first, "").start, "$lt": pairs_after(last, "").end } };
        let of = versions.find(of).projection(doc! { "name": 1, "event": 1 }).batch_size(BATCH);
        let mut first = HashMap::<String, i64>::new();
        for version in connection.all(of).await? {
            let event = version.get_i64("event").unwrap_or_default();
            let known = first.entry(version.get_str("name").unwrap_or_default().to_owned()).or_insert(event);
            *known = event.min(*known);
        }
        let numbers: Vec<i64> = first.values().copied().collect();
        let mut actors = HashMap::new();
        for event in connection.all(events.find(doc! { "_id": { "$in": numbers } }).batch_size(BATCH)).await? {
            let read =
                domain::Event::parse(&event.bytes.bytes).map_err(|error| MetaError::Corrupt(error.to_string()))?;
            actors.insert(event.n, read.actor);
        }
        let updates = page.iter().map(|package| {
            let name = package.get_str("_id").unwrap_or_default();
            let actor = first.get(name).and_then(|event| actors.get(event));
            let owner: Option<String> = actor.and_then(|actor| actor.user()).map(|user| user.to_string());
            let mut update = doc! { "$set": { "owners": owner.iter().collect::<Vec<_>>() } };
            if let (Some(owner), true) = (&owner, package.contains_key("shown")) {
                update.insert("$addToSet", doc! { "labels": keys::label(Label::Owner, owner) });
            }
            doc! { "q": { "_id": name }, "u": update }
        });
        update(connection, rows::Package::COLLECTION, updates.collect()).await?;
    }
    count_owners(connection).await
}

/// Counts the public packages of each owner.
async fn count_owners(connection: &Connection) -> Result<(), MetaError> {
    let packages = connection.database.collection::<Document>(rows::Package::COLLECTION);
    let public = doc! { "owners.0": { "$exists": true }, "visibility": Visibility::Public.as_str(),
    "shown": { "$exists": true } };
    let group = doc! { "_id": "$owners", "count": { "$sum": 1i64 } };
    let sums =
        packages.aggregate(vec![doc! { "$match": public }, doc! { "$unwind": "$owners" }, doc! { "$group": group }]);
    let counts = connection.all(sums.batch_size(BATCH)).await?.into_iter().filter_map(|sum| {
        let key = keys::label(Label::Owner, sum.get_str("_id").ok()?);
        let count = sum.get_i64("count").ok()?;
        let set = doc! { "$set": { "type": keys::label_type(Label::Owner), "count": count } };
        Some(doc! { "q": { "_id": key }, "u": set, "upsert": true })
    });
    let counts: Vec<Document> = counts.collect();
    for counts in counts.chunks(AT_ONCE as usize) {
        update(connection, rows::Label::COLLECTION, counts.to_vec()).await?;
    }
    Ok(())
}

/// Counts the public packages of each organisation.
async fn fill_orgs(connection: &Connection) -> Result<(), MetaError> {
    let public = doc! { "shown": { "$exists": true }, "visibility": Visibility::Public.as_str() };
    let sums = doc! { "_id": "$org", "count": { "$sum": 1i64 } };
    let packages = connection.durable::<rows::Package>();
    let found = connection.sweep(packages.aggregate([doc! { "$match": public }, doc! { "$group": sums }])).await?;
    let set = |count: &Document| {
        let (org, number) = (count.get_str("_id").ok()?, count.get_i64("count").ok()?);
        let set = doc! { "$set": { "type": keys::ORG, "count": number } };
        Some(doc! { "q": { "_id": keys::org(org) }, "u": set, "upsert": true })
    };
    for counts in found.chunks(AT_ONCE as usize) {
        update(connection, rows::Label::COLLECTION, counts.iter().filter_map(set).collect()).await?;
    }
    Ok(())
}

/// Lets the labels of what packages need name the packages that are meant, and counts them.
async fn fill_needs(connection: &Connection) -> Result<(), MetaError> {
    let of_needs = format!("{} ", keys::label_type(Label::Need));
    let is_need = doc! { "$regex": format!("^{of_needs}") };
    let packages = connection.database.collection::<Document>(rows::Package::COLLECTION);
    let mut last = String::new();
    loop {
        let page = packages.find(doc! { "_id": { "$gt": &last }, "labels": is_need.clone() });
        let page = page.sort(doc! { "_id": 1 }).projection(doc! { "labels": 1 }).limit(AT_ONCE).batch_size(BATCH);
        let page = connection.all(page).await?;
        let Some(end) = page.last() else { break };
        end.get_str("_id").unwrap_or_default().clone_into(&mut last);
        let mut updates = Vec::new();
        for package in &page {
            let key = package.get_str("_id").unwrap_or_default();
            let name: Name = keys::parse(key)?;
            let held = package.get_array("labels").into_iter().flatten().filter_map(Bson::as_str);
            let held: Vec<&str> = held.collect();
            let mut meant: Vec<String> = Vec::with_capacity(held.len());
            for label in &held {
                let label = match label.strip_prefix(&of_needs).map(|text| resolve::package(&name, text)) {
                    None => (*label).to_owned(),
                    Some(Some((needed, _))) => keys::label(Label::Need, needed.as_str()),
                    Some(None) => continue,
                };
                if !meant.contains(&label) {
                    meant.push(label);
                }
            }
            if held != meant {
                // Whoever changes it meanwhile writes what is meant.
                updates.push(doc! { "q": { "_id": key, "labels": held }, "u": { "$set": { "labels": meant } } });
            }
        }
        update(connection, rows::Package::COLLECTION, updates).await?;
    }
    count_needs(connection, &is_need).await
}

/// Counts the public packages that need each package, and forgets the counts of what names none.
async fn count_needs(connection: &Connection, is_need: &Document) -> Result<(), MetaError> {
    let labels = connection.database.collection::<Document>(rows::Label::COLLECTION);
    // Before the sums: what another server counts for the first time after them stays.
    let counted = labels.find(doc! { "_id": is_need.clone() }).projection(doc! { "_id": 1 }).batch_size(BATCH);
    let counted = connection.sweep(counted).await?;
    let public = doc! { "labels": is_need.clone(), "visibility": Visibility::Public.as_str(),
    "shown": { "$exists": true } };
    let group = doc! { "_id": "$labels", "count": { "$sum": 1i64 } };
    let sums = [
        doc! { "$match": public },
        doc! { "$unwind": "$labels" },
        doc! { "$match": { "labels": is_need.clone() } },
        doc! { "$group": group },
    ];
    let packages = connection.durable::<rows::Package>();
    let found = connection.sweep(packages.aggregate(sums)).await?;
    let needed: HashSet<&str> = found.iter().filter_map(|sum| sum.get_str("_id").ok()).collect();
    let gone = counted.iter().filter_map(|row| row.get_str("_id").ok()).filter(|key| !needed.contains(key));
    let gone: Vec<&str> = gone.collect();
    for gone in gone.chunks(AT_ONCE as usize) {
        connection.run(labels.delete_many(doc! { "_id": { "$in": gone.to_vec() } })).await?;
    }
    let set = |sum: &Document| {
        let (key, count) = (sum.get_str("_id").ok()?, sum.get_i64("count").ok()?);
        let set = doc! { "$set": { "type": keys::label_type(Label::Need), "count": count } };
        Some(doc! { "q": { "_id": key }, "u": set, "upsert": true })
    };
    for counts in found.chunks(AT_ONCE as usize) {
        update(connection, rows::Label::COLLECTION, counts.iter().filter_map(set).collect()).await?;
    }
    Ok(())
}

/// Lets every version that has a config say what a resolver asks of it.
async fn fill_releases(connection: &Connection) -> Result<(), MetaError> {
    // As they come: a config may take megabytes.
    let configs = connection.durable::<rows::Config>();
    let mut found = connection.run(configs.find(doc! {}).batch_size(CONFIGS)).await?;
    let mut updates = Vec::new();
    loop {
        let row = within(OPERATION, found.try_next()).await?.map_err(|error| failed(&error))?;
        let is_last = row.is_none();
        if let Some(row) = row
            && let Some(needs) = Release::needs(json(&row.text)?)?
        {
            // One that is purged meanwhile has none.
            let of = doc! { "_id": row.id, "purged": { "$ne": true } };
            updates.push(doc! { "q": of, "u": { "$set": { "needs": needs } } });
        }
        if is_last || updates.len() as i64 == AT_ONCE {
            update(connection, Release::COLLECTION, std::mem::take(&mut updates)).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Sends updates, durable on return.
async fn update(connection: &Connection, collection: &str, updates: Vec<Document>) -> Result<(), MetaError> {
    if updates.is_empty() {
        return Ok(());
    }
    let updates: Vec<Bson> = updates.into_iter().map(Bson::from).collect();
    let update = doc! { "update": collection, "updates": updates, "writeConcern": { "w": "majority" } };
    let answer = connection.run(connection.database.run_command(update)).await?;
    // The command as a whole succeeds where a statement of it fails.
    match answer.get_array("writeErrors").ok().and_then(|errors| errors.first()) {
        Some(first) => Err(MetaError::Corrupt(format!("a document was refused: {first}"))),
        None => Ok(()),
    }
}
