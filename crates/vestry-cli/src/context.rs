//! What every command works with: the options, the user's folders, where to write and whom to ask.

use crate::cli::Options;
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::Secrets;
use crate::servers::read_servers;
use crate::target::Target;
use vestry_client::state::Folders;
use vestry_protocol::fields::{Device, Field, Username};
use vestry_protocol::typed::vestry;
use vestry_terminal::Prompt;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Context {
    /// What was typed for every command.
    pub(crate) options: Options,
    /// Where the files of this user are.
    pub(crate) folders: Folders,
    /// Where to write.
    pub(crate) output: Output,
    /// Whom to ask.
    pub(crate) prompt: Prompt,
    /// Where passwords come from.
    pub(crate) secrets: Secrets,
}

impl Context {
    pub(crate) fn new(options: Options, folders: Folders) -> Self {
        let output = Output::new(options.json);
        let prompt = Prompt::new(options.no_input);
        let secrets = Secrets::new(&options, prompt);
        Self { options, folders, output, prompt, secrets }
    }

    /// The server that is meant.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        Target::find(self.options.named(), || Ok(read_servers(&self.folders, |said| self.output.talk(said))?))
    }

    /// The account that is meant: as it was typed, or else as the person at the terminal types it now.
    pub(crate) fn name(&self, typed: Option<&str>, command: &str) -> Result<Username, Failure> {
        match typed {
            Some(typed) => Ok(Username::parse(typed)?),
            None if self.prompt.is_there() => {
                self.prompt.field("Username: ", Username::parse)?.ok_or(Failure::Cancelled)
            }
            None => {
                let whole = vestry(format!("{command} NAME"));
                Err(Failure::Usage(format!("a name is needed where nobody can be asked, as in: {whole}")))
            }
        }
    }
}

/// What to call this machine in the list of sessions.
pub(crate) fn this_device() -> Result<Device, Failure> {
    let name = rustix::system::uname();
    let host = name.nodename().to_string_lossy();
    Device::parse(Field::Device, &host)
        .or_else(|_| Device::parse(Field::Device, "vestry"))
        .map_err(Failure::from)
}
