//! Standard input, as something to wait for.

use std::{
    io::{self, IsTerminal as _, Read as _, Write as _},
    os::unix::net::UnixStream as Pair,
    thread,
};

use anyhow::{Context as _, Result, bail};
use tokio::net::UnixStream;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// Reads standard input in a thread of its own, which holds up nobody: not the other sources while nothing comes, and not
/// the end of the program. Needs a tokio runtime with I/O.
///
/// # Errors
///
/// Where it is a terminal, since nobody types a session.
pub fn open() -> Result<UnixStream> {
    if io::stdin().is_terminal() {
        bail!(
            "`-` reads a session from standard input, which is a terminal: `ssh HOST nfsgrace record - | nfsgrace …`"
        );
    }
    let (ours, mut theirs) = Pair::pair().context("cannot read standard input")?;
    ours.set_nonblocking(true)?;
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut chunk = vec![0; CHUNK];
        loop {
            match io::stdin().lock().read(&mut chunk) {
                Ok(length @ 1..) if theirs.write_all(&chunk[..length]).is_ok() => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    })?;
    Ok(UnixStream::from_std(ours)?)
}
