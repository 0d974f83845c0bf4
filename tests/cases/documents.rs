//! The documents keep their word: what they name exists, and the invariants of absence hold in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use vestry_protocol::refusal::RefusalCode;
use vestry_tests::imports::{Arrow, Imports, rows};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust source below a folder, with its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let shown = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((shown, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// The words in backticks of a document.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

const DOCUMENTS: [&str; 11] = [
    "README.md",
    "ARCHITECTURE.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "docs/GLOSSARY.md",
    "docs/PROTOCOL.md",
    "docs/OPERATIONS.md",
    "docs/FUZZING.md",
    "docs/BENCHMARKS.md",
    "docs/passwords/README.md",
    "certs/README.md",
];

#[test]
fn every_path_that_a_document_names_exists() {
    let mut checked = 0;
    for document in DOCUMENTS {
        let text = read(document);
        for word in quoted(&text) {
            let path = word.split([' ', ':']).next().unwrap().trim_start_matches("./");
            let ours = ["crates/", "docs/", "scripts/", "tests/", "config/", "fuzz/"];
            if ours.iter().any(|folder| path.starts_with(folder)) && !path.contains(['*', '<', '{']) {
                assert!(root().join(path).exists(), "{document} names {path}, which is not there");
                checked += 1;
            }
        }
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !target.is_empty() && !target.contains("://") {
                let from = root().join(document);
                assert!(from.parent().unwrap().join(target).exists(), "{document} links to {target}");
                checked += 1;
            }
        }
    }
    assert!(checked > 30, "only {checked} paths were found: is the test looking at the documents?");
}

#[test]
fn the_architecture_fits_in_150_lines_and_names_every_crate() {
    let text = read("ARCHITECTURE.md");
    assert!(text.lines().count() < 150);
    for folder in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("`crates/{name}`")), "{name} is not in the map");
    }
}

/// The first line of each definition of a type of this name, by file.
fn definitions_of(name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in sources("crates") {
        for line in code_of(&text).lines() {
            let mut words = line.trim_start().split([' ', '<', '(', '{', ';', ':']);
            let kind =
                words.find(|word| !word.is_empty() && !word.starts_with("pub") && !word.ends_with(')'));
            let is_type =
                kind.is_some_and(|kind| ["struct", "enum", "trait", "type", "union"].contains(&kind));
            if is_type && words.next() == Some(name) {
                found.push(format!("{path}: {line}"));
            }
        }
    }
    found
}

/// One word for one thing: each stands in the glossary once, and the type of that name once in the sources.
#[test]
fn each_word_of_the_glossary_stands_there_once_and_is_one_type() {
    let text = read("docs/GLOSSARY.md");
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut words: Vec<&str> = cells
        .flat_map(|cell| cell.split(", "))
        .filter(|word| *word != "word" && !word.starts_with('-'))
        .collect();
    let all = words.len();
    words.sort_unstable();
    words.dedup();
    assert!(all > 60 && words.len() == all, "{all} words, {} of them different", words.len());
    let mut types = 0;
    for name in quoted(&text).into_iter().filter(|word| word.chars().next().is_some_and(char::is_uppercase)) {
        let definitions = definitions_of(name);
        assert_eq!(definitions.len(), 1, "{name}: {definitions:#?}");
        types += 1;
    }
    assert!(types > 10, "{types}");
}

/// Every security regression in the sources: its number and its name.
fn regressions() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for folder in ["crates", "tests"] {
        for (path, text) in sources(folder) {
            for (_, rest) in text.match_indices("fn sec_").map(|(at, _)| text.split_at(at + 3)) {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let number: String = name.chars().skip(4).take(4).collect();
                if number.len() == 4 && number.chars().all(|c| c.is_ascii_digit()) {
                    let before = found.insert(number.clone(), name);
                    assert_eq!(before, None, "{path} uses the number {number} again");
                }
            }
        }
    }
    found
}

#[test]
fn security_md_and_the_numbered_regressions_name_each_other() {
    let text = read("SECURITY.md");
    let named: BTreeSet<&str> = quoted(&text).into_iter().filter(|word| word.starts_with("sec_")).collect();
    let existing: BTreeSet<String> = regressions().into_values().collect();
    assert!(existing.len() >= 20, "{existing:?}");
    for name in &named {
        assert!(existing.contains(*name), "SECURITY.md names {name}, which is no test");
    }
    for name in &existing {
        assert!(named.contains(name.as_str()), "{name} is not in SECURITY.md");
    }
}

/// Numbers of regressions that no test ever had.
const NEVER_GIVEN: [u32; 4] = [43, 44, 54, 89];

/// I-8 of the review: a regression is never deleted, and nobody could tell.
#[test]
fn no_number_of_a_regression_is_missing_but_those_that_no_test_ever_had() {
    let numbers: BTreeSet<u32> =
        regressions().into_values().map(|name| name[4..8].parse().unwrap()).collect();
    let last = *numbers.last().unwrap();
    let missing: Vec<u32> = (1..=last).filter(|number| !numbers.contains(number)).collect();
    assert_eq!(missing, NEVER_GIVEN, "a regression was deleted");
    let text = read("SECURITY.md");
    let said = NEVER_GIVEN.map(|number| format!("`{number:04}`")).join(", ");
    assert!(text.contains(&said), "SECURITY.md says which numbers no test ever had: {said}");
}

/// A test as its source has it: its name, and what stands above it.
struct Named {
    name: String,
    attributes: String,
}

/// Every function of the sources that is called as a test could be.
fn functions() -> Vec<Named> {
    let mut found = Vec::new();
    for (_, text) in ["crates", "tests", "fuzz/src"].iter().flat_map(|folder| sources(folder)) {
        let mut attributes = String::new();
        for line in text.lines().map(str::trim) {
            let rest = line.trim_start_matches("pub(crate) ").trim_start_matches("async ");
            if let Some(rest) = rest.strip_prefix("fn ") {
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                found.push(Named { name, attributes: std::mem::take(&mut attributes) });
            } else if line.starts_with("#[") {
                attributes.push_str(line);
            } else if !line.starts_with("//") {
                attributes.clear();
            }
        }
    }
    found
}

fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

impl Named {
    fn is_test(&self) -> bool {
        ["#[test]", "#[tokio::test"].iter().any(|kind| self.attributes.contains(kind))
    }
}

/// A name states the claim, and fits a line of a table.
#[test]
fn every_test_has_a_name_under_80_characters() {
    let tests: Vec<Named> = functions().into_iter().filter(Named::is_test).collect();
    let long: Vec<&str> =
        tests.iter().map(|test| test.name.as_str()).filter(|name| name.len() >= 80).collect();
    assert_eq!(long, [""; 0]);
    assert!(tests.len() > 900, "only {} tests were found: is the test looking at the sources?", tests.len());
}

/// What sentences count.
const COUNTED: [&str; 27] = [
    "accounts",
    "attempts",
    "bytes",
    "characters",
    "codes",
    "columns",
    "connections",
    "days",
    "devices",
    "events",
    "failures",
    "files",
    "hours",
    "keys",
    "lanes",
    "lines",
    "logins",
    "minutes",
    "names",
    "operators",
    "passes",
    "records",
    "rows",
    "seconds",
    "sessions",
    "times",
    "values",
];

/// `it has 1 values`: a number in a sentence goes through `Count`, or has an arm for one (`many` is the other).
#[test]
fn no_number_in_a_sentence_has_a_noun_that_is_always_a_plural() {
    // Both are never one.
    let allowed = ["{chars_min} characters", "at least {} characters"];
    let mut seen = 0;
    let is_said = |path: &str| {
        !path.contains("vestry-bench") && !path.contains("/tests/") && !path.ends_with("tests.rs")
    };
    for (path, text) in sources("crates").into_iter().filter(|(path, _)| is_said(path)) {
        for line in code_of(&text).lines().filter(|line| !allowed.iter().any(|text| line.contains(text))) {
            for (before, after) in line.match_indices("} ").map(|(at, _)| line.split_at(at)) {
                let words = after.trim_start_matches("} ").split(|c: char| !c.is_ascii_alphabetic());
                let mut words = words.skip_while(|word| ["other", "more", "earlier"].contains(word)).take(1);
                let name = before.rsplit('{').next().unwrap_or_default();
                let is_counted = words.any(|word| COUNTED.contains(&word));
                // What is in capitals is a limit, and never one.
                let is_limit = name.chars().all(|c| c.is_ascii_uppercase() || c == '_') && !name.is_empty();
                if is_counted && line.contains('"') && !is_limit {
                    assert_eq!(name, "many", "{path}: {line}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 3, "only {seen} were found: is the test looking at the sources?");
}

/// Not only a function of that name: a test that runs, and one of that name.
#[test]
fn every_other_test_that_security_md_names_exists() {
    let (text, functions) = (read("SECURITY.md"), functions());
    let mut checked = 0;
    for word in quoted(&text).into_iter().filter(|word| is_test_name(word)) {
        let named: Vec<&Named> = functions.iter().filter(|function| function.name == word).collect();
        let [test] = named.as_slice() else {
            panic!("SECURITY.md names {word}, of which there are {}", named.len())
        };
        assert!(test.is_test(), "SECURITY.md names {word}, which is no test: {:?}", test.attributes);
        assert!(!test.attributes.contains("ignore"), "SECURITY.md names {word}, which is ignored");
        checked += 1;
    }
    assert!(checked > 200, "{checked}");
}

/// A promise is a row whose first cell is a number; the table of threats names promises instead of tests.
#[test]
fn every_promise_of_security_md_has_a_number_of_its_own_and_a_test() {
    let text = read("SECURITY.md");
    let promises = text.split("## Threats, and what answers them").next().unwrap();
    let mut numbers = BTreeSet::new();
    for line in promises.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let (Ok(number), [_, promise, tests]) = (cells[0].parse::<u32>(), cells.as_slice()) else { continue };
        assert!(numbers.insert(number), "promise {number} is there twice");
        assert!(promise.ends_with('.'), "promise {number} is no sentence: {promise}");
        let named = quoted(tests).into_iter().filter(|word| is_test_name(word)).count();
        assert!(named > 0, "promise {number} names no test: {tests}");
    }
    let threats = text.split("## Threats, and what answers them").nth(1).unwrap();
    let threats = threats.split("\n## ").next().unwrap();
    let mut answered = 0;
    for line in threats.lines().filter(|line| line.starts_with("| ")) {
        let Some(answer) = line.trim_end_matches('|').rsplit(" | ").next() else { continue };
        let named = answer.split([',', ';', ' ', '(', ')']).filter_map(|word| word.parse::<u32>().ok());
        for number in named {
            assert!(numbers.contains(&number), "{line} names promise {number}, which is not there");
            answered += 1;
        }
    }
    assert!(numbers.len() > 70 && answered > 70, "{} promises, {answered} answers", numbers.len());
}

#[test]
fn the_protocol_lists_every_refusal_code_with_its_number() {
    let text = read("docs/PROTOCOL.md");
    for code in RefusalCode::ALL {
        let listed = text.lines().any(|line| {
            line.starts_with('|')
                && line.contains(&format!(" {} ", code.number()))
                && line.contains(&format!("{code:?}"))
        });
        assert!(listed, "{code:?} ({}) is not in a table of docs/PROTOCOL.md", code.number());
    }
}

/// Everything that a crate links, directly or not.
fn dependencies(krate: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let tree = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--package", krate])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let names: BTreeSet<String> = String::from_utf8_lossy(&tree.stdout)
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    assert!(names.contains(krate));
    names
}

#[test]
fn no_crate_links_what_another_keeps_out_of_it() {
    let cases: [(&str, &[&str]); 9] = [
        ("vestry-protocol", &["tokio", "rustls", "rusqlite", "rcgen", "argon2", "clap", "zxcvbn"]),
        ("vestry-tls", &["rusqlite", "argon2", "bincode-derive", "clap", "tokio-rustls"]),
        ("vestry-seal", &["tokio", "rustls", "rusqlite", "rcgen", "clap", "tar"]),
        ("vestry-store", &["rustls", "rcgen", "argon2", "clap"]),
        ("vestry-server", &["bip39", "rustyline", "comfy-table", "vestry-client", "ring", "zxcvbn"]),
        (
            "vestry-client",
            &[
                "rusqlite",
                "vestry-server",
                "vestry-store",
                "clap",
                "toml",
                "rustyline",
                "comfy-table",
                "bip39",
                "libsqlite3-sys",
                "vestry-terminal",
            ],
        ),
        (
            "vestry-terminal",
            &["tokio", "rustls", "rusqlite", "libsqlite3-sys", "rustyline", "comfy-table", "vestry-client"],
        ),
        (
            "vestry-cli",
            &["rusqlite", "libsqlite3-sys", "vestry-server", "vestry-store", "comfy-table", "rustyline"],
        ),
        ("vestry-console", &["rusqlite", "libsqlite3-sys", "vestry-server", "vestry-store", "phc"]),
    ];
    for (krate, kept_out) in cases {
        let linked = dependencies(krate);
        for name in kept_out {
            assert!(!linked.contains(*name), "{krate} links {name}");
        }
    }
}

/// The code of a source file, without comments and without its tests, which stand at its end or in a file of their own.
fn code_of(text: &str) -> String {
    let is_line_of_code = |line: &&str| !line.trim_start().starts_with("//");
    let (mut code, mut lines) = (String::new(), text.lines().filter(is_line_of_code).peekable());
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod ")) {
            let module = lines.next().unwrap_or_default();
            if module.ends_with('{') {
                break;
            }
            continue;
        }
        code.push_str(line);
        code.push('\n');
    }
    code
}

#[track_caller]
fn assert_only_in(folder: &str, words: &[&str], allowed: &[&str]) {
    for (path, text) in sources(folder) {
        let is_test = path.contains("tests/") || path.ends_with("_tests.rs") || path.ends_with("tests.rs");
        if is_test || allowed.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        let code = code_of(&text);
        for word in words {
            assert!(!code.contains(word), "{path} has {word:?}, which belongs to {allowed:?} only");
        }
    }
}

#[test]
fn each_thing_is_named_only_in_its_own_place() {
    assert_only_in("crates", &["bincode::"], &["crates/vestry-protocol/src/codec.rs"]);
    // What the database holds was parsed when it was written; all other text is parsed.
    assert_only_in(
        "crates",
        &["from_stored("],
        &["crates/vestry-store/src/", "crates/vestry-protocol/src/fields/"],
    );
    // One random source, and one sentence for a system that has none.
    assert_only_in("crates", &["getrandom"], &["crates/vestry-protocol/src/random.rs"]);
    assert_only_in("crates", &["rusqlite::", "r2d2::"], &["crates/vestry-store/"]);
    // No event names an operator whom the transaction of the act did not look up.
    assert_only_in(
        "crates",
        &["live_operator(", "Actor::operator("],
        &["crates/vestry-store/", "crates/vestry-server/src/operators/operator.rs"],
    );
    assert_only_in(
        "crates",
        &["rcgen::", "ServerConfig::builder", "ClientConfig::builder"],
        &["crates/vestry-tls/"],
    );
    let opaque = ["crates/vestry-opaque/src/", "crates/vestry-client/src/client/fake_server.rs"];
    // The server hashes, the client stretches, backups are sealed, a bare loop is compared with; nobody else computes
    // Argon2id.
    let argon2id = [
        "crates/vestry-server/src/credentials/imported.rs",
        "crates/vestry-server/src/hashing/",
        "crates/vestry-opaque/src/",
        "crates/vestry-seal/src/passphrase.rs",
        "crates/vestry-bench/src/modes/bare_hash.rs",
    ];
    assert_only_in("crates", &["argon2::"], &argon2id);
    assert_only_in("crates", &["opaque_ke::"], &opaque);
    assert_only_in("crates", &["chacha20poly1305::", "aead_stream::"], &["crates/vestry-seal/"]);
    assert_only_in("crates", &["tar::"], &["crates/vestry-server/src/backup/"]);
    assert_only_in("crates/vestry-server/src/user", &["admin::", "AdminCall", "AdminReply"], &[]);
    assert_only_in("crates/vestry-server", &["SystemTime::now"], &["crates/vestry-server/src/clock.rs"]);
    assert_only_in(
        "crates/vestry-store",
        &["SystemTime", "unixepoch()", "'now'"],
        &["crates/vestry-store/src/query/"],
    );
    assert_only_in("crates/vestry-protocol", &["std::fs", "std::net", "std::time", "std::io", "tokio"], &[]);
    // A command gets its folder together with acting as its owner.
    assert_only_in(
        "crates/vestry-server/src/commands",
        &["DataDir::at", "CertsDir::at"],
        &["crates/vestry-server/src/commands/location.rs"],
    );
    // A join string has a host that the certificate names.
    assert_only_in("crates/vestry-server", &["JoinString { host"], &[]);
    // The one function that stores a session is called by the one function that mints it.
    assert_only_in("crates/vestry-server", &["insert_session("], &["crates/vestry-server/src/sessions.rs"]);
    // What is sealed is a `NewPassword`, but for one that its account has already.
    assert_only_in(
        "crates",
        &["start_again("],
        &[
            "crates/vestry-opaque/src/",
            "crates/vestry-server/src/credentials/",
            "crates/vestry-client/src/client/exchange.rs",
        ],
    );
    // It is called where a password was proven: behind the two ways to log in, and behind a new password.
    let ways_in = ["login.rs", "password.rs"].map(|file| format!("crates/vestry-server/src/user/{file}"));
    let ways_in = ["crates/vestry-server/src/sessions.rs", &ways_in[0], &ways_in[1]];
    assert_only_in("crates/vestry-server", &[" mint(", "sessions::mint"], &ways_in);
    // What runs as long as the server does is the supervisor's. The others end: a round of the housekeeping, the end of an
    // import, and what interrupts a query, with that; and the log, without which a server serves.
    let threads = ["tokio::spawn(", "thread::spawn(", "thread::Builder"];
    let server = ["crates/vestry-server/src/housekeeping.rs", "crates/vestry-server/src/process/logging.rs"];
    assert_only_in("crates/vestry-server", &threads, &server);
    let store = [
        "crates/vestry-store/src/supervisor.rs",
        "crates/vestry-store/src/import/staging.rs",
        "crates/vestry-store/src/query/watch.rs",
    ];
    assert_only_in("crates/vestry-store", &threads, &store);
    assert_only_in("crates", &["unsafe {", "unsafe fn"], &[]);
}

/// What the user port is made of cannot reach what is the operators' alone: their SQL, backups, imports, certificates.
#[test]
fn nothing_of_the_user_port_can_reach_what_is_the_operators() {
    let imports = Imports::of(&root().join("crates/vestry-server/src/lib.rs"));
    let of_users = ["user/", "sessions.rs", "proofs.rs", "shared.rs", "profile.rs"];
    let of_operators = [
        "admin/",
        "operators/",
        "server.rs",
        "backup/",
        "reload.rs",
        "rotation",
        "housekeeping.rs",
        "run.rs",
    ];
    let is_in = |file: &str, places: &[&str]| places.iter().any(|place| file.starts_with(place));
    let mut reached: BTreeSet<&str> = imports.arrows().map(|arrow| arrow.from.as_str()).collect();
    reached.retain(|file| is_in(file, &of_users));
    assert!(reached.len() > 10, "{reached:?}");
    // A user's code is made by a witness of the operators, which `codes.rs` names; the user port cannot make one.
    let is_the_witness =
        |arrow: &Arrow| (arrow.from.as_str(), arrow.name.as_str()) == ("codes.rs", "CodeIssuer");
    // By way of whatever stands between them.
    loop {
        let before = reached.len();
        for arrow in imports.arrows().filter(|arrow| arrow.to != "lib.rs" && !is_the_witness(arrow)) {
            if reached.contains(arrow.from.as_str()) {
                assert!(!is_in(&arrow.to, &of_operators), "{} -> {} ({})", arrow.from, arrow.to, arrow.name);
                reached.insert(&arrow.to);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    for (path, text) in sources("crates/vestry-server/src") {
        let file = path.trim_start_matches("crates/vestry-server/src/");
        for word in ["OperatorReader", "LiveOperator"] {
            assert!(!is_in(file, &of_users) || !code_of(&text).contains(word), "{path} names {word}");
        }
    }
}

/// One table says what an act may change; besides the server's only a benchmark has acts, of databases of its own.
#[test]
fn what_an_act_may_change_is_said_in_one_table() {
    let tables = ["crates/vestry-server/src/audit/act.rs", "crates/vestry-bench/src/act.rs"];
    let mut said = 0;
    for (path, text) in sources("crates") {
        let code = code_of(&text);
        let says = |line: &&str| {
            let words = line.trim_start_matches(['$', '(', ' ']);
            words.starts_with("impl")
                && words.contains(" for ")
                && ["Permits<", "Act for"].iter().any(|of| words.contains(of))
        };
        let found = code.lines().filter(says).count();
        let is_allowed = tables.contains(&path.as_str()) || path == "crates/vestry-store/src/fresh.rs";
        assert!(found == 0 || is_allowed, "{path} says what an act may change");
        said += found;
    }
    assert!(said > 4, "{said}");
}

/// The lines of a source file that are neither comments nor tests nor the examples of `--help`, which stand for any server.
fn lines_that_advise(text: &str) -> Vec<String> {
    let (code, mut in_help, mut lines) = (code_of(text), false, Vec::new());
    for line in code.lines() {
        in_help |=
            ["EXAMPLES: &str", "AFTER_HELP: &str", "after_help = "].iter().any(|start| line.contains(start));
        if !in_help {
            lines.push(line.to_owned());
        }
        in_help &= !["\";", ")]"].iter().any(|end| line.ends_with(end));
    }
    lines
}

/// A command that somebody is told to type has the flags that lead to the server at hand: `vestry_protocol::typed` puts them there.
#[test]
fn no_text_advises_a_command_without_the_flags_that_lead_to_its_server() {
    let mut seen = 0;
    for (path, text) in sources("crates") {
        let is_test =
            path.contains("tests/") || path.ends_with("tests.rs") || path.starts_with("crates/vestry-bench");
        // What can be typed, with examples.
        let is_help = path.ends_with("/cli.rs");
        if is_test || is_help || path.ends_with("vestry-protocol/src/typed.rs") {
            continue;
        }
        for line in lines_that_advise(&text) {
            for name in ["vestryd ", "vestryctl "] {
                for (at, _) in line.match_indices(name) {
                    // A word of a command, or one of a sentence.
                    let next = line[at + name.len()..].split([' ', '"', '`', ';', '.', ',']).next().unwrap();
                    let commands = [
                        "init",
                        "certs",
                        "check",
                        "serve",
                        "backup",
                        "restore",
                        "secrets",
                        "audit",
                        "sql",
                        "accounts",
                        "account",
                        "sessions",
                        "operators",
                        "throttle",
                        "status",
                        "import",
                        "export",
                        "join-string",
                        "--data-dir",
                    ];
                    assert!(!commands.contains(&next), "{path}: {line}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 5, "only {seen} mentions were found: is the test looking at the sources?");
}

/// A clock that says less than this date is wrong, so that the date has to be of late.
#[test]
fn the_date_that_clocks_are_compared_with_is_within_ninety_days_of_the_last_commit() {
    let git = |arguments: &[&str]| Command::new("git").arg("-C").arg(root()).args(arguments).output();
    let Ok(output) = git(&["log", "-1", "--format=%ct"]) else {
        println!("skipped: git is not installed");
        return;
    };
    let Ok(committed) = String::from_utf8_lossy(&output.stdout).trim().parse::<i64>() else {
        println!("skipped: this is no repository");
        return;
    };
    let behind = committed - vestry_server::clock::WRITTEN.seconds();
    assert!((0..=90 * 86_400).contains(&behind), "WRITTEN is {} days behind", behind / 86_400);
}

#[test]
fn every_module_opens_with_what_it_is_for() {
    for folder in ["crates", "tests", "fuzz/src", "fuzz/fuzz_targets"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{path} has no header");
        }
    }
}

#[test]
fn every_source_of_a_crate_is_a_module_of_it() {
    let mut looked_at = 0;
    for (path, _) in sources("crates").iter().filter(|(path, _)| path.contains("/src/")) {
        let file = Path::new(path);
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap();
        if ["lib", "main"].contains(&name) || path.contains("/src/bin/") {
            continue;
        }
        let folder = file.parent().unwrap();
        let (module, folder) = match name {
            "mod" => (folder.file_name().unwrap().to_str().unwrap(), folder.parent().unwrap()),
            _ => (name, folder),
        };
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|parent| folder.join(parent));
        let declared = format!("mod {module};");
        let is_declared = parents.into_iter().chain([folder.with_extension("rs")]).any(|parent| {
            let text = std::fs::read_to_string(root().join(parent)).unwrap_or_default();
            text.lines().any(|line| line.ends_with(&declared))
        });
        assert!(is_declared, "{path} is compiled by nobody");
        looked_at += 1;
    }
    assert!(looked_at > 200, "{looked_at}");
}

#[test]
fn no_key_certificate_or_database_is_tracked() {
    let Ok(listed) = Command::new("git").args(["ls-files"]).current_dir(root()).output() else {
        println!("skipped: git is not installed");
        return;
    };
    let files = String::from_utf8_lossy(&listed.stdout).into_owned();
    for file in files.lines() {
        let kind = file.rsplit('.').next().unwrap_or_default();
        assert!(!["pem", "key", "db", "sqlite"].contains(&kind), "{file} is tracked");
    }
}

/// The crates in the order of ARCHITECTURE.md, from the ground up.
fn crates_from_the_ground_up() -> Vec<String> {
    let named = rows(&read("ARCHITECTURE.md"), "| ");
    named.into_iter().filter_map(|cell| cell.strip_prefix("crates/").map(str::to_owned)).collect()
}

/// The dependencies of a manifest that are crates of this house, for whatever is built but tests: on each target, for a build
/// script, and under another name.
fn dependencies_in(manifest: &str) -> Vec<String> {
    let parsed: toml::Table = manifest.parse().unwrap();
    let targets = parsed.get("target").and_then(toml::Value::as_table).into_iter().flatten();
    let places = targets.filter_map(|(_, target)| target.as_table()).chain([&parsed]);
    let tables = places.flat_map(|place| ["dependencies", "build-dependencies"].map(|kind| place.get(kind)));
    let needed = tables.flatten().filter_map(toml::Value::as_table).flatten();
    let names = needed.map(|(name, needed)| {
        let package = needed.get("package").and_then(toml::Value::as_str);
        package.unwrap_or(name).to_owned()
    });
    names.filter(|name| name.starts_with("vestry-")).collect()
}

/// The dependencies of crates, each with its manifest, that do not stand above them in the list.
fn crates_that_reach_up(floors: &[String], manifests: &[(String, String)]) -> Vec<String> {
    let floor = |name: &str| floors.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for (name, manifest) in manifests {
        for needed in dependencies_in(manifest) {
            if floor(&needed) >= floor(name) {
                found.push(format!("{name} -> {needed}"));
            }
        }
    }
    found
}

/// The root files of a crate: its library, and its program where that is not a line that calls it.
fn roots_of(folder: &Path) -> Vec<PathBuf> {
    ["src/lib.rs", "src/main.rs"]
        .map(|root| folder.join(root))
        .into_iter()
        .filter(|root| root.exists())
        .collect()
}

#[test]
fn no_files_import_each_other_in_a_circle_and_none_from_a_higher_floor() {
    let floors = crates_from_the_ground_up();
    let (mut read_from, mut arrows) = (0, 0);
    let mut manifests = Vec::new();
    for folder in std::fs::read_dir(root().join("crates")).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(floors.contains(&name), "{name} has no floor in ARCHITECTURE.md");
        manifests.push((name, std::fs::read_to_string(folder.join("Cargo.toml")).unwrap()));
        for root in roots_of(&folder) {
            let imports = Imports::of(&root);
            let circles = imports.circles();
            assert!(circles.is_empty(), "{}: {circles:#?}", root.display());
            let up = imports.arrows_up().unwrap_or_else(|error| panic!("{}: {error}", root.display()));
            assert!(up.is_empty(), "{}: {up:#?}", root.display());
            (read_from, arrows) = (read_from + 1, arrows + imports.arrows().count());
        }
    }
    assert_eq!(crates_that_reach_up(&floors, &manifests), [""; 0]);
    assert!(read_from >= 10 && arrows > 1_000, "{arrows} imports were found in {read_from} crates");
}

/// A crate of a few files in a folder of its own; each of its imports is a pair of files and a name.
fn small_crate(files: &[(&str, &str)]) -> (tempfile::TempDir, Imports) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let imports = Imports::of(&folder.path().join("lib.rs"));
    (folder, imports)
}

const TABLE: &str = "//! | [`low`] | below |\n//! | `high` | above |\n";

#[test]
fn the_test_of_circles_and_floors_finds_each_forbidden_arrow() {
    let lib = format!("{TABLE}mod high; mod low;\n#[cfg(test)] mod tests {{ use crate::high::High; }}");
    let lib = lib.as_str();
    let tied = |files: &[(&str, &str)]| -> Vec<String> {
        let circles = small_crate(files).1.circles();
        circles.into_iter().flatten().map(|arrow| format!("{} -> {}", arrow.from, arrow.to)).collect()
    };
    let high = "use crate::low::Low; pub struct High(Low);";
    let clean = [("lib.rs", lib), ("low.rs", "pub struct Low;"), ("high.rs", high)];
    let (_folder, imports) = small_crate(&clean);
    assert!(imports.circles().is_empty() && imports.arrows_up().unwrap().is_empty());
    assert_eq!(imports.arrows().count(), 1);

    // Two files import each other: in a list, by a path in the code, in a macro; and one imports itself by way of its parent.
    for back in [
        "use {std::fmt, crate::high::High};",
        "use crate::high as above;",
        "fn f() { super::high::f(); }",
        "fn f(high: crate::high::High) {}",
        "struct S { high: crate::high::High }",
        "struct S { #[cfg(test)] only: u8, high: crate::high::High }",
        "m!(crate::high::f());",
    ] {
        let files = [("lib.rs", lib), ("low.rs", back), ("high.rs", high)];
        assert_eq!(tied(&files), ["high.rs -> low.rs", "low.rs -> high.rs"], "{back}");
    }
    let parent = "pub mod leaf; pub use leaf::Leaf; pub struct Stem;";
    let child = "use super::Stem; pub struct Leaf(Stem);";
    let folder = [("lib.rs", lib), ("low/mod.rs", parent), ("low/leaf.rs", child), ("high.rs", "")];
    assert_eq!(tied(&folder), ["low/leaf.rs -> low/mod.rs", "low/mod.rs -> low/leaf.rs"]);
    // By a name that `use` brought in, as it is called there.
    let room = "pub mod leaf;";
    let leaf = "use crate::high as above; fn f() { above::peak::f(); }";
    let peak = "use crate::low::leaf::f;";
    let high = "pub mod peak;";
    let rooms = [
        ("lib.rs", lib),
        ("low/mod.rs", room),
        ("low/leaf.rs", leaf),
        ("high/mod.rs", high),
        ("high/peak.rs", peak),
    ];
    assert_eq!(tied(&rooms), ["high/peak.rs -> low/leaf.rs", "low/leaf.rs -> high/peak.rs"]);
    let face = format!("{lib}\npub use low::Low;");
    let by_face = [("lib.rs", face.as_str()), ("low.rs", "use crate::Low;"), ("high.rs", "")];
    assert_eq!(tied(&by_face), ["lib.rs -> low.rs", "low.rs -> lib.rs"]);

    // An arrow from a lower floor to a higher one, and to the root above them all.
    for (low, to) in [("use crate::high::High;", "high.rs"), ("use crate::Root;", "lib.rs")] {
        let (_folder, imports) = small_crate(&[("lib.rs", lib), ("low.rs", low), ("high.rs", "")]);
        let up: Vec<&str> = imports.arrows_up().unwrap().into_iter().map(|arrow| arrow.to.as_str()).collect();
        assert_eq!(up, [to], "{low}");
    }
    // A module without a floor, and a floor without a module.
    for table in ["//! | `low` | below |\n", "//! | `low` | |\n//! | `high` | |\n//! | `gone` | |\n"] {
        let lib = format!("{table}mod high; mod low;");
        let (_folder, imports) = small_crate(&[("lib.rs", &lib), ("low.rs", ""), ("high.rs", "")]);
        assert!(imports.arrows_up().is_err(), "{table}");
    }
    // A crate that depends on one above it, on itself, or on one that has no floor.
    let floors = ["vestry-low", "vestry-high"].map(str::to_owned);
    let manifest = |needed: &str| format!("[dependencies]\n{needed} = {{ path = \"\" }}\nserde = \"1\"\n");
    let reach =
        |name: &str, needed: &str| crates_that_reach_up(&floors, &[(name.to_owned(), manifest(needed))]);
    assert_eq!(reach("vestry-high", "vestry-low"), [""; 0]);
    assert_eq!(reach("vestry-low", "vestry-high"), ["vestry-low -> vestry-high"]);
    assert_eq!(reach("vestry-high", "vestry-other"), ["vestry-high -> vestry-other"]);
    for manifest in [
        "[dependencies]\nother = { package = \"vestry-high\", path = \"\" }\n",
        "[build-dependencies]\nvestry-high = { path = \"\" }\n",
        "[target.'cfg(unix)'.dependencies]\nvestry-high = { path = \"\" }\n",
    ] {
        let up = crates_that_reach_up(&floors, &[("vestry-low".to_owned(), manifest.to_owned())]);
        assert_eq!(up, ["vestry-low -> vestry-high"], "{manifest}");
    }
    let for_tests = "[dev-dependencies]\nvestry-high = { path = \"\" }\n";
    assert_eq!(crates_that_reach_up(&floors, &[("vestry-low".to_owned(), for_tests.to_owned())]), [""; 0]);
}
