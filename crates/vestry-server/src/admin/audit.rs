//! The check of the audit chain, a chunk at a time.

use crate::failure::Failure;
use crate::ports::connection::Ended;
use crate::ports::conversation::Replies;
use crate::server::Server;
use std::time::Duration;
use tokio::time::Instant;
use vestry_protocol::admin::AdminReply;
use vestry_protocol::audit::{AuditVerdict, Checkpoint};
use vestry_protocol::fields::{Field, FieldError};
use vestry_store::{StoreError, Verification};

/// A check of ten million events takes longer than a client waits for an answer.
const SIGN_OF_LIFE_PERIOD: Duration = Duration::from_secs(2);

/// Checks the whole chain, a chunk at a time.
pub(super) async fn verify(
    server: &Server,
    checkpoints: Vec<Checkpoint>,
    replies: &mut Replies<'_, AdminReply>,
) -> Result<(), Ended> {
    if let Some(bad) = checkpoints.iter().find(|checkpoint| !checkpoint.is_well_formed()) {
        let rule = format!("that of event {} needs 16 to 64 of 0-9 and a-f", bad.id);
        let failure = Failure::from(FieldError { field: Field::Checkpoints, rule });
        return replies.send(AdminReply::Refused(failure.into_refusal())).await;
    }
    let mut verification = Verification::new(server.store.chain().clone(), server.head.known(), checkpoints);
    let mut told = Instant::now();
    loop {
        match advance(server, verification).await {
            Ok((_, Some(verdict))) => {
                if let Some(fault) = &verdict.fault {
                    tracing::error!(%fault, "the audit is not as it was written");
                }
                return replies.send(AdminReply::AuditVerified(verdict)).await;
            }
            Ok((begun, None)) => verification = begun,
            Err(failure) => return replies.send(AdminReply::Refused(failure.into_refusal())).await,
        }
        if told.elapsed() >= SIGN_OF_LIFE_PERIOD {
            told = Instant::now();
            replies.send(AdminReply::AuditChecked { events: verification.events() }).await?;
            replies.flush().await?;
        }
    }
}

async fn advance(
    server: &Server,
    mut verification: Verification,
) -> Result<(Verification, Option<AuditVerdict>), Failure> {
    let read = server.store.read(move |tx| {
        let verdict = verification.advance(tx)?;
        Ok::<_, StoreError>((verification, verdict))
    });
    Ok(read.await?)
}
