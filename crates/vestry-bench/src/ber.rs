//! The few bytes of LDAP (RFC 4511) that a simple bind takes, in BER. It reads no answer but that of a bind.

/// The result code of a bind that went well (RFC 4511, 4.1.9).
pub const SUCCESS: u8 = 0;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
/// Context-specific 0: a simple password.
const SIMPLE: u8 = 0x80;

/// A bind of a name with a password, as message 1.
#[must_use]
pub fn bind_request(name: &str, password: &str) -> Vec<u8> {
    let mut bind = element(INTEGER, &[3]);
    bind.extend(element(OCTET_STRING, name.as_bytes()));
    bind.extend(element(SIMPLE, password.as_bytes()));
    let mut message = element(INTEGER, &[1]);
    message.extend(element(BIND_REQUEST, &bind));
    element(SEQUENCE, &message)
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short @ ..0x80) => bytes.push(short),
        _ => {
            let long: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
            bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            bytes.extend(long);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// What a bind was answered with; `None` until the whole answer is there.
///
/// # Errors
/// When it is no answer to a bind.
pub fn bind_result(bytes: &[u8]) -> Result<Option<u8>, &'static str> {
    const NO_ANSWER: &str = "the server did not answer a bind";
    let Some((tag, message, _)) = split(bytes) else { return Ok(None) };
    if tag != SEQUENCE {
        return Err(NO_ANSWER);
    }
    let (_, _, rest) = split(message).ok_or(NO_ANSWER)?;
    match split(rest).and_then(|(tag, response, _)| Some((tag, split(response)?))) {
        Some((BIND_RESPONSE, (ENUMERATED, &[code], _))) => Ok(Some(code)),
        _ => Err(NO_ANSWER),
    }
}

/// The first element: its tag, its content, and what follows; `None` when it is not whole.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        short @ ..0x80 => (usize::from(*short), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            (digits.iter().fold(0_usize, |sum, digit| sum.wrapping_shl(8) | usize::from(*digit)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4511, 4.2: written out by hand.
    #[test]
    fn a_bind_request_has_the_bytes_of_the_standard() {
        let expected = [
            0x30, 0x10, // message
            0x02, 0x01, 0x01, // number 1
            0x60, 0x0b, // bind
            0x02, 0x01, 0x03, // version 3
            0x04, 0x02, b'c', b'n', // name
            0x80, 0x02, b'p', b'w', // password
        ];
        assert_eq!(bind_request("cn", "pw"), expected);
    }

    #[test]
    fn long_content_has_a_long_length() {
        let request = bind_request(&"x".repeat(300), "pw");
        assert_eq!(request[..4], [0x30, 0x82, 0x01, 0x3e]);
        assert_eq!(split(&request).unwrap().1.len(), 0x13e);
    }

    #[test]
    fn an_answer_is_read_when_it_is_whole_and_only_if_it_is_one() {
        let answer = [0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 49, 0x04, 0x00, 0x04, 0x00];
        assert_eq!(bind_result(&answer), Ok(Some(49)));
        for cut in 0..answer.len() {
            assert_eq!(bind_result(&answer[..cut]), Ok(None), "{cut}");
        }
        assert!(bind_result(&[0x48, 0x00]).is_err());
        assert!(bind_result(&[0x30, 0x05, 0x02, 0x01, 0x01, 0x65, 0x00]).is_err());
    }
}
