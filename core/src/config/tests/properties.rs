//! What holds for any text.

use proptest::prelude::*;

use super::*;

fn value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(toml::Value::from),
        any::<bool>().prop_map(toml::Value::from),
        any::<f64>().prop_filter("NaN is no equal", |n| !n.is_nan()).prop_map(toml::Value::from),
        any::<String>().prop_map(toml::Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| toml::Value::Table(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), option in any::<String>()) {
        let document = document(&text).set([option]);
        let reading = read(&document);
        reading.diagnostics.render(true);
        reading.show(&document, true);
    }

    #[test]
    fn nothing_like_toml_panics(words in proptest::collection::vec(prop_oneof![
        Just("["), Just("]"), Just("[[service]]\n"), Just("="), Just("kind"), Just("\n"), Just("\"site\""),
        Just("'"), Just("\"\"\""), Just("{"), Just("}"), Just("."), Just("files"), Just(" "), Just("é"), Just("1"),
    ], 0..40)) {
        let document = document(&words.concat());
        let reading = read(&document);
        reading.diagnostics.render(false);
        reading.show(&document, true);
    }

    #[test]
    fn what_is_shown_is_what_was_read(table in proptest::collection::btree_map(any::<String>(), value(), 0..5)) {
        let table: toml::Table = table.into_iter().collect();
        let text = toml::to_string(&table).unwrap();
        let document = document(&text);
        for origins in [false, true] {
            let shown = document.to_toml(&Default::default(), origins);
            prop_assert_eq!(toml::from_str::<toml::Table>(&shown).unwrap(), table.clone(), "{}", shown);
        }
    }
}
