//! A lab with its page in a real browser: headless Chromium behind chromedriver. Whatever is waited for is a condition with a
//! deadline, asked of the page itself.

use std::io::{BufRead, BufReader};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::{
    By, ChromeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver, WebElement,
};

const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How the browser is started. It talks to nobody but the page, and keeps nothing.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",
];

const CHROMIUM: &str = "/usr/bin/chromium";

/// One browser at a time: two of them, with a cluster each, make a small machine slow.
static BROWSER: Mutex<()> = Mutex::new(());

/// A lab.
struct Lab {
    child: Child,
    url: String,
}

impl Lab {
    fn start(args: &[&str]) -> Lab {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(args)
            .arg("--no-browser")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.split_once("is open: ")?.1.to_owned()));
        let url = url.expect("a lab says where its page is");
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Lab { child, url }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Its reaper sees to the rest.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program that drives the browser.
struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    /// None where there is no browser; then it says what to install.
    fn start() -> Option<Driver> {
        let child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(e) => {
                let text =
                    format!("no chromedriver ({e}): apt-get install chromium chromium-driver");
                assert!(std::env::var_os("CI").is_none(), "{text}");
                eprintln!("skipped: {text}");
                return None;
            }
        };
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let port = lines.find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        let url = format!(
            "http://127.0.0.1:{}",
            port.expect("chromedriver names its port")
        );
        Some(Driver { child, url })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lab's page in a browser.
pub(crate) struct Page {
    pub(crate) driver: WebDriver,
    pub(crate) dir: TempDir,
}

/// Runs `test` on the page of a lab that is started with `args`. No error may be in the browser's console at its end.
pub(crate) fn on_page(args: &[&str], test: impl AsyncFnOnce(&Page)) {
    let _one = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(chromedriver) = Driver::start() else {
        return;
    };
    let lab = Lab::start(args);
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let driver = WebDriver::new(&chromedriver.url, capabilities(dir.path())).await;
        let page = Page {
            driver: driver.expect("the browser starts"),
            dir,
        };
        let tested = AssertUnwindSafe(async {
            page.driver.goto(&lab.url).await.unwrap();
            test(&page).await;
            page.expect_quiet().await;
        });
        let tested = tested.catch_unwind().await;
        if tested.is_err() {
            page.screenshot("failed").await;
        }
        // Before anything else: a browser whose driver is gone stays.
        page.driver.clone().quit().await.unwrap();
        if let Err(panic) = tested {
            resume_unwind(panic);
        }
    });
}

fn capabilities(profile: &Path) -> ChromeCapabilities {
    let mut chrome = DesiredCapabilities::chrome();
    let profile = format!("--user-data-dir={}", profile.join("profile").display());
    let flags = FLAGS.iter().copied().chain([profile.as_str()]);
    // The browser's sandbox is not to be had as root, which is who runs in a container.
    let root = rustix::process::geteuid()
        .is_root()
        .then_some("--no-sandbox");
    for flag in flags.chain(root) {
        chrome.add_arg(flag).unwrap();
    }
    chrome
        .set_browser_log_level(LoggingPrefsLogLevel::All)
        .unwrap();
    // Debian's name for it; elsewhere chromedriver finds a browser by itself.
    if Path::new(CHROMIUM).exists() {
        chrome.set_binary(CHROMIUM).unwrap();
    }
    chrome
}

impl Page {
    /// Waits until the expression is true of the page.
    pub(crate) async fn until(&self, what: &str, expression: &str) {
        self.until_within(DEADLINE, what, expression).await;
    }

    pub(crate) async fn until_within(&self, within: Duration, what: &str, expression: &str) {
        let begun = Instant::now();
        loop {
            let found = self.ask(&format!("Boolean({expression})")).await;
            if found == json!(true) {
                return;
            }
            let told = async || self.ask("document.body.innerText").await;
            assert!(
                begun.elapsed() < within,
                "expected that {what}: {expression}\n{}",
                told().await
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What the expression is on the page.
    pub(crate) async fn ask(&self, expression: &str) -> Value {
        let script = format!("return ({expression})");
        let found = self.driver.execute(script, Vec::new()).await;
        found
            .unwrap_or_else(|e| panic!("{expression}: {e}"))
            .json()
            .clone()
    }

    /// Waits until there is an element `css` that can be seen.
    pub(crate) async fn find(&self, css: &str) -> WebElement {
        let quoted = json!(css);
        let seen = format!("document.querySelector({quoted})?.checkVisibility()");
        self.until(&format!("{css} can be seen"), &seen).await;
        self.driver.find(By::Css(css)).await.unwrap()
    }

    pub(crate) async fn click(&self, css: &str) {
        let element = self.find(css).await;
        element.scroll_into_view().await.unwrap();
        element
            .click()
            .await
            .unwrap_or_else(|e| panic!("{css} cannot be clicked: {e}"));
    }

    /// Presses a key where the focus is. As an action: keys sent to an element that picks files are taken for a file's name.
    pub(crate) async fn press(&self, key: impl Into<char>) {
        let pressed = self.driver.action_chain().send_keys(key.into().to_string());
        pressed.perform().await.unwrap();
    }

    /// Waits until the lamp `id` is `state`.
    pub(crate) async fn lamp(&self, id: &str, state: &str) {
        let expression = format!(
            "document.querySelector('#lamps .lamp[data-id={id}]')?.dataset.state === '{state}'"
        );
        self.until(&format!("the lamp {id} is {state}"), &expression)
            .await;
    }

    /// Waits until the process of the node `name` is `state`, as it is drawn.
    pub(crate) async fn node(&self, name: &str, state: &str) {
        let expression = format!(
            "document.querySelector('.node[data-key=\"{name}\"]')?.dataset.process === '{state}'"
        );
        self.until(&format!("{name} is {state}"), &expression).await;
    }

    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let resized = self.driver.set_window_rect(0, 0, width, height).await;
        resized.unwrap();
    }

    /// Keeps a picture of the page for whoever wants to see it.
    pub(crate) async fn screenshot(&self, name: &str) {
        let dir = screenshots();
        std::fs::create_dir_all(&dir).unwrap();
        let file = dir.join(format!("{name}.png"));
        self.driver.screenshot(&file).await.unwrap();
    }

    async fn expect_quiet(&self) {
        let log = self.driver.browser_log().await.unwrap();
        let errors = log.iter().filter(|entry| entry.level == "SEVERE");
        let errors: Vec<&str> = errors.map(|entry| entry.message.as_str()).collect();
        assert!(errors.is_empty(), "in the console: {errors:?}");
    }
}

/// `target/lab-screenshots`.
fn screenshots() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("lab-screenshots")
}
