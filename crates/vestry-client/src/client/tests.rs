//! Typed calls against a server that answers as each test says.

use super::*;
use crate::wire::tests::{Server, meet, pki, read_request, send};
use std::sync::atomic::{AtomicU32, Ordering};
use vestry_protocol::codec::encode;
use vestry_protocol::fields::Field;
use vestry_protocol::refusal::{Detail, Refusal};
use vestry_protocol::{Reply, UnixSeconds};
use vestry_tls::Trust;
use vestry_tls::config::user_client;

/// Asks for the sessions of a server that gives these answers, one a request, and counts the requests it got.
async fn ask(answers: Vec<UserReply>, patience: Patience) -> (Result<Vec<Session>, CallError>, u32) {
    let pki = pki();
    let asked = AtomicU32::new(0);
    let serve = async |mut stream: Server| {
        for body in answers {
            let id = read_request(&mut stream).await;
            asked.fetch_add(1, Ordering::Relaxed);
            send(&mut stream, &encode(&Reply { id, body }).unwrap()).await;
        }
    };
    let call = async |port| {
        let address = Address::new("127.0.0.1", port).unwrap();
        let tls = user_client(&Trust::Pin(pki.pin)).unwrap();
        let client = Client::connect(&address, tls).await.unwrap();
        client.with_patience(patience).sessions().await
    };
    let done = meet(Arc::clone(&pki.server), serve, call).await;
    (done, asked.into_inner())
}

fn busy() -> UserReply {
    UserReply::Refused(Refusal { retry_after_ms: Some(1), ..Refusal::new(RefusalCode::Busy, "busy") })
}

#[tokio::test]
async fn a_busy_server_is_asked_again_as_often_as_patience_allows() {
    let three = || Box::new(|wait: &Wait| wait.tries <= 3);
    let (done, asked) =
        ask(vec![busy(), busy(), busy(), UserReply::SessionsListed(Vec::new())], three()).await;
    assert!(done.unwrap().is_empty());
    assert_eq!(asked, 4);
    let (done, asked) = ask(vec![busy(), busy(), busy(), busy()], three()).await;
    assert!(done.unwrap_err().is_refusal(RefusalCode::Busy));
    assert_eq!(asked, 4);
}

#[tokio::test]
async fn patience_is_told_how_long_the_server_wants_to_wait_and_why() {
    for (code, is_throttled) in [(RefusalCode::Busy, false), (RefusalCode::Throttled, true)] {
        let refusal = Refusal { retry_after_ms: Some(1), ..Refusal::new(code, "") };
        let asks = || UserReply::Refused(refusal.clone());
        let patience = Box::new(move |wait: &Wait| {
            let ms = Duration::from_millis;
            let waited = ms(u64::from(wait.tries) - 1);
            assert_eq!(*wait, Wait { tries: wait.tries, wait: ms(1), waited, is_throttled });
            wait.tries < 2
        });
        assert_eq!(ask(vec![asks(), asks()], patience).await.1, 2);
    }
}

/// A refusal with whatever its code says beside its number.
fn whole(code: RefusalCode) -> Refusal {
    let detail = match code {
        RefusalCode::BadField => Detail::Field(Field::Name.into()),
        RefusalCode::SessionEnded => Detail::Ended(None),
        RefusalCode::Suspended => Detail::Suspended { until: None, reason: None },
        RefusalCode::CodeUsed => Detail::UsedAt(UnixSeconds::from_seconds(7)),
        _ => return Refusal::new(code, "no"),
    };
    Refusal::new(code, "no").with(&detail)
}

#[tokio::test]
async fn any_other_refusal_is_not_repeated() {
    let asks_for_time = [RefusalCode::Busy, RefusalCode::Throttled];
    for code in RefusalCode::ALL.into_iter().filter(|code| !asks_for_time.contains(code)) {
        let refused = UserReply::Refused(whole(code));
        let (done, asked) = ask(vec![refused], Box::new(|_| true)).await;
        assert!(done.unwrap_err().is_refusal(code));
        assert_eq!(asked, 1, "{code:?}");
    }
}

#[tokio::test]
async fn an_answer_to_another_call_is_not_taken() {
    let (done, _) = ask(vec![UserReply::SessionRevoked], Box::new(|_| true)).await;
    assert!(matches!(done, Err(CallError::UnexpectedReply)));
}
