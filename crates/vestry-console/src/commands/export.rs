//! Writing accounts to a file or to standard output, a page at a time: no view of the database is held for long, and
//! each account that is there all the while comes exactly once.

use crate::cli::ExportArgs;
use crate::context::Context;
use crate::failure::{Failure, Said};
use crate::mistake::Asked;
use crate::output::Written;
use crate::progress::{Progress, grouped};
use crate::reader::FileFormat;
use crate::record::{Record, count, text};
use crate::render::{Format, RowWriter};
use crate::sql::closes_its_parentheses;
use std::io::{self, BufWriter, Write};
use std::time::Duration;
use vestry_protocol::admin::{Cell, Listing, View};
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestryctl;
use vestry_seal::Target;
use vestry_terminal::output::refuse_closed;

/// What leaves deleted accounts out.
const NOT_DELETED: &str = "status <> 'deleted'";

/// A page takes a second; the server would end one that takes half a minute.
const PAGE_ROWS: u64 = 100_000;

pub(super) async fn run(context: &mut Context, arguments: ExportArgs) -> Result<(), Failure> {
    if let Some(file) = &arguments.file {
        refuse_a_name_of_another_kind(&file.to_string_lossy(), arguments.format.is_some())?;
    }
    let by_name = arguments.file.as_deref().and_then(|file| FileFormat::of_name(&file.to_string_lossy()));
    let format = arguments.format.unwrap_or(match by_name {
        Some(FileFormat::Ndjson) => Format::Ndjson,
        Some(FileFormat::Csv) | None => Format::Csv,
    });
    let Some(file) = arguments.file.clone() else {
        if context.form.json {
            return Err(Failure::Usage("an export is csv or ndjson: --format ndjson".to_owned()));
        }
        let mut stdout = context.output.stdout();
        return write_all(context, arguments, format, &mut stdout).await.map(drop);
    };
    let target = Target::open(&file, refuse_closed)?;
    let (written, mut out) = (Written::from(&target), BufWriter::new(target));
    let rows = write_all(context, arguments, format, &mut out).await?;
    out.into_inner().map_err(|error| Failure::Output(error.into_error()))?.finish()?;
    let name = file.display().to_string();
    let line = match written {
        Written::ToAFile => format!("accounts exported: {}, in {}", grouped(rows), Escaped(&name)),
        Written::ToStandardOutput => format!("accounts exported: {}", grouped(rows)),
    };
    let told = if context.form.json {
        let record = Record::new(vec![("file", text(&name)), ("accounts", count(rows))]);
        context.output.summary(written, record.into_json_object())
    } else {
        context.output.summary(written, &line)
    };
    told.map_err(|failure| failure.after(Said::of(line)))
}

/// A file that is called as it is not is found out when it is needed.
fn refuse_a_name_of_another_kind(file: &str, is_format_named: bool) -> Result<(), Failure> {
    let end = file.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
    let (what, instead) = match end.as_str() {
        "gz" | "bz2" | "xz" | "zst" | "zip" => {
            let through = format!("Compress it on its way: {} | gzip > FILE", vestryctl("export -"));
            return Err(Failure::Usage(format!("an export is not compressed\n  {through}")));
        }
        "json" => {
            ("an array of JSON objects", "For an object a line call it .ndjson, or add --format ndjson.")
        }
        "tsv" | "tab" => ("values separated by tabs", "Call it .csv, or add --format csv."),
        "xls" | "xlsx" | "ods" => ("a spreadsheet's own format", "Call it .csv, which each of them opens."),
        _ => return Ok(()),
    };
    match is_format_named {
        true => Ok(()),
        false => Err(Failure::Usage(format!("an export is csv or ndjson; .{end} is {what}\n  {instead}"))),
    }
}

/// How many accounts were written.
async fn write_all(
    context: &mut Context,
    arguments: ExportArgs,
    format: Format,
    out: &mut dyn Write,
) -> Result<u64, Failure> {
    let is_shown = arguments.file.is_some() && context.output.shows_progress(context.form);
    let mut pages =
        Pages { writer: format.writer(None), has_begun: false, rows: 0, progress: Progress::begin(is_shown) };
    let typed = arguments.filter;
    let (filter, before) = match &typed {
        None if arguments.with_deleted => (None, 0),
        None => (Some(NOT_DELETED.to_owned()), 0),
        // What is not closed is refused as it was typed, and not as we would close it.
        Some(typed) if arguments.with_deleted || !closes_its_parentheses(typed) => (Some(typed.clone()), 0),
        Some(typed) => (Some(format!("({typed}\n) and {NOT_DELETED}")), 1),
    };
    let mut listing = Listing {
        view: View::Accounts,
        columns: arguments.columns,
        filter,
        sort: None,
        descending: false,
        limit: PAGE_ROWS,
        after: None,
    };
    let asked = Asked::condition(View::Accounts, typed.as_deref(), before);
    loop {
        let page = context
            .console
            .stream_rows(asked, async |client| client.list(listing.clone()).await, &mut pages, out)
            .await;
        pages.progress.clear();
        listing.after = page?.next;
        if listing.after.is_none() {
            return Ok(pages.rows);
        }
    }
}

/// One header, and the rows of every page behind it.
struct Pages {
    writer: Box<dyn RowWriter>,
    has_begun: bool,
    rows: u64,
    progress: Progress,
}

impl RowWriter for Pages {
    fn columns(&mut self, names: Vec<String>, out: &mut dyn Write) -> io::Result<()> {
        match std::mem::replace(&mut self.has_begun, true) {
            true => Ok(()),
            false => self.writer.columns(names, out),
        }
    }

    fn row(&mut self, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        self.progress.at("exporting", self.rows, None, self.rows);
        self.writer.row(cells, out)
    }

    fn end(&mut self, elapsed: Duration, out: &mut dyn Write) -> io::Result<()> {
        self.writer.end(elapsed, out)
    }
}
