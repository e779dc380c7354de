//! A registry in memory with three packages, and a way to ask it that holds every answer against the OpenAPI document.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::conforms::problems;
use crate::domain::{About, Actor, CONFIG_SCHEMA, Config, File, Kind, Name, Primary, Reference, Skill, Tree};
use crate::http::{App, Options};
use crate::meta::{Memory, Meta};
use crate::registry::{Builder, Clock, Committing, Limits, Push, Registry};
use crate::search::Index;
use crate::storage::Storage;

/// A registry, and the routes over it.
pub struct World {
    pub registry: Registry,
    pub meta: Meta,
    router: Router,
    document: Value,
}

/// An answer.
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is text")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text")).unwrap_or_default()
    }

    /// The strings at a JSON pointer below each item: `items("/items", "/name")`.
    pub fn each(&self, list: &str, member: &str) -> Vec<String> {
        let json = self.json();
        let items = json.pointer(list).and_then(Value::as_array).expect("there is a list");
        items.iter().map(|item| item.pointer(member).and_then(Value::as_str).unwrap_or("?").to_owned()).collect()
    }
}

/// Bytes that are no text.
pub const LOGO: &[u8] = &[0x89, b'P', 0xff, 0];

impl World {
    /// `acme/review` (a skill in three versions), `acme/planner` (a persona), `other/crew` (a team); searchable.
    pub async fn open() -> Self {
        let world = Self::empty(Options::default()).await;
        for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
            world.publish("acme/review", version, Kind::Skill, &["code", "review"]).await;
        }
        world.publish("acme/planner", "0.1.0", Kind::Persona, &["planning"]).await;
        world.publish("other/crew", "1.0.0", Kind::Team, &["planning", "code"]).await;
        world.registry.settled().await;
        world
    }

    pub async fn empty(options: Options) -> Self {
        Self::limited(options, Limits::default()).await
    }

    pub async fn limited(options: Options, limits: Limits) -> Self {
        let memory = Arc::new(Memory::new());
        let meta = Arc::clone(&memory).meta();
        let builder = Builder {
            storage: Storage::memory(),
            meta: meta.clone(),
            committing: Committing::Store(memory),
            search: Box::pin(async { Index::memory() }),
            limits,
            clock: Clock::System,
        };
        let registry = builder.open().await.expect("a registry in memory opens");
        let router = super::super::router().with_state(App::new(registry.clone(), options, None));
        let document = serde_json::from_str(&super::super::openapi()).expect("the document is JSON");
        Self { registry, meta, router, document }
    }

    /// Publishes a version with two files, as a client would.
    pub async fn publish(&self, name: &str, version: &str, kind: Kind, tags: &[&str]) {
        let name: Name = name.parse().unwrap();
        let text = format!("# {}\n\nVersion {version} reads <b>pull requests</b> with care.\n", name.slug());
        let file = |path: &str, content: &[u8]| File {
            path: path.parse().unwrap(),
            executable: false,
            content: Bytes::copy_from_slice(content),
        };
        let tree = Tree::new(vec![file("SKILL.md", text.as_bytes()), file("assets/logo.png", LOGO)]).unwrap();
        let config = Config {
            schema: CONFIG_SCHEMA,
            name: name.slug().to_owned(),
            version: version.parse().unwrap(),
            kind,
            about: About {
                title: Some(format!("The {}", name.slug())),
                description: Some(format!("A {kind} of {}", name.org())),
                tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
                skills: vec![Skill { name: "Patience".into(), level: Some("expert".parse().unwrap()) }],
                license: Some("MIT".into()),
                ..About::default()
            },
            primary: Primary { file: "SKILL.md".into(), declaration: None },
            source: None,
            tree: tree.digest(),
        };
        let packed = crate::pack::pack(&tree, &config).unwrap();
        let (actor, repository) = (Actor::Operator, name.repository());
        for blob in [&packed.config, &packed.layer] {
            let body = stream::iter([Ok::<_, Infallible>(blob.content.clone())]);
            self.registry.push_blob(&actor, &repository, &blob.digest, body).await.unwrap();
        }
        let reference = Reference::Tag(config.version.tag().parse().unwrap());
        let bytes = packed.manifest.content;
        let media_type = Some(packed.manifest.media_type.as_str());
        let push = Push { repository: &repository, reference, tags: Vec::new(), content_type: media_type, bytes };
        self.registry.push_manifest(&actor, push).await.unwrap();
    }

    pub async fn get(&self, uri: &str) -> Answered {
        self.send(Request::get(uri).body(Body::empty()).unwrap()).await
    }

    pub async fn ask(&self, method: &str, uri: &str, body: impl Into<Body>) -> Answered {
        self.send(Request::builder().method(method).uri(uri).body(body.into()).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answered {
        let (method, path) = (request.method().as_str().to_lowercase(), request.uri().path().to_owned());
        let query = request.uri().query().unwrap_or_default().to_owned();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answered = Answered { status: parts.status.as_u16(), headers: parts.headers, body };
        if answered.status >= 400 {
            assert_eq!(answered.header("content-type"), "application/problem+json", "{method} {path}");
            assert_eq!(answered.json()["status"], answered.status);
        }
        if method != "head" {
            self.check(&method, &path, &query, &answered);
        }
        answered
    }

    /// Documented, with this status, this type and these members; and no parameter that the document does not know.
    fn check(&self, method: &str, path: &str, query: &str, answered: &Answered) {
        let Some(operation) = self.operation(method, path) else {
            assert!(answered.status >= 400, "{method} {path} is answered but not documented");
            return;
        };
        if answered.status < 300 {
            for pair in query.split('&').filter(|pair| !pair.is_empty()) {
                let name = pair.split('=').next().unwrap_or_default();
                assert!(
                    documented(operation, "query").contains(&name.to_owned()),
                    "{method} {path} does not document {name}"
                );
            }
        }
        let responses = &operation["responses"];
        let response = responses.get(answered.status.to_string()).or_else(|| responses.get("default"));
        let response = response.unwrap_or_else(|| panic!("{method} {path} does not document {}", answered.status));
        let Some(content_type) = answered.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap()) else {
            assert!(response.get("content").is_none() && answered.body.is_empty(), "{method} {path}");
            return;
        };
        let media = &response["content"][content_type];
        assert!(media.is_object(), "{method} {path} does not document {content_type}: {response}");
        let documents: Vec<Value> = match content_type {
            "application/json" | "application/problem+json" => vec![answered.json()],
            "application/x-ndjson" => {
                answered.text().lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
            }
            _ => Vec::new(),
        };
        for document in documents {
            let found = problems(&self.document, &media["schema"], &document);
            assert!(found.is_empty(), "{method} {path}: {}\n{document}", found.join("\n"));
        }
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let paths = self.document["paths"].as_object().unwrap();
        let fits = |template: &str| {
            template.split('/').count() == path.split('/').count()
                && template.split('/').zip(path.split('/')).all(|(one, other)| one.starts_with('{') || one == other)
        };
        paths.iter().find(|(template, _)| fits(template)).and_then(|(_, item)| item.get(method))
    }

    /// Every documented operation: method, path with parts filled in, names of its query parameters.
    pub fn operations(&self) -> Vec<(String, String, Vec<String>)> {
        let mut operations = Vec::new();
        for (template, item) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap().iter().filter(|(_, value)| value.is_object()) {
                let path = template
                    .replace("{org}", "acme")
                    .replace("{slug}", "review")
                    .replace("{version}", "1.0.0")
                    .replace("{tag}", "stable")
                    .replace("{id}", "01939b2e-7c4a-7d3e-9f10-0123456789ab");
                operations.push((method.to_uppercase(), path, documented(operation, "query")));
            }
        }
        operations
    }
}

/// Names of the parameters of one place.
fn documented(operation: &Value, place: &str) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters
        .filter(|parameter| parameter["in"] == place)
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect()
}
