//! `vestry show`: what is stored about oneself.

use super::fields::{AccountJson, account_text};
use crate::program::context::Context;
use crate::program::failure::Failure;
use crate::program::session::Session;

pub(super) async fn run(context: &mut Context) -> Result<(), Failure> {
    let mut session = Session::of(context)?;
    let account = session.read(async |client| client.show().await).await?;
    context.output.answer(&AccountJson::of(&account), account_text(&account))
}
