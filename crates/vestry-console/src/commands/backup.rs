//! A backup of the running server, into a file of the operator: new, private, and there only when all of it arrived; or to standard
//! output.

use crate::cli::BackupArgs;
use crate::context::Context;
use crate::failure::{Failure, Said};
use crate::output::Written;
use crate::record::{Record, text};
use std::io::{self, BufWriter, Write};
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;
use vestry_seal::{Passphrase, SealedWriter, Target};
use vestry_terminal::output::refuse_closed;
use vestry_tls::private_file;

pub(super) async fn run(context: &mut Context, arguments: &BackupArgs) -> Result<(), Failure> {
    let passphrase = match &arguments.passphrase_file {
        Some(path) => {
            let bytes =
                private_file::read_or_input(path).map_err(|error| Failure::BadData(error.to_string()))?;
            Some(Passphrase::of_line(&bytes).map_err(|error| Failure::BadData(error.to_string()))?)
        }
        None => None,
    };
    let target = Target::open(&arguments.file, refuse_closed)?;
    let (written, out) = (Written::from(&target), BufWriter::new(target));
    let (out, bytes) = match passphrase {
        Some(passphrase) => {
            let sealed = SealedWriter::new(out, &passphrase).map_err(not_written)?;
            let (sealed, bytes) = receive(context, sealed).await?;
            (sealed.finish().map_err(not_written)?, bytes)
        }
        None => receive(context, out).await?,
    };
    out.into_inner().map_err(|error| not_written(error.into_error()))?.finish()?;
    let file = arguments.file.display().to_string();
    let (done, line) = match written {
        Written::ToAFile => (format!("{} is written", Escaped(&file)), Escaped(&file).to_string()),
        Written::ToStandardOutput => {
            let line = "the backup is written to standard output".to_owned();
            (line.clone(), line)
        }
    };
    let told = match context.form.asked() {
        Some(_) => {
            let bytes = i64::try_from(bytes).map_or(Cell::Null, Cell::Integer);
            let record = Record::new(vec![("file", text(&file)), ("bytes", bytes)]);
            match written {
                Written::ToAFile => record.write(context.output, context.form),
                Written::ToStandardOutput => context.output.summary(written, record.into_json_object()),
            }
        }
        None => context.output.summary(written, line),
    };
    context.output.talk("The keys are not in it: keep a copy of the server's secrets folder elsewhere.");
    told.map_err(|failure| failure.after(Said::of(done)))
}

fn not_written(cause: io::Error) -> Failure {
    Failure::NotWritten { what: "the backup", cause }
}

async fn receive<W: Write>(context: &mut Context, mut out: W) -> Result<(W, u64), Failure> {
    let bytes = context.console.stream_backup(&mut out).await?;
    Ok((out, bytes))
}
