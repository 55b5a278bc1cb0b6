//! All that the program can say, in one list: whoever adds or changes a sentence sees it there once more, among the others.

use std::collections::BTreeSet;

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::{Attribute, Expr, Lit, Meta, visit::Visit};

use super::tree::{Source, files, is_for_tests, sources};

/// Collects texts of a file that may be printed.
struct Collector {
    /// Whether its documentation is printed as help.
    is_help: bool,
    found: BTreeSet<String>,
}

impl Collector {
    fn text(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if is_sentence(&text) {
            self.found.insert(text);
        }
    }

    /// Help is made from the documentation of the arguments.
    fn help(&mut self, attributes: &[Attribute]) {
        let mut paragraph = String::new();
        if !self.is_help {
            return;
        }
        for line in attributes.iter().filter_map(documentation) {
            paragraph.push_str(&line);
            if line.is_empty() {
                self.text(&std::mem::take(&mut paragraph));
            }
        }
        self.text(&paragraph);
    }

    /// What a macro is given, without the documentation in it.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut attribute = false;
        for token in tokens {
            match &token {
                TokenTree::Group(group) if !(attribute && is_documentation(group)) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal.clone()) {
                        self.text(&text.value());
                    }
                }
                _ => {}
            }
            attribute = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        }
    }
}

fn is_documentation(group: &Group) -> bool {
    matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc")
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Mod(item) if is_for_tests(&item.attrs) => {}
            _ => syn::visit::visit_item(self, item),
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.help(&field.attrs);
        syn::visit::visit_field(self, field);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.help(&variant.attrs);
        syn::visit::visit_variant(self, variant);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.help(&item.attrs);
        syn::visit::visit_item_struct(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta
            && ["arg", "command", "error", "value"].iter().any(|it| list.path.is_ident(it))
        {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.text(&text.value());
    }

    fn visit_macro(&mut self, it: &'ast syn::Macro) {
        self.tokens(it.tokens.clone());
    }
}

/// A line of documentation.
fn documentation(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// Two words at least, once what is filled in later is taken away.
fn is_sentence(text: &str) -> bool {
    let mut fixed = String::new();
    let mut depth = 0_u32;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => fixed.push(letter),
            _ => {}
        }
    }
    let is_word = |word: &&str| word.chars().filter(|it| it.is_alphabetic()).count() > 1;
    fixed.split_whitespace().filter(is_word).count() > 1
}

fn sentences(source: &Source) -> BTreeSet<String> {
    let is_help = source.module.first().is_some_and(|room| room == "cli");
    let mut collector = Collector { is_help, found: BTreeSet::new() };
    collector.visit_file(&source.syntax);
    collector.found
}

/// What stands between quotes in the page's scripts, and between the tags of the page itself.
fn of_the_page(name: &str, text: &str) -> BTreeSet<String> {
    let mut collector = Collector { is_help: false, found: BTreeSet::new() };
    if name.ends_with(".html") {
        text.split('<').filter_map(|part| part.split_once('>')).for_each(|(_, text)| collector.text(text));
    } else {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for quote in ['"', '\'', '`'] {
                line.split(quote).skip(1).step_by(2).for_each(|text| collector.text(text));
            }
        }
    }
    collector.found
}

#[test]
fn every_sentence_is_listed() {
    let mut list = String::new();
    let mut add = |name: &str, found: BTreeSet<String>| {
        if !found.is_empty() {
            list.push_str(&format!("\n{name}\n"));
            found.iter().for_each(|text| list.push_str(&format!("    {text}\n")));
        }
    };
    sources().iter().for_each(|source| add(&source.name, sentences(source)));
    for ending in ["html", "js"] {
        files(ending).iter().for_each(|(name, text)| add(name, of_the_page(name, text)));
    }
    insta::assert_snapshot!("sentences", list);
}

#[test]
fn what_may_be_printed_is_found_wherever_it_stands() {
    let text = r#"
        /// Documentation of code.
        const TITLE: &str = "a constant text";
        fn f() -> String {
            let _ = "oneword";
            println!("printed after {} s", 1);
            format!("{count} {what}")
        }
        #[error("not read at all")]
        struct Failed;
        #[cfg(test)]
        mod tests { const T: &str = "only for tests"; }
    "#;
    let found = sentences(&Source::parse("view/file.rs", text));
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["a constant text", "not read at all", "printed after {} s"]);
    let help = sentences(&Source::parse("cli/file.rs", "/// Said as help.\nstruct Watch;"));
    assert!(help.contains("Said as help."));
}
