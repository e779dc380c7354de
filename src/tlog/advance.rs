//! What a client that remembers a checkpoint believes next: only a log that has grown.

use super::{Checkpoint, Consistency, Hash, ProofError};

/// The log that is offered is not what the remembered one has become.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceError {
    /// Another log.
    #[error("the checkpoint is of the log {offered:?}, and {remembered:?} is remembered")]
    OtherLog {
        /// Origin of the remembered one.
        remembered: String,
        /// Origin of the one that is offered.
        offered: String,
    },
    /// Fewer entries than were seen before.
    #[error("the log has {offered} entries, and had {remembered} before: it was rolled back, or an old copy is served")]
    Rollback {
        /// Entries that were there.
        remembered: u64,
        /// Entries that are offered.
        offered: u64,
    },
    /// The same number of entries and another root, or a proof that does not hold: somebody is shown another log.
    #[error("the log does not extend what was seen of it before, at {remembered} entries: {why}")]
    Fork {
        /// Entries that were there.
        remembered: u64,
        /// What does not hold.
        why: ProofError,
    },
}

/// Whether `offered` is the remembered log, grown or as it was. `proof` is that of [`Consistency`] between the two sizes; it is empty where
/// both are the same or nothing was in the log. Both checkpoints are ones whose signatures were verified.
pub fn advance(remembered: &Checkpoint, offered: &Checkpoint, proof: &[Hash]) -> Result<(), AdvanceError> {
    if remembered.origin() != offered.origin() {
        let (remembered, offered) = (remembered.origin().to_owned(), offered.origin().to_owned());
        return Err(AdvanceError::OtherLog { remembered, offered });
    }
    let (old, new) = (remembered.size(), offered.size());
    if new < old {
        return Err(AdvanceError::Rollback { remembered: old, offered: new });
    }
    Consistency::new(old, new)
        .and_then(|plan| plan.verify(remembered.root(), proof, offered.root()))
        .map_err(|why| AdvanceError::Fork { remembered: old, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(origin: &str, size: u64, root: Hash) -> Checkpoint {
        Checkpoint::new(&origin.parse().unwrap(), size, root)
    }

    #[test]
    fn a_log_may_only_grow() {
        let (a, b) = (Hash::leaf(b"a"), Hash::leaf(b"b"));
        let one = checkpoint("log", 1, a);
        let two = checkpoint("log", 2, Hash::node(a, b));
        assert_eq!(advance(&one, &two, &[b]), Ok(()));
        assert_eq!(advance(&one, &one, &[]), Ok(()));
        assert_eq!(advance(&checkpoint("log", 0, Hash::EMPTY_TREE), &two, &[]), Ok(()));
        assert_eq!(advance(&two, &one, &[]), Err(AdvanceError::Rollback { remembered: 2, offered: 1 }));
        assert!(matches!(advance(&one, &checkpoint("other", 2, two.root()), &[b]), Err(AdvanceError::OtherLog { .. })));
        for (offered, proof) in [
            (checkpoint("log", 1, b), vec![]),
            (two.clone(), vec![a]),
            (two, vec![]),
            (checkpoint("log", 2, b), vec![b]),
        ] {
            assert!(matches!(advance(&one, &offered, &proof), Err(AdvanceError::Fork { .. })), "{offered:?}");
        }
    }
}
