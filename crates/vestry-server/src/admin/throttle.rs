//! Opening lanes that failed too often, for somebody who waits in front of the operator.

use crate::audit::act;
use crate::failure::Failure;
use crate::operators::operator::Operator;
use crate::operators::operator::act;
use crate::server::Server;
use vestry_protocol::admin::AdminReply;
use vestry_protocol::fields::{Field, FieldError, Username};
use vestry_store::Party;

/// A name as it is typed, a prefix as the view `throttle` shows it, or everything.
pub(super) async fn clear(
    server: &Server,
    operator: &Operator,
    subject: Option<String>,
) -> Result<AdminReply, Failure> {
    let cleared = subject.map_or(Ok(Cleared::Everything), Cleared::parse)?;
    let (names, now) = (server.names.clone(), server.clock.now());
    let lanes = act(server, operator, move |tx, by| {
        let note = |subject| by.as_actor().note(tx, now, act::ThrottleCleared, subject, "");
        Ok(match &cleared {
            Cleared::Everything => tx.clear_throttle(&note(Party::Text("everything"))?, None)?,
            Cleared::Prefix(prefix) => tx.clear_throttle(&note(Party::Text(prefix))?, Some(prefix))?,
            Cleared::Name(name) => {
                let target = names.look_up(tx, name.as_str(), now)?.target();
                tx.clear_throttle(&note(target.as_party())?, Some(name.as_str()))?
            }
        })
    })
    .await?;
    Ok(AdminReply::ThrottleCleared { lanes })
}

/// Whose lanes are cleared.
enum Cleared {
    Everything,
    /// Of an address or a network.
    Prefix(String),
    /// Of an account, or of a name without one.
    Name(Username),
}

impl Cleared {
    fn parse(subject: String) -> Result<Self, FieldError> {
        let is_prefix = |(address, bits): (&str, &str)| {
            address.parse::<std::net::IpAddr>().is_ok() && matches!(bits, "24" | "32" | "48" | "64")
        };
        if subject.split_once('/').is_some_and(is_prefix) {
            return Ok(Self::Prefix(subject));
        }
        Username::parse(&subject).map(Self::Name).map_err(|_| {
            let rule = "use a name, or a prefix as the table shows it, such as 192.0.2.0/24".to_owned();
            FieldError { field: Field::Subject, rule }
        })
    }
}
