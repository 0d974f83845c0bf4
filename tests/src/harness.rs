//! A `vestryd` of one's own: a fresh folder, its own PKI, port 0, killed on drop.

use crate::light;
use crate::talk::Refusable;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vestry_client::Wire;
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::{Refusal, RefusalCode};
use vestry_protocol::secret::{DeviceToken, SecretText, SessionToken};
use vestry_protocol::user::{NewSession, Profile, UserCall, UserReply};
use vestry_protocol::{ADMIN_ALPN, USER_ALPN};
use vestry_tls::{CertsDir, Trust, config};

/// A password that every policy takes.
pub const PASSWORD: &str = "correct horse battery staple";
/// Another one.
pub const OTHER_PASSWORD: &str = "purple owls count seven spoons";

/// The user port as the typed messages see it.
pub type UserWire = Wire<UserCall, UserReply>;
/// The admin port as the typed messages see it.
pub type AdminWire = Wire<AdminCall, AdminReply>;

/// Copies everything in a folder into another, over what is there: as an image of the machine is put back.
pub fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(copied.expect("every system has cp").success());
}

/// A folder with everything in it, as an image of the machine has it.
pub fn copy_of(folder: &Path) -> Arc<TempDir> {
    let copy = Arc::new(tempfile::tempdir().expect("a temporary folder"));
    copy_folder(folder, copy.path());
    copy
}

/// A number from the environment, where `scripts/prove.sh` asks for more than the short form.
pub fn from_environment<T: std::str::FromStr>(name: &str, short: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(short)
}

/// The path of one of the programs, built before the tests run.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test binary has a path");
    let folder = test.parent().expect("a file is in a folder");
    // A test is in target/PROFILE/deps, the programs one above it.
    let target = if folder.ends_with("deps") { folder.parent().expect("target/PROFILE") } else { folder };
    let path = target.join(name);
    assert!(path.exists(), "{} is missing; run: cargo build --workspace", path.display());
    path
}

/// Returns the text of a `vestryd.toml` with more settings, each on a line of its own as `group.key = value`. What has no group
/// comes first.
pub fn with_settings(text: &str, settings: &str) -> String {
    settings.lines().rev().fold(text.to_owned(), |text, setting| {
        let in_group =
            setting.trim().split_once('.').filter(|(group, _)| text.contains(&format!("\n[{group}]\n")));
        match in_group {
            Some((group, line)) => {
                text.replacen(&format!("\n[{group}]\n"), &format!("\n[{group}]\n{line}\n"), 1)
            }
            None => format!("{setting}\n{text}"),
        }
    })
}

/// A running `vestryd`.
pub struct Server {
    process: Child,
    folder: Arc<TempDir>,
    /// Where users connect.
    pub user: SocketAddr,
    /// Where operators connect.
    pub admin: SocketAddr,
    talk: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
}

impl Server {
    /// With default settings in a fresh folder.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With settings on top of the ones that `init` writes.
    pub fn start_with(settings: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        Self::init(folder.path(), settings);
        Self::start_in(folder)
    }

    /// Sets a folder up without serving it.
    pub fn init(folder: &Path, settings: &str) {
        let done = Command::new(program("vestryd"))
            .args(["init", "--host", "localhost", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(folder)
            .output()
            .expect("vestryd runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let file = folder.join("vestryd.toml");
        let text = std::fs::read_to_string(&file).expect("init wrote the settings");
        std::fs::write(&file, with_settings(&text, settings)).expect("the settings can be written");
    }

    /// Makes whatever a folder lacks, as certificates after a backup without keys was restored.
    pub fn make_what_is_missing(folder: &Path) {
        let mut init = Command::new(program("vestryd"));
        let done = init.args(["init", "--host", "localhost", "--data-dir"]).arg(folder).output();
        assert!(done.expect("vestryd runs").status.success());
    }

    /// On a folder that is set up, fresh or not.
    pub fn start_in(folder: Arc<TempDir>) -> Self {
        Self::start_logging(folder, "info")
    }

    /// On a folder that is set up, with a log as talkative as `VESTRY_LOG` makes it.
    pub fn start_logging(folder: Arc<TempDir>, level: &str) -> Self {
        let mut command = Command::new(program("vestryd"));
        command.env("VESTRY_LOG", level);
        Self::start_by(folder, command)
    }

    /// On a folder that is set up, by a command that may say which user it is of.
    pub fn start_by(folder: Arc<TempDir>, mut command: Command) -> Self {
        let command = command.arg("--data-dir").arg(folder.path()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("vestryd runs");
        let talk = Arc::new(Mutex::new(String::new()));
        let (user, admin, listening) = read_addresses(&mut process, &talk);
        Self { process, folder, user, admin, talk, listening: Some(listening) }
    }

    /// On a folder that is set up, with a log that can never be written.
    pub fn start_without_log(folder: Arc<TempDir>) -> Self {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has /dev/full");
        Self::start_unheard(folder, full)
    }

    /// On a folder that is set up, with a log that nobody reads: each write of a line waits for ever. The reader is of the
    /// pipe that is full.
    pub fn start_with_stuck_log(folder: Arc<TempDir>) -> (Self, PipeReader) {
        let (log, reader) = stuck_pipe();
        (Self::start_unheard(folder, log), reader)
    }

    fn start_unheard(folder: Arc<TempDir>, log: impl Into<Stdio>) -> Self {
        let mut process = Command::new(program("vestryd"))
            .env("VESTRY_LOG", "debug")
            .arg("--data-dir")
            .arg(folder.path())
            .stderr(log)
            .spawn()
            .expect("vestryd runs");
        let [user, admin] = loop {
            let ended = process.try_wait().expect("it is our own process");
            assert!(ended.is_none(), "vestryd ended at its start: {ended:?}");
            // It binds the user port first.
            if let Ok(both) = listening_sockets(process.id()).try_into() {
                break both;
            }
            std::thread::yield_now();
        };
        Self { process, folder, user, admin, talk: Arc::default(), listening: None }
    }

    /// The data directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory, to be kept when the server is gone.
    pub fn shared_folder(&self) -> Arc<TempDir> {
        self.folder.clone()
    }

    /// What the server wrote to standard error so far.
    pub fn talk(&self) -> String {
        self.talk.lock().expect("no reader panicked").clone()
    }

    /// What the server wrote to standard error, as soon as `text` is in it.
    pub fn talk_until(&self, text: &str) -> String {
        loop {
            let talk = self.talk();
            // The line is whole.
            if talk.split_once(text).is_some_and(|(_, rest)| rest.contains('\n')) {
                return talk;
            }
            std::thread::yield_now();
        }
    }

    /// Waits until the server has written these words to standard error, half a minute at most.
    pub async fn wait_for(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.talk().contains(words) {
            assert!(Instant::now() < deadline, "{words:?} did not come: {}", self.talk());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The process, for `/proc` and signals.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process number"), signal).expect("it is our own process");
    }

    /// Kills it as a power failure would, and hands the folder on.
    pub fn kill(mut self) -> Arc<TempDir> {
        self.process.kill().expect("it is our own process");
        self.process.wait().expect("it was killed");
        self.folder.clone()
    }

    /// Stops it as a service manager would, waits, and hands the folder on.
    pub fn stop(mut self) -> Arc<TempDir> {
        self.signal(rustix::process::Signal::TERM);
        let status = self.process.wait().expect("it stops");
        assert!(status.success(), "vestryd ended with {status}: {}", self.talk());
        self.folder.clone()
    }

    /// Waits for the end of a server that was told to stop; what it said until then.
    pub fn talk_after_stop(mut self) -> String {
        let status = self.process.wait().expect("it stops");
        assert!(status.success(), "vestryd ended with {status}");
        // Its last words may still be on their way.
        self.listening.take().expect("it is listened to").join().expect("no reader panicked");
        self.talk()
    }

    /// The certificates.
    pub fn certs(&self) -> CertsDir {
        CertsDir::at(self.folder().join("certs"))
    }

    /// What a user's client trusts this server by.
    pub fn trust(&self) -> Trust {
        Trust::Pin(self.certs().authority_pin().expect("there is a CA"))
    }

    /// A connection to the user port.
    pub async fn connect(&self) -> UserWire {
        let tls = config::user_client(&self.trust()).expect("a TLS configuration");
        Wire::connect("localhost", self.user.port(), tls, USER_ALPN).await.expect("the server answers")
    }

    /// A connection to the admin port, as the operator of a name.
    pub async fn connect_as(&self, operator: &str) -> AdminWire {
        let certs = self.certs();
        let tls = config::console_client_from_files(
            &certs.ca_certificate(),
            &certs.operator_certificate(operator),
            &certs.operator_key(operator),
        )
        .expect("the operator has a certificate");
        Wire::connect("localhost", self.admin.port(), tls, ADMIN_ALPN).await.expect("the server answers")
    }

    /// One call of the first operator.
    pub async fn operate(&self, call: AdminCall) -> AdminReply {
        self.connect_as("admin").await.call(call).await.expect("the server answers")
    }

    /// An account with [`PASSWORD`], which is not stretched.
    pub async fn register(&self, name: &str) {
        let reply = light::register(&mut self.connect().await, name, PASSWORD, Profile::default()).await;
        assert!(matches!(reply, UserReply::Registered { .. }), "{reply:?}");
    }

    /// A connection that is logged in, with its session.
    pub async fn log_in(&self, name: &str, password: &str) -> (UserWire, NewSession) {
        let mut wire = self.connect().await;
        match light::log_in(&mut wire, name, password).await {
            UserReply::LoggedIn(session) => (wire, session),
            other => panic!("{other:?}"),
        }
    }

    /// What a login on a connection of its own, which does not succeed, is refused with.
    pub async fn refused_login(&self, name: &str, password: &str) -> Refusal {
        match light::log_in(&mut self.connect().await, name, password).await {
            UserReply::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// A one-time code of the first operator for an account.
    pub async fn issue_code(&self, name: &str) -> SecretText {
        match self.operate(AdminCall::ResetAccount { name: name.to_owned() }).await {
            AdminReply::CodeIssued { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    /// Opens every lane that failed too often, for tests of something else that fail on purpose.
    pub async fn let_everybody_try_again(&self) {
        self.operate(AdminCall::ClearThrottle { subject: None }).await;
    }

    /// The rows of a query of the first operator, as text.
    pub async fn select(&self, sql: &str) -> Vec<Vec<String>> {
        let mut wire = self.connect_as("admin").await;
        rows_of(&mut wire, AdminCall::Query { sql: sql.to_owned() }).await.expect("the query is allowed")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads standard error until the line that names both addresses, then goes on reading on a thread.
fn read_addresses(
    process: &mut Child,
    talk: &Arc<Mutex<String>>,
) -> (SocketAddr, SocketAddr, JoinHandle<()>) {
    let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
    let mut found = None;
    for line in lines.by_ref().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once(" listens on ") {
            let (user, rest) = rest.split_once(" for users and on ").expect("both addresses");
            let (admin, _) = rest.split_once(' ').expect("both addresses");
            // The first, where it listens on several.
            let user = user.split(" and ").next().expect("an address");
            found = Some((user.parse().expect("an address"), admin.parse().expect("an address")));
        }
        let mut talk = talk.lock().expect("no reader panicked");
        talk.push_str(&line);
        talk.push('\n');
        if found.is_some() {
            break;
        }
    }
    let talk = talk.clone();
    let addresses = found.unwrap_or_else(|| panic!("vestryd did not start: {}", talk.lock().expect("whole")));
    let listening = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let mut talk = talk.lock().expect("no reader panicked");
            talk.push_str(&line);
            talk.push('\n');
        }
    });
    (addresses.0, addresses.1, listening)
}

/// The IPv4 sockets that a process listens on, in the order of their descriptors.
fn listening_sockets(pid: u32) -> Vec<SocketAddr> {
    let sockets = std::fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let listening = |inode: &str| {
        sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find_map(|fields| {
            // proc_pid_net(5): the state LISTEN is 0A, the address is in the byte order of the host.
            let is_it = fields.get(3) == Some(&"0A") && fields.get(9) == Some(&inode);
            let (address, port) = fields.get(1).filter(|_| is_it)?.split_once(':')?;
            let address = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
            Some(SocketAddr::from((address, u16::from_str_radix(port, 16).ok()?)))
        })
    };
    (0..64)
        .filter_map(|number| std::fs::read_link(format!("/proc/{pid}/fd/{number}")).ok())
        .filter_map(|link| listening(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?))
        .collect()
}

/// A secret that was typed.
pub fn secret(text: &str) -> SecretText {
    SecretText::new(text.to_owned())
}

/// The same token once more.
pub fn token_again(token: &SessionToken) -> SessionToken {
    SessionToken::from_bytes(*token.expose_secret())
}

/// The same for that of a device.
pub fn device_token_again(token: &DeviceToken) -> DeviceToken {
    DeviceToken::from_bytes(*token.expose_secret())
}

/// The first login of an account that was imported, from a device called `test`.
pub fn imported_login(name: &str, password: &str) -> UserCall {
    UserCall::LogInImported { name: name.to_owned(), password: secret(password), device: "test".to_owned() }
}

/// The code of a refused call; panics on any other answer.
#[track_caller]
pub fn refusal_of(reply: impl Refusable) -> RefusalCode {
    let refusal = reply.refusal().unwrap_or_else(|other| panic!("not refused: {other:?}"));
    refusal.known_code().expect("a known code")
}

/// A pipe that is full, and its reader, who reads nothing: each write waits for ever.
pub fn stuck_pipe() -> (PipeWriter, PipeReader) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let flags = fcntl_getfl(&writer).expect("it is open");
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("it is our own");
    while writer.write(&[b'.'; 512]).is_ok() {}
    // A line may be shorter than what is left.
    while writer.write(b".").is_ok() {}
    fcntl_setfl(&writer, flags).expect("it is our own");
    (writer, reader)
}

/// How many of those who raced for something got it.
pub async fn how_many_won(tries: Vec<tokio::task::JoinHandle<bool>>) -> usize {
    let mut won = 0;
    for attempt in tries {
        won += usize::from(attempt.await.expect("a racer arrives"));
    }
    won
}

/// Reads a row stream to its end.
///
/// # Errors
/// With the refusal that ended it.
pub async fn rows_of(wire: &mut AdminWire, call: AdminCall) -> Result<Vec<Vec<String>>, Refusal> {
    let id = wire.send(&call).await.expect("the server takes it");
    let mut rows = Vec::new();
    loop {
        match wire.receive_for(id).await.expect("the server answers") {
            AdminReply::Columns(_) => {}
            AdminReply::Rows(chunk) => {
                rows.extend(chunk.into_iter().map(|row| row.iter().map(cell_text).collect::<Vec<_>>()));
            }
            AdminReply::RowsEnd(end) => {
                assert_eq!(end.rows, rows.len() as u64);
                return Ok(rows);
            }
            AdminReply::Refused(refusal) | AdminReply::QueryRefusedAt { refusal, .. } => {
                return Err(refusal);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn cell_text(cell: &vestry_protocol::admin::Cell) -> String {
    use vestry_protocol::admin::Cell;
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => text.clone(),
        Cell::Blob(bytes) => data_encoding::HEXLOWER.encode(bytes),
        Cell::Unknown(item) => item.to_string(),
    }
}
