//! The reference as JSON Schema, for editors.

use serde_json::{Map, Value, json};

use super::kind::Registry;
use super::schema::{Need, Schema, SchemaKey};
use super::section::Section;

impl Registry {
    /// A JSON Schema (draft 2020-12) of the whole configuration; `settings` is what
    /// [`Document::read`](super::Document::read) gets.
    pub fn json_schema<T>(&self, settings: impl FnOnce(&mut Section<'_>) -> T) -> Value {
        let mut root = Schema::top(self, settings).to_json();
        root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        for kind in self.resources() {
            let mut schema = kind.schema().to_json();
            schema.insert("description".into(), json!(kind.summary));
            let named =
                json!({ "type": "object", "description": kind.summary, "additionalProperties": schema });
            property(&mut root, kind.name, named);
        }
        let services: Vec<_> = self
            .kinds()
            .map(|kind| {
                let mut schema = kind.schema().to_json();
                schema.insert("description".into(), json!(kind.summary));
                property(&mut schema, "kind", json!({ "const": kind.name, "description": kind.summary }));
                schema
            })
            .collect();
        if !services.is_empty() {
            property(&mut root, "service", json!({ "type": "array", "items": { "oneOf": services } }));
        }
        Value::Object(root)
    }
}

impl Schema {
    /// The section as a schema of an object.
    fn to_json(&self) -> Map<String, Value> {
        let mut object = object();
        for key in &self.keys {
            let path: Vec<_> = key.path.split('.').collect();
            insert(&mut object, &path, key);
        }
        object
    }
}

fn object() -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("type".into(), json!("object"));
    object.insert("additionalProperties".into(), json!(false));
    object.insert("properties".into(), json!({}));
    object
}

fn property(object: &mut Map<String, Value>, name: &str, schema: Value) {
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.insert(name.to_owned(), schema);
    }
}

/// Puts a key where its path says; the tables on the way stand there already, as they are read before what is in them.
fn insert(object: &mut Map<String, Value>, path: &[&str], key: &SchemaKey) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        property(object, first, describe(key));
        if key.need == Need::Required
            && let Value::Array(required) = object.entry("required").or_insert_with(|| json!([]))
        {
            required.push(json!(first));
        }
        return;
    }
    let name = first.trim_end_matches("[]");
    let below = if name == "NAME" {
        if !object.get("additionalProperties").is_some_and(Value::is_object) {
            object.insert("additionalProperties".into(), Value::Object(self::object()));
        }
        object.get_mut("additionalProperties")
    } else {
        object.get_mut("properties").and_then(|p| p.get_mut(name))
    };
    let below = match below {
        Some(array) if first.ends_with("[]") => array.get_mut("items"),
        other => other,
    };
    if let Some(Value::Object(below)) = below {
        insert(below, rest, key);
    }
}

fn describe(key: &SchemaKey) -> Value {
    let mut schema = type_of(&key.kind);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".into(), json!(key.doc));
        if !key.words.is_empty() {
            schema.insert("enum".into(), json!(key.words));
        }
        if let Need::Default(default) = &key.need
            && let Some(default) = as_json(default)
        {
            schema.insert("default".into(), default);
        }
    }
    schema
}

/// A TOML literal as JSON.
fn as_json(literal: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("x = {literal}")).ok()?;
    serde_json::to_value(table.get("x")?).ok()
}

fn type_of(kind: &str) -> Value {
    if let Some(element) = kind.strip_prefix("list of ") {
        let element = type_of(element);
        return json!({ "anyOf": [element, { "type": "array", "items": element }] });
    }
    if let Some(element) = kind.strip_prefix("table of ") {
        return json!({ "type": "object", "additionalProperties": type_of(element) });
    }
    match kind {
        "boolean" | "integer" | "number" => json!({ "type": kind }),
        "duration" => json!({ "type": "string", "pattern": "^ *([0-9]+ *(ms|s|m|h|d|w) *)+$" }),
        "size" => json!({ "type": ["integer", "string"] }),
        "secret" => json!({ "anyOf": [
            { "type": "string" },
            { "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
              "properties": { "file": { "type": "string" }, "env": { "type": "string" },
                              "credential": { "type": "string" } } },
        ] }),
        "table" => Value::Object(object()),
        "boolean or table" => {
            let mut table = object();
            table.insert("type".into(), json!(["boolean", "object"]));
            Value::Object(table)
        }
        "array of tables" => json!({ "type": "array", "items": object() }),
        _ => json!({ "type": "string" }),
    }
}
