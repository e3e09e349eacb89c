//! Names of files that lead to them: OSC 8, and the address that the terminal hands on.

use std::env;
use std::path::Path;

use super::is_set;

/// True for terminals of which it is known. Others would show the escapes, or say nothing: the name alone does there.
pub fn known_by_terminal() -> bool {
    let term = env::var("TERM").unwrap_or_default();
    // Within these the terminal outside is not known, and not everything passes through.
    if term.starts_with("screen") || term.starts_with("tmux") || is_set("TMUX") {
        return false;
    }
    // A path of Linux leads nowhere on the Windows around it.
    if is_set("WSL_DISTRO_NAME") && !in_vscode() {
        return false;
    }
    let program = env::var("TERM_PROGRAM").unwrap_or_default();
    let vte = env::var("VTE_VERSION").ok();
    let vte = vte.and_then(|version| version.parse::<u32>().ok());
    vte.is_some_and(|version| version >= FIRST_VTE)
        || ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "rio"].contains(&&*program)
        || ["xterm-kitty", "alacritty", "foot", "contour"]
            .iter()
            .any(|name| term.starts_with(name))
        || [
            "WT_SESSION",
            "KITTY_WINDOW_ID",
            "KONSOLE_VERSION",
            "DOMTERM",
        ]
        .iter()
        .any(|name| is_set(name))
}

/// GNOME's terminal and its kin, from 0.50 on.
const FIRST_VTE: u32 = 5000;

fn in_vscode() -> bool {
    env::var_os("TERM_PROGRAM").is_some_and(|program| program == "vscode")
}

/// Where a click leads: to line and column in VS Code, to the file elsewhere.
pub fn address(file: &Path, line: usize, column: usize) -> String {
    let path = path_in_address(file);
    match in_vscode() {
        true => format!("vscode://file{path}:{line}:{column}"),
        false => format!("file://{path}#{line}"),
    }
}

/// `/home/me/a%20b.rs`, on Windows `/C:/Users/…`. All but the plainest characters are escaped.
fn path_in_address(file: &Path) -> String {
    let text = file.to_string_lossy().replace('\\', "/");
    let mut path = String::with_capacity(text.len() + 1);
    if !text.starts_with('/') {
        path.push('/');
    }
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' | b':' => {
                path.push(char::from(byte));
            }
            _ => path += &format!("%{byte:02X}"),
        }
    }
    path
}

pub fn hyperlink(text: &str, address: &str) -> String {
    format!("\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_no_character_that_would_end_it() {
        let path = path_in_address(Path::new("/home/me/a b/#1/é.rs"));
        assert_eq!(path, "/home/me/a%20b/%231/%C3%A9.rs");
        assert_eq!(path_in_address(Path::new("C:\\x.rs")), "/C:/x.rs");
    }

    #[test]
    fn a_link_shows_its_text_and_ends_itself() {
        assert_eq!(
            hyperlink("a.rs:1", "file:///a.rs"),
            "\x1b]8;;file:///a.rs\x1b\\a.rs:1\x1b]8;;\x1b\\"
        );
    }
}
