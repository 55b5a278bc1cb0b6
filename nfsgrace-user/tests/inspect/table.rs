//! The plan as people and programs see it.

use nfsgrace::{
    probe::{Effort, inspect},
    record::Role,
    view::probes,
};

use crate::fixture::{Fixture, SERIES};

fn text(fixture: &Fixture) -> String {
    let kernel = fixture.kernel();
    probes::text(&inspect(&kernel, Role::Both, Effort::Thorough), &kernel, 80)
}

#[test]
fn on_each_kernel_in_80_columns() {
    for series in SERIES {
        let text = text(&Fixture::of(series));
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(wide, [""; 0], "{series}");
        insta::assert_snapshot!(format!("kernel_{series}"), text);
    }
}

#[test]
fn before_the_modules_are_loaded() {
    let fixture = Fixture::of("6.18").without_module("nfsd").without_module("grace");
    insta::assert_snapshot!(text(&fixture));
}

#[test]
fn for_programs() {
    let fixture = Fixture::of("6.18");
    let kernel = fixture.kernel();
    let json = probes::json(&inspect(&kernel, Role::Both, Effort::Thorough), &kernel);
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("JSON"));
}
