//! Every number that bounds the wire, each with its unit in the name and the reason beside it.
//!
//! Limits of the server's own resources (connections, queues, time) are in its configuration instead.

/// The length prefix: one big-endian `u32`.
pub const FRAME_HEADER_BYTES: usize = 4;

/// Before a login the longest request is `LogInImported`: a name, a password and a device, 1.2 KiB at most.
pub const REQUEST_BYTES_MAX_BEFORE_LOGIN: usize = 4 * 1024;

/// After a login; leaves room for what later versions ask. An operator's SQL text is the longest today.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// From the server: one chunk of rows, or a full list of sessions.
pub const REPLY_BYTES_MAX: usize = 1024 * 1024;

/// The server ends a chunk of rows when it is this long, so that a row of the longest text still fits.
pub const ROW_CHUNK_BYTES_SOFT: usize = 128 * 1024;

/// The server cuts a backup into chunks of this size.
pub const BACKUP_CHUNK_BYTES: usize = 64 * 1024;

/// What the rows of one `ImportRows` may claim: a request's budget without its number, its variant and its length.
pub const IMPORT_BATCH_BUDGET_BYTES: usize = REQUEST_BYTES_MAX - 64;

/// The longest single value in a row; longer ones are refused by the query. Nothing stored is nearly as long, and what works
/// on values in one step takes a time that grows with this.
pub const CELL_BYTES_MAX: usize = 16 * 1024;

/// Usernames: 2 to 32 ASCII characters.
pub const USERNAME_CHARS_MIN: usize = 2;
/// See [`USERNAME_CHARS_MIN`].
pub const USERNAME_CHARS_MAX: usize = 32;

/// RFC 5321, 4.5.3.1.3: a path is 256 octets with its angle brackets.
pub const EMAIL_BYTES_MAX: usize = 254;
/// RFC 5321, 4.5.3.1.1.
pub const EMAIL_LOCAL_BYTES_MAX: usize = 64;

/// Nobody has been older than 122; beyond this it is a typing error.
pub const AGE_YEARS_MAX: u16 = 150;

/// Free text in a profile.
pub const GENDER_BYTES_MAX: usize = 32;
/// The name that a client gives to the device of a session.
pub const DEVICE_BYTES_MAX: usize = 64;
/// Why an operator suspended somebody.
pub const REASON_BYTES_MAX: usize = 200;

/// NIST SP 800-63B-4, 3.1.1.2: 15 characters where the password is the only factor.
pub const PASSWORD_CHARS_MIN_DEFAULT: usize = 15;
/// NIST SP 800-63B-4, 3.1.1.2: never below 8.
pub const PASSWORD_CHARS_MIN_FLOOR: usize = 8;
/// Longer input is refused before it is normalised or hashed.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// The least memory that a client stretches a password with, in KiB (OWASP: 19 MiB with two passes).
pub const STRETCHING_MEMORY_KIB_MIN: u32 = 19 * 1024;
/// The most that a server can make a client allocate, in KiB.
pub const STRETCHING_MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// See [`STRETCHING_MEMORY_KIB_MIN`].
pub const STRETCHING_ITERATIONS_MIN: u32 = 2;
/// With the most memory this is half a minute.
pub const STRETCHING_ITERATIONS_MAX: u32 = 16;
/// Memory times passes: 1 GiB with four took 8 s where two took 4. An exchange has 30 s, also on a slower machine.
pub const STRETCHING_WORK_KIB_MAX: u32 = 4 * 1024 * 1024;
/// Lanes beyond the cores of a terminal help nobody.
pub const STRETCHING_PARALLELISM_MAX: u32 = 16;

/// The context that binds an OPAQUE key exchange to this protocol; the TLS exporter of the connection follows it.
pub const OPAQUE_CONTEXT: &[u8] = b"VESTRY-OPAQUE-1";
/// A `RegistrationRequest` of RFC 9807 over ristretto255.
pub const OPAQUE_REQUEST_BYTES: usize = 32;
/// A `RegistrationRecord`, as the client uploads it.
pub const OPAQUE_UPLOAD_BYTES: usize = 192;
/// KE1.
pub const OPAQUE_KE1_BYTES: usize = 96;
/// KE3.
pub const OPAQUE_KE3_BYTES: usize = 64;
/// RFC 9266, 4.1: the label of the exporter that names one TLS connection.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";
/// RFC 9266, 4.1: its length.
pub const EXPORTER_BYTES: usize = 32;

/// What a login may hand to the next one on the same device.
pub const WITNESS_BYTES_MAX: usize = 128;

/// Before a login, a connection may send so many frames that are no request of this version.
pub const UNREADABLE_FRAMES_MAX: u32 = 16;

/// A session token: 256 random bits.
pub const TOKEN_BYTES: usize = 32;

/// Names that one `CompleteName` is answered with: what fits on a screen beside one another.
pub const COMPLETED_NAMES_MAX: usize = 20;
