//! Reads a pipe to its end, keeping the beginning and the end of what came.

use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

const HEAD: usize = 64 << 10;
/// The verdict of libtest stands at the very end, behind whatever the test printed.
const TAIL: usize = 16 << 10;
/// A program that left its process group may hold the pipe for ever. What it prints after this is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// One pipe, being read by a thread of its own.
pub struct Capture {
    kept: Arc<Mutex<Kept>>,
    done: mpsc::Receiver<()>,
}

#[derive(Default)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    len: u64,
}

impl Capture {
    pub fn start(pipe: Option<impl Read + Send + 'static>) -> Capture {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (finished, done) = mpsc::channel();
        if let Some(mut pipe) = pipe {
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                let mut buffer = [0; 8 << 10];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    lock(&kept).push(&buffer[..count]);
                }
                // Nobody listens any more once patience has ended.
                finished.send(()).ok();
            });
        }
        Capture { kept, done }
    }

    /// How many bytes have come so far, kept or not.
    pub fn len(&self) -> u64 {
        lock(&self.kept).len
    }

    /// Waits for the end of the pipe and gives what was kept.
    pub fn finish(self) -> String {
        self.done.recv_timeout(PATIENCE).ok();
        lock(&self.kept).text()
    }
}

impl Kept {
    fn push(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len() as u64;
        let room = bytes.len().min(HEAD - self.head.len());
        self.head.extend_from_slice(&bytes[..room]);
        bytes = &bytes[room..];
        self.tail.extend_from_slice(bytes);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    fn text(&self) -> String {
        let head = String::from_utf8_lossy(&self.head);
        let tail = String::from_utf8_lossy(&self.tail);
        match self.len - self.head.len() as u64 - self.tail.len() as u64 {
            0 => format!("{head}{tail}"),
            missing => format!("{head}\n[{missing} bytes left out]\n{tail}"),
        }
    }
}

/// A reader that panicked has lost nothing that was kept before.
fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_keeps_its_beginning_and_its_end() {
        let mut kept = Kept::default();
        for number in 0..200_000 {
            kept.push(format!("{number}\n").as_bytes());
        }
        let text = kept.text();
        assert!(text.starts_with("0\n1\n2\n"));
        assert!(text.contains("bytes left out]"));
        assert!(text.ends_with("199998\n199999\n"));
        assert!(text.len() < HEAD + 3 * TAIL, "{}", text.len());
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let capture = Capture::start(Some(&b"a\xff\xfeb"[..]));
        assert_eq!(capture.finish(), "a\u{fffd}\u{fffd}b");
    }
}
