//! What the stub holds: objects with generations, and uploads in parts.

use std::collections::{BTreeMap, HashMap};

use axum::http::HeaderMap;
use bytes::Bytes;

/// An object as it is now.
#[derive(Clone)]
pub struct Object {
    pub bytes: Bytes,
    /// Of its headers those that are kept: type, caching, and the user's own.
    pub headers: HeaderMap,
    /// Of every write another one.
    pub generation: u64,
    pub written: jiff::Timestamp,
}

impl Object {
    pub fn tag(&self) -> String {
        format!("\"{:016x}\"", self.generation)
    }
}

/// An upload in parts that is not finished.
pub struct Upload {
    pub key: String,
    pub headers: HeaderMap,
    pub parts: BTreeMap<u32, (String, Bytes)>,
}

#[derive(Default)]
pub struct Objects {
    pub objects: BTreeMap<String, Object>,
    pub uploads: HashMap<String, Upload>,
    pub conditions_refused: u64,
    last: u64,
}

/// The condition of a write does not hold.
pub struct Refused;

impl Objects {
    pub fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Puts an object. `condition`: the generation that it must have now, 0 for none.
    pub fn put(
        &mut self,
        key: &str,
        bytes: Bytes,
        headers: HeaderMap,
        condition: Option<u64>,
    ) -> Result<&Object, Refused> {
        let now = self.objects.get(key).map_or(0, |object| object.generation);
        if condition.is_some_and(|wanted| wanted != now) {
            self.conditions_refused += 1;
            return Err(Refused);
        }
        let object = Object { bytes, headers, generation: self.next(), written: jiff::Timestamp::now() };
        self.objects.insert(key.to_owned(), object);
        Ok(&self.objects[key])
    }

    /// Joins the parts in the order given; `None` if one of them is not there with its tag.
    pub fn finish(&mut self, id: &str, wanted: &[(u32, String)]) -> Option<&Object> {
        let upload = self.uploads.get(id)?;
        let mut bytes = Vec::new();
        for (number, tag) in wanted {
            let (held, part) = upload.parts.get(number)?;
            if held != tag {
                return None;
            }
            bytes.extend_from_slice(part);
        }
        let upload = self.uploads.remove(id)?;
        self.put(&upload.key, bytes.into(), upload.headers, None).ok()
    }
}
