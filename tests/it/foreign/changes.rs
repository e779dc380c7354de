//! What a change does to the rows. What it comes to is decided by the library.

use bytes::Bytes;
use pcl_registry::domain::Event;
use pcl_registry::meta::engine::Rows;
use pcl_registry::meta::rules::{Facts, ManifestState, Wanted, Write};
use pcl_registry::meta::{CarriedBlob, MetaError};

use super::journal::Unit;
use super::rows::{self, EventRow, Held, PackageRow};

type Done = Result<(), MetaError>;

impl Rows for Unit<'_> {
    fn facts(&mut self, wanted: &Wanted) -> Result<Facts, MetaError> {
        self.read_facts(wanted)
    }

    fn write(&mut self, write: &Write, event: &Event) -> Done {
        self.carry_out(write, event)?;
        self.written()
    }

    fn append(&mut self, event: &Event, bytes: &Bytes) -> Done {
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| MetaError::Corrupt(error.to_string()))?;
        let n = rows::event(event.n);
        self.put(format!("event {n}"), &EventRow { n: event.n, text })?;
        // A change of a collection or an organisation is in no repository's history.
        if let Some(repository) = event.body.repository() {
            self.put(format!("history {repository} {n}"), &())?;
        }
        self.put(rows::HEAD, &(event.n, event.time))?;
        self.written()
    }

    fn event(&mut self, n: u64) -> Result<Option<Bytes>, MetaError> {
        Ok(self.get::<EventRow>(&format!("event {}", rows::event(n)))?.map(|row| row.text.into()))
    }
}

impl Unit<'_> {
    fn carry_out(&mut self, write: &Write, event: &Event) -> Done {
        match write {
            Write::Blob { area, digest, size } => {
                // A size that was measured at the upload stays: a manifest may say another.
                let known = self.get::<CarriedBlob>(&rows::blob(area, digest))?.map_or(0, |blob| blob.size);
                self.put_blob(area, digest, if known == 0 { *size } else { known }, event.time)
            }
            Write::Link { repository, area, digest } => self.put_link(repository, area, digest, true),
            Write::LinkAll { repository, digest } => {
                let Some(held) = self.held(repository, digest)? else { return Ok(()) };
                held.blobs.iter().try_for_each(|blob| self.put_link(repository, &held.row.area, blob, true))
            }
            Write::Unlink { repository, digest } => {
                self.remove(rows::link(repository, digest));
                Ok(())
            }
            Write::Manifest { accepted, facts } => self.put_manifest(accepted, facts, event),
            Write::RemoveManifest { repository, digest } => {
                self.remove(rows::manifest(repository, digest));
                Ok(())
            }
            Write::HideManifest { repository, digest, state } => {
                let Some(held) = self.held(repository, digest)? else { return Ok(()) };
                self.put(rows::manifest(repository, digest), &Held { is_live: *state == ManifestState::Live, ..held })
            }
            Write::Tag { repository, tag, digest } => self.put(rows::tag(repository, tag), digest),
            Write::Untag { repository, tag } => {
                self.remove(rows::tag(repository, tag));
                Ok(())
            }
            Write::Package { name, kind, visibility, owners } => {
                if self.has(&rows::package(name)) {
                    return Ok(());
                }
                let row = PackageRow {
                    kind: *kind,
                    visibility: *visibility,
                    created: event.time,
                    updated: event.time,
                    owners: owners.clone(),
                    pinned: None,
                    shown: None,
                    labels: Default::default(),
                };
                self.put(rows::package(name), &row)
            }
            Write::Visible { name, visibility } if self.has(&rows::package(name)) => {
                self.change_package(name, |row| row.visibility = *visibility)
            }
            Write::Visible { name, visibility } => self.put(rows::name(name), visibility),
            Write::Move { repository, area } => self.move_content(repository, area),
            Write::Owners { name, owners } => self.change_package(name, |row| row.owners = owners.clone()),
            Write::Version { name, digest, publication } => self.publish(name, digest, publication, event),
            Write::Deleted { name, version, deleted } => {
                self.change_version(name, version, |row| row.deleted = *deleted)
            }
            Write::Purged { name, version } => self.change_version(name, version, |row| {
                row.purged = true;
                (row.config, row.yank_reason, row.deprecation) = (None, None, None);
            }),
            Write::Yanked { name, version, yanked, reason } => self.change_version(name, version, |row| {
                (row.yanked, row.yank_reason) = (*yanked, *reason);
            }),
            Write::Deprecated { name, version, deprecation } => {
                self.change_version(name, version, |row| row.deprecation = deprecation.clone())
            }
            Write::Pinned { name, version } => self.change_package(name, |row| row.pinned = version.clone()),
            Write::Collection { name, document, content } => self.put_collection(name, *document, content, event),
            Write::RemoveCollection { name } => {
                self.remove(rows::collection(name));
                Ok(())
            }
            Write::Org { org, document, profile } => self.put_org(org, *document, profile, event),
            Write::Reshow { name } => self.reshow(name, event),
        }
    }
}
