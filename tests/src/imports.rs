//! Which file of a crate imports from which, as its sources say: for the test that no files import each other in a circle and no
//! import runs from a lower floor of the house to a higher one.
//!
//! The floors are the tables that people read: the crates in ARCHITECTURE.md, and the modules in the header of each crate's
//! `lib.rs` or `main.rs`, from the ground up. What only tests compile does not count.

use proc_macro2::{Delimiter, Ident, Spacing, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's path from the root of its crate; the root itself is empty.
type Module = Vec<String>;

/// An import: the file that has it, the file that it names, and what it takes there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The file that imports.
    pub from: String,
    /// The file that is imported from.
    pub to: String,
    /// What is taken: an item, or the module itself.
    pub name: String,
}

/// The files of one crate and the arrows between them.
#[derive(Debug)]
pub struct Imports {
    root: PathBuf,
    header: String,
    /// Every module, inline ones too, with the file that it stands in.
    modules: BTreeMap<Module, PathBuf>,
    arrows: BTreeSet<Arrow>,
}

impl Imports {
    /// Reads a crate from its root file on, as the compiler would without `cfg(test)`.
    ///
    /// # Panics
    /// When a file is not there or is no Rust.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        let mut imports = Self {
            root: root.parent().unwrap().to_owned(),
            header: String::new(),
            modules: BTreeMap::new(),
            arrows: BTreeSet::new(),
        };
        let mut bodies = Vec::new();
        imports.collect(Module::new(), root, &mut bodies);
        for (module, tokens) in bodies {
            let (used, named) = paths(&tokens);
            let mut rooms = BTreeMap::new();
            for Used { path, name } in &used {
                assert!(
                    name != "*" || path.len() < 2 || !imports.is_inside(&module, path),
                    "{module:?} imports {path:?}::*"
                );
                if let Some(room) = imports.draw(&module, path) {
                    rooms.insert(name.clone(), room);
                }
            }
            for path in named {
                // By a name that `use` brought in: a module's, as it is called there.
                let full = path
                    .first()
                    .and_then(|first| rooms.get(first))
                    .map(|room| [&["crate".to_owned()], room.as_slice(), &path[1..]].concat());
                imports.draw(&module, &full.unwrap_or(path));
            }
        }
        imports
    }

    /// Whether a path leads to a module of this crate.
    fn is_inside(&self, module: &[String], path: &[String]) -> bool {
        let first = path.first().map(String::as_str);
        matches!(first, Some("crate" | "self" | "super"))
            || first.is_some_and(|first| self.modules.contains_key(&[module, &[first.to_owned()]].concat()))
    }

    /// Every arrow between two files.
    pub fn arrows(&self) -> impl Iterator<Item = &Arrow> {
        self.arrows.iter()
    }

    fn collect(&mut self, module: Module, file: &Path, bodies: &mut Vec<(Module, Vec<TokenTree>)>) {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        if module.is_empty() {
            self.header =
                text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
        }
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let is_root = ["lib.rs", "main.rs", "mod.rs"].iter().any(|name| file.ends_with(name));
        let below = if is_root { file.parent().unwrap().to_owned() } else { file.with_extension("") };
        self.enter(module, file, &below, tokens, bodies);
    }

    /// Takes in a module: the modules that it declares, and its own tokens without theirs.
    fn enter(
        &mut self,
        module: Module,
        file: &Path,
        below: &Path,
        tokens: TokenStream,
        bodies: &mut Vec<(Module, Vec<TokenTree>)>,
    ) {
        self.modules.insert(module.clone(), file.to_owned());
        let mut own = Vec::new();
        let mut rest = without_tests(tokens).into_iter().peekable();
        while let Some(token) = rest.next() {
            let declared = match (&token, rest.peek()) {
                (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "mod" => name.to_string(),
                _ => {
                    own.push(token);
                    continue;
                }
            };
            rest.next();
            let child = [module.clone(), vec![declared.clone()]].concat();
            match rest.next() {
                Some(TokenTree::Group(body)) => {
                    self.enter(child, file, &below.join(&declared), body.stream(), bodies);
                }
                _ => {
                    let flat = below.join(format!("{declared}.rs"));
                    let file = if flat.exists() { flat } else { below.join(&declared).join("mod.rs") };
                    self.collect(child, &file, bodies);
                }
            }
        }
        bodies.push((module, own));
    }

    /// Follows a path as far as it names modules, and draws the arrow to the file of the last one. Returns that module, when the
    /// path ends with it.
    fn draw(&mut self, module: &[String], path: &[String]) -> Option<Module> {
        let (mut at, mut rest) = match path.first().map(String::as_str) {
            Some("crate") => (Module::new(), &path[1..]),
            Some("self") => (module.to_vec(), &path[1..]),
            Some("super") => (module.to_vec(), path),
            Some(first) if self.modules.contains_key(&[module, &[first.to_owned()]].concat()) => {
                (module.to_vec(), path)
            }
            _ => return None,
        };
        while let [first, more @ ..] = rest {
            let next = match first.as_str() {
                "super" => at[..at.len().saturating_sub(1)].to_vec(),
                "self" => at.clone(),
                name => [at.clone(), vec![name.to_owned()]].concat(),
            };
            if !self.modules.contains_key(&next) {
                break;
            }
            (at, rest) = (next, more);
        }
        let (from, to) = (self.shown(module), self.shown(&at));
        if from != to {
            let name = rest.first().or(at.last()).cloned().unwrap_or_default();
            self.arrows.insert(Arrow { from, to, name });
        }
        rest.is_empty().then_some(at)
    }

    fn shown(&self, module: &[String]) -> String {
        self.modules[module].strip_prefix(&self.root).unwrap().display().to_string()
    }

    /// Returns the files that import each other in a circle, each circle with the arrows that tie it.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<Arrow>> {
        let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for arrow in &self.arrows {
            reached.entry(&arrow.from).or_default().insert(&arrow.to);
        }
        loop {
            let before: usize = reached.values().map(BTreeSet::len).sum();
            for file in reached.keys().copied().collect::<Vec<_>>() {
                let further: BTreeSet<&str> =
                    reached[file].iter().filter_map(|next| reached.get(next)).flatten().copied().collect();
                reached.get_mut(file).unwrap().extend(further);
            }
            if reached.values().map(BTreeSet::len).sum::<usize>() == before {
                break;
            }
        }
        let is_between = |from: &str, to: &str| reached.get(from).is_some_and(|all| all.contains(to));
        let mut circles: BTreeMap<BTreeSet<&str>, Vec<Arrow>> = BTreeMap::new();
        for arrow in self.arrows.iter().filter(|arrow| is_between(&arrow.to, &arrow.from)) {
            let members = reached[arrow.from.as_str()].iter().copied();
            let members = members.filter(|file| is_between(file, &arrow.from)).collect();
            circles.entry(members).or_default().push(arrow.clone());
        }
        circles.into_values().collect()
    }

    /// Returns the arrows that run from a module to one that stands above it in the header's table, and to the root, which
    /// stands above all. A module that the table leaves out is an error.
    ///
    /// # Errors
    /// The modules that are not in the table, or are in it and not in the crate.
    pub fn arrows_up(&self) -> Result<Vec<&Arrow>, String> {
        let floors = rows(&self.header, "//! | ");
        let tops: BTreeSet<&String> =
            self.modules.keys().filter(|module| module.len() == 1).map(|module| &module[0]).collect();
        if floors.iter().collect::<BTreeSet<_>>() != tops || floors.len() != tops.len() {
            return Err(format!("the table of modules has {floors:?}, and the crate {tops:?}"));
        }
        let floor = |file: &str| {
            let is_it = |path: &Path| path.strip_prefix(&self.root).is_ok_and(|path| path == Path::new(file));
            let module = self.modules.iter().find(|(_, path)| is_it(path));
            let top = module.and_then(|(module, _)| module.first());
            top.and_then(|top| floors.iter().position(|name| name == top)).unwrap_or(floors.len())
        };
        Ok(self.arrows.iter().filter(|arrow| floor(&arrow.to) > floor(&arrow.from)).collect())
    }
}

/// Returns the names that the first cells of a table hold in backticks; each row begins with `start`.
#[must_use]
pub fn rows(text: &str, start: &str) -> Vec<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix(start));
    let cells = rows.filter_map(|row| row.split(" | ").next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Leaves out whatever stands below `#[cfg(test)]`: an item, or a field or a variant among others.
fn without_tests(tokens: TokenStream) -> Vec<TokenTree> {
    let (mut kept, mut is_skipping) = (Vec::new(), false);
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        if let (TokenTree::Punct(mark), Some(TokenTree::Group(attribute))) = (&token, rest.peek())
            && mark.as_char() == '#'
        {
            is_skipping |= attribute.stream().to_string().replace(' ', "") == "cfg(test)";
            // What an attribute says is no import; a doc comment is one, too.
            rest.next();
            continue;
        }
        let ends = match &token {
            TokenTree::Punct(mark) => [';', ','].contains(&mark.as_char()),
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        if !is_skipping {
            kept.push(token);
        }
        is_skipping &= !ends;
    }
    kept
}

/// What a `use` brings in: a path, and what it is called from there on.
struct Used {
    path: Vec<String>,
    name: String,
}

/// What `use` brings in, however it is nested, and every other path with more than one segment.
fn paths(tokens: &[TokenTree]) -> (Vec<Used>, Vec<Vec<String>>) {
    let (mut used, mut named) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(word) if word == "use" => {
                at += 1;
                at += use_tree(&tokens[at..], &[], &mut used);
            }
            TokenTree::Ident(word) if word == "pub" => {
                at += 1;
                // `pub(crate)` and `pub(super)` name no file.
                let is_group = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis);
                at += usize::from(tokens.get(at).is_some_and(is_group));
            }
            TokenTree::Ident(first) => {
                let path = path_from(&tokens[at..], first);
                if path.len() > 1 && !is_behind_a_path(&tokens[..at]) {
                    named.push(path);
                }
                at += 1;
            }
            TokenTree::Group(group) => {
                let (more_used, more_named) = paths(&without_tests(group.stream()));
                used.extend(more_used);
                named.extend(more_named);
                at += 1;
            }
            _ => at += 1,
        }
    }
    (used, named)
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':')
}

/// Whether a `::` ends here. One colon alone stands before a type.
fn is_behind_a_path(before: &[TokenTree]) -> bool {
    let [.., TokenTree::Punct(first), second] = before else { return false };
    first.as_char() == ':' && first.spacing() == Spacing::Joint && is_colon(second)
}

fn path_from(tokens: &[TokenTree], first: &Ident) -> Vec<String> {
    let mut path = vec![first.to_string()];
    let mut rest = &tokens[1..];
    while let [one, two, TokenTree::Ident(next), more @ ..] = rest {
        if !(is_colon(one) && is_colon(two)) {
            break;
        }
        path.push(next.to_string());
        rest = more;
    }
    path
}

/// Reads one tree of a `use` and returns how many tokens it took.
fn use_tree(tokens: &[TokenTree], prefix: &[String], found: &mut Vec<Used>) -> usize {
    let (mut path, mut at, mut name) = (prefix.to_vec(), 0, None);
    let (mut is_open, mut is_renamed) = (true, false);
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Ident(word) if word == "as" => is_renamed = true,
            TokenTree::Ident(word) if is_renamed => name = Some(word.to_string()),
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut from = 0;
                while from < inner.len() {
                    from += use_tree(&inner[from..], &path, found);
                }
                is_open = false;
            }
            TokenTree::Punct(mark) if mark.as_char() == '*' => name = Some("*".to_owned()),
            TokenTree::Punct(mark) if [',', ';'].contains(&mark.as_char()) => break,
            _ => {}
        }
    }
    if is_open && path.len() > prefix.len() {
        // `use room::{self, …}` brings in the room.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        found.push(Used { path, name });
    } else if is_open && name.as_deref() == Some("*") {
        found.push(Used { path, name: "*".to_owned() });
    }
    at
}
