//! Owners of packages, and collections.

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::{Collection, Digest, Event, Name, UserName};

use super::super::{CollectionRow, Collections, Groups, MetaError};
use super::Memory;
use super::state::{Gathered, State};

#[async_trait]
impl Groups for Memory {
    async fn owners(&self, name: &Name) -> Result<Option<Vec<UserName>>, MetaError> {
        Ok(self.read().packages.get(&name.to_string()).map(|row| row.owners.clone()))
    }

    async fn collection(&self, name: &Name) -> Result<Option<CollectionRow>, MetaError> {
        Ok(self.read().collections.get(&name.to_string()).map(|gathered| gathered.row.clone()))
    }

    async fn collections(
        &self,
        which: &Collections,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<CollectionRow>, MetaError> {
        let (state, seen) = (self.read(), which.seen());
        let after = after.map(ToString::to_string).unwrap_or_default();
        let rows: Box<dyn Iterator<Item = &Arc<Gathered>>> = match &which.with {
            None => Box::new(state.collections.after(after).map(|(_, gathered)| gathered)),
            Some(package) => {
                let package = package.to_string();
                let names = state.gathered.after((package.clone(), after));
                let names = names.take_while(move |((of, _), ())| *of == package);
                Box::new(names.filter_map(|((_, name), ())| state.collections.get(name)))
            }
        };
        let listed = rows
            .map(|gathered| &gathered.row)
            .filter(|row| seen.contains(&row.visibility) && which.org.as_ref().is_none_or(|org| row.name.org() == org));
        Ok(listed.take(limit).cloned().collect())
    }
}

impl State {
    pub(super) fn write_collection(&mut self, name: &Name, document: Digest, content: &Collection, event: &Event) {
        let created = self.collections.get(&name.to_string()).map_or(event.time, |gathered| gathered.row.created);
        self.remove_collection(name);
        let packages: Vec<String> = content.items.iter().map(|item| item.name.to_string()).collect();
        for package in &packages {
            self.gathered.insert((package.clone(), name.to_string()), ());
        }
        let row = CollectionRow::new(name, document, content, created, event.time);
        self.collections.insert(name.to_string(), Arc::new(Gathered { row, packages }));
    }

    pub(super) fn remove_collection(&mut self, name: &Name) {
        let Some(gathered) = self.collections.get(&name.to_string()).cloned() else { return };
        for package in &gathered.packages {
            self.gathered.remove(&(package.clone(), name.to_string()));
        }
        self.collections.remove(&name.to_string());
    }
}
