//! Import and export: what comes in, what is left out and why, and that all of it comes or nothing does.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::import::{BadRow, ImportRow};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Profile, UserReply};
use vestry_tests::harness::{
    AdminWire, OTHER_PASSWORD, PASSWORD, Server, imported_login, refusal_of, secret,
};
use vestry_tests::imported::{hash_of, row};
use vestry_tests::light::{register, reset};
use vestry_tests::programs::{Person, Ran, with_admin};
use vestry_tests::talk::{Operator, Refusable, User, logged_in};

/// Somebody with a folder for files.
struct Clerk(Person);

impl Clerk {
    fn new() -> Self {
        Self(Person::new())
    }

    fn path(&self, name: &str) -> String {
        self.0.home().join(name).display().to_string()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn import(&self, server: &Server, arguments: &[&str]) -> Ran {
        self.0.vestryctl(server, &[&["import"], arguments].concat())
    }

    fn export(&self, server: &Server, arguments: &[&str]) -> Ran {
        self.0.vestryctl(server, &[&["export"], arguments].concat())
    }
}

const NAMES: &str = "select name from accounts order by name";

async fn names(server: &Server) -> Vec<String> {
    server.select(NAMES).await.concat()
}

async fn import_events(server: &Server) -> Vec<Vec<String>> {
    server
        .select("select actor, subject, detail from audit where action = 'accounts.imported' order by id")
        .await
}

/// What an import may leave behind, and must not.
fn scratch(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("work-")).collect()
}

async fn wait_until_nothing_is_left(server: &Server) {
    while !scratch(server.folder()).is_empty() {
        tokio::task::yield_now().await;
    }
}

async fn judged(wire: &mut AdminWire, rows: Vec<ImportRow>) -> Vec<BadRow> {
    match wire.call(AdminCall::ImportRows(rows)).await.unwrap() {
        AdminReply::RowsJudged(bad) => bad,
        other => panic!("{other:?}"),
    }
}

async fn started(server: &Server) -> AdminWire {
    let mut wire = server.connect_as("admin").await;
    let reply = wire.call(AdminCall::StartImport).await.unwrap();
    assert!(matches!(reply, AdminReply::ImportStarted), "{reply:?}");
    wire
}

/// The last reply to `FinishImport`.
async fn finished(wire: &mut AdminWire, accounts: u64) -> AdminReply {
    let id = wire.send(&AdminCall::FinishImport { accounts }).await.unwrap();
    loop {
        match wire.receive_for(id).await.unwrap() {
            AdminReply::ImportContinues { .. } => {}
            last => {
                wire.settle();
                return last;
            }
        }
    }
}

#[tokio::test]
async fn a_table_and_lines_of_objects_become_accounts_with_one_event_each() {
    let (server, clerk) = (Server::start(), Clerk::new());
    let hash = hash_of(PASSWORD);
    let table = format!(
        "email,name,argon2id,age,gender,created,status\r\n\
         naman@example.org,Naman,\"{hash}\",40,\"männlich, glaube ich\",2020-02-29T12:00:00Z,active\r\n\
         ,shubham,,,,,suspended\r\n"
    );
    let said = clerk.import(&server, &[&clerk.write("people.csv", table)]).ended_with(0);
    assert_eq!(said.out, "accounts imported: 2, with a password: 1\n");
    assert!(said.err.contains("without a password: 1;"), "{}", said.err);
    let lines =
        format!("{{\"name\":\"anirudh\",\"age\":18,\"argon2id\":\"{hash}\"}}\n\n{{\"name\":\"zoë\"}}\n");
    let refused = clerk.import(&server, &[&clerk.write("people.ndjson", &lines)]).ended_with(65);
    assert!(refused.err.contains("line 3: name: use only the letters"), "{}", refused.err);
    let piped = with_admin(&server, &["import", "-", "--format", "ndjson", "--json"]);
    let piped: Vec<&str> = piped.iter().map(String::as_str).collect();
    let said = clerk.0.run("vestryctl", &piped, &lines.replace("zoë", "zoe")).ended_with(0);
    assert_eq!(
        said.out,
        "{\"status\":\"imported\",\"rows\":2,\"bad\":0,\"imported\":2,\"with_password\":1}\n"
    );
    let accounts = server
        .select("select name, email, age, gender, status, credential, created from accounts where created < '2026' or age = 18 or status = 'suspended' order by name")
        .await;
    assert_eq!(accounts.len(), 3, "{accounts:?}");
    assert_eq!(accounts[0][..6], ["anirudh", "NULL", "18", "NULL", "active", "imported"]);
    let naman = [
        "naman",
        "naman@example.org",
        "40",
        "männlich, glaube ich",
        "active",
        "imported",
        "2020-02-29T12:00:00Z",
    ];
    assert_eq!(accounts[1], naman);
    assert_eq!(accounts[2][..6], ["shubham", "NULL", "NULL", "NULL", "suspended", "none"]);
    let events = import_events(&server).await;
    let of = |n: usize| events[n][2].split(", sha256:").next().unwrap().to_owned();
    assert_eq!((events.len(), events[0][0].as_str()), (2, "admin"));
    assert_eq!([of(0), of(1)], ["2 accounts, 1 with a password", "2 accounts, 1 with a password"]);
    let reads = server.select("select count(*) from audit where detail = 'names of an import'").await;
    assert_eq!(reads, [["3"]], "what is taken tells who is there");
    assert_eq!(scratch(server.folder()), [""; 0]);
}

#[tokio::test]
async fn an_imported_hash_logs_in_with_its_password_and_is_moved_to_opaque() {
    let (server, clerk) = (Server::start_with("hashing.imported_login_ms = 500"), Clerk::new());
    let table = format!("name,argon2id\nnaman,\"{}\"\nshubham,\n", hash_of(PASSWORD));
    clerk.import(&server, &[&clerk.write("people.csv", table)]).ended_with(0);
    clerk.0.join(&server);
    let first = ["login", "naman", "--imported", "--password-stdin"];
    clerk.0.vestry(&first, OTHER_PASSWORD).ended_with(77);
    clerk.0.vestry(&first, PASSWORD).ended_with(0);
    let kinds = server.select("select name, credential from accounts order by name").await;
    assert_eq!(kinds, [["naman", "opaque"], ["shubham", "none"]]);
    clerk.0.vestry(&["login", "naman", "--password-stdin"], PASSWORD).ended_with(0);
    // Without a hash: nobody gets in before a code, as with an account that an operator made.
    clerk.0.vestry(&["login", "shubham", "--imported", "--password-stdin"], PASSWORD).ended_with(77);
    server
        .connect()
        .await
        .ask(imported_login("shubham", PASSWORD))
        .await
        .expect_refusal(RefusalCode::WrongCredentials);
    let code = server.issue_code("shubham").await;
    let redeemed = reset(&mut server.connect().await, "shubham", code.expose_secret(), PASSWORD).await;
    assert!(matches!(redeemed, UserReply::PasswordReset { .. }), "{redeemed:?}");
    server.log_in("shubham", PASSWORD).await;
}

/// One table with every fault that can be told apart, and what is said of each.
fn faulty_table() -> (String, Vec<(u64, &'static str)>) {
    let bomb = hash_of(PASSWORD).replace("m=1024,t=2", "m=131072,t=3");
    let table = format!(
        "name,age,created,argon2id,gender\n\
         good,40,,,\n\
         naman,1,,,\n\
         gone,1,,,\n\
         root,1,,,\n\
         GOOD,1,,,\n\
         old,151,,,\n\
         late,1,2999-01-01T00:00:00Z,,\n\
         bomb,1,,\"{bomb}\",\n\
         clear,1,,{PASSWORD},\n\
         bidi,1,,,a\u{202e}b\n\
         short,1\n\
         fine,1,,,\n"
    );
    let said = vec![
        (3, "name: an account has it already"),
        (4, "name: a deleted account has it"),
        (5, "name: this name is reserved"),
        (6, "name: line 2 has it already"),
        (7, "age: use a whole number from 0 to 150"),
        (8, "created: use a time from 1970 on that has passed"),
        (9, "argon2id: m=131072 and t=3 cost too much"),
        (10, "argon2id: write it as $argon2id$"),
        (11, "gender: leave out U+202E, which is not seen, or moves what is"),
        (12, "it has 2 values, and the header names 5 columns"),
    ];
    (table, said)
}

async fn with_naman_and_somebody_gone() -> Server {
    let server = Server::start();
    server.register("naman").await;
    server.register("gone").await;
    server.operate(AdminCall::DeleteAccount { name: "gone".to_owned() }).await;
    server
}

#[tokio::test]
async fn a_dry_run_names_every_bad_row_with_its_reason_and_changes_nothing() {
    let (server, clerk) = (with_naman_and_somebody_gone().await, Clerk::new());
    let (table, said) = faulty_table();
    let file = clerk.write("people.csv", table);
    for arguments in [vec![file.as_str(), "--dry-run"], vec![file.as_str()]] {
        let ran = clerk.import(&server, &arguments).ended_with(65);
        for (line, reason) in &said {
            assert!(ran.err.contains(&format!("line {line}: {reason}")), "{line}: {reason}\n{}", ran.err);
        }
        let lines = ran.err.lines().filter(|line| line.starts_with("line ")).count();
        assert_eq!(lines, said.len(), "{}", ran.err);
        assert!(ran.err.contains("bad rows: 10 of 12; nothing was imported"), "{}", ran.err);
        assert!(!ran.err.contains(PASSWORD), "a reason holds no secret");
        let checked = "rows checked: 12, good: 2, bad: 10; nothing was changed\n";
        assert_eq!(ran.out, if arguments.len() == 2 { checked } else { "" });
    }
    assert_eq!(names(&server).await, ["gone", "naman"]);
    assert!(import_events(&server).await.is_empty());
    let good = clerk.write("good.csv", "name\ngood\n");
    let ran = clerk.import(&server, &[&good, "--dry-run", "--json"]).ended_with(0);
    assert_eq!(ran.out, "{\"status\":\"checked\",\"rows\":1,\"bad\":0,\"imported\":0,\"with_password\":0}\n");
    assert_eq!(names(&server).await, ["gone", "naman"]);
}

#[tokio::test]
async fn bad_rows_are_set_aside_to_be_mended_and_imported_again() {
    let (server, clerk) = (with_naman_and_somebody_gone().await, Clerk::new());
    let (table, said) = faulty_table();
    let (file, bad) = (clerk.write("people.csv", table), clerk.path("bad.csv"));
    let ran = clerk.import(&server, &[&file, "--skip-bad", &bad]).ended_with(0);
    assert_eq!(ran.out, "accounts imported: 2, with a password: 0\n");
    assert!(ran.err.contains("rows left out: 10, in"), "{}", ran.err);
    assert_eq!(names(&server).await, ["fine", "gone", "good", "naman"]);
    assert_eq!(Path::new(&bad).metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let written = clerk.read("bad.csv");
    for (_, reason) in &said {
        assert!(written.contains(reason), "{reason}\n{written}");
    }
    // As it is, each row is bad again; a file is never overwritten.
    clerk.import(&server, &[&bad]).ended_with(65);
    let before = clerk.read("bad.csv");
    let ran = clerk.import(&server, &[&file, "--skip-bad", &bad]).ended_with(74);
    assert!(ran.err.contains("is there already"), "{}", ran.err);
    assert_eq!(clerk.read("bad.csv"), before);
    // Mended by hand: only what was wrong.
    let mended = before.replace("\"151\"", "\"15\"").replace("2999-", "1999-");
    let kept = |line: &&str| ["\"name\"", "\"old\"", "\"late\""].iter().any(|begin| line.starts_with(begin));
    let mended: Vec<&str> = mended.lines().filter(kept).collect();
    clerk.import(&server, &[&clerk.write("mended.csv", mended.join("\r\n"))]).ended_with(0);
    assert_eq!(names(&server).await, ["fine", "gone", "good", "late", "naman", "old"]);
}

#[tokio::test]
async fn lines_are_set_aside_as_objects_and_no_file_is_made_without_a_bad_one() {
    let (server, clerk) = (Server::start(), Clerk::new());
    let lines =
        "{\"name\":\"a\",\"age\":1}\n{\"name\":\"ab\",\"age\":1}\nnonsense\n{\"name\":\"cd\",\"age\":151}\n";
    let (file, bad) = (clerk.write("people.ndjson", lines), clerk.path("bad.ndjson"));
    clerk.import(&server, &[&file, "--skip-bad", &bad]).ended_with(0);
    let written: Vec<String> = clerk.read("bad.ndjson").lines().map(str::to_owned).collect();
    assert_eq!(
        written,
        [
            "{\"name\":\"a\",\"age\":1,\"reason\":\"name: use 2 to 32 characters\"}",
            "{\"line\":\"nonsense\",\"reason\":\"it is not a JSON object\"}",
            "{\"name\":\"cd\",\"age\":151,\"reason\":\"age: use a whole number from 0 to 150\"}",
        ]
    );
    let (good, none) = (clerk.write("good.ndjson", "{\"name\":\"ef\"}\n"), clerk.path("none.ndjson"));
    clerk.import(&server, &[&good, "--skip-bad", &none]).ended_with(0);
    assert!(!Path::new(&none).exists());
    assert_eq!(names(&server).await, ["ab", "ef"]);
}

#[tokio::test]
async fn sec_0061_hostile_files_are_refused_in_words_and_drive_no_terminal() {
    let (server, clerk) = (Server::start(), Clerk::new());
    let many = "aa,1\n".repeat(2_000);
    let cases: [(&str, Vec<u8>, &str); 9] = [
        (
            "quote.csv",
            format!("name,age\n\"ab,1\n{many}").into_bytes(),
            "the row that begins in line 2 is longer",
        ),
        (
            "long.csv",
            format!("name\n{}\n", "x".repeat(1_000_000)).into_bytes(),
            "the row that begins in line 2",
        ),
        (
            "commas.csv",
            format!("name\n{}\n", ",".repeat(1_000_000)).into_bytes(),
            "the row that begins in line 2",
        ),
        ("column.csv", b"name,\x1b]0;owned\x07\nab,1\n".to_vec(), "there is no column like number 2"),
        ("bytes.csv", b"name\n\xff\xfe\n".to_vec(), "line 2: it is not UTF-8 text"),
        ("empty.csv", Vec::new(), "the file is empty"),
        ("deep.ndjson", vec![b'['; 1_000_000], "line 1: the file is a JSON array"),
        ("nested.ndjson", [b"{\"name\":".to_vec(), vec![b'['; 2_000]].concat(), "line 1: "),
        ("key.ndjson", b"{\"name\":\"ab\",\"\x1b[2J\":1}\n".to_vec(), "line 1: "),
    ];
    for (name, content, said) in cases {
        let ran = clerk.import(&server, &[&clerk.write(name, content)]).ended_with(65);
        assert!(ran.err.contains(said), "{name}: {}", ran.err);
        assert!(!ran.err.contains('\u{1b}'), "{name}: {:?}", ran.err);
    }
    clerk.import(&server, &[&clerk.write("people", "name\nab\n")]).ended_with(2);
    clerk.import(&server, &[&clerk.path("not-there.csv")]).ended_with(65);
    assert!(names(&server).await.is_empty() && import_events(&server).await.is_empty());
    wait_until_nothing_is_left(&server).await;
}

#[tokio::test]
async fn sec_0062_the_server_judges_every_row_again_whatever_the_console_made_of_it() {
    let server = with_naman_and_somebody_gone().await;
    let mut wire = started(&server).await;
    let with = |line, change: fn(&mut ImportRow)| {
        let mut made = row(line, "somebody");
        change(&mut made);
        made
    };
    let bad = judged(
        &mut wire,
        vec![
            row(1, " NAMAN "),
            row(2, "gone"),
            row(3, "admin"),
            row(4, "a\u{1b}[2Jb"),
            with(5, |row| row.profile.email = Some("no address".to_owned())),
            with(6, |row| row.profile.age = Some(151)),
            with(7, |row| row.profile.gender = Some("a\nb".to_owned())),
            with(8, |row| row.created = Some(UnixSeconds::from_seconds(-1))),
            with(9, |row| row.created = Some(UnixSeconds::MAX)),
            with(10, |row| row.argon2id = Some(secret("$argon2id$v=19$m=4194304,t=32,p=1$c29tZXNhbHQ$AAAA"))),
            with(11, |row| row.argon2id = Some(secret(""))),
            row(12, "somebody"),
            row(u64::MAX, "SomeBody"),
        ],
    )
    .await;
    let lines: Vec<u64> = bad.iter().map(|bad| bad.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, u64::MAX], "{bad:?}");
    assert!(bad.iter().all(|bad| !bad.reason.contains('\u{1b}')), "{bad:?}");
    // A batch later a name is known still, and the number of accounts has to be right.
    assert_eq!(judged(&mut wire, vec![row(99, "somebody")]).await[0].reason, "name: line 12 has it already");
    finished(&mut wire, 2).await.expect_refusal(RefusalCode::ImportCount);
    for call in
        [AdminCall::ImportRows(Vec::new()), AdminCall::FinishImport { accounts: 1 }, AdminCall::DropImport]
    {
        assert_eq!(refusal_of(wire.call(call).await.unwrap()), RefusalCode::NoImport, "it is over");
    }
    assert_eq!(names(&server).await, ["gone", "naman"]);
}

#[tokio::test]
async fn sec_0063_a_name_that_is_registered_while_an_import_runs_stays_its_owners() {
    let server = Server::start();
    let mut wire = started(&server).await;
    assert!(judged(&mut wire, vec![row(2, "shubham"), row(3, "naman")]).await.is_empty());
    server.register("naman").await;
    let refusal = finished(&mut wire, 2).await.refusal().unwrap();
    assert_eq!(refusal.known_code(), Some(RefusalCode::NameTaken));
    let said = "the name naman (line 3) was taken while the import ran; nothing was imported";
    assert_eq!(refusal.message, said);
    assert_eq!(names(&server).await, ["naman"]);
    assert!(import_events(&server).await.is_empty());
    server.log_in("naman", PASSWORD).await;
    // Again, it is one bad row.
    wait_until_nothing_is_left(&server).await;
    let mut wire = started(&server).await;
    assert_eq!(judged(&mut wire, vec![row(2, "shubham"), row(3, "naman")]).await[0].line, 3);
    assert!(matches!(finished(&mut wire, 1).await, AdminReply::ImportFinished { accounts: 1, .. }));
    assert_eq!(names(&server).await, ["naman", "shubham"]);
}

#[tokio::test]
async fn one_import_runs_at_a_time_and_a_dropped_connection_leaves_nothing_of_its_own() {
    let server = Server::start();
    let mut first = started(&server).await;
    assert!(judged(&mut first, vec![row(2, "naman")]).await.is_empty());
    let again = first.call(AdminCall::StartImport).await.unwrap();
    assert_eq!(refusal_of(again), RefusalCode::ImportUnderWay, "on the same connection");
    server.operate(AdminCall::StartImport).await.expect_refusal(RefusalCode::Busy);
    assert_eq!(scratch(server.folder()).len(), 1);
    let clerk = Clerk::new();
    let ran = clerk.import(&server, &[&clerk.write("people.csv", "name\nab\n")]).ended_with(75);
    assert!(ran.err.contains("busy") && ran.err.contains("Try again in 10 s"), "{}", ran.err);
    drop(first);
    wait_until_nothing_is_left(&server).await;
    assert!(names(&server).await.is_empty() && import_events(&server).await.is_empty());
    clerk.import(&server, &[&clerk.path("people.csv")]).ended_with(0);
    assert_eq!(names(&server).await, ["ab"]);
}

/// So many rows that the act takes long enough to be cut.
const MANY: u64 = 20_000;

async fn send_many(wire: &mut AdminWire, suffix: &str) {
    for batch in 0..MANY / 500 {
        let rows = (batch * 500..(batch + 1) * 500)
            .map(|line| row(line, &format!("person{line}{suffix}")))
            .collect();
        assert!(judged(wire, rows).await.is_empty());
    }
}

/// Every byte of the files below a folder.
fn bytes_below(folder: &Path) -> Vec<u8> {
    let (mut folders, mut bytes) = (vec![folder.to_owned()], Vec::new());
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                bytes.extend(std::fs::read(&path).unwrap());
            }
        }
    }
    bytes
}

/// More than the memory holds that an import may take.
const ROWS: u64 = 90_000;

/// What another system did not pepper has no protection but ours.
#[tokio::test]
async fn sec_0075_imported_hashes_are_sealed_in_the_database_and_in_the_scratch_file() {
    let server = Server::start();
    let hash = hash_of(PASSWORD);
    let (salt, tag) = {
        let parts: Vec<&str> = hash.rsplitn(3, '$').collect();
        (parts[1], parts[0])
    };
    let raw_tag = data_encoding::BASE64_NOPAD.decode(tag.as_bytes()).unwrap();
    let holds = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    let assert_sealed = |place: &str| {
        let bytes = bytes_below(server.folder());
        assert!(holds(&bytes, b"person77"), "{place}: the rows are not there to look at");
        for open in [b"argon2id$v".as_slice(), tag.as_bytes(), &raw_tag, format!("{salt}$").as_bytes()] {
            assert!(!holds(&bytes, open), "{place} holds {}", String::from_utf8_lossy(open));
        }
    };
    let mut wire = started(&server).await;
    let profile = || Profile { email: Some(format!("{}@example.org", "x".repeat(60))), ..Profile::default() };
    for batch in 0..ROWS / 150 {
        let rows = (batch * 150..(batch + 1) * 150)
            .map(|line| ImportRow {
                argon2id: Some(secret(&hash)),
                profile: profile(),
                ..row(line, &format!("person{line}"))
            })
            .collect();
        assert!(judged(&mut wire, rows).await.is_empty());
    }
    assert_sealed("the scratch file");
    let done = finished(&mut wire, ROWS).await;
    assert!(matches!(done, AdminReply::ImportFinished { accounts: ROWS, .. }), "{done:?}");
    assert_sealed("the database");
    logged_in(server.connect().await.call(imported_login("person77", PASSWORD)).await.unwrap());
}

#[tokio::test]
async fn sec_0064_kill_9_in_an_import_leaves_all_of_it_or_nothing() {
    let server = Server::start();
    server.register("naman").await;
    let mut wire = started(&server).await;
    send_many(&mut wire, "").await;
    let folder = server.kill();
    assert_eq!(scratch(folder.path()).len(), 1, "it was killed in the middle");
    let server = Server::start_in(folder);
    assert_eq!(scratch(server.folder()), [""; 0], "the next start removes what is left");
    assert_eq!(names(&server).await, ["naman"]);
    // Now in the act itself: its first sign of life comes when it has begun.
    let mut wire = started(&server).await;
    send_many(&mut wire, "").await;
    let id = wire.send(&AdminCall::FinishImport { accounts: MANY }).await.unwrap();
    let first = wire.receive_for(id).await.unwrap();
    assert!(matches!(first, AdminReply::ImportContinues { .. }), "{first:?}");
    let server = Server::start_in(server.kill());
    let there = server.select("select count(*) from accounts").await[0][0].clone();
    let events = import_events(&server).await.len();
    let expected = if events == 0 { "1".to_owned() } else { (MANY + 1).to_string() };
    assert_eq!((there, scratch(server.folder())), (expected, Vec::new()), "{events} events");
    let checked =
        Clerk::new().0.run("vestryd", &["check", "--data-dir", server.folder().to_str().unwrap()], "");
    checked.ended_with(0);
}

/// What the act would have to put back is more than is kept in memory, and a confined server has one place for files.
#[tokio::test]
async fn accounts_go_between_those_that_are_there_already() {
    let server = Server::start();
    for suffix in ["", "-b"] {
        let mut wire = started(&server).await;
        send_many(&mut wire, suffix).await;
        let last = finished(&mut wire, MANY).await;
        assert!(matches!(last, AdminReply::ImportFinished { accounts: MANY, .. }), "{last:?}");
        assert_eq!(scratch(server.folder()), [""; 0], "before the answer");
    }
    assert_eq!(server.select("select count(*) from accounts").await, [[(2 * MANY).to_string()]]);
    let files: Vec<_> = std::fs::read_dir(server.folder()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert!(files.iter().all(|name| !name.to_string_lossy().contains("etilqs")), "{files:?}");
}

#[tokio::test]
async fn an_operator_who_goes_away_during_the_act_undoes_it_or_is_too_late() {
    let server = Server::start();
    let mut wire = started(&server).await;
    send_many(&mut wire, "").await;
    let id = wire.send(&AdminCall::FinishImport { accounts: MANY }).await.unwrap();
    wire.receive_for(id).await.unwrap();
    drop(wire);
    wait_until_nothing_is_left(&server).await;
    // A write behind it has to wait for its end.
    server.register("naman").await;
    let there = server.select("select count(*) from accounts").await[0][0].clone();
    let expected =
        if import_events(&server).await.is_empty() { "1".to_owned() } else { (MANY + 1).to_string() };
    assert_eq!(there, expected);
}

#[tokio::test]
async fn a_disk_without_room_refuses_an_import_and_serves_everybody_else() {
    let Some(disk) = super::durability::SmallDisk::mount(80) else {
        println!("skipped: this system does not let us mount a tmpfs (root can)");
        return;
    };
    let data = Arc::new(tempfile::tempdir_in(disk.path()).unwrap());
    Server::init(data.path(), "");
    let (server, clerk) = (Server::start_in(data), Clerk::new());
    let mut wire = started(&server).await;
    assert!(judged(&mut wire, vec![row(2, "naman")]).await.is_empty());
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 40 * 1024 * 1024]).unwrap();
    wire.ask(AdminCall::ImportRows(vec![row(3, "shubham")])).await.expect_refusal(RefusalCode::Unavailable);
    wait_until_nothing_is_left(&server).await;
    let file = clerk.write("people.csv", "name\nnaman\n");
    let ran = clerk.import(&server, &[&file]).ended_with(75);
    assert!(ran.err.contains("Make room on the server's disk"), "{}", ran.err);
    // The room that is left is for everybody else's writes.
    server.register("somebody").await;
    std::fs::remove_file(&ballast).unwrap();
    clerk.import(&server, &[&file]).ended_with(0);
    assert_eq!(names(&server).await, ["naman", "somebody"]);
    drop(server);
}

#[tokio::test]
async fn what_one_server_exports_another_imports_and_both_show_the_same() {
    let (first, second, clerk) = (Server::start(), Server::start(), Clerk::new());
    let lines = [
        r#"{"name":"naman","email":"=naman@example.org","age":40,"gender":"'=cmd","created":"2020-02-29T12:00:00Z"}"#,
        r#"{"name":"shubham","email":"'@example.org","gender":"a \"b\", c","status":"suspended"}"#,
        r#"{"name":"anirudh","gender":"＝1+1"}"#,
        r#"{"name":"gone"}"#,
    ];
    let lines = clerk.write("people.ndjson", lines.join("\n").replace("'@example", "o'b@example"));
    clerk.import(&first, &[&lines]).ended_with(0);
    first.operate(AdminCall::DeleteAccount { name: "gone".to_owned() }).await;
    let all = "select name, email, age, gender, status, credential, created from accounts \
               where status <> 'deleted' order by name";
    let expected = first.select(all).await;
    assert_eq!(expected.len(), 3);
    for name in ["out.csv", "out.ndjson"] {
        let file = clerk.path(name);
        let ran = clerk.export(&first, &[&file]).ended_with(0);
        assert_eq!(ran.out, format!("accounts exported: 3, in {file}\n"));
        assert_eq!(Path::new(&file).metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let ran = clerk.import(&second, &[&file]).ended_with(0);
        let is_table = name.ends_with("csv");
        assert_eq!(ran.err.contains("passed over: credential and last_login"), is_table, "{}", ran.err);
        assert_eq!(second.select(all).await, expected, "{name}");
        // To make room for the other format: an account that is gone for good would take seven days.
        let again = clerk.import(&second, &[&file]).ended_with(65);
        assert!(again.err.contains("bad rows: 3 of 3; nothing was imported"), "{}", again.err);
        for name in ["anirudh", "naman", "shubham"] {
            let call = AdminCall::DeleteAccount { name: name.to_owned() };
            second.operate(call).await;
        }
        break_in_and_purge(&second);
    }
    // What the table on the screen is exported as, too.
    let table = clerk.0.vestryctl(&first, &["--format", "csv", "accounts", "--where", "status <> 'deleted'"]);
    let file = clerk.write("table.csv", table.ended_with(0).out);
    clerk.import(&second, &[&file]).ended_with(0);
    assert_eq!(second.select(all).await, expected);
}

/// Seven days in a moment: a test may write into the database of a server that has nothing to write itself.
fn break_in_and_purge(server: &Server) {
    let conn = rusqlite::Connection::open(server.folder().join("vestry.db")).unwrap();
    conn.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    conn.execute("delete from account where deleted_at is not null", []).unwrap();
}

#[tokio::test]
async fn an_export_is_whole_private_and_never_a_secret() {
    let (server, clerk) = (with_naman_and_somebody_gone().await, Clerk::new());
    let table = clerk.export(&server, &["--columns", "name,status"]).ended_with(0).out;
    assert_eq!(table, "name,status\r\nnaman,active\r\n");
    let lines = clerk
        .export(&server, &["--format", "ndjson", "--columns", "name", "--with-deleted"])
        .ended_with(0)
        .out;
    assert_eq!(lines, "{\"name\":\"gone\"}\n{\"name\":\"naman\"}\n");
    let some =
        clerk.export(&server, &["--where", "name = 'gone' or true", "--columns", "name"]).ended_with(0);
    assert_eq!(some.out, "name\r\nnaman\r\n", "deleted ones are left out whatever is asked");
    let whole = clerk.export(&server, &["--format", "ndjson"]).ended_with(0).out;
    assert!(!whole.contains("$argon2id") && whole.contains("\"credential\":\"opaque\""), "{whole}");
    for column in ["argon2id", "record"] {
        clerk.export(&server, &["--columns", column]).ended_with(65);
    }
    let file = clerk.write("there.csv", "mine");
    clerk.export(&server, &[&file]).ended_with(74);
    assert_eq!(clerk.read("there.csv"), "mine");
    let broken = clerk.path("broken.csv");
    clerk.export(&server, &[&broken, "--where", "no_such_column = 1"]).ended_with(65);
    assert!(!Path::new(&broken).exists());
    let json = clerk.export(&server, &[&clerk.path("new.csv"), "--json"]).ended_with(0).out;
    assert_eq!(json, format!("{{\"file\":\"{}\",\"accounts\":1}}\n", clerk.path("new.csv")));
    let read = server
        .select("select detail from audit where action = 'operator.read' and subject = 'accounts'")
        .await;
    assert!(read.iter().any(|row| row[0] == "where status <> 'deleted'"), "{read:?}");
}

#[tokio::test]
async fn a_person_at_a_terminal_sees_how_far_it_has_come() {
    let (server, clerk) = (Server::start(), Clerk::new());
    let mut table = "name\n".to_owned();
    for number in 0..3_000 {
        table.push_str(&format!("person{number}\n"));
    }
    let file = clerk.write("people.csv", table);
    let words = with_admin(&server, &["import", &file]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (code, screen) = clerk.0.open("vestryctl", &words).finish();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("checking ["), "{screen}");
    assert!(screen.contains("accounts imported: 3,000, with a password: 0"), "{screen}");
    // A command to copy stays in one piece, whatever the folder is called.
    let lines = screen.split(['\r', '\n']).filter(|line| !line.starts_with("  vestryctl "));
    let widest = lines.map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 80, "{widest}: {screen}");
    // Without a terminal there is nothing of it.
    let file = clerk.write("more.csv", "name\nab\n");
    let ran = clerk.import(&server, &[&file]).ended_with(0);
    assert!(!ran.err.contains('\r') && !ran.err.contains("checking"), "{}", ran.err);
    register(&mut server.connect().await, "person7", PASSWORD, Profile::default())
        .await
        .expect_refusal(RefusalCode::NameTaken);
}
