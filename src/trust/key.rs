//! Private keys: Ed25519, kept in PKCS#8 PEM, under a passphrase if there is one.
//!
//! `spec/signature.md`, "Keys". Random bits come from the caller. Secrets are wiped when they are dropped and cannot be printed.

use std::fmt;

use ed25519_dalek::Signer as _;
use ed25519_dalek::pkcs8::KeypairBytes;
use pkcs8::der::SecretDocument;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, Parameters, Pbkdf2Params, Salt, ScryptParams};
use pkcs8::{EncodePrivateKey, EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::public::PublicKey;

/// Largest file with a key that is read, in bytes: 64 KiB.
pub const KEY_MAX: usize = 64 << 10;

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
/// scrypt with N = 16,384, r = 8 and p = 1 takes 16 MiB; OpenSSL refuses more than 32 MiB.
const COST: u64 = 1 << 14;
const BLOCK_SIZE: u16 = 8;
/// A file may ask for up to 128 MiB, and as much work as eight times that.
const COST_MAX: u64 = 1 << 17;
const PARALLEL_MAX: u16 = 8;
/// A file may ask for ten million rounds of PBKDF2, some seconds.
const ROUNDS_MAX: u32 = 10_000_000;

/// Why a key cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// More than any key needs.
    #[error("the key has more than {KEY_MAX} bytes")]
    TooLong,
    /// There is no PEM text in it.
    #[error("the key is not PEM\nhint: a key begins with a line like -----BEGIN PRIVATE KEY-----")]
    NotPem,
    /// It is PEM, of something else.
    #[error("the file holds a {found}, not a {expected}")]
    Label {
        /// What was looked for.
        expected: &'static str,
        /// What its first line says.
        found: String,
    },
    /// The bytes do not keep to their format.
    #[error("the key is malformed")]
    Malformed,
    /// An algorithm that is not used here.
    #[error("the key is neither Ed25519 nor ECDSA P-256\nhint: make one with: pclr key generate")]
    Unsupported,
    /// One signature of it fits many messages.
    #[error("the key is weak: it is a point of small order, with which one signature fits many messages")]
    Weak,
    /// It is encrypted, and there is no passphrase.
    #[error("the key is under a passphrase, and none was given")]
    PassphraseNeeded,
    /// It cannot be decrypted with this passphrase, or is damaged.
    #[error("the passphrase is wrong, or the file is damaged")]
    PassphraseWrong,
    /// The file asks for more memory or time than is spent on one.
    #[error("the key's passphrase function asks for more than is spent on one: {0}")]
    TooCostly(String),
}

impl KeyError {
    /// Why a text holds no document.
    pub(super) fn no_document(pem: &str) -> Self {
        if pem.trim_start().starts_with("-----BEGIN ") { Self::Malformed } else { Self::NotPem }
    }
}

/// A private Ed25519 key.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key that is made of 32 random bytes.
    pub fn new(random: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(random))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::Ed25519(Box::new(self.0.verifying_key()))
    }

    /// Its pure Ed25519 signature over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Reads a PEM text of at most [`KEY_MAX`] bytes, PKCS#8. `passphrase` is looked at only if the key is under one.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        if pem.len() > KEY_MAX {
            return Err(KeyError::TooLong);
        }
        let (label, document) = SecretDocument::from_pem(pem.trim()).map_err(|_| KeyError::no_document(pem))?;
        match label {
            PLAIN => read(&document),
            ENCRYPTED => {
                let passphrase = passphrase.ok_or(KeyError::PassphraseNeeded)?;
                let encrypted: EncryptedPrivateKeyInfoRef<'_> =
                    document.decode_msg().map_err(|_| KeyError::Malformed)?;
                check_cost(&encrypted.encryption_algorithm)?;
                read(&encrypted.decrypt(passphrase).map_err(|_| KeyError::PassphraseWrong)?)
            }
            _ => Err(KeyError::Label { expected: PLAIN, found: label.to_owned() }),
        }
    }

    /// Its PEM text, PKCS#8 of version 1 (RFC 5208), which older OpenSSL reads too.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.document()?.to_pem(PLAIN, LineEnding::LF).map_err(|_| KeyError::Malformed)
    }

    /// The same under a passphrase: PBES2 (RFC 8018) with scrypt (RFC 7914) and AES-256-CBC. `random` makes the salt and the
    /// initialisation vector, and must not be used again.
    pub fn to_encrypted_pem(&self, passphrase: &str, random: &[u8; 32]) -> Result<Zeroizing<String>, KeyError> {
        let (salt, iv) = random.split_at(16);
        let salt = Salt::new(salt).map_err(|_| KeyError::Malformed)?;
        let kdf =
            ScryptParams { salt, cost_parameter: COST, block_size: BLOCK_SIZE, parallelization: 1, key_length: None };
        let iv = iv.try_into().map_err(|_| KeyError::Malformed)?;
        let parameters = Parameters { kdf: Kdf::Scrypt(kdf), encryption: Cipher::Aes256Cbc { iv } };
        let document = self.document()?;
        let key: PrivateKeyInfoRef<'_> = document.decode_msg().map_err(|_| KeyError::Malformed)?;
        let encrypted = key.encrypt_with_params(parameters, passphrase).map_err(|_| KeyError::Malformed)?;
        encrypted.to_pem(ENCRYPTED, LineEnding::LF).map_err(|_| KeyError::Malformed)
    }

    fn document(&self) -> Result<SecretDocument, KeyError> {
        // Without the public half: a file that has it is of version 2, which OpenSSL 3.0 does not read.
        let bytes = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        bytes.to_pkcs8_der().map_err(|_| KeyError::Malformed)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, secret)", self.public().id())
    }
}

fn read(document: &SecretDocument) -> Result<SigningKey, KeyError> {
    let info: PrivateKeyInfoRef<'_> = document.decode_msg().map_err(|_| KeyError::Malformed)?;
    if info.algorithm.oid != ed25519_dalek::pkcs8::ALGORITHM_OID {
        return Err(KeyError::Unsupported);
    }
    let bytes = KeypairBytes::try_from(info).map_err(|_| KeyError::Malformed)?;
    ed25519_dalek::SigningKey::try_from(&bytes).map(SigningKey).map_err(|_| KeyError::Malformed)
}

/// A stranger's file must not take the machine's memory or an hour. scrypt's N is a power of two above 1 (RFC 7914, 2).
fn check_cost(scheme: &EncryptionScheme) -> Result<(), KeyError> {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return Err(KeyError::PassphraseWrong) };
    match &parameters.kdf {
        Kdf::Scrypt(ScryptParams { cost_parameter, block_size, parallelization, .. }) => {
            let (n, r, p) = (*cost_parameter, *block_size, *parallelization);
            if n < 2 || !n.is_power_of_two() || r == 0 || p == 0 {
                return Err(KeyError::Malformed);
            }
            if n > COST_MAX || r > BLOCK_SIZE || p > PARALLEL_MAX {
                let asked =
                    format!("scrypt with N {n}, r {r}, p {p}; {COST_MAX}, {BLOCK_SIZE}, {PARALLEL_MAX} at most");
                return Err(KeyError::TooCostly(asked));
            }
            Ok(())
        }
        Kdf::Pbkdf2(Pbkdf2Params { iteration_count, .. }) if *iteration_count > ROUNDS_MAX => {
            Err(KeyError::TooCostly(format!("PBKDF2 with {iteration_count} rounds, {ROUNDS_MAX} at most")))
        }
        Kdf::Pbkdf2(_) => Ok(()),
        _ => Err(KeyError::Unsupported),
    }
}

#[cfg(test)]
mod tests {
    use pkcs8::der::asn1::OctetStringRef;

    use super::*;
    use crate::trust::testing::key;

    /// The key of RFC 8032, 7.1, test 2, as `openssl pkey` writes it.
    const RFC_8032: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n-----END PRIVATE KEY-----\n";
    /// Made by `openssl pkcs8 -topk8 -passout pass:hello`: PBKDF2, as its default is.
    const OPENSSL: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhSTXKeo/dLqQICCAAw\nDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEL1fEM/TJKdFa2WxiBcK/gYEQEwm\ndO8ZtXZiV6lFulWbwKyDDsLS69W6BZhhkdzmgn13MR6diHv6AUJdtPC6ZZCNYqi0\na/UY/WzJZ1xno2sdZwA=\n-----END ENCRYPTED PRIVATE KEY-----\n";

    #[test]
    fn signs_as_the_standard_says() {
        let key = SigningKey::from_pem(RFC_8032, None).unwrap();
        let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(hex::encode(key.sign(b"\x72")), expected);
        assert_eq!(key.to_pem().unwrap().as_str(), RFC_8032);
        let public = hex::encode(key.public().to_der());
        assert!(public.ends_with("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"), "{public}");
    }

    #[test]
    fn a_passphrase_protects_and_opens() {
        let key = key(7);
        let pem = key.to_encrypted_pem("correct horse", &[9; 32]).unwrap();
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
        let again = SigningKey::from_pem(&pem, Some("correct horse")).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(SigningKey::from_pem(&pem, None).unwrap_err(), KeyError::PassphraseNeeded);
        assert_eq!(SigningKey::from_pem(&pem, Some("horse")).unwrap_err(), KeyError::PassphraseWrong);
        // A key that is under none does not mind one.
        assert!(SigningKey::from_pem(&key.to_pem().unwrap(), Some("any")).is_ok());
    }

    #[test]
    fn reads_what_openssl_encrypted() {
        let key = SigningKey::from_pem(OPENSSL, Some("hello")).unwrap();
        assert_eq!(key.to_pem().unwrap().as_str(), RFC_8032);
    }

    #[test]
    fn nothing_prints_a_secret() {
        let key = SigningKey::new(&[0xab; 32]);
        let shown = format!("{key:?}");
        assert!(!shown.contains("abab") && !shown.contains("171, 171"), "{shown}");
        assert!(shown.contains(&key.public().id().to_string()), "{shown}");
    }

    fn scheme(cost_parameter: u64, block_size: u16, parallelization: u16) -> EncryptionScheme {
        let salt = Salt::new([0; 16]).unwrap();
        let kdf = ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None };
        Parameters { kdf: Kdf::Scrypt(kdf), encryption: Cipher::Aes256Cbc { iv: [0; 16] } }.into()
    }

    #[test]
    fn a_file_cannot_ask_for_all_the_memory_or_time() {
        let check = |scheme: EncryptionScheme, expected: &str| {
            let found = check_cost(&scheme).map_err(|error| error.to_string());
            match found {
                Ok(()) => assert_eq!(expected, ""),
                Err(error) => assert!(!expected.is_empty() && error.contains(expected), "{error}"),
            }
        };
        check(scheme(COST, 8, 1), "");
        check(scheme(COST_MAX, 8, 8), "");
        check(scheme(COST_MAX * 2, 8, 1), "131072");
        check(scheme(COST, 9, 1), "r 9");
        check(scheme(COST, 8, 9), "p 9");
        for odd in [0, 1, 3] {
            check(scheme(odd, 8, 1), "malformed");
        }
        check(scheme(COST, 0, 1), "malformed");
        let rounds = |rounds| Parameters {
            kdf: Kdf::Pbkdf2(Pbkdf2Params::hmac_sha256(rounds, &[0; 16]).unwrap()),
            encryption: Cipher::Aes256Cbc { iv: [0; 16] },
        };
        check(rounds(ROUNDS_MAX).into(), "");
        check(rounds(ROUNDS_MAX + 1).into(), "10000000");
        // A whole file with it.
        let encrypted_data = OctetStringRef::new(&[0; 48]).unwrap();
        let file = EncryptedPrivateKeyInfoRef { encryption_algorithm: scheme(1 << 40, 8, 1), encrypted_data };
        let pem = SecretDocument::encode_msg(&file).unwrap().to_pem(ENCRYPTED, LineEnding::LF).unwrap();
        assert!(matches!(SigningKey::from_pem(&pem, Some("x")), Err(KeyError::TooCostly(_))));
    }

    #[test]
    fn refuses_what_is_no_key() {
        let check = |pem: &str, expected: &str| {
            let error = SigningKey::from_pem(pem, Some("x")).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("", "not PEM");
        check(&"x".repeat(KEY_MAX + 1), "65536");
        check(&key(1).public().to_pem(), "holds a PUBLIC KEY");
        check("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "malformed");
        check("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "malformed");
    }
}
