//! A catalogue of any size, the same every time: what each of its packages says of itself, and the events that publish it.
//!
//! Ten versions a package. Tags, skills, authors and organisations are spread as they are among people: a few are on a third of
//! all packages, most on a handful.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use pcl_registry::domain::{
    About, Accepted, Area, Body, CONFIG_SCHEMA, Config, Dependency, DependencyType, Digest, EVENT_FORMAT, Event,
    FileEntry, Kind, Level, Name, Primary, Record, Skill, Timestamp, Version, media_type,
};
use pcl_registry::meta::{ManifestFacts, Replay};
use serde_json::json;
use uuid::Uuid;

/// Versions of each package.
pub const RELEASES: u64 = 10;
/// Packages that are published side by side: all their first versions, then all their second ones.
const BLOCK: u64 = 1000;
/// 2025-01-01T00:00:00Z; an event follows every half minute.
const BEGINNING: i64 = 1_735_689_600_000_000;
const BETWEEN: i64 = 30_000_000;

const ORGS: u64 = 2000;
const TAGS: u64 = 3000;
const SKILLS: u64 = 5000;
const AUTHORS: u64 = 20_000;
const LICENSES: [(&str, u64); 6] =
    [("MIT", 45), ("Apache-2.0", 30), ("BSD-3-Clause", 10), ("CC-BY-4.0", 8), ("MPL-2.0", 6), ("Unlicense", 1)];
const RISKS: [(&str, u64); 4] = [("low", 50), ("medium", 30), ("high", 15), ("critical", 5)];
const KINDS: [(Kind, u64); 7] = [
    (Kind::Skill, 60),
    (Kind::Persona, 20),
    (Kind::Workflow, 8),
    (Kind::Team, 5),
    (Kind::Module, 4),
    (Kind::Function, 2),
    (Kind::Enum, 1),
];
const INDUSTRIES: [&str; 12] = [
    "finance",
    "health",
    "retail",
    "energy",
    "law",
    "media",
    "transport",
    "education",
    "science",
    "public",
    "software",
    "games",
];
const WORDS: [&str; 24] = [
    "review",
    "plan",
    "write",
    "test",
    "deploy",
    "explain",
    "translate",
    "audit",
    "sketch",
    "measure",
    "search",
    "design",
    "report",
    "clean",
    "sort",
    "teach",
    "draft",
    "check",
    "model",
    "guard",
    "trace",
    "index",
    "merge",
    "render",
];

/// Numbers that follow from a seed: SplitMix64 of Steele, Lea and Flood.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A rank below the bound, each about as likely as one over it: few are met everywhere, most hardly ever.
    pub fn rank(&mut self, bound: u64) -> u64 {
        let part = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((bound as f64 + 1.0).powf(part) as u64).saturating_sub(1).min(bound - 1)
    }

    fn weighted<T: Copy>(&mut self, choices: &[(T, u64)]) -> T {
        let mut left = self.below(choices.iter().map(|(_, weight)| weight).sum());
        for (choice, weight) in choices {
            if left < *weight {
                return *choice;
            }
            left -= weight;
        }
        choices[0].0
    }
}

/// A version, as the store and the catalogue have it.
pub struct Published {
    pub replay: Replay,
    /// Manifest and record: digest and bytes.
    pub blobs: [(Digest, Bytes); 2],
}

/// The catalogue.
#[derive(Clone, Copy)]
pub struct Population {
    pub packages: u64,
}

impl Population {
    pub fn of_versions(versions: u64) -> Self {
        Self { packages: versions.div_ceil(RELEASES * BLOCK) * BLOCK }
    }

    pub fn versions(self) -> u64 {
        self.packages * RELEASES
    }

    /// When event `n` happened.
    pub fn time(self, n: u64) -> Timestamp {
        Timestamp::from_micros(BEGINNING + BETWEEN * n as i64)
    }

    pub fn name(self, package: u64) -> Name {
        let mut random = Random::new(package << 8);
        let org = random.rank(ORGS);
        let [one, other] = [random.below(24), random.below(24)].map(|at| WORDS[at as usize]);
        format!("org-{org}/{one}-{other}-{package}").parse().expect("a name")
    }

    pub fn version(release: u64) -> Version {
        format!("1.{release}.0").parse().expect("a version")
    }

    pub fn kind(self, package: u64) -> Kind {
        Random::new(package << 8 | 1).weighted(&KINDS)
    }

    pub fn about(self, package: u64) -> About {
        let mut random = Random::new(package << 8 | 2);
        let mut several = |most: u64, of: u64| {
            let count = 1 + random.below(most);
            let mut found: Vec<u64> = (0..count).map(|_| random.rank(of)).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        let (tags, skills, authors) = (several(6, TAGS), several(5, SKILLS), several(2, AUTHORS));
        // Every other package needs nothing.
        let needs = if package.is_multiple_of(2) { Vec::new() } else { several(4, self.packages) };
        let words: Vec<&str> = (0..12).map(|_| WORDS[random.below(24) as usize]).collect();
        let levels = [None, Some(Level::Beginner), Some(Level::Intermediate), Some(Level::Expert)];
        let skill = |rank: u64| Skill { name: skill(rank), level: levels[(package + rank) as usize % 4] };
        let need = |needed: u64| Dependency {
            name: self.name(needed).to_string(),
            kind: DependencyType::Requires,
            range: Some("^1.0.0".to_owned()),
        };
        let regions = [["eu", "us"][random.below(2) as usize], ["apac", "latam", "mea"][random.below(3) as usize]];
        let metadata = json!({
            "governance": {
                "risk_classification": random.weighted(&RISKS),
                "reviewed": random.below(4) > 0,
                "owner": { "team": format!("team {}", random.rank(500)), "cost_center": random.below(5000) },
            },
            "industry": INDUSTRIES[random.below(12) as usize],
            "regions": regions,
            "model": { "family": format!("model-{}", random.rank(12)), "context": 1024 << random.below(8) },
            "ticket": format!("T-{package}"),
        });
        About {
            title: Some(format!("{} {} {package}", words[0], words[1])),
            description: Some(format!("Helps people to {}.", words.join(", "))),
            tags: tags.into_iter().map(tag).collect(),
            skills: skills.into_iter().map(skill).collect(),
            dependencies: needs.into_iter().filter(|needed| *needed != package).map(need).collect(),
            license: Some(random.weighted(&LICENSES).to_owned()),
            authors: authors.into_iter().map(|rank| format!("Author {rank}")).collect(),
            metadata: metadata.as_object().cloned().unwrap_or_default(),
            ..About::default()
        }
    }

    /// Event `n`, from 1 on.
    pub fn published(self, n: u64) -> Published {
        let (block, within) = ((n - 1) / (BLOCK * RELEASES), (n - 1) % (BLOCK * RELEASES));
        let (package, release) = (block * BLOCK + within % BLOCK, within / BLOCK);
        let (name, kind, version) = (self.name(package), self.kind(package), Self::version(release));
        let seed = format!("{name} {version}");
        let of = |what: &str| Digest::sha256(format!("{what} of {seed}").as_bytes());
        let config = Config {
            schema: CONFIG_SCHEMA,
            name: name.slug().to_owned(),
            version: version.clone(),
            kind,
            about: self.about(package),
            primary: Primary { file: "SKILL.md".to_owned(), declaration: None },
            source: None,
            tree: of("tree"),
        };
        let path = "SKILL.md".parse().expect("a path");
        let files = vec![FileEntry { path, executable: false, size: 4096, digest: of("file") }];
        let record = Record { text: config.about.description.clone().unwrap_or_default(), config, files };
        let record_bytes = Bytes::from(serde_json::to_vec(&record).expect("JSON"));
        let named = [(of("config"), 900), (of("layer"), 3000)];
        let descriptor = |at: usize, media_type: &str| json!({ "mediaType": media_type, "digest": named[at].0, "size": named[at].1 });
        let manifest = Bytes::from(
            json!({
                "schemaVersion": 2,
                "mediaType": media_type::OCI_MANIFEST,
                "artifactType": media_type::SKILL,
                "config": descriptor(0, media_type::SKILL_CONFIG),
                "layers": [descriptor(1, media_type::SKILL_CONTENT)],
            })
            .to_string(),
        );
        let blobs = [manifest, record_bytes].map(|bytes| (Digest::sha256(&bytes), bytes));
        let accepted = Accepted {
            repository: name.repository(),
            area: Area::Public,
            digest: blobs[0].0,
            media_type: media_type::OCI_MANIFEST.to_owned(),
            size: blobs[0].1.len() as u64,
            tags: vec![version.tag().parse().expect("a tag")],
        };
        let event = Event {
            v: EVENT_FORMAT,
            batch: None,
            hidden: Some(false),
            n,
            id: Uuid::from_u128(u128::from(n)),
            time: self.time(n),
            actor: format!("user:{}", publisher(&name)).parse().expect("an actor"),
            body: Body::Publish { accepted, version, kind, record: blobs[1].0 },
        };
        let facts = ManifestFacts {
            subject: None,
            artifact_type: Some(media_type::SKILL.to_owned()),
            annotations: BTreeMap::new(),
            blobs: named.to_vec(),
        };
        let record = Some((Arc::new(record.config), blobs[1].1.len() as u64));
        Published {
            replay: Replay {
                bytes: event.to_bytes(),
                event,
                facts: Some(facts),
                record,
                collection: None,
                profile: None,
            },
            blobs,
        }
    }

    /// The event that published a version.
    pub fn event_of(self, package: u64, release: u64) -> u64 {
        (package / BLOCK) * BLOCK * RELEASES + release * BLOCK + package % BLOCK + 1
    }
}

/// Who publishes a package, and so owns it.
pub fn publisher(name: &Name) -> String {
    format!("owner-of-{}", name.org())
}

/// The tag of that rank; 0 is on the most packages.
pub fn tag(rank: u64) -> String {
    format!("{}-{rank}", WORDS[rank as usize % 24])
}

/// The skill of that rank; 0 is the one that most have.
pub fn skill(rank: u64) -> String {
    format!("{} {} {rank}", WORDS[rank as usize % 24], WORDS[(rank / 24) as usize % 24])
}
