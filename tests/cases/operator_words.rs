//! What an operator's commands make of files and streams that are not as they should be, and in which words. The numbers are those
//! of the list of faults that comparable programs have.

use crate::operator_files::{Desk, advised, fits_eighty_columns};
use crate::programs::logged_in;
use std::fs;
use std::process::Command;
use vestry_tests::harness::{PASSWORD, program};

#[test]
fn o_9_a_suspension_takes_a_date_alone_and_times_as_spreadsheets_write_them() {
    let desk = Desk::new();
    let untils = [
        ("2099-12-24", "2099-12-24T00:00:00Z"),
        ("2099-12-24 18:30", "2099-12-24T18:30:00Z"),
        ("2099-12-24 18:30:15", "2099-12-24T18:30:15Z"),
        ("2099-12-24T18:30:15Z", "2099-12-24T18:30:15Z"),
        ("2099-12-24T18:30:15+02:00", "2099-12-24T16:30:15Z"),
    ];
    let rows =
        untils.iter().enumerate().map(|(n, (until, _))| format!("p{n}x,2020-02-03,suspended,{until}\n"));
    desk.write("people.csv", format!("name,created,status,suspended_until\n{}", rows.collect::<String>()));
    desk.shell("vestryctl import people.csv").ended_with(0);
    for (n, (_, until)) in untils.iter().enumerate() {
        assert_eq!(desk.value(&format!("select suspended_until from accounts where name = 'p{n}x'")), *until);
    }
    assert_eq!(desk.value("select created from accounts where name = 'p0x'"), "2020-02-03T00:00:00Z");
    // What is exported is read back as it is.
    desk.shell("vestryctl export out.csv").ended_with(0);
    let other = Desk::new();
    other.write("people.csv", desk.read("out.csv"));
    other.shell("vestryctl import people.csv").ended_with(0);
    let all = "select group_concat(name || suspended_until) from accounts";
    assert_eq!(other.value(all), desk.value(all));
    desk.write("bad.csv", "name,status,suspended_until\nq,suspended,24.12.2099\n");
    let refused = desk.shell("vestryctl import bad.csv").ended_with(65).err;
    assert!(refused.contains("suspended_until: write it as 2026-11-23 or "), "{refused}");
    assert!(desk.shell("vestryctl import --help").out.contains("the first second of that day in UTC"));
}

#[test]
fn o_11_one_thing_is_not_called_several() {
    let desk = Desk::new();
    desk.write("people.csv", "name,email,age\nnaman\nanna,anna@example.org\n");
    let said = desk.shell("vestryctl import people.csv").ended_with(65).err;
    assert!(said.contains("line 2: it has 1 value, and the header names 3 columns"), "{said}");
    assert!(said.contains("line 3: it has 2 values, and the header names 3 columns"), "{said}");
    desk.write("one.csv", "name\nnaman,x\n");
    let said = desk.shell("vestryctl import one.csv").ended_with(65).err;
    assert!(said.contains("it has 2 values, and the header names 1 column\n"), "{said}");
}

/// What some files begin with.
const PACKED: [(&str, &[u8], &str); 6] = [
    ("people.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03abc", "zcat"),
    ("people.ndjson.zst", b"\x28\xb5\x2f\xfd\0\0\0", "zstdcat"),
    ("people.csv.xz", b"\xfd7zXZ\0\0\x04", "xzcat"),
    ("people.csv.bz2", b"BZh91AY&SY", "bzcat"),
    ("people.xlsx", b"PK\x03\x04\x14\0\x06\0[Content_Types].xml", "CSV UTF-8"),
    ("people.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "CSV UTF-8"),
];

#[test]
fn o_13_a_packed_file_is_named_with_what_unpacks_it_and_none_of_its_bytes() {
    let desk = Desk::new();
    for (name, bytes, advice) in PACKED {
        desk.write(name, [bytes, &[0xe2, 0x28, 0xa1, b'\n', 0x1b].repeat(3000)].concat());
        for line in [
            format!("vestryctl import {name}"),
            format!("vestryctl import {name} --format csv"),
            format!("vestryctl import - --format ndjson < {name}"),
            format!("vestryd restore {name} --data-dir new"),
            format!("vestryd restore - --data-dir new < {name}"),
        ] {
            let said = desk.shell(&line).ended_with(65).err;
            assert!(said.contains("compressed by ") || said.contains("a spreadsheet"), "{line}: {said}");
            assert!(said.is_ascii() && said.len() < 400 && !said.contains('\\'), "{line}: {said}");
            assert!(said.contains(advice) || line.contains("restore"), "{line}: {said}");
        }
    }
}

#[test]
fn o_13_what_unpacks_a_file_is_advised_as_it_can_be_typed() {
    let desk = Desk::new();
    desk.write("people.csv", "name\nnaman\n");
    desk.shell("gzip people.csv").ended_with(0);
    let said = desk.shell("vestryctl import people.csv.gz").ended_with(65).err;
    let line = said.lines().find_map(|line| line.trim_start().strip_prefix("Unpack it: ")).expect("advice");
    desk.shell(&line.replace("FILE", "people.csv.gz")).ended_with(0);
    assert_eq!(desk.value("select name from accounts"), "naman");
    desk.shell("vestryctl backup copy && gzip copy").ended_with(0);
    let said = desk.shell("vestryd restore copy.gz --data-dir new").ended_with(65).err;
    let line = said.split_once("unpack it: ").expect("advice").1.trim();
    // Its keys are not in it.
    let said = desk.shell(&line.replace("FILE", "copy.gz")).err;
    assert!(said.contains("is missing, and the backup does not hold it"), "{said}");
}

#[test]
fn o_13_a_restore_shows_no_byte_of_what_is_no_backup() {
    let desk = Desk::new();
    desk.write("noise", (0..4096u32).map(|n| (n * 7919 % 251) as u8).collect::<Vec<_>>());
    fs::create_dir(desk.folder().join("named\u{1b}[2Jsecret")).unwrap();
    desk.shell("tar cf a.tar named* && cp \"$(command -v vestryd)\" program && echo secret words > words")
        .ended_with(0);
    for file in ["noise", "program", "words", "a.tar"] {
        let said = desk.shell(&format!("vestryd restore {file} --data-dir new")).ended_with(65).err;
        assert!(said.contains("this is not a backup that can be restored: it "), "{file}: {said}");
        assert!(said.is_ascii() && !said.contains('\\') && !said.contains("secret"), "{file}: {said}");
        fits_eighty_columns(said.trim_start_matches("vestryd: this is not a backup that can be restored: "));
    }
}

#[test]
fn o_14_a_closed_standard_output_loses_no_code_in_silence() {
    let desk = Desk::new();
    for (words, done) in [
        ("create naman", "the account naman was made."),
        ("reset naman --confirm naman", "a code for naman was issued."),
        ("--json create anna", "the account anna was made."),
    ] {
        let lost = desk.shell(&format!("vestryctl account {words} >&-")).ended_with(74).err;
        assert!(lost.lines().any(|line| line == done), "{lost}");
        assert!(lost.contains("its code could not be written: standard output is closed"), "{lost}");
        let mend = advised(&lost, "Another code: ")[0];
        let name = if words.contains("anna") { "anna" } else { "naman" };
        desk.shell(&format!("{mend} --confirm {name}")).ended_with(0);
    }
    for line in ["vestryctl export - >&-", "vestryctl backup - >&-"] {
        let lost = desk.shell(line).ended_with(74).err;
        assert!(lost.contains("standard output"), "{line}: {lost}");
    }
    // What is said once more for the asking is not lost; what was done is said.
    for (line, done) in [
        ("vestryctl accounts >&-", ""),
        ("vestryctl join-string >&-", ""),
        ("vestryctl account suspend naman --confirm naman >&-", "naman is suspended.\n"),
        ("vestryctl --json account resume naman >&-", "naman is active.\n"),
        ("vestryctl completions bash >&-", ""),
        ("vestryd check >&-", ""),
        ("vestryd man >&-", ""),
    ] {
        let said = desk.shell(line).ended_with(0).err;
        assert!(said.ends_with(done) && said.is_empty() == done.is_empty(), "{line}: {said}");
    }
    // Whoever throws output away means it.
    desk.shell("vestryctl accounts >/dev/null").ended_with(0);
    desk.shell("vestryctl account show naman | true").ended_with(0);
    let ran = Command::new(program("vestryctl"))
        .args(["--data-dir", &desk.server_folder(), "accounts"])
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(ran.success());
}

#[test]
fn u_2_what_was_done_is_said_when_standard_output_is_closed() {
    let (_server, person) = logged_in();
    let closed = |words: &str, input: &str| {
        let mut command = Command::new("sh");
        command.env_clear().envs(person.command("vestry").get_envs().filter_map(|(k, v)| Some((k, v?))));
        command.args(["-c", &format!("exec \"$0\" {words} >&-")]).arg(program("vestry"));
        vestry_tests::programs::Ran::of_command(command, input).ended_with(0).err
    };
    for (words, input, done) in [
        ("show", "", ""),
        ("update --age 41", "", "name: "),
        ("--json logout", "", "Logged out."),
        ("login naman --password-stdin", PASSWORD, "Logged in as naman."),
        ("register pupil1 --no-login --password-stdin", PASSWORD, "Registered pupil1."),
        ("delete --confirm naman --password-stdin", PASSWORD, "Deleted naman."),
        ("completions bash", "", ""),
    ] {
        let said = closed(words, &format!("{input}\n"));
        assert!(said.starts_with(done), "{words}: {said}");
        assert!(!said.contains("try again") && said.is_empty() == done.is_empty(), "{words}: {said}");
    }
}

#[test]
fn u_2_a_passphrase_is_offered_where_it_is_asked_for_and_nowhere_else() {
    let (server, person) = crate::programs::joined();
    let mut shell = person.open_shell("/bin/sh", &[]);
    for (name, lost) in [("naman", "2>log"), ("anna", "2>/dev/full"), ("ben", "2>&-"), ("cem", ">log")] {
        shell.type_line(&format!("vestry register {name} {lost}; echo ended with $?."));
        let screen = shell.wait_for("type your own): ");
        let phrase =
            screen.lines().map(str::trim).find(|line| line.matches('-').count() > 4).expect("a phrase");
        let phrase = phrase.to_owned();
        shell.type_line("");
        shell.wait_for("ended with 0.");
        let log = fs::read_to_string(person.home().join("log")).unwrap_or_default();
        assert!(!log.contains(&phrase), "{lost}: {log}");
        person.vestry(&["login", name, "--password-stdin"], &phrase).ended_with(0);
    }
    drop(server);
}
