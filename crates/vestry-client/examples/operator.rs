//! A program for operators: lists names and ages of all accounts, a row at a time.
//!
//! ```text
//! cargo run --package vestry-client --example operator -- 127.0.0.1:7444 /var/lib/vestry/certs
//! ```

use std::error::Error;
use std::io::{self, Write};
use vestry_client::{Address, AdminClient};
use vestry_protocol::admin::Cell;
use vestry_protocol::escape::Escaped;
use vestry_tls::CertsDir;
use vestry_tls::config::console_client_from_files;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, certs] = arguments.as_slice() else {
        return Err("usage: operator ADDRESS CERTS-DIR".into());
    };
    let address: Address = address.parse()?;
    let certs = CertsDir::at(certs);
    let (certificate, key) = (certs.operator_certificate("admin"), certs.operator_key("admin"));
    let tls = console_client_from_files(&certs.ca_certificate(), &certificate, &key)?;
    let mut client = AdminClient::connect(&address, tls).await?;

    let mut rows = client.query("select name, age from accounts order by name").await?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", rows.columns().join("\t"))?;
    while let Some(row) = rows.next().await? {
        let cells: Vec<String> = row.iter().map(shown).collect();
        writeln!(stdout, "{}", cells.join("\t"))?;
    }
    Ok(())
}

/// Returns a value without characters that drive a terminal.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => number.to_string(),
        Cell::Text(text) => Escaped(text).to_string(),
        Cell::Blob(bytes) => format!("{bytes:02x?}"),
        Cell::Unknown(item) => item.to_string(),
    }
}
