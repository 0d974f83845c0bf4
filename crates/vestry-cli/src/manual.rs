//! What the manual pages of `vestry` say beside what can be typed.

use vestry_terminal::exit::OF_CLIENTS;
use vestry_terminal::pages::Manual;

/// Of `vestry` and each of its commands.
pub(crate) const MANUAL: Manual = Manual {
    section: "1",
    exits: &OF_CLIENTS,
    environment: &[
        ("XDG_CONFIG_HOME", "Where the list of servers is kept; ~/.config when unset."),
        ("XDG_STATE_HOME", "Where what is kept of devices is; ~/.local/state when unset."),
        ("XDG_RUNTIME_DIR", "Where the session is kept until you log out from this machine."),
    ],
    files: &[
        ("$XDG_CONFIG_HOME/vestry/servers.toml", "The servers that were joined, with their pins."),
        (
            "$XDG_RUNTIME_DIR/vestry/",
            "Sessions, a file for each server; in /tmp/vestry-UID when the variable is unset.",
        ),
        ("$XDG_STATE_HOME/vestry/", "Sessions that are to be remembered, and the tokens of this device."),
    ],
    see_also: &[("vestryctl", "1"), ("vestryd", "8")],
};
