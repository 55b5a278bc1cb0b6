//! Recordings, conducted to their end.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Result, bail};

use crate::{
    conductor::Conductor,
    paired::Clocks,
    record::{Line, Selection, Stamp},
    replay::{Progress, Recordings, Told},
    session::Update,
};

/// Lines read between two looks at how far reading has come.
const BREATH: u32 = 4096;
const CANNOT_TWICE: &str = "standard input cannot be read twice, as several hosts are: save it in a file first";

/// Recordings that are being read, and whoever conducts them.
pub struct Reading<'a> {
    recordings: Recordings,
    /// Who is given its lines.
    pub conductor: Conductor,
    tell: &'a mut dyn FnMut(Progress<'_>),
    breath: u32,
}

/// Opens session files (`-` is standard input) to be read once, and finds who conducts them.
///
/// # Errors
///
/// Where a file cannot be read, or is no session: what is wrong, and what to do. Where what is asked for can only be found
/// when several hosts are known from the beginning: then standard input will not do.
pub fn begin(files: &[PathBuf], selection: &Selection, clocks: Clocks) -> Result<(Recordings, Conductor)> {
    conducted(Recordings::open(files)?, selection, clocks)
}

fn conducted(recordings: Recordings, selection: &Selection, clocks: Clocks) -> Result<(Recordings, Conductor)> {
    let several = recordings.several();
    if several && !selection.window.is_all() {
        bail!("{CANNOT_TWICE}");
    }
    let end = if selection.window.needs_end() { recordings.end()? } else { Stamp::default() };
    let conductor = Conductor::new(clocks, several, selection.clone()).ending_at(end);
    Ok((recordings, conductor))
}

/// Reads session files to their end; `tell` is told now and then how far it has come.
///
/// # Errors
///
/// As [`begin`].
pub fn read(
    files: &[PathBuf],
    selection: &Selection,
    clocks: Clocks,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<Conductor> {
    if *selection == Selection::default() {
        let (recordings, conductor) = begin(files, selection, clocks)?;
        return Reading::new(recordings, conductor, tell).to_the_end();
    }
    Reading::knowing(files, selection, clocks, tell)?.to_the_end()
}

/// Reads all of several hosts, for what they come to together.
///
/// # Errors
///
/// As [`begin`].
pub fn know(files: &[PathBuf], clocks: Clocks, tell: &mut dyn FnMut(Progress<'_>)) -> Result<Conductor> {
    if files.iter().any(|file| file == Path::new("-")) {
        bail!("{CANNOT_TWICE}");
    }
    read(files, &Selection::default(), clocks, tell)
}

impl<'a> Reading<'a> {
    /// Session files, conducted by somebody who knows from the beginning what several hosts come to together: these are read
    /// twice.
    ///
    /// # Errors
    ///
    /// As [`begin`].
    pub fn knowing(
        files: &[PathBuf],
        selection: &Selection,
        clocks: Clocks,
        tell: &'a mut dyn FnMut(Progress<'_>),
    ) -> Result<Self> {
        let recordings = Recordings::open(files)?;
        if !recordings.several() {
            let (recordings, conductor) = conducted(recordings, selection, clocks)?;
            return Ok(Self::new(recordings, conductor, tell));
        }
        let known = Arc::new(know(files, clocks, tell)?);
        let recordings = Recordings::open(files)?;
        Ok(Self::new(recordings, Conductor::again(known, selection.clone()), tell))
    }

    fn new(recordings: Recordings, mut conductor: Conductor, tell: &'a mut dyn FnMut(Progress<'_>)) -> Self {
        join_all(&mut conductor, &recordings);
        Self { recordings, conductor, tell, breath: 0 }
    }

    /// Reads to the end, where only that matters.
    ///
    /// # Errors
    ///
    /// Where a file cannot be opened any more, or the selection is of what is not there.
    pub fn to_the_end(mut self) -> Result<Conductor> {
        while let Some(next) = self.recordings.next().transpose()? {
            self.conductor.take_unseen(next.host, &next.line);
            self.breathe();
        }
        let (mut conductor, told) = self.finish()?;
        conductor.order_by(|source| told.get(source).map(|told| told.place));
        Ok(conductor)
    }

    /// Reads to the end, and calls `each` with each line that is asked for, its host, and what it changed there.
    ///
    /// # Errors
    ///
    /// As [`Self::to_the_end`], and whatever `each` answers.
    pub fn each(
        mut self,
        mut each: impl FnMut(&mut Conductor, usize, &Line, &Update) -> Result<()>,
    ) -> Result<Conductor> {
        while let Some(next) = self.recordings.next().transpose()? {
            if let Some((host, update)) = self.conductor.take(next.host, &next.line) {
                each(&mut self.conductor, host, &next.line, &update)?;
            }
            self.breathe();
        }
        Ok(self.finish()?.0)
    }

    fn breathe(&mut self) {
        self.breath += 1;
        if self.breath == BREATH {
            self.breath = 0;
            (self.tell)(self.recordings.progress());
        }
    }

    fn finish(self) -> Result<(Conductor, Vec<Told>)> {
        let Self { recordings, mut conductor, .. } = self;
        let told = recordings.finish();
        know_files(&mut conductor, &told);
        conductor.finish_selected()?;
        Ok((conductor, told))
    }
}

/// What must be said about files is said of the hosts that they tell of.
pub(super) fn know_files(conductor: &mut Conductor, told: &[Told]) {
    for (source, Told { files, notes, .. }) in told.iter().enumerate() {
        conductor.know_files(source, files.clone(), notes.clone());
    }
}

/// Hosts that are known before anything is read are numbered as they were named.
pub(super) fn join_all(conductor: &mut Conductor, recordings: &Recordings) {
    for (number, header) in recordings.hosts().filter_map(|host| Some((host.number, host.header?))) {
        conductor.join(number, header);
    }
}
