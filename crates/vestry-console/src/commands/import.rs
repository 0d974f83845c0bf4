//! Making accounts of the rows of a file. Rows go to the server as they are read; what is bad is told or set aside as it
//! is found, so that no more than a few batches are in memory, however long the file is.

mod batch;
mod set_aside;
mod told;

use crate::cli::ImportArgs;
use crate::console::Console;
use crate::context::Context;
use crate::failure::{Failure, Said};
use crate::output::{Output, Written};
use crate::progress::{Progress, grouped};
use crate::reader::{FileFormat, ReadError, Reader, refuse_packed};
use crate::record::{Record, count, text};
use crate::render::Format;
use batch::{Bad, Batch, Memo};
use set_aside::SetAside;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::mem;
use std::path::Path;
use told::Told;
use vestry_client::Address;
use vestry_client::admin::{AdminError, Import, Imported};
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestryctl;
use vestry_seal::is_dash;

/// Files are read in pieces of this size.
const BUFFER_BYTES: usize = 64 * 1024;

pub(super) async fn run(context: &mut Context, arguments: &ImportArgs) -> Result<(), Failure> {
    let (mut input, bytes) = open(&arguments.file)?;
    let format = match arguments.format {
        Some(Format::Csv) => Some(FileFormat::Csv),
        Some(Format::Ndjson) => Some(FileFormat::Ndjson),
        // Of a file that is packed, the name of what is in it.
        _ => {
            let name = arguments.file.to_string_lossy();
            let packed = [".gz", ".zst", ".xz", ".bz2"].iter().find_map(|end| name.strip_suffix(end));
            FileFormat::of_name(packed.unwrap_or(&name))
        }
    };
    refuse_packed(&mut input, format)?;
    let format = format.ok_or_else(|| {
        let file = arguments.file.display().to_string();
        let file = if file == "-" { "standard input".to_owned() } else { Escaped(&file).to_string() };
        Failure::Usage(format!("say how {file} is written: --format csv or --format ndjson"))
    })?;
    let reader = Reader::begin(input, format)?;
    let is_shown = context.output.shows_progress(context.form) && arguments.format != Some(Format::Json);
    let set_aside = SetAside::begin(arguments.skip_bad.as_deref(), reader.header())?;
    let (output, names) = (context.output, reader.passed_over());
    if !names.is_empty() {
        output.talk(format_args!("passed over: {}; a new account begins without", names.join(" and ")));
    }
    let work = Work {
        server: context.console.settings().address.clone(),
        reader,
        bytes,
        progress: Progress::begin(is_shown),
        set_aside,
        output,
        tally: Tally::default(),
        told: Told::default(),
    };
    let done = work.run(&mut context.console, arguments.dry_run).await;
    // The import belongs to its connection, and ends with it.
    context.console.disconnect();
    tell(context, arguments, &done?)
}

fn open(file: &Path) -> Result<(Box<dyn BufRead>, Option<u64>), Failure> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, std::io::stdin())), None));
    }
    let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
    let (facts, opened) = opened.map_err(|cause| {
        Failure::BadData(format!("{} could not be read: {cause}", Escaped(&file.display().to_string())))
    })?;
    let bytes = facts.is_file().then_some(facts.len());
    Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, opened)), bytes))
}

/// How many rows came to what.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    rows: u64,
    bad: u64,
}

/// How it ended.
#[derive(Debug)]
struct Done {
    tally: Tally,
    told: Told,
    /// Nothing when it was given up.
    imported: Option<Imported>,
}

/// An import at work.
struct Work<R> {
    server: Address,
    reader: Reader<R>,
    /// How long the file is, if that is known.
    bytes: Option<u64>,
    progress: Progress,
    set_aside: SetAside,
    output: Output,
    tally: Tally,
    told: Told,
}

impl<R: BufRead> Work<R> {
    async fn run(mut self, console: &mut Console, is_dry: bool) -> Result<Done, Failure> {
        let client = console.new_connection().await?;
        let import = client.start_import().await.map_err(|error| self.failed(error))?;
        let done = self.send_all_and_finish(import, is_dry).await;
        self.progress.clear();
        done
    }

    /// Sends every row that can be read, hears the verdicts on all of them, and imports the good ones or gives up.
    async fn send_all_and_finish(
        &mut self,
        mut import: Import<'_, Memo>,
        is_dry: bool,
    ) -> Result<Done, Failure> {
        let ended = self.send_all(&mut import).await?;
        while let Some((memo, bad)) = import.receive_verdict().await.map_err(|error| self.failed(error))? {
            self.tell_bad(memo.with_verdict(bad))?;
        }
        self.progress.clear();
        self.told.tell_the_rest(self.output);
        // Now that what came before is told.
        ended?;
        let tally = self.tally;
        let good = tally.rows - tally.bad;
        if is_dry || good == 0 || (tally.bad > 0 && !self.set_aside.is_wanted()) {
            import.give_up().await.map_err(|error| self.failed(error))?;
            self.set_aside.finish()?;
            return Ok(Done { tally, told: mem::take(&mut self.told), imported: None });
        }
        // Before the act: what is left out must not be lost when the disk is full.
        self.set_aside.finish()?;
        self.progress.clear();
        let finished =
            import.finish(good, |made| self.progress.at("importing", made, Some(good), made)).await;
        if matches!(finished, Err(AdminError::Refused(_))) {
            self.set_aside.remove();
        }
        let look = vestryctl("audit --sort id --desc --where \"action = 'accounts.imported'\"");
        let imported = finished.map_err(|error| Failure::of_call(&self.server, error, Some(look)))?;
        Ok(Done { tally, told: mem::take(&mut self.told), imported: Some(imported) })
    }

    fn failed(&self, error: AdminError) -> Failure {
        Failure::of_call(&self.server, error, None)
    }

    /// Sends every row that can be read; what ended the reading before the end of the file.
    async fn send_all(&mut self, import: &mut Import<'_, Memo>) -> Result<Result<(), ReadError>, Failure> {
        let mut batch = Batch::default();
        let ended = loop {
            let entry = match self.reader.next() {
                Ok(Some(entry)) => entry,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            self.tally.rows += 1;
            let raw = self.set_aside.is_wanted().then(|| self.reader.raw());
            if !batch.has_room_for(&entry.row) {
                self.send(import, mem::take(&mut batch)).await?;
            }
            batch.push(entry.line, entry.row, raw);
        };
        self.send(import, batch).await?;
        Ok(ended)
    }

    async fn send(&mut self, import: &mut Import<'_, Memo>, batch: Batch) -> Result<(), Failure> {
        self.progress.at("checking", self.reader.bytes(), self.bytes, self.tally.rows);
        match import.send(batch.rows, batch.memo).await.map_err(|error| self.failed(error))? {
            Some((memo, bad)) => self.tell_bad(memo.with_verdict(bad)),
            None => Ok(()),
        }
    }

    fn tell_bad(&mut self, rows: Vec<Bad>) -> Result<(), Failure> {
        for Bad { line, reason, raw } in rows {
            self.tally.bad += 1;
            match raw {
                Some(raw) if self.set_aside.is_wanted() => self.set_aside.row(&raw, &reason)?,
                _ => {
                    if let Some(said) = self.told.row(line, &reason) {
                        self.progress.clear();
                        self.output.talk(said);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The summary; then a failure when it was not done because of bad rows.
fn tell(context: &Context, arguments: &ImportArgs, done: &Done) -> Result<(), Failure> {
    let Tally { rows, bad } = done.tally;
    let is_refused = bad > 0 && arguments.skip_bad.is_none();
    let Imported { accounts, with_password, .. } = done.imported.unwrap_or_default();
    let (state, line) = match (arguments.dry_run, is_refused) {
        (true, _) => {
            let (rows, good, bad) = (grouped(rows), grouped(rows - bad), grouped(bad));
            let line = format!("rows checked: {rows}, good: {good}, bad: {bad}; nothing was changed");
            ("checked", Some(line))
        }
        // The failure says it all.
        (false, true) => ("refused", None),
        (false, false) => {
            let (accounts, with_password) = (grouped(accounts), grouped(with_password));
            let line = format!("accounts imported: {accounts}, with a password: {with_password}");
            ("imported", Some(line))
        }
    };
    let written = match arguments.skip_bad.as_deref().is_some_and(is_dash) {
        true => Written::ToStandardOutput,
        false => Written::ToAFile,
    };
    let told = if context.form.json || arguments.format == Some(Format::Json) {
        let record = Record::new(vec![
            ("status", text(state)),
            ("rows", count(rows)),
            ("bad", count(bad)),
            ("imported", count(accounts)),
            ("with_password", count(with_password)),
        ]);
        context.output.summary(written, record.into_json_object())
    } else {
        line.as_ref().map_or(Ok(()), |line| context.output.summary(written, line))
    };
    told.map_err(|failure| match line.filter(|_| done.imported.is_some()) {
        Some(done) => failure.after(Said::of(done)),
        None => failure,
    })?;
    tell_what_is_left(context.output, arguments, done);
    if is_refused {
        Err(Failure::BadRows { bad, rows, left_some_out: done.told.left_some_out() })
    } else {
        Ok(())
    }
}

/// From here on it is worth telling that everybody waited.
const WAIT_TOLD_US: u64 = 1_000_000;

fn tell_what_is_left(output: Output, arguments: &ImportArgs, done: &Done) {
    if let Some(file) = arguments.skip_bad.as_deref().filter(|_| done.tally.bad > 0) {
        let bad = grouped(done.tally.bad);
        let place = match is_dash(file) {
            true => "on standard output".to_owned(),
            false => format!("in {}", Escaped(&file.display().to_string())),
        };
        output.talk(format_args!("rows left out: {bad}, {place}"));
    }
    let Some(Imported { accounts, with_password, elapsed_us }) = done.imported else { return };
    if accounts > with_password {
        let left = grouped(accounts - with_password);
        let code = vestryctl("account reset NAME");
        output.talk(format_args!("without a password: {left}; a code for one:\n  {code}"));
    }
    if elapsed_us >= WAIT_TOLD_US {
        output
            .talk(format_args!("other writes waited for {} s meanwhile", elapsed_us.div_ceil(WAIT_TOLD_US)));
    }
}
