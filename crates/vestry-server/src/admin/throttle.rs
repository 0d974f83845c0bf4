//! Opening lanes that failed too often, for somebody who waits in front of the operator.

use super::Operator;
use super::accounts::act;
use crate::audit::Action;
use crate::failure::Failure;
use crate::server::Server;
use vestry_protocol::admin::AdminReply;
use vestry_protocol::fields::{Field, FieldError, Username};

/// A name as it is typed, a prefix as the view `throttle` shows it, or everything.
pub(super) async fn clear(
    server: &Server,
    operator: &Operator,
    subject: Option<String>,
) -> Result<AdminReply, Failure> {
    let subject = subject.map(canonical).transpose()?;
    let now = server.clock.now();
    let lanes = act(server, operator, move |tx, by| {
        let shown = subject.as_deref().unwrap_or("everything");
        let noted = by.as_actor().note(tx, now, Action::ThrottleCleared, shown, "")?;
        Ok(tx.clear_throttle(&noted, subject.as_deref())?)
    })
    .await?;
    Ok(AdminReply::ThrottleCleared { lanes })
}

fn canonical(subject: String) -> Result<String, FieldError> {
    let is_prefix = |(address, bits): (&str, &str)| {
        address.parse::<std::net::IpAddr>().is_ok() && matches!(bits, "24" | "32" | "48" | "64")
    };
    if subject.split_once('/').is_some_and(is_prefix) {
        return Ok(subject);
    }
    match Username::parse(&subject) {
        Ok(name) => Ok(name.to_string()),
        Err(_) => {
            let rule = "use a name, or a prefix as the table shows it, such as 192.0.2.0/24".to_owned();
            Err(FieldError { field: Field::Subject, rule })
        }
    }
}
