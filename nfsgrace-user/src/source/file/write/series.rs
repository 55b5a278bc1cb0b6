//! The files of one recording that is kept in several: their names, and how many are kept.
//!
//! `session.ndjson.zst` becomes `session-000001-20251124T145503Z.ndjson.zst`: the number comes first, so that a shell's
//! `session-*.ndjson.zst` has them in order whatever the wall clock did, and the time is for people.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;

/// When a new file is begun, and how much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    /// A file is closed when it has reached this many bytes, without what it repeats of the one before.
    pub size: Option<u64>,
    /// A file is closed when it is this old.
    pub age: Option<Duration>,
    /// What is kept of the files; the oldest go first.
    pub retain: Option<Retain>,
}

/// How much is kept of a series, the file that is being written included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retain {
    /// So many files.
    Files(u64),
    /// So many bytes.
    Bytes(u64),
}

impl Rotation {
    /// The size at which a file is closed: where only the whole is bounded, an eighth of that.
    pub(super) fn file_size(&self) -> Option<u64> {
        self.size.or(match self.retain {
            Some(Retain::Bytes(bytes)) => Some(bytes / 8),
            _ => None,
        })
    }
}

/// A series of files in one directory.
#[derive(Debug)]
pub(super) struct Series {
    directory: PathBuf,
    stem: String,
    extension: String,
    next: u64,
    /// Files that are closed, the oldest first, with their sizes.
    closed: VecDeque<(PathBuf, u64)>,
}

impl Series {
    /// The series that `path` stands for, with the files that are there already.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let (stem, extension) = split(&name);
        let mut series = Self {
            directory,
            stem: stem.to_owned(),
            extension: extension.to_owned(),
            next: 1,
            closed: VecDeque::new(),
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(&series.directory)? {
            let entry = entry?;
            if let Some(number) = series.number(&entry.file_name().to_string_lossy())
                && let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                found.push((number, entry.path(), metadata.len()));
            }
        }
        found.sort();
        series.next = found.last().map_or(1, |(number, ..)| number.saturating_add(1));
        series.closed = found.into_iter().map(|(_, path, len)| (path, len)).collect();
        Ok(series)
    }

    /// The name of the next file.
    pub(super) fn next_path(&self, now: SystemTime) -> PathBuf {
        let time = Timestamp::try_from(now).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ");
        self.directory.join(format!("{}-{:06}-{time}{}", self.stem, self.next, self.extension))
    }

    /// The newest of the files that are closed.
    pub(super) fn newest(&self) -> Option<&Path> {
        self.closed.back().map(|(path, _)| path.as_path())
    }

    /// The next file was begun.
    pub(super) fn begun(&mut self) {
        self.next += 1;
    }

    /// A file was closed.
    pub(super) fn closed(&mut self, path: PathBuf, len: u64) {
        self.closed.push_back((path, len));
    }

    /// Removes the oldest files until `open` more bytes, in the file that is being written, fit.
    pub(super) fn make_room(&mut self, retain: Option<Retain>, open: u64) {
        while let Some((oldest, _)) = self.closed.front() {
            let fits = match retain {
                None => true,
                Some(Retain::Files(files)) => (self.closed.len() as u64) < files.max(1),
                Some(Retain::Bytes(bytes)) => {
                    self.closed.iter().map(|(_, len)| len).fold(open, |sum, len| sum.saturating_add(*len)) <= bytes
                }
            };
            if fits {
                return;
            }
            // What somebody else removed is gone as well; what cannot be removed is not tried again and again.
            let _ = fs::remove_file(oldest);
            self.closed.pop_front();
        }
    }

    /// The number in the name of a file of this series; `None` for any other name.
    fn number(&self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix(&self.stem)?.strip_prefix('-')?.strip_suffix(&self.extension)?;
        let (number, time) = rest.split_once('-')?;
        let digits = |text: &str, least: usize| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit());
        let (date, time) = time.strip_suffix('Z')?.split_once('T')?;
        (digits(number, 6) && date.len() == 8 && digits(date, 8) && time.len() == 6 && digits(time, 6))
            .then(|| number.parse().ok())?
    }
}

/// `session.ndjson.zst` is `session` and `.ndjson.zst`.
fn split(name: &str) -> (&str, &str) {
    let without = name.strip_suffix(".zst").unwrap_or(name);
    let stem = without.rfind('.').filter(|at| *at > 0).map_or(without, |at| &without[..at]);
    name.split_at(stem.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn names_have_a_number_and_a_time_and_sort_by_the_number() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut series = Series::open(&directory.path().join("session.ndjson.zst")).expect("a series");
        let first = series.next_path(at(1_763_996_103));
        series.begun();
        // The wall clock was put back by a day.
        let second = series.next_path(at(1_763_996_103 - 86_400));
        let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(name(&first), "session-000001-20251124T145503Z.ndjson.zst");
        assert_eq!(name(&second), "session-000002-20251123T145503Z.ndjson.zst");
        assert!(first < second);
    }

    #[test]
    fn numbers_go_on_after_the_newest_file_that_is_there() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in [
            "a-000003-20251124T145503Z.ndjson",
            "a-000011-20251124T145503Z.ndjson",
            "ab-000020-20251124T145503Z.ndjson",
        ] {
            fs::write(directory.path().join(name), "x").expect("written");
        }
        let series = Series::open(&directory.path().join("a.ndjson")).expect("a series");
        assert!(series.next_path(at(0)).ends_with("a-000012-19700101T000000Z.ndjson"));
        assert!(series.newest().expect("the newest").ends_with("a-000011-20251124T145503Z.ndjson"));
    }

    #[test]
    fn only_files_of_the_series_are_ever_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let others = [
            "session.ndjson",
            "session-000001.ndjson",
            "session-000001-20251124T145503Z.ndjson.zst",
            "session-1-20251124T145503Z.ndjson",
            "session-000001-2025112XT145503Z.ndjson",
            "session-000001-20251124T145503Z-mine.ndjson",
            "other-000001-20251124T145503Z.ndjson",
        ];
        let own = ["session-000001-20251124T145503Z.ndjson", "session-000002-20251124T145503Z.ndjson"];
        for name in others.iter().chain(&own) {
            fs::write(directory.path().join(name), "ten bytes.").expect("written");
        }
        let mut series = Series::open(&directory.path().join("session.ndjson")).expect("a series");
        series.make_room(Some(Retain::Bytes(25)), 10);
        assert!(!directory.path().join(own[0]).exists(), "the oldest goes first");
        assert!(directory.path().join(own[1]).exists());
        series.make_room(Some(Retain::Files(1)), 0);
        let mut left: Vec<_> = others.map(str::to_owned).to_vec();
        left.sort();
        assert_eq!(names(directory.path()), left);
    }

    #[test]
    fn a_name_is_split_before_its_endings() {
        assert_eq!(split("session.ndjson.zst"), ("session", ".ndjson.zst"));
        assert_eq!(split("nfs.srv1.ndjson"), ("nfs.srv1", ".ndjson"));
        assert_eq!(split("session.zst"), ("session", ".zst"));
        assert_eq!(split("session"), ("session", ""));
        assert_eq!(split(".hidden"), (".hidden", ""));
    }
}
