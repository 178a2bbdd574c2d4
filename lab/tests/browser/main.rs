//! The lab's page in a real browser, as an instructor uses it. Needs chromium and chromedriver; without them the tests are skipped
//! with a sentence, unless the variable `CI` is set.
//!
//! ```text
//! cargo test -p lab --test browser
//! FAULTLINE_SCENES=all cargo test -p lab --test browser -- scene      every scene from its button; or those whose names begin so
//! ```
//!
//! Pictures are left in `target/lab-screenshots`.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

mod page;

use std::time::Duration;

use serde_json::{Value, json};
use thirtyfour::Key;

use page::{Page, on_page};

const CLUSTER: &[&str] = &["--datanodes", "5", "--racks", "2"];
/// A run of mini-hdfs in the simulator, of a NameNode that answers before its edits are durable.
const TRACE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/early-answers.jsonl"
);
/// The beginning of the names of the scenes that are played, or `all`. Without it one is.
const SCENES: &str = "FAULTLINE_SCENES";
const SCENES_MAX: Duration = Duration::from_secs(180);

/// A file on the page that is closed and has all its replicas.
async fn expect_whole(page: &Page, path: &str) {
    let row = format!("document.querySelector('#files .file[data-key=\"{path}\"]')");
    let whole = format!(
        "{row}?.querySelector('.open').dataset.open === 'false' && {row}.querySelector('.facts').textContent.includes('✓')"
    );
    page.until(&format!("{path} is closed and whole"), &whole)
        .await;
}

/// Whether the node `name` is drawn as `state`, once what was done before is drawn.
async fn is_drawn(page: &Page, name: &str, state: &str) -> bool {
    let drawn = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))";
    page.driver.execute_async(drawn, Vec::new()).await.unwrap();
    let node = format!("document.querySelector('.node[data-key={name}]')?.dataset.process ?? null");
    page.ask(&node).await == json!(state)
}

const STEPS_MAX: usize = 100;

/// Starts and bad news are stops of the timeline too, so the one that is looked for may be some steps away.
async fn click_until(page: &Page, css: &str, name: &str, state: &str) {
    for _ in 0..STEPS_MAX {
        if is_drawn(page, name, state).await {
            return;
        }
        page.click(css).await;
    }
    panic!("{css} does not lead to where {name} is {state}");
}

async fn press_until(page: &Page, key: impl Into<char>, name: &str, state: &str) {
    let key = key.into();
    for _ in 0..STEPS_MAX {
        if is_drawn(page, name, state).await {
            return;
        }
        page.press(key).await;
    }
    panic!("{key:?} does not lead to where {name} is {state}");
}

/// A DataNode that holds a replica.
async fn holder(page: &Page) -> String {
    let held = ".node[data-role=datanode] .held .chip.good";
    page.find(held).await;
    let name = format!("document.querySelector('{held}').closest('.node').dataset.key");
    page.ask(&name).await.as_str().unwrap().to_owned()
}

#[test]
fn a_file_is_put_a_datanode_killed_and_its_replicas_made_anew() {
    on_page(CLUSTER, async |page: &Page| {
        page.resize(1280, 800).await;
        page.until(
            "the stage is set",
            "document.querySelectorAll('.node[data-state=live]').length === 5",
        )
        .await;
        page.click("#sample").await;
        expect_whole(page, "/sample-1.bin").await;
        page.lamp("replication", "holds").await;

        let victim = holder(page).await;
        page.click(&format!(".node[data-key={victim}] [data-deed=kill]"))
            .await;
        page.node(&victim, "down").await;
        page.lamp("replication", "broken").await;
        page.screenshot("killed-1280x800").await;
        page.resize(1920, 1080).await;
        page.screenshot("killed-1920x1080").await;
        page.lamp("replication", "holds").await;
        expect_whole(page, "/sample-1.bin").await;
        page.lamp("reads-back", "holds").await;

        // Back to the moment at which it was killed, and to the one before.
        click_until(page, "#fault-back", &victim, "up").await;
        page.click("#live").await;
        page.node(&victim, "down").await;
        // By the slider as well: its whole range is the run.
        let scrub = "const scrub = document.getElementById('scrub'); scrub.value = scrub.min; scrub.dispatchEvent(new Event('input'));";
        page.driver.execute(scrub, Vec::new()).await.unwrap();
        page.until(
            "nothing is there yet",
            "!document.querySelector('#files .file')",
        )
        .await;
        page.click("#live").await;
        page.node(&victim, "down").await;

        page.click(&format!(".node[data-key={victim}] [data-deed=start]"))
            .await;
        page.node(&victim, "up").await;
        page.lamp("replication", "holds").await;
        saved_run_is_played(page, &victim).await;
    });
}

/// The run so far is saved, and opened as a file.
async fn saved_run_is_played(page: &Page, victim: &str) {
    let save = "fetch(document.getElementById('save').href).then((answer) => answer.text()).then(arguments[0])";
    let saved = page.driver.execute_async(save, Vec::new()).await.unwrap();
    let file = page.dir.path().join("saved.jsonl");
    std::fs::write(&file, saved.json().as_str().unwrap()).unwrap();
    let records = sim::parse_trace(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert!(records.len() > 100, "{} records", records.len());

    open(page, &file).await;
    page.press(Key::Home).await;
    click_until(page, "#fault-forward", victim, "up").await;
    click_until(page, "#fault-forward", victim, "down").await;
    let deeds = page.ask("[...document.querySelectorAll('[data-deed]')].filter((it) => it.checkVisibility()).length").await;
    assert_eq!(deeds, json!(0), "nothing can be done to a recording");
    page.click("#back-to-live").await;
    page.node(victim, "up").await;
    page.until(
        "it is live again",
        "document.getElementById('connection').dataset.state === 'live'",
    )
    .await;
}

async fn open(page: &Page, file: &std::path::Path) {
    let input = page
        .driver
        .find(thirtyfour::By::Css("#open-trace"))
        .await
        .unwrap();
    input.send_keys(file.display().to_string()).await.unwrap();
    page.until(
        "the file is played",
        "document.getElementById('connection').dataset.state === 'replay'",
    )
    .await;
}

#[test]
fn a_failing_seed_of_the_simulator_is_seen_happening() {
    on_page(&["replay", TRACE], async |page: &Page| {
        page.resize(1280, 800).await;
        page.until(
            "the trace is played",
            "document.getElementById('connection').dataset.state === 'replay'",
        )
        .await;
        page.until(
            "the cluster is drawn",
            "document.querySelectorAll('.node[data-role=datanode]').length >= 3",
        )
        .await;
        page.click("#to-violation").await;
        page.lamp("acknowledged-operations-survive", "broken").await;
        page.screenshot("violation-1280x800").await;
        // Backwards, the lamp was on a moment before.
        page.click("#step-back").await;
        page.lamp("acknowledged-operations-survive", "holds").await;
        let clock = page
            .ask("document.getElementById('clock').textContent")
            .await;
        page.click("#play-back").await;
        page.until(
            "the clock runs backwards",
            &format!("document.getElementById('clock').textContent !== {clock}"),
        )
        .await;
        page.click("#fault-back").await;
        page.until("the NameNode dies", "document.querySelector('.node[data-key=namenode]')?.dataset.process === 'down' || document.getElementById('journal').children.length > 0").await;
        // What is no trace is said, and what was shown stays.
        let file = page.dir.path().join("none.jsonl");
        std::fs::write(&file, "{\"time\":0,\"kind\":\"begin\",\"version\":99}\n").unwrap();
        let input = page
            .driver
            .find(thirtyfour::By::Css("#open-trace"))
            .await
            .unwrap();
        input.send_keys(file.display().to_string()).await.unwrap();
        page.find("#trouble").await;
        let nodes = page.ask("document.querySelectorAll('.node').length").await;
        assert_ne!(nodes, json!(0));
    });
}

/// Moves the focus by the Tab key until it is on `css`.
async fn tab_to(page: &Page, css: &str) {
    page.find(css).await;
    for _ in 0..300 {
        page.press(Key::Tab).await;
        let there = page
            .ask(&format!("document.activeElement.matches({})", json!(css)))
            .await;
        if there == json!(true) {
            return;
        }
    }
    panic!("{css} cannot be reached by the Tab key");
}

#[test]
fn the_keyboard_suffices() {
    on_page(CLUSTER, async |page: &Page| {
        page.resize(1280, 800).await;
        page.until(
            "the stage is set",
            "document.querySelectorAll('.node[data-state=live]').length === 5",
        )
        .await;
        tab_to(page, "#sample").await;
        page.press(Key::Enter).await;
        expect_whole(page, "/sample-1.bin").await;
        let victim = holder(page).await;
        tab_to(page, &format!(".node[data-key={victim}] [data-deed=kill]")).await;
        page.press(Key::Enter).await;
        page.node(&victim, "down").await;
        page.lamp("replication", "broken").await;
        page.lamp("replication", "holds").await;
        tab_to(page, "#scrub").await;
        page.press(Key::Home).await;
        page.until(
            "nothing is there yet",
            "!document.querySelector('#files .file')",
        )
        .await;
        press_until(page, 'f', &victim, "up").await;
        press_until(page, 'f', &victim, "down").await;
        press_until(page, Key::Left, &victim, "up").await;
        page.press(Key::End).await;
        page.node(&victim, "down").await;
        // The network of a node, through its menu.
        tab_to(page, ".node[data-key=namenode] .more").await;
        page.press(Key::Enter).await;
        page.until(
            "the menu has the focus",
            "document.activeElement.closest('#menu')",
        )
        .await;
        page.press(Key::Escape).await;
        page.until(
            "the menu is closed",
            "!document.getElementById('menu').matches(':popover-open')",
        )
        .await;
    });
}

#[cfg(feature = "kafka")]
#[test]
fn a_brokers_topics_and_groups_are_drawn_and_it_comes_back_with_all_of_them() {
    on_page(&["page", "kafka"], async |page: &Page| {
        page.resize(1280, 800).await;
        page.until(
            "each partition has a reader",
            "document.querySelectorAll('#kafka-groups tr[data-lag]').length === 3",
        )
        .await;
        page.lamp("owners", "holds").await;
        page.click(".node[data-key=broker] [data-deed=kill]").await;
        page.node("broker", "down").await;
        page.lamp("answers", "broken").await;
        page.click(".node[data-key=broker] [data-deed=start]").await;
        for lamp in ["answers", "kept", "once", "owners", "lag"] {
            page.lamp(lamp, "holds").await;
        }
        page.screenshot("kafka-1280x800").await;
    });
}

#[test]
fn every_scene_ends_well_from_its_button() {
    on_page(
        &["--datanodes", "1", "--racks", "1"],
        async |page: &Page| {
            page.resize(1280, 800).await;
            page.click("#scenes-button").await;
            page.find("#scenes [data-scene]").await;
            let listed = page.ask("[...document.querySelectorAll('#scenes [data-mode=run]')].map((it) => it.dataset.scene)").await;
            let mut scenes: Vec<String> = serde_json::from_value(listed).unwrap();
            assert!(
                scenes.iter().any(|scene| scene == "hdfs/kill-datanode"),
                "{scenes:?}"
            );
            let wanted = std::env::var(SCENES).unwrap_or("hdfs/kill-two".to_owned());
            if wanted != "all" {
                scenes.retain(|scene| scene.starts_with(&wanted));
            }
            assert!(!scenes.is_empty(), "there are no scenes {wanted}");
            page.press(Key::Escape).await;
            for scene in scenes {
                page.click("#scenes-button").await;
                page.click(&format!("#scenes [data-scene=\"{scene}\"][data-mode=run]"))
                    .await;
                let name =
                    format!("document.getElementById('scene-name').textContent === '{scene}'");
                page.until("the scene begins", &name).await;
                let over =
                    "['met', 'failed'].includes(document.getElementById('scene').dataset.state)";
                page.until_within(
                    SCENES_MAX,
                    &format!("{scene} ends"),
                    &format!("{name} && {over}"),
                )
                .await;
                let state = page
                    .ask("document.getElementById('scene').dataset.state")
                    .await;
                let text = page
                    .ask("document.getElementById('scene-text').textContent")
                    .await;
                assert_eq!(state, json!("met"), "{scene}: {text}");
                page.screenshot(&format!("scene-{}", scene.replace('/', "-")))
                    .await;
            }
        },
    );
}

#[test]
fn the_logic_of_the_page_is_right() {
    on_page(&["replay", TRACE], async |page: &Page| {
        let logic = include_str!("../page/logic.js");
        let logic: Vec<&str> = logic
            .lines()
            .skip_while(|line| line.starts_with("//"))
            .collect();
        let logic = logic.join("\n");
        let logic = logic.trim_end().trim_end_matches(';');
        let run = format!(
            "({logic})((name) => import('/' + name)).then(arguments[0], (error) => arguments[0]([String(error)]))"
        );
        let failures = page.driver.execute_async(run, Vec::new()).await.unwrap();
        assert_eq!(failures.json(), &Value::Array(Vec::new()));
    });
}
