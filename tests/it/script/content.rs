//! The named contents of a script, and what `{name.field}` stands for.

use std::collections::BTreeMap;

use pcl_registry::domain::{Algorithm, Digest};
use sha2::{Digest as _, Sha256};

use super::Piece;

/// What names stand for while a script runs.
pub struct Scope {
    /// Makes random contents differ between scripts and runs.
    seed: String,
    contents: BTreeMap<String, Vec<u8>>,
    variables: BTreeMap<String, String>,
}

impl Scope {
    pub fn new(seed: String) -> Self {
        Self { seed, contents: BTreeMap::new(), variables: BTreeMap::new() }
    }

    pub fn set(&mut self, name: &str, value: String) {
        self.variables.insert(name.into(), value);
    }

    /// Makes a content after its recipe.
    pub fn define(&mut self, name: &str, recipe: &str) -> Result<(), String> {
        if self.variables.contains_key(name) {
            return Err(format!("`{name}` is taken"));
        }
        let bytes = self.make(name, recipe)?;
        self.contents.insert(name.into(), bytes);
        Ok(())
    }

    pub fn piece(&self, piece: &Piece) -> Result<Vec<u8>, String> {
        let bytes = self.content(&piece.name)?;
        match piece.range {
            None => Ok(bytes.to_vec()),
            Some((first, last)) => bytes
                .get(first..=last)
                .map(<[u8]>::to_vec)
                .ok_or_else(|| format!("{} has only {} bytes", piece.name, bytes.len())),
        }
    }

    /// Replaces `{name}` and `{name.field}`. Braces around anything else stay, so JSON needs no escapes.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            filled.push_str(&rest[..start]);
            rest = &rest[start..];
            match placeholder(rest) {
                Some(name) => {
                    filled.push_str(&self.value(name)?);
                    rest = &rest[name.len() + 2..];
                }
                None => {
                    filled.push('{');
                    rest = &rest[1..];
                }
            }
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn content(&self, name: &str) -> Result<&[u8], String> {
        self.contents.get(name).map(Vec::as_slice).ok_or_else(|| format!("no content is called `{name}`"))
    }

    fn value(&self, placeholder: &str) -> Result<String, String> {
        let (name, field) = placeholder.split_once('.').unwrap_or((placeholder, ""));
        if let Some(value) = self.variables.get(name) {
            return match field {
                "" => Ok(value.clone()),
                // An upload's location may carry parameters of its own, to which more are added.
                "query" => Ok(format!("{value}{}", if value.contains('?') { '&' } else { '?' })),
                _ => Err(format!("`{name}` has no field `{field}`")),
            };
        }
        let bytes = self.content(name)?;
        match field {
            "digest" => Ok(Digest::sha256(bytes).to_string()),
            "sha512" => Ok(Digest::of(Algorithm::Sha512, bytes).to_string()),
            "hex" => Ok(Digest::sha256(bytes).to_string().replace("sha256:", "")),
            "size" => Ok(bytes.len().to_string()),
            "text" => String::from_utf8(bytes.to_vec()).map_err(|_| format!("`{name}` is no text")),
            "base64" => Ok(base64(bytes)),
            _ => Err(format!("`{name}` has no field `{field}`")),
        }
    }

    fn make(&self, name: &str, recipe: &str) -> Result<Vec<u8>, String> {
        let Some(call) = recipe.strip_prefix('@') else {
            return Ok(self.fill(recipe)?.into_bytes());
        };
        let (verb, arguments) = call.strip_suffix(')').and_then(|call| call.split_once('(')).unwrap_or((call, ""));
        let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
        match (verb, arguments.as_slice()) {
            ("empty", _) => Ok(Vec::new()),
            ("random", [length]) => Ok(random(&format!("{} {name}", self.seed), size(length)?)),
            ("repeat", [text, length]) => Ok(text.bytes().cycle().take(size(length)?).collect()),
            ("bytes", [hexadecimal]) => hex::decode(hexadecimal).map_err(|error| error.to_string()),
            ("join", names) => {
                let parts: Result<Vec<&[u8]>, String> = names.iter().map(|name| self.content(name)).collect();
                Ok(parts?.concat())
            }
            ("pad", [name, length]) => {
                let mut bytes = self.content(name)?.to_vec();
                bytes.resize(size(length)?, b' ');
                Ok(bytes)
            }
            ("image", [config, layers @ ..]) => self.image(config, layers),
            ("targz", entries) => {
                let pairs: Result<Vec<(&str, &[u8])>, String> = entries
                    .iter()
                    .map(|entry| {
                        let (path, name) = entry.split_once('=').ok_or("expected @targz(PATH=NAME, …)")?;
                        Ok((path.trim(), self.content(name.trim())?))
                    })
                    .collect();
                Ok(tar_gz(&pairs?))
            }
            _ => Err(format!("`@{call}` is no recipe")),
        }
    }
}

impl Scope {
    /// An image manifest of a config and layers, for scripts whose subject is something else.
    fn image(&self, config: &str, layers: &[&str]) -> Result<Vec<u8>, String> {
        let descriptor = |name: &str, media_type: &str| {
            let media_type = format!("application/vnd.oci.image.{media_type}");
            let text = "{\"mediaType\":\"TYPE\",\"digest\":\"{NAME.digest}\",\"size\":{NAME.size}}";
            self.fill(&text.replace("TYPE", &media_type).replace("NAME", name))
        };
        let config = descriptor(config, "config.v1+json")?;
        let layers: Result<Vec<String>, String> =
            layers.iter().map(|layer| descriptor(layer, "layer.v1.tar+gzip")).collect();
        let head = "\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"";
        Ok(format!("{{{head},\"config\":{config},\"layers\":[{}]}}", layers?.join(",")).into_bytes())
    }
}

/// The name inside `{name}` or `{name.field}` at the start of `text`.
fn placeholder(text: &str) -> Option<&str> {
    let name = &text[1..text.find('}')?];
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'.';
    (name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(is_name)).then_some(name)
}

/// A sum of sizes: `500`, `4MiB`, `4MiB+1`.
fn size(text: &str) -> Result<usize, String> {
    text.split('+')
        .map(|term| {
            let (digits, unit) = match term.trim() {
                term if term.ends_with("MiB") => (&term[..term.len() - 3], 1024 * 1024),
                term if term.ends_with("KiB") => (&term[..term.len() - 3], 1024),
                term => (term, 1),
            };
            digits.parse::<usize>().map(|count| count * unit).map_err(|_| format!("`{text}` is no size"))
        })
        .sum()
}

/// Bytes that nothing compresses and nobody else has, the same for the same seed.
fn random(seed: &str, length: usize) -> Vec<u8> {
    let block = |index: usize| Sha256::digest(format!("{seed} {index}").as_bytes()).to_vec();
    let mut bytes: Vec<u8> = (0..length.div_ceil(32)).flat_map(block).collect();
    bytes.truncate(length);
    bytes
}

/// A gzip-compressed tar of plain files, whose names are written as they are: `..` and absolute ones too.
pub fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, index| bits << 8 | u32::from(*group.get(index).unwrap_or(&0)));
        for index in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * index)) as usize & 63] as char;
            text.push(if index <= group.len() { letter } else { '=' });
        }
    }
    text
}

#[test]
fn base64_pads_as_the_rfc_shows() {
    for (plain, encoded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(plain.as_bytes()), encoded);
    }
}
