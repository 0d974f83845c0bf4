//! What the manual pages of `vestryd` say beside what can be typed.

use vestry_terminal::exit::OF_SERVER;
use vestry_terminal::pages::Manual;

/// Of `vestryd` and each of its commands.
pub(super) const MANUAL: Manual = Manual {
    section: "8",
    exits: &OF_SERVER,
    environment: &[
        ("VESTRY_LOG", "How much goes to the log: debug, info (unless it is set) or warn."),
        ("XDG_DATA_HOME", "Where the data directory is of who is not root; ~/.local/share when unset."),
    ],
    files: &[
        ("/var/lib/vestry/", "The data directory of root."),
        ("vestryd.toml", "The settings, beneath it; each is explained there."),
        ("vestry.db", "The database, beneath it. No other program may open it while a server runs."),
        ("certs/", "The CA, and the certificates of the server and of operators, beneath it."),
        ("secrets/", "The keys without which the database is of no use, beneath it."),
    ],
    see_also: &[("vestryctl", "1"), ("vestry", "1")],
};
