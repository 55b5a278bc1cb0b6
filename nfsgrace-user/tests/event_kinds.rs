//! What is published about the kinds of events is what `record/event.rs` defines.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::PathBuf};

use nfsgrace::record::{FieldAbout, Kind, KindAbout};
use serde_json::Value;

/// Set it to write the files anew.
const UPDATE: &str = "NFSGRACE_UPDATE";

/// Compares what lies between two lines of a file of `docs/` with what it should be.
#[track_caller]
fn must_be(file: &str, after: &str, before: &str, should: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (head, rest) = text.split_once(after).unwrap_or_else(|| panic!("{file} has no {after:?}"));
    let (is, tail) = rest.split_once(before).unwrap_or_else(|| panic!("{file} has no {before:?} after {after:?}"));
    if is == should {
        return;
    }
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, [head, after, should, before, tail].concat()).expect("writable");
        return;
    }
    let test = "cargo test -p nfsgrace-user --test event_kinds";
    panic!("docs/{file} is not what record/event.rs defines: run `{UPDATE}=1 {test}`");
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn property(field: &FieldAbout) -> String {
    let about =
        if field.about.is_empty() { String::new() } else { format!(", \"description\": {}", quoted(&field.about)) };
    format!("        {}: {{{}{about}}}", quoted(field.name), field.schema)
}

fn definition(kind: &KindAbout) -> String {
    let KindAbout { name, about, fields } = kind;
    let fields: Vec<_> = fields.iter().flat_map(|(_, fields)| fields).collect();
    let mut properties = vec![format!("        \"event\": {{\"const\": {}}}", quoted(name))];
    properties.extend(fields.iter().map(|field| property(field)));
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| quoted(field.name)).collect();
    let mut out = format!("    {}: {{\n", quoted(&format!("event_{name}")));
    let _ = writeln!(out, "      \"type\": \"object\",\n      \"description\": {},", quoted(about));
    let _ = writeln!(out, "      \"properties\": {{\n{}\n      }},", properties.join(",\n"));
    let only: Vec<_> = fields
        .iter()
        .filter_map(|field| Some(format!("{}: [{}]", quoted(field.name), quoted(field.only_with?))))
        .collect();
    if !only.is_empty() {
        let _ = writeln!(out, "      \"dependentRequired\": {{{}}},", only.join(", "));
    }
    let _ = write!(out, "      \"required\": [{}]\n    }},\n", required.join(", "));
    out
}

#[test]
fn the_schema_has_each_kind_of_event() {
    let mut should: String = Kind::about().iter().map(definition).collect();
    let kinds = Kind::about();
    let all: Vec<_> =
        kinds.iter().map(|kind| format!("        {{\"$ref\": \"#/$defs/event_{}\"}}", kind.name)).collect();
    let _ =
        write!(should, "    \"event_of_any_kind\": {{\n      \"oneOf\": [\n{}\n      ]\n    }},\n", all.join(",\n"));
    let after =
        "\"description\": \"nanoseconds of the session's clock (CLOCK_BOOTTIME of the recording host)\"\n    },\n";
    must_be("schema/session-1.schema.json", after, "    \"event\": {\n", &should);
}

/// A field or a group of fields; where the words that it may hold come up first, they are listed.
fn cell((name, fields): &(&str, Vec<FieldAbout>), listed: &mut BTreeSet<String>) -> String {
    let [field] = fields.as_slice() else { return format!("*{name}*") };
    let schema: Value = serde_json::from_str(&format!("{{{}}}", field.schema)).expect("JSON");
    let words: Vec<_> = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if words.is_empty() || !listed.insert(field.schema.clone()) {
        return format!("`{}`", field.name);
    }
    format!("`{}` (`{}`)", field.name, words.join("`, `"))
}

#[test]
fn the_documentation_has_a_row_for_each_kind_of_event() {
    let mut listed = BTreeSet::new();
    let mut row = |kind: &KindAbout| {
        let cells: Vec<_> = kind.fields.iter().map(|field| cell(field, &mut listed)).collect();
        format!("| `{}` | {} | {} |\n", kind.name, cells.join(", "), kind.about).replace("|  |", "| |")
    };
    let should: String = Kind::about().iter().map(&mut row).collect();
    must_be("session-format.md", "| `event` | fields | what happened |\n|---|---|---|\n", "\n*state* is", &should);
}

#[test]
fn a_field_that_is_of_no_use_without_another_says_so() {
    let delay = Kind::about().into_iter().find(|kind| kind.name == "delay").expect("there");
    let (_, rpc) = delay.fields.iter().find(|(name, _)| *name == "rpc").expect("there");
    let only: Vec<_> = rpc.iter().map(|field| (field.name, field.required, field.only_with)).collect();
    assert_eq!(
        only,
        [
            ("xid", false, None),
            ("sent", false, Some("xid")),
            ("received", false, Some("xid")),
            ("transmissions", false, Some("xid"))
        ]
    );
}
