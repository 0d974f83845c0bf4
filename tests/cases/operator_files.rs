//! What an operator's commands read and write: answers that cannot be written, `-`, and files of accounts as people have them.
//! The numbers are those of the list of faults that comparable programs have.

use std::process::{Command, Stdio};
use vestry_tests::harness::{Server, program};
use vestry_tests::programs::{Person, Ran};

/// A server, and an operator with a shell in a folder of their own.
pub(crate) struct Desk {
    server: Server,
    person: Person,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { server: Server::start(), person: Person::new() }
    }

    /// What a shell makes of a script, in the operator's folder; both streams of it are pipes.
    pub(crate) fn shell(&self, script: &str) -> Ran {
        let programs = program("vestryctl").parent().unwrap().display().to_string();
        let output = Command::new("sh")
            .args(["-c", script])
            .env_clear()
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .env("HOME", self.person.home())
            .env("VESTRY_DATA_DIR", self.server.folder())
            .current_dir(self.person.home())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// A command as it is advised here.
    pub(crate) fn advised(&self, words: &str) -> String {
        format!("vestryctl --data-dir {} {words}", self.server.folder().display())
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.person.home().join(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.person.home().join(name)).unwrap_or_default()
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.person.home()
    }

    pub(crate) fn server_folder(&self) -> String {
        self.server.folder().display().to_string()
    }

    pub(crate) fn is_there(&self, name: &str) -> bool {
        self.person.home().join(name).exists()
    }

    /// One value of the accounts.
    pub(crate) fn value(&self, sql: &str) -> String {
        let rows = self.shell(&format!("vestryctl sql \"{sql}\"")).ended_with(0).out;
        rows.lines().nth(1).unwrap_or_default().to_owned()
    }
}

/// The lines that end in a command of the operator's program, without what stands before it.
pub(crate) fn advised<'a>(said: &'a str, before: &str) -> Vec<&'a str> {
    said.lines().filter_map(|line| line.trim_start().strip_prefix(before)).collect()
}

#[track_caller]
pub(crate) fn fits_eighty_columns(said: &str) {
    // A command with the path of a test's folder is as long as that.
    for line in said.lines().filter(|line| !line.contains(" --data-dir ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn o_14_a_code_that_cannot_be_written_is_one_command_away() {
    let desk = Desk::new();
    for (words, done) in [
        ("create naman", "the account naman was made."),
        ("reset naman --confirm naman", "a code for naman was issued."),
        ("--json create anna", "the account anna was made."),
    ] {
        let lost = desk.shell(&format!("vestryctl account {words} > /dev/full")).ended_with(74);
        let lines: Vec<&str> = lost.err.lines().filter(|line| !line.starts_with("Account ")).collect();
        let at = lines.iter().position(|line| *line == done).unwrap_or_else(|| panic!("{}", lost.err));
        assert!(lines[at + 1].starts_with("vestryctl: its code could not be written: "), "{}", lost.err);
        assert_eq!(lines.len(), at + 3, "{}", lost.err);
        fits_eighty_columns(lines[at + 1]);
        let mend = advised(&lost.err, "Another code: ")[0];
        let name = if words.contains("anna") { "anna" } else { "naman" };
        assert_eq!(mend, desk.advised(&format!("account reset {name}")));
        let mended = desk.shell(&format!("{mend} --confirm {name}")).ended_with(0);
        assert!(mended.out.contains("code"), "{}", mended.out);
    }
}

#[test]
fn o_14_each_lost_code_of_a_class_is_named_with_its_way_back() {
    let desk = Desk::new();
    let made =
        desk.shell("for n in ada bob cem; do vestryctl account create $n || echo $? >&2; done > /dev/full");
    assert_eq!(made.err.lines().filter(|line| *line == "74").count(), 3, "{}", made.err);
    let ways = advised(&made.err, "Another code: ");
    assert_eq!(ways.len(), 3, "{}", made.err);
    let mend: Vec<String> =
        ways.iter().zip(["ada", "bob", "cem"]).map(|(way, name)| format!("{way} --confirm {name}")).collect();
    desk.shell(&format!("set -e; {}", mend.join("; "))).ended_with(0);
    // Nobody reads, or standard output is thrown away: it is no failure of the disk, and the code is as lost.
    let thrown_away = desk.shell("vestryctl account create dana > /dev/null").ended_with(0);
    assert!(thrown_away.err.contains("the account dana was made; its code went to /dev/null"));
    assert_eq!(advised(&thrown_away.err, "Another code: "), [desk.advised("account reset dana")]);
    let closed = desk.shell("vestryctl account create emil >&-");
    assert!(closed.err.contains("the account emil was made"), "{}", closed.err);
    assert_eq!(advised(&closed.err, "Another code: "), [desk.advised("account reset emil")]);
}

#[test]
fn o_14_every_change_is_said_when_its_answer_has_no_reader() {
    let desk = Desk::new();
    desk.shell("vestryctl account create naman").ended_with(0);
    for (words, done) in [
        ("account suspend naman --confirm naman", "naman is suspended."),
        ("account resume naman", "naman is active."),
        ("account delete naman --confirm naman", "naman is deleted; it can be restored until "),
        ("account restore naman", "naman is active."),
        ("throttle clear naman", "lanes that were opened: 0."),
        ("reload", "the settings were read again."),
    ] {
        let lost = desk.shell(&format!("vestryctl {words} > /dev/full")).ended_with(74);
        assert!(lost.err.lines().any(|line| line.starts_with(done)), "{words}: {}", lost.err);
    }
    // A pipe without a reader: `true` has ended when the read is done that comes first.
    let script = "mkfifo p; (exec 3<p; exec 3<&-) & exec 4>p; wait; vestryctl account suspend naman --confirm naman >&4";
    let unread = desk.shell(script).ended_with(0);
    assert!(unread.err.lines().any(|line| line == "naman is suspended."), "{}", unread.err);
}

const PASSPHRASE: &str = "seven crows built a wooden clock";

#[test]
fn o_4_a_dash_is_standard_output_for_backups_and_they_come_back() {
    let desk = Desk::new();
    desk.shell("vestryctl account create naman").ended_with(0);
    desk.write("typed", PASSPHRASE);
    desk.shell("umask 077; cat typed > passphrase").ended_with(0);
    for (back_up, restore) in [
        ("vestryctl backup -", ""),
        ("vestryctl backup --passphrase-file - - < typed", "--passphrase-file passphrase"),
        ("vestryd backup -", ""),
        ("vestryd backup --passphrase-file passphrase -", "--passphrase-file passphrase"),
    ] {
        let made = desk.shell(&format!("rm -f b; {back_up} > b")).ended_with(0);
        assert!(
            made.err.starts_with("the backup is written to standard output\n"),
            "{back_up}: {}",
            made.err
        );
        assert!(!desk.is_there("-"), "{back_up}");
        // The keys are the server's own; the certificates are made anew.
        let script = format!(
            "set -e; rm -rf back; mkdir -m 700 back; cp -a \"$VESTRY_DATA_DIR\"/secrets back/secrets; rm back/secrets/audit.head; \
             vestryd restore --data-dir back {restore} - < b"
        );
        let restored = desk.shell(&script).ended_with(0);
        assert!(restored.err.contains("restored the database of "), "{back_up}: {}", restored.err);
    }
    let both = desk.shell("vestryd restore --data-dir other --passphrase-file - - < b").ended_with(2);
    assert!(both.err.contains("cannot both be on standard input"), "{}", both.err);
    let json = desk.shell("vestryctl --json backup - > b").ended_with(0);
    let bytes = desk.read("b").len();
    assert!(json.err.starts_with(&format!("{{\"file\":\"-\",\"bytes\":{bytes}}}\n")), "{}", json.err);
    desk.shell("vestryctl backup ./-").ended_with(0);
    assert!(desk.is_there("-"));
}

#[test]
fn o_4_a_backup_that_did_not_reach_its_pipe_is_no_success() {
    let desk = Desk::new();
    for program in ["vestryctl", "vestryd"] {
        let cut = desk.shell(&format!("({program} backup -; echo $? >&2) | head -c 10"));
        assert!(cut.err.lines().any(|line| line == "74"), "{program}: {}", cut.err);
        assert!(cut.err.contains("the backup could not be written: "), "{program}: {}", cut.err);
        let full = desk.shell(&format!("{program} backup - > /dev/full")).ended_with(74);
        assert!(full.err.contains("the backup could not be written: "), "{program}: {}", full.err);
    }
}

#[test]
fn o_4_a_dash_is_standard_output_for_exports_and_rows_left_out() {
    let desk = Desk::new();
    desk.write("people.csv", "name,age\nnaman,40\nNO,4\nanna,1000\n");
    let mixed = desk.shell("vestryctl import people.csv --skip-bad -").ended_with(0);
    let left_out = "\"name\",\"age\",\"reason\"\r\n\"anna\",\"1000\",";
    assert!(mixed.out.starts_with(left_out), "{}", mixed.out);
    assert!(mixed.err.contains("accounts imported: 2, with a password: 0\n"), "{}", mixed.err);
    assert!(mixed.err.contains("rows left out: 1, on standard output\n"), "{}", mixed.err);
    desk.write("good.csv", "name\nben\n");
    let none = desk.shell("vestryctl import good.csv --skip-bad -").ended_with(0);
    assert_eq!(none.out, "", "no row, no header");
    let plain = desk.shell("vestryctl export").ended_with(0).out;
    let dash = desk.shell("vestryctl export -").ended_with(0);
    assert_eq!((dash.out, dash.err.as_str()), (plain, "accounts exported: 3\n"));
    let json = desk.shell("vestryctl --json export --format ndjson -").ended_with(0);
    assert_eq!(json.err, "{\"file\":\"-\",\"accounts\":3}\n");
    assert!(json.out.lines().count() == 3 && !desk.is_there("-"), "{}", json.out);
}

#[test]
fn o_4_a_terminal_is_refused_where_a_dash_stands_for_a_stream() {
    let desk = Desk::new();
    desk.write("people.csv", "name\nnaman\n");
    let people = desk.person.home().join("people.csv").display().to_string();
    let to_mend: [(&str, &[&str], i32); 6] = [
        ("vestryctl", &["backup", "-"], 74),
        ("vestryctl", &["export", "-"], 74),
        ("vestryctl", &["import", &people, "--skip-bad", "-"], 74),
        ("vestryd", &["backup", "-"], 74),
        ("vestryctl", &["backup", "--passphrase-file", "-", "/nowhere/backup"], 65),
        ("vestryd", &["restore", "-"], 74),
    ];
    let folder = desk.server.folder().display().to_string();
    for (program, words, code) in to_mend {
        let words = [words, &["--data-dir", &folder]].concat();
        let (ended, screen) = desk.person.open(program, &words).finish();
        assert_eq!(i32::try_from(ended), Ok(code), "{words:?}: {screen}");
        assert!(screen.contains("is a terminal; "), "{words:?}: {screen}");
    }
    assert_eq!(desk.value("select count(*) from accounts"), "0");
}

#[test]
fn o_13_no_cell_of_a_file_is_echoed_however_it_is_read() {
    let desk = Desk::new();
    let secret = "$2y$05$sHwNThisIsSomebodysHash";
    let files = [
        ("people.htpasswd", format!("alice:{secret}\nbob:{secret}\n"), "csv"),
        ("shadow", format!("alice:{secret}:19000:0:99999:7:::\n"), "csv"),
        ("nohead.csv", format!("alice,{secret}\n"), "csv"),
        ("secondhead.csv", format!("name,{secret}\nalice,x\n"), "csv"),
        ("short.csv", "alice,hunter2\n".to_owned(), "csv"),
        (
            "age.csv",
            format!("name,age,created,status\nalice,{secret},,\nbob,,{secret},\ncem,,,{secret}\n"),
            "csv",
        ),
        ("hash.csv", format!("name,argon2id\nalice,{secret}\n"), "csv"),
        (
            "params.csv",
            "name,argon2id\nalice,\"$argon2id$v=19$hunter2=1$c2FsdHNhbHQ$aGFzaA\"\n".to_owned(),
            "csv",
        ),
        ("type.ndjson", format!("{{\"name\":\"alice\",\"age\":\"{secret}\"}}\n"), "ndjson"),
        ("key.ndjson", format!("{{\"name\":\"alice\",\"{secret}\":1}}\n"), "ndjson"),
        ("map.ndjson", format!("{{\"alice\":\"{secret}\"}}\n"), "ndjson"),
        ("broken.ndjson", format!("{{\"name\":\"alice\" \"{secret}\"}}\n"), "ndjson"),
        ("list.ndjson", format!("{{\"name\":[\"{secret}\"]}}\n"), "ndjson"),
    ];
    for (name, content, format) in files {
        desk.write(name, content);
        let refused = desk.shell(&format!("vestryctl import {name} --format {format}")).ended_with(65);
        let said = format!("{}{}", refused.out, refused.err);
        for cell in ["alice", "sHwN", "$2y$", "hunter2"] {
            assert!(!said.contains(cell), "{name}: {said}");
        }
        assert!(said.contains("line 1: ") || said.contains("line 2: "), "{name}: {said}");
        for word in ["expected", "invalid type", "i64", "duplicate field"] {
            assert!(!said.contains(word), "{name}: {said}");
        }
        fits_eighty_columns(&said);
    }
    // What is a name of a column can be shown, so that a misprint is found.
    desk.write("misprint.csv", "name,e-mail\nalice,\n");
    let misprint = desk.shell("vestryctl import misprint.csv").ended_with(65);
    assert!(misprint.err.contains("there is no column 'e-mail'"), "{}", misprint.err);
}

#[test]
fn o_12_lines_of_objects_take_what_a_table_takes() {
    let desk = Desk::new();
    desk.write(
        "people.ndjson",
        "{\"name\":\"a1\",\"email\":\"\"}\n{\"name\":\"a2\",\"age\":\"\"}\n{\"name\":\"a3\",\"age\":\"40\"}\n\
         {\"name\":\"a4\",\"age\":40.0}\n{\"name\":\"a5\",\"argon2id\":\"\"}\n{\"name\":\"a6\",\"created\":\"\"}\n\
         {\"Name\":\"a7\",\"AGE\":\"7\"}\n{\"name\":4711,\"gender\":1}\n{\"name\":\"\",\"age\":null}\n",
    );
    desk.write(
        "people.csv",
        "NAME,email,Age,argon2id,created,gender\nb1,,40.0,,,\nb2,,7,,,1\n4712,,,,,\n,,,,,\n",
    );
    desk.shell("vestryctl import people.ndjson").ended_with(0);
    desk.shell("vestryctl import people.csv").ended_with(0);
    let names = "select count(*), sum(age) from accounts where name like";
    assert_eq!(desk.value(&format!("{names} 'a_'")), "7\t87");
    assert_eq!(desk.value(&format!("{names} 'b_'")), "2\t47");
    assert_eq!(desk.value("select count(*) from accounts where name in ('4711', '4712')"), "2");
    // What the table of accounts prints as JSON is read back in.
    let script = "vestryctl --format ndjson sql 'select name || 9 as Name, age, email from accounts' > again.ndjson; \
                  vestryctl import again.ndjson";
    desk.shell(script).ended_with(0);
    assert_eq!(desk.value(&format!("{names} 'a_9'")), "7\t87");
}

#[test]
fn o_12_a_line_that_is_set_aside_keeps_what_it_says() {
    let desk = Desk::new();
    desk.write(
        "people.ndjson",
        "{\"Reason\":\"old\",\"name\":\"NO GOOD\",\"age\":40.0}\n{\"name\":\"a\",\"name\":\"b\"}\nnonsense\n{\"name\":\"fine\"}\n",
    );
    desk.shell("vestryctl import people.ndjson --skip-bad bad.ndjson").ended_with(0);
    let bad = String::from_utf8(desk.read("bad.ndjson")).unwrap();
    let lines: Vec<&str> = bad.lines().collect();
    assert!(lines[0].starts_with("{\"name\":\"NO GOOD\",\"age\":40.0,\"reason\":\"name: "), "{bad}");
    assert_eq!(lines[1], "{\"name\":\"a\",\"name\":\"b\",\"reason\":\"the key 'name' is there twice\"}");
    assert_eq!(lines[2], "{\"line\":\"nonsense\",\"reason\":\"it is not a JSON object\"}");
    desk.shell("sed -i 's/NO GOOD/mended/; 2,3d' bad.ndjson && vestryctl import bad.ndjson").ended_with(0);
    assert_eq!(desk.value("select age from accounts where name = 'mended'"), "40");
}

/// The numbers of the lines that bad rows are told of, in the order in which they are.
fn lines_told(said: &str) -> Vec<u64> {
    let numbers = said.lines().filter_map(|line| line.strip_prefix("line ")?.split(':').next());
    numbers.map(|number| number.parse().unwrap()).collect()
}

#[test]
fn o_11_a_second_import_tells_twenty_rows_and_a_count() {
    let desk = Desk::new();
    let rows: String = (0..5_000).map(|number| format!("person{number}\n")).collect();
    desk.write("big.csv", format!("name\n{rows}"));
    desk.shell("vestryctl import big.csv").ended_with(0);
    for command in ["import big.csv", "import big.csv --dry-run"] {
        let again = desk.shell(&format!("vestryctl {command}")).ended_with(65);
        assert_eq!(lines_told(&again.err), (2..22).collect::<Vec<u64>>(), "{command}");
        let more = "and 4,980 more as in line 2: name: an account has it already\n";
        assert!(again.err.contains(more), "{command}: {}", again.err);
        assert!(again.err.contains("bad rows: 5,000 of 5,000; nothing was imported\n"), "{}", again.err);
        let way = "--skip-bad FILE\n  That file then has every bad row with its reason.\n";
        assert!(again.err.ends_with(way), "{}", again.err);
        fits_eighty_columns(&again.err);
    }
    desk.shell("vestryctl import big.csv --skip-bad all.csv").ended_with(0);
    assert_eq!(String::from_utf8(desk.read("all.csv")).unwrap().lines().count(), 5_001);
}

#[test]
fn o_11_bad_rows_come_in_the_order_of_lines_whoever_found_them() {
    let desk = Desk::new();
    // The server finds the first of three, this program the second; some rows are too long for a batch of many.
    let text = "x".repeat(200);
    let row = |number: u64| match number % 60 {
        0 => format!("NOT/{number},1,\n"),
        1 => format!("person{number},old,\n"),
        2 => format!("person{number},1,{text}\n"),
        _ => format!("person{number},1,short\n"),
    };
    let rows: String = (2..9_002).map(row).collect();
    desk.write("mixed.csv", format!("name,age,gender\n{rows}"));
    let refused = desk.shell("vestryctl import mixed.csv").ended_with(65);
    let told = lines_told(&refused.err);
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(told[..6], [2, 60, 61, 62, 120, 121]);
    assert_eq!(told.len(), 60);
    for kind in ["as in line 60: name: ", "as in line 61: age: ", "as in line 2: gender: "] {
        assert_eq!(refused.err.matches(kind).count(), 1, "{kind}: {}", refused.err);
    }
    desk.shell("vestryctl import mixed.csv --skip-bad bad.csv").ended_with(0);
    let bad = String::from_utf8(desk.read("bad.csv")).unwrap();
    let begins: Vec<&str> = bad.lines().skip(1).take(4).map(|line| &line[..8]).collect();
    assert_eq!(begins, ["\"person2", "\"NOT/60\"", "\"person6", "\"person6"]);
    // What comes before a row without an end is told, too.
    desk.write("open.csv", format!("name,age\nfine,old\nA B,1\n\"open,1\n{}", "person,1\n".repeat(2_000)));
    let open = desk.shell("vestryctl import open.csv").ended_with(65);
    assert_eq!(lines_told(&open.err), [2, 3]);
    assert!(open.err.contains("the row that begins in line 4 is longer"), "{}", open.err);
}

#[test]
fn o_polish_a_file_of_another_kind_says_what_it_is_and_what_to_do() {
    let desk = Desk::new();
    let utf16: Vec<u8> = "\u{feff}name\temail\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, content, said, advice) in [
        (
            "semicolons.csv",
            b"name;email\na;\n".to_vec(),
            "values are separated by ';'",
            "Separate them with commas",
        ),
        (
            "tabs.csv",
            b"name\temail\na\t\n".to_vec(),
            "values are separated by tabs",
            "Separate them with commas",
        ),
        ("excel.csv", utf16, "the file is UTF-16", "iconv -f UTF-16"),
        ("array.ndjson", b"[{\"name\":\"a\"}]\n".to_vec(), "the file is a JSON array", "jq -c '.[]' FILE"),
        ("people.csv", b"alice:$2y$05$sHwN\n".to_vec(), "as in a file of htpasswd", "cut -d: -f1 FILE"),
        (
            "unquoted.csv",
            b"name,argon2id\na1,$argon2id$v=19$m=64,t=2,p=1$c2FsdA$x\n".to_vec(),
            "put it in quotation marks",
            "",
        ),
        (
            "bcrypt.csv",
            b"name,argon2id\na1,$2y$05$sHwNsHwNsHwNsHwNsHwNsH\n".to_vec(),
            "bcrypt is not taken; leave it out, and issue a code",
            "",
        ),
    ] {
        desk.write(name, content);
        let refused = desk.shell(&format!("vestryctl import {name}")).ended_with(65);
        assert!(refused.err.contains(said) && refused.err.contains(advice), "{name}: {}", refused.err);
    }
    // The way that is advised for a file of htpasswd works.
    desk.write("passwords", "alice:$2y$05$sHwN\nbob:{SHA}x\n");
    desk.shell("(echo name; cut -d: -f1 passwords) | vestryctl import - --format csv").ended_with(0);
    assert_eq!(desk.value("select group_concat(name) from accounts"), "alice,bob");
    let help = desk.shell("vestryctl import --help").ended_with(0).out;
    assert!(!help.contains("json]") && !help.contains(", json"), "{help}");
    desk.write("padded.csv", "name,status,age\ncem,Active,\n,,\n ,,\n");
    desk.shell("vestryctl import padded.csv --format json").ended_with(0);
    assert_eq!(desk.value("select status from accounts where name = 'cem'"), "active");
}

#[test]
fn o_polish_lists_times_and_names_are_taken_as_people_type_them() {
    let desk = Desk::new();
    desk.shell("vestryctl account create naman --email n@example.org").ended_with(0);
    for words in ["accounts --columns 'name, email'", "export --columns 'name, email'"] {
        let listed = desk.shell(&format!("vestryctl {words}")).ended_with(0).out;
        assert!(listed.contains("naman") && listed.contains("n@example.org"), "{words}: {listed}");
    }
    let suspend = "vestryctl account suspend naman --until '2199-12-31 23:59' --confirm naman";
    let suspended = desk.shell(suspend).ended_with(0);
    assert_eq!(suspended.out, "naman is suspended until 2199-12-31T23:59:00Z\n");
    for (name, advice) in [
        ("x.json", "call it .ndjson, or add --format ndjson"),
        ("x.tsv", "Call it .csv, or add --format csv"),
        ("x.csv.gz", "export - | gzip > FILE"),
        ("X.XLSX", "Call it .csv"),
    ] {
        let refused = desk.shell(&format!("vestryctl export {name}")).ended_with(2);
        assert!(refused.err.contains(advice) && !desk.is_there(name), "{name}: {}", refused.err);
    }
    desk.shell("vestryctl export x.json --format ndjson && vestryctl export - | gzip > x.csv.gz")
        .ended_with(0);
    let unpacked = desk.shell("zcat x.csv.gz | cut -d, -f1").ended_with(0).out;
    assert_eq!(unpacked.replace('\r', ""), "name\nnaman\n");
}

#[test]
fn o_9_a_suspension_travels_with_its_date_and_its_reason() {
    let (desk, other) = (Desk::new(), Desk::new());
    for name in ["week", "good", "free"] {
        desk.shell(&format!("vestryctl account create {name}")).ended_with(0);
    }
    let until = "--until 2199-12-31T23:59:00Z --reason '=rent, \"late\"'";
    desk.shell(&format!("vestryctl account suspend week {until} --confirm week")).ended_with(0);
    desk.shell("vestryctl account suspend good --confirm good").ended_with(0);
    let select =
        "vestryctl sql 'select name, status, suspended_until, suspended_reason from accounts order by 1'";
    let before = desk.shell(select).ended_with(0).out;
    let rows = "free\tactive\tNULL\tNULL\ngood\tsuspended\tNULL\tNULL\nweek\tsuspended\t2199-12-31T23:59:00Z\t=rent, \"late\"\n";
    assert!(before.ends_with(rows), "{before}");
    for format in ["csv", "ndjson"] {
        let file = format!("people.{format}");
        desk.shell(&format!("vestryctl export {file}")).ended_with(0);
        other.write(&file, desk.read(&file));
        let again = Desk::new();
        again.write(&file, desk.read(&file));
        again.shell(&format!("vestryctl import {file}")).ended_with(0);
        assert_eq!(again.shell(select).ended_with(0).out, before, "{format}");
        let shown = again.shell("vestryctl account show week").ended_with(0).out;
        assert!(shown.contains("suspended_until:  2199-12-31T23:59:00Z"), "{shown}");
        assert!(shown.contains("suspended_reason: =rent, \"late\""), "{shown}");
    }
    other.write(
        "mixed.csv",
        "name,suspended_until,suspended_reason,status\n\
         a1,2199-01-01T00:00:00Z,,suspended\na2,,rent,suspended\na3,2020-01-01T00:00:00Z,over,suspended\n\
         b1,2199-01-01T00:00:00Z,,active\nb2,,rent,\nb3,tomorrow,,suspended\n",
    );
    let mixed = other.shell("vestryctl import mixed.csv --skip-bad bad.csv").ended_with(0);
    assert!(mixed.out.contains("accounts imported: 3"), "{}", mixed.out);
    let bad = String::from_utf8(other.read("bad.csv")).unwrap();
    assert_eq!(
        bad.matches("status: an account with suspended_until or suspended_reason").count(),
        2,
        "{bad}"
    );
    assert!(bad.contains("suspended_until: write it as "), "{bad}");
    // One that is over when it arrives suspends no longer.
    let shown = other.shell("vestryctl account show a3").ended_with(0).out;
    assert!(shown.contains("status:           active"), "{shown}");
    let help = other.shell("vestryctl import --help").ended_with(0).out;
    assert!(help.contains("suspended_until, suspended_reason"), "{help}");
}
