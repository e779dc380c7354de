//! One small file for each dialect, what is made of it, and what holds for any text.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::domain::{Dependency, Kind};
use crate::pcl::Finding;

use super::{Declaration, PclFile, Span, Value, ValueKind, outline};

const GRAMMAR: &str = include_str!("../../../tests/fixtures/pcl/grammar.pcl");
const PROPERTIES: &str = include_str!("../../../tests/fixtures/pcl/properties.skill.pcl");
const ASSIGNMENT: &str = include_str!("../../../tests/fixtures/pcl/assignment.pcl");
const BLOCKS: &str = include_str!("../../../tests/fixtures/pcl/blocks.pcl");
const BARE: &str = include_str!("../../../tests/fixtures/pcl/bare.pcl");
const SPECIFICATION: &str = include_str!("../../../tests/fixtures/pcl/specification.pcl");

fn findings(path: &str, text: &str) -> Vec<Finding> {
    PclFile::read(path, text.as_bytes()).findings(None)
}

fn items(findings: &[Finding]) -> Vec<(Kind, &str)> {
    let item = |finding: &'_ Finding| finding.source.item.as_deref().unwrap_or_default().to_owned();
    findings.iter().map(|finding| (finding.kind, item(finding).leak() as &str)).collect()
}

fn needs(finding: &Finding) -> Vec<String> {
    let need = |dependency: &Dependency| {
        let kind = serde_json::to_value(dependency.kind).unwrap();
        let range = dependency.range.as_deref().map(|range| format!(" {range}")).unwrap_or_default();
        format!("{} {}{range}", kind.as_str().unwrap(), dependency.name)
    };
    finding.about.dependencies.iter().map(need).collect()
}

fn skills(finding: &Finding) -> Vec<String> {
    let level = |skill: &crate::domain::Skill| skill.level.map(|level| format!("={level}")).unwrap_or_default();
    finding.about.skills.iter().map(|skill| format!("{}{}", skill.name, level(skill))).collect()
}

#[test]
fn the_grammar_gives_all_nine_kinds() {
    let findings = findings("grammar.pcl", GRAMMAR);
    let expected = [
        (Kind::Persona, "LIBRARIAN"),
        (Kind::Team, "FrontDesk"),
        (Kind::Workflow, "LendBook"),
        (Kind::Type, "Id"),
        (Kind::Enum, "Shelf"),
        (Kind::Interface, "Findable"),
        (Kind::Function, "lend"),
        (Kind::Module, "desk::night"),
        (Kind::Persona, "desk::night::Watch"),
    ];
    assert_eq!(items(&findings), expected);
    assert!(findings.iter().all(|finding| finding.about.declares.len() == expected.len()));

    let librarian = &findings[0];
    assert_eq!(librarian.about.description.as_deref(), Some("Keeps the catalogue in order."));
    assert_eq!(librarian.version.as_ref().map(ToString::to_string).as_deref(), Some("1.4.0"));
    assert_eq!(librarian.about.diagnostics.len(), 1, "the version was completed");
    assert_eq!(librarian.about.authors, ["Ann"]);
    assert_eq!(librarian.about.tags, ["books", "library", "quiet-room"]);
    assert_eq!(skills(librarian), ["Cataloguing", "@Foundation.Search", "Opening hours: {9-17}"]);
    let expected = [
        "import @acme/books",
        "import ./config",
        "extends Reader",
        "extends Keeper",
        "requires Patience",
        "skill @Foundation.Search",
    ];
    assert_eq!(needs(librarian), expected, "Findable is local");
    let metadata = json!({"tone": "calm and friendly", "modifiers": ["pub"], "typeParameters": ["T: Shelf"],
        "methods": ["find"], "hooks": ["onActivate"],
        "constraints": ["Never lend a reference work", "loanDays <= 30"]});
    assert_eq!(Json::Object(librarian.about.metadata.clone()), metadata);
    assert_eq!(librarian.about.declares[0].line, 11);

    assert_eq!(needs(&findings[1])[2..], ["member Clerk", "member Guard"]);
    assert_eq!(findings[1].about.metadata["quorum"], "2/3");
    let steps = ["step Greeter", "step Catalogue", "step Stamp", "step Checker", "step HumanClerk"];
    assert_eq!(needs(&findings[2])[2..], steps);
    assert_eq!(findings[2].about.metadata["retry"], json!({"count": 3, "delay": "5s"}));
    assert_eq!(findings[5].about.metadata["fields"], json!({"author": "String"}));
    assert!(findings[5].about.authors.is_empty());
    assert_eq!(needs(&findings[8])[2..], ["import @acme/night"]);
    assert_eq!(findings[8].about.description.as_deref(), Some("Watches at night"));
}

#[test]
fn imports_exports_and_header_parts_are_in_the_outline() {
    let outline = outline(GRAMMAR);
    assert_eq!(outline.imports[0].names, ["Reader", "Author"]);
    assert_eq!(
        outline.exports.iter().map(|export| export.names.join(" ")).collect::<Vec<_>>(),
        ["LIBRARIAN FrontDesk", "LIBRARIAN"]
    );
    let librarian = &outline.declarations[0];
    assert_eq!(librarian.keyword.of(GRAMMAR), "persona");
    assert_eq!(librarian.name_span.of(GRAMMAR), "LIBRARIAN");
    assert!(librarian.span.of(GRAMMAR).starts_with("@since") && librarian.span.of(GRAMMAR).ends_with('}'));
    assert_eq!(librarian.implements, ["Findable"]);
    assert_eq!(
        librarian.decorators.iter().map(|decorator| decorator.name.as_str()).collect::<Vec<_>>(),
        ["since", "author"]
    );
    assert!(outline.problems.is_empty(), "{:?}", outline.problems);
}

#[test]
fn the_property_style() {
    let findings = findings("a/properties.skill.pcl", PROPERTIES);
    let [skill] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(
        (skill.kind, skill.title.as_str(), skill.identifier.as_str()),
        (Kind::Skill, "Bread baking", "BreadBaking")
    );
    assert_eq!(skill.version.as_ref().map(ToString::to_string).as_deref(), Some("2.1.0"));
    let description = "Bakes bread. Braces } and { and # hashes and \"\"\" quotes mean nothing here.";
    assert_eq!(skill.about.description.as_deref(), Some(description));
    assert_eq!(skill.about.tags, ["bread", "yeast"]);
    assert_eq!(
        (skill.about.authors.as_slice(), skill.about.license.as_deref()),
        (&["Ben Baker".to_owned()][..], Some("MIT"))
    );
    assert_eq!(skill.about.capabilities.allowed_tools, ["oven", "scale"]);
    assert_eq!(needs(skill), ["requires acme/flour ^1.2", "requires acme/water ~2.0.0", "extends @kitchen/base"]);
    assert_eq!(Json::Object(skill.about.metadata.clone()), json!({"complexity": "beginner"}));
}

#[test]
fn the_assignment_style() {
    let findings = findings("assignment.pcl", ASSIGNMENT);
    assert_eq!(items(&findings), [(Kind::Persona, "Gardener"), (Kind::Team, "Garden")]);
    let gardener = &findings[0];
    assert_eq!(gardener.about.description.as_deref(), Some("Looks after plants"));
    assert_eq!(gardener.about.metadata["maxTokens"], 4096);
    assert_eq!(gardener.about.capabilities.model.as_deref(), Some("small-1"));
    assert_eq!(gardener.about.license.as_deref(), Some("CC0-1.0"));
    assert_eq!(needs(&findings[1]), ["member Beekeeper"]);
    assert_eq!(Json::Object(findings[1].about.metadata.clone()), json!({"quorum": 2, "merge": "Consensus"}));
}

#[test]
fn the_block_style_with_front_matter() {
    let findings = findings("blocks.pcl", BLOCKS);
    let [persona] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!((persona.title.as_str(), persona.identifier.as_str()), ("Night Pharmacist", "NightPharmacist"));
    assert_eq!(persona.about.description.as_deref(), Some("Answers questions at night"));
    assert_eq!(persona.version.as_ref().map(ToString::to_string).as_deref(), Some("1.0.0"));
    assert_eq!(persona.about.authors, ["Cleo"]);
    let expected = ["stdlib/health/dosage-expert", "First aid", "Dosage=expert", "Chemistry=intermediate"];
    assert_eq!(skills(persona), expected);
    assert_eq!(needs(persona), ["skill stdlib/health/dosage-expert"]);
    assert_eq!(persona.about.capabilities.allowed_tools, ["Read", "Bash(pill:*, dose:*)"]);
    let metadata = &persona.about.metadata;
    assert_eq!(metadata["governance"], json!({"risk": "high", "review": {"required": true, "by": ["Ann", "Ben"]}}));
    assert_eq!(metadata["duties"], json!(["Don't guess", "Ask twice"]));
    assert_eq!(metadata["created"], "2026-01-20");
    assert!(!metadata.contains_key("capabilities"));
    assert!(persona.about.diagnostics.is_empty(), "{:?}", persona.about.diagnostics);
    assert_eq!(persona.about.declares[0].line, 11);
}

#[test]
fn the_bare_style() {
    let findings = findings("bare.pcl", BARE);
    let [coach] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(coach.about.description.as_deref(), Some("Trains people"));
    assert_eq!(coach.version.as_ref().map(ToString::to_string).as_deref(), Some("3.0.1"));
    assert_eq!(coach.about.metadata["tone"], "encouraging");
    assert_eq!(skills(coach), ["Running", "CI/CD"]);
    assert!(needs(coach).is_empty());
}

#[test]
fn the_specification_style() {
    let findings = findings("specification.pcl", SPECIFICATION);
    assert_eq!(items(&findings), [(Kind::Persona, "SEC"), (Kind::Team, "BOARD")]);
    assert_eq!(skills(&findings[0]), ["SYSTEM_DESIGN", "REVIEW"]);
    let messages: Vec<&str> = findings[0].about.diagnostics.iter().map(|note| note.message.as_str()).collect();
    assert!(messages[0].contains("policy") && messages[1].contains("1.0"), "{messages:?}");
    assert_eq!(needs(&findings[1]), ["import ./people.pcl", "import https://example.org/more.pcl", "member LAW"]);
    assert_eq!(outline(SPECIFICATION).exports[0].names, ["SEC", "BOARD"]);
}

#[test]
fn what_cannot_be_read_is_kept_with_a_diagnostic() {
    for (text, title) in [
        ("just prose, with persona in it", "x"),
        ("", "x"),
        ("persona Half {\n  intent: \"ope", "Half"),
        ("persona Later\n", "Later"),
        ("/* never closed", "x"),
        ("---\nname: [\n---\npersona A { intent: \"i\" }", "A"),
    ] {
        let findings = findings("dir/x.pcl", text);
        assert_eq!((findings.len(), findings[0].title.as_str()), (1, title), "{text:?}");
        assert!(!findings[0].about.diagnostics.is_empty(), "{text:?}");
    }
    let findings = PclFile::read("x.pcl", b"persona A { intent: \"\xff\" }").findings(None);
    assert_eq!((findings[0].title.as_str(), findings[0].about.diagnostics.len()), ("A", 1));
}

#[test]
fn one_of_several_declarations_is_chosen() {
    let file = PclFile::read("grammar.pcl", GRAMMAR.as_bytes());
    let check = |declaration, hint, expected: &str| {
        assert_eq!(file.choose(declaration, hint).primary.declaration.as_deref(), Some(expected));
    };
    check(None, None, "LIBRARIAN");
    check(None, Some(Kind::Workflow), "LendBook");
    check(Some("FrontDesk"), None, "FrontDesk");
    check(Some("Watch"), None, "desk::night::Watch");
    check(Some("desk::night::Watch"), None, "desk::night::Watch");
    check(Some("Nobody"), Some(Kind::Team), "FrontDesk");
    let notes = file.choose(Some("Nobody"), None).about.diagnostics;
    assert!(notes.iter().any(|note| note.message.contains("Nobody")), "{notes:?}");
}

#[test]
fn same_names_are_told_apart() {
    let findings = findings("x.pcl", "persona A { }\nskill A { }\npersona A { }");
    assert_eq!(items(&findings), [(Kind::Persona, "A"), (Kind::Skill, "A#2"), (Kind::Persona, "A#3")]);
}

/// Inputs that make careless parsers recurse or go back: each is read in well under a second, unoptimised;
/// the bound leaves room for a busy machine.
#[test]
fn hostile_texts_are_read_in_linear_time() {
    let many = 40_000;
    for (name, text) in [
        ("braces", "persona A {".repeat(many)),
        ("lists", format!("persona A {{ a: {}", "[".repeat(many))),
        ("closers", "}".repeat(many)),
        ("mixed", format!("persona A {{ x: {}", "([{".repeat(many))),
        ("decorators", "@a\n".repeat(many)),
        ("nested decorators", "@a({ ".repeat(many)),
        ("assignments", format!("persona A {{ a: {} }}", "B = ".repeat(many))),
        ("imports", "import ".repeat(many)),
        ("exports", "export ".repeat(many)),
        ("clauses", format!("persona A {}", "extends B ".repeat(many))),
        ("functions", "fn a() ".repeat(many)),
        ("apostrophes", "\\'".repeat(many)),
        ("pairs", "''\"\"".repeat(many)),
        ("templates", "`${".repeat(many)),
        ("comments", "/*".repeat(many)),
        ("lines", "// a\n".repeat(many)),
        ("hashes", " #a".repeat(many)),
        ("angles", format!("type A {} = B", "<".repeat(many))),
        ("modifiers", "pub ".repeat(many)),
        ("arrows", format!("workflow A {{ steps: {} }}", "B -> ".repeat(many))),
        ("requires", format!("persona A requires {}", "(".repeat(many))),
        ("front matter", format!("---\n{}", "a: b\n".repeat(many))),
        ("words", format!("persona A {{ {} }}", "a ".repeat(many))),
        ("declarations", "persona A { intent: \"x\" }\n".repeat(many / 10)),
    ] {
        let start = std::time::Instant::now();
        PclFile::read("x.pcl", text.as_bytes()).choose(None, None);
        assert!(start.elapsed().as_millis() < 3000, "{name}: {:?} for {} bytes", start.elapsed(), text.len());
    }
}

fn check_span(span: Span, text: &str) {
    assert!(span.start <= span.end && text.get(span.start..span.end).is_some(), "{span:?} in {} bytes", text.len());
}

fn check_value(value: &Value, text: &str) {
    check_span(value.span, text);
    match &value.kind {
        ValueKind::List(values) => values.iter().for_each(|value| check_value(value, text)),
        ValueKind::Block(block) => {
            block.items.iter().for_each(|item| check_value(item, text));
            block.properties.iter().for_each(|property| check_value(&property.value, text));
        }
        _ => {}
    }
}

fn check_declaration(declaration: &Declaration, text: &str) {
    for span in [declaration.span, declaration.keyword, declaration.name_span] {
        check_span(span, text);
    }
    assert!(declaration.span.start <= declaration.keyword.start && declaration.name_span.end <= declaration.span.end);
    for property in &declaration.body.properties {
        check_span(property.key_span, text);
        check_value(&property.value, text);
    }
    declaration.body.items.iter().for_each(|item| check_value(item, text));
    declaration.nested.iter().for_each(|nested| check_declaration(nested, text));
}

/// Pieces of PCL, so that random texts go deep.
const PIECES: [&str; 40] = [
    "persona ",
    "team ",
    "workflow ",
    "skill ",
    "type ",
    "enum ",
    "interface ",
    "fn ",
    "module ",
    "A",
    "é",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    ":",
    "=",
    ",",
    "\n",
    "\"",
    "\"\"\"",
    "'",
    "`",
    "${",
    "/*",
    "*/",
    "//",
    "#",
    "@",
    "->",
    "---\n",
    "import ",
    "export ",
    "extends ",
    "if ",
    "3x",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_bytes_are_read_with_spans_inside(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60),
        noise in prop::collection::vec(any::<u8>(), 0..40),
        at in 0_usize..60,
    ) {
        let mut bytes: Vec<u8> = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            if index == at {
                bytes.extend(&noise);
            }
            bytes.extend(piece.as_bytes());
        }
        let file = PclFile::read("x.pcl", &bytes);
        let text = file.text();
        for declaration in &file.outline().declarations {
            check_declaration(declaration, text);
        }
        for import in &file.outline().imports {
            check_span(import.span, text);
        }
        for problem in &file.outline().problems {
            prop_assert!(problem.at <= text.len());
        }
        let findings = file.findings(None);
        prop_assert!(!findings.is_empty());
        prop_assert!(findings.iter().all(|finding| !finding.title.is_empty()));
        let items: std::collections::HashSet<_> = findings.iter().map(|finding| &finding.source.item).collect();
        prop_assert_eq!(items.len(), findings.len());
    }
}
