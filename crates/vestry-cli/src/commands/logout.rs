//! `vestry logout`: ends this session, or all of the account's, and forgets it here.

use crate::cli::LogoutArgs;
use crate::context::Context;
use crate::failure::Failure;
use crate::session_link::SessionLink;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct LoggedOutJson {
    sessions_ended: u64,
}

pub(super) async fn run(context: &mut Context, args: &LogoutArgs) -> Result<(), Failure> {
    let mut session = SessionLink::of(context)?;
    let look = "Run it again: a session that has ended already is no mistake.";
    let ended = match session.write(look, async |client| client.log_out(args.all).await).await {
        Ok(ended) => {
            session.end()?;
            ended
        }
        // Then it has ended, which is what was wanted; but all of them cannot be ended without one.
        Err(Failure::SessionEnded { .. }) if !args.all => 0,
        Err(failure) => return Err(failure),
    };
    let text = match ended {
        0 => "The session had ended already; it is forgotten here.".to_owned(),
        1 => "Logged out.".to_owned(),
        many => format!("Logged out; {many} sessions ended."),
    };
    context.output.answer(&LoggedOutJson { sessions_ended: ended }, text)
}
