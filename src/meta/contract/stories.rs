//! What happens in each [`Life`](super::faults::Life).

use std::sync::Arc;

use crate::domain::{
    Area, Collection, CollectionItem, Deprecation, Digest, Name, Profile, Repository, Tag, UserName, Version,
    Visibility,
};

use super::super::{Act, Atomicity, Memory, Seen};
use super::life::{Step, Story};
use super::world::{artifact, image, parse};
use super::{Artifact, Failure, World};

/// A version with labels, one of which other versions do not have.
fn labelled(spec: &str, label: &str) -> Result<Artifact, Failure> {
    Ok(artifact(spec)?.labels(&["all", label], &["reading", label]))
}

/// The same in the private area of its organisation.
fn hidden(artifact: Artifact) -> Artifact {
    Artifact { area: Area::private(&artifact.repository), ..artifact }
}

fn reason(text: &str) -> Option<Digest> {
    Some(Digest::sha256(text.as_bytes()))
}

fn delete_tag(spec: &str) -> Result<Act, Failure> {
    let (repository, tag) = spec.split_once(':').ok_or("repository:tag")?;
    Ok(Act::DeleteTag { repository: parse::<Repository>(repository)?, tag: parse::<Tag>(tag)? })
}

fn delete(artifact: &Artifact) -> Act {
    Act::DeleteManifest { repository: artifact.repository.clone(), digest: artifact.digest() }
}

/// A collection of these packages.
fn bundle(title: &str, visibility: Visibility, packages: &[&str]) -> Result<Collection, Failure> {
    let item = |name: &&str| Ok::<_, Failure>(CollectionItem { name: parse(name)?, range: None, note: None });
    let items = packages.iter().map(item).collect::<Result<_, _>>()?;
    Ok(Collection { title: Some(title.to_owned()), description: None, visibility, items })
}

fn collect(name: &str, content: Collection) -> Result<Act, Failure> {
    let (bytes, content) = (content.to_bytes(), Some(Arc::new(content)));
    let (document, size) = (Digest::sha256(&bytes), bytes.len() as u64);
    Ok(Act::SetCollection { name: parse(name)?, document, size, content, seen: Seen::Unsaid })
}

/// What an organisation says of itself.
fn titled(title: &str, visibility: Visibility) -> Profile {
    Profile { title: Some(title.to_owned()), visibility, ..Profile::default() }
}

fn say(org: &str, profile: Profile) -> Result<Act, Failure> {
    let (bytes, profile) = (profile.to_bytes(), Arc::new(profile));
    let (document, size) = (Digest::sha256(&bytes), bytes.len() as u64);
    Ok(Act::SetOrg { org: parse(org)?, document, size, profile, seen: Seen::Unsaid })
}

fn own(name: &Name, owners: &[&str]) -> Result<Act, Failure> {
    let owners = owners.iter().map(|owner| parse::<UserName>(owner)).collect::<Result<_, _>>()?;
    Ok(Act::SetOwners { name: name.clone(), owners, seen: None })
}

pub(super) fn versions() -> Result<Story, Failure> {
    let first = labelled("acme/hello@1.0.0", "one")?;
    let mut candidate = labelled("acme/hello@2.0.0-rc.1", "two")?;
    candidate.tags.push("stable".to_owned());
    let second = labelled("acme/hello@2.0.0", "two")?;
    let stable = Artifact { version: None, ..second.clone() }.tags(&["stable"]);
    let notes = Artifact { subject: Some(first.digest()), ..image("acme/hello:notes")? };
    let plain = image("plain:v1")?;
    let other = plain.clone().seed("other");
    let steps = vec![
        Step::one("a package begins", first.accept()?),
        Step::one("a candidate comes, and a tag with it", candidate.accept()?),
        Step::one("a version comes", second.accept()?),
        Step::one("a tag moves", stable.accept()?),
        Step::one("a manifest comes that refers to a version", notes.accept()?),
        Step::one("an image comes", plain.accept()?),
        Step::one("another image takes its tag", other.accept()?),
    ];
    Ok(Story { uploads: vec![first, candidate, second, notes, plain, other], steps })
}

pub(super) fn standing() -> Result<Story, Failure> {
    let (one, two) = (labelled("acme/hello@1.0.0", "one")?, labelled("acme/hello@2.0.0", "two")?);
    let name: Name = parse("acme/hello")?;
    let (first, second): (Version, Version) = (parse("1.0.0")?, parse("2.0.0")?);
    let deprecate =
        |deprecation, area| Act::Deprecate { name: name.clone(), version: second.clone(), deprecation, area };
    let advised = Deprecation { reason: reason("it is old"), replacement: Some(parse("acme/else")?) };
    let warned = Deprecation { reason: reason("it is broken"), replacement: None };
    let yank =
        Act::Yank { name: name.clone(), version: second.clone(), reason: reason("it leaks"), area: Some(Area::Public) };
    let steps = vec![
        Step::all("two versions come", vec![one.accept()?, two.accept()?]),
        Step::one("a version is deprecated", deprecate(advised, Some(Area::Public))),
        Step::one("it is deprecated in other words", deprecate(warned, None)),
        Step::one("that is taken back", Act::Undeprecate { name: name.clone(), version: second.clone() }),
        Step::one("the version that is shown is yanked", yank),
        Step::one("it is shown again", Act::Unyank { name: name.clone(), version: second.clone() }),
        Step::one("an older version is pinned", Act::Pin { name: name.clone(), version: first }),
        Step::one("the pin is taken away", Act::Unpin { name: name.clone() }),
    ];
    Ok(Story { uploads: vec![one, two], steps })
}

pub(super) fn removal() -> Result<Story, Failure> {
    let (one, mut two) = (labelled("acme/hello@1.0.0", "one")?, labelled("acme/hello@2.0.0", "two")?);
    two.tags.push("stable".to_owned());
    let notes = Artifact { subject: Some(two.digest()), ..image("acme/hello:notes")? };
    let name: Name = parse("acme/hello")?;
    let (first, second): (Version, Version) = (parse("1.0.0")?, parse("2.0.0")?);
    let restore = || Act::Restore { name: name.clone(), version: second.clone() };
    let blob = Act::DeleteBlob { repository: notes.repository.clone(), digest: notes.blobs()[0].0 };
    let steps = vec![
        Step::all("two versions and notes come", vec![one.accept()?, two.accept()?, notes.accept()?]),
        Step::one("a tag goes", delete_tag("acme/hello:stable")?),
        Step::one("a version goes with its tag", delete_tag("acme/hello:2.0.0")?),
        Step::one("it comes back", restore()),
        Step::one("a version goes with its manifest", delete(&two)),
        Step::one("it comes back, too", restore()),
        Step::one("another version goes", delete_tag("acme/hello:1.0.0")?),
        Step::one("it is purged", Act::Purge { name: name.clone(), version: first, digest: one.digest() }),
        Step::one("a manifest goes that is no version", delete(&notes)),
        Step::one("a blob goes that it named", blob),
        Step::one("the last version goes", delete(&two)),
        Step::one("the package comes back", restore()),
    ];
    Ok(Story { uploads: vec![one, two, notes], steps })
}

pub(super) fn seen() -> Result<Story, Failure> {
    let born = hidden(labelled("dark/born@1.0.0", "one")?);
    let plain = hidden(image("dark/plain:v1")?);
    let (one, two) = (labelled("dark/open@1.0.0", "one")?, labelled("dark/open@2.0.0", "two")?);
    let area = Area::private(&one.repository);
    let (name, second): (Name, Version) = (parse("dark/open")?, parse("2.0.0")?);
    let deprecation = Deprecation { reason: reason("it is old"), replacement: None };
    let yank =
        Act::Yank { name: name.clone(), version: second.clone(), reason: reason("it leaks"), area: Some(area.clone()) };
    let deprecate = Act::Deprecate { name: name.clone(), version: second, deprecation, area: Some(area) };
    let uploads = vec![born, plain, one, two];
    // More was brought to the other area than there is in any of the packages.
    let mut copied: Vec<Digest> = reason("it leaks").into_iter().chain(reason("it is old")).collect();
    for artifact in &uploads {
        copied.extend([artifact.digest(), artifact.record()]);
        copied.extend(artifact.blobs().into_iter().map(|(digest, _)| digest));
    }
    let see = |name: &str, visibility| {
        Ok::<_, Failure>(Act::SetVisibility { name: parse(name)?, visibility, copied: copied.clone() })
    };
    use Visibility::{Private, Public, Unlisted};
    let steps = vec![
        Step::all("two names are private", vec![see("dark/born", Private)?, see("dark/plain", Private)?]),
        Step::one("a package begins in private", uploads[0].accept()?),
        Step::one("an image comes in private", uploads[1].accept()?),
        Step::all("two versions come in public", vec![uploads[2].accept()?, uploads[3].accept()?]),
        Step::one("the package is public", see("dark/born", Public)?),
        Step::one("the image is public", see("dark/plain", Public)?),
        Step::one("the other package is unlisted", see("dark/open", Unlisted)?),
        Step::one("it is private", see("dark/open", Private)?),
        Step::one("a private version is yanked", yank),
        Step::one("a private version is deprecated", deprecate),
        Step::one("a private version goes", delete_tag("dark/open:1.0.0")?),
        Step::one("its package is public", see("dark/open", Public)?),
        Step::one("it comes back in public", Act::Restore { name, version: parse("1.0.0")? }),
    ];
    Ok(Story { uploads, steps })
}

pub(super) fn groups() -> Result<Story, Failure> {
    use Visibility::{Private, Public, Unlisted};
    let (one, later) = (labelled("club/one@1.0.0", "one")?, labelled("club/later@1.0.0", "two")?);
    let secret = hidden(labelled("club/secret@1.0.0", "three")?);
    let (name, start): (Name, Name) = (parse("club/one")?, parse("club/start")?);
    let (first, second) = (bundle("One", Public, &["club/one"])?, bundle("Two", Unlisted, &["club/later", "a/b"])?);
    let steps = vec![
        Step::one("a package begins", one.accept()?),
        Step::one("it has two owners", own(&name, &["ann", "bob"])?),
        Step::one("it has one owner", own(&name, &["bob"])?),
        Step::one("nobody owns it", own(&name, &[])?),
        Step::one("a collection begins", collect("club/start", first)?),
        Step::one("it says something else", collect("club/start", second)?),
        Step::one("it goes", Act::DeleteCollection { name: start, seen: Seen::Unsaid }),
        Step::one("an organisation begins packages unlisted", say("club", titled("Club", Unlisted))?),
        Step::one("a package begins so", later.accept()?),
        Step::one("it begins them in private", say("club", titled("Club", Private))?),
        Step::one("a package begins in private", secret.accept()?),
        Step::one("it begins them in public again", say("club", titled("The Club", Public))?),
    ];
    Ok(Story { uploads: vec![one, later, secret], steps })
}

pub(super) fn batches() -> Result<Story, Failure> {
    let (other, later) = (labelled("heap/other@1.0.0", "one")?, labelled("heap/later@1.0.0", "two")?);
    let (one, two) = (labelled("heap/hello@1.0.0", "one")?, labelled("heap/hello@2.0.0", "two")?);
    let missing = labelled("heap/missing@1.0.0", "one")?;
    let (name, first, second): (Name, Version, Version) = (parse("heap/hello")?, parse("1.0.0")?, parse("2.0.0")?);
    let unyank = || Act::Unyank { name: name.clone(), version: second.clone() };
    let all = vec![
        other.accept()?,
        one.accept()?,
        two.accept()?,
        Act::Yank { name: name.clone(), version: second.clone(), reason: None, area: None },
        Act::Pin { name: name.clone(), version: first },
        delete_tag("heap/other:1.0.0")?,
        own(&name, &["ann"])?,
        collect("heap/both", bundle("Both", Visibility::Public, &["heap/hello", "heap/other"])?)?,
        say("heap", titled("Heap", Visibility::Public))?,
        Act::SetVisibility { name: name.clone(), visibility: Visibility::Unlisted, copied: Vec::new() },
    ];
    let refused = vec![later.accept()?, unyank(), missing.accept()?];
    let collection = Act::DeleteCollection { name: parse("heap/both")?, seen: Seen::Unsaid };
    let each = vec![later.accept()?, missing.accept()?, unyank(), collection];
    let steps = vec![
        Step::all("all of many changes stand", all),
        Step::some("one is refused, and none stands", refused, Atomicity::All, 0),
        Step::some("one is refused, and each other stands", each, Atomicity::Each, 3),
    ];
    Ok(Story { uploads: vec![other, later, one, two], steps })
}

pub(super) async fn replay() -> Result<Story, Failure> {
    let past = World::over(Arc::new(Memory::new()).meta());
    let versions = [labelled("past/hello@1.0.0", "one")?, labelled("past/hello@2.0.0", "two")?];
    for version in &versions {
        past.push(version).await?;
    }
    past.yank("past/hello@2.0.0", reason("it leaks")).await??;
    past.see("past/hello", Visibility::Unlisted).await??;
    past.delete_manifest(&versions[0].repository, versions[0].digest()).await??;
    past.purge("past/hello@1.0.0").await??;
    past.collect("past/start", &bundle("Start", Visibility::Public, &["past/hello"])?, Seen::Unsaid).await??;
    past.say("past", &titled("Past", Visibility::Public), Seen::Unsaid).await??;
    let mut events =
        past.replays(|digest| versions.iter().find(|version| version.digest() == *digest).cloned()).await?;
    let later = events.split_off(4);
    let steps = vec![
        Step::replay("the first events are applied again", events),
        Step::replay("those after them are, too", later),
    ];
    Ok(Story { uploads: Vec::new(), steps })
}
