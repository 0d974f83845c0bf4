//! PROXY protocol, version 2: who stands between says for whom a connection is, in its first bytes and before TLS.
//!
//! Only what the settings name is believed, and it has to say it: a connection of a load balancer that says nothing would be taken
//! for the balancer's own, and all people behind it for one.

use ppp::v2::{Addresses, Command, Header};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Signature, version and command, family and protocol, length.
const HEAD_BYTES: usize = 16;

/// What may follow it: addresses take 216 at most, and balancers add a few fields.
const REST_BYTES_MAX: usize = 2_048;

/// Reads for whom a connection is. `None` when it is the balancer's own, to see whether the server lives.
///
/// # Errors
/// When something else is said, or the peer leaves.
pub(crate) async fn read_source(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut bytes = vec![0; HEAD_BYTES];
    stream.read_exact(&mut bytes).await?;
    // Nothing more is read of what is no header: the rest of a handshake would be taken for its length.
    if !bytes.starts_with(ppp::v2::PROTOCOL_PREFIX) {
        return Err(bad("it does not begin with a header of the PROXY protocol, version 2".to_owned()));
    }
    let length = bytes.last_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
    if length > REST_BYTES_MAX {
        return Err(bad(format!("its header is longer than {REST_BYTES_MAX} bytes")));
    }
    bytes.resize(HEAD_BYTES + length, 0);
    if let Some(rest) = bytes.get_mut(HEAD_BYTES..) {
        stream.read_exact(rest).await?;
    }
    let header = Header::try_from(bytes.as_slice()).map_err(|error| bad(error.to_string()))?;
    Ok(match (header.command, header.addresses) {
        (Command::Proxy, Addresses::IPv4(pair)) => {
            Some((IpAddr::from(pair.source_address), pair.source_port).into())
        }
        (Command::Proxy, Addresses::IPv6(pair)) => {
            // An IPv4 address in the form of IPv6 is the IPv4 address: the limits are those of its network.
            Some((IpAddr::from(pair.source_address).to_canonical(), pair.source_port).into())
        }
        // Of no address of the internet: as the standard says, the connection's own.
        (Command::Local, _) | (Command::Proxy, Addresses::Unspecified | Addresses::Unix(_)) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> io::Result<Option<SocketAddr>> {
        read_source(&mut &*bytes).await
    }

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [ppp::v2::PROTOCOL_PREFIX, &[command, family], &length, rest].concat()
    }

    const V4: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0xc0, 0x01, 0x1d, 0x13];

    #[tokio::test]
    async fn the_source_is_read_and_nothing_behind_the_header() {
        let mut stream = &*[header(0x21, 0x11, &V4), b"hello".to_vec()].concat();
        let source = read_source(&mut stream).await.unwrap();
        assert_eq!((source, stream), (Some("203.0.113.7:49153".parse().unwrap()), &b"hello"[..]));
        let mut mapped = vec![0; 36];
        mapped[10..16].copy_from_slice(&[0xff, 0xff, 203, 0, 113, 7]);
        let source = read(&header(0x21, 0x21, &mapped)).await.unwrap();
        assert_eq!(source, Some("203.0.113.7:0".parse().unwrap()));
        // Further fields are passed over.
        let longer = [&V4[..], &[0x04, 0, 1, 0]].concat();
        assert!(read(&header(0x21, 0x11, &longer)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_balancer_that_looks_whether_the_server_lives_is_itself() {
        for own in [header(0x20, 0, &[]), header(0x21, 0, &[]), header(0x21, 0x31, &[0; 216])] {
            assert_eq!(read(&own).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn whatever_is_no_header_of_version_two_is_refused() {
        let too_long = [header(0x21, 0x11, &V4)[..14].to_vec(), vec![0xff, 0xff], vec![0; 70_000]].concat();
        for bad in [
            b"PROXY TCP4 203.0.113.7 10.0.0.1 49153 7443\r\n".to_vec(),
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdef".to_vec(),
            header(0x11, 0x11, &V4),
            header(0x22, 0x11, &V4),
            header(0x21, 0x11, &V4[..11]),
            header(0x21, 0x21, &V4),
            header(0x21, 0x11, &V4)[..20].to_vec(),
            too_long,
            Vec::new(),
        ] {
            assert!(read(&bad).await.is_err(), "{bad:?}");
        }
    }
}
