//! Going on in a new file.

use std::{
    fs, io,
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use super::{Notice, Store, current::Current, medium::Failed, open};
use crate::record::{Continues, Header, Line, Stamp};

/// How soon the next file is tried again when it could not be begun.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// The header of a file that continues the one `before`.
fn goes_on(header: Header, before: &str, repeats: u64, t: Stamp) -> Header {
    let part = header.continues.as_ref().map_or(1, |continues| continues.part).saturating_add(1);
    Header { continues: Some(Continues { file: before.to_owned(), part, repeats, t }), ..header }
}

impl Store {
    pub(super) fn new_file_is_due(&self, now: Instant) -> bool {
        let Some((_, rotation)) = &self.series else { return false };
        let own = self.current.medium.len().saturating_sub(self.current.repeated);
        let long_enough = rotation.file_size().is_some_and(|size| own >= size);
        let age = now.saturating_duration_since(self.current.began);
        let old_enough = rotation.age.is_some_and(|most| age >= most);
        (long_enough || old_enough) && self.stuck.is_none_or(|until| now >= until)
    }

    /// Goes on in a new file; where that fails, in this one.
    pub(super) fn next_file(&mut self, now: Instant) {
        let path = match &self.series {
            Some((series, _)) => series.next_path(SystemTime::now()),
            None => self.current.path.clone(),
        };
        match self.begin_file(&path, now) {
            Ok(next) => {
                // The file before is whole for every tool; what fails here was written all the same.
                let _ = self.end_frame(now);
                let mut before = std::mem::replace(&mut self.current, next);
                if let (Some(disk), Some(file)) = (&self.disk, before.file.take()) {
                    disk.keep(&file);
                    if open::was_removed(&file) {
                        let next = self.current.path.clone();
                        self.notices.push(Notice::Removed { file: before.path.clone(), next });
                    } else if let Some((series, _)) = &mut self.series {
                        series.closed(before.path.clone(), before.medium.len());
                    }
                }
                if let Some((series, rotation)) = &mut self.series {
                    series.begun();
                    series.make_room(rotation.retain, self.current.medium.len());
                }
                self.stuck = None;
                self.written.files += 1;
                self.written.bytes += self.current.medium.len();
                self.keep_name();
            }
            Err(error) => {
                if self.stuck.replace(now + TRY_AGAIN).is_none() {
                    self.notices.push(Notice::NoNextFile { file: path, error });
                }
            }
        }
    }

    /// A new file with all that it needs to stand alone.
    fn begin_file(&mut self, path: &Path, now: Instant) -> io::Result<Current> {
        let mut next = Current::new(open::new_file(path)?, now)?;
        let before = self.current.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let recorder = self.recorder.clone().map(|header| goes_on(header, &before, 0, self.latest));
        if let Some(header) = &recorder {
            next.push("", &Line::Header(Box::new(header.clone())), true)?;
        }
        let mut headers = Vec::new();
        for (source, host) in &self.hosts {
            let repeated = host.outline.repeated(host.latest, &before);
            if let Some(header) = host.header.clone() {
                let header = goes_on(header, &before, repeated.len() as u64, host.latest);
                next.push(source, &Line::Header(Box::new(header.clone())), true)?;
                headers.push((source.clone(), header));
            }
            for line in &repeated {
                next.push(source, line, true)?;
            }
        }
        match next.append(now) {
            Ok(()) => {
                self.recorder = recorder;
                for (source, header) in headers {
                    self.hosts.entry(source).or_default().header = Some(header);
                }
                next.repeated = next.medium.len();
                Ok(next)
            }
            Err(Failed { error, .. }) => {
                // What it holds is of no use without the rest.
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Has the disk keep the name of the file that was just made.
    pub(super) fn keep_name(&self) {
        if let (Some(disk), Some(parent)) = (&self.disk, self.current.path.parent()) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            disk.keep_names(parent.to_owned());
        }
    }
}
