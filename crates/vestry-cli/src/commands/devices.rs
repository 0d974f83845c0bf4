//! `vestry devices`: lists the devices that are remembered for an account, and forgets one of them.

use super::sessions::{in_columns, read_id};
use crate::cli::{DevicesAct, DevicesArgs};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{show_id, shown_time};
use crate::session_link::SessionLink;
use serde::Serialize;
use vestry_protocol::calendar::rfc3339;
use vestry_protocol::escape::Escaped;
use vestry_protocol::typed::vestry;
use vestry_protocol::user::RememberedDevice;
use vestry_terminal::output::width;

#[derive(Debug, Serialize)]
struct DeviceJson<'a> {
    id: String,
    device: &'a str,
    created: Option<String>,
    last_used: Option<String>,
}

impl<'a> DeviceJson<'a> {
    fn of(device: &'a RememberedDevice) -> Self {
        let RememberedDevice { id, device, created, last_used } = device;
        Self { id: show_id(*id), device, created: rfc3339(*created), last_used: rfc3339(*last_used) }
    }
}

#[derive(Debug, Serialize)]
struct ForgottenJson {
    forgotten: String,
}

pub(super) async fn run(context: &mut Context, args: &DevicesArgs) -> Result<(), Failure> {
    match &args.act {
        None => {
            let mut session = SessionLink::of(context)?;
            let devices = session.read(async |client| client.devices().await).await?;
            let json: Vec<DeviceJson<'_>> = devices.iter().map(DeviceJson::of).collect();
            context.output.answer(&json, table(&devices, width()))
        }
        Some(DevicesAct::Forget { id: typed }) => {
            let id =
                read_id(typed).ok_or_else(|| Failure::BadNumber { of: "device", typed: typed.clone() })?;
            let mut session = SessionLink::of(context)?;
            let look = format!("See what is left: {}", vestry("devices"));
            let done = session.write(look, async |client| client.forget_device(id).await).await?;
            done.tell(context.output, |(), teller| {
                let forgotten = show_id(id);
                let text = format!("Forgot device {forgotten}.");
                teller.answer(&ForgottenJson { forgotten }, text)
            })
        }
    }
}

/// The devices as the menu shows them, numbered from 1, on a screen of any width.
pub(crate) fn device_list(devices: &[RememberedDevice]) -> String {
    let lines = devices.iter().enumerate().map(|(at, one)| {
        let (known, used) = (shown_time(one.created), shown_time(one.last_used));
        format!("{:>3}  {}\n     known {known}\n     used  {used}", at + 1, Escaped(&one.device))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn table(devices: &[RememberedDevice], columns: Option<usize>) -> String {
    let header = ["ID", "DEVICE", "REMEMBERED", "LAST USED"];
    let row = |one: &RememberedDevice| {
        let device = Escaped(&one.device).to_string();
        [show_id(one.id), device, shown_time(one.created), shown_time(one.last_used)]
    };
    in_columns(header, &devices.iter().map(row).collect::<Vec<_>>(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::json_line;
    use vestry_protocol::UnixSeconds;

    fn device() -> RememberedDevice {
        RememberedDevice {
            id: 255,
            device: "a\u{1b}[2J".to_owned(),
            created: UnixSeconds::default(),
            last_used: UnixSeconds::from_seconds(86_400),
        }
    }

    #[test]
    fn the_list_is_aligned_and_escaped() {
        assert_eq!(
            table(&[device()], None).lines().collect::<Vec<_>>(),
            [
                "ID                DEVICE      REMEMBERED            LAST USED",
                "00000000000000ff  a\\u{1b}[2J  1970-01-01T00:00:00Z  1970-01-02T00:00:00Z",
            ]
        );
    }

    #[test]
    fn the_json_is_an_array_with_these_keys() {
        let one = RememberedDevice { device: "laptop".to_owned(), ..device() };
        assert_eq!(
            json_line(&[DeviceJson::of(&one)]).unwrap(),
            "[{\"id\":\"00000000000000ff\",\"device\":\"laptop\",\"created\":\"1970-01-01T00:00:00Z\",\
             \"last_used\":\"1970-01-02T00:00:00Z\"}]"
        );
    }
}
