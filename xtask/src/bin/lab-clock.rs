//! Measures how far the clocks of two lab guests are apart, without NFS.
//!
//! `lab-clock serve ADDRESS:PORT` answers each datagram with the times at which it came and the answer left.
//! `lab-clock ask ADDRESS:PORT` asks until it is killed, and prints a line per answer: `sent arrived answered received`, the
//! outer two on its own `CLOCK_BOOTTIME`, the inner two on the other's, nanoseconds. A request arrives after it was sent and
//! an answer is received after it left, so the difference (theirs minus ours) is at least `answered - received` and at most
//! `arrived - sent`. That holds whatever the clocks do; between two answers it holds as far as one knows how fast they drift
//! apart (`xtask/src/witness/paired.rs` assumes 500 millionths for each, and uses nothing where these lines contradict it).

use std::{
    env,
    io::{self, Write as _},
    net::UdpSocket,
    process::ExitCode,
    thread,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Questions in a row: of several, some are answered at once.
const BURST: u64 = 8;
const BETWEEN_BURSTS: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", address] => serve(address),
        ["ask", address] => ask(address),
        _ => Err(io::Error::other("serve ADDRESS:PORT, or ask ADDRESS:PORT")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab-clock: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(address)?;
    let mut question = [0; 8];
    loop {
        let (length, from) = socket.recv_from(&mut question)?;
        let arrived = boot_time();
        if length == question.len() {
            let answer = [question, arrived.to_le_bytes(), boot_time().to_le_bytes()].concat();
            socket.send_to(&answer, from)?;
        }
    }
}

fn ask(address: &str) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut out = io::stdout().lock();
    for question in 0_u64.. {
        let sent = boot_time();
        socket.send(&question.to_le_bytes())?;
        let mut answer = [0; 24];
        // A lost answer is no trouble, nor is one that comes so late that another was asked for meanwhile.
        if socket.recv(&mut answer).is_ok_and(|length| length == answer.len()) {
            let received = boot_time();
            let word =
                |at: usize| answer[at..at + 8].iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte));
            if word(0) == question {
                writeln!(out, "{sent} {} {} {received}", word(8), word(16))?;
                out.flush()?;
            }
        }
        if question % BURST == BURST - 1 {
            thread::sleep(BETWEEN_BURSTS);
        }
    }
    Ok(())
}

fn boot_time() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    // Neither is negative: the clock starts at boot.
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}
