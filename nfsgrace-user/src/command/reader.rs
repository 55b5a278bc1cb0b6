//! Whoever reads our standard output.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd},
};

use tokio::{io::Interest, net::unix::pipe::Sender};

/// The other end of standard output, where that is a pipe or a socket.
///
/// Over ssh nothing else tells a recorder that nobody listens any more: it has no terminal that hangs up, and where little
/// happens it writes once a minute.
#[derive(Default)]
pub(super) struct Reader(Option<Sender>);

impl Reader {
    pub(super) fn of_stdout() -> Self {
        Self::of(io::stdout().as_fd())
    }

    fn of(output: BorrowedFd<'_>) -> Self {
        let other = output.try_clone_to_owned();
        // A file cannot be waited for, and has no reader that could go away. A socket, which sshd may give, can: nothing is
        // written through this.
        Self(other.ok().and_then(|end| Sender::from_owned_fd_unchecked(end).ok()))
    }

    /// Returns when it is gone.
    pub(super) async fn gone(&self) {
        if let Some(end) = &self.0 {
            while let Ok(ready) = end.ready(Interest::WRITABLE).await {
                if ready.is_write_closed() {
                    return;
                }
                // Takes back that it is writable, so that the next change is waited for.
                let _ = end.try_io(|| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::Shutdown, os::unix::net::UnixStream, time::Duration};

    use tokio::time::timeout;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_pipe_whose_reader_goes_away() {
        let (theirs, mut ours) = io::pipe().expect("a pipe");
        let reader = Reader::of(ours.as_fd());
        assert!(timeout(SHORT, reader.gone()).await.is_err());
        ours.write_all(b"line\n").expect("room");
        assert!(timeout(SHORT, reader.gone()).await.is_err());
        drop(theirs);
        timeout(LONG, reader.gone()).await.expect("it is gone");
    }

    #[tokio::test]
    async fn a_socket_of_sshd_whose_input_ends_before_it_goes_away() {
        let (theirs, ours) = UnixStream::pair().expect("a pair");
        let reader = Reader::of(ours.as_fd());
        theirs.shutdown(Shutdown::Write).expect("a socket");
        assert!(timeout(SHORT, reader.gone()).await.is_err());
        drop(theirs);
        timeout(LONG, reader.gone()).await.expect("it is gone");
    }

    #[tokio::test]
    async fn a_file_has_no_reader() {
        let file = tempfile::tempfile().expect("a file");
        assert!(timeout(SHORT, Reader::of(file.as_fd()).gone()).await.is_err());
    }
}
