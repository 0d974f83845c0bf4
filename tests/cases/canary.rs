//! Secrets that exist once in the world are driven through the real programs, with the log at its most talkative; then
//! every file, every output and the server's arguments and environment are searched for them.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vestry_protocol::user::UserReply;
use vestry_tests::harness::{Server, imported_login};
use vestry_tests::imported::{hash_of, import};
use vestry_tests::programs::{Person, Ran};
use vestry_tests::talk::{User, logged_in};

const FIRST: &str = "magpie sonnet gravel 4711 first";
const CHANGED: &str = "walnut ferry almanac 4712 changed";
const AFTER_RESET: &str = "cobalt heron ladder 4713 reset";
const WRONG: &str = "thimble orchard basalt 4714 wrong";
const HASHED: &str = "quartz lantern meadow 4715 hashed";
const HASHED_NEXT: &str = "saffron pulley glacier 4716 hashed";
const PASSPHRASE: &str = "velvet compass tundra 4717 passphrase";

/// What must be found nowhere but where it is at home.
struct Canary {
    what: &'static str,
    forms: Vec<Vec<u8>>,
    /// The only file that may hold it.
    home: Option<PathBuf>,
}

impl Canary {
    fn of(what: &'static str, bytes: &[u8]) -> Self {
        let mut forms = vec![bytes.to_vec()];
        for encoding in [HEXLOWER, HEXUPPER, BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
            forms.push(encoding.encode(bytes).into_bytes());
        }
        Self { what, forms, home: None }
    }

    fn at_home_in(self, home: PathBuf) -> Self {
        Self { home: Some(home), ..self }
    }

    fn is_in(&self, hay: &[u8]) -> bool {
        self.forms.iter().any(|form| hay.windows(form.len()).any(|window| window == form))
    }
}

/// What was searched, by name.
#[derive(Default)]
struct Places(BTreeMap<PathBuf, Vec<u8>>);

impl Places {
    fn add(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.insert(PathBuf::from(name), bytes);
    }

    fn add_output(&mut self, name: &str, ran: &Ran) {
        self.add(name, format!("{}{}", ran.out, ran.err).into_bytes());
    }

    fn add_files_below(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add_files_below(&path);
            } else {
                self.0.insert(path.clone(), std::fs::read(&path).unwrap());
            }
        }
    }
}

/// The only file below a folder of a person's home, with its content.
fn file_below(person: &Person, folder: &str) -> (PathBuf, Vec<u8>) {
    let mut places = Places::default();
    places.add_files_below(&person.home().join(folder));
    places.0.retain(|path, _| !path.ends_with(".lock"));
    assert_eq!(places.0.len(), 1, "{:?}", places.0.keys());
    places.0.pop_first().expect("the client keeps one file there")
}

/// The one word of a file that is long enough for a token.
fn token_in(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text).into_owned();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"+/=_-".contains(c));
    words.max_by_key(|word| word.len()).filter(|word| word.len() >= 40).expect("a token").as_bytes().to_vec()
}

fn write_private(path: &Path, text: &str) {
    let mut options = std::fs::File::options();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// What a person does with an OPAQUE account, from the first password to the third; the one-time code on the way.
fn live_with_an_account(server: &Server, person: &Person, places: &mut Places) -> String {
    let both = format!("{FIRST}\n{CHANGED}");
    let steps: [(&str, &[&str], &str, i32); 6] = [
        ("register", &["register", "naman", "--password-stdin"], FIRST, 0),
        ("a wrong login", &["login", "naman", "--password-stdin"], WRONG, 77),
        ("a password as a name", &["login", WRONG, "--password-stdin"], WRONG, 65),
        ("login", &["login", "naman", "--password-stdin"], FIRST, 0),
        ("passwd", &["passwd", "--password-stdin"], &both, 0),
        ("update", &["update", "--email", "n@example.org", "--password-stdin"], CHANGED, 0),
    ];
    for (name, arguments, input, code) in steps {
        let ran = person.vestry(arguments, input).ended_with(code);
        // The shell's own echo of a mistake: a name that is none is shown to the one who typed it.
        if name != "a password as a name" {
            places.add_output(name, &ran);
        }
    }
    let issued = person.vestryctl(server, &["account", "reset", "naman", "--confirm", "naman"]).ended_with(0);
    let said = issued.out + &issued.err;
    let code =
        said.split_whitespace().find(|word| word.matches('-').count() == 3).expect("a code").to_owned();
    let lines = format!("{code}\n{AFTER_RESET}");
    places.add_output("reset", &person.vestry(&["reset", "naman", "--password-stdin"], &lines).ended_with(0));
    let again = person.vestry(&["login", "naman", "--password-stdin"], AFTER_RESET).ended_with(0);
    places.add_output("login after the reset", &again);
    code
}

/// The same for an account that was imported, whose password is sent once; the tokens of its session and its device.
async fn live_with_a_hash(server: &Server, person: &Person, places: &mut Places) -> [Vec<u8>; 2] {
    import(server, &[("anirudh", HASHED), ("waiting", HASHED)]).await;
    let mut wire = server.connect().await;
    let wrong = wire.call(imported_login("anirudh", WRONG)).await.unwrap();
    assert!(matches!(wrong, UserReply::Refused(_)), "{wrong:?}");
    let session = logged_in(wire.call(imported_login("anirudh", HASHED)).await.unwrap());
    let token = wire.remember().await;
    let log_in = ["login", "anirudh", "--imported", "--password-stdin"];
    places.add_output("an imported login", &person.vestry(&log_in, HASHED).ended_with(0));
    let both = format!("{HASHED}\n{HASHED_NEXT}");
    places.add_output("passwd of it", &person.vestry(&["passwd", "--password-stdin"], &both).ended_with(0));
    [session.token.expose_secret().to_vec(), token.expose_secret().to_vec()]
}

fn back_up(server: &Server, person: &Person, places: &mut Places) -> PathBuf {
    let passphrase = person.home().join("passphrase");
    write_private(&passphrase, PASSPHRASE);
    let (sealed, plain) = (person.home().join("sealed"), person.home().join("plain"));
    let [sealed, plain, from] = [&sealed, &plain, &passphrase].map(|path| path.to_str().unwrap());
    let ran = person.vestryctl(server, &["backup", sealed, "--passphrase-file", from]).ended_with(0);
    places.add_output("a sealed backup", &ran);
    places.add_output("a plain backup", &person.vestryctl(server, &["backup", plain]).ended_with(0));
    passphrase
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sec_0057_canary_secrets_appear_in_no_log_file_or_proc() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    Server::init(folder.path(), "hashing.imported_login_ms = 500");
    let server = Server::start_logging(folder, "debug");
    let (person, other, mut places) = (Person::new(), Person::new(), Places::default());
    person.join(&server);
    other.join(&server);
    let [token, device_token] = live_with_a_hash(&server, &other, &mut places).await;
    let code = live_with_an_account(&server, &person, &mut places);
    let passphrase = back_up(&server, &person, &mut places);
    let audit = person.vestryctl(&server, &["sql", "--format", "tsv", "select * from audit"]).ended_with(0);
    places.add_output("the audit", &audit);
    let (session, kept) = file_below(&person, "run");
    let (device, kept_device) = file_below(&person, "state/vestry/devices");

    let words = [FIRST, CHANGED, AFTER_RESET, WRONG, HASHED, HASHED_NEXT]
        .map(|text| Canary::of(text, text.as_bytes()));
    let mut canaries = Vec::from(words);
    canaries.push(Canary::of("the passphrase", PASSPHRASE.as_bytes()).at_home_in(passphrase));
    canaries.push(Canary::of("the one-time code", code.as_bytes()));
    canaries.push(Canary::of("the bare one-time code", code.replace('-', "").as_bytes()));
    canaries.push(Canary::of("a session's token", &token));
    canaries.push(Canary::of("a device's token", &device_token));
    canaries.push(Canary::of("an imported hash", hash_of(HASHED).as_bytes()));
    canaries.push(Canary::of("the client's token", &token_in(&kept)).at_home_in(session));
    canaries.push(Canary::of("the client's device token", &token_in(&kept_device)).at_home_in(device));

    let log = server.talk();
    assert!(log.contains("DEBUG"), "the log is not talkative: {log}");
    places.add("the log", log.into_bytes());
    for what in ["cmdline", "environ"] {
        // Closed to whoever is not root; that is as good.
        let read = std::fs::read(format!("/proc/{}/{what}", server.pid())).unwrap_or_default();
        places.add(what, read);
    }
    places.add_files_below(person.home());
    places.add_files_below(other.home());
    places.add_files_below(server.folder());
    places.add_files_below(server.stop().path());
    assert!(places.0.len() > 20, "{:?}", places.0.keys());
    for canary in &canaries {
        for (place, bytes) in &places.0 {
            let may = canary.home.as_ref() == Some(place);
            assert!(may || !canary.is_in(bytes), "{} is in {}", canary.what, place.display());
        }
        if let Some(home) = &canary.home {
            assert!(
                canary.is_in(&places.0[home]),
                "{} is not even at home: nothing was searched",
                canary.what
            );
        }
    }
}
