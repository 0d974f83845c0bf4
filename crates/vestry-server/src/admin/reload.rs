//! Settings and certificates are read again because an operator says so.

use crate::failure::Failure;
use crate::operators::operator::Operator;
use crate::operators::operator::act;
use crate::reload::{ReloadError, Reread};
use crate::server::Server;
use vestry_protocol::admin::AdminReply;

pub(super) async fn reload(server: &Server, operator: &Operator) -> Result<AdminReply, Failure> {
    let _alone = server.reloading.lock().await;
    let reread = match Reread::of(server) {
        Ok(reread) => reread,
        Err(ReloadError::Failure(failure)) => return Err(failure),
        Err(unusable) => {
            tracing::warn!("the reload failed; settings and certificates stay as they were: {unusable}");
            return Ok(AdminReply::SettingsKept(unusable.to_string()));
        }
    };
    let (record, now) = (reread.record(), server.clock.now());
    act(server, operator, move |tx, by| record.write(tx, &by.as_actor(), now)).await?;
    let changes = reread.put_in_force(server);
    server.look_at_the_certificate();
    Ok(AdminReply::SettingsRead(changes))
}
