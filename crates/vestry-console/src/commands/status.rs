//! How the server is, its join string, and ending a session or an operator's certificate.

use super::care::{confirm, require_a_way_to_confirm};
use super::kept::select;
use crate::cli::CareArgs;
use crate::console::Console;
use crate::context::Context;
use crate::done::Done;
use crate::failure::{Failure, Said};
use crate::record::{Record, text};
use crate::render::shown;
use vestry_client::AdminClient;
use vestry_protocol::admin::Status;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestryctl;
use vestry_tls::facts::is_operator_word;

/// More than the certificates of one operator would be a server that answers another question.
const ROWS_KEPT_MAX: usize = 100;

pub(super) async fn show(context: &mut Context) -> Result<(), Failure> {
    let status = fetch(&mut context.console).await?;
    Record::of_status(&status).write(context.output, context.form)
}

/// Asks how the server is.
pub(crate) async fn fetch(console: &mut Console) -> Result<Status, Failure> {
    console.read(async |client| client.status().await).await
}

pub(super) async fn show_join_string(context: &mut Context) -> Result<(), Failure> {
    let join = context.console.read(async |client| client.join_string().await).await?;
    match context.form.asked() {
        Some(_) => Record::new(vec![("join_string", text(&join))]).write(context.output, context.form),
        None => context.output.line(Escaped(&join)),
    }
}

pub(super) async fn revoke_session(context: &mut Context, id: &str) -> Result<(), Failure> {
    let id = parse_session_id(id)?;
    let revoke = async |client: &mut AdminClient| client.revoke_session(id).await;
    let revoked = context.console.change(vestryctl("sessions"), revoke).await?;
    tell(context, revoked, "session", &format!("{id:016x}"), "revoked")
}

pub(super) async fn revoke_operator(
    context: &mut Context,
    name: &str,
    care: &CareArgs,
) -> Result<(), Failure> {
    if !is_operator_word(name) {
        let name = Escaped(name);
        return Err(Failure::BadData(format!(
            "'{name}' is no operator's name; list them with: {}",
            vestryctl("operators")
        )));
    }
    require_a_way_to_confirm(context, care, name)?;
    // Such a name needs no quoting.
    let sql = format!("select role, created, pin from operators where revoked is null and name = '{name}'");
    let found = select(&mut context.console, sql, ROWS_KEPT_MAX).await?;
    if found.is_empty() {
        return Err(Failure::BadData(format!(
            "no operator called {name} has a certificate in use; list them with: {}",
            vestryctl("operators")
        )));
    }
    let lines = found.iter().map(|row| {
        let words: Vec<String> = row.iter().map(shown).collect();
        format!("\n  {}", words.join("  "))
    });
    let preview = format!(
        "Out of use, at once and for good, would be of operator {name}:{}",
        lines.collect::<String>()
    );
    if !confirm(context, care, name, &preview)? {
        return Ok(());
    }
    let revoke = async |client: &mut AdminClient| client.revoke_operator(name).await;
    let revoked = context.console.change(vestryctl("operators"), revoke).await?;
    tell(context, revoked, "operator", name, "revoked")
}

fn tell<T>(
    context: &Context,
    done: Done<T>,
    what: &'static str,
    which: &str,
    state: &str,
) -> Result<(), Failure> {
    let line = format!("{what} {which} is {state}");
    let write = |_: &T| match context.form.asked() {
        Some(_) => {
            let fields = vec![(what, text(which)), ("status", text(state))];
            Record::new(fields).write(context.output, context.form)
        }
        None => context.output.line(&line),
    };
    done.tell(|_| Said::of(line.clone()), write).map(drop)
}

fn parse_session_id(text: &str) -> Result<u64, Failure> {
    let well_formed = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = well_formed.then(|| u64::from_str_radix(text, 16).ok()).flatten();
    id.ok_or_else(|| {
        let text = Escaped(text);
        Failure::BadData(format!(
            "'{text}' is no session; give the 16 digits and letters that `{}` shows",
            vestryctl("sessions")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_by_sixteen_hex_digits() {
        assert_eq!(parse_session_id("00c0ffee00c0ffee").unwrap(), 0x00c0_ffee_00c0_ffee);
        assert_eq!(parse_session_id("FFFFFFFFFFFFFFFF").unwrap(), u64::MAX);
        for text in [
            "",
            "1",
            "00c0ffee00c0ffe",
            "00c0ffee00c0ffeeg",
            "+0c0ffee00c0ffee",
            "0x00000000000001",
            "\u{1b}[2J",
        ] {
            let error = parse_session_id(text).unwrap_err().to_string();
            assert!(error.contains("is no session") && !error.contains('\u{1b}'), "{error}");
        }
    }
}
