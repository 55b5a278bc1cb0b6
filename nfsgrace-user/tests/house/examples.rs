//! The worked example of `docs/adding-an-event.md` fits the code as it is.

use std::{fs, path::Path};

/// What is there before a change and after it.
struct Hunk {
    file: String,
    before: String,
    after: String,
}

/// The hunks of all diffs on a page.
fn hunks(page: &str) -> Vec<Hunk> {
    let (mut hunks, mut file) = (Vec::<Hunk>::new(), String::new());
    for line in page.split("```diff\n").skip(1).filter_map(|rest| rest.split("```").next()).flat_map(str::lines) {
        if let Some(name) = line.strip_prefix("--- a/") {
            file = name.to_owned();
        } else if line.starts_with("@@") {
            hunks.push(Hunk { file: file.clone(), before: String::new(), after: String::new() });
        } else if let Some(Hunk { before, after, .. }) = hunks.last_mut()
            && !line.starts_with("+++")
        {
            // An empty line of context may have lost its blank.
            let (sign, text) = line.split_at_checked(1).unwrap_or((" ", ""));
            let text = format!("{text}\n");
            before.push_str(if sign == "+" { "" } else { &text });
            after.push_str(if sign == "-" { "" } else { &text });
        }
    }
    hunks
}

fn workspace(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_diffs_of_the_page_on_events_apply() {
    let hunks = hunks(&workspace("docs/adding-an-event.md"));
    assert!(hunks.len() >= 8, "{}", hunks.len());
    for Hunk { file, before, after } in hunks {
        let text = workspace(&file);
        assert_eq!(text.matches(&before).count(), 1, "docs/adding-an-event.md: {file} no longer has\n{before}");
        assert_eq!(text.matches(&after).count(), 0, "docs/adding-an-event.md: {file} has already\n{after}");
    }
}

#[test]
fn a_diff_is_taken_apart() {
    let page = "text\n```diff\n--- a/x.rs\n+++ b/x.rs\n@@ -1,3 +1,3 @@ fn\n one\n-two\n+three\n\n```\n";
    let all: Vec<_> = hunks(page).into_iter().map(|hunk| (hunk.file, hunk.before, hunk.after)).collect();
    assert_eq!(all, [("x.rs".to_owned(), "one\ntwo\n\n".to_owned(), "one\nthree\n\n".to_owned())]);
}
