//! main
fn main() { println!("{}", nfsgrace::OBJECT.len()); }
