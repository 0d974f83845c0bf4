//! A bad machine: one server's life through every fault of a disk, a clock, a log and a system that can be arranged here, in an
//! order drawn from a seed. Each fault shows first that it took effect. After each, every account whose registration was
//! acknowledged logs in and has what it was last told, and every acknowledged act is in an audit that verifies.

use crate::durability::set_age;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use vestry_protocol::admin::{AdminCall, AdminReply};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::user::{Profile, UserCall, UserReply};
use vestry_tests::harness::{PASSWORD, Server, from_environment, program};
use vestry_tests::light;
use vestry_tests::programs::Person;
use vestry_tests::talk::User;

/// A fault of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    FullDisk,
    ClockAt1970,
    ClockAhead,
    ReadOnlyDisk,
    Kill,
    DeadLog,
    StuckLog,
    FewDescriptors,
}

const FAULTS: [Fault; 8] = [
    Fault::FullDisk,
    Fault::ClockAt1970,
    Fault::ClockAhead,
    Fault::ReadOnlyDisk,
    Fault::Kill,
    Fault::DeadLog,
    Fault::StuckLog,
    Fault::FewDescriptors,
];

const SETTINGS: &str = "gate.registrations_per_address_max = 100000\ngate.registrations_per_network_max = 100000\n\
                        gate.names_per_address_max = 100000\ngate.names_per_network_max = 100000\n\
                        connections.per_source_max = 1000\nconnections.per_network_max = 1000\n\
                        connections.per_source_per_sec_max = 1000\ngate.writes_at_once = 100000";

/// SplitMix64: the order is the seed's, on every machine.
fn drawn(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn shuffled(state: &mut u64) -> Vec<Fault> {
    let mut left = FAULTS.to_vec();
    let mut order = Vec::new();
    while !left.is_empty() {
        let at = usize::try_from(drawn(state) % u64::try_from(left.len()).unwrap()).unwrap();
        order.push(left.swap_remove(at));
    }
    order
}

/// A file system of its own in a file, which turns read-only when the kernel finds an error in it.
struct LoopDisk {
    folder: TempDir,
    image: PathBuf,
}

impl LoopDisk {
    /// `None` where the system does not let us.
    fn mount(mebibytes: u64) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        std::fs::File::create(&image).unwrap().set_len(mebibytes * 1024 * 1024).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).stderr(Stdio::null()).status();
        if !made.is_ok_and(|status| status.success()) {
            return None;
        }
        let disk = Self { folder, image };
        std::fs::create_dir(disk.path()).unwrap();
        disk.attach().then_some(disk)
    }

    fn attach(&self) -> bool {
        let mount = Command::new("mount")
            .args(["-o", "loop,errors=remount-ro"])
            .arg(&self.image)
            .arg(self.path())
            .stderr(Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn detach(&self) {
        let _ = Command::new("umount").arg(self.path()).stderr(Stdio::null()).status();
    }

    /// As the kernel does when the disk fails.
    fn turn_read_only(&self) {
        let found = Command::new("findmnt").args(["-n", "-o", "SOURCE"]).arg(self.path()).output().unwrap();
        let device = String::from_utf8(found.stdout).unwrap();
        let device = Path::new(device.trim()).file_name().unwrap().to_owned();
        let trigger = Path::new("/sys/fs/ext4").join(device).join("trigger_fs_error");
        std::fs::write(trigger, "a test").unwrap();
    }

    /// As an operator does: checked, and mounted again.
    fn repair(&self) {
        self.detach();
        let checked = Command::new("e2fsck").args(["-p", "-f"]).arg(&self.image).output().unwrap();
        assert!(checked.status.code().is_some_and(|code| code <= 1), "{checked:?}");
        assert!(self.attach(), "the disk cannot be mounted again");
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).stderr(Stdio::null()).status();
    }
}

/// What the server said that it did.
#[derive(Debug, Default)]
struct Told {
    /// Whose registration was acknowledged: the age that was acknowledged last, and how many changes were.
    accounts: BTreeMap<String, (Option<u16>, u64)>,
}

impl Told {
    /// Registers somebody, logs in and sets an age; whatever is acknowledged is kept. How many acts were.
    async fn act(&mut self, server: &Server) -> usize {
        let name = format!("person{}", self.accounts.len());
        let mut wire = server.connect().await;
        match light::register(&mut wire, &name, PASSWORD, Profile::default()).await {
            UserReply::Registered { .. } => self.accounts.insert(name.clone(), (None, 0)),
            UserReply::Refused(refusal) => {
                assert!(refusal.is(RefusalCode::Unavailable), "{refusal:?}");
                return 0;
            }
            other => panic!("{other:?}"),
        };
        match light::log_in(&mut wire, &name, PASSWORD).await {
            UserReply::LoggedIn(_) => {}
            UserReply::Refused(refusal) if refusal.is(RefusalCode::Unavailable) => return 1,
            other => panic!("{other:?}"),
        }
        let age = u16::try_from(self.accounts.len() % 150).unwrap();
        match wire.call(set_age(age)).await.unwrap() {
            UserReply::AccountUpdated(_) => {
                self.accounts.insert(name, (Some(age), 1));
                3
            }
            UserReply::Refused(refusal) if refusal.is(RefusalCode::Unavailable) => 2,
            other => panic!("{other:?}"),
        }
    }

    /// Acts until something is refused, as it is while nothing can be written.
    async fn act_until_refused(&mut self, server: &Server) {
        for _ in 0..2_000 {
            if self.act(server).await < 3 {
                return;
            }
        }
        panic!("2,000 people were written to a disk that takes no writes");
    }

    /// It recovers by itself, when what waits was written.
    async fn act_again(&mut self, server: &Server) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.act(server).await < 3 {
            assert!(Instant::now() < deadline, "it does not recover: {}", server.talk());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Everything is there, on a machine that is well.
    async fn verify(&self, server: &Server) {
        for (name, (age, _)) in &self.accounts {
            let (mut wire, _) = server.log_in(name, PASSWORD).await;
            match wire.call(UserCall::ShowAccount).await.unwrap() {
                UserReply::AccountShown(account) => assert_eq!(account.profile.age, *age, "{name}"),
                other => panic!("{other:?}"),
            }
        }
        let verdict = match server.operate(AdminCall::VerifyAudit { checkpoints: Vec::new() }).await {
            AdminReply::AuditVerified(verdict) => verdict,
            other => panic!("{other:?}"),
        };
        assert_eq!(verdict.fault, None);
        let acts: [(&str, fn(u64) -> u64); 2] =
            [("account.registered", |_| 1), ("account.updated", |updates| updates)];
        for (action, acknowledged) in acts {
            let sql =
                format!("select subject, count(*) from audit where action = '{action}' group by subject");
            let found: BTreeMap<String, u64> = server
                .select(&sql)
                .await
                .into_iter()
                .map(|row| (row[0].clone(), row[1].parse().unwrap()))
                .collect();
            for (name, (_, updates)) in &self.accounts {
                let count = found.get(name).copied().unwrap_or(0);
                assert!(count >= acknowledged(*updates), "{action} of {name}: {found:?}");
            }
        }
    }
}

/// The data directory on its disk, and what runs on it.
struct Machine {
    disk: LoopDisk,
    data: Arc<TempDir>,
}

impl Machine {
    fn start(&self) -> Server {
        Server::start_in(self.data.clone())
    }

    fn start_by_the_clock(&self, clock: &str) -> Server {
        // The program stays between us and the server, which would not hear our signals: only what it preloads is taken.
        let told = Command::new("faketime").args(["-f", clock, "env"]).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let preloaded = told.lines().find_map(|line| line.strip_prefix("LD_PRELOAD=")).unwrap();
        let mut vestryd = Command::new(program("vestryd"));
        vestryd.env("LD_PRELOAD", preloaded).env("FAKETIME", clock);
        Server::start_by(self.data.clone(), vestryd)
    }

    async fn go_through(&self, fault: Fault, told: &mut Told) {
        match fault {
            Fault::FullDisk => self.full_disk(told).await,
            Fault::ClockAt1970 => self.clock_at_1970(told).await,
            Fault::ClockAhead => self.clock_ahead().await,
            Fault::ReadOnlyDisk => self.read_only_disk(told).await,
            Fault::Kill => self.kill(told).await,
            Fault::DeadLog => Self::dead_log(Server::start_without_log(self.data.clone()), told).await,
            Fault::StuckLog => self.stuck_log(told).await,
            Fault::FewDescriptors => self.few_descriptors(told).await,
        }
    }

    async fn full_disk(&self, told: &mut Told) {
        let server = self.start();
        told.act(&server).await;
        let ballast = self.disk.path().join("ballast");
        let _ = std::fs::write(&ballast, vec![0; 128 * 1024 * 1024]);
        told.act_until_refused(&server).await;
        std::fs::remove_file(&ballast).unwrap();
        told.act_again(&server).await;
        server.stop();
    }

    async fn clock_at_1970(&self, told: &mut Told) {
        let server = self.start_by_the_clock("@1970-01-02 00:00:00");
        assert!(server.talk().contains("1970-01-0"), "{}", server.talk());
        assert_eq!(told.act(&server).await, 3);
        server.stop();
    }

    /// Its certificate is renewed by that clock, so that nobody with a right one trusts it: nothing is acknowledged meanwhile.
    async fn clock_ahead(&self) {
        let server = self.start_by_the_clock("+400d");
        let year = |talk: &str| talk.split('-').next().unwrap().parse::<i32>().unwrap();
        let ahead = year(server.talk().lines().next().unwrap());
        // It has the time to do harm.
        server.wait_for("and it should be").await;
        sleep(Duration::from_secs(1)).await;
        server.stop();
        let server = self.start();
        server.wait_for("and it should be").await;
        let now = year(server.talk().lines().next().unwrap());
        assert!(ahead > now, "the clock was not read as {ahead}");
        server.stop();
        let checked = Person::new().run(
            "vestryd",
            &["check", "--data-dir", &self.data.path().display().to_string()],
            "",
        );
        assert!(checked.out.contains("warn  clock: it said "), "{}", checked.out);
    }

    async fn read_only_disk(&self, told: &mut Told) {
        let server = self.start();
        told.act(&server).await;
        self.disk.turn_read_only();
        assert!(std::fs::write(self.disk.path().join("probe"), "").is_err(), "the disk still takes writes");
        told.act_until_refused(&server).await;
        // Reads go on.
        server.connect().await.describe().await;
        server.stop();
        self.disk.repair();
    }

    async fn kill(&self, told: &mut Told) {
        let server = self.start();
        let Some(name) = told.accounts.keys().next().cloned() else { panic!("nobody is there") };
        let (mut wire, _) = server.log_in(&name, PASSWORD).await;
        let writer = tokio::spawn(async move {
            let (mut age, mut count) = (None, 0);
            for tried in (1..150).cycle() {
                match wire.call(set_age(tried)).await {
                    Ok(UserReply::AccountUpdated(_)) => (age, count) = (Some(tried), count + 1),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => return (age, tried, count),
                }
            }
            unreachable!("it is broken off");
        });
        sleep(Duration::from_millis(300)).await;
        server.kill();
        let (age, tried, count) = writer.await.unwrap();
        assert!(count > 0, "nothing was under way");
        let server = self.start();
        let found = server.select(&format!("select age from accounts where name = '{name}'")).await;
        let found: u16 = found[0][0].parse().unwrap();
        // The last one was on its way: it may or may not be there. Nothing older may be.
        assert!(Some(found) == age || found == tried, "{found}, not {age:?} or {tried}");
        let known = told.accounts.get_mut(&name).unwrap();
        *known = (Some(found), known.1 + count);
        server.stop();
    }

    async fn dead_log(server: Server, told: &mut Told) {
        let log = std::fs::read_link(format!("/proc/{}/fd/2", server.pid())).unwrap();
        assert_eq!(log, Path::new("/dev/full"));
        // A line each.
        for _ in 0..3 {
            assert_eq!(told.act(&server).await, 3);
        }
        server.stop();
    }

    async fn stuck_log(&self, told: &mut Told) {
        let (server, mut reader) = Server::start_with_stuck_log(self.data.clone());
        for _ in 0..3 {
            assert_eq!(told.act(&server).await, 3);
        }
        // Whoever reads it at last finds what it was stuck with first, and every line behind it.
        let (mut first, mut rest) = ([0; 4096], Vec::new());
        reader.read_exact(&mut first).unwrap();
        assert!(first.iter().all(|byte| *byte == b'.'), "the log was not stuck");
        let drain = std::thread::spawn(move || reader.read_to_end(&mut rest).map(|_| rest));
        server.stop();
        let said = drain.join().unwrap().unwrap();
        assert!(String::from_utf8_lossy(&said).contains("stopping"), "nothing was written behind it");
    }

    async fn few_descriptors(&self, told: &mut Told) {
        let mut shell = Command::new("sh");
        shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(program("vestryd"));
        let server = Server::start_by(self.data.clone(), shell);
        let mut waiting = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !server.talk().contains("a connection could not be accepted") {
            assert!(Instant::now() < deadline, "{} connections were taken: {}", waiting.len(), server.talk());
            if waiting.len() < 200 {
                waiting.push(
                    timeout(Duration::from_secs(5), TcpStream::connect(server.user)).await.unwrap().unwrap(),
                );
            } else {
                sleep(Duration::from_millis(20)).await;
            }
        }
        drop(waiting);
        told.act_again(&server).await;
        server.stop();
    }
}

/// Why nothing can be arranged here.
fn what_is_missing() -> Option<&'static str> {
    let has = |name: &str| {
        Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    if !has("faketime") {
        return Some("faketime is not installed");
    }
    if !has("findmnt") || !has("e2fsck") {
        return Some("findmnt or e2fsck is not installed");
    }
    None
}

#[tokio::test]
async fn sec_0104_a_bad_machine_loses_nothing_that_was_acknowledged() {
    let seed = from_environment("VESTRY_MACHINE_SEED", 1);
    let rounds = from_environment("VESTRY_MACHINE_ROUNDS", 1);
    let (missing, disk) = (what_is_missing(), LoopDisk::mount(64));
    let (None, Some(disk)) = (missing, disk) else {
        println!(
            "skipped: {}",
            missing.unwrap_or("this system does not let us mount a disk in a file (root can)")
        );
        return;
    };
    let data = Arc::new(tempfile::tempdir_in(disk.path()).unwrap());
    Server::init(data.path(), SETTINGS);
    let machine = Machine { disk, data };
    let mut told = Told::default();
    let server = machine.start();
    told.act(&server).await;
    server.stop();
    let mut state = seed;
    for round in 0..rounds {
        let order = shuffled(&mut state);
        println!("seed {seed}, round {round}: {order:?}");
        // Whoever gave an account up can have it back, whatever the clock says meanwhile.
        let gone = format!("gone{round}");
        let server = machine.start();
        server.register(&gone).await;
        server.operate(AdminCall::DeleteAccount { name: gone.clone() }).await;
        server.stop();
        for fault in order {
            println!("{fault:?}");
            machine.go_through(fault, &mut told).await;
            let server = machine.start();
            told.verify(&server).await;
            server.stop();
        }
        let server = machine.start();
        Person::new().vestryctl(&server, &["account", "restore", &gone]).ended_with(0);
        server.stop();
    }
    println!("{} people, nothing lost", told.accounts.len());
}
