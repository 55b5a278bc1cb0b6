//! Which functions exist: names from module BTF, or from `/proc/kallsyms`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufRead, BufReader},
};

use super::{BtfKind, Kernel, Types};

/// A function looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Module that it lives in; `None` for the kernel image.
    pub module: Option<&'static str>,
    /// Its name, without a suffix.
    pub name: &'static str,
}

/// What became of a function looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// It is there, in this module (`None`: in the kernel image).
    Here(Option<&'a str>),
    /// The name is there more than once in the same place.
    Several,
    /// Only there under a name that the compiler made (`.part.0`, `.isra.0`, `.constprop.0`), in this module.
    Renamed(&'a str, Option<&'a str>),
    /// In no symbol table.
    Absent,
}

/// The functions found, of those looked for.
#[derive(Debug, Clone, Default)]
pub struct Symbols {
    /// By name and module; names still have their suffix.
    found: BTreeMap<(String, Option<String>), Places>,
}

/// Where a name is.
#[derive(Debug, Clone, Copy, Default)]
struct Places {
    /// How often it is there.
    copies: u32,
    /// Address of the last of them; `None` where only BTF tells of it, or without privilege.
    address: Option<u64>,
}

impl Symbols {
    /// What became of `wanted`.
    #[must_use]
    pub fn lookup(&self, wanted: Wanted) -> Lookup<'_> {
        let mut renamed = Lookup::Absent;
        // A module's function is in the kernel image where the module is built in.
        for place in [wanted.module, None] {
            for ((name, module), places) in &self.found {
                if module.as_deref() != place {
                    continue;
                }
                if name == wanted.name {
                    return if places.copies == 1 { Lookup::Here(module.as_deref()) } else { Lookup::Several };
                }
                if base(name) == wanted.name && renamed == Lookup::Absent {
                    renamed = Lookup::Renamed(name, module.as_deref());
                }
            }
        }
        renamed
    }

    /// Names of what was found, with their suffixes.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.found.keys().map(|(name, _)| name.as_str()).collect()
    }

    /// Address of a function that was found, with its suffix; `None` where only BTF tells of it.
    #[must_use]
    pub fn address(&self, name: &str, module: Option<&str>) -> Option<u64> {
        self.found.get(&(name.to_owned(), module.map(str::to_owned)))?.address
    }

    fn add(&mut self, name: &str, module: Option<&str>, address: Option<u64>) {
        let places = self.found.entry((name.to_owned(), module.map(str::to_owned))).or_default();
        places.copies += 1;
        places.address = address;
    }

    /// Adds those of `wanted` that a symbol table holds: one pass over its lines, holding one at a time.
    fn scan(&mut self, table: impl BufRead, wanted: &[Wanted]) -> io::Result<()> {
        // Nearly all of some 200,000 lines differ from all names in the first bytes.
        let mut beginnings: Vec<&[u8]> = wanted.iter().map(|wanted| beginning(wanted.name.as_bytes())).collect();
        beginnings.sort_unstable();
        beginnings.dedup();
        each_line(table, |line| {
            let Some(entry) = KallsymsLine::parse(line) else { return };
            let KallsymsLine { kind: b't' | b'T' | b'w' | b'W', name, module, .. } = entry else { return };
            if !beginnings.contains(&beginning(name)) {
                return;
            }
            let (Ok(name), Ok(module)) = (str::from_utf8(name), module.map(str::from_utf8).transpose()) else { return };
            // What was split off as unlikely to run is no entry of the function.
            if !name.contains(".cold") && wanted.iter().any(|wanted| wanted.name == base(name)) {
                self.add(name, module, entry.address().filter(|&address| address != 0));
            }
        })
    }
}

fn beginning(name: &[u8]) -> &[u8] {
    &name[..name.len().min(4)]
}

/// A function's name as the source has it.
fn base(name: &str) -> &str {
    name.split_once('.').map_or(name, |(base, _)| base)
}

/// One line of `/proc/kallsyms`: `ffffffffc0283000 t nfsd4_open`, a tab and `[nfsd]`.
pub(super) struct KallsymsLine<'a> {
    address: &'a [u8],
    kind: u8,
    pub name: &'a [u8],
    pub module: Option<&'a [u8]>,
}

impl<'a> KallsymsLine<'a> {
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let space = line.iter().position(|&byte| byte == b' ')?;
        let (address, rest) = (&line[..space], &line[space + 1..]);
        let [kind, b' ', name @ ..] = rest else { return None };
        let (name, module) = match name.iter().position(|&byte| byte == b'\t') {
            Some(tab) => {
                let module = name[tab + 1..].strip_prefix(b"[")?.strip_suffix(b"]")?;
                (&name[..tab], Some(module))
            }
            None => (name, None),
        };
        Some(Self { address, kind: *kind, name, module })
    }

    /// Zero to readers without privilege.
    pub fn address(&self) -> Option<u64> {
        self.address
            .iter()
            .try_fold(0_u64, |number, &digit| Some(number << 4 | u64::from(char::from(digit).to_digit(16)?)))
    }
}

pub(super) fn each_line(mut table: impl BufRead, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut line = Vec::with_capacity(256);
    while table.read_until(b'\n', &mut line)? != 0 {
        each(line.strip_suffix(b"\n").unwrap_or(&line));
        line.clear();
    }
    Ok(())
}

impl Kernel {
    pub(super) fn kallsyms(&self) -> io::Result<impl BufRead + use<>> {
        Ok(BufReader::with_capacity(1 << 16, File::open(self.root.join("proc/kallsyms"))?))
    }

    /// Finds `wanted` in `/proc/kallsyms`: every name the kernel has.
    ///
    /// The kernel formats some 200,000 lines for this; with nothing wanted the table is not opened.
    ///
    /// # Errors
    ///
    /// Where the table cannot be read.
    pub fn symbols(&self, wanted: &[Wanted]) -> io::Result<Symbols> {
        let mut symbols = Symbols::default();
        if !wanted.is_empty() {
            symbols.scan(self.kallsyms()?, wanted)?;
        }
        Ok(symbols)
    }

    /// Finds `wanted` in BTF where there is BTF for their place, which takes a tenth of the time, and the others in
    /// `/proc/kallsyms`.
    ///
    /// BTF names a function that only lives on as `.part.0` like any other, and lacks some whose arguments the
    /// compiler changed. So a probe may still be refused, and what is absent may be there: [`Kernel::symbols`] knows.
    ///
    /// # Errors
    ///
    /// Where the table is needed and cannot be read.
    pub fn symbols_by_types(&self, types: &Types, wanted: &[Wanted]) -> io::Result<Symbols> {
        let mut symbols = Symbols::default();
        let mut places: BTreeMap<Option<&'static str>, Vec<&'static str>> = BTreeMap::new();
        for wanted in wanted {
            places.entry(wanted.module).or_default().push(wanted.name);
        }
        let mut left = Vec::new();
        for (module, names) in places {
            match types.of(module) {
                Some(btf) => {
                    for name in btf.find(BtfKind::Function, &names).into_keys() {
                        symbols.add(name, module, None);
                    }
                }
                None => left.extend(names.into_iter().map(|name| Wanted { module, name })),
            }
        }
        if !left.is_empty() {
            symbols.scan(self.kallsyms()?, &left)?;
        }
        Ok(symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
0000000000000000 T msleep
0000000000000000 t cld_running.isra.0\t[nfsd]
0000000000000000 t nfsd4_open\t[nfsd]
0000000000000000 t nfsd4_open.cold\t[nfsd]
0000000000000000 t __pfx_nfsd4_open\t[nfsd]
0000000000000000 d nfsd4_remove\t[nfsd]
0000000000000000 t nfsd4_rename\t[nfsd]
0000000000000000 t nfsd4_rename\t[nfsd]
0000000000000000 t nfsd4_lock.cold\t[nfsd]
0000000000000000 t nfsd4_lock\t[other]
broken
0000000000000000 t nfsd4_create_session [nfsd
";

    fn lookup(name: &'static str, module: Option<&'static str>) -> String {
        let wanted = Wanted { module, name };
        let mut symbols = Symbols::default();
        symbols.scan(TABLE.as_bytes(), &[wanted]).expect("a slice reads");
        match symbols.lookup(wanted) {
            Lookup::Here(module) => format!("in {}", module.unwrap_or("vmlinux")),
            Lookup::Renamed(name, _) => name.to_owned(),
            Lookup::Several => "several".into(),
            Lookup::Absent => "absent".into(),
        }
    }

    #[test]
    fn each_fate_of_a_function() {
        let nfsd = Some("nfsd");
        assert_eq!(lookup("msleep", None), "in vmlinux");
        assert_eq!(lookup("nfsd4_open", nfsd), "in nfsd");
        assert_eq!(lookup("cld_running", nfsd), "cld_running.isra.0");
        assert_eq!(lookup("nfsd4_rename", nfsd), "several");
        assert_eq!(lookup("nfsd4_remove", nfsd), "absent", "it is data");
        assert_eq!(lookup("nfsd4_lock", nfsd), "absent", "another module's, and a cold part");
        assert_eq!(lookup("nfsd4_create_session", nfsd), "absent");
    }

    #[test]
    fn a_built_in_module_has_its_functions_in_the_kernel_image() {
        assert_eq!(lookup("msleep", Some("nfsd")), "in vmlinux");
    }
}
