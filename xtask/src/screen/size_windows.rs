//! The width of a console on Windows.

use std::ffi::c_void;
use std::os::windows::io::AsRawHandle;

/// `CONSOLE_SCREEN_BUFFER_INFO`: pairs of x and y, and the window as left, top, right, bottom.
#[repr(C)]
#[derive(Default)]
struct BufferInfo {
    size: [i16; 2],
    cursor: [i16; 2],
    attributes: u16,
    window: [i16; 4],
    largest: [i16; 2],
}

// Declared here because a crate for one call would be compiled before the first verdict.
#[link(name = "kernel32")]
unsafe extern "system" {
    fn GetConsoleScreenBufferInfo(console: *mut c_void, info: *mut BufferInfo) -> i32;
}

/// The columns of the console window on stdout; `None` where there is none.
pub fn columns() -> Option<usize> {
    let mut info = BufferInfo::default();
    // SAFETY: the handle is stdout's own, and the call writes one structure of this layout into `info`.
    let found = unsafe { GetConsoleScreenBufferInfo(std::io::stdout().as_raw_handle(), &mut info) };
    let [left, _, right, _] = info.window;
    let columns = usize::try_from(i32::from(right) - i32::from(left) + 1).ok()?;
    (found != 0 && columns > 1).then_some(columns)
}
