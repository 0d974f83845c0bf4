//! A backup of the running server, into a file of whoever asks: new, private, and there only when all of it arrived.

use crate::cli::BackupArgs;
use crate::context::Context;
use crate::failure::{Failure, Said};
use crate::record::{Record, text};
use std::io::{BufWriter, Write};
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;
use vestry_seal::{NewFile, Passphrase, SealedWriter};
use vestry_tls::private_file;

pub(super) async fn run(context: &mut Context, arguments: &BackupArgs) -> Result<(), Failure> {
    let passphrase = match &arguments.passphrase_file {
        Some(path) => {
            let bytes = private_file::read(path).map_err(|error| Failure::BadData(error.to_string()))?;
            Some(Passphrase::of_line(&bytes).map_err(|error| Failure::BadData(error.to_string()))?)
        }
        None => None,
    };
    let out = BufWriter::new(NewFile::create(&arguments.file)?);
    let (out, bytes) = match passphrase {
        Some(passphrase) => {
            let sealed = SealedWriter::new(out, &passphrase).map_err(Failure::Output)?;
            let (sealed, bytes) = receive(context, sealed).await?;
            (sealed.finish().map_err(Failure::Output)?, bytes)
        }
        None => receive(context, out).await?,
    };
    let file = out.into_inner().map_err(|error| Failure::Output(error.into_error()))?;
    file.finish()?;
    let done = format!("{} is written", Escaped(&arguments.file.to_string_lossy()));
    context.output.talk("The keys are not in it: keep a copy of the server's secrets folder elsewhere.");
    let file = arguments.file.display().to_string();
    let told = match context.form.asked() {
        Some(_) => {
            let bytes = i64::try_from(bytes).map_or(Cell::Null, Cell::Integer);
            Record::new(vec![("file", text(&file)), ("bytes", bytes)]).write(context.output, context.form)
        }
        None => context.output.line(Escaped(&file)),
    };
    told.map_err(|failure| failure.after(Said::of(done)))
}

async fn receive<W: Write>(context: &mut Context, mut out: W) -> Result<(W, u64), Failure> {
    let bytes = context.console.stream_backup(&mut out).await?;
    Ok((out, bytes))
}
