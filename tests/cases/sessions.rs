//! Sessions: what they stand for, and everything that ends them.

use vestry_protocol::UnixSeconds;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::item::Open;
use vestry_protocol::refusal::{Detail, RefusalCode, SessionEnd};
use vestry_protocol::secret::SessionToken;
use vestry_protocol::user::{Profile, UserCall, UserReply};
use vestry_tests::harness::{
    OTHER_PASSWORD, PASSWORD, Server, UserWire, how_many_won, imported_login, refusal_of, token_again,
};
use vestry_tests::imported::import;
use vestry_tests::light::{
    Halfway, change_password, finish_login, log_in, prove, prove_and, reset, seal, set_new_password,
};
use vestry_tests::talk::{Refusable, User, logged_in};

async fn resume(server: &Server, token: &SessionToken) -> UserReply {
    server.connect().await.call(UserCall::ResumeSession { token: token_again(token) }).await.unwrap()
}

#[tokio::test]
async fn a_session_goes_on_over_connections_and_restarts() {
    let server = Server::start();
    server.register("naman").await;
    let (_, session) = server.log_in("naman", PASSWORD).await;
    assert!(matches!(resume(&server, &session.token).await, UserReply::SessionResumed { .. }));
    let server = Server::start_in(server.stop());
    assert!(matches!(resume(&server, &session.token).await, UserReply::SessionResumed { .. }));
}

/// Why the session of a connection, and of a token on a new one, is said to have ended.
async fn told_why(server: &Server, wire: &mut UserWire, token: &SessionToken) -> Option<SessionEnd> {
    let shown = wire.ask(UserCall::ShowAccount).await.reply;
    let mut told = [shown, resume(server, token).await].map(|reply| match reply {
        UserReply::Refused(refusal) if refusal.is(RefusalCode::SessionEnded) => refusal.detail(),
        other => panic!("{other:?}"),
    });
    assert_eq!(told[0], told[1], "the session and its token are told different things");
    match told[0].take() {
        Some(Detail::Ended(end)) => end.as_ref().and_then(Open::known).copied(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn whoever_has_lost_a_session_is_told_why() {
    let server = Server::start();
    server.register("naman").await;
    let name = || "naman".to_owned();
    let id = async || server.select("select id from sessions order by id limit 1").await.remove(0).remove(0);
    let number = |id: String| u64::from_str_radix(&id, 16).unwrap();
    // By the user, on another device: all of them, or this one.
    let (mut lost, session) = server.log_in("naman", PASSWORD).await;
    server.log_in("naman", PASSWORD).await.0.log_out(true).await;
    assert_eq!(told_why(&server, &mut lost, &session.token).await, Some(SessionEnd::LoggedOut));
    let (mut lost, session) = server.log_in("naman", PASSWORD).await;
    let revoke = UserCall::RevokeSession { id: number(id().await) };
    server.log_in("naman", PASSWORD).await.0.call(revoke).await.unwrap();
    assert_eq!(told_why(&server, &mut lost, &session.token).await, Some(SessionEnd::LoggedOut));
    // By a new password.
    let (mut lost, session) = server.log_in("naman", PASSWORD).await;
    let (mut other, _) = server.log_in("naman", PASSWORD).await;
    let changed = change_password(&mut other, PASSWORD, OTHER_PASSWORD).await;
    assert!(matches!(changed, UserReply::PasswordChanged(_)));
    assert_eq!(told_why(&server, &mut lost, &session.token).await, Some(SessionEnd::PasswordChanged));
    // By an operator: this one, or the account.
    other.log_out(true).await;
    let (mut lost, session) = server.log_in("naman", OTHER_PASSWORD).await;
    server.operate(AdminCall::RevokeSession { id: number(id().await) }).await;
    assert_eq!(told_why(&server, &mut lost, &session.token).await, Some(SessionEnd::Revoked));
    let (mut lost, session) = server.log_in("naman", OTHER_PASSWORD).await;
    server.operate(AdminCall::SuspendAccount { name: name(), until: None, reason: None }).await;
    assert_eq!(told_why(&server, &mut lost, &session.token).await, Some(SessionEnd::Suspended));
    server.operate(AdminCall::ResumeAccount { name: name() }).await;
    let (mut lost, session) = server.log_in("naman", OTHER_PASSWORD).await;
    server.operate(AdminCall::DeleteAccount { name: name() }).await;
    assert_eq!(told_why(&server, &mut lost, &session.token).await, Some(SessionEnd::Deleted));
    server.operate(AdminCall::RestoreAccount { name: name() }).await;
    // By too many others. A token that never was one is told nothing.
    let (mut lost, session) = server.log_in("naman", OTHER_PASSWORD).await;
    for _ in 0..32 {
        server.log_in("naman", OTHER_PASSWORD).await;
    }
    assert_eq!(told_why(&server, &mut lost, &session.token).await, Some(SessionEnd::Displaced));
    let UserReply::Refused(refusal) = resume(&server, &SessionToken::from_bytes([7; 32])).await else {
        panic!("a token that was made up opened something")
    };
    assert_eq!(refusal.detail(), Some(Detail::Ended(None)));
}

#[tokio::test]
async fn sec_0005_each_login_gets_a_token_of_its_own_and_a_made_up_one_opens_nothing() {
    let server = Server::start();
    server.register("naman").await;
    let (_, one) = server.log_in("naman", PASSWORD).await;
    let (_, other) = server.log_in("naman", PASSWORD).await;
    assert_ne!(one.token.expose_secret(), other.token.expose_secret());
    let mut changed = *one.token.expose_secret();
    changed[31] ^= 1;
    for made_up in [[0; 32], changed] {
        let refused = refusal_of(resume(&server, &SessionToken::from_bytes(made_up)).await);
        assert_eq!(refused, RefusalCode::SessionEnded);
    }
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_one_by_one() {
    let server = Server::start();
    server.register("naman").await;
    server.register("anirudh").await;
    let (mut lost, _) = server.log_in("naman", PASSWORD).await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let (mut stranger, _) = server.log_in("anirudh", PASSWORD).await;
    let mine = wire.sessions().await;
    assert_eq!((mine.len(), mine.iter().filter(|session| session.current).count()), (2, 1));
    let target = mine.iter().find(|session| !session.current).unwrap().id;
    stranger.ask(UserCall::RevokeSession { id: target }).await.expect_refusal(RefusalCode::NotFound);
    lost.show().await;
    wire.call(UserCall::RevokeSession { id: target }).await.unwrap();
    lost.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
    wire.ask(UserCall::RevokeSession { id: target }).await.expect_refusal(RefusalCode::NotFound);
}

#[tokio::test]
async fn logging_out_everywhere_ends_every_session() {
    let server = Server::start();
    server.register("naman").await;
    let (mut other, _) = server.log_in("naman", PASSWORD).await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let out = wire.call(UserCall::LogOut { everywhere: true }).await.unwrap();
    assert!(matches!(out, UserReply::LoggedOut { sessions_ended: 2 }));
    other.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
}

#[tokio::test]
async fn an_account_has_so_many_sessions_and_a_new_one_always_finds_room() {
    let server = Server::start();
    server.register("naman").await;
    for _ in 0..32 {
        server.log_in("naman", PASSWORD).await;
    }
    let (_, newest) = server.log_in("naman", PASSWORD).await;
    assert!(matches!(resume(&server, &newest.token).await, UserReply::SessionResumed { .. }));
    assert_eq!(server.select("select count(*) from sessions").await, [["32"]]);
}

#[tokio::test]
async fn sec_0006_suspension_deletion_and_revocation_bite_on_the_next_request() {
    let server = Server::start();
    let name = || "naman".to_owned();
    server.register("naman").await;
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    server.operate(AdminCall::SuspendAccount { name: name(), until: None, reason: None }).await;
    wire.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
    server.operate(AdminCall::ResumeAccount { name: name() }).await;
    resume(&server, &session.token).await.expect_refusal(RefusalCode::SessionEnded);

    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    server.operate(AdminCall::DeleteAccount { name: name() }).await;
    wire.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
    server.operate(AdminCall::RestoreAccount { name: name() }).await;

    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let id = server.select("select id from sessions").await[0][0].clone();
    let id = u64::from_str_radix(&id, 16).unwrap();
    assert!(matches!(server.operate(AdminCall::RevokeSession { id }).await, AdminReply::SessionRevoked));
    wire.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
}

/// The paths: a login, a login with an imported password, and a new password. Each is also cut where its account changes
/// between its halves. Resuming opens none, and is refused in every state but active.
#[tokio::test]
async fn sec_0007_every_path_that_opens_a_session_checks_every_state_of_the_account() {
    for state in ["suspended", "deleted"] {
        let server = Server::start_with("hashing.imported_login_ms = 500");
        server.register("naman").await;
        import(&server, &[("imported", PASSWORD)]).await;
        let (mut open, session) = server.log_in("naman", PASSWORD).await;
        let (mut changing, _) = server.log_in("naman", PASSWORD).await;
        assert!(matches!(prove(&mut changing, PASSWORD).await, UserReply::PasswordProven));
        let start = |request| UserCall::StartNewPassword { request };
        let envelope = seal(&mut changing, OTHER_PASSWORD, start).await.unwrap();
        let mut entering = server.connect().await;
        let ke3 = Halfway::login(&mut entering, "naman", PASSWORD).await.ke3(&entering).unwrap();
        for name in ["naman", "imported"] {
            let (name, reason) = (name.to_owned(), Some("a test".to_owned()));
            let call = match state {
                "suspended" => AdminCall::SuspendAccount { name, until: None, reason },
                _ => AdminCall::DeleteAccount { name },
            };
            assert!(matches!(server.operate(call).await, AdminReply::AccountChanged(_)), "{state}");
        }
        let told = if state == "suspended" { RefusalCode::Suspended } else { RefusalCode::WrongCredentials };
        let changed = changing.call(UserCall::FinishNewPassword { envelope }).await.unwrap();
        assert_eq!(refusal_of(changed), RefusalCode::SessionEnded, "{state}");
        let changed = change_password(&mut open, PASSWORD, OTHER_PASSWORD).await;
        assert_eq!(refusal_of(changed), RefusalCode::SessionEnded, "{state}");
        assert_eq!(refusal_of(resume(&server, &session.token).await), RefusalCode::SessionEnded, "{state}");
        assert_eq!(refusal_of(entering.call(finish_login(ke3)).await.unwrap()), told, "{state}");
        assert!(server.refused_login("naman", PASSWORD).await.is(told), "{state}");
        let imported = server.connect().await.call(imported_login("imported", PASSWORD)).await.unwrap();
        assert_eq!(refusal_of(imported), told, "{state}");
        assert_eq!(server.select("select count(*) from sessions").await, [["0"]], "{state}");
        let kinds = server.select("select credential from accounts order by name").await;
        assert_eq!(kinds, [["imported"], ["opaque"]], "{state}: a refused login sealed a password");
        // What was refused in one state is refused in the next, too: nothing of it was kept.
        for name in ["naman", "imported"] {
            let name = name.to_owned();
            let call = match state {
                "suspended" => AdminCall::ResumeAccount { name },
                _ => AdminCall::RestoreAccount { name },
            };
            assert!(matches!(server.operate(call).await, AdminReply::AccountChanged(_)), "{state}");
        }
        assert_eq!(refusal_of(resume(&server, &session.token).await), RefusalCode::SessionEnded, "{state}");
        for wire in [&mut open, &mut changing, &mut entering] {
            let code = refusal_of(wire.ask(UserCall::ShowAccount).await);
            assert!(
                [RefusalCode::NotLoggedIn, RefusalCode::SessionEnded].contains(&code),
                "{state}: {code:?}"
            );
        }
        server.log_in("naman", PASSWORD).await;
        let imported = server.connect().await.call(imported_login("imported", PASSWORD)).await.unwrap();
        assert!(matches!(imported, UserReply::LoggedIn(_)), "{state}: {imported:?}");
    }
    // An account without a password opens by neither way, whatever is offered.
    let server = Server::start_with("hashing.imported_login_ms = 500");
    let invited = AdminCall::CreateAccount { name: "invited".to_owned(), profile: Profile::default() };
    server.operate(invited).await;
    assert!(server.refused_login("invited", PASSWORD).await.is(RefusalCode::WrongCredentials));
    server
        .connect()
        .await
        .ask(imported_login("invited", PASSWORD))
        .await
        .expect_refusal(RefusalCode::WrongCredentials);
    assert_eq!(server.select("select count(*) from sessions").await, [["0"]]);
}

#[tokio::test]
async fn a_suspension_says_until_when_and_why_only_after_the_right_password() {
    let server = Server::start();
    server.register("naman").await;
    let suspend = AdminCall::SuspendAccount {
        name: "naman".to_owned(),
        until: Some(UnixSeconds::from_seconds(4_102_444_800)),
        reason: Some("rent is due".to_owned()),
    };
    server.operate(suspend).await;
    assert!(server.refused_login("naman", OTHER_PASSWORD).await.is(RefusalCode::WrongCredentials));
    let refusal = server.refused_login("naman", PASSWORD).await;
    assert!(refusal.message.ends_with("until 2100-01-01T00:00:00Z: rent is due"), "{refusal:?}");
}

#[tokio::test]
async fn sec_0008_a_second_login_on_one_connection_is_the_second_person_and_never_a_mix() {
    let server = Server::start();
    server.register("naman").await;
    server.register("anirudh").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    log_in(&mut wire, "anirudh", OTHER_PASSWORD).await.expect_refusal(RefusalCode::WrongCredentials);
    let still = wire.show().await;
    assert_eq!(still.name, "naman");
    // What the first person proved is not the second's.
    assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
    logged_in(log_in(&mut wire, "anirudh", PASSWORD).await);
    wire.ask(UserCall::DeleteAccount).await.expect_refusal(RefusalCode::NotProven);
    let now = wire.show().await;
    assert_eq!(now.name, "anirudh");
}

#[tokio::test]
async fn a_token_that_does_not_resume_leaves_the_session_that_is_there() {
    let server = Server::start();
    server.register("naman").await;
    let (mut wire, _) = server.log_in("naman", PASSWORD).await;
    let made_up = UserCall::ResumeSession { token: SessionToken::from_bytes([7; 32]) };
    wire.ask(made_up).await.expect_refusal(RefusalCode::SessionEnded);
    wire.show().await;
}

#[tokio::test]
async fn a_one_time_code_sets_a_password_once_and_ends_the_sessions() {
    let server = Server::start();
    server.register("naman").await;
    let (mut open, _) = server.log_in("naman", PASSWORD).await;
    let code = server.issue_code("naman").await;
    // Until it is redeemed, nothing changes for the user.
    open.show().await;
    let mut wire = server.connect().await;
    for (name, tried) in [
        ("naman", "00000-00000-00000-00000"),
        ("nobody", code.expose_secret()),
        ("not a name!", code.expose_secret()),
    ] {
        let refused = refusal_of(reset(&mut wire, name, tried, OTHER_PASSWORD).await);
        assert_eq!(refused, RefusalCode::WrongCode, "{name}");
    }
    let typed = code.expose_secret().to_lowercase().replace('-', " ");
    let done = reset(&mut wire, "naman", &typed, OTHER_PASSWORD).await;
    let UserReply::PasswordReset { name, code: issued } = done else { panic!("{done:?}") };
    assert_eq!((name.as_str(), issued.by.as_str()), ("naman", "admin"));
    reset(&mut wire, "naman", code.expose_secret(), PASSWORD).await.expect_refusal(RefusalCode::CodeUsed);
    open.ask(UserCall::ShowAccount).await.expect_refusal(RefusalCode::SessionEnded);
    let (mut wire, _) = server.log_in("naman", OTHER_PASSWORD).await;
    let shown = wire.call(UserCall::ShowNotices).await.unwrap();
    let UserReply::NoticesShown(notices) = shown else { panic!("{shown:?}") };
    assert_eq!(notices.password_set_with_code.map(|set| set.issued), Some(issued));
    // A password of one's own choice ends that.
    assert!(matches!(
        change_password(&mut wire, OTHER_PASSWORD, PASSWORD).await,
        UserReply::PasswordChanged(_)
    ));
    let shown = wire.call(UserCall::ShowNotices).await.unwrap();
    let UserReply::NoticesShown(notices) = shown else { panic!("{shown:?}") };
    assert_eq!(notices.password_set_with_code, None);
}

#[tokio::test]
async fn sec_0009_one_code_is_won_once_however_many_redeem_it_at_once() {
    let server = std::sync::Arc::new(Server::start());
    server.register("naman").await;
    let code = server.issue_code("naman").await.expose_secret().to_owned();
    // They wait for one another, so that every second half comes while the code is there.
    let there = std::sync::Arc::new(tokio::sync::Barrier::new(32));
    let tries: Vec<_> = (0..32)
        .map(|number| {
            let (server, code, there) = (server.clone(), code.clone(), there.clone());
            tokio::spawn(async move {
                let (mut wire, new) = (server.connect().await, format!("password of racer number {number}"));
                let start = |request| UserCall::StartReset {
                    name: "naman".to_owned(),
                    code: vestry_tests::harness::secret(&code),
                    request,
                };
                let sealed = seal(&mut wire, &new, start).await;
                there.wait().await;
                let envelope = match sealed {
                    Ok(envelope) => envelope,
                    Err(refused) => {
                        assert_eq!(
                            refusal_of(refused),
                            RefusalCode::CodeSpent,
                            "a code is evaluated three times"
                        );
                        return false;
                    }
                };
                match wire.call(UserCall::FinishReset { envelope }).await.unwrap() {
                    UserReply::PasswordReset { .. } => true,
                    other => {
                        other.expect_refusal(RefusalCode::CodeUsed);
                        false
                    }
                }
            })
        })
        .collect();
    assert_eq!(how_many_won(tries).await, 1);
    let events = "select action, count(*) from audit where action like '%reset%' group by 1 order by 1";
    let expected = [["password.reset", "1"], ["reset.issued", "1"], ["reset.started", "3"]];
    assert_eq!(server.select(events).await, expected);
}

#[tokio::test]
async fn sec_0010_the_database_holds_no_token_no_code_and_no_password() {
    let server = Server::start_with("hashing.imported_login_ms = 500");
    server.register("naman").await;
    import(&server, &[("shubham", OTHER_PASSWORD), ("waiting", OTHER_PASSWORD)]).await;
    let (mut wire, session) = server.log_in("naman", PASSWORD).await;
    let token = wire.remember().await;
    let entered = server.connect().await.call(imported_login("shubham", OTHER_PASSWORD)).await.unwrap();
    assert!(matches!(entered, UserReply::LoggedIn(_)), "{entered:?}");
    let code = server.issue_code("naman").await;
    let folder = server.stop();
    let mut bytes = Vec::new();
    for file in ["vestry.db", "vestry.db-wal"] {
        bytes.extend(std::fs::read(folder.path().join(file)).unwrap_or_default());
    }
    let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
    assert!(holds(b"naman"), "the test looks at the wrong file");
    assert!(!holds(session.token.expose_secret()));
    assert!(!holds(token.expose_secret()));
    assert!(!holds(code.expose_secret().as_bytes()));
    assert!(!holds(code.expose_secret().replace('-', "").as_bytes()));
    assert!(!holds(PASSWORD.as_bytes()) && !holds(OTHER_PASSWORD.as_bytes()));
    assert!(!holds(b"$argon2id$"), "an imported hash is not sealed");
}

#[tokio::test]
async fn a_proof_and_a_first_half_end_with_the_session_that_they_are_of() {
    let server = Server::start();
    server.register("naman").await;
    for everywhere in [false, true] {
        let (mut wire, _) = server.log_in("naman", PASSWORD).await;
        assert!(matches!(prove(&mut wire, PASSWORD).await, UserReply::PasswordProven));
        wire.call(UserCall::LogOut { everywhere }).await.unwrap();
        logged_in(log_in(&mut wire, "naman", PASSWORD).await);
        set_new_password(&mut wire, OTHER_PASSWORD).await.expect_refusal(RefusalCode::NotProven);
        prove_and(&mut wire, OTHER_PASSWORD, UserCall::DeleteAccount)
            .await
            .expect_refusal(RefusalCode::WrongCredentials);
    }
    server.log_in("naman", PASSWORD).await;
}

/// However busy it is; whoever has logged in stays.
#[tokio::test]
async fn a_connection_without_a_login_ends_after_its_time() {
    let server = Server::start_with("connections.secs_max_before_login = 1");
    server.register("naman").await;
    let (mut user, _) = server.log_in("naman", PASSWORD).await;
    let mut stranger = server.connect().await;
    while stranger.call(UserCall::DescribeServer).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    user.show().await;
    // The time is that of the connection, and not of what it did last.
    assert!(matches!(
        user.call(UserCall::LogOut { everywhere: false }).await.unwrap(),
        UserReply::LoggedOut { .. }
    ));
    while user.call(UserCall::DescribeServer).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
