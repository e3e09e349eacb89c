//! As much of the DevTools protocol as looking at pages takes: JSON over a WebSocket.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

const NAMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];
/// Nothing is sent anywhere, and nothing is asked.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
];
/// Only a browser that hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Chromium on this machine: `CHROMIUM` names one, or it is in the `PATH`.
pub fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM").filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| {
        let programs = NAMES
            .iter()
            .map(|name| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
        programs.into_iter().find(|program| program.is_file())
    })
}

/// A browser with a profile of its own, which ends with it.
pub struct Browser {
    child: Child,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    events: Vec<Value>,
    _profile: TempDir,
}

/// One page of it.
pub struct Tab<'b> {
    browser: &'b mut Browser,
    session: String,
    script: Option<String>,
}

impl Browser {
    pub fn start(program: &Path) -> Result<Browser> {
        let profile = tempfile::tempdir().context("cannot make a profile for the browser")?;
        let mut child = Command::new(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let socket = match connect(profile.path()) {
            Ok(socket) => socket,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        Ok(Browser {
            child,
            socket,
            last_id: 0,
            events: Vec::new(),
            _profile: profile,
        })
    }

    pub fn tab(&mut self) -> Result<Tab<'_>> {
        let target = self.call(None, "Target.createTarget", json!({ "url": "about:blank" }))?;
        let ask = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call(None, "Target.attachToTarget", ask)?;
        let session = attached["sessionId"]
            .as_str()
            .context("a tab has a session")?;
        let mut tab = Tab {
            session: session.to_string(),
            browser: self,
            script: None,
        };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            tab.call(domain, json!({}))?;
        }
        Ok(tab)
    }

    fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        self.last_id += 1;
        let id = self.last_id;
        let mut ask = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            ask["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(ask.to_string()))
            .context("the browser has gone")?;
        loop {
            let mut answer = self.read()?;
            if answer["id"] != json!(id) {
                self.events.push(answer);
                continue;
            }
            if let Some(error) = answer["error"]["message"].as_str() {
                bail!("{method}: {error}");
            }
            return Ok(answer["result"].take());
        }
    }

    fn read(&mut self) -> Result<Value> {
        loop {
            let message = match self.socket.read() {
                Ok(message) => message,
                // A process that was stopped and goes on, as on a laptop that slept, finds its wait broken off.
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {
                    continue;
                }
                Err(error) => return Err(error).context("the browser does not answer"),
            };
            if message.is_text() {
                return Ok(serde_json::from_str(message.to_text()?)?);
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // By its own word first: killed, it would leave its helpers to end by themselves.
        let _ = self.call(None, "Browser.close", json!({}));
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tab<'_> {
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        let session = self.session.clone();
        self.browser.call(Some(&session), method, params)
    }

    /// Runs `script` at the start of every page from now on, in place of the one before.
    pub fn before_every_page(&mut self, script: &str) -> Result<()> {
        if let Some(old) = self.script.take() {
            self.call(
                "Page.removeScriptToEvaluateOnNewDocument",
                json!({ "identifier": old }),
            )?;
        }
        let added = self.call(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": script }),
        )?;
        self.script = added["identifier"].as_str().map(str::to_string);
        Ok(())
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&mut self, url: &str) -> Result<()> {
        self.browser.events.clear();
        let opened = self.call("Page.navigate", json!({ "url": url }))?;
        if let Some(error) = opened["errorText"].as_str() {
            bail!("{url}: {error}");
        }
        let is_load = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.browser.events.iter().any(is_load) {
            let event = self.browser.read()?;
            self.browser.events.push(event);
        }
        Ok(())
    }

    /// The value of an expression, or of what it promises.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let ask = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.call("Runtime.evaluate", ask)?;
        if !answer["exceptionDetails"].is_null() {
            bail!("{}", answer["exceptionDetails"]["exception"]["description"]);
        }
        Ok(answer["result"]["value"].take())
    }

    pub fn press_enter(&mut self) -> Result<()> {
        for kind in ["keyDown", "keyUp"] {
            let key = json!({
                "type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13
            });
            self.call("Input.dispatchKeyEvent", key)?;
        }
        Ok(())
    }

    /// Errors that the page has reported since it was opened.
    pub fn complaints(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut self.browser.events);
        events.iter().filter_map(complaint).collect()
    }
}

fn complaint(event: &Value) -> Option<String> {
    let params = &event["params"];
    let text = match event["method"].as_str()? {
        "Runtime.exceptionThrown" => &params["exceptionDetails"]["exception"]["description"],
        "Runtime.consoleAPICalled" if params["type"] == "error" => &params["args"][0]["value"],
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let url = params["entry"]["url"].as_str().unwrap_or_default();
            // A browser asks for it of its own accord.
            if url.ends_with("/favicon.ico") {
                return None;
            }
            return Some(format!("{} {url}", params["entry"]["text"].as_str()?));
        }
        _ => return None,
    };
    Some(format!(
        "the console says: {}",
        text.as_str().unwrap_or("an error")
    ))
}

/// The browser writes down where it listens.
fn connect(profile: &Path) -> Result<WebSocket<MaybeTlsStream<TcpStream>>> {
    let file = profile.join("DevToolsActivePort");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if let Some((port, path)) = text.trim().split_once('\n') {
            let (socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{port}{path}"))
                .context("cannot talk to the browser")?;
            if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
                stream.set_read_timeout(Some(PATIENCE))?;
            }
            return Ok(socket);
        }
        if Instant::now() > deadline {
            bail!("the browser does not start");
        }
        thread::sleep(Duration::from_millis(50));
    }
}
