//! The trail as it happens: each event once, also over a restart.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use vestry_tests::harness::{Server, program};
use vestry_tests::programs::{Person, with_admin};

/// `vestryctl audit --follow` at work.
struct Follower {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Follower {
    fn start(server: &Server, arguments: &[&str]) -> Self {
        let mut process = Command::new(program("vestryctl"))
            .args(with_admin(server, &[&["audit", "--follow"], arguments].concat()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Lines up to the first that has the text.
    fn wait_for(&mut self, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            seen.push(line);
            if seen.last().unwrap().contains(text) {
                return seen;
            }
        }
        panic!("{text} did not come: {seen:?}")
    }

    /// Ctrl-C; what it said.
    fn interrupt(mut self) -> String {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let status = self.process.wait().unwrap();
        let said = std::io::read_to_string(self.process.stderr.take().unwrap()).unwrap();
        assert!(status.success(), "{status}: {said}");
        said
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
    }
}

/// The same ports at the next start.
fn keep_the_ports(server: &Server) {
    let file = server.folder().join("vestryd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text =
        text.replace("admin_listen = \"127.0.0.1:0\"", &format!("admin_listen = \"{}\"", server.admin));
    std::fs::write(&file, text).unwrap();
}

#[tokio::test]
async fn following_shows_each_event_once_also_over_a_restart_and_ends_well() {
    let server = Server::start();
    keep_the_ports(&server);
    let filter = ["--format", "csv", "--where", "action = 'account.registered'", "--columns", "id,subject"];
    let mut follower = Follower::start(&server, &filter);
    follower.wait_for("id,subject");
    server.register("naman").await;
    assert_eq!(follower.wait_for("naman"), ["3,naman"]);
    let server = Server::start_in(server.stop());
    server.register("navneet").await;
    assert_eq!(follower.wait_for("navneet").len(), 1);
    let said = tokio::task::spawn_blocking(move || follower.interrupt()).await.unwrap();
    assert!(said.contains("going on over a new one"), "{said}");
    let reads = server.select("select count(*) from audit where detail like 'follow%'").await;
    assert_eq!(reads, [["2"]], "one at its start, one after the restart");
}

#[tokio::test]
async fn following_begins_with_the_newest_and_writes_every_line_whole() {
    let server = Server::start();
    for name in ["anirudh", "naman", "navneet"] {
        server.register(name).await;
    }
    let options = ["--format", "ndjson", "--limit", "2", "--where", "actor_kind = 'user'"];
    let mut follower = Follower::start(&server, &options);
    let seen = follower.wait_for("navneet");
    assert_eq!(seen.len(), 2, "{seen:?}");
    for line in seen {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["action"], "account.registered");
    }
    let said = follower.interrupt();
    assert_eq!(said, "");
    let person = Person::new();
    let refused = person.vestryctl(&server, &["--json", "audit", "--follow"]).ended_with(2);
    assert!(refused.err.contains("ndjson"), "{}", refused.err);
    person.vestryctl(&server, &["audit", "--follow", "--where", "no_such = 1"]).ended_with(65);
    person.vestryctl(&server, &["audit", "--follow", "--desc"]).ended_with(2);
}
