//! The width of a terminal on Unix.

use nix::libc;

nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);

/// The columns of the terminal on stdout; `None` where there is none, or it does not know.
pub fn columns() -> Option<usize> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the call writes one `winsize` into the one that it is given, and keeps nothing.
    unsafe { window_size(libc::STDOUT_FILENO, &mut size) }.ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}
