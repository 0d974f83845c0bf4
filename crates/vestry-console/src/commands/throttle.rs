//! Who is held up after failed attempts: the list, and letting somebody try again.

use super::Session;
use crate::cli::ThrottleAct;
use crate::failure::Failure;
use crate::record::{Record, text};
use vestry_protocol::admin::{AdminCall, AdminReply, Cell};

const HELD_LAST_FIRST: &str = "select lane, failures, failed, opens from throttle order by opens desc, lane";

pub(super) async fn run(session: &mut Session, act: Option<ThrottleAct>) -> Result<(), Failure> {
    match act {
        None => super::rows::run_sql(session, HELD_LAST_FIRST).await,
        Some(ThrottleAct::Clear { subject, .. }) => clear(session, subject).await,
    }
}

async fn clear(session: &mut Session, subject: Option<String>) -> Result<(), Failure> {
    let reply = session.console.ask(AdminCall::ClearThrottle { subject: subject.clone() }).await?;
    let AdminReply::ThrottleCleared { lanes } = reply else { return Err(Failure::UnexpectedReply) };
    let done = format!("lanes that were opened: {lanes}");
    tell(session, subject.as_deref(), lanes).map_err(|failure| failure.after(done, None))
}

fn tell(session: &Session, subject: Option<&str>, lanes: u64) -> Result<(), Failure> {
    if session.form.asked().is_some() {
        let subject = subject.unwrap_or("everything");
        return Record::new(vec![
            ("cleared", text(subject)),
            ("lanes", Cell::Integer(i64::try_from(lanes).unwrap_or(i64::MAX))),
        ])
        .write(session.output, session.form);
    }
    match lanes {
        0 => session.output.line(format_args!("nothing was held up there")),
        1 => session.output.line(format_args!("1 lane is open again")),
        many => session.output.line(format_args!("{many} lanes are open again")),
    }
}
