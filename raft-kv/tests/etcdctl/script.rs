//! The script.

use std::time::{Duration, Instant};

use super::run::{self, Names, Told, normalised};

/// Steps whose output is not etcd's, and why.
pub(crate) const DIFFERENCES: &[(&str, &str)] = &[
    ("user add root:pw", "there are no users here yet"),
    ("user delete root", "the user was not added here"),
    ("role add r", "there are no roles here yet"),
    ("role delete r", "the role was not added here"),
    (
        "snapshot save {dir}/snapshot",
        "our snapshots are not in the format of etcd's file",
    ),
];

/// How long something that comes by itself may take.
const SOON: Duration = Duration::from_secs(30);

struct Play {
    endpoints: Vec<String>,
    names: Names,
    told: Vec<Told>,
}

/// Plays the script; says what each step came to.
pub(crate) fn play(endpoints: &[String]) -> Vec<Told> {
    let mut play = Play {
        endpoints: endpoints.to_vec(),
        names: Names::new(),
        told: Vec::new(),
    };
    play.await_members();
    play.keys();
    play.transactions();
    play.history();
    play.watches();
    play.leases();
    play.recipes();
    play.members();
    play.endpoints();
    play.users();
    play.told
}

impl Play {
    fn real(&self, step: &str) -> String {
        let mut real = step.to_owned();
        for (name, value) in &self.names {
            real = real.replace(&format!("{{{name}}}"), value);
        }
        real
    }

    fn note(&mut self, step: &str, told: &Told) -> String {
        let output = normalised(&told.output, &self.names);
        self.told.push(Told {
            step: step.to_owned(),
            code: told.code,
            output,
        });
        told.output.clone()
    }

    /// A step.
    fn run(&mut self, step: &str) -> String {
        self.run_with(step, "")
    }

    fn run_with(&mut self, step: &str, stdin: &str) -> String {
        let told = run::etcdctl(&self.endpoints, &self.real(step), stdin);
        self.note(step, &told)
    }

    /// A step at one member alone.
    fn run_at(&mut self, member: usize, step: &str) -> String {
        let told = run::etcdctl(&self.endpoints[member..=member], &self.real(step), "");
        self.note(step, &told)
    }

    fn until(&mut self, step: &str, lines: usize) {
        let told = run::etcdctl_until(&self.endpoints, &self.real(step), lines);
        self.note(step, &told);
    }

    /// What a command says that is no step.
    fn ask(&self, command: &str) -> String {
        run::etcdctl(&self.endpoints, &self.real(command), "").output
    }

    fn wait(&self, what: &str, good: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !good(self) {
            assert!(
                began.elapsed() < SOON,
                "{what} did not come within {SOON:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn await_members(&mut self) {
        self.wait("a leader", |play| {
            play.ask("endpoint health").matches("is healthy").count() == 3
        });
        self.wait("the names of all members", |play| {
            play.ask("member list").matches(", started, m").count() == 3
        });
    }

    fn keys(&mut self) {
        for step in [
            "get nothing",
            "put a 1",
            "put a 2 --prev-kv",
            "put b '3 3'",
            "put c/1 x",
            "put c/2 y",
            "put c/3 z",
            "get a",
            "get a --consistency=s",
            "get a --hex",
            "get a --print-value-only",
            "get a -w fields",
            "get a c",
            "get '' --prefix",
            "get '' --from-key --limit=2",
            "get c/ --prefix --limit=2",
            "get c/ --prefix --keys-only",
            "get c/ --prefix --count-only -w fields",
            "get c/ --prefix --order=DESCEND",
            "get '' --prefix --sort-by=MODIFY --order=DESCEND",
            "get '' --prefix --sort-by=CREATE --order=ASCEND --limit=3",
            "get '' --prefix --sort-by=VERSION",
            "get '' --prefix --sort-by=VALUE --order=DESCEND",
            // Cut first, and sorted then.
            "get '' --prefix --sort-by=VALUE --limit=2",
            "get '' --prefix --sort-by=MODIFY --limit=3",
            "get a --rev=2",
            "get a --rev=1000",
            "get z a",
            "put a --ignore-value",
            "put nothing --ignore-value",
            "put a 4 --ignore-lease",
            "put a 5 --lease=1234",
            "put '' x",
            "get ''",
            "del nothing",
            "del c/1 --prev-kv",
            "del c/ --prefix --prev-kv",
            "del ''",
            "get a b c d",
            "bogus",
        ] {
            self.run(step);
        }
        let long = "x".repeat(1_600_000);
        self.run_with("put long", &long);
    }

    fn transactions(&mut self) {
        for (name, input) in [
            (
                "txn",
                "value(\"a\") = \"4\"\n\nput a 6\nget a\ndel b\n\nput a no\n\n",
            ),
            (
                "txn ",
                "value(\"a\") = \"no\"\n\nput a no\n\nget a\nget nothing\n\n",
            ),
            (
                "txn  ",
                "mod(\"a\") > \"1\"\ncreate(\"a\") > \"1\"\nver(\"a\") > \"1\"\n\n\n\n",
            ),
            ("txn   ", "create(\"new\") = \"0\"\n\nput new 1\n\n\n"),
            ("txn    ", "\n\nput twice 1\nput twice 2\n\n\n"),
            ("txn --interactive=false", "value(\"a\" = \n\n\n\n"),
        ] {
            self.run_with(name, input);
        }
        let many: String = (0..129).map(|i| format!("put many{i} x\n")).collect();
        self.run_with("txn -w simple", &format!("\n{many}\n\n"));
        self.run("get '' --prefix");
    }

    fn history(&mut self) {
        for step in [
            "compact 4",
            "compact 4",
            "compact 3",
            "compact 100000",
            "get a --rev=3",
            "get a --rev=4",
            "compact 6 --physical",
            "get '' --prefix -w fields",
            // Before there are leases, whose ids are drawn: a hash is over them, too.
            "endpoint hashkv",
        ] {
            self.run(step);
        }
    }

    fn watches(&mut self) {
        self.run("put w/1 a");
        self.run("put w/2 b");
        self.run("put w/1 c");
        self.run("del w/1");
        // From a past revision, so that all there is to see has happened.
        self.until("watch w/ --prefix --rev=7", 11);
        self.until("watch w/1 --rev=7 --prev-kv", 13);
        self.until("watch w/1 w/2 --rev=7", 8);
        self.run("watch a --rev=2");
    }

    fn leases(&mut self) {
        let granted = self.ask("lease grant 600");
        let lease = granted
            .split_whitespace()
            .nth(1)
            .unwrap_or("no lease")
            .to_owned();
        self.names.insert("lease".to_owned(), lease);
        for step in [
            "lease grant 9000000001",
            "put l1 x --lease={lease}",
            "put l2 x --lease={lease}",
            "put l2 --ignore-value --ignore-lease",
            "get l1 -w simple",
            "lease timetolive {lease}",
            "lease timetolive {lease} --keys",
            "lease list",
            "lease keep-alive {lease} --once",
        ] {
            self.run(step);
        }
        self.until("lease keep-alive {lease}", 1);
        for step in [
            "lease revoke {lease}",
            "get l --prefix",
            "lease revoke {lease}",
            "lease timetolive {lease}",
            "lease keep-alive {lease} --once",
            "lease list",
            "lease grant -1",
        ] {
            self.run(step);
        }
        let short = self.ask("lease grant 2");
        let short = short
            .split_whitespace()
            .nth(1)
            .unwrap_or("no lease")
            .to_owned();
        self.names.insert("short".to_owned(), short);
        self.run("put short x --lease={short}");
        self.run("get short");
        self.wait("the end of a lease", |play| {
            play.ask("get short").is_empty()
        });
        self.run("lease timetolive {short}");
    }

    fn recipes(&mut self) {
        self.run("lock l echo held");
        self.run("lock l false");
        let told = run::etcdctl_until(&self.endpoints, "lock l", 1);
        // The key is that of a lease.
        assert!(told.output.starts_with("l/"), "{}", told.output);
        self.told.push(Told {
            step: "lock l".to_owned(),
            code: told.code,
            output: String::new(),
        });
        let leading = run::begin(&self.endpoints, "elect e me");
        self.wait("a leader by election", |play| {
            play.ask("get e --prefix --print-value-only") == "me\n"
        });
        let told = run::etcdctl_until(&self.endpoints, "elect e --listen", 2);
        assert!(
            told.output.starts_with("e/") && told.output.ends_with("\nme"),
            "{}",
            told.output
        );
        self.told.push(Told {
            step: "elect e --listen".to_owned(),
            code: told.code,
            output: String::new(),
        });
        drop(leading);
        self.run("put source/1 x");
        let mirror = self.endpoints[0].trim_start_matches("http://").to_owned();
        let mirror = run::begin(
            &self.endpoints,
            &format!("make-mirror --prefix=source/ --dest-prefix=copy/ {mirror}"),
        );
        self.wait("the first copy", |play| !play.ask("get copy/1").is_empty());
        self.run("put source/2 y");
        self.wait("the second copy", |play| !play.ask("get copy/2").is_empty());
        drop(mirror);
        self.run("get copy/ --prefix");
    }

    fn members(&mut self) {
        for step in [
            "member list",
            "member list -w table",
            "member remove 1234",
            "member update 1234 --peer-urls=http://127.0.0.1:1",
            "member promote 1234",
            "member add m4",
            "member add m4 --peer-urls=bogus",
        ] {
            self.run(step);
        }
        let own = self.ask("member list");
        let own = own
            .lines()
            .next()
            .and_then(|line| line.split(", ").nth(3))
            .unwrap_or_default()
            .to_owned();
        self.names.insert("url".to_owned(), own);
        self.run("member add m4 --peer-urls={url}");
        let added = run::etcdctl(
            &self.endpoints,
            "member add m4 --learner --peer-urls=http://127.0.0.1:1",
            "",
        );
        let id = added
            .output
            .split_whitespace()
            .nth(1)
            .unwrap_or("no member")
            .to_owned();
        self.names.insert("member".to_owned(), id);
        self.note(
            "member add m4 --learner --peer-urls=http://127.0.0.1:1",
            &added,
        );
        for step in [
            "member add m5 --learner --peer-urls=http://127.0.0.1:2",
            "member promote {member}",
            "member update {member} --peer-urls=http://127.0.0.1:3",
            "member remove {member}",
            "member remove {member}",
            "member list",
        ] {
            self.run(step);
        }
    }

    /// The ids of the leader and of another member.
    fn leader(&self) -> (String, String) {
        let status = self.ask("endpoint status");
        let line = |leads: &str| {
            let line = status
                .lines()
                .find(|line| line.split(", ").nth(4) == Some(leads));
            line.and_then(|line| line.split(", ").nth(1))
                .unwrap_or("nobody")
                .to_owned()
        };
        (line("true"), line("false"))
    }

    fn endpoints(&mut self) {
        self.run_at(0, "endpoint health");
        self.run("alarm list");
        self.run("alarm list -w json");
        self.run("alarm disarm");
        self.run("defrag");
        let (leader, follower) = self.leader();
        self.names.insert("leader".to_owned(), leader);
        self.names.insert("follower".to_owned(), follower);
        self.run("move-leader {follower}");
        self.wait("the new leader", |play| {
            play.leader().0 == play.names["follower"]
        });
        self.names.remove("leader");
        self.names.remove("follower");
        self.run("move-leader 1234");
        let status = self.ask("endpoint status -w json");
        let status = status.lines().find(|line| line.starts_with('['));
        let status: serde_json::Value = serde_json::from_str(status.unwrap_or_default()).unwrap();
        let seen = status.as_array().into_iter().flatten().map(|one| {
            // Which numbers there are, and which member is which; sizes, terms and indexes are each cluster's own.
            let fields = one["Status"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>();
            format!(
                "{} {} {} {fields:?}",
                one["Endpoint"], one["Status"]["version"], one["Status"]["header"]["member_id"]
            )
        });
        let output = seen.collect::<Vec<_>>().join("\n");
        self.told.push(Told {
            step: "endpoint status -w json".to_owned(),
            code: Some(0),
            output,
        });
    }

    fn users(&mut self) {
        let dir = tempfile::tempdir().unwrap();
        self.names
            .insert("dir".to_owned(), dir.path().display().to_string());
        for step in [
            "user list",
            "role list",
            "user get nobody",
            "role get nothing",
            "auth enable",
            "auth disable",
            "user add root:pw",
            "user delete root",
            "role add r",
            "role delete r",
            "get a --user=nobody:pw",
        ] {
            self.run(step);
        }
        self.run_at(0, "snapshot save {dir}/snapshot");
    }
}
