//! What expressions mean, what they refuse, and that none of it ever panics.

use crate::expression::parser::MAX_LENGTH;
use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::tree::{Expr, ExprKind, FUNCTIONS, Function, Operator, WALKS};
use super::*;
use crate::finding::{Finding, Findings};
use crate::quantity::Quantity;
use crate::source::FileId;

fn span(text: &str) -> Span {
    Span::new(FileId(0), 100..100 + text.len())
}

fn object(fields: &[(&str, Type, bool)]) -> Type {
    let field = |(name, kind, optional): &(&str, Type, bool)| {
        ((*name).to_owned(), Field { kind: kind.clone(), optional: *optional })
    };
    Type::Object(Arc::new(fields.iter().map(field).collect()))
}

fn scope() -> Scope {
    let words = |words: &[&str]| Type::Choice(Arc::new(words.iter().map(|word| (*word).to_owned()).collect()));
    let settings = object(&[
        ("at", Type::Text, false),
        ("office", words(&["none", "onlyoffice"]), false),
        ("modules", Type::List(Box::new(words(&["calendar", "deck"]))), false),
        ("storage", Type::Quantity(Dimension::Size), true),
        ("body-size", Type::Int, false),
        ("title", Type::Text, true),
        ("quiet", Type::Bool, false),
        ("labels", Type::Map(Box::new(Type::Text)), false),
        ("peak", object(&[("min", Type::Int, false), ("note", Type::Text, true)]), true),
    ]);
    let db = object(&[("host", Type::Text, false), ("port", Type::Int, false), ("password", Type::Secret, false)]);
    Scope::new().with("settings", settings).with("needs", object(&[("db", db, false)])).with("objects", Type::Any)
}

fn environment() -> Environment {
    let settings = Value::map([
        ("at", Value::garden_text("cloud.example.org")),
        ("office", Value::text("none")),
        ("modules", Value::List(vec![Value::garden_text("calendar"), Value::garden_text("deck")])),
        ("storage", Value::Quantity(Quantity { dimension: Dimension::Size, amount: 50 << 30 })),
        ("body-size", Value::Int(7)),
        ("quiet", Value::Bool(true)),
        ("labels", Value::map([("tier", Value::garden_text("gold"))])),
    ]);
    let password = Value::Secret(SecretRef { secret: "cloud-db".into(), key: "password".into() });
    let db = Value::map([("host", Value::text("db-rw")), ("port", Value::Int(5432)), ("password", password)]);
    Environment::new()
        .with("settings", settings)
        .with("needs", Value::map([("db", db)]))
        .with("objects", Value::map([("Deployment", Value::map([("web", Value::map([("replicas", Value::Int(2))]))]))]))
}

fn checked(text: &str) -> Result<Type, Box<Finding>> {
    check(&parse(text, span(text))?, &scope())
}

fn value(text: &str) -> Value {
    let expression = parse(text, span(text)).expect("it parses");
    check(&expression, &scope()).expect("it has a type");
    evaluate(&expression, &environment())
}

/// The code, the words underlined, and the first help.
fn refused(text: &str) -> (&'static str, String, Option<String>) {
    let finding = checked(text).expect_err("a finding");
    let range = finding.primary.span.range();
    let words = text.get(range.start - 100..range.end - 100).expect("a place inside the text");
    (finding.code.as_str(), words.to_owned(), finding.help.first().cloned())
}

#[test]
fn operators_bind_as_in_cel_and_a_hyphen_binds_in_names() {
    assert_eq!(value("1 + 2 * 3 - 4"), Value::Int(3));
    assert_eq!(value("settings.body-size - 1"), Value::Int(6));
    assert_eq!(value("true || false && false"), Value::Bool(true));
    assert_eq!(value("!settings.quiet ? 'a' : settings.office == 'none' ? 'b' : 'c'"), Value::text("b"));
    assert_eq!(value("(1 + 2) * -3"), Value::Int(-9));
    assert_eq!(value("'x' + 'y' == 'xy'"), Value::Bool(true));
    assert_eq!(value("9223372036854775807 + 1"), Value::Int(i64::MAX));
}

#[test]
fn amounts_are_compared_and_computed_in_their_dimension() {
    assert_eq!(value("has(settings.storage) && settings.storage >= quantity('50 GiB')"), Value::Bool(true));
    let sixteen = Value::Quantity(Quantity { dimension: Dimension::Size, amount: 16 << 20 });
    assert_eq!(value("quantity('8 MiB') * 2"), sixteen);
    assert_eq!(value("quantity('1 MiB') - quantity('2 MiB') == quantity('0 bytes')"), Value::Bool(true));
    assert_eq!(value("max(quantity('1 MiB'), quantity('16 MiB'))"), sixteen);
}

#[test]
fn lists_and_maps_are_walked_and_asked() {
    assert_eq!(
        value("settings.modules.map(m, 'app-' + m).join(' ')"),
        Value::Text(Text::garden("app-calendar app-deck"))
    );
    assert_eq!(value("size(settings.modules.filter(m, m != 'deck'))"), Value::Int(1));
    assert_eq!(value("'deck' in settings.modules && settings.modules.exists(m, m == 'deck')"), Value::Bool(true));
    assert_eq!(value("settings.labels.all(key, size(key) > 3)"), Value::Bool(true));
    assert_eq!(value("has(settings.labels['tier']) ? settings.labels['tier'] : ''"), Value::garden_text("gold"));
    assert_eq!(value("has(settings.modules[9]) ? 'yes' : 'no'"), Value::text("no"));
    assert_eq!(value("hash(settings.at) == hash('cloud.example.org')"), Value::Bool(true));
    assert_eq!(value("lower('ÀB')"), Value::text("àb"));
}

#[test]
fn an_optional_value_wants_has_in_front() {
    assert_eq!(refused("settings.title").0, "E0507");
    assert_eq!(refused("settings.title == '' || has(settings.title)").1, "settings.title");
    assert!(checked("has(settings.title) ? settings.title : ''").is_ok());
    assert!(checked("!has(settings.title) || settings.title != ''").is_ok());
    assert!(checked("has(settings.peak.note) ? settings.peak.note : ''").is_ok());
    assert_eq!(refused("settings.peak.min").1, "settings.peak");
    assert_eq!(refused("has(settings.peak) ? settings.peak.note : ''").1, "settings.peak.note");
    assert_eq!(refused("max(settings.modules.map(m, size(m)))").0, "E0507");
    assert_eq!(refused("settings.modules.exists(settings, has(settings.title)) ? settings.title : ''").0, "E0506");
    let condition = parse("has(settings.title)", span("has(settings.title)")).expect("it parses");
    let inside = parse("settings.title", span("settings.title")).expect("it parses");
    assert_eq!(check(&inside, &scope().assume(&condition)), Ok(Type::Text));
}

#[test]
fn findings_underline_the_word_and_say_which_was_meant() {
    let meant = |word: &str| Some(format!("did you mean `{word}`?"));
    assert_eq!(refused("settings.ofice == 'none'"), ("E0505", "ofice".into(), meant("office")));
    assert_eq!(refused("seting.at"), ("E0505", "seting".into(), meant("settings")));
    assert_eq!(refused("settings.office == 'onlyofice'"), ("E0510", "'onlyofice'".into(), meant("onlyoffice")));
    assert_eq!(refused("'dek' in settings.modules"), ("E0510", "'dek'".into(), meant("deck")));
    assert_eq!(refused("sise(settings.at)"), ("E0503", "sise".into(), meant("size")));
    assert_eq!(refused("settings.quiet == 'on'").0, "E0506");
    assert_eq!(refused("settings.body-size + settings.at").1, "settings.body-size + settings.at");
    assert_eq!(
        refused("needs.db.password + 'x'"),
        ("E0508", "needs.db.password".into(), refused("size(needs.db.password)").2)
    );
    assert_eq!(refused("quantity('8 GB ')").0, "E0511");
    assert_eq!(
        refused("has(settings.storage) && settings.storage > 8").2.as_deref(),
        Some("write the amount with its unit: `quantity('8 GiB')`")
    );
    assert_eq!(refused("1 -2").1, "-");
    assert_eq!(refused("settings.at = 'x'").2.as_deref(), Some("equality is `==`"));
    assert_eq!(refused("1 < 2 < 3").1, "<");
    assert_eq!(refused("settings.").1, "");
    assert_eq!(
        refused("settings.at-1 + 1").2.as_deref(),
        Some("a hyphen belongs to the name; minus is written `at - 1`")
    );
}

#[test]
fn what_no_type_knew_is_absent_and_never_true() {
    assert_eq!(value("objects.Deployment.web.replicas == 2"), Value::Bool(true));
    assert_eq!(value("objects.Deployment.web.replica == 2"), Value::Absent);
    assert_eq!(value("objects.Deployment.web.replica != 2"), Value::Absent);
    assert_eq!(value("objects.Nothing.web.replicas > 1 || true"), Value::Bool(true));
    assert_eq!(value("has(objects.Nothing.web)"), Value::Bool(false));
}

#[test]
fn a_failure_shows_the_values_of_its_parts() {
    let text = "settings.office == 'onlyoffice' && size(settings.modules) > 2 && has(settings.title)";
    let explained = evaluate_explained(&parse(text, span(text)).expect("it parses"), &environment());
    assert_eq!(explained.value, Value::Bool(false));
    assert_eq!(
        explained.parts_line(),
        "`settings.office` is `none`, `size(settings.modules)` is 2, `settings.title` is absent"
    );
}

#[test]
fn a_template_keeps_types_taint_and_secrets_apart() {
    let template = |text: &str| {
        let mut findings = Findings::default();
        let template = parse_template(text, span(text), &mut findings);
        assert!(findings.is_empty(), "{text}");
        template
    };
    let url = template("postgres://u:${needs.db.password}@${needs.db.host}:${needs.db.port}/${settings.at}");
    assert_eq!(url.check(&scope()), Ok(Type::Secret));
    let secret = Segment::Secret(SecretRef { secret: "cloud-db".into(), key: "password".into() });
    let tail = Segment::Text(Text::garden("@db-rw:5432/cloud.example.org"));
    assert_eq!(url.evaluate(&environment()), [Segment::Text(Text::own("postgres://u:")), secret, tail]);
    assert_eq!(template("${settings.body-size}").evaluate_value(&environment()), Value::Int(7));
    assert_eq!(template("a $${b} ${'}'} $c").evaluate_value(&environment()), Value::text("a ${b} } $c"));
    assert_eq!(template("").as_literal(), Some(""));
    assert_eq!(template("x ${settings.modules}").check(&scope()).expect_err("a finding").code.as_str(), "E0509");
    let text = "a ${settings.at";
    let mut findings = Findings::default();
    parse_template(text, span(text), &mut findings);
    assert_eq!(findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["E0504"]);
}

#[test]
fn places_are_exact_behind_quotes_and_whole_where_escapes_hide_them() {
    let text = "é ${settings.ofice}";
    let quoted = Span::new(FileId(0), 10..10 + text.len() + 2);
    let template = parse_template(text, quoted, &mut Findings::default());
    let finding = template.check(&scope()).expect_err("a finding");
    assert_eq!(finding.primary.span.range(), 10 + 1 + 14..10 + 1 + 19);
    assert_eq!(finding.fixes.len(), 1);
    let escaped = Span::new(FileId(0), 10..10 + text.len() + 7);
    let finding = parse_template(text, escaped, &mut Findings::default()).check(&scope()).expect_err("a finding");
    assert_eq!(finding.primary.span, escaped);
    assert!(finding.fixes.is_empty(), "no edit where the place is not known");
}

#[test]
fn depth_and_length_have_limits() {
    for text in ["(".repeat(3000), "!".repeat(3000) + "true", "[".repeat(2000), "1".to_owned() + &" + 1".repeat(1000)] {
        assert_eq!(parse(&text, span(&text)).expect_err("too deep").code.as_str(), "E0502", "{}", &text[..10]);
    }
    let long = "'".to_owned() + &"x".repeat(5000) + "'";
    assert_eq!(parse(&long, span(&long)).expect_err("too long").code.as_str(), "E0502");
    let deep_ternary = "true ? 1 : ".repeat(300) + "1";
    assert_eq!(parse(&deep_ternary, span(&deep_ternary)).expect_err("too deep").code.as_str(), "E0502");
}

/// Any tree, well typed or not.
fn trees() -> impl Strategy<Value = Expr> {
    let here = Span::new(FileId(0), 0..0);
    let leaf = prop_oneof![
        any::<bool>().prop_map(ExprKind::Bool),
        any::<i64>().prop_map(ExprKind::Int),
        "[ -~é\n]{0,6}".prop_map(|text| ExprKind::Text(text.into())),
        "(settings|needs|objects|m|a-b|x_1)".prop_map(|name| ExprKind::Name(name.into())),
    ];
    leaf.prop_map(move |kind| Expr::new(kind, here)).prop_recursive(5, 40, 3, move |inner| {
        let boxed = |tree: Expr| Box::new(tree);
        let operators = [
            Operator::Or,
            Operator::And,
            Operator::Equal,
            Operator::Unequal,
            Operator::Less,
            Operator::AtMost,
            Operator::More,
            Operator::AtLeast,
            Operator::In,
            Operator::Plus,
            Operator::Minus,
            Operator::Times,
        ];
        let calls =
            (0..FUNCTIONS.len(), proptest::collection::vec(inner.clone(), 1..3)).prop_map(|(at, mut arguments)| {
                let (_, function, least, most) = FUNCTIONS[at];
                let first = arguments[0].clone();
                arguments.resize(arguments.len().clamp(least, most), first);
                ExprKind::Call(function, arguments)
            });
        prop_oneof![
            (0..operators.len(), inner.clone(), inner.clone()).prop_map(move |(at, left, right)| ExprKind::Binary(
                operators[at],
                boxed(left),
                boxed(right)
            )),
            inner.clone().prop_map(move |of| ExprKind::Not(boxed(of))),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(move |(c, y, n)| ExprKind::Choose(
                boxed(c),
                boxed(y),
                boxed(n)
            )),
            (inner.clone(), "(at|office|modules|body-size|db)")
                .prop_map(move |(of, name)| ExprKind::Field(boxed(of), name.into())),
            (inner.clone(), inner.clone()).prop_map(move |(of, at)| ExprKind::Index(boxed(of), boxed(at))),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(ExprKind::List),
            (0..WALKS.len(), inner.clone(), inner)
                .prop_map(move |(at, of, body)| { ExprKind::Each(WALKS[at].1, boxed(of), "m".into(), boxed(body)) }),
            calls,
        ]
        .prop_map(move |kind| Expr::new(kind, here))
    })
}

proptest! {
    #[test]
    fn parsing_what_was_printed_gives_the_same_expression(tree in trees()) {
        let printed = tree.to_string();
        prop_assume!(printed.len() <= MAX_LENGTH);
        let parsed = parse(&printed, span(&printed)).map_err(|finding| TestCaseError::fail(format!("{printed}: {finding:?}")))?;
        prop_assert_eq!(&*parsed.root, &tree, "{}", printed);
        prop_assert_eq!(parsed.printed(), printed);
    }

    #[test]
    fn checking_and_evaluating_any_tree_never_panics_and_what_is_typed_is_there(tree in trees()) {
        let printed = tree.to_string();
        prop_assume!(printed.len() <= MAX_LENGTH);
        let Ok(expression) = parse(&printed, span(&printed)) else { return Ok(()) };
        let everything = environment()
            .with("objects", Value::map([("at", Value::Int(1))]))
            .with("m", Value::Int(1))
            .with("a-b", Value::Int(2))
            .with("x_1", Value::Bool(true));
        let found = evaluate(&expression, &everything);
        if let Ok(kind) = check(&expression, &scope_without_any()) {
            prop_assert!(is_of(&found, &kind), "{} is {} and not {:?}", printed, found, kind);
        }
        evaluate_explained(&expression, &Environment::new());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z0-9.'(){}$ !?:&|=<>+*,\\[\\]\\\\é-]{0,60}") {
        let mut findings = Findings::default();
        let template = parse_template(&text, span(&text), &mut findings);
        let _ = template.check(&scope());
        template.evaluate(&environment());
        if let Ok(expression) = parse(&text, span(&text)) {
            let _ = check(&expression, &scope());
            evaluate(&expression, &environment());
        }
    }
}

fn scope_without_any() -> Scope {
    scope()
        .with("objects", Type::Map(Box::new(Type::Int)))
        .with("m", Type::Int)
        .with("a-b", Type::Int)
        .with("x_1", Type::Bool)
}

/// Whether a value has a type; absent has none.
fn is_of(value: &Value, kind: &Type) -> bool {
    match (value, kind) {
        (Value::Absent, _) => false,
        (_, Type::Any)
        | (Value::Bool(_), Type::Bool)
        | (Value::Int(_), Type::Int)
        | (Value::Text(_), Type::Text | Type::Choice(_))
        | (Value::Secret(_), Type::Secret)
        | (Value::Map(_), Type::Map(_) | Type::Object(_)) => true,
        (Value::Quantity(quantity), Type::Quantity(dimension)) => quantity.dimension == *dimension,
        (Value::List(items), Type::List(inner)) => items.iter().all(|item| is_of(item, inner)),
        _ => false,
    }
}

#[test]
fn every_function_and_walk_has_a_name_of_its_own() {
    let names: BTreeSet<&str> =
        FUNCTIONS.iter().map(|known| known.0).chain(WALKS.iter().map(|known| known.0)).collect();
    assert_eq!(names.len(), FUNCTIONS.len() + WALKS.len());
    assert_eq!(Function::Has.name(), "has");
}
