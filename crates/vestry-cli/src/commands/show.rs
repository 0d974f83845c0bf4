//! `vestry show`: what is stored about oneself.

use super::fields::{AccountJson, account_text};
use crate::context::Context;
use crate::failure::Failure;
use crate::session::Session;

pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::of(context)?;
    let account = session.read(async |client| client.show().await).await?;
    context.output.answer(&AccountJson::of(&account), account_text(&account))
}
