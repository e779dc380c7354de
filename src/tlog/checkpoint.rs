//! Checkpoints (C2SP tlog-checkpoint): how large a log is and what its root is, signed by the log and by those who watch it.

use std::fmt;

use super::decimal::decimal;
use super::{Hash, KeyName, Note, NoteError, NoteSignature, NoteSigner, NoteVerifier, SignatureType, Verified};

/// The largest log. Leaves room for sums, and other programs count in 63 bits.
const SIZE_MAX: u64 = i64::MAX as u64;

/// The head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// A checkpoint that the log has signed: every signature of a key that was known when it was opened is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
    verified: Vec<Verified>,
}

/// It is no checkpoint, or not this log's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no note, or a signature is bad.
    #[error("the checkpoint cannot be used: {0}")]
    Note(#[from] NoteError),
    /// The text has another form.
    #[error("the text is no checkpoint: expected an origin, a size and a root, each on its line, and no empty line")]
    Form,
    /// It is of another log.
    #[error("the checkpoint is of the log {found:?}, not of {expected}")]
    Origin {
        /// The log that was asked for.
        expected: KeyName,
        /// What the checkpoint says.
        found: String,
    },
    /// The log itself has not signed it, whoever else has.
    #[error("the log {0} has not signed the checkpoint")]
    NotOfLog(KeyName),
}

impl Checkpoint {
    /// The head of the log whose key is called `origin`.
    pub fn new(origin: &KeyName, size: u64, root: Hash) -> Self {
        Self { origin: origin.as_str().to_owned(), size, root, extensions: Vec::new() }
    }

    /// Reads the text of a note as a checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        // At least three lines, none empty, each with its line end.
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Form);
        let (origin, size, root) = (line()?.to_owned(), line()?, line()?);
        let size = decimal(size).filter(|size| *size <= SIZE_MAX).ok_or(CheckpointError::Form)?;
        let root = root.parse().map_err(|_| CheckpointError::Form)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Form);
        }
        Ok(Self { origin, size, root, extensions })
    }

    /// Which log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of its tree.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Further lines, which mean nothing here.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

/// The text of the note.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignedCheckpoint {
    /// Signs the head of a log. The log must not sign two of which one does not extend the other, which its caller makes sure of.
    pub fn sign(size: u64, root: Hash, log: &NoteSigner) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::new(log.verifier().name(), size, root);
        let mut note = Note::new(checkpoint.to_string())?;
        note.sign(log);
        Self::check(note, log.verifier(), &[])
    }

    /// Opens the checkpoint of the log with this key. The origin is the key's name.
    ///
    /// Signatures of `witnesses`, and cosignatures of the log's own key, are verified too; none is required.
    pub fn open(bytes: &[u8], log: &NoteVerifier, witnesses: &[NoteVerifier]) -> Result<Self, CheckpointError> {
        Self::check(Note::parse(bytes)?, log, witnesses)
    }

    /// Opens what was read already.
    pub(super) fn check(note: Note, log: &NoteVerifier, witnesses: &[NoteVerifier]) -> Result<Self, CheckpointError> {
        let log = log.with_kind(SignatureType::Ed25519);
        let mut known = vec![log.with_kind(SignatureType::Cosignature), log.clone()];
        known.extend(witnesses.iter().filter(|witness| witness.kind() == SignatureType::Cosignature).cloned());
        let verified = note.verify(&known)?;
        if !verified.iter().any(|signed| signed.verifier == log) {
            return Err(CheckpointError::NotOfLog(log.name().clone()));
        }
        let checkpoint = Checkpoint::parse(note.unverified_text())?;
        if checkpoint.origin != log.name().as_str() {
            return Err(CheckpointError::Origin { expected: log.name().clone(), found: checkpoint.origin });
        }
        Ok(Self { note, checkpoint, verified })
    }

    /// What was signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The bytes, with all signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Who of those who were known has signed it. The log is among them.
    pub fn verified(&self) -> &[Verified] {
        &self.verified
    }

    /// The latest time at which the log, or a witness that was known, says that this is the head of the log: in seconds since 1970 in
    /// UTC. `None` if nobody says a time.
    pub fn seen(&self) -> Option<u64> {
        self.verified.iter().filter_map(|signed| signed.time).max()
    }

    /// Adds what a witness has answered, or the log's own time, in the place of an older one. One that is not good is refused: it
    /// would spoil the checkpoint for all who know the key.
    pub fn add(&mut self, cosignature: NoteSignature, signer: &NoteVerifier) -> Result<(), CheckpointError> {
        let verified = cosignature.verify(signer, self.note.unverified_text())?;
        self.verified.retain(|older| older.verifier != *signer);
        self.verified.push(verified);
        self.note.add(cosignature);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::tlog::{Cosigner, NOTE_MAX};

    fn log() -> NoteSigner {
        NoteSigner::from_seed("registry.example/log".parse().unwrap(), &[1; 32])
    }

    fn witness(name: &str) -> Cosigner {
        Cosigner::from_seed(name.parse().unwrap(), &[name.len() as u8; 32])
    }

    fn opened(note: &str, witnesses: &[NoteVerifier]) -> Result<SignedCheckpoint, CheckpointError> {
        SignedCheckpoint::open(note.as_bytes(), log().verifier(), witnesses)
    }

    #[test]
    fn a_signed_checkpoint_is_opened_again() {
        let root = Hash::leaf(b"x");
        let signed = SignedCheckpoint::sign(1, root, &log()).unwrap();
        let note = signed.note().to_string();
        assert!(note.starts_with(&format!("registry.example/log\n1\n{root}\n\n— registry.example/log ")), "{note}");
        assert_eq!(opened(&note, &[]), Ok(signed.clone()));
        assert_eq!((signed.checkpoint().size(), signed.checkpoint().root(), signed.seen()), (1, root, None));
    }

    #[test]
    fn witnesses_are_verified_and_tell_how_fresh_it_is() {
        let mut signed = SignedCheckpoint::sign(1, Hash::leaf(b"x"), &log()).unwrap();
        let (one, other) = (witness("w.example/1"), witness("w.example/other"));
        for (cosigner, time) in [(&one, 1_700_000_000), (&other, 1_800_000_000), (&Cosigner::of_log(&log()), 7)] {
            // The older one of the same key is replaced.
            for time in [time - 1, time] {
                signed.add(cosigner.cosign(&signed, time), cosigner.verifier()).unwrap();
            }
        }
        let note = signed.note().to_string();
        let times = |witnesses: &[NoteVerifier]| {
            let verified = opened(&note, witnesses).unwrap().verified().to_vec();
            verified.into_iter().map(|signed| (signed.verifier.name().to_string(), signed.time)).collect::<Vec<_>>()
        };
        let own = [("registry.example/log".to_owned(), None), ("registry.example/log".to_owned(), Some(7))];
        assert_eq!(times(&[]), own);
        assert_eq!(times(&[one.verifier().clone()])[1], ("w.example/1".to_owned(), Some(1_700_000_000)));
        let both = [one.verifier().clone(), other.verifier().clone()];
        assert_eq!((times(&both).len(), opened(&note, &both).unwrap().seen()), (4, Some(1_800_000_000)));
    }

    #[test]
    fn a_cosignature_is_good_for_its_text_and_time_alone() {
        let signed = SignedCheckpoint::sign(1, Hash::leaf(b"x"), &log()).unwrap();
        let other = SignedCheckpoint::sign(2, Hash::leaf(b"x"), &log()).unwrap();
        let witness = witness("w.example");
        let bad = CheckpointError::Note(NoteError::Bad("w.example".parse().unwrap()));
        // The last byte of the time.
        let mut later = signed_by(&witness, &signed);
        later[7] = 8;
        for wrong in [witness.cosign(&other, 7), NoteSignature::new(witness.verifier(), later)] {
            assert_eq!(signed.clone().add(wrong.clone(), witness.verifier()), Err(bad.clone()));
            let mut note = signed.note().clone();
            note.add(wrong);
            assert_eq!(opened(&note.to_string(), &[witness.verifier().clone()]), Err(bad.clone()));
            assert!(opened(&note.to_string(), &[]).is_ok(), "a stranger's is ignored");
        }
        assert!(signed.clone().add(witness.cosign(&signed, 7), Cosigner::of_log(&log()).verifier()).is_err());
    }

    /// The bytes of a cosignature at second 7: eight of time, and the signature.
    fn signed_by(witness: &Cosigner, signed: &SignedCheckpoint) -> Vec<u8> {
        let line = witness.cosign(signed, 7).to_string();
        let bytes = STANDARD.decode(line.rsplit_once(' ').unwrap().1).unwrap();
        assert_eq!(bytes[4..12], 7u64.to_be_bytes());
        bytes[4..].to_vec()
    }

    #[test]
    fn a_witness_alone_does_not_make_a_checkpoint() {
        let signed = SignedCheckpoint::sign(1, Hash::leaf(b"x"), &log()).unwrap();
        for cosigner in [witness("w.example"), Cosigner::of_log(&log())] {
            let mut note = Note::new(signed.checkpoint().to_string()).unwrap();
            note.add(cosigner.cosign(&signed, 7));
            let error = opened(&note.to_string(), &[cosigner.verifier().clone()]);
            assert_eq!(error, Err(CheckpointError::NotOfLog("registry.example/log".parse().unwrap())));
        }
        let note = signed.note().to_string();
        let other = NoteSigner::from_seed("registry.example/log".parse().unwrap(), &[2; 32]);
        let error = SignedCheckpoint::open(note.as_bytes(), other.verifier(), &[]);
        assert_eq!(error, Err(CheckpointError::Note(NoteError::Unknown)));
    }

    #[test]
    fn the_log_signs_for_its_own_origin_only() {
        let mut note = Note::new(format!("other.example/log\n1\n{}\n", Hash::leaf(b"x"))).unwrap();
        note.sign(&log());
        let error = opened(&note.to_string(), &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the checkpoint is of the log \"other.example/log\", not of registry.example/log"
        );
    }

    #[test]
    fn the_text_of_a_checkpoint_has_one_form() {
        let root = Hash::EMPTY_TREE;
        for text in [format!("a\n0\n{root}\n"), format!("a b+c\n9223372036854775807\n{root}\nx\ny z\n")] {
            assert_eq!(Checkpoint::parse(&text).map(|checkpoint| checkpoint.to_string()), Ok(text));
        }
        for text in [
            String::new(),
            "\n".to_owned(),
            "a\n0\n".to_owned(),
            format!("a\n0\n{root}"),
            format!("\n0\n{root}\n"),
            format!("a\n\n{root}\n"),
            format!("a\n00\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n9223372036854775808\n{root}\n"),
            format!("a\n0\n{root}\n\n"),
            format!("a\n0\n{root}\n\nx\n"),
            format!("a\n0\n{}\n", &root.to_string()[1..]),
            format!("a\n0\n{root} \n"),
        ] {
            assert_eq!(Checkpoint::parse(&text), Err(CheckpointError::Form), "{text:?}");
        }
        let long = vec![b'a'; NOTE_MAX + 1];
        assert_eq!(
            SignedCheckpoint::open(&long, log().verifier(), &[]),
            Err(CheckpointError::Note(NoteError::TooLong(NOTE_MAX + 1)))
        );
    }
}
