//! `vestry show`: what is stored about oneself.

use super::fields::{AccountJson, account_text};
use crate::context::Context;
use crate::failure::Failure;
use crate::session_link::SessionLink;

pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    let account = session.read(async |client| client.show().await).await?;
    context.output.answer(&AccountJson::of(&account), account_text(&account))
}
