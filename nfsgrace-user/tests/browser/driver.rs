//! A browser to test with: Chromium, led by chromedriver over plain HTTP (WebDriver and the DevTools protocol).

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// What keeps Chromium to this machine and this test.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];
/// A page that is not there after this time does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running browser; it ends with this value.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--log-level=WARNING"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "chromedriver is not installed (Debian packages chromium, chromium-driver): run `cargo xtask browser`",
            );
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        // `ChromeDriver was started successfully on port 12345.`
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok())
            .expect("chromedriver says its port");
        // What else it prints must go somewhere.
        thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().expect("a directory");
        let mut browser = Self { driver, port, session: String::new(), _profile: profile };
        let profile = format!("--user-data-dir={}", browser._profile.path().display());
        let flags: Vec<_> = FLAGS.iter().map(|flag| (*flag).to_owned()).chain([profile]).collect();
        let options = json!({"args": flags});
        let logs = json!({"browser": "ALL", "performance": "ALL"});
        let wanted = json!({"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": logs});
        let answer = browser.call("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        browser.session = answer["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// One request to chromedriver; panics with what it says when it fails.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver listens");
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("written");
        stream.write_all(body.as_bytes()).expect("written");
        let mut from = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            from.read_line(&mut line).expect("an answer");
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        from.read_exact(&mut answer).expect("the rest of the answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let value = answer["value"].clone();
        assert!(value["error"].is_null(), "{path}: {} {}", value["error"], value["message"]);
        value
    }

    fn at(&self, path: &str) -> String {
        format!("/session/{}{path}", self.session)
    }

    /// A command of the DevTools protocol.
    pub fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.call("POST", &self.at("/goog/cdp/execute"), &json!({"cmd": command, "params": parameters}))
    }

    /// Opens a file.
    pub fn open(&self, file: &Path) {
        self.call("POST", &self.at("/url"), &json!({"url": format!("file://{}", file.display())}));
    }

    /// What a script returns.
    pub fn ask(&self, script: &str, arguments: Value) -> Value {
        self.call("POST", &self.at("/execute/sync"), &json!({"script": script, "args": arguments}))
    }

    /// What a script hands to its last argument, a function.
    pub fn await_answer(&self, script: &str, arguments: Value) -> Value {
        self.call("POST", &self.at("/execute/async"), &json!({"script": script, "args": arguments}))
    }

    /// Waits until an expression is true.
    pub fn until(&self, expression: &str) {
        let began = Instant::now();
        while self.ask(&format!("return Boolean({expression})"), json!([])) != true {
            assert!(began.elapsed() < PATIENCE, "never true: {expression}");
            // The next frame may bring it.
            self.frame();
        }
    }

    /// Waits until the page has been drawn anew.
    pub fn frame(&self) {
        let script = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done(true)))";
        self.await_answer(script, json!([]));
    }

    /// Messages of one kind since the last call.
    pub fn log(&self, kind: &str) -> Vec<Value> {
        let log = self.call("POST", &self.at("/se/log"), &json!({"type": kind}));
        log.as_array().cloned().unwrap_or_default()
    }

    /// Presses and releases a key.
    pub fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let down = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        self.devtools("Input.dispatchKeyEvent", down);
        self.devtools("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}));
    }

    /// How wide the window is, and which colours its user likes.
    pub fn look(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"media": "", "features": features}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !thread::panicking() {
            self.call("DELETE", &self.at(""), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
