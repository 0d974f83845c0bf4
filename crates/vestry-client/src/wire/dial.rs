//! From a name to a connection: the name is looked up, then its addresses are tried side by side (RFC 8305, "Happy Eyeballs"),
//! so that one of them that swallows everything keeps nobody from the others.

use super::error::{self, Step, Unreachable, WireError};
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

/// For all of it, from the name to the end of the handshake.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// For each step of it: longer than the slowest network in use.
const STEP_TIMEOUT: Duration = Duration::from_secs(6);

/// Until the next address is tried beside those that have not answered (RFC 8305, section 8).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The time that is left for a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    pub(super) fn begin() -> Self {
        Self(Instant::now() + CONNECT_TIMEOUT)
    }

    fn of_step(self, now: Instant) -> Instant {
        self.0.min(now + STEP_TIMEOUT)
    }

    /// Does one step within its own time and what is left of the whole.
    pub(super) async fn step<T>(self, step: Step, work: impl Future<Output = T>) -> Result<T, WireError> {
        timeout_at(self.of_step(Instant::now()), work).await.map_err(|_| Unreachable::TimedOut(step).into())
    }
}

/// Connects to the first address of the host that answers.
pub(super) async fn dial(host: &str, port: u16, deadline: Deadline) -> Result<TcpStream, WireError> {
    let found = deadline.step(Step::Name, lookup_host((host, port))).await?;
    let addresses = found.map_err(|_| Unreachable::UnknownHost)?.collect();
    let socket = deadline.step(Step::Tcp, race(interleaved(addresses), ATTEMPT_DELAY)).await??;
    socket.set_nodelay(true).map_err(error::of_connect)?;
    Ok(socket)
}

/// The addresses in the order of the system, but one of the other family after each of the first one's (RFC 8305, section 4).
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut other) = (first.into_iter(), other.into_iter());
    std::iter::from_fn(|| {
        let pair: Vec<_> = first.next().into_iter().chain(other.next()).collect();
        (!pair.is_empty()).then_some(pair)
    })
    .flatten()
    .collect()
}

/// Tries the addresses one after the other, the next one when one fails or has not answered within `delay`. Fails with the
/// first reason when all of them did.
async fn race(mut addresses: VecDeque<SocketAddr>, delay: Duration) -> Result<TcpStream, WireError> {
    let mut attempts = JoinSet::new();
    let mut first_failure = None;
    loop {
        let has_more = match addresses.pop_front() {
            Some(address) => {
                attempts.spawn(TcpStream::connect(address));
                !addresses.is_empty()
            }
            None => false,
        };
        let ended = tokio::select! {
            ended = attempts.join_next() => ended,
            () = sleep(delay), if has_more => continue,
        };
        match ended {
            // Those that are under way end with the set.
            Some(Ok(Ok(socket))) => return Ok(socket),
            Some(Ok(Err(failure))) => {
                first_failure.get_or_insert(failure);
            }
            // An attempt that panicked is one that failed.
            Some(Err(_)) => {}
            None => return Err(first_failure.map_or(Unreachable::UnknownHost.into(), error::of_connect)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};
    use std::net::TcpListener;

    /// An address on which nothing is refused and nothing answers: its queue of connections is full.
    fn silent() -> (Socket, Vec<Socket>, SocketAddr) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let waiting = (0..4).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            // Whether it got into the queue or waits before it makes no difference.
            let _ = socket.connect(&address.into());
            socket
        });
        let waiting = waiting.collect();
        (listener, waiting, address)
    }

    fn good() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// U-3: a host whose first address is silent was never reached.
    #[tokio::test]
    async fn u_3_an_address_that_is_silent_keeps_nobody_from_the_next() {
        let ((_listener, _waiting, silent), (_open, good)) = (silent(), good());
        let reached = race([silent, silent, good].into(), Duration::from_millis(20)).await.unwrap();
        assert_eq!(reached.peer_addr().unwrap(), good);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over_at_once_and_all_that_fail_say_why() {
        let (_open, good) = good();
        let closed = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
        // No attempt waits for the delay.
        let hour = Duration::from_secs(3_600);
        assert_eq!(race([closed, good].into(), hour).await.unwrap().peer_addr().unwrap(), good);
        let refused = race([closed, closed].into(), hour).await.unwrap_err();
        assert!(matches!(refused, WireError::Unreachable(Unreachable::Refused)), "{refused:?}");
        let nothing = race(VecDeque::new(), hour).await.unwrap_err();
        assert!(matches!(nothing, WireError::Unreachable(Unreachable::UnknownHost)), "{nothing:?}");
    }

    #[tokio::test]
    async fn a_step_ends_in_its_time_and_all_of_them_within_ten_seconds() {
        let begun = Instant::now();
        let deadline = Deadline(begun + CONNECT_TIMEOUT);
        for (began_after, ends_after) in
            [(0, 6), (3, 9), (6, 10), (11, 10)].map(|(a, b)| (Duration::from_secs(a), Duration::from_secs(b)))
        {
            assert_eq!(deadline.of_step(begun + began_after), begun + ends_after);
        }
        let over = Deadline(begun);
        for named in [Step::Name, Step::Tcp, Step::Handshake] {
            let late = over.step(named, std::future::pending::<()>()).await.unwrap_err();
            assert!(matches!(late, WireError::Unreachable(Unreachable::TimedOut(step)) if step == named));
        }
    }

    #[test]
    fn families_take_turns_and_the_systems_order_is_kept() {
        let addresses =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "1.1.1.2:1"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]);
        assert_eq!(Vec::from(interleaved(given)), expected);
    }
}
