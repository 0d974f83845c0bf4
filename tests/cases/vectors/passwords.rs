//! New passwords: the files hold what this implementation makes of each, every rule has files, and the document has the
//! list and the rows of keys that the code has.

use super::protocol_document;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use vestry_protocol::fields::{COMMON_PASSWORDS, KEYBOARD};
use vestry_tests::vectors::passwords::{Case, Rule, Verdict, cases};
use vestry_tests::vectors::root;

fn files() -> BTreeMap<String, Case> {
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let case = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (format!("passwords/{name}"), case)
    };
    std::fs::read_dir(root().join("passwords")).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

#[test]
fn each_new_password_is_judged_as_its_file_says() {
    let files = files();
    assert_eq!(files, cases(), "a file is in no table, was not written, or has changed");
    for (name, case) in &files {
        assert_eq!(case.judged(), case.verdict, "{name}");
    }
}

#[test]
fn every_rule_of_new_passwords_has_files_that_break_it() {
    let files = files();
    for rule in Rule::ALL {
        let broken = files.values().filter(|case| case.verdict == Verdict::Refused(rule)).count();
        let least = if rule == Rule::Empty { 1 } else { 4 };
        assert!(broken >= least, "{rule:?} has {broken}");
    }
    let accepted = files.values().filter(|case| matches!(case.verdict, Verdict::Accepted(_))).count();
    assert!(accepted >= 38, "{accepted}");
    let minimums: BTreeSet<u64> = files.values().map(|case| case.chars_min).collect();
    for chars_min in [0, 7, 8, 256, 257] {
        assert!(minimums.contains(&chars_min), "no file asks for {chars_min}");
    }
}

#[test]
fn the_document_has_the_rules_of_new_passwords_in_their_order() {
    let document = protocol_document();
    let section = document.split("### New passwords").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut at = 0;
    for rule in Rule::ALL {
        let name = serde_json::to_value(rule).unwrap();
        let named = section.find(&format!("`{}`:", name.as_str().unwrap())).unwrap_or_default();
        assert!(named > at, "{rule:?} is missing or out of order");
        at = named;
    }
    let rows: Vec<&str> =
        section.split("```text\n").nth(1).unwrap().split("\n```").next().unwrap().lines().collect();
    assert_eq!(rows, KEYBOARD);
}

#[test]
fn the_list_of_the_document_is_the_list_of_the_code() {
    let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(COMMON_PASSWORDS));
    let folder = root().join("../../docs/passwords");
    assert_eq!(std::fs::read_to_string(folder.join("common.txt")).unwrap(), COMMON_PASSWORDS);
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for text in [protocol_document(), readme] {
        assert!(text.contains(&format!("`{sum}`")), "{sum}");
        assert!(text.contains("17,950 passwords"));
    }
    assert_eq!(COMMON_PASSWORDS.lines().count(), 17_950);
}
