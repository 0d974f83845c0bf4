//! The golden vectors hold in both directions, cover every variant, and are the same as the document and an
//! implementation in another language say. Properties of the codec beyond the examples are in `properties`, whole
//! exchanges of OPAQUE in `opaque`, audit chains in `audit`, new passwords in `passwords`.

mod audit;
mod opaque;
mod passwords;
mod properties;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use vestry_protocol::refusal::RefusalCode;
use vestry_tests::languages::{JAVASCRIPT, Language, PYTHON};
use vestry_tests::vectors::frozen;
use vestry_tests::vectors::texts::Kind;
use vestry_tests::vectors::{
    self, Direction, Example, FOLDERS, Message, Outcome, Port, Vector, examples, read_folder, replay, table,
    texts,
};

/// So many files were there on the day of the freeze.
const FROZEN_MIN: usize = 606;

fn all_files() -> BTreeMap<String, Vector> {
    FOLDERS.iter().flat_map(|(folder, _)| read_folder(folder).unwrap()).collect()
}

fn protocol_document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/PROTOCOL.md");
    std::fs::read_to_string(path).unwrap()
}

/// A folder that lost its files would pass every test that walks it.
#[test]
fn every_folder_holds_its_vectors() {
    for (folder, files_min) in FOLDERS {
        let found = read_folder(folder).unwrap().len();
        assert!(found >= files_min, "{folder} has {found} files; {files_min} were there");
    }
}

#[test]
fn every_file_is_in_the_table_and_every_line_of_the_table_is_a_file() {
    let files: BTreeSet<String> = all_files().into_keys().collect();
    let lines: BTreeSet<String> = table().into_keys().collect();
    let lost: Vec<_> = lines.difference(&files).collect();
    let stray: Vec<_> = files.difference(&lines).collect();
    assert!(lost.is_empty(), "not written (run the program write-vectors): {lost:?}");
    assert!(stray.is_empty(), "in no table: {stray:?}");
}

/// The promise to every client that was ever built: no byte of a released message changes.
#[test]
fn no_byte_and_no_word_of_a_vector_has_changed() {
    let files = all_files();
    for (name, made) in table() {
        assert_eq!(files.get(&name), Some(&made), "{name}");
    }
}

/// The same promise for texts that people hand on.
#[test]
fn each_text_is_read_as_its_file_says() {
    let folder = vectors::root().join("texts");
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, texts::texts().len(), "a file is in no table, or was not written");
    for (name, made) in texts::texts() {
        let file = std::fs::read(vectors::root().join(format!("{name}.json"))).unwrap();
        assert_eq!(serde_json::from_slice::<texts::Text>(&file).unwrap(), made, "{name}");
        assert_eq!(made.read(), made.reads, "{name}");
    }
}

/// A kind that lost its files would pass every test that walks them.
#[test]
fn every_kind_of_text_has_files_that_are_read_and_files_that_are_refused() {
    let least = [
        (Kind::JoinString, 19, 42),
        (Kind::OneTimeCode, 7, 15),
        (Kind::Password, 6, 4),
        (Kind::Pin, 1, 1),
        (Kind::Name, 9, 19),
        (Kind::Email, 10, 22),
        (Kind::FreeText, 18, 36),
    ];
    for (kind, read_min, refused_min) in least {
        let of_kind = texts::texts().into_values().filter(|text| text.kind == kind);
        let (read, refused): (Vec<_>, Vec<_>) = of_kind.partition(|text| text.reads.is_some());
        let found = (read.len(), refused.len());
        assert!(found.0 >= read_min && found.1 >= refused_min, "{kind:?} has {found:?}");
    }
}

#[test]
fn each_good_frame_is_read_as_its_message_and_written_as_the_same_bytes() {
    let files = all_files();
    for example in examples() {
        let vector = &files[&example.name];
        let (outcome, read) = vector.judged().expect("the outcome is the same in every state");
        assert_eq!(outcome, Outcome::Message, "{}", example.name);
        let read = read.unwrap();
        assert_eq!(read.frame(), vector.frame_bytes(), "{}", example.name);
        assert_eq!(Some(read.value()), vector.value, "{}", example.name);
    }
}

#[test]
fn each_hostile_frame_comes_to_exactly_its_outcome() {
    for (name, vector) in read_folder("hostile").unwrap() {
        let (outcome, read) = vector.judged().expect("the outcome is the same in every state");
        assert_eq!(outcome, vector.outcome, "{name}");
        assert_eq!(read.map(|message| message.value()), vector.value, "{name}");
    }
}

/// A sender has one way to write a message; a receiver also takes a number that was written too long.
#[test]
fn an_over_long_number_is_read_and_written_back_short() {
    let files = read_folder("hostile").unwrap();
    let over_long: Vec<_> = files.iter().filter(|(name, _)| name.contains("over-long")).collect();
    let taken: Vec<_> = over_long.iter().filter(|(_, vector)| vector.outcome == Outcome::Message).collect();
    assert_eq!(taken.len(), 5);
    for (name, vector) in taken {
        let message = vector.judged().unwrap().1.unwrap();
        assert!(message.frame().len() < vector.frame_bytes().len(), "{name}");
    }
}

#[test]
fn each_vector_is_named_after_its_message() {
    for Example { name, message, .. } in examples() {
        let group = message.group();
        let rest = name.strip_prefix(&group).unwrap_or_else(|| panic!("{name} shows a {group}"));
        assert!(rest.is_empty() || rest.starts_with('-'), "{name} shows a {group}");
    }
}

/// How many variants the decoder knows: a payload of zeros is too long for any of them, or not a message at all.
fn known_variants(port: Port, direction: Direction) -> BTreeSet<u8> {
    let known = |variant: &u8| {
        let payload = [&[0, *variant], [0u8; 512].as_slice()].concat();
        let read = Message::decode(port, direction, &payload);
        matches!(read, Err(vestry_protocol::codec::CodecError::TrailingBytes(_)))
    };
    (0..=250).filter(known).collect()
}

#[test]
fn every_variant_of_every_message_has_a_vector() {
    for port in [Port::User, Port::Admin] {
        for direction in [Direction::Request, Direction::Reply] {
            let shown: BTreeSet<u8> = examples()
                .iter()
                .filter(|e| (e.message.port(), e.message.direction()) == (port, direction))
                .map(variant_number)
                .collect();
            assert_eq!(shown, known_variants(port, direction), "{port:?} {direction:?}");
        }
    }
}

/// The byte behind the request number.
fn variant_number(example: &Example) -> u8 {
    let frame = example.message.frame();
    let id_bytes = match frame[4] {
        0..=250 => 1,
        251 => 3,
        252 => 5,
        _ => 9,
    };
    frame[4 + id_bytes]
}

/// Each variant's row begins with its number and its name, below the heading of its port and direction.
#[test]
fn the_protocol_document_numbers_every_variant_as_the_code_does() {
    let document = protocol_document();
    for example in examples() {
        let heading = match (example.message.port(), example.message.direction()) {
            (Port::User, Direction::Request) => "### User calls",
            (Port::User, Direction::Reply) => "### User replies",
            (Port::Admin, Direction::Request) => "### Admin calls",
            (Port::Admin, Direction::Reply) => "### Admin replies",
        };
        let section = document.split(heading).nth(1).and_then(|rest| rest.split("\n### ").next());
        let row = format!("\n| {} | `{}` |", variant_number(&example), example.message.variant());
        assert!(section.unwrap_or_default().contains(&row), "{heading} lacks {row:?}");
    }
}

#[test]
fn the_protocol_document_lists_every_refusal_code() {
    let document = protocol_document();
    for code in RefusalCode::ALL {
        let row = format!("\n| {} | `{code:?}` |", code.number());
        assert!(document.contains(&row), "{row:?} is missing");
    }
}

/// Each block of the worked example names its vector in its first line; the hexadecimal of the others is the frame.
#[test]
fn the_worked_example_of_the_protocol_document_is_made_of_vectors() {
    let files = all_files();
    let document = protocol_document();
    let blocks: Vec<&str> = document.split("```text\n# ").skip(1).collect();
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        let mut lines = block.split("```").next().unwrap().lines();
        let name = lines.next().unwrap().trim_end_matches(".json");
        let hex: String = lines.map(|line| line.split("  ").next().unwrap().replace(' ', "")).collect();
        assert_eq!(files[name].frame, hex, "{name}");
    }
}

/// What a client in another language, written from the document alone, says of all vectors.
fn said_of_all_vectors(language: Language, what: &str) -> Option<String> {
    let output = language.command()?.arg(what).arg(vectors::root()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}

#[test]
fn an_implementation_in_another_language_agrees_on_every_vector() {
    let Some(said) = said_of_all_vectors(PYTHON, "check") else { return };
    let texts = texts::texts().len() + vectors::passwords::cases().len();
    assert_eq!(said.trim_end(), format!("{} vectors agree", all_files().len() + texts + 18 + 2));
}

/// It makes the bytes of each message from its value first, and compares them then.
#[test]
fn a_client_in_javascript_agrees_on_every_vector_of_the_user_port() {
    let Some(said) = said_of_all_vectors(JAVASCRIPT, "vectors") else { return };
    let folders: Vec<_> = said.lines().map(|line| line.split_once(": ").unwrap().0).collect();
    assert_eq!(folders, ["user", "hostile", "texts", "passwords", "opaque", "refused"]);
}

/// A vector that every wrong client passes shows nothing: each of these mistakes disagrees with one.
#[test]
fn no_mistake_in_a_client_goes_unnoticed_by_the_vectors() {
    let Some(said) = said_of_all_vectors(JAVASCRIPT, "mistakes") else { return };
    let count: usize = said.trim_end().strip_suffix(" mistakes, each noticed").unwrap().parse().unwrap();
    assert!(count > 350, "{said}");
}

/// The promise of `vestry/1`: whoever was built against a file of the user port finds the same file for ever. A list that lost
/// its lines would promise nothing.
#[test]
fn every_vector_of_the_user_port_is_frozen() {
    let (listed, today) = (frozen::listed().unwrap(), frozen::today().unwrap());
    let changed: Vec<_> = listed.iter().filter(|(name, digest)| today.get(*name) != Some(digest)).collect();
    assert!(changed.is_empty(), "changed or gone: {changed:?}");
    let free: Vec<_> = today.keys().filter(|name| !listed.contains_key(*name)).collect();
    assert!(free.is_empty(), "not frozen (run the program write-vectors): {free:?}");
    assert!(listed.len() >= FROZEN_MIN, "{} files are on the list", listed.len());
}

#[test]
fn writing_vectors_never_touches_one_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("user/request-start-login.json");
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    std::fs::write(&kept, "as it was released").unwrap();
    let written = vectors::write_missing(folder.path()).unwrap();
    // One of the table is kept, and seven files of OPAQUE are written that are not in the table, beside the texts.
    assert_eq!(
        written.len(),
        table().len() - 1 + texts::texts().len() + vectors::passwords::cases().len() + 7
    );
    assert!(written.contains(&replay::LOGIN.to_owned()));
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "as it was released");
    assert!(vectors::write_missing(folder.path()).unwrap().is_empty());
}
