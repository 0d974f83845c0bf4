//! Manual pages: one for a program and one for each of its commands, with what `man` readers look for in its place. The words come from
//! the definition of the commands; what is not there is in a [`Manual`].

use crate::colour::ENVIRONMENT;
use crate::exit::Meaning;
use clap::Command;
use clap_mangen::Man;
use roff::{Roff, bold, roman};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// A name and what is said of it.
pub type Entry = (&'static str, &'static str);

/// What the pages of a program say beside what can be typed.
#[derive(Debug, Clone, Copy)]
pub struct Manual {
    /// `1` for what everybody runs, `8` for what the machine runs.
    pub section: &'static str,
    /// Every exit code.
    pub exits: &'static [Meaning],
    /// Variables, beside those that stand for an option.
    pub environment: &'static [Entry],
    /// Files and folders.
    pub files: &'static [Entry],
    /// Pages of other programs, with their sections.
    pub see_also: &'static [Entry],
}

/// A page in the making.
struct Page<'a> {
    manual: &'a Manual,
    command: &'a Command,
    /// From the program down to the command above this one.
    above: &'a [&'a Command],
}

/// Writes the page of the program itself.
pub(super) fn of_program(manual: &Manual, program: Command) -> io::Result<Vec<u8>> {
    let program = built(program);
    let mut page = Vec::new();
    Page { manual, command: &program, above: &[] }.write(&mut page)?;
    Ok(page)
}

/// Writes a page for the program and each of its commands into a folder, which is made.
pub(super) fn all_to(manual: &Manual, program: Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    each(manual, &built(program), &mut Vec::new(), folder)
}

fn built(program: Command) -> Command {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    program
}

fn each<'a>(
    manual: &Manual,
    command: &'a Command,
    above: &mut Vec<&'a Command>,
    folder: &Path,
) -> io::Result<()> {
    let mut page = Vec::new();
    Page { manual, command, above }.write(&mut page)?;
    fs::write(folder.join(format!("{}.{}", title_of(command), manual.section)), page)?;
    above.push(command);
    for beneath in shown(command) {
        each(manual, beneath, above, folder)?;
    }
    above.pop();
    Ok(())
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|beneath| !beneath.is_hide_set())
}

/// As in `vestry-login`.
fn title_of(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

impl Page<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (title, manual) = (title_of(self.command), self.manual);
        let source = format!("Vestry {}", env!("CARGO_PKG_VERSION"));
        let man = Man::new(self.command.clone())
            .title(title.to_owned())
            .section(manual.section)
            .source(source)
            .manual("Vestry");
        let help = Help::of(self.command);
        man.render_title(out)?;
        self.head(&help).to_writer(out)?;
        if self.command.get_arguments().any(|argument| !argument.is_hide_set()) {
            man.render_options_section(out)?;
        }
        self.tail(&help).to_writer(out)
    }

    fn head(&self, help: &Help) -> Roff {
        let about = self.command.get_about().map(ToString::to_string).unwrap_or_default();
        let about = about.trim().trim_end_matches('.');
        let usage = self.command.clone().render_usage().to_string();
        let mut page = Roff::new();
        page.control("SH", ["NAME"]).text([roman(format!("{} - {about}", title_of(self.command)))]);
        page.control("SH", ["SYNOPSIS"]);
        for (number, line) in usage.trim_start_matches("Usage: ").lines().enumerate() {
            if number > 0 {
                page.control("br", []);
            }
            page.text([bold(line.trim())]);
        }
        page.control("SH", ["DESCRIPTION"]).text([roman(format!("{about}."))]);
        for paragraph in &help.paragraphs {
            page.control("PP", [])
                .text([roman(paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" "))]);
        }
        page
    }

    fn tail(&self, help: &Help) -> Roff {
        let mut page = Roff::new();
        if shown(self.command).next().is_some() {
            page.control("SH", ["COMMANDS"]);
            for beneath in shown(self.command) {
                let about = beneath.get_about().map(ToString::to_string).unwrap_or_default();
                entry(&mut page, &format!("{}({})", title_of(beneath), self.manual.section), &about);
            }
        }
        let codes =
            self.manual.exits.iter().map(|(exit, text)| ((*exit as u8).to_string(), (*text).to_owned()));
        section(&mut page, "EXIT STATUS", codes);
        let options = self.command.get_arguments().filter_map(|argument| {
            let name = argument.get_env()?.to_string_lossy().into_owned();
            Some((name, format!("Stands for --{}; empty means unset.", argument.get_long()?)))
        });
        let own = |entries: &'static [Entry]| {
            entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        };
        let has_colour = self.command.get_arguments().any(|argument| argument.get_long() == Some("color"));
        let of_colour = if has_colour { &ENVIRONMENT } else { [].as_slice() };
        section(&mut page, "ENVIRONMENT", options.chain(own(self.manual.environment)).chain(own(of_colour)));
        section(&mut page, "FILES", own(self.manual.files));
        page.control("SH", ["EXAMPLES"]);
        for (number, example) in self.examples(help).iter().enumerate() {
            page.control(if number == 0 { "nf" } else { "br" }, []).text([roman(example.as_str())]);
        }
        page.control("fi", []);
        // No name is broken, nor are the lines stretched.
        page.control("SH", ["SEE ALSO"])
            .control("nh", [])
            .control("ad", ["l"])
            .text([roman(self.see_also())]);
        page
    }

    /// Returns what its help has, else what that of a command above it has of it, else what those beneath it have.
    fn examples(&self, help: &Help) -> Vec<String> {
        if !help.examples.is_empty() {
            return help.examples.clone();
        }
        let words = title_of(self.command).replace('-', " ");
        let words = if self.above.is_empty() { title_of(self.command).to_owned() } else { words };
        let is_of_it = |example: &String| example.trim_start().starts_with(&words);
        let from_above = self.above.iter().rev().map(|above| Help::of(above).examples);
        let mut found = from_above.map(|all| all.into_iter().filter(is_of_it).collect::<Vec<_>>());
        // A command that only holds others has the first of each.
        let from_beneath =
            || shown(self.command).filter_map(|beneath| Help::of(beneath).examples.into_iter().next());
        found.find(|some| !some.is_empty()).unwrap_or_else(|| from_beneath().collect())
    }

    fn see_also(&self) -> String {
        let of_this = |command: &Command| format!("{}({})", title_of(command), self.manual.section);
        let beside = self.above.last().into_iter().flat_map(|above| shown(above));
        let beside = beside.filter(|command| title_of(command) != title_of(self.command)).map(of_this);
        let above = self.above.iter().map(|command| of_this(command));
        let others = self.manual.see_also.iter().map(|(name, number)| format!("{name}({number})"));
        above.chain(beside).chain(others).collect::<Vec<_>>().join(", ")
    }
}

fn section(page: &mut Roff, title: &str, entries: impl Iterator<Item = (String, String)>) {
    let mut entries = entries.peekable();
    if entries.peek().is_some() {
        page.control("SH", [title]);
        entries.for_each(|(name, text)| entry(page, &name, &text));
    }
}

fn entry(page: &mut Roff, name: &str, text: &str) {
    page.control("TP", []).text([bold(name)]).text([roman(text)]);
}

/// What stands behind the options in a command's help, by what it is.
struct Help {
    paragraphs: Vec<String>,
    examples: Vec<String>,
}

impl Help {
    fn of(command: &Command) -> Self {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (mut paragraphs, mut examples) = (Vec::new(), Vec::new());
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            match paragraph.split_once('\n') {
                Some(("Examples:" | "Example:", lines)) => {
                    examples.extend(lines.lines().map(|line| line.trim().to_owned()));
                }
                // They have a section.
                _ if paragraph.starts_with("Exit codes:") => {}
                _ => paragraphs.push(paragraph.to_owned()),
            }
        }
        Self { paragraphs, examples }
    }
}
