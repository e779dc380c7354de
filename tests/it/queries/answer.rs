//! Asking a registry.

use pcl_registry::domain::Actor;
use pcl_registry::meta::Cursor;
use pcl_registry::registry::{Registry, RegistryError};
use serde_json::{Value, json};

use super::question::{Match, Question};

/// What a registry answers, as JSON. Pages come with the cursors between them; a refusal is its message.
pub async fn answer(registry: &Registry, question: &Question) -> Value {
    asked(registry, question).await.unwrap_or_else(|error| json!({ "refused": error.to_string() }))
}

async fn asked(registry: &Registry, question: &Question) -> Result<Value, RegistryError> {
    let actor = &Actor::Operator;
    Ok(match question {
        Question::List { filter, order, limit } => {
            let mut pages = Pages::default();
            while pages.more() {
                let page = registry.packages(actor, filter, *order, pages.after(), *limit).await?;
                pages.push(json!(page.items), page.next);
            }
            pages.json()
        }
        Question::Count(filter) => json!(registry.count(actor, filter).await?),
        Question::Labels { label, limit } => {
            let (mut labels, mut has_more) = (Vec::new(), true);
            while has_more {
                let page = registry.labels(actor, *label, labels.last(), *limit).await?;
                labels.extend(page.0);
                has_more = page.1;
            }
            json!(labels)
        }
        Question::Complete { of, prefix, limit } => json!(registry.complete(actor, of, prefix, *limit)?),
        Question::Related { name, limit } => json!(registry.related(actor, name, *limit).await?),
        Question::Dependents { name, kinds, limit } => {
            let mut pages = Pages::default();
            while pages.more() {
                let page = registry.dependents(actor, name, kinds, pages.after(), *limit).await?;
                pages.push(json!(page.items), page.next);
            }
            pages.json()
        }
        Question::Dependencies { name, kinds, depth } => {
            json!(registry.dependencies(actor, name, None, kinds, *depth).await?)
        }
        Question::Match(Match { required, tags, kinds, limit, is_team }) => {
            json!(registry.with_skills(actor, required, tags.clone(), kinds.clone(), *limit, *is_team).await?)
        }
        Question::Versions(name) => json!(registry.releases(actor, name).await?),
        Question::Resolve { name, range } => json!(registry.resolve(actor, name, range).await?),
    })
}

/// A list that is read to its end.
#[derive(Default)]
struct Pages {
    pages: Vec<Value>,
    cursors: Vec<Cursor>,
    ended: bool,
}

impl Pages {
    fn more(&self) -> bool {
        assert!(self.pages.len() < 1000, "the cursors lead nowhere");
        !self.ended
    }

    fn after(&self) -> Option<&Cursor> {
        self.cursors.last()
    }

    fn push(&mut self, page: Value, next: Option<Cursor>) {
        self.pages.push(page);
        self.ended = next.is_none();
        self.cursors.extend(next);
    }

    fn json(self) -> Value {
        let cursors: Vec<String> = self.cursors.iter().map(Cursor::to_string).collect();
        json!({ "pages": self.pages, "cursors": cursors })
    }
}

/// The rows of an answer, those of all pages one after the other; none if it was refused.
pub fn rows(answer: &Value) -> Vec<&Value> {
    match answer {
        Value::Array(rows) => rows.iter().collect(),
        Value::Object(fields) if fields.contains_key("pages") => fields["pages"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|page| page.as_array().into_iter().flatten())
            .collect(),
        Value::Object(fields) if fields.get("items").is_some_and(Value::is_array) => {
            fields["items"].as_array().into_iter().flatten().collect()
        }
        Value::Object(fields) if fields.contains_key("refused") => Vec::new(),
        Value::Number(number) if number.as_u64() == Some(0) => Vec::new(),
        other => vec![other],
    }
}
