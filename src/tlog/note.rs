//! Signed notes (C2SP signed-note): a text, and who signed it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::cosignature::Cosignature;
use super::key::is_name;
use super::{KeyName, NoteSigner, NoteVerifier, SignatureType};

/// The longest note that is read, in bytes. A checkpoint has 200, and 100 more for each witness.
pub const NOTE_MAX: usize = 64 * 1024;

/// The most signatures of a note that is read. Verifiers must take 16.
pub const SIGNATURES_MAX: usize = 100;

/// A text and its signatures, of which none is verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature, as it is written: `— <name> <base64 of id and signature>`.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: u32,
    signature: Vec<u8>,
}

/// A key that has signed a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which.
    pub verifier: NoteVerifier,
    /// When, in seconds since 1970 in UTC, as the signer says; `None` for signatures that have no time.
    pub time: Option<u64>,
}

/// It is no note, or nobody known has signed it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than is read.
    #[error("a note of {0} bytes is refused: at most {NOTE_MAX} are read")]
    TooLong(usize),
    /// Not UTF-8, or with control characters.
    #[error("a note is text in UTF-8 without control characters other than line ends, and this is not")]
    NotText,
    /// The text does not end with a line end, or there is none.
    #[error("the text of a note ends with a line end")]
    Open,
    /// There is no empty line with signatures behind it.
    #[error("a note ends with an empty line and signatures, and this does not: it may be cut off")]
    NoSignatures,
    /// A line among the signatures is none.
    #[error("line {0} of the note is no signature: expected '— <name> <base64>'")]
    Line(usize),
    /// More signatures than are read.
    #[error("a note with {0} signatures is refused: at most {SIGNATURES_MAX} are read")]
    TooMany(usize),
    /// A key that is known has not made the signature that is said to be its own.
    #[error("the signature of {0} is not good: the text was changed, or the signature was")]
    Bad(KeyName),
    /// Nobody who is known.
    #[error("nobody who is trusted has signed the note")]
    Unknown,
}

impl Note {
    /// A text that nobody has signed yet: lines of UTF-8, each with its line end.
    pub fn new(text: String) -> Result<Self, NoteError> {
        match () {
            () if text.len() > NOTE_MAX => Err(NoteError::TooLong(text.len())),
            () if !is_text(&text) => Err(NoteError::NotText),
            () if !text.ends_with('\n') => Err(NoteError::Open),
            () => Ok(Self { text, signatures: Vec::new() }),
        }
    }

    /// Reads a note with its signatures. None is verified.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_MAX {
            return Err(NoteError::TooLong(bytes.len()));
        }
        // Signed notes MUST be valid UTF-8 and MUST NOT contain ASCII control characters other than newline.
        let note = std::str::from_utf8(bytes).ok().filter(|text| is_text(text)).ok_or(NoteError::NotText)?;
        // The text is separated from the signatures by the last empty line, which it does not include.
        let empty = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (&note[..=empty], &note[empty + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let count = lines.split('\n').count();
        if count > SIGNATURES_MAX {
            return Err(NoteError::TooMany(count));
        }
        let before = text.lines().count() + 2;
        let signature = |(at, line)| NoteSignature::parse(line).ok_or(NoteError::Line(before + at));
        let signatures = lines.split('\n').enumerate().map(signature).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, whoever wrote it. Not to be acted upon.
    pub fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signatures, whoever made them.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Who of these has signed the text, in the order of the signatures.
    ///
    /// A signature of an unknown key is ignored, and a bad one of a known key spoils the note (signed-note, "Signatures").
    pub fn verify(&self, known: &[NoteVerifier]) -> Result<Vec<Verified>, NoteError> {
        let mut verified = Vec::new();
        for signature in &self.signatures {
            let is_its = |key: &&NoteVerifier| signature.is_of(key);
            for verifier in known.iter().filter(is_its) {
                verified.push(signature.verify(verifier, &self.text)?);
            }
        }
        if verified.is_empty() { Err(NoteError::Unknown) } else { Ok(verified) }
    }

    /// Adds the signature of this key.
    pub fn sign(&mut self, signer: &NoteSigner) {
        let signature = signer.sign_bytes(self.text.as_bytes()).to_vec();
        self.add(NoteSignature::new(signer.verifier(), signature));
    }

    /// Adds a signature that was made elsewhere, in the place of an older one of the same key. Whether it is good shows when the note
    /// is verified.
    pub fn add(&mut self, signature: NoteSignature) {
        let of_same_key = |other: &&mut NoteSignature| (&other.name, other.id) == (&signature.name, signature.id);
        match self.signatures.iter_mut().find(of_same_key) {
            Some(older) => *older = signature,
            None => self.signatures.push(signature),
        }
    }
}

/// The note itself: text, an empty line, signatures.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl NoteSignature {
    /// A signature that this key is said to have made.
    pub(super) fn new(verifier: &NoteVerifier, signature: Vec<u8>) -> Self {
        Self { name: verifier.name().as_str().to_owned(), id: verifier.id(), signature }
    }

    /// Reads a line, without its line end: what a witness answers.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, base64) = line.strip_prefix("— ")?.split_once(' ')?;
        if !is_name(name) || line.len() > NOTE_MAX {
            return None;
        }
        let bytes = STANDARD.decode(base64).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;
        if signature.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), signature: signature.to_vec() })
    }

    /// What the key is called that is said to have made it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// With the name, which key that is.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether it is said to be this key's.
    fn is_of(&self, verifier: &NoteVerifier) -> bool {
        verifier.id() == self.id && verifier.name().as_str() == self.name
    }

    /// Whether this key has made it over the text, and when.
    pub(super) fn verify(&self, verifier: &NoteVerifier, text: &str) -> Result<Verified, NoteError> {
        match self.time_if_good(verifier, text) {
            Some(time) if self.is_of(verifier) => Ok(Verified { verifier: verifier.clone(), time }),
            _ => Err(NoteError::Bad(verifier.name().clone())),
        }
    }

    /// When it was made, if its type says so; `None` if the key has not made it.
    fn time_if_good(&self, verifier: &NoteVerifier, text: &str) -> Option<Option<u64>> {
        match verifier.kind() {
            SignatureType::Ed25519 => {
                let signature = self.signature.as_slice().try_into().ok()?;
                verifier.is_signed(text.as_bytes(), signature).then_some(None)
            }
            SignatureType::Cosignature => {
                let cosignature = Cosignature::parse(&self.signature)?;
                cosignature.is_good(verifier, text).then_some(Some(cosignature.time))
            }
        }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id.to_be_bytes()[..], &self.signature].concat();
        write!(f, "— {} {}", self.name, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_text(text: &str) -> bool {
    !text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    // Of the tests of Go's golang.org/x/mod/sumdb/note.
    const SECRET: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str =
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

    fn note() -> String {
        format!("{TEXT}\n{SIGNATURE}\n")
    }

    fn known() -> Vec<NoteVerifier> {
        vec![PUBLIC.parse().unwrap()]
    }

    #[test]
    fn notes_are_signed_and_read_as_other_programs_do() {
        let mut made = Note::new(TEXT.to_owned()).unwrap();
        made.sign(&NoteSigner::from_secret(SECRET).unwrap());
        assert_eq!(made.to_string(), note());
        let read = Note::parse(note().as_bytes()).unwrap();
        assert_eq!((&read, read.unverified_text()), (&made, TEXT));
        assert_eq!(read.verify(&known()), Ok(vec![Verified { verifier: PUBLIC.parse().unwrap(), time: None }]));
    }

    #[test]
    fn another_text_or_signature_of_a_known_key_spoils_the_note() {
        let good = note();
        let other = good.replace("your problem is", "my problem is");
        let flipped = good.replace("x08go/ZJ", "x08go/ZK");
        let short = good.replace(SIGNATURE, "— PeterNeumann x08go/ZJ");
        let beside_a_good_one = format!("{good}— PeterNeumann x08go/ZJ\n");
        for wrong in [other, flipped, short, beside_a_good_one] {
            let error = Note::parse(wrong.as_bytes()).unwrap().verify(&known());
            assert_eq!(error, Err(NoteError::Bad("PeterNeumann".parse().unwrap())), "{wrong}");
        }
    }

    #[test]
    fn signatures_of_strangers_are_ignored() {
        let same_name = "— PeterNeumann AAAAAAAA";
        let same_id = "— NeterPeumann x08go/ZJ";
        let both = format!("{TEXT}\n{same_name}\n{SIGNATURE}\n{same_id}\n");
        assert_eq!(Note::parse(both.as_bytes()).unwrap().verify(&known()).map(|verified| verified.len()), Ok(1));
        for strangers in [format!("{TEXT}\n{same_name}\n"), format!("{TEXT}\n{same_id}\n")] {
            assert_eq!(Note::parse(strangers.as_bytes()).unwrap().verify(&known()), Err(NoteError::Unknown));
        }
        assert_eq!(Note::parse(note().as_bytes()).unwrap().verify(&[]), Err(NoteError::Unknown));
    }

    #[test]
    fn a_text_may_have_empty_lines() {
        let mut made = Note::new("a\n\nb\n\n".to_owned()).unwrap();
        made.sign(&NoteSigner::from_secret(SECRET).unwrap());
        let read = Note::parse(made.to_string().as_bytes()).unwrap();
        assert_eq!((read.unverified_text(), read.verify(&known()).is_ok()), ("a\n\nb\n\n", true));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let good = note();
        for (wrong, error) in [
            (good[..good.len() - 1].to_owned(), NoteError::NoSignatures),
            (TEXT.to_owned(), NoteError::NoSignatures),
            (format!("{TEXT}\n"), NoteError::NoSignatures),
            (String::new(), NoteError::NoSignatures),
            (good.replace('—', "-"), NoteError::Line(4)),
            (format!("{good}— x\n"), NoteError::Line(5)),
            (format!("{good}— x !!!!\n"), NoteError::Line(5)),
            (format!("{good}— x AAAA\n"), NoteError::Line(5)),
            (format!("{good}—  AAAAAAAA\n"), NoteError::Line(5)),
            (format!("{good}— x+y AAAAAAAA\n"), NoteError::Line(5)),
            (format!("{good}— x AAAAAAAA \n"), NoteError::Line(5)),
            (good.replace('\n', "\r\n"), NoteError::NotText),
            (good.replace("you ", "you\t"), NoteError::NotText),
            (format!("{good}{}", "— x AAAAAAAA\n".repeat(100)), NoteError::TooMany(101)),
            (format!("{}{good}", "x".repeat(NOTE_MAX)), NoteError::TooLong(NOTE_MAX + good.len())),
        ] {
            assert_eq!(Note::parse(wrong.as_bytes()), Err(error), "{wrong:.300}");
        }
        assert_eq!(Note::parse(&[0xff]), Err(NoteError::NotText));
        let most = format!("{good}{}", "— x AAAAAAAA\n".repeat(SIGNATURES_MAX - 1));
        assert_eq!(Note::parse(most.as_bytes()).unwrap().verify(&known()).map(|verified| verified.len()), Ok(1));
        assert_eq!(Note::new("a".to_owned()), Err(NoteError::Open));
        assert_eq!(Note::new("a\u{1}\n".to_owned()), Err(NoteError::NotText));
    }
}
