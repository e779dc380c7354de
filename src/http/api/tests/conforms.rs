//! Whether a JSON value is what a schema of the OpenAPI document says: as much of JSON Schema as the document uses.
//! Stricter in one thing: a member that the schema does not name is an error, so that nothing is answered undocumented.

use serde_json::Value;

/// What is wrong with the value, a line each.
pub fn problems(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { document }.check(schema, value, "$", &mut found);
    found
}

struct Check<'a> {
    document: &'a Value,
}

impl<'a> Check<'a> {
    fn check(&self, schema: &'a Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let schema = self.resolve(schema);
        if let Some(choices) = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array) {
            let fits = |choice: &&Value| self.problems(choice, value, at).is_empty();
            if choices.iter().filter(fits).count() == 0 {
                let why: Vec<_> = choices.iter().flat_map(|choice| self.problems(choice, value, at)).collect();
                found.push(format!("{at}: fits none of the choices: {}", why.join("; ")));
            }
            return;
        }
        if let Some(kinds) = schema.get("type")
            && !kinds
                .as_array()
                .map_or(vec![kinds], |kinds| kinds.iter().collect())
                .contains(&&Value::from(type_of(value)))
            && !(type_of(value) == "integer" && *kinds == "number")
        {
            found.push(format!("{at}: {value} is no {kinds}"));
            return;
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array)
            && !words.contains(value)
        {
            found.push(format!("{at}: {value} is none of {words:?}"));
        }
        match value {
            Value::Object(members) => {
                let (required, known, open) = self.members(schema);
                found.extend(
                    required
                        .iter()
                        .filter(|name| !members.contains_key(**name))
                        .map(|name| format!("{at}: lacks {name}")),
                );
                for (name, member) in members {
                    match known.iter().find(|(known, _)| known == name) {
                        Some((_, schema)) => self.check(schema, member, &format!("{at}.{name}"), found),
                        None if open => {}
                        None => found.push(format!("{at}: {name} is not documented")),
                    }
                }
            }
            Value::Array(items) => {
                let schema = schema.get("items").unwrap_or(&Value::Null);
                for (index, item) in items.iter().enumerate() {
                    self.check(schema, item, &format!("{at}[{index}]"), found);
                }
            }
            _ => {}
        }
    }

    fn problems(&self, schema: &'a Value, value: &Value, at: &str) -> Vec<String> {
        let mut found = Vec::new();
        self.check(schema, value, at, &mut found);
        found
    }

    /// Required members, known members, and whether others may be there, of a schema and of all that it is made of.
    fn members(&self, schema: &'a Value) -> (Vec<&'a str>, Vec<(&'a str, &'a Value)>, bool) {
        let schema = self.resolve(schema);
        let mut required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut known: Vec<_> =
            properties.into_iter().flatten().map(|(name, schema)| (name.as_str(), schema)).collect();
        let parts = schema.get("allOf").and_then(Value::as_array);
        let mut open = properties.is_none() && parts.is_none();
        for part in parts.into_iter().flatten() {
            let (more_required, more_known, more_open) = self.members(part);
            required.extend(more_required);
            known.extend(more_known);
            open |= more_open;
        }
        (required, known, open)
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(target) => self.document.pointer(&target[1..]).expect("references have targets"),
            None => schema,
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let document = serde_json::json!({"components": {"schemas": {
        "Part": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "enum": ["x"]}}},
        "Whole": {"allOf": [{"$ref": "#/components/schemas/Part"}, {"type": "object", "properties": {"b": {"type": ["integer", "null"]}}}]},
    }}});
    let schema = serde_json::json!({"type": "array", "items": {"$ref": "#/components/schemas/Whole"}});
    let check = |value: Value| problems(&document, &schema, &value).join("\n");
    assert_eq!(check(serde_json::json!([{"a": "x", "b": null}, {"a": "x", "b": 1}, {"a": "x"}])), "");
    for (bad, why) in [
        (serde_json::json!([{}]), "lacks a"),
        (serde_json::json!([{"a": "y"}]), "none of"),
        (serde_json::json!([{"a": "x", "b": "1"}]), "is no"),
        (serde_json::json!([{"a": "x", "c": 1}]), "not documented"),
        (serde_json::json!({}), "is no"),
    ] {
        assert!(check(bad.clone()).contains(why), "{bad}: {}", check(bad.clone()));
    }
}
