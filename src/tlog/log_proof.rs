//! Proofs that are verified without a network (C2SP tlog-proof): an entry's place, its inclusion proof, and the checkpoint.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::decimal::decimal;
use super::{
    CheckpointError, Hash, Inclusion, NOTE_MAX, Note, NoteError, NoteVerifier, PROOF_MAX, ProofError, SignedCheckpoint,
};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The longest extra data that is read, in bytes.
pub const LOG_PROOF_EXTRA_MAX: usize = 4096;

/// The longest proof that is read, in bytes: checkpoint, hashes, extra data, and room for the rest.
pub const LOG_PROOF_MAX: usize = NOTE_MAX + 45 * PROOF_MAX + LOG_PROOF_EXTRA_MAX / 3 * 4 + 256;

/// That an entry is in a log, as a text of its own. Nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Data for whoever reads it. It is signed by nobody.
    pub extra: Option<Vec<u8>>,
    /// The entry's place, from 0.
    pub index: u64,
    /// The inclusion proof.
    pub hashes: Vec<Hash>,
    /// The checkpoint of the tree that the proof is for.
    pub checkpoint: Note,
}

/// The proof cannot be read, or does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// Longer than is read.
    #[error("a proof of {0} bytes is refused: at most {LOG_PROOF_MAX} are read")]
    TooLong(usize),
    /// A line is not what must stand there.
    #[error("line {0} of the proof is not of the form {HEADER}")]
    Line(usize),
    /// More extra data than is read.
    #[error("a proof with {0} bytes of extra data is refused: at most {LOG_PROOF_EXTRA_MAX} are read")]
    Extra(usize),
    /// More hashes than any proof has.
    #[error("a proof with more than {PROOF_MAX} hashes is refused")]
    TooMany,
    /// The checkpoint is no note.
    #[error("the checkpoint of the proof cannot be read: {0}")]
    Note(#[from] NoteError),
    /// The checkpoint is not the log's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the tree.
    #[error("the entry is not in the log: {0}")]
    Proof(#[from] ProofError),
}

impl LogProof {
    /// Reads a proof.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogProofError> {
        if bytes.len() > LOG_PROOF_MAX {
            return Err(LogProofError::TooLong(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NoteError::NotText)?;
        let mut lines = Lines { rest: text, number: 0 };
        let header = lines.next()?;
        if header != HEADER {
            return Err(LogProofError::Line(lines.number));
        }
        let mut line = lines.next()?;
        let mut extra = None;
        if let Some(base64) = line.strip_prefix("extra ") {
            let bytes = STANDARD.decode(base64).map_err(|_| LogProofError::Line(lines.number))?;
            if bytes.len() > LOG_PROOF_EXTRA_MAX {
                return Err(LogProofError::Extra(bytes.len()));
            }
            extra = Some(bytes);
            line = lines.next()?;
        }
        let index = line.strip_prefix("index ").and_then(decimal).ok_or(LogProofError::Line(lines.number))?;
        let mut hashes = Vec::new();
        loop {
            match lines.next()? {
                "" => break,
                _ if hashes.len() == PROOF_MAX => return Err(LogProofError::TooMany),
                hash => hashes.push(hash.parse().map_err(|_| LogProofError::Line(lines.number))?),
            }
        }
        Ok(Self { extra, index, hashes, checkpoint: Note::parse(lines.rest.as_bytes())? })
    }

    /// Whether an entry with this leaf hash ([`Hash::leaf`]) is at [`LogProof::index`] in the log. Answers the checkpoint, opened as
    /// [`SignedCheckpoint::open`] does.
    pub fn verify(
        &self,
        leaf: Hash,
        log: &NoteVerifier,
        witnesses: &[NoteVerifier],
    ) -> Result<SignedCheckpoint, LogProofError> {
        let signed = SignedCheckpoint::check(self.checkpoint.clone(), log, witnesses)?;
        let (size, root) = (signed.checkpoint().size(), signed.checkpoint().root());
        Inclusion::new(self.index, size)?.verify(leaf, &self.hashes, root)?;
        Ok(signed)
    }
}

/// Lines of a text, each with its line end, one after the other.
struct Lines<'a> {
    rest: &'a str,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, LogProofError> {
        self.number += 1;
        let (line, rest) = self.rest.split_once('\n').ok_or(LogProofError::Line(self.number))?;
        self.rest = rest;
        Ok(line)
    }
}

/// The text that [`LogProof::parse`] reads.
impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::NoteSigner;

    fn log() -> NoteSigner {
        NoteSigner::from_seed("registry.example/log".parse().unwrap(), &[1; 32])
    }

    /// That `b` is the second of three entries.
    fn proof(extra: Option<&[u8]>) -> LogProof {
        let [a, b, c] = [b"a", b"b", b"c"].map(|entry| Hash::leaf(entry));
        let root = Hash::node(Hash::node(a, b), c);
        let checkpoint = SignedCheckpoint::sign(3, root, &log()).unwrap().note().clone();
        LogProof { extra: extra.map(<[u8]>::to_vec), index: 1, hashes: vec![a, c], checkpoint }
    }

    #[test]
    fn a_proof_is_verified_from_its_text_alone() {
        for extra in [None, Some(&b"more"[..]), Some(b"")] {
            let text = proof(extra).to_string();
            let read = LogProof::parse(text.as_bytes()).unwrap();
            assert_eq!((&read, read.to_string()), (&proof(extra), text));
            let signed = read.verify(Hash::leaf(b"b"), log().verifier(), &[]).unwrap();
            assert_eq!(signed.checkpoint().size(), 3);
        }
    }

    #[test]
    fn another_entry_place_or_checkpoint_is_refused() {
        let (good, log) = (proof(None), log());
        let differs =
            |proof: &LogProof, entry: &[u8]| proof.verify(Hash::leaf(entry), log.verifier(), &[]).unwrap_err();
        assert!(matches!(differs(&good, b"a"), LogProofError::Proof(ProofError::Root { .. })));
        for (index, hashes) in [(0, good.hashes.clone()), (2, vec![]), (3, good.hashes.clone()), (1, vec![])] {
            assert!(matches!(differs(&LogProof { index, hashes, ..good.clone() }, b"b"), LogProofError::Proof(_)));
        }
        let text = good.to_string().replace("\n3\n", "\n4\n");
        let other = LogProof::parse(text.as_bytes()).unwrap();
        assert!(matches!(differs(&other, b"b"), LogProofError::Checkpoint(CheckpointError::Note(NoteError::Bad(_)))));
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let good = proof(Some(b"more")).to_string();
        for (wrong, line) in [
            (String::new(), 1),
            (good.replace("@v1", "@v2"), 1),
            (good.replace("extra ", "extra"), 2),
            (good.replace("extra bW9yZQ==", "extra bW9yZQ"), 2),
            (good.replace("index 1", "index 01"), 3),
            (good.replace("index 1\n", ""), 3),
            (good.replace("index 1\n", "index 1\nx\n"), 4),
            (good[..good.find("\n\n").unwrap()].to_owned(), 5),
        ] {
            assert_eq!(LogProof::parse(wrong.as_bytes()), Err(LogProofError::Line(line)), "{wrong}");
        }
        let hash = Hash::EMPTY_TREE;
        let many = good.replace("index 1\n", &format!("index 1\n{}", format!("{hash}\n").repeat(PROOF_MAX)));
        assert_eq!(LogProof::parse(many.as_bytes()), Err(LogProofError::TooMany));
        let extra = proof(Some(&[0; LOG_PROOF_EXTRA_MAX + 1])).to_string();
        assert_eq!(LogProof::parse(extra.as_bytes()), Err(LogProofError::Extra(LOG_PROOF_EXTRA_MAX + 1)));
        assert!(matches!(LogProof::parse(good.trim_end().as_bytes()), Err(LogProofError::Note(_))));
        assert!(matches!(LogProof::parse(&vec![b'a'; LOG_PROOF_MAX + 1]), Err(LogProofError::TooLong(_))));
    }
}
