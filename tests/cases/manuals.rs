//! The manual pages that the programs write: one for each command, with every section that readers look for, and without a warning of
//! what formats them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use vestry_tests::harness::program;
use vestry_tests::programs::Person;

const PROGRAMS: [(&str, &str); 3] = [("vestry", "1"), ("vestryctl", "1"), ("vestryd", "8")];

/// Every page of the programs, by its title.
fn pages(folder: &Path, person: &Person) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    for (name, section) in PROGRAMS {
        let folder = folder.join(format!("man{section}"));
        person.run(name, &["man", &folder.display().to_string()], "").ended_with(0);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let title = path.file_stem().unwrap().to_string_lossy().into_owned();
            if title == name || title.starts_with(&format!("{name}-")) {
                assert_eq!(path.extension().unwrap(), section);
                pages.insert(title, fs::read_to_string(path).unwrap());
            }
        }
    }
    assert!(pages.len() > 50, "{}", pages.len());
    pages
}

/// A section as text that can be typed.
fn section(page: &str, title: &str) -> Vec<String> {
    let head = |line: &str| line.starts_with(".SH ");
    let lines =
        page.lines().skip_while(|line| !(head(line) && line.trim_matches(['"', ' ']).ends_with(title)));
    let lines = lines.skip(1).take_while(|line| !head(line)).filter(|line| !line.starts_with('.'));
    lines
        .map(|line| {
            line.replace("\\-", "-")
                .replace("\\*(Aq", "'")
                .replace("\\fB", "")
                .replace("\\fR", "")
                .replace("\\&", "")
                .replace("\\\\", "\\")
        })
        .collect()
}

#[test]
fn every_command_has_a_page_with_each_section() {
    let (folder, person) = (tempfile::tempdir().unwrap(), Person::new());
    let pages = pages(folder.path(), &person);
    for (title, page) in &pages {
        let text = |name: &str| section(page, name).join("\n");
        assert!(text("NAME").starts_with(&format!("{title} - ")), "{title}: {}", text("NAME"));
        assert_eq!(section(page, "NAME").len(), 1, "{title}");
        assert!(text("EXIT STATUS").contains("74\n") && text("EXIT STATUS").contains("130\n"), "{title}");
        assert!(text("ENVIRONMENT").contains("XDG_"), "{title}");
        assert!(text("FILES").contains('/'), "{title}");
        let see_also = text("SEE ALSO");
        for name in see_also.split(", ") {
            let (name, _) = name.split_once('(').unwrap_or_else(|| panic!("{title}: {see_also}"));
            assert!(pages.contains_key(name.trim()), "{title} names {name}");
        }
        assert!(!page.contains("EXTRA") && !page.contains("SUBCOMMANDS"), "{title}");
    }
    // Every command that help lists has a page, at every depth.
    for (name, _) in PROGRAMS {
        let mut waiting = vec![vec![name.to_owned()]];
        while let Some(words) = waiting.pop() {
            assert!(pages.contains_key(&words.join("-")), "{words:?}");
            let arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).chain(["--help"]).collect();
            let help = person.run(name, &arguments, "").ended_with(0).out;
            let Some((_, listed)) = help.split_once("\nCommands:\n") else { continue };
            let listed = listed.split("\n\n").next().unwrap();
            let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
            let names =
                names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
            waiting.extend(names.map(|name| words.iter().cloned().chain([name.to_owned()]).collect()));
        }
    }
}

/// An example that no program takes would be learnt by heart.
#[test]
fn every_example_of_a_page_is_a_line_that_its_program_takes() {
    let (folder, person) = (tempfile::tempdir().unwrap(), Person::new());
    let programs = program("vestry").parent().unwrap().display().to_string();
    let mut checked = 0;
    for (title, page) in pages(folder.path(), &person) {
        let examples = section(&page, "EXAMPLES");
        assert!(!examples.is_empty(), "{title} has no example");
        let name = title.split('-').next().unwrap();
        assert!(examples.iter().any(|line| line.contains(name)), "{title}: {examples:?}");
        for line in examples {
            // What stands behind the command, parted by blanks, says what it does.
            let line = line.split("   ").next().unwrap_or_default().to_owned();
            let line = line.split("  ").next().unwrap_or_default().replace("vestry1-...", "vestry1-x");
            let parsed = Command::new("sh").args(["-n", "-c", &line]).output().unwrap();
            assert!(parsed.status.success(), "{title}: {line}");
            let alone = !line.contains(['|', '(', '&', '<', '$']) && line.starts_with("vestry");
            if !alone || line.split(' ').count() < 2 {
                continue;
            }
            // Help is asked for behind it: what is typed is judged, and nothing is done.
            let ran = Command::new("sh")
                .args(["-c", &format!("{line} --no-such-option")])
                .env_clear()
                .env("PATH", format!("{programs}:/usr/bin:/bin"))
                .current_dir(folder.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert_eq!(ran.status.code(), Some(2), "{title}: {line}: {said}");
            assert!(said.contains("unexpected argument '--no-such-option'"), "{title}: {line}: {said}");
            checked += 1;
        }
    }
    assert!(checked > 60, "{checked}");
}

#[test]
fn no_page_makes_the_formatter_complain() {
    let (folder, person) = (tempfile::tempdir().unwrap(), Person::new());
    let titles = pages(folder.path(), &person);
    if Command::new("groff").arg("--version").output().is_err() {
        println!("skipped: groff is not installed");
        return;
    }
    for (title, page) in titles {
        let section = if title.starts_with("vestryd") { "8" } else { "1" };
        let path = folder.path().join(format!("man{section}/{title}.{section}"));
        let ran = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&path).output().unwrap();
        assert!(
            ran.status.success() && ran.stderr.is_empty(),
            "{title}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let first = page.lines().find(|line| line.starts_with(".TH ")).expect("a title");
        assert!(first.starts_with(&format!(".TH {title} {section} ")), "{first}");
    }
    // What is printed is the page of the program.
    for (name, section) in PROGRAMS {
        let printed = person.run(name, &["man"], "").ended_with(0).out;
        let written =
            fs::read_to_string(folder.path().join(format!("man{section}/{name}.{section}"))).unwrap();
        assert_eq!(printed, written);
    }
}
