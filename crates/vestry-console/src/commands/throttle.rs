//! Who is throttled after failed attempts: the list, and letting somebody try again.

use crate::cli::ThrottleAct;
use crate::context::Context;
use crate::failure::{Failure, Said};
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
    let cleared = context.console.change(vestryctl("throttle"), clear).await?;
    let write = |lanes: &u64| match (context.form.asked(), lanes) {
        (Some(_), lanes) => {
            let subject = subject.as_deref().unwrap_or("everything");
            let lanes = Cell::Integer(i64::try_from(*lanes).unwrap_or(i64::MAX));
            Record::new(vec![("cleared", text(subject)), ("lanes", lanes)])
                .write(context.output, context.form)
        }
        (None, 0) => context.output.line(format_args!("nothing was throttled there")),
        (None, 1) => context.output.line(format_args!("1 lane is open again")),
        (None, many) => context.output.line(format_args!("{many} lanes are open again")),
    };
    cleared.tell(|lanes| Said::of(format!("lanes that were opened: {lanes}")), write).map(drop)
}
