//! What is read from `vestryd.toml`, what is refused and how, and what `init` writes there.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/vestryd.toml"), Overrides::default()).map_err(|e| e.to_string())
}

fn refused(text: &str) -> String {
    parse(text).err().unwrap_or_else(|| panic!("{text} was taken"))
}

/// Takes every setting that is only shown into force.
fn uncommented(file: &str) -> String {
    file.lines()
        .map(|line| line.strip_prefix("#= ").unwrap_or(line))
        .fold(String::new(), |all, line| all + line + "\n")
}

#[test]
fn the_file_of_init_says_the_defaults_and_sets_what_differs() {
    let mut config = Config::default();
    config.network.listen = Listen::At(vec![([127, 0, 0, 1], 7443).into()]);
    config.certificates.hosts = Hosts::parse(["a.example"]).unwrap();
    config.accounts.registration_open = false;
    let file = config.to_toml();
    let set: Vec<&str> = file.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).collect();
    let expected = ["listen = \"127.0.0.1:7443\"", "hosts = [\"a.example\"]", "registration = \"closed\""];
    assert_eq!(set, expected);
    let parsed = parse(&file).unwrap();
    config.path.clone_from(&parsed.path);
    assert_eq!(format!("{parsed:?}"), format!("{config:?}"));
    // Every setting that is only shown, taken into force, says what is in force without it.
    let mut all = parse(&uncommented(&file).replace("dir = \"certs\"\n", "")).unwrap();
    all.hashing.threads = parsed.hashing.threads;
    assert_eq!(format!("{all:?}"), format!("{parsed:?}"));
    let longest = file.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(120), "{longest:?}");
}

#[test]
fn no_two_settings_have_the_same_name_and_each_says_what_it_is() {
    let groups = Config::default().describe();
    let names: Vec<String> = groups
        .iter()
        .flat_map(|group| group.settings.iter().map(|setting| format!("{}.{}", group.name, setting.key)))
        .collect();
    assert!(names.len() > 40, "{names:?}");
    for (number, name) in names.iter().enumerate() {
        assert!(!names[number + 1..].contains(name), "{name} is there twice");
    }
    for setting in groups.iter().flat_map(|group| &group.settings) {
        assert!(setting.text.ends_with('.') && !setting.text.contains("  "), "{setting:?}");
        assert!(setting.reason.is_empty() || setting.reason.ends_with('.'), "{setting:?}");
    }
}

#[test]
fn a_value_out_of_range_or_of_another_type_is_refused_with_line_and_range() {
    let cases = [
        ("network.admin_listen", "\"0.0.0.0:7444\"", "a loopback address, as in \"127.0.0.1:7444\""),
        ("network.listen", "7443", "an address with its port"),
        ("network.listen", "\"localhost\"", "an address with its port"),
        ("network.proxy_from", "[\"0.0.0.0/0\"]", "a list of addresses and networks"),
        ("certificates.hosts", "[]", "a list of host names or IP addresses"),
        ("certificates.hosts", "[\"two words\"]", "a list of host names or IP addresses"),
        ("certificates.days", "0", "1 to 825 days"),
        ("accounts.registration", "\"maybe\"", "\"open\" or \"closed\""),
        ("accounts.password_chars_min", "7", "8 to 256 characters"),
        ("accounts.reset_by", "\"viewer\"", "\"helpdesk\" or \"admin\""),
        ("sessions.idle_secs_max", "10", "120 to 2592000 seconds (30 days)"),
        ("audit.keep_days", "-1", "0 to 36500 days; 0 keeps them for ever"),
        ("audit.keep_days", "36501", "0 to 36500 days"),
        ("audit.keep_days", "\"7\"", "0 to 36500 days"),
        ("hashing.imported_login_ms", "100", "500 to 10000 milliseconds"),
        ("hashing.queue_max", "0", "1 to 10000 passwords"),
        ("gate.account_guesses_at_once", "0", "1 to 20 guesses"),
        ("gate.account_guesses_max", "101", "20 to 100 guesses"),
        ("gate.registrations_per_hour_max", "0", "1 to 1000000 accounts"),
        ("gate.write_interval_ms", "4000000", "0 to 3600000 milliseconds"),
        ("gate.exchange_secs_max", "0", "1 to 300 seconds"),
        ("connections.per_source_per_sec_max", "0", "1 to 1000000 connections"),
        ("connections.handshake_secs_max", "1.5", "1 to 86400 seconds"),
        ("connections.idle_secs_max", "90000", "1 to 86400 seconds"),
    ];
    for (name, value, range) in cases {
        let (group, key) = name.split_once('.').unwrap();
        let said = refused(&format!("# a comment\n[{group}]\n\n{key} = {value}\n"));
        assert!(
            said.starts_with(&format!("/etc/vestryd.toml, line 4: {name} cannot be {value}; use {range}")),
            "{said}"
        );
    }
}

#[test]
fn a_key_that_is_no_setting_is_refused_with_the_place_where_it_belongs() {
    let cases = [
        (
            "\nno_such_key = 1",
            "line 2: no_such_key is not a setting; the groups are network, certificates, accounts, ",
        ),
        ("[audit]\nmax = 1", "line 2: audit.max is not a setting; write max below [connections]"),
        ("[audit]\ndays = 1", "line 2: audit.days is not a setting; write days below [certificates]"),
        (
            "[sessions]\nidle_sec = 1",
            "sessions.idle_sec is not a setting; [sessions] has idle_secs_max, absolute_secs_max",
        ),
        (
            "connections = 7",
            "line 1: connections is a group of settings; write [connections], and its settings below",
        ),
        // Former keys, from before there were groups.
        ("connections_per_source_max = 1", "write per_source_max below [connections]"),
        ("hashing_threads = 1", "write threads below [hashing]"),
        ("devices_max = 1", "write devices_max below [gate]"),
        ("audit_days = 1", "write keep_days below [audit]"),
        ("session_idle_secs_max = 1", "write idle_secs_max below [sessions]"),
        ("idle_secs_max = 1", "write idle_secs_max below [connections]"),
        ("certs_dir = \"a\"", "write dir below [certificates]"),
        ("\"\\u001b[2J\" = 1", "line 1: \\u{1b}[2J is not a setting"),
        ("\n[audit\n", "line 2: "),
    ];
    for (text, expected) in cases {
        let said = refused(text);
        assert!(said.contains(expected), "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn an_address_of_the_command_line_is_refused_by_its_flag() {
    let overrides = Overrides { admin_listen: Some(([0, 0, 0, 0], 7).into()), ..Overrides::default() };
    let said = Config::parse("", Path::new("vestryd.toml"), overrides).unwrap_err().to_string();
    assert_eq!(said, "--admin-listen cannot be 0.0.0.0:7; use a loopback address, as in \"127.0.0.1:7444\"");
}

#[test]
fn other_hosts_change_nothing_else_in_the_file() {
    let (path, new) = (Path::new("vestryd.toml"), Hosts::parse(["new.example", "old.example"]).unwrap());
    let hosts = "hosts = [\"new.example\", \"old.example\"]";
    let texts = [
        (
            "# a\n[certificates]\nhosts = [ \"old.example\", # mine\n  \"::1\" ] # b\ndays = 7\n",
            format!("# a\n[certificates]\n{hosts} # b\ndays = 7\n"),
        ),
        ("certificates.hosts = [\"a\"]", format!("certificates.{hosts}")),
        ("[certificates]\ndays = 7\n[audit]", format!("[certificates]\n{hosts}\ndays = 7\n[audit]")),
        ("audit.keep_days = 7", format!("audit.keep_days = 7\n[certificates]\n{hosts}\n")),
        ("", format!("\n[certificates]\n{hosts}\n")),
    ];
    for (before, after) in texts {
        assert_eq!(with_hosts(before, path, &new).unwrap(), after);
    }
    assert!(with_hosts("hosts = [", path, &new).is_err());
}
