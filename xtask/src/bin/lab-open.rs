//! Opens files in a lab guest and prints how long each open took.
//!
//! A shell needs 50–100 ms to start a command in an emulated guest, too much to time an open with. One line is printed
//! per open: `pid tid start_ns end_ns errno path`, the times on `CLOCK_BOOTTIME`, errno 0 when the open succeeded.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use rustix::{
    process::getpid,
    thread::gettid,
    time::{ClockId, clock_gettime},
};

/// Opens files for writing (created when missing) and prints how long each open took.
#[derive(Parser)]
struct Arguments {
    /// Opens for reading, and creates nothing.
    #[arg(long)]
    read: bool,
    /// Opens this many files named PATH-1, PATH-2, …, each in a thread of its own.
    #[arg(long)]
    tasks: Option<u32>,
    /// How many of those threads to start per second.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// What to open.
    path: PathBuf,
}

/// One open(2), timed.
struct Opened {
    tid: i32,
    start_ns: i128,
    end_ns: i128,
    errno: i32,
    path: PathBuf,
}

fn main() -> ExitCode {
    let Arguments { read, tasks, rate, path } = Arguments::parse();
    let opened = match tasks {
        None => vec![open(path, read)],
        Some(tasks) => open_many(&path, read, tasks, rate),
    };
    match print(&opened) {
        Ok(()) if opened.iter().all(|opened| opened.errno == 0) => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lab-open: {error}");
            ExitCode::FAILURE
        }
    }
}

fn open(path: PathBuf, read: bool) -> Opened {
    let mut options = OpenOptions::new();
    if read {
        options.read(true)
    } else {
        options.write(true).create(true).truncate(false)
    };
    let start_ns = boot_time();
    let result = options.open(&path);
    let end_ns = boot_time();
    let errno = result.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_file| 0);
    Opened { tid: gettid().as_raw_nonzero().get(), start_ns, end_ns, errno, path }
}

fn open_many(prefix: &Path, read: bool, tasks: u32, rate: u32) -> Vec<Opened> {
    let start = Instant::now();
    let threads: Vec<_> = (1..=tasks)
        .map(|number| {
            let due = Duration::from_secs(1) * (number - 1) / rate;
            thread::sleep(due.saturating_sub(start.elapsed()));
            let path = PathBuf::from(format!("{}-{number}", prefix.display()));
            thread::spawn(move || open(path, read))
        })
        .collect();
    threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
}

fn print(opened: &[Opened]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let pid = getpid().as_raw_nonzero();
    for Opened { tid, start_ns, end_ns, errno, path } in opened {
        writeln!(out, "{pid} {tid} {start_ns} {end_ns} {errno} {}", path.display())?;
    }
    out.flush()
}

fn boot_time() -> i128 {
    let now = clock_gettime(ClockId::Boottime);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}
