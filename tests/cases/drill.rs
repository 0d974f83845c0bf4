//! `vestryctl drill` against a real server: what it measures stays within the limits and follows them, it leaves nothing
//! behind, and it touches no account but its own.

use crate::admin::{connect_as_new, make_operator};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use vestry_protocol::user::{UserCall, UserReply};
use vestry_tests::harness::{PASSWORD, Server, program};
use vestry_tests::programs::{Person, Ran, with_admin};

/// A row of the table.
#[derive(Debug)]
struct Row {
    limit: u64,
    got: u64,
    verdict: String,
}

/// The rows of a drill, by what was played.
fn rows_of(ran: &Ran) -> BTreeMap<String, Row> {
    let rows: Vec<Value> = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.out));
    let row = |row: &Value| {
        let name = format!("{}: {}", row["player"].as_str().unwrap(), row["what"].as_str().unwrap());
        let (limit, got) = (row["limit"].as_u64().unwrap(), row["got"].as_u64().unwrap());
        (name, Row { limit, got, verdict: row["verdict"].as_str().unwrap().to_owned() })
    };
    rows.iter().map(row).collect()
}

fn drill(server: &Server, more: &[&str]) -> Ran {
    Person::new().vestryctl(server, &[&["drill", "--seconds", "3", "--format", "json"], more].concat())
}

/// No account of a drill is left that is not deleted, and no lane of its names and addresses.
async fn assert_nothing_is_left(server: &Server) {
    let accounts = server.select("select name from accounts where status <> 'deleted'").await;
    let others = accounts.into_iter().filter(|row| row[0].starts_with("drill-")).count();
    assert_eq!(others, 0);
    let lanes = "select lane from throttle where lane like '%127.77.%' or lane like '%drill-%'";
    let lanes = server.select(lanes).await;
    assert_eq!(lanes, Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn a_drill_stays_within_every_limit_and_leaves_nothing_behind() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let of_naman = "select count(*) from audit where subject = 'naman' or actor = 'naman'";
    let before = server.select(of_naman).await;
    let of_others = "select * from throttle where lane like '% 127.0.0.%' order by lane";
    let lanes_before = server.select(of_others).await;
    assert_eq!(lanes_before.len(), 2, "naman was registered from there");
    let rows = rows_of(&drill(&server, &[]).ended_with(0));
    assert_eq!(rows.len(), 12, "{rows:#?}");
    for (name, Row { limit, got, verdict }) in &rows {
        assert!(*got > 0 && got <= limit, "{name}: {got} of {limit}");
        let is_cut = name == "crowd: accounts made from one network";
        assert_eq!(verdict, if is_cut { "cut short" } else { "within" }, "{name}");
    }
    // What fits at once does not depend on how fast the machine is.
    for (name, at_once) in [
        ("stranger: guesses from one address", 20),
        ("stranger: wrong codes from one address", 10),
        ("stranger: accounts made from one address", 60),
        ("stranger: names told to one address", 10),
        ("thief: guesses with one session", 5),
        ("thief: writes with one session", 30),
        ("crowd: guesses at one account", 10),
        ("crowd: guesses from one network", 60),
        ("crowd: wrong codes from one network", 60),
        // A tenth of what everybody has left, less those of the stranger; one was used before.
        ("crowd: accounts made from one network", 39),
    ] {
        assert!(rows[name].got >= at_once, "{name}: {}", rows[name].got);
    }
    assert_nothing_is_left(&server).await;
    assert_eq!(server.select(of_naman).await, before);
    assert_eq!(server.select(of_others).await, lanes_before);
    let shown = wire.call(UserCall::ShowAccount).await.unwrap();
    assert!(matches!(shown, UserReply::AccountShown(_)), "{shown:?}");
    // Its sources are cleared, so that the next drill measures the same.
    let again = rows_of(&drill(&server, &[]).ended_with(0));
    assert_eq!(again["stranger: guesses from one address"].got, 20);
}

#[tokio::test]
async fn what_a_drill_measures_follows_the_settings() {
    let server = Server::start_with(
        "gate.account_guesses_at_once = 9\ngate.attempts_per_address_max = 33\ngate.attempts_per_network_max = 44\n\
         gate.names_per_address_max = 25\ngate.names_per_network_max = 75\ngate.wrong_codes_per_address_max = 7\n\
         gate.wrong_codes_per_network_max = 21\ngate.registrations_per_address_max = 12\n\
         gate.registrations_per_network_max = 23\ngate.registrations_per_hour_max = 150\ngate.writes_at_once = 50\n\
         gate.write_interval_ms = 3600000\nconnections.secs_max_before_login = 3\n",
    );
    let ran = drill(&server, &["--all"]).ended_with(0);
    let rows = rows_of(&ran);
    for (name, at_once) in [
        ("stranger: guesses from one address", 33),
        ("stranger: names told to one address", 25),
        ("stranger: wrong codes from one address", 7),
        ("stranger: accounts made from one address", 12),
        ("thief: guesses with one session", 9),
        ("thief: writes with one session", 50),
        ("crowd: guesses at one account", 18),
        ("crowd: guesses from one network", 44),
        ("crowd: names told to one network", 75),
        ("crowd: wrong codes from one network", 21),
        ("crowd: accounts made from one network", 23),
        ("crowd: accounts made from everywhere", 150 - 12 - 23),
    ] {
        let Row { limit, got, verdict } = &rows[name];
        assert!((at_once..=*limit).contains(got), "{name}: {got} of {limit}, at once {at_once}");
        assert_eq!(verdict, "within", "{name}");
    }
    assert_nothing_is_left(&server).await;
}

#[tokio::test]
async fn a_drill_needs_the_role_admin_and_changes_nothing_without_it() {
    let server = Server::start();
    for (name, role) in [("vera", "viewer"), ("hana", "helpdesk")] {
        make_operator(&server, name, role);
        drop(connect_as_new(&server, name).await);
        let ran = drill(&server, &["--operator", name]).ended_with(77);
        assert!(ran.err.contains("admin") && ran.out.is_empty(), "{}", ran.err);
    }
    assert_eq!(server.select("select count(*) from accounts").await, [["0"]]);
    assert_eq!(server.select("select count(*) from audit where actor_kind = 'user'").await, [["0"]]);
}

/// A drill of ten minutes in the middle of its registrations.
async fn drill_under_way(server: &Server) -> Child {
    let arguments = with_admin(server, &["drill", "--seconds", "600"]);
    let mut command = Command::new(program("vestryctl"));
    let mut running = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while server.select("select 1 from throttle where lane like 'registrations 127.77.%'").await.is_empty() {
        assert!(running.try_wait().unwrap().is_none(), "it ended before it was interrupted");
    }
    running
}

#[tokio::test]
async fn a_drill_that_is_interrupted_takes_away_what_it_made() {
    let server = Server::start();
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = drill_under_way(&server).await;
        kill_process(Pid::from_child(&running), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(130));
        assert_nothing_is_left(&server).await;
    }
    let made = server.select("select count(*) > 6 from accounts where status = 'deleted'").await;
    assert_eq!(made, [["1"]], "those of the players, and some that the stranger registered");
}

/// At the prompt, too, and that goes on.
#[tokio::test]
async fn a_drill_at_the_prompt_is_stopped_by_ctrl_c_and_takes_away_what_it_made() {
    let server = Server::start();
    let person = Person::new();
    let words = with_admin(&server, &[]);
    let mut prompt = person.open("vestryctl", &words.iter().map(String::as_str).collect::<Vec<_>>());
    for _ in 0..2 {
        prompt.answer("vestry> ", "drill --seconds 60");
        while server.select("select name from accounts where status = 'active'").await.is_empty() {}
        prompt.type_keys("\u{3}");
        prompt.wait_for("interrupted");
        assert_nothing_is_left(&server).await;
    }
    prompt.answer("vestry> ", "status");
    prompt.wait_for("operator:");
    prompt.answer("vestry> ", "exit");
    assert_eq!(prompt.finish().0, 0);
}

#[tokio::test]
async fn what_a_killed_drill_left_is_taken_away_by_its_name() {
    let server = Server::start();
    server.register("drill-sergeant").await;
    let mut running = drill_under_way(&server).await;
    let busy = drill(&server, &[]).ended_with(75);
    assert!(busy.err.contains("another drill"), "{}", busy.err);
    running.kill().unwrap();
    running.wait().unwrap();
    let left = "select name from accounts where status = 'active' and name <> 'drill-sergeant'";
    let names = server.select(left).await;
    let tag = names[0][0].rsplit_once('-').unwrap().0;
    let person = Person::new();
    person.vestryctl(&server, &["drill", "--tidy", "drill-sergeant"]).ended_with(65);
    person.vestryctl(&server, &["drill", "--tidy", tag]).ended_with(0);
    assert!(server.select(left).await.is_empty());
    assert_eq!(
        server.select("select name from accounts where status = 'active'").await,
        [["drill-sergeant"]]
    );
    assert!(server.select("select lane from throttle where lane like '%127.77.%'").await.is_empty());
}

/// A server that forgets its failures while the drill plays breaks its promise.
#[tokio::test]
async fn a_drill_fails_when_an_attacker_gets_more_than_the_settings_promise() {
    let server = Server::start();
    let arguments = with_admin(&server, &["drill", "--seconds", "3", "--format", "json"]);
    let mut command = Command::new(program("vestryctl"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    while !running.is_finished() {
        server.let_everybody_try_again().await;
    }
    let done = running.await.unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(65), "{told}");
    assert!(told.contains("exceeded limits: "), "{told}");
    let rows: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
    let beyond = |row: &&Value| row["got"].as_u64() > row["limit"].as_u64();
    let exceeded: Vec<&Value> = rows.iter().filter(|row| row["verdict"] == "exceeded").collect();
    assert!(!exceeded.is_empty());
    assert_eq!(exceeded, rows.iter().filter(beyond).collect::<Vec<_>>());
    assert_nothing_is_left(&server).await;
}

#[tokio::test]
async fn a_drill_leaves_out_what_a_closed_registration_has_no_answer_to() {
    let server = Server::start_with("accounts.registration = \"closed\"\n");
    let ran = drill(&server, &[]).ended_with(0);
    let rows = rows_of(&ran);
    assert!(ran.err.contains("closed"), "{}", ran.err);
    assert!(rows.keys().all(|name| !name.contains("accounts made") && !name.contains("names told")));
    assert_eq!(rows.len(), 8, "{rows:#?}");
}
