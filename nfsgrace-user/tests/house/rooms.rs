//! The rooms stand on each other as `docs/architecture.md` says, and never the other way round.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{UseTree, visit::Visit};

use super::tree::{Source, is_for_tests, sources};

/// Which rooms a room stands on, the lowest first.
type Plan = Vec<(String, BTreeSet<String>)>;
/// Where a room names another one.
type Uses = BTreeMap<(String, String), String>;

/// The table under "The rooms": the first column is a room, the second those that it stands on.
fn plan(page: &str) -> Plan {
    let section = page.split("\n## The rooms\n").nth(1).expect("a section on the rooms");
    let section = section.split("\n## ").next().unwrap_or_default();
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').collect();
        let room = names(cells[1]).pop_first().expect("the name of a room");
        (room, names(cells[2]))
    })
    .collect()
}

/// All that the program's files use of other rooms.
fn uses(sources: &[Source]) -> Uses {
    let mut uses = Uses::new();
    for source in sources {
        let Some(room) = source.module.first() else { continue };
        let mut reader = Reader { module: source.module.clone(), found: Vec::new() };
        reader.visit_file(&source.syntax);
        for (other, line) in reader.found {
            if other != *room {
                uses.entry((room.clone(), other)).or_insert(format!("{}:{line}", source.name));
            }
        }
    }
    uses
}

/// Collects the rooms that paths lead to.
struct Reader {
    module: Vec<String>,
    found: Vec<(String, usize)>,
}

impl Reader {
    /// `crate::ROOM::…`, or as many `super` as lead to the root.
    fn path(&mut self, segments: &[String], line: usize) {
        let ups = segments.iter().take_while(|it| *it == "super").count();
        let room = match segments.first().map(String::as_str) {
            Some("crate") => segments.get(1),
            Some("super") if ups == self.module.len() => segments.get(ups),
            _ => None,
        };
        self.found.extend(room.map(|room| (room.clone(), line)));
    }

    fn tree(&mut self, tree: &UseTree, so_far: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                so_far.push(path.ident.to_string());
                self.tree(&path.tree, so_far);
                so_far.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, so_far)),
            UseTree::Name(syn::UseName { ident }) | UseTree::Rename(syn::UseRename { ident, .. }) => {
                so_far.push(ident.to_string());
                self.path(so_far, ident.span().start().line);
                so_far.pop();
            }
            UseTree::Glob(glob) => self.path(so_far, glob.star_token.spans[0].start().line),
        }
    }

    /// What a macro is given is not parsed: `crate :: ROOM` in it is found all the same.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (nth, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(ident) if ident == "crate" => {
                    if let Some(TokenTree::Ident(room)) = tokens.get(nth + 3) {
                        self.found.push((room.to_string(), ident.span().start().line));
                    }
                }
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_for_tests(&item.attrs) {
            self.module.push(item.ident.to_string());
            syn::visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        self.path(&segments, path.segments[0].ident.span().start().line);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, it: &'ast syn::Macro) {
        self.tokens(it.tokens.clone());
    }
}

/// What is wrong, a line each.
fn faults(plan: &Plan, rooms: &BTreeSet<String>, uses: &Uses) -> Vec<String> {
    let mut faults = Vec::new();
    let mut below = BTreeSet::new();
    for (room, stands_on) in plan {
        let climbs = stands_on.difference(&below).map(|it| format!("`{room}` stands on `{it}`, which comes later"));
        faults.extend(climbs);
        let used: BTreeSet<_> = uses.keys().filter(|(user, _)| user == room).map(|(_, other)| other.clone()).collect();
        faults.extend(used.difference(stands_on).map(|other| {
            let place = &uses[&(room.clone(), other.clone())];
            format!("{place} uses `{other}`, on which `{room}` does not stand")
        }));
        faults
            .extend(stands_on.difference(&used).map(|it| format!("`{room}` is said to stand on `{it}`: it does not")));
        below.insert(room.clone());
    }
    faults.extend(rooms.difference(&below).map(|room| format!("`{room}` is not in the table")));
    faults.extend(below.difference(rooms).map(|room| format!("there is no room `{room}`")));
    faults
}

#[test]
fn every_room_stands_only_on_the_rooms_that_the_architecture_names() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/architecture.md");
    let plan = plan(&fs::read_to_string(page).expect("the page"));
    let sources = sources();
    let rooms = sources.iter().filter_map(|it| it.module.first().cloned()).collect();
    let faults = faults(&plan, &rooms, &uses(&sources));
    assert!(faults.is_empty(), "\n{}\n(see \"The rooms\" in docs/architecture.md)", faults.join("\n"));
}

/// What is found wrong with these files of the rooms `low` and `high`.
fn faults_of(page: &str, files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<_> = files.iter().map(|(name, text)| Source::parse(name, text)).collect();
    let rooms = ["low", "high"].map(str::to_owned).into();
    faults(&plan(&format!("\n## The rooms\n{page}\n## Else\n")), &rooms, &uses(&sources))
}

const PAGE: &str = "| `low` | – | |\n| `high` | `low` | |";

#[test]
fn a_climb_is_found_however_it_is_written() {
    let climbs = [
        "use crate::high::Thing;",
        "use crate::{high, low::Other};",
        "use super::super::high;",
        "fn f() -> crate::high::Thing { todo() }",
        "fn f() { println!(\"{}\", crate::high::name()) }",
        "mod inner { use super::super::super::high; }",
    ];
    for climb in climbs {
        let found = faults_of(PAGE, &[("low/file.rs", climb), ("high.rs", "use crate::low;")]);
        assert_eq!(found, ["low/file.rs:1 uses `high`, on which `low` does not stand"], "{climb}");
    }
    let allowed = [("low.rs", "#[cfg(test)] mod tests { use crate::high; }"), ("high/mod.rs", "use super::low;")];
    assert_eq!(faults_of(PAGE, &allowed), [""; 0]);
}

#[test]
fn a_circle_and_an_untrue_table_are_found() {
    let files = [("low.rs", "use crate::high;"), ("high.rs", "use crate::low;")];
    let circle = faults_of("| `low` | `high` | |\n| `high` | `low` | |", &files);
    assert_eq!(circle, ["`low` stands on `high`, which comes later"]);
    let missing = faults_of("| `low` | – | |", &[("low.rs", ""), ("high.rs", "")]);
    assert_eq!(missing, ["`high` is not in the table"]);
    let idle = faults_of(PAGE, &[("low.rs", ""), ("high.rs", "")]);
    assert_eq!(idle, ["`high` is said to stand on `low`: it does not"]);
}
