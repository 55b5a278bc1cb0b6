//! Passes on what a program prints in a lab guest, and notes when each line came.
//!
//! `lab-relay FILE`: standard input to standard output, at once; to FILE each line behind its time, nanoseconds of
//! `CLOCK_BOOTTIME`. That tells when somebody at the terminal could have read it.

use std::{
    env,
    fs::File,
    io::{self, BufRead as _, Write as _},
    process::ExitCode,
};

use rustix::time::{ClockId, clock_gettime};

fn main() -> ExitCode {
    match relay() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab-relay: {error}");
            ExitCode::FAILURE
        }
    }
}

fn relay() -> io::Result<()> {
    let path = env::args_os().nth(1).ok_or_else(|| io::Error::other("which file?"))?;
    let mut file = File::create(path)?;
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        if stdin.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let now = clock_gettime(ClockId::Boottime);
        let stamp = format!("{} ", i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec));
        stdout.write_all(&line)?;
        stdout.flush()?;
        file.write_all(&[stamp.as_bytes(), &line].concat())?;
    }
}
