//! What the manual pages of `vestryctl` say beside what can be typed.

use vestry_terminal::exit::OF_CLIENTS;
use vestry_terminal::pages::Manual;

/// Of `vestryctl` and each of its commands.
pub(crate) const MANUAL: Manual = Manual {
    section: "1",
    exits: &OF_CLIENTS,
    environment: &[
        ("XDG_DATA_HOME", "Where the data directory is of who is not root; ~/.local/share when unset."),
        ("XDG_STATE_HOME", "Where the history of the prompt is kept; ~/.local/state when unset."),
    ],
    files: &[
        ("/var/lib/vestry/", "The data directory of root; see vestryd(8)."),
        ("certs/operators/NAME.pem, certs/operators/NAME.key", "The certificate of an operator, beneath it."),
        ("certs/ca.pem", "The server's CA, beneath it."),
    ],
    see_also: &[("vestry", "1"), ("vestryd", "8")],
};
