//! Whether what a pack says of itself fits together. Writer and reader ask the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::part::RESOLVED;
use super::{Member, MemberError, Need, Needs, Pack, Part, PclPackError};
use crate::domain::{Digest, Manifest, Name, Repository, Version};

/// Checks members, their order, what they need, and that the parts are about them.
pub(super) fn check(pack: &Pack) -> Result<(), PclPackError> {
    check_members(pack)?;
    check_needs(pack)?;
    let members: HashSet<Digest> = pack.members.iter().map(|member| member.digest).collect();
    let stray = |part: &&Part| matches!(part, Part::Proof(digest) if !members.contains(digest));
    if let Some(part) = pack.parts.iter().find(stray) {
        return Err(PclPackError::Stray(part.to_string()));
    }
    // Who is told only news must be able to tell that nothing was taken back.
    for (part, other) in [(Part::Since, Part::Consistency), (Part::Consistency, Part::Since)] {
        if pack.parts.contains(&part) && !pack.parts.contains(&other) {
            return Err(PclPackError::Missing(other.to_string()));
        }
    }
    Ok(())
}

/// Each name once, and each referrer behind its subject.
fn check_members(pack: &Pack) -> Result<(), PclPackError> {
    let (mut names, mut before) = (HashSet::new(), HashSet::new());
    for member in &pack.members {
        if !names.insert(member.ref_name()) {
            return Err(PclPackError::Twice(member.ref_name()));
        }
        if let Some(subject) = member.subject.filter(|subject| !before.contains(&(&member.repository, *subject))) {
            let is_later = pack.members.iter().any(|other| other.is_at(&member.repository, subject));
            match (is_later, pack.is_delta()) {
                (true, _) => {
                    let expected = format!("its subject {subject}");
                    return Err(PclPackError::Misplaced { found: member.ref_name(), expected });
                }
                (false, false) => return Err(PclPackError::Missing(format!("{}@{subject}", member.repository))),
                (false, true) => {}
            }
        }
        before.insert((&member.repository, member.digest));
    }
    Ok(())
}

/// What members are said to be about, to be held against what they say themselves.
pub(super) struct Subjects(HashMap<Digest, Vec<Digest>>);

impl Subjects {
    pub fn of(pack: &Pack) -> Self {
        let mut subjects: HashMap<Digest, Vec<Digest>> = HashMap::new();
        for member in &pack.members {
            subjects.entry(member.digest).or_default().extend(member.subject);
        }
        Self(subjects)
    }

    /// Refuses a member whose manifest has another subject. Signatures under a tag have none.
    pub fn check(&self, digest: &Digest, manifest: &Manifest) -> Result<(), PclPackError> {
        let Some(subject) = manifest.subject.as_ref().map(|subject| subject.digest) else { return Ok(()) };
        let said = self.0.get(digest).map(Vec::as_slice).unwrap_or_default();
        if said.iter().all(|said| *said == subject) {
            return Ok(());
        }
        let why = format!("its manifest has the subject {subject}");
        Err(MemberError { member: digest.to_string(), why }.into())
    }
}

impl Member {
    fn is_at(&self, repository: &Repository, digest: Digest) -> bool {
        self.repository == *repository && self.digest == digest
    }
}

fn check_needs(pack: &Pack) -> Result<(), PclPackError> {
    let mut members: BTreeMap<(Name, &Version), (usize, Digest)> = BTreeMap::new();
    for (place, member) in pack.members.iter().enumerate() {
        let Some(release) = member.release() else { continue };
        if members.insert(release, (place, member.digest)).is_some() {
            return Err(PclPackError::Twice(member.ref_name()));
        }
    }
    let wrong =
        |needs: &Needs, why| PclPackError::Resolved { release: format!("{} {}", needs.name, needs.version), why };
    let mut places = Vec::new();
    for needs in &pack.needs {
        let place =
            members.get(&(needs.name.clone(), &needs.version)).ok_or_else(|| wrong(needs, "it is no member"))?;
        places.push(place.0);
        for need in &needs.needs {
            check_need(need, &members, pack.is_delta()).map_err(|why| wrong(needs, why))?;
        }
    }
    let mut of_place: HashMap<usize, usize> = HashMap::new();
    for (at, place) in places.iter().enumerate() {
        if of_place.insert(*place, at).is_some() {
            return Err(wrong(&pack.needs[at], "it is there twice"));
        }
    }
    if let Some(((name, version), _)) = members.iter().find(|(_, (place, _))| !of_place.contains_key(place)) {
        return Err(PclPackError::Missing(format!("{RESOLVED} of {name} {version}")));
    }
    // Groups are in an order that works. So is every other in which no release is before one of an earlier group that it needs.
    let mut group_of = vec![0; places.len()];
    for (number, group) in pack.order().groups.iter().enumerate() {
        group.iter().for_each(|at| group_of[*at] = number);
    }
    for (at, needs) in pack.needs.iter().enumerate() {
        for need in &needs.needs {
            let found = need.found.as_ref().and_then(|found| members.get(&(need.name.clone(), &found.version)));
            let needed = found.and_then(|(place, _)| Some((*place, *of_place.get(place)?)));
            match needed {
                Some((place, needed)) if place > places[at] && group_of[needed] != group_of[at] => {
                    let expected = format!("{:?}, which it needs,", pack.members[place].ref_name());
                    return Err(PclPackError::Misplaced { found: pack.members[places[at]].ref_name(), expected });
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn check_need(
    need: &Need,
    members: &BTreeMap<(Name, &Version), (usize, Digest)>,
    is_delta: bool,
) -> Result<(), &'static str> {
    let Some(found) = &need.found else { return Ok(()) };
    match members.get(&(need.name.clone(), &found.version)) {
        _ if !need.range.contains(&found.version) => Err("what was chosen for a need is outside its range"),
        Some((_, digest)) if *digest != found.digest => {
            Err("what was chosen for a need has another digest in the pack")
        }
        None if !is_delta => Err("what was chosen for a need is not in the pack"),
        _ => Ok(()),
    }
}
