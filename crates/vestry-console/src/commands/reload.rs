//! Has the server read its settings again, and shows what has changed as a table.

use crate::context::Context;
use crate::failure::{Failure, Said};
use crate::record::text;
use crate::render::Format;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use vestry_client::admin::Reloaded;
use vestry_protocol::admin::SettingChange;
use vestry_protocol::typed::vestryctl;

const COLUMNS: [&str; 4] = ["setting", "was", "is", "in_force"];

pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
    let began = Instant::now();
    let look = vestryctl("audit --where").arg("action = 'settings.read'");
    let read = context.console.change(look, async |client| client.reload_settings().await).await?;
    let (format, output) = (context.output.row_format(context.form), context.output);
    let write = |read: &Reloaded| match read {
        Reloaded::Read(changes) => {
            write(changes, format, output.width(), began.elapsed(), &mut output.stdout())
                .map_err(Failure::Output)
        }
        Reloaded::Kept(why) => Err(Failure::SettingsKept(why.clone())),
    };
    read.tell(|_| Said::of("the settings were read again"), write).map(drop)
}

fn write(
    changes: &[SettingChange],
    format: Format,
    width: Option<usize>,
    elapsed: Duration,
    out: &mut dyn Write,
) -> io::Result<()> {
    if changes.is_empty() && format.is_for_people() {
        writeln!(out, "The settings were read again, and none has changed.")?;
        return out.flush();
    }
    let mut writer = format.writer(width);
    writer.columns(COLUMNS.map(str::to_owned).to_vec(), out)?;
    for SettingChange { key, was, is, needs_restart } in changes {
        let in_force = if *needs_restart { "after a restart" } else { "now" };
        writer.row(&[text(key), text(was), text(is), text(in_force)], out)?;
    }
    writer.end(elapsed, out)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn the_table_fits_its_terminal_and_says_what_is_in_force() {
        let change = |key: &str, was: &str, is: &str, needs_restart| SettingChange {
            key: key.to_owned(),
            was: was.to_owned(),
            is: is.to_owned(),
            needs_restart,
        };
        let hosts =
            ["[\"one.example.org\"]", "[\"another.example.org\", \"one.example.org\", \"192.0.2.7\"]"];
        let changes = [
            change("certificates.hosts", hosts[0], hosts[1], false),
            change("connections.per_source_per_sec_max", "4000", "1000000", true),
        ];
        let drawn = |width| {
            let mut out = Vec::new();
            write(&changes, Format::Table, Some(width), Duration::ZERO, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        for width in [80, 40] {
            let drawn = drawn(width);
            assert!(drawn.lines().all(|line| line.width() <= width), "{drawn}");
        }
        let wide = drawn(200);
        let row = |key: &str| wide.lines().find(|line| line.contains(key)).unwrap().to_owned();
        assert!(row("certificates.hosts").contains("now"), "{wide}");
        assert!(row("connections.per_source_per_sec_max").contains("after a restart"), "{wide}");
    }
}
