//! Names for the addresses in kernel stacks, found on a thread of their own: the kernel takes a while to write out its
//! symbol table, and a verdict must not wait for that.

use std::{
    collections::HashMap,
    sync::{Arc, mpsc},
    thread,
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::kernel::{Frame, Kernel};

/// A stack on its way to be named, with what it belongs to.
#[derive(Debug)]
pub struct Unnamed<T> {
    /// What the answer is for.
    pub of: T,
    /// Innermost first.
    pub addresses: Vec<u64>,
}

/// Names stacks; drop it to end its thread.
#[derive(Debug)]
pub struct Stacks<T> {
    requests: mpsc::Sender<Unnamed<T>>,
    answers: UnboundedReceiver<(T, Vec<String>)>,
}

impl<T: Send + 'static> Stacks<T> {
    /// Starts the thread.
    #[must_use]
    pub fn new(kernel: Arc<Kernel>) -> Self {
        let (requests, incoming) = mpsc::channel();
        let (outgoing, answers) = unbounded_channel();
        thread::spawn(move || work(&kernel, &incoming, &outgoing));
        Self { requests, answers }
    }

    /// Asks for names.
    pub fn name(&self, stack: Unnamed<T>) {
        // The thread lives as long as this sender does.
        let _ = self.requests.send(stack);
    }

    /// The next stack that was named. Safe to cancel.
    pub async fn named(&mut self) -> Option<(T, Vec<String>)> {
        self.answers.recv().await
    }

    /// A stack that was named already.
    pub fn try_named(&mut self) -> Option<(T, Vec<String>)> {
        self.answers.try_recv().ok()
    }
}

/// Addresses named before; many tasks sleep at the same place.
const REMEMBERED: usize = 4096;

fn work<T>(kernel: &Kernel, requests: &mpsc::Receiver<Unnamed<T>>, answers: &UnboundedSender<(T, Vec<String>)>) {
    let mut known: HashMap<u64, String> = HashMap::new();
    while let Ok(first) = requests.recv() {
        let batch: Vec<Unnamed<T>> = std::iter::once(first).chain(requests.try_iter()).collect();
        let mut unknown: Vec<u64> = batch.iter().flat_map(|stack| stack.addresses.iter().copied()).collect();
        unknown.sort_unstable();
        unknown.dedup();
        if known.len() > REMEMBERED {
            known.clear();
        }
        unknown.retain(|address| !known.contains_key(address));
        if let Ok(frames) = kernel.frames(&unknown) {
            known.extend(unknown.into_iter().zip(frames).map(|(address, frame)| (address, text(address, frame))));
        }
        for Unnamed { of, addresses } in batch {
            let names = addresses
                .iter()
                .map(|address| known.get(address).cloned().unwrap_or_else(|| format!("{address:#x}")))
                // Beyond it there is nothing: kernels before 5.16 lose the way where a return is probed.
                .take_while(|name| !name.starts_with("kretprobe_trampoline"))
                .collect();
            if answers.send((of, names)).is_err() {
                return;
            }
        }
    }
}

fn text(address: u64, frame: Option<Frame>) -> String {
    match frame {
        Some(Frame { function, module: Some(module), offset }) => format!("{function}+{offset:#x} [{module}]"),
        Some(Frame { function, module: None, offset }) => format!("{function}+{offset:#x}"),
        None => format!("{address:#x}"),
    }
}
