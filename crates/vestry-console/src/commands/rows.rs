//! Commands that answer with rows: any select, and pages of the four views.

use crate::cli::ListArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::mistake::Asked;
use crate::render::Format;
use crate::statement::{Statement, split};
use crate::words::quoted;
use std::io::{self, Read};
use vestry_client::admin::{AdminClient, AdminError, Rows};
use vestry_protocol::admin::{Listing, RowsEnd, View};
use vestry_protocol::limits::REQUEST_BYTES_MAX;
use vestry_protocol::typed::vestryctl;

/// Runs the one statement of a text, or of standard input.
pub(super) async fn run_sql(context: &mut Context, text: &str) -> Result<(), Failure> {
    if text != "-" {
        return run_statement(context, only_statement(text)?).await;
    }
    let mut bytes = Vec::new();
    let most = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX);
    io::stdin().lock().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Failure::Input)?;
    if bytes.len() > REQUEST_BYTES_MAX {
        return Err(Failure::BadData(format!(
            "the statement is longer than {REQUEST_BYTES_MAX} bytes; shorten it"
        )));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::BadData("the statement is not UTF-8 text; convert it".to_owned()))?;
    run_statement(context, only_statement(&text)?).await
}

/// Runs one statement and writes its rows.
pub(crate) async fn run_statement(context: &mut Context, statement: Statement) -> Result<(), Failure> {
    let form = match statement.vertical {
        // A format that was asked for by its name goes first.
        true => context.form.asked().unwrap_or(Format::Vertical),
        false => context.output.row_format(context.form),
    };
    let asked = Asked::statement(&statement.sql);
    write_rows(context, asked, async |client| client.query(&statement.sql).await, form).await.map(drop)
}

/// Writes a page of a view, and says how to get the next one.
pub(super) async fn list(context: &mut Context, view: View, arguments: ListArgs) -> Result<(), Failure> {
    let listing = Listing {
        view,
        columns: arguments.columns,
        filter: arguments.filter,
        sort: arguments.sort,
        descending: arguments.desc,
        limit: arguments.limit,
        after: arguments.after,
    };
    let format = context.output.row_format(context.form);
    let asked = Asked::condition(view, listing.filter.as_deref(), 0);
    let end = write_rows(context, asked, async |client| client.list(listing.clone()).await, format).await?;
    context.next_page = end.next.as_deref().map(|cursor| with_cursor(&context.words, cursor));
    match (end.next, &context.next_page) {
        (Some(_), Some(_)) if context.at_prompt => context.output.talk("There are more rows: next"),
        (Some(cursor), Some(words)) => context.output.talk(next_page(words, &cursor, format)),
        (_, _) => {}
    }
    Ok(())
}

async fn write_rows(
    context: &mut Context,
    asked: Asked<'_>,
    open: impl AsyncFnMut(&mut AdminClient) -> Result<Rows<'_>, AdminError>,
    format: Format,
) -> Result<RowsEnd, Failure> {
    let mut writer = format.writer(context.output.width());
    let mut stdout = context.output.stdout();
    context.console.stream_rows(asked, open, writer.as_mut(), &mut stdout).await
}

/// For people the whole command, for scripts the option to add.
fn next_page(words: &[String], cursor: &str, format: Format) -> String {
    // A cursor is base64url; whatever else a server sends is quoted and spelled out.
    if !format.is_for_people() {
        return format!("next page: --after {}", quoted(cursor));
    }
    format!("next page: {}", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

/// The same command with another cursor.
fn with_cursor(words: &[String], cursor: &str) -> Vec<String> {
    let mut kept = Vec::with_capacity(words.len() + 2);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--after" {
            let _cursor = words.next();
        } else if !word.starts_with("--after=") {
            kept.push(word.clone());
        }
    }
    kept.extend(["--after".to_owned(), cursor.to_owned()]);
    kept
}

fn only_statement(text: &str) -> Result<Statement, Failure> {
    let (statements, rest) = split(text);
    let mut all = statements.into_iter().chain(rest.into_statement());
    let Some(first) = all.next() else {
        let example = vestryctl("sql 'select * from accounts'");
        return Err(Failure::BadData(format!("the statement is empty; try: {example}")));
    };
    match all.next() {
        Some(_) => {
            Err(Failure::BadData("only one statement runs at a time; send them one by one".to_owned()))
        }
        None => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<String> {
        line.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn the_next_page_is_the_same_command_with_the_new_cursor() {
        let typed = words(&[
            "vestryctl",
            "accounts",
            "--where",
            "age > 30",
            "--after",
            "OLD",
            "--desc",
            "--after=OLDER",
        ]);
        assert_eq!(
            next_page(&with_cursor(&typed, "AQAA_-"), "AQAA_-", Format::Table),
            "next page: vestryctl accounts --where 'age > 30' --desc --after AQAA_-"
        );
        assert_eq!(next_page(&typed, "AQAA_-", Format::Json), "next page: --after AQAA_-");
    }

    #[test]
    fn a_hostile_cursor_cannot_drive_the_terminal_or_a_shell() {
        let line = next_page(&words(&["vestryctl", "accounts"]), "x; rm -rf ~\u{1b}[2J", Format::Csv);
        assert_eq!(line, "next page: --after 'x; rm -rf ~\\u{1b}[2J'");
    }

    #[test]
    fn one_statement_is_taken_and_two_are_not() {
        assert_eq!(
            only_statement("select 1").unwrap(),
            Statement { sql: "select 1".to_owned(), vertical: false }
        );
        assert_eq!(
            only_statement(" select 1 \\G\n").unwrap(),
            Statement { sql: "select 1".to_owned(), vertical: true }
        );
        assert!(only_statement("select 1; -- end").is_ok());
        for text in ["", " ; ", "-- nothing", "select 1; select 2", "select 1\\G select 2"] {
            assert!(matches!(only_statement(text), Err(Failure::BadData(_))), "{text:?}");
        }
    }
}
