//! From lines to the bytes of a file, such that it can be cut anywhere.

use std::io;

use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation as _, OutBuffer};

/// zstd's own default.
const LEVEL: i32 = 3;
/// Lines repeat themselves soon or never, and whoever reads has to keep this much: 128 KiB.
const WINDOW_LOG: u32 = 17;
/// A frame is closed when it holds this much text, so that a damaged place costs no more than that.
const FRAME_TEXT: usize = 1 << 20;
/// An empty raw block, marked as the last one (RFC 8878 §3.1.1.2): ends a frame at the boundary of a block.
const END_OF_FRAME: [u8; 3] = [1, 0, 0];

/// What is to be appended to a file next.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// Where in them each line ends: there they can be cut.
    pub(super) ends: Vec<usize>,
}

impl Chunk {
    /// How many of its lines are whole in its first `written` bytes, and where the last of them ends.
    pub(super) fn whole(&self, written: usize) -> (usize, usize) {
        let lines = self.ends.partition_point(|end| *end <= written);
        (lines, lines.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0))
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// How lines become bytes.
pub(super) enum Encoding {
    /// As they are.
    Plain,
    /// As frames of zstd.
    Zstd(Box<Frames>),
}

/// zstd frames under construction.
pub(super) struct Frames {
    encoder: Encoder<'static>,
    /// Text in the frame that is open; `None` where none is.
    open: Option<usize>,
    /// Whether the file ends inside of a frame that the encoder knows nothing of any more.
    torn: bool,
}

impl Encoding {
    pub(super) fn plain() -> Self {
        Self::Plain
    }

    pub(super) fn zstd() -> io::Result<Self> {
        let mut encoder = Encoder::new(LEVEL)?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        Ok(Self::Zstd(Box::new(Frames { encoder, open: None, torn: false })))
    }

    /// Whether the file, once all is written, ends inside of a frame.
    pub(super) fn in_frame(&self) -> bool {
        matches!(self, Self::Zstd(frames) if frames.torn || frames.open.is_some())
    }

    /// Appends a line, which ends in a newline, in a block of its own.
    pub(super) fn push(&mut self, line: &[u8], chunk: &mut Chunk) -> io::Result<()> {
        match self {
            Self::Plain => chunk.bytes.extend_from_slice(line),
            Self::Zstd(frames) => {
                if frames.open.is_some_and(|text| text >= FRAME_TEXT) || frames.torn {
                    frames.end(chunk)?;
                }
                frames.block(line, chunk)?;
            }
        }
        chunk.ends.push(chunk.bytes.len());
        Ok(())
    }

    /// Closes the frame that is open, if one is.
    pub(super) fn end_frame(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        match self {
            Self::Plain => Ok(()),
            Self::Zstd(frames) => frames.end(chunk),
        }
    }

    /// Begins anew: the file was cut to where it ended before the chunk, or after one of its lines (`in_frame`).
    pub(super) fn was_cut(&mut self, in_frame: bool) {
        if let Self::Zstd(frames) = self {
            frames.open = None;
            frames.torn = in_frame;
        }
    }
}

impl Frames {
    fn block(&mut self, line: &[u8], chunk: &mut Chunk) -> io::Result<()> {
        if self.open.is_none() {
            self.encoder.reinit()?;
        }
        let mut input = InBuffer::around(line);
        while input.pos() < line.len() {
            grow(&mut chunk.bytes, |out| self.encoder.run(&mut input, out))?;
        }
        while grow(&mut chunk.bytes, |out| self.encoder.flush(out))? > 0 {}
        *self.open.get_or_insert(0) += line.len();
        Ok(())
    }

    fn end(&mut self, chunk: &mut Chunk) -> io::Result<()> {
        if std::mem::take(&mut self.torn) {
            chunk.bytes.extend_from_slice(&END_OF_FRAME);
        } else if self.open.take().is_some() {
            while grow(&mut chunk.bytes, |out| self.encoder.finish(out, true))? > 0 {}
        }
        Ok(())
    }
}

/// Runs a step of the encoder with room at the end of `bytes`.
fn grow(bytes: &mut Vec<u8>, step: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> io::Result<usize>) -> io::Result<usize> {
    bytes.reserve(1024);
    let at = bytes.len();
    step(&mut OutBuffer::around_pos(bytes, at))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn text(bytes: &[u8]) -> String {
        let mut text = String::new();
        // A torn frame gives what it holds, and then an error.
        let _ = zstd::stream::read::Decoder::new(bytes).expect("a decoder").read_to_string(&mut text);
        text
    }

    fn line(number: usize) -> String {
        format!("{{\"type\":\"event\",\"t\":{number}000,\"event\":\"refused\",\"comm\":\"nfsd\"}}\n")
    }

    #[test]
    fn each_line_is_a_block_that_can_be_read_when_the_next_one_is_torn() {
        let (mut encoding, mut chunk) = (Encoding::zstd().expect("an encoder"), Chunk::default());
        let lines: Vec<_> = (0..20).map(line).collect();
        for line in &lines {
            encoding.push(line.as_bytes(), &mut chunk).expect("encoded");
        }
        for cut in 0..=chunk.bytes.len() {
            let (whole, end) = chunk.whole(cut);
            assert!(end <= cut);
            let read = text(&chunk.bytes[..cut]);
            // A block that zstd left as it was may give a part of its line: never its end.
            let torn = read.strip_prefix(&lines[..whole].concat()).unwrap_or_else(|| panic!("cut at {cut}: {read}"));
            assert!(torn.is_empty() || lines[whole].trim_end().starts_with(torn), "cut at {cut}: {torn}");
        }
    }

    #[test]
    fn a_frame_that_was_cut_is_closed_before_the_next_one() {
        let (mut encoding, mut chunk) = (Encoding::zstd().expect("an encoder"), Chunk::default());
        for number in 0..3 {
            encoding.push(line(number).as_bytes(), &mut chunk).expect("encoded");
        }
        let mut file = chunk.bytes[..chunk.ends[1]].to_vec();
        encoding.was_cut(true);
        chunk.clear();
        encoding.push(line(9).as_bytes(), &mut chunk).expect("encoded");
        encoding.end_frame(&mut chunk).expect("encoded");
        file.extend_from_slice(&chunk.bytes);
        assert_eq!(
            zstd::stream::decode_all(&file[..]).expect("whole frames"),
            [line(0), line(1), line(9)].concat().as_bytes()
        );
    }

    #[test]
    fn a_line_longer_than_a_block_is_whole_or_torn() {
        let (mut encoding, mut chunk) = (Encoding::zstd().expect("an encoder"), Chunk::default());
        let long = format!("{}\n", (0..100_000).map(|n| n.to_string()).collect::<String>());
        encoding.push(long.as_bytes(), &mut chunk).expect("encoded");
        encoding.push(line(1).as_bytes(), &mut chunk).expect("encoded");
        encoding.end_frame(&mut chunk).expect("encoded");
        assert_eq!(text(&chunk.bytes), format!("{long}{}", line(1)));
    }
}
