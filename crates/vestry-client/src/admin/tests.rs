//! Typed calls against a server that answers as each test says.

use super::*;
use crate::wire::tests::{Server, meet, pki, send};
use tokio::io::AsyncReadExt;
use vestry_protocol::admin::{Cell, RowsEnd};
use vestry_protocol::codec::encode;
use vestry_protocol::greeting::Greeting;
use vestry_protocol::import::BadRow;
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::{Reply, USER_ALPN};
use vestry_tls::Trust;
use vestry_tls::config::user_client;

/// Runs calls against a server that gives these answers, some a request. The TLS is that of the user port, which is the same
/// to what is tested here.
async fn with_answers<T>(answers: Vec<Vec<AdminReply>>, calls: impl AsyncFnOnce(&mut AdminClient) -> T) -> T {
    let pki = pki();
    let serve = async |mut stream: Server| {
        let mut greeting = Some(Reply { id: 0, body: AdminReply::Greeting(Greeting::of_this_version()) });
        for (id, answers) in (1..).zip(answers) {
            let Ok(length) = stream.read_u32().await else { return };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut payload).await.unwrap();
            let answers = answers.into_iter().map(|body| Reply { id, body });
            for reply in greeting.take().into_iter().chain(answers) {
                send(&mut stream, &encode(&reply).unwrap()).await;
            }
        }
    };
    let call = async |port| {
        let tls = user_client(&Trust::Pin(pki.pin)).unwrap();
        let wire = Wire::connect("127.0.0.1", port, tls, USER_ALPN).await.unwrap();
        calls(&mut AdminClient(Connection::over(wire))).await
    };
    meet(Arc::clone(&pki.server), serve, call).await
}

fn columns() -> AdminReply {
    AdminReply::Columns(vec!["name".to_owned()])
}

fn rows(numbers: &[i64]) -> AdminReply {
    AdminReply::Rows(numbers.iter().map(|number| vec![Cell::Integer(*number)]).collect())
}

fn end(rows: u64) -> AdminReply {
    AdminReply::RowsEnd(RowsEnd { rows, elapsed_us: 7, next: Some("x".to_owned()) })
}

fn refusal() -> AdminReply {
    AdminReply::Refused(Refusal::new(RefusalCode::QueryLimit, ""))
}

#[tokio::test]
async fn rows_come_one_at_a_time_and_their_end_says_where_to_go_on() {
    let answers = vec![vec![columns(), rows(&[1, 2]), rows(&[]), rows(&[3]), end(3)], vec![refusal()]];
    with_answers(answers, async |client| {
        let mut rows = client.query("select name from accounts").await.unwrap();
        assert_eq!(rows.columns(), ["name"]);
        for number in 1..=3 {
            assert_eq!(rows.next().await.unwrap(), Some(vec![Cell::Integer(number)]));
            assert_eq!(rows.end(), None);
        }
        assert_eq!((rows.next().await.unwrap(), rows.next().await.unwrap()), (None, None));
        assert_eq!(rows.end().and_then(|end| end.next.as_deref()), Some("x"));
        assert!(client.is_usable());
        assert!(matches!(client.status().await, Err(AdminError::Refused(_))));
        assert!(client.is_usable());
    })
    .await;
}

#[tokio::test]
async fn rows_that_break_off_say_why_and_the_connection_is_kept() {
    with_answers(vec![vec![columns(), rows(&[1]), refusal()]], async |client| {
        let mut rows = client.query("select name from accounts").await.unwrap();
        assert!(rows.next().await.unwrap().is_some());
        assert!(matches!(rows.next().await, Err(AdminError::Refused(_))));
        assert!(client.is_usable());
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_before_its_end_leaves_a_connection_that_cannot_be_used() {
    with_answers(vec![vec![columns(), rows(&[1, 2])]], async |client| {
        let mut rows = client.query("select name from accounts").await.unwrap();
        assert!(rows.next().await.unwrap().is_some());
        assert!(!client.is_usable());
    })
    .await;
    with_answers(vec![vec![AdminReply::BackupChunk(vec![1])]], async |client| {
        let mut backup = client.back_up().await.unwrap();
        assert_eq!((backup.next().await.unwrap(), backup.bytes()), (Some(vec![1]), 1));
        assert!(!client.is_usable());
    })
    .await;
    with_answers(vec![vec![AdminReply::ImportStarted]], async |client| {
        assert!(client.start_import::<()>().await.is_ok());
        assert!(!client.is_usable());
    })
    .await;
}

#[tokio::test]
async fn rows_that_fit_neither_their_header_nor_their_count_are_not_taken() {
    let wide = AdminReply::Rows(vec![vec![Cell::Null, Cell::Null]]);
    for answers in [vec![columns(), wide], vec![columns(), end(1)], vec![columns(), columns()]] {
        with_answers(vec![answers], async |client| {
            let mut rows = client.query("select name from accounts").await.unwrap();
            assert!(matches!(rows.next().await, Err(AdminError::UnexpectedReply)));
            assert!(!client.is_usable());
        })
        .await;
    }
}

#[tokio::test]
async fn the_batches_of_an_import_go_out_before_the_first_is_judged() {
    let judged = |line| vec![AdminReply::RowsJudged(vec![BadRow { line, reason: String::new() }])];
    let finished = AdminReply::ImportFinished { accounts: 2, with_password: 1, elapsed_us: 0 };
    let mut answers = vec![vec![AdminReply::ImportStarted]];
    answers.extend((1..=4).map(judged));
    answers.push(vec![AdminReply::ImportContinues { accounts: 1 }, finished]);
    with_answers(answers, async |client| {
        let mut import = client.start_import().await.unwrap();
        for memo in 1..=3 {
            assert_eq!(import.send(Vec::new(), memo).await.unwrap(), None);
        }
        let mut verdicts = vec![import.send(Vec::new(), 4).await.unwrap().unwrap()];
        while let Some(verdict) = import.receive_verdict().await.unwrap() {
            verdicts.push(verdict);
        }
        let lines: Vec<(u64, u64)> = verdicts.iter().map(|(memo, bad)| (*memo, bad[0].line)).collect();
        assert_eq!(lines, [(1, 1), (2, 2), (3, 3), (4, 4)]);
        let mut heard = Vec::new();
        let imported = import.finish(2, |made| heard.push(made)).await.unwrap();
        assert_eq!((imported.accounts, imported.with_password, heard), (2, 1, vec![1]));
        assert!(client.is_usable());
    })
    .await;
}
