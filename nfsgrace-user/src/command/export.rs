//! `nfsgrace export`: makes something else of recorded sessions.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    cli::{Export, ExportFormat},
    record::{Item, Reader, Stamp},
    session::Session,
    view::picture::{self, Picture, Place, svg},
};

pub(super) fn run(args: &Export) -> Result<ExitCode> {
    let format = args.format()?;
    let out = Target::of(&args.output, &args.files)?;
    let replayed = args.files.iter().map(|file| replay(file)).collect::<Result<Vec<_>>>()?;
    let text = match format {
        ExportFormat::Html => picture::html::page(&draw(&replayed)),
        ExportFormat::Svg => svg::draw(&draw(&replayed), svg::Head::Verdicts),
    };
    out.write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A recorded session, as it stood at its end.
struct Replayed {
    session: Session,
    now: Stamp,
    /// What must be said about the reading of it.
    notes: Vec<String>,
}

/// Reads a session to its end.
fn replay(file: &Path) -> Result<Replayed> {
    let name = file.display();
    let from: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).with_context(|| format!("cannot open {name}"))?))
    };
    let mut session = Session::new();
    let (mut understood, mut skipped) = (0_u64, 0_u64);
    for item in Reader::new(from) {
        match item.with_context(|| format!("cannot read {name}"))? {
            Item::Line(line) => {
                understood += 1;
                session.record(line);
            }
            Item::Skipped(_) => skipped += 1,
        }
    }
    if understood == 0 {
        bail!("{name} holds no session: give a file that `nfsgrace watch --record` wrote");
    }
    let now = session.timeline().now().max(session.timeline().host().started);
    session.finish(now);
    let notes = if skipped == 0 { Vec::new() } else { vec![format!("{name}: {skipped} lines could not be read.")] };
    Ok(Replayed { session, now, notes })
}

/// The picture of all sessions. One is drawn on its own clock; several on the wall clock, as far as it can be trusted.
fn draw(replayed: &[Replayed]) -> Picture {
    let mut notes: Vec<_> = replayed.iter().flat_map(|it| it.notes.iter().cloned()).collect();
    let boots: Vec<_> = replayed.iter().map(|it| it.session.header().map(|header| &header.boot_id)).collect();
    if boots.windows(2).all(|pair| pair[0] == pair[1]) {
        let places: Vec<_> = replayed.iter().map(|it| Place::alone(&it.session, it.now)).collect();
        return Picture::of(&places, notes);
    }
    notes.push("Several hosts, put together by their wall clocks: how far these differ is not known.".to_owned());
    let offset = |session: &Session| session.clock().map_or(0, |clock| clock.realtime_minus_boottime_ns);
    let first = replayed.first().map_or(0, |it| offset(&it.session));
    let maps: Vec<_> = replayed
        .iter()
        .map(|it| {
            let shift = (i128::from(offset(&it.session)) - i128::from(first)) as f64 / 1e9;
            move |at: Stamp| picture::seconds(at) + shift
        })
        .collect();
    let places: Vec<_> = replayed
        .iter()
        .zip(&maps)
        .map(|(it, map)| Place { session: &it.session, now: it.now, to_axis: map, error_s: 0.0 })
        .collect();
    Picture::of(&places, notes)
}

/// Where the result goes.
#[derive(Debug)]
enum Target {
    Stdout,
    /// A pipe, a terminal or another device: written as it comes.
    Stream(PathBuf),
    /// A file: replaced when the new one is complete, so that there never is a half one.
    File(PathBuf),
}

impl Target {
    fn of(path: &Path, sources: &[PathBuf]) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let name = path.display();
        let Ok(there) = fs::metadata(path) else { return Ok(Self::File(path.to_owned())) };
        let same = |file: &Path| fs::metadata(file).is_ok_and(|it| (it.dev(), it.ino()) == (there.dev(), there.ino()));
        if there.is_dir() {
            bail!("{name} is a directory: give the name of a file");
        }
        if there.file_type().is_fifo() || there.file_type().is_char_device() {
            return Ok(Self::Stream(path.to_owned()));
        }
        if sources.iter().any(|file| same(file)) {
            bail!("{name} is the session itself: give another name for the output");
        }
        // A link stays one: what it leads to is replaced.
        Ok(Self::File(fs::canonicalize(path).with_context(|| format!("cannot write {name}"))?))
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()?;
            }
            Self::Stream(path) => {
                let cannot = || format!("cannot write {}", path.display());
                File::options().write(true).open(path).with_context(cannot)?.write_all(bytes)?;
            }
            Self::File(path) => replace(path, bytes).with_context(|| format!("cannot write {}", path.display()))?,
        }
        Ok(())
    }
}

/// Writes a file beside the old one, and gives it its name when it is complete.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    // As any new file: what the umask leaves of this.
    let permissions = fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().prefix(".nfsgrace-").permissions(permissions).tempfile_in(beside)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
