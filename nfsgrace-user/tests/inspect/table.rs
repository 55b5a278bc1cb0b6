//! The plan as people and programs see it.

use std::fmt::Write as _;

use nfsgrace::probe::{Effort, Sides, inspect, table};

use crate::fixture::{Fixture, SERIES};

fn text(fixture: &Fixture) -> String {
    let kernel = fixture.kernel();
    table::text(&inspect(&kernel, Sides::BOTH, Effort::Thorough), &kernel, 80)
}

#[test]
fn on_each_kernel() {
    for series in SERIES {
        insta::assert_snapshot!(format!("kernel_{series}"), text(&Fixture::of(series)));
    }
}

#[test]
fn before_the_modules_are_loaded() {
    let fixture = Fixture::of("6.18").without_module("nfsd").without_module("grace");
    insta::assert_snapshot!(text(&fixture));
}

#[test]
fn no_line_is_wider_than_80_columns() {
    for series in SERIES {
        let text = text(&Fixture::of(series));
        let mut wide = String::new();
        for line in text.lines().filter(|line| line.chars().count() > 80) {
            writeln!(wide, "{line}").expect("written");
        }
        assert_eq!(wide, "", "{series}");
    }
}

#[test]
fn for_programs() {
    let fixture = Fixture::of("6.18");
    let kernel = fixture.kernel();
    let json = table::json(&inspect(&kernel, Sides::BOTH, Effort::Thorough), &kernel);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("JSON"));
}
