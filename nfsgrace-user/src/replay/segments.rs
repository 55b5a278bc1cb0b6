//! Which files belong together: a recorder begins a new file now and then, and a host is recorded from boot to boot.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{record::Header, source::file::SessionFile};

/// A session file that is to be read.
pub(super) struct Segment {
    path: PathBuf,
    pub(super) header: Option<Box<Header>>,
    has_several: bool,
    /// What cannot be opened twice, a pipe, stays open.
    open: Option<SessionFile>,
}

impl Segment {
    /// A file that is open already.
    pub(super) fn of(file: SessionFile) -> Self {
        let header = file.header().cloned().map(Box::new);
        Self { path: PathBuf::from(file.name()), header, has_several: file.has_several(), open: Some(file) }
    }

    /// Opens it, at its beginning.
    pub(super) fn open(&mut self) -> Result<SessionFile> {
        match self.open.take() {
            Some(file) => Ok(file),
            None => open(&self.path),
        }
    }

    /// Bytes that it has, where that is known.
    pub(super) fn size(&self) -> Option<u64> {
        match &self.open {
            Some(file) => file.progress().of,
            None => std::fs::metadata(&self.path).ok().map(|metadata| metadata.len()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has several hosts.
    pub(super) fn has_several(&self) -> bool {
        self.has_several
    }

    pub(super) fn is_pipe(&self) -> bool {
        self.open.is_some()
    }
}

fn open(path: &Path) -> Result<SessionFile> {
    SessionFile::open(path).with_context(|| shown(path))
}

pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// The files of one host and boot, or those that have several hosts, in order of time.
pub(super) type Group = Vec<Segment>;

/// Looks at all files, and puts those of one host and boot together. What was given first comes first.
///
/// Files in which a recorder had only begun to write are left out where there are others, and named.
pub(super) fn groups(paths: &[PathBuf]) -> Result<(Vec<Group>, Vec<String>)> {
    if paths.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        bail!("standard input can be read only once");
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut left_out = Vec::new();
    let mut first_error = None;
    for path in paths {
        let file = match SessionFile::open(path) {
            Ok(file) => file,
            Err(error) if error.is_mere_beginning() => {
                left_out.push(format!("{} {error}", shown(path)));
                first_error.get_or_insert_with(|| anyhow!("{} {error}", shown(path)));
                continue;
            }
            Err(error) => bail!("{}: {error}", shown(path)),
        };
        let mut segment = Segment { path: path.clone(), ..Segment::of(file) };
        // What can be opened once more is not kept open.
        segment.open = segment.open.filter(|file| file.progress().of.is_none());
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| belong_together(first, &segment))) {
            Some(group) => group.push(segment),
            None => groups.push(vec![segment]),
        }
    }
    for group in &mut groups {
        group.sort_by_key(|segment| {
            segment.header.as_ref().map(|header| {
                // Files with several hosts may have been recorded in different boots.
                let boot = if segment.has_several() { header.realtime_minus_boottime_ns } else { 0 };
                let began = i128::from(header.started.0) + i128::from(boot);
                (began, header.continues.as_ref().map(|continues| continues.part))
            })
        });
    }
    match first_error {
        Some(error) if groups.is_empty() => Err(error),
        _ => Ok((groups, left_out)),
    }
}

fn belong_together(one: &Segment, other: &Segment) -> bool {
    if one.has_several() || other.has_several() {
        return one.has_several() && other.has_several();
    }
    let boot = |segment: &Segment| segment.header.as_ref().map(|it| it.boot_id.clone()).filter(|id| !id.is_empty());
    boot(one).is_some() && boot(one) == boot(other)
}
