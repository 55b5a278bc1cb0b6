//! The program's own source, parsed.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// One file of the program.
pub struct Source {
    /// Below `src`, with `/` between folders.
    pub name: String,
    /// The modules that lead to it: `timeline`, `stall`.
    pub module: Vec<String>,
    pub syntax: syn::File,
}

impl Source {
    /// A file with this name and text.
    pub fn parse(name: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut module: Vec<_> = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        Self { name: name.to_owned(), module, syntax }
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All files below `src` that have such an ending, by name.
pub fn files(ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the program") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == ending) {
                let name = path.strip_prefix(root()).expect("below src").to_str().expect("UTF-8").to_owned();
                found.push((name, fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    found.sort();
    found
}

/// The program's Rust, without what is there for tests only.
pub fn sources() -> Vec<Source> {
    let all = files("rs").into_iter().filter(|(name, _)| !name.ends_with("tests.rs"));
    all.map(|(name, text)| Source::parse(&name, &text)).collect()
}

/// Whether an item is compiled for tests only.
pub fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}
