//! A program for users: makes an account when its name is free, logs in, changes the age, and shows what is stored.
//!
//! ```text
//! cargo run --package vestry-client --example account -- JOIN-STRING NAME AGE < PASSWORD-FILE
//! ```

use std::error::Error;
use std::io::{self, Write};
use vestry_client::{Address, Client, KeptFromLogin, StrongPassword};
use vestry_protocol::escape::Escaped;
use vestry_protocol::fields::{Age, Device, Field, Password, PasswordOwner, PasswordPolicy, Username};
use vestry_protocol::refusal::RefusalCode;
use vestry_protocol::secret::SecretText;
use vestry_protocol::user::{Change, Profile};
use vestry_tls::config::user_client;
use vestry_tls::{JoinString, Trust};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [join, name, age] = arguments.as_slice() else {
        return Err("usage: account JOIN-STRING NAME AGE < PASSWORD-FILE".into());
    };
    // Text from outside is parsed once, before anything is sent.
    let JoinString { host, port, pin } = join.parse()?;
    let (name, age) = (Username::parse(name)?, Age::parse(age)?);
    let device = Device::parse(Field::Device, "example")?;
    let mut typed = String::new();
    io::stdin().read_line(&mut typed)?;
    let password = Password::parse(&SecretText::new(typed.trim_end().to_owned()))?;

    // The server has to show the key whose fingerprint is in the join string.
    let tls = user_client(&Trust::Pin(pin))?;
    let mut client = Client::connect(&Address::new(&host, port)?, tls).await?;

    // A new password keeps the server's rules and is not easy to guess. It stays here: the server gets a proof.
    let server = client.describe_server().await?;
    let policy = PasswordPolicy::with_chars_min(server.password_chars_min.try_into()?).unwrap_or_default();
    let owner = PasswordOwner { name: name.as_str(), email: None, host: Some(&host) };
    let password = StrongPassword::judge(policy, password, &owner)?;
    match client.register(&name, &password, &Profile::default()).await {
        Err(error) if !error.is_refusal(RefusalCode::NameTaken) => return Err(error.into()),
        Ok(_) | Err(_) => {}
    }

    // The token of the session could be kept, to resume it over another connection.
    let password = password.as_password();
    let _session = client.log_in(&name, password, &device, &KeptFromLogin::default()).await?;
    client.update(&Change::Keep, &Change::Set(age.years()), &Change::Keep, None).await?;
    let account = client.show().await?;
    let age = account.profile.age.map_or_else(|| "unknown".to_owned(), |age| age.to_string());
    // What a server sends may hold characters that drive a terminal.
    writeln!(io::stdout(), "{}: age {age}", Escaped(&account.name))?;
    client.log_out(false).await?;
    Ok(())
}
