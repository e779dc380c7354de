//! From a project to files on disk: choose, fetch, compare, and only then write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::error::ProjectError;
use super::ledger::{Ledger, Placed, Skipped};
use super::place::{State, check_inside, put, remove, remove_empty_parents, state};
use super::plan::{Update, plan};
use super::root::Project;
use super::supply::{PARALLEL, Supply};
use super::target::{Artifact, Place, Target};
use crate::domain::{File, FileEntry, Name, TreePath, Version};
use crate::resolve::{Lock, Locked, cycles};

/// Whether the lock may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is brought in step with `pclr.toml`.
    Free,
    /// If it is not in step, nothing is done.
    Locked,
}

/// How to install.
pub struct Installing<'a> {
    /// Where packages come from.
    pub supply: &'a Supply,
    /// Where they go, beside where they went before; empty: as the project says.
    pub targets: &'a [Target],
    /// What may move.
    pub update: Update,
    /// Whether the lock may change.
    pub mode: Mode,
    /// Whether files that are in the way are replaced.
    pub force: bool,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Installed {
    /// How the lock changed.
    pub changes: Vec<PackageChange>,
    /// What lies where.
    pub targets: Vec<OnTarget>,
    /// Packages that need each other, each cycle with its path.
    pub cycles: Vec<Vec<Name>>,
    /// What people should know.
    pub notes: Vec<String>,
}

/// A package whose locked version changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackageChange {
    /// Which.
    pub name: Name,
    /// Before; absent if it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// Now; absent if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Version>,
}

/// What was done to one target.
#[derive(Clone, Debug, Serialize)]
pub struct OnTarget {
    /// Which.
    pub target: Target,
    /// Its folder, relative to the project.
    pub folder: &'static str,
    /// Packages that were written.
    pub written: Vec<Name>,
    /// Packages that were there already.
    pub unchanged: Vec<Name>,
    /// Packages that were removed.
    pub removed: Vec<Name>,
    /// Packages that are not needed any more and were changed by hand: they stay, and are the project's own from now on.
    pub left: Vec<Name>,
    /// Packages that are nothing for this target, and why.
    pub skipped: BTreeMap<Name, String>,
}

/// Brings a project's lock and files in step with what it asks for. `before` is the project as it was read, `after` what
/// it is to be.
///
/// # Errors
/// [`ProjectError`]. Up to and including [`ProjectError::InTheWay`] nothing was written.
pub async fn install(before: &Project, mut after: Project, how: &Installing<'_>) -> Result<Installed, ProjectError> {
    if how.mode == Mode::Locked {
        after.fitting_lock().map_err(|error| match error {
            ProjectError::OutOfStep(why) => ProjectError::WouldChange(why),
            other => other,
        })?;
    }
    let plan = plan(how.supply, &after.manifest, before.lock.as_ref(), &how.update).await?;
    if how.mode == Mode::Locked && before.lock.as_ref() != Some(&plan.lock) {
        return Err(ProjectError::WouldChange("versions would move".to_owned()));
    }
    let lock = plan.lock;
    let mut work = Vec::new();
    for target in targets(&after, how.targets)? {
        work.push(Work::new(target, &after.folder, &lock)?);
    }
    let wanted: BTreeSet<&Name> = work.iter().flat_map(|work| &work.wanted).collect();
    let wanted = lock.packages.iter().filter(|(name, _)| wanted.contains(name));
    let artifacts: BTreeMap<&Name, Artifact> = stream::iter(wanted)
        .map(|(name, locked)| async move { Ok::<_, ProjectError>((name, how.supply.artifact(name, locked).await?)) })
        .buffer_unordered(PARALLEL)
        .try_collect()
        .await?;
    let mut steps = Vec::new();
    for work in &work {
        steps.push(work.steps(&lock, &artifacts)?);
    }
    let in_the_way: Vec<String> = steps.iter().flat_map(|steps| steps.in_the_way.iter().cloned()).collect();
    if !in_the_way.is_empty() && !how.force {
        return Err(ProjectError::InTheWay(in_the_way));
    }
    let changes = changes(before.lock.as_ref(), &lock);
    after.lock = Some(lock);
    after.save(before)?;
    let mut done = Vec::new();
    for (work, steps) in work.into_iter().zip(steps) {
        done.push(work.carry_out(steps)?);
    }
    let cycles = after.lock.as_ref().map(cycles).unwrap_or_default();
    Ok(Installed { changes, targets: done, cycles, notes: plan.notes })
}

/// Those that were asked for, else those of the project, and those that were installed into before.
fn targets(project: &Project, asked: &[Target]) -> Result<Vec<Target>, ProjectError> {
    let asked = if asked.is_empty() { project.manifest.targets() } else { asked };
    let mut found = Vec::new();
    for target in Target::ALL {
        if asked.contains(&target) || Ledger::load(&project.folder.join(target.folder()))?.is_some() {
            found.push(target);
        }
    }
    if found.is_empty() {
        found.push(Target::Modules);
    }
    Ok(found)
}

fn changes(before: Option<&Lock>, after: &Lock) -> Vec<PackageChange> {
    let version = |lock: Option<&Lock>, name: &Name| Some(lock?.packages.get(name)?.version.clone());
    let names: BTreeSet<&Name> =
        before.iter().flat_map(|lock| lock.packages.keys()).chain(after.packages.keys()).collect();
    let change =
        |name: &Name| PackageChange { name: name.clone(), from: version(before, name), to: version(Some(after), name) };
    names.into_iter().map(change).filter(|change| change.from != change.to).collect()
}

/// One target, as its ledger has it.
struct Work {
    target: Target,
    project: PathBuf,
    folder: PathBuf,
    ledger: Ledger,
    clashing: BTreeSet<String>,
    unchanged: Vec<Name>,
    skipped: BTreeMap<Name, String>,
    /// Packages whose files must be at hand to go on.
    wanted: Vec<Name>,
    /// Packages that the lock does not have any more.
    leftover: Vec<Name>,
}

/// What is to be done to one target.
#[derive(Default)]
struct Steps {
    placing: Vec<(Name, Placed, Vec<File>)>,
    skipped: Vec<(Name, Skipped)>,
    in_the_way: Vec<String>,
}

impl Work {
    fn new(target: Target, project: &Path, lock: &Lock) -> Result<Self, ProjectError> {
        let folder = project.join(target.folder());
        check_inside(project, &folder.join("any"))?;
        let ledger = Ledger::load(&folder)?.unwrap_or_default();
        let clashing = Target::clashing(&lock.packages);
        let mut work = Self {
            target,
            project: project.to_owned(),
            folder,
            ledger,
            clashing,
            unchanged: Vec::new(),
            skipped: BTreeMap::new(),
            wanted: Vec::new(),
            leftover: Vec::new(),
        };
        for (name, locked) in &lock.packages {
            if let Err(why) = target.takes(locked.kind) {
                work.skipped.insert(name.clone(), why);
            } else if work.is_in_place(name, locked)? {
                work.unchanged.push(name.clone());
            } else if let Some(skipped) = work.ledger.skipped.get(name).filter(|skip| skip.digest == locked.digest) {
                work.skipped.insert(name.clone(), skipped.why.clone());
            } else {
                work.wanted.push(name.clone());
            }
        }
        work.leftover = work.ledger.placed.keys().filter(|name| !lock.packages.contains_key(name)).cloned().collect();
        Ok(work)
    }

    fn is_in_place(&self, name: &Name, locked: &Locked) -> Result<bool, ProjectError> {
        let Some(placed) = self.ledger.placed.get(name).filter(|placed| placed.is_of(locked)) else { return Ok(false) };
        let clashes = self.clashing.contains(name.slug()) && self.target != Target::Modules;
        let file = placed.at.file_name();
        let own = if placed.single { file.strip_suffix(".md") } else { Some(file) } == Some(name.slug());
        if clashes == own {
            return Ok(false);
        }
        // The ledger is a file like others: whoever changed files could change it too.
        if !placed.single && crate::domain::tree_digest(&placed.files) != locked.tree {
            return Ok(false);
        }
        Ok(state(&self.path(placed)?, placed.single, &placed.files)? == State::Same)
    }

    fn path(&self, placed: &Placed) -> Result<PathBuf, ProjectError> {
        let path = self.folder.join(placed.at.as_str());
        check_inside(&self.project, &path)?;
        Ok(path)
    }

    fn steps(&self, lock: &Lock, artifacts: &BTreeMap<&Name, Artifact>) -> Result<Steps, ProjectError> {
        let mut steps = Steps::default();
        let kept = lock.packages.keys().filter(|name| !self.wanted.contains(name));
        let kept = kept.filter_map(|name| Some((self.ledger.placed.get(name)?.at.clone(), name)));
        let mut taken: BTreeMap<TreePath, &Name> = kept.collect();
        for name in &self.wanted {
            let (Some(locked), Some(artifact)) = (lock.packages.get(name), artifacts.get(name)) else { continue };
            let place = match self.target.place(name, artifact, &self.clashing) {
                // Two names can come to one folder: `a/b-c` and `a-b/c`, where both slugs are somebody else's too.
                Ok(Place { at, .. }) if taken.contains_key(&at) => {
                    let why = format!("{at} is the place of {}", taken[&at]);
                    steps.skipped.push((name.clone(), Skipped { digest: locked.digest, why }));
                    continue;
                }
                Ok(place) => place,
                Err(why) => {
                    steps.skipped.push((name.clone(), Skipped { digest: locked.digest, why }));
                    continue;
                }
            };
            taken.insert(place.at.clone(), name);
            let chosen = |path: &str| place.only.as_ref().is_none_or(|only| only.as_str() == path);
            let files: Vec<File> =
                artifact.tree.files().iter().filter(|file| chosen(file.path.as_str())).cloned().collect();
            let entries = artifact.tree.entries().into_iter().filter(|entry| chosen(entry.path.as_str()));
            let placed = Placed {
                version: locked.version.clone(),
                digest: locked.digest,
                tree: locked.tree,
                at: place.at,
                single: place.only.is_some(),
                files: entries.collect(),
            };
            steps.in_the_way.extend(self.in_the_way(name, &placed)?);
            steps.placing.push((name.clone(), placed, files));
        }
        Ok(steps)
    }

    /// What lies in the place of a package and is not what was put there.
    fn in_the_way(&self, name: &Name, new: &Placed) -> Result<Vec<String>, ProjectError> {
        let path = self.path(new)?;
        if matches!(state(&path, new.single, &new.files)?, State::Same | State::Absent) {
            return Ok(Vec::new());
        }
        let old: Option<(&[FileEntry], bool)> =
            self.ledger.placed.get(name).filter(|old| old.at == new.at).map(|old| (old.files.as_slice(), old.single));
        let shown = |below: &str| {
            let at = format!("{}/{}", self.target.folder(), new.at);
            if below.is_empty() { at } else { format!("{at}/{below}") }
        };
        let Some((files, single)) = old else {
            return Ok(vec![format!("{} is there, and was not installed by pclr", shown(""))]);
        };
        Ok(match state(&path, single, files)? {
            State::Absent | State::Same | State::Incomplete => Vec::new(),
            State::Changed(below) if below.is_empty() => vec![format!("{} was changed by hand", shown(""))],
            State::Changed(below) => below.iter().map(|file| format!("{} was changed by hand", shown(file))).collect(),
        })
    }

    fn carry_out(mut self, steps: Steps) -> Result<OnTarget, ProjectError> {
        let (mut written, mut removed, mut left) = (Vec::new(), Vec::new(), Vec::new());
        let result = self.write(steps, &mut written, &mut removed, &mut left);
        // What was done is noted, whatever became of the rest.
        self.ledger.save(&self.folder)?;
        result?;
        let Self { target, unchanged, skipped, .. } = self;
        Ok(OnTarget { target, folder: target.folder(), written, unchanged, removed, left, skipped })
    }

    fn write(
        &mut self,
        steps: Steps,
        written: &mut Vec<Name>,
        removed: &mut Vec<Name>,
        left: &mut Vec<Name>,
    ) -> Result<(), ProjectError> {
        for name in std::mem::take(&mut self.leftover) {
            self.take_away(&name, removed, left)?;
        }
        for (name, skipped) in steps.skipped {
            self.take_away(&name, removed, left)?;
            self.skipped.insert(name.clone(), skipped.why.clone());
            self.ledger.skipped.insert(name, skipped);
        }
        for (name, placed, files) in steps.placing {
            // It may have lain elsewhere, while another package had its slug.
            if self.ledger.placed.get(&name).is_some_and(|old| old.at != placed.at) {
                self.take_away(&name, &mut Vec::new(), left)?;
            }
            let path = self.path(&placed)?;
            if state(&path, placed.single, &placed.files)? == State::Same {
                self.unchanged.push(name.clone());
            } else {
                put(&path, placed.single, &files)?;
                written.push(name.clone());
            }
            self.ledger.placed.insert(name, placed);
        }
        let skipped = &self.skipped;
        self.ledger.skipped.retain(|name, _| skipped.contains_key(name));
        self.unchanged.sort();
        Ok(())
    }

    /// Removes what was installed, unless it was changed by hand since.
    fn take_away(&mut self, name: &Name, removed: &mut Vec<Name>, left: &mut Vec<Name>) -> Result<(), ProjectError> {
        let Some(placed) = self.ledger.placed.get(name).cloned() else { return Ok(()) };
        let path = self.path(&placed)?;
        match state(&path, placed.single, &placed.files)? {
            State::Changed(_) => left.push(name.clone()),
            State::Absent => {}
            State::Same | State::Incomplete => {
                remove(&path)?;
                remove_empty_parents(&path, &self.folder);
                removed.push(name.clone());
            }
        }
        self.ledger.placed.remove(name);
        Ok(())
    }
}
