//! Reads zstd frames, and outlives the damaged ones.
//!
//! A recorder ends a frame now and then. When it was killed, the last frame lacks its end: what is in it is read as far
//! as it goes. Where a frame is damaged, reading goes on with the next one that begins.

use std::io::{self, BufRead, Read};

use memchr::memmem;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

/// How a zstd frame begins.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Memory that a frame may ask for, as a power of two: 8 MiB, what `zstd -19` asks for.
const WINDOW_LOG_MAX: u32 = 23;
/// Bytes read and decompressed at a time; a block of zstd is no larger.
const CHUNK: usize = 128 << 10;

/// What was wrong with the compressed data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// The last frame has no end.
    Torn,
    /// So many compressed bytes could not be read.
    Corrupt(u64),
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Inside,
    /// Looking for the next frame; so many bytes were passed over.
    Lost(u64),
    End,
}

/// Decompresses what it reads.
pub(super) struct Frames<R> {
    from: R,
    decoder: Decoder<'static>,
    input: Vec<u8>,
    used: usize,
    output: Vec<u8>,
    given: usize,
    state: State,
    /// Bytes that the decoder wants next: fed piece by piece, a damaged block costs no more than itself.
    wants: usize,
    damage: Vec<Damage>,
    /// Whether a frame was read to its end.
    has_read: bool,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(from: R) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self {
            from,
            decoder,
            input: Vec::with_capacity(CHUNK),
            used: 0,
            output: Vec::with_capacity(CHUNK),
            given: 0,
            state: State::Between,
            wants: MAGIC.len(),
            damage: Vec::new(),
            has_read: false,
        })
    }

    /// What was wrong so far; forgets it.
    pub(super) fn damage(&mut self) -> Option<Damage> {
        if self.damage.is_empty() { None } else { Some(self.damage.remove(0)) }
    }

    /// Reads more, and keeps what is not used yet. Whether there was more.
    fn read_more(&mut self) -> io::Result<bool> {
        self.input.drain(..self.used);
        self.used = 0;
        let kept = self.input.len();
        self.input.resize(kept + CHUNK, 0);
        let read = self.from.read(&mut self.input[kept..]);
        self.input.truncate(kept + read.as_ref().map_or(0, |&read| read));
        Ok(read? > 0)
    }

    fn unused(&self) -> &[u8] {
        &self.input[self.used..]
    }

    /// Decompresses a piece into the empty output, or finds out that there is no more.
    fn step(&mut self) -> io::Result<()> {
        match self.state {
            State::End => {}
            State::Lost(skipped) => self.look_for_frame(skipped)?,
            State::Between | State::Inside => {
                if self.unused().is_empty() && !self.read_more()? {
                    if self.state == State::Inside {
                        self.damage.push(Damage::Torn);
                    }
                    self.state = State::End;
                    return Ok(());
                }
                self.decompress()?;
            }
        }
        Ok(())
    }

    fn decompress(&mut self) -> io::Result<()> {
        let piece = &self.input[self.used..];
        let piece = &piece[..piece.len().min(self.wants.max(1))];
        self.output.clear();
        self.given = 0;
        let mut input = InBuffer::around(piece);
        let mut output = OutBuffer::around(&mut self.output);
        let run = self.decoder.run(&mut input, &mut output);
        let used = input.pos();
        match run {
            Ok(wants) => {
                self.used += used;
                self.has_read |= wants == 0;
                self.state = if wants == 0 { State::Between } else { State::Inside };
                self.wants = if wants == 0 { MAGIC.len() } else { wants };
                Ok(())
            }
            // Behind a frame that was read, it is rather damage that asks for so much.
            Err(error) if !self.has_read && error.to_string().contains("too much memory") => Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                "it was compressed to be unpacked with more than 8 MiB of memory: unpack it first, with `zstd -d --long=31`",
            )),
            Err(_) => {
                self.decoder.reinit()?;
                self.wants = MAGIC.len();
                self.state = State::Lost(0);
                Ok(())
            }
        }
    }

    fn look_for_frame(&mut self, skipped: u64) -> io::Result<()> {
        // What could not be read may begin like a frame itself.
        let from = usize::from(skipped == 0).min(self.unused().len());
        if let Some(found) = memmem::find(&self.unused()[from..], &MAGIC) {
            self.used += from + found;
            self.damage.push(Damage::Corrupt(skipped + (from + found) as u64));
            self.state = State::Between;
            // What was cut off must not run into what follows.
            self.output.clear();
            self.output.push(b'\n');
            self.given = 0;
            return Ok(());
        }
        // A frame may begin in the last bytes.
        let passed = self.unused().len().saturating_sub(MAGIC.len() - 1);
        self.used += passed;
        self.state = State::Lost(skipped + passed as u64);
        if !self.read_more()? {
            let rest = self.unused().len() as u64;
            self.damage.push(Damage::Corrupt(skipped + passed as u64 + rest));
            self.state = State::End;
        }
        Ok(())
    }
}

impl<R: Read> BufRead for Frames<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.given == self.output.len() && self.state != State::End {
            self.output.clear();
            self.given = 0;
            self.step()?;
        }
        Ok(&self.output[self.given..])
    }

    fn consume(&mut self, amount: usize) {
        self.given = (self.given + amount).min(self.output.len());
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let amount = available.len().min(into.len());
        into[..amount].copy_from_slice(&available[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

/// Whether a file that begins like this holds zstd frames; one that a program may skip can come first.
pub(super) fn begins(start: &[u8]) -> bool {
    start == MAGIC || matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18])
}
