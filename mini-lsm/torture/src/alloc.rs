//! An allocator that counts: how much memory is in use, how much was at most, and the greatest single request.
//!
//! A binary that wants to measure makes it its own:
//!
//! ```ignore
//! #[global_allocator]
//! static ALLOCATOR: mini_lsm_torture::alloc::Counting = mini_lsm_torture::alloc::Counting;
//! ```
//!
//! Elsewhere everything here reads zero: ask [`is_installed`]. There are two views, both relative
//! to the moment when measuring began: [`of_thread`] of the calling thread alone, so that trials
//! may run side by side, and [`Meter`] of the whole process. What nobody measures costs next to
//! nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};

/// The system's allocator, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

/// What was allocated since measuring began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in use, more than at the beginning; negative if older memory was given back.
    pub current: isize,
    /// The greatest that `current` was.
    pub peak: isize,
    /// The greatest single request, in bytes.
    pub greatest: usize,
}

impl Usage {
    const NONE: Self = Self {
        current: 0,
        peak: 0,
        greatest: 0,
    };

    fn grow(&mut self, by: isize, request: usize) {
        self.current += by;
        self.peak = self.peak.max(self.current);
        self.greatest = self.greatest.max(request);
    }
}

/// Whether this binary's allocator is [`Counting`].
pub fn is_installed() -> bool {
    let (_, usage) = of_thread(|| std::hint::black_box(vec![1_u8; 100]));
    usage.greatest >= 100
}

/// Does `work`, and tells what it allocated in the calling thread. Memory that another thread gives
/// back stays counted here. Must not be nested.
pub fn of_thread<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    let _end = Measuring::begin();
    let done = work();
    let usage = LOCAL.get().unwrap_or_default();
    (done, usage)
}

/// Measures the calling thread until it is dropped, also by a panic.
struct Measuring;

impl Measuring {
    fn begin() -> Self {
        MEASURING.fetch_add(1, Ordering::Relaxed);
        LOCAL.set(Some(Usage::NONE));
        Self
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        LOCAL.set(None);
        MEASURING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Measures all threads of the process while it is there. One at a time.
#[derive(Debug)]
pub struct Meter(());

impl Meter {
    /// Begins, from zero.
    ///
    /// # Panics
    /// If there is another meter.
    pub fn start() -> Self {
        let others = METERS.fetch_add(1, Ordering::SeqCst);
        assert_eq!(others, 0, "one meter at a time");
        for counter in [&CURRENT, &PEAK] {
            counter.store(0, Ordering::Relaxed);
        }
        GREATEST.store(0, Ordering::Relaxed);
        MEASURING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// What was allocated since the start.
    pub fn usage(&self) -> Usage {
        Usage {
            current: CURRENT.load(Ordering::Relaxed),
            peak: PEAK.load(Ordering::Relaxed),
            greatest: GREATEST.load(Ordering::Relaxed),
        }
    }

    /// From now on peak and greatest request are those since now; what is in use goes on.
    pub fn reset_peak(&self) {
        PEAK.store(CURRENT.load(Ordering::Relaxed), Ordering::Relaxed);
        GREATEST.store(0, Ordering::Relaxed);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        MEASURING.fetch_sub(1, Ordering::SeqCst);
        METERS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many measure, of either kind: where nobody does, this is all that is looked at.
static MEASURING: AtomicUsize = AtomicUsize::new(0);
static METERS: AtomicUsize = AtomicUsize::new(0);
static CURRENT: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);
static GREATEST: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Needs no destructor and no allocation, so that the allocator may use it at any time.
    static LOCAL: Cell<Option<Usage>> = const { Cell::new(None) };
}

fn note(by: isize, request: usize) {
    if MEASURING.load(Ordering::Relaxed) == 0 {
        return;
    }
    if let Some(mut usage) = LOCAL.get() {
        usage.grow(by, request);
        LOCAL.set(Some(usage));
    }
    if METERS.load(Ordering::Relaxed) > 0 {
        let current = CURRENT.fetch_add(by, Ordering::Relaxed) + by;
        PEAK.fetch_max(current, Ordering::Relaxed);
        GREATEST.fetch_max(request, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed on to the system's allocator as it came; counting touches neither
// the memory nor the layout, and does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize, layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size() as isize, layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size as isize - layout.size() as isize, new_size);
        unsafe { System.realloc(memory, layout, new_size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(-(layout.size() as isize), 0);
        unsafe { System.dealloc(memory, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn what_a_thread_allocates_is_counted() {
        assert!(is_installed());
        let (kept, usage) = of_thread(|| {
            drop(std::hint::black_box(vec![1_u8; 3000]));
            std::hint::black_box(vec![1_u8; 1000])
        });
        let expected = Usage {
            current: 1000,
            peak: 3000,
            greatest: 3000,
        };
        assert_eq!((kept.len(), usage), (1000, expected));
    }

    #[test]
    fn a_meter_sees_all_threads() {
        const MUCH: usize = 64 << 20;
        let meter = Meter::start();
        // So much that the other tests do not matter.
        let allocate = || std::hint::black_box(vec![1_u8; MUCH]);
        let kept = std::thread::spawn(allocate).join().expect("no panic");
        assert!(meter.usage().current >= MUCH as isize);
        drop(kept);
        assert!(meter.usage().peak >= MUCH as isize);
        meter.reset_peak();
        assert!(meter.usage().greatest < MUCH);
    }
}
