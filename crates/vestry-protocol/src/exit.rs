//! How `--help` lists the exit codes of a program, from the program's own table.

/// One line for all codes, broken so that none is longer than `width`.
#[must_use]
pub fn listed(codes: impl IntoIterator<Item = (u8, &'static str)>, width: usize) -> String {
    let mut parts: Vec<String> = codes.into_iter().map(|(code, text)| format!("{code} {text},")).collect();
    if let Some(last) = parts.last_mut() {
        last.pop();
    }
    let (mut text, mut column) = (String::from("Exit codes:"), "Exit codes:".len());
    // A code stays with the first word of its meaning.
    for part in &parts {
        let part_width = part.chars().count();
        if column + 1 + part_width > width {
            text.push('\n');
            column = part_width;
        } else {
            text.push(' ');
            column += 1 + part_width;
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_listed_in_lines_that_are_not_too_long() {
        let text = listed([(0, "done"), (2, "usage"), (130, "interrupted")], 20);
        assert_eq!(text, "Exit codes: 0 done,\n2 usage,\n130 interrupted");
    }
}
