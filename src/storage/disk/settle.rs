//! Durability in groups: every file of a group is synced once, and every folder that names one of them once; or all of them in
//! one call, where that costs less.
//!
//! Groups run one after another. Whoever asks while one runs waits for the next, which takes all that have gathered: the
//! more clients push at once, the fewer syncs a push costs. There is no timer, so one client alone never waits.
//!
//! What is known to be durable is skipped, without a system call. A file that the process did not write itself counts as
//! not durable: a process that died may have left it in the page cache, and a sync of a clean file costs next to nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::recent::{PathId, Recent};
use super::whole::Whole;
use super::{DiskStore, Step, StorageError};

/// Files and folders that are known to be durable: about 40 bytes each, so 5 MB at most.
const REMEMBERED: usize = 1 << 16;
/// From how many files on a group is spread over threads. Below it the threads cost more than they gain: on ext4 over a
/// virtual disk four files took 0.89 ms one after another, and 0.74 ms on four threads that had to be started.
const SPREAD_FROM: usize = 16;
const SPREAD_OVER: usize = 4;

/// The folders that hold objects; others may lie beside them.
const OBJECTS: [&str; 5] = ["events", "public", "private", "quarantine", "staging"];

/// How a group of files is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Syncing {
    /// Each file and each folder by itself.
    EachFile,
    /// The file system as a whole, where the platform can.
    FileSystem,
    /// Whichever costs less now.
    #[default]
    Cheapest,
}

type Outcome = Result<(), (String, Arc<io::Error>)>;

/// Paths, each with what became of its sync.
type Synced = Vec<(String, Result<(), Arc<io::Error>>)>;

struct Ticket {
    paths: Vec<String>,
    done: oneshot::Sender<Outcome>,
}

#[derive(Default)]
pub(super) struct Durability {
    lane: Arc<tokio::sync::Mutex<()>>,
    waiting: Mutex<Vec<Ticket>>,
    known: Mutex<Known>,
}

struct Known {
    durable: Recent<PathId, ()>,
    /// Folders whose own names are durable.
    folders: Recent<PathId, ()>,
    /// Folders on the file system of the store's own folder.
    covered: Recent<PathId, ()>,
    /// Files whose sync failed. The system reports such a failure once and may call the lost pages clean afterwards, so
    /// only writing the file anew mends it.
    suspect: HashSet<PathId>,
    /// What changed while a group runs; `None` while none does.
    changed: Option<HashSet<PathId>>,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            durable: Recent::new(REMEMBERED),
            folders: Recent::new(REMEMBERED),
            covered: Recent::new(REMEMBERED),
            suspect: HashSet::new(),
            changed: None,
        }
    }
}

impl Durability {
    /// Notes that a name is on another file than before.
    pub(super) fn changed(&self, path: &str) {
        let id = PathId::of(path);
        let mut known = self.known();
        known.durable.remove(&id);
        known.suspect.remove(&id);
        if let Some(changed) = &mut known.changed {
            changed.insert(id);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskStore {
    /// Makes these objects durable: afterwards they survive a loss of power. Errors with what could not be synced, or is absent.
    pub async fn settle(&self, paths: Vec<String>) -> Result<(), StorageError> {
        let paths: Vec<String> = {
            let mut known = self.0.durability.known();
            paths.into_iter().filter(|path| known.durable.get(PathId::of(path)).is_none()).collect()
        };
        let Some(first) = paths.first().cloned() else { return Ok(()) };
        let (done, mut outcome) = oneshot::channel();
        let durability = &self.0.durability;
        durability.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(Ticket { paths, done });
        let lane = durability.lane.clone().lock_owned().await;
        let outcome = match outcome.try_recv() {
            Ok(outcome) => Ok(outcome),
            Err(_) => {
                // Nobody took this ticket yet, so it leads a group. The lane goes with the group and not with this
                // caller, who may be cancelled while the group still runs.
                let tickets = std::mem::take(&mut *durability.waiting.lock().unwrap_or_else(PoisonError::into_inner));
                let disk = self.clone();
                tokio::task::spawn_blocking(move || {
                    let outcomes = disk.run_group(&tickets);
                    // Whoever is told may close the store next, and then nothing must hold it open.
                    drop(disk);
                    for (ticket, outcome) in tickets.into_iter().zip(outcomes) {
                        // A caller who is gone needs no answer.
                        let _ = ticket.done.send(outcome);
                    }
                    drop(lane);
                });
                outcome.await
            }
        };
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err((path, error))) => Err(StorageError::io(path, io::Error::new(error.kind(), error.to_string()))),
            Err(gone) => Err(StorageError::Unavailable { path: first, source: gone.into() }),
        }
    }

    /// Whether the object must be written anew before it can be durable.
    pub(in crate::storage) fn is_suspect(&self, path: &str) -> bool {
        self.0.durability.known().suspect.contains(&PathId::of(path))
    }

    /// Removes every object that this process does not know to be durable: the worst that a loss of power may do to what
    /// it wrote. For tests of what an acknowledgement promises.
    pub fn lose_power(&self) -> io::Result<()> {
        let mut folders: Vec<String> = OBJECTS.map(str::to_owned).into();
        while let Some(folder) = folders.pop() {
            for name in self.names(&folder)? {
                let path = format!("{folder}/{name}");
                if self.file_path(&path).is_dir() {
                    folders.push(path);
                } else if self.0.durability.known().durable.get(PathId::of(&path)).is_none() {
                    std::fs::remove_file(self.file_path(&path))?;
                }
            }
        }
        Ok(())
    }

    fn run_group(&self, tickets: &[Ticket]) -> Vec<Outcome> {
        let outcomes = self.sync_group(tickets.iter().flat_map(|ticket| &ticket.paths));
        let outcome = |ticket: &Ticket| {
            let failed = ticket.paths.iter().find_map(|path| {
                let error = outcomes.get(path)?.as_ref().err()?.clone();
                Some((path.clone(), error))
            });
            failed.map_or(Ok(()), Err)
        };
        tickets.iter().map(outcome).collect()
    }

    fn sync_group<'a>(&self, paths: impl Iterator<Item = &'a String>) -> HashMap<String, Result<(), Arc<io::Error>>> {
        let mut outcomes = HashMap::new();
        let mut files = Vec::new();
        {
            let mut known = self.0.durability.known();
            known.changed = Some(HashSet::new());
            for path in paths.collect::<BTreeSet<_>>() {
                let id = PathId::of(path);
                if known.suspect.contains(&id) {
                    let lost = io::Error::other("an earlier sync of it failed, so it must be written again");
                    outcomes.insert(path.clone(), Err(Arc::new(lost)));
                } else if known.durable.get(id).is_some() {
                    outcomes.insert(path.clone(), Ok(()));
                } else {
                    files.push(path.as_str());
                }
            }
        }
        if !files.is_empty() {
            self.0.meter.group();
            outcomes.extend(self.sync_files(&files));
        }
        let mut known = self.0.durability.known();
        let changed = known.changed.take().unwrap_or_default();
        for path in files {
            let id = PathId::of(path);
            match outcomes.get(path) {
                Some(Ok(())) if !changed.contains(&id) => known.durable.insert(id, ()),
                Some(Err(error)) if error.kind() != io::ErrorKind::NotFound && !changed.contains(&id) => {
                    known.suspect.insert(id);
                }
                _ => {}
            }
        }
        outcomes
    }

    fn sync_files(&self, files: &[&str]) -> Synced {
        if let Some(synced) = self.sync_whole(files) {
            return synced;
        }
        let mut synced = self.spread(files, |path| self.sync_file(path));
        let found = synced.iter().filter(|(_, result)| result.is_ok());
        let folders: Vec<String> = self.folders_of(found.map(|(path, _)| path.as_str()));
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        let folder_results = self.spread(&folders, |folder| self.sync_folder(folder));
        let failed = folder_results.iter().find_map(|(_, result)| result.as_ref().err().cloned());
        match failed {
            // Which names are lost is not known, so none of the group is durable.
            Some(error) => synced.iter_mut().for_each(|(_, result)| *result = Err(error.clone())),
            None => self.durability_of(folders),
        }
        synced
    }

    /// All files and folders in one call. `None` if it is not to be used, or failed: then each must be asked for itself.
    fn sync_whole(&self, files: &[&str]) -> Option<Synced> {
        let whole = self.0.whole.as_ref().filter(|whole| match self.0.syncing {
            Syncing::EachFile => false,
            Syncing::FileSystem => true,
            Syncing::Cheapest => whole.is_cheap(),
        })?;
        let found: Vec<(String, _)> = files
            .iter()
            .map(|path| {
                let found = self.stat(path).and_then(|found| found.map(drop).ok_or(io::ErrorKind::NotFound.into()));
                ((*path).to_owned(), found.map_err(Arc::new))
            })
            .collect();
        let folders = self.folders_of(found.iter().filter(|(_, found)| found.is_ok()).map(|(path, _)| path.as_str()));
        if !self.covers(whole, &folders) {
            return None;
        }
        if let Err(error) = self.0.meter.step(Step::Sync, || whole.sync()) {
            tracing::warn!(%error, "the file system cannot be synced as a whole, each file is synced by itself");
            return None;
        }
        self.durability_of(folders.iter().map(String::as_str));
        Some(found)
    }

    /// Whether all folders lie on this file system. Each is looked at once.
    fn covers(&self, whole: &Whole, folders: &[String]) -> bool {
        folders.iter().all(|folder| {
            let id = PathId::of(folder);
            if self.0.durability.known().covered.get(id).is_some() {
                return true;
            }
            let covered = whole.covers(&self.file_path(folder));
            if covered {
                self.0.durability.known().covered.insert(id, ());
            }
            covered
        })
    }

    /// Notes that the names of these folders are durable.
    fn durability_of<'a>(&self, folders: impl IntoIterator<Item = &'a str>) {
        let mut known = self.0.durability.known();
        for folder in folders {
            known.folders.insert(PathId::of(folder), ());
        }
    }

    /// The folders whose entries must be durable for these files to be found: each file's own, and above it those whose
    /// names are not known to be durable.
    fn folders_of<'a>(&self, files: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut known = self.0.durability.known();
        let mut folders = BTreeSet::new();
        for file in files {
            let mut at = parent(file);
            while folders.insert(at.to_owned()) && !at.is_empty() && known.folders.get(PathId::of(at)).is_none() {
                at = parent(at);
            }
        }
        folders.into_iter().collect()
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        let file = File::open(self.file_path(path))?;
        // The length is part of what this makes durable; times are not.
        self.0.meter.step(Step::Sync, || file.sync_data())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.0.meter.step(Step::Sync, || sync_folder(&self.file_path(folder)))
    }

    fn spread(&self, paths: &[&str], work: impl Fn(&str) -> io::Result<()> + Sync) -> Synced {
        let one = |path: &&str| ((*path).to_owned(), work(path).map_err(Arc::new));
        if paths.len() < SPREAD_FROM {
            return paths.iter().map(one).collect();
        }
        std::thread::scope(|scope| {
            let share = paths.len().div_ceil(SPREAD_OVER);
            let threads: Vec<_> = paths
                .chunks(share)
                .map(|paths| (paths, scope.spawn(move || paths.iter().map(one).collect::<Vec<_>>())))
                .collect();
            let mut all = Vec::with_capacity(paths.len());
            for (paths, thread) in threads {
                match thread.join() {
                    Ok(results) => all.extend(results),
                    Err(_) => {
                        let lost = Arc::new(io::Error::other("the thread that synced it failed"));
                        all.extend(paths.iter().map(|path| ((*path).to_owned(), Err(lost.clone()))));
                    }
                }
            }
            all
        })
    }
}

/// The folder of a path, "" for the root.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Folders cannot be opened here; the file system's journal is all there is.
#[cfg(not(unix))]
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
