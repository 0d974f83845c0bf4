//! Who is throttled after failed attempts: the list, and letting somebody try again.

use crate::cli::ThrottleAct;
use crate::context::Context;
use crate::failure::Failure;
use crate::record::{Record, text};
use vestry_client::AdminClient;
use vestry_protocol::admin::Cell;
use vestry_protocol::typed::vestryctl;

const HELD_LAST_FIRST: &str = "select lane, failures, failed, opens from throttle order by opens desc, lane";

pub(super) async fn run(context: &mut Context, act: Option<ThrottleAct>) -> Result<(), Failure> {
    match act {
        None => super::rows::run_sql(context, HELD_LAST_FIRST).await,
        Some(ThrottleAct::Clear { subject, .. }) => clear(context, subject).await,
    }
}

async fn clear(context: &mut Context, subject: Option<String>) -> Result<(), Failure> {
    let clear = async |client: &mut AdminClient| client.clear_throttle(subject.clone()).await;
    let lanes = context.console.change(vestryctl("throttle"), clear).await?;
    let done = format!("lanes that were opened: {lanes}");
    let told = if context.form.asked().is_some() {
        let subject = subject.as_deref().unwrap_or("everything");
        let lanes = Cell::Integer(i64::try_from(lanes).unwrap_or(i64::MAX));
        Record::new(vec![("cleared", text(subject)), ("lanes", lanes)]).write(context.output, context.form)
    } else {
        match lanes {
            0 => context.output.line(format_args!("nothing was throttled there")),
            1 => context.output.line(format_args!("1 lane is open again")),
            many => context.output.line(format_args!("{many} lanes are open again")),
        }
    };
    told.map_err(|failure| failure.after(done, None))
}
