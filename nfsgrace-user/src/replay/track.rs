//! Files that follow each other: those of one host, or those that have several.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Result, anyhow, bail};

use super::{
    Next, Order,
    hosts::Hosts,
    notes::Notes,
    segments::{Group, Segment, shown},
};
use crate::{
    record::{Header, Item, Line, Stamp},
    source::file::{self, SessionFile},
};

/// Files of one host, or of the same hosts, in order.
pub(super) struct Track {
    number: usize,
    segments: VecDeque<Segment>,
    file: Option<Reading>,
    /// The host of each of the sources of the file; in a file of one host that is source `None`.
    places: BTreeMap<Option<usize>, usize>,
    /// What is to be told before the file is read on.
    ready: VecDeque<(usize, Line)>,
    next: Option<Next>,
    /// Bytes of the files that have been read.
    read: u64,
    has_several: bool,
    /// What the sources are called, where its files have several.
    sources: Vec<String>,
    is_pipe: bool,
}

/// The file that is being read.
struct Reading {
    file: SessionFile,
    name: String,
    notes: Notes,
    /// Hosts that it has lines of.
    hosts: BTreeSet<usize>,
}

impl Track {
    pub(super) fn new(number: usize, group: Group, hosts: &mut Hosts) -> Self {
        let has_several = group.iter().any(Segment::has_several);
        let mut places = BTreeMap::new();
        let headers = group.iter().filter_map(|segment| segment.header.as_ref());
        let mut sources: Vec<String> = headers.flat_map(|header| header.sources.clone()).collect();
        let mut seen = BTreeSet::new();
        sources.retain(|source| seen.insert(source.clone()));
        if !has_several {
            let header = group.first().and_then(|segment| segment.header.as_deref());
            let names: Vec<_> = group.iter().map(|segment| shown(segment.path())).collect();
            places.insert(None, hosts.find((number, 0), &names.join(", "), header));
        }
        Self {
            number,
            is_pipe: group.iter().any(Segment::is_pipe),
            segments: group.into(),
            file: None,
            places,
            ready: VecDeque::new(),
            next: None,
            read: 0,
            has_several,
            sources,
        }
    }

    /// What its sources are called, as far as that is known before anything is read.
    pub(super) fn sources(&self) -> &[String] {
        &self.sources
    }

    pub(super) fn has_several(&self) -> bool {
        self.has_several
    }

    pub(super) fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    pub(super) fn read(&self) -> u64 {
        self.read + self.file.as_ref().map_or(0, |reading| reading.file.progress().read)
    }

    pub(super) fn file(&self) -> Option<&str> {
        Some(&self.file.as_ref()?.name)
    }

    /// When the last of its files ends; before anything is read.
    pub(super) fn end(&self) -> Result<Stamp> {
        let mut latest = Stamp(0);
        for segment in &self.segments {
            let name = shown(segment.path());
            if segment.is_pipe() {
                bail!("a time before the end needs a session whose end is known: save {name} in a file first");
            }
            latest = latest.max(file::end(segment.path()).map_err(|error| anyhow!("{name}: {error}"))?);
        }
        Ok(latest)
    }

    /// When its next line comes.
    pub(super) fn next_at(&mut self, hosts: &mut Hosts, order: &Order) -> Result<Option<i64>> {
        if self.next.is_none()
            && let Some((host, line)) = self.next(hosts)?
        {
            self.next = Some(Next::new(host, line, hosts, order));
        }
        Ok(self.next.as_ref().map(|next| next.at))
    }

    pub(super) fn take(&mut self) -> Option<Next> {
        self.next.take()
    }

    /// The next line that says something new, and of which host.
    pub(super) fn next(&mut self, hosts: &mut Hosts) -> Result<Option<(usize, Line)>> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(Some(ready));
            }
            let Some(reading) = &mut self.file else {
                let Some(segment) = self.segments.pop_front() else {
                    hosts.ended(self.number);
                    return Ok(None);
                };
                self.begin(segment, hosts)?;
                continue;
            };
            let (source, line) = match reading.file.next() {
                Some(Ok(Item::Line(Line::Loss(loss)))) if self.has_several => {
                    // What the recorder lost, whichever host it was of.
                    self.lose(&loss.cause, loss.count, &loss.hides, hosts);
                    continue;
                }
                Some(Ok(Item::Line(line))) => (None, line),
                Some(Ok(Item::From { source, line })) => (Some(source), line),
                Some(Ok(Item::Skipped(skipped))) => {
                    if let Some((cause, hides)) = reading.notes.skipped(skipped) {
                        self.lose(cause, 1, hides, hosts);
                    }
                    continue;
                }
                Some(Err(error)) => {
                    // What came before is worth a report all the same.
                    let (cause, hides) = reading.notes.unreadable(&reading.name, &error);
                    self.lose(cause, 1, hides, hosts);
                    continue;
                }
                None => {
                    self.close(hosts);
                    continue;
                }
            };
            if let Line::Header(header) = &line {
                self.header(source, header, hosts);
            }
            let Some(&host) = self.places.get(&source) else { continue };
            if !hosts.takes(host, self.number, &line) {
                continue;
            }
            if self.ready.is_empty() {
                return Ok(Some((host, line)));
            }
            // What was missed comes before the recorder that missed it.
            self.ready.push_back((host, line));
        }
    }

    fn begin(&mut self, mut segment: Segment, hosts: &mut Hosts) -> Result<()> {
        let file = segment.open()?;
        let name = file.name().to_owned();
        let mut notes = Notes::default();
        notes.begin(&name, file.newer_schema());
        let mut reading = Reading { file, name, notes, hosts: BTreeSet::new() };
        if segment.header.is_none()
            && let Some(&host) = self.places.get(&None)
        {
            hosts.begin(host, self.number, &reading.name, None);
            reading.hosts.insert(host);
        }
        self.file = Some(reading);
        Ok(())
    }

    /// A recorder of a host begins.
    fn header(&mut self, source: Option<usize>, header: &Header, hosts: &mut Hosts) {
        let Some(reading) = self.file.as_mut().filter(|_| header.sources.is_empty()) else { return };
        let host = match self.places.get(&source) {
            Some(known) if header.boot_id.is_empty() => *known,
            _ => {
                let name = source.and_then(|number| reading.file.source(number)).unwrap_or(&reading.name);
                let place = self.sources.iter().position(|source| source == name).unwrap_or(self.sources.len());
                hosts.find((self.number, place), name, Some(header))
            }
        };
        self.places.insert(source, host);
        if reading.hosts.insert(host) {
            let loss = hosts.begin(host, self.number, &reading.name, Some(header));
            self.ready.extend(loss.map(|loss| (host, Line::Loss(loss))));
        } else {
            hosts.begin_again(host, self.number, header);
        }
    }

    /// Something of the file is lost: whichever host it was of.
    fn lose(&mut self, cause: &str, count: u64, hides: &str, hosts: &Hosts) {
        let all: BTreeSet<usize> = self.places.values().copied().collect();
        let losses = all.into_iter().filter_map(|host| Some((host, hosts.loses(host, cause, count, hides)?)));
        self.ready.extend(losses);
    }

    /// The file has been read, as far as somebody wanted to.
    pub(super) fn close(&mut self, hosts: &mut Hosts) {
        let Some(Reading { file, name, mut notes, hosts: read }) = self.file.take() else { return };
        self.read += file.progress().read;
        notes.end(&name);
        for &host in &read {
            if let Some(count) = hosts.read_file(host, &name) {
                notes.covered(&name, count);
            }
        }
        hosts.say(read.first().copied().unwrap_or(0), notes.all());
    }
}
