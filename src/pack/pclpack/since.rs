//! What a pack of news holds: the members that its reader has not seen.

use std::collections::HashSet;

use super::{Member, Needs};
use crate::domain::Digest;

/// The members whose manifests are not among `known`, and what those of them need. Referrers that are new to what is known stay too.
///
/// A tag that moved to a known manifest is no news to this: who reads the events of the pack learns of it there.
pub fn since(members: &[Member], needs: &[Needs], known: &HashSet<Digest>) -> (Vec<Member>, Vec<Needs>) {
    let news: Vec<Member> = members.iter().filter(|member| !known.contains(&member.digest)).cloned().collect();
    let releases: HashSet<String> =
        news.iter().filter(|member| member.release().is_some()).map(Member::ref_name).collect();
    let is_new = |needs: &&Needs| releases.contains(&format!("{}:{}", needs.name, needs.version.tag()));
    let needs = needs.iter().filter(is_new).cloned().collect();
    (news, needs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::pclpack::tests::{release, signature};

    #[test]
    fn only_what_is_unknown_stays() {
        let (old, new) = (release("acme/old", "1.0.0", b"old"), release("acme/new", "1.0.0+b", b"new"));
        let (signed, later) = (signature(&old, b"first"), signature(&old, b"second"));
        let needs: Vec<Needs> = [&old, &new]
            .map(|member| {
                let (name, version) = member.release().unwrap();
                Needs { name, version: version.clone(), needs: Vec::new() }
            })
            .into();
        let known = HashSet::from([old.digest, signed.digest]);
        let all = [old, signed, later.clone(), new.clone()];
        assert_eq!(since(&all, &needs, &known), (vec![later, new], vec![needs[1].clone()]));
        assert_eq!(since(&all, &needs, &HashSet::new()), (all.to_vec(), needs.clone()));
        assert_eq!(since(&all, &needs, &all.iter().map(|member| member.digest).collect()), (vec![], vec![]));
    }
}
