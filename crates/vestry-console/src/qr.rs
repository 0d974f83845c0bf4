//! A one-time code as a picture that a phone reads, for handing it over without typing. Only for a terminal.

use qrcodegen::{QrCode, QrCodeEcc};

/// A reader needs so many light modules around the code (ISO/IEC 18004 wants 4; 2 are enough on a screen).
const QUIET_MODULES: i32 = 2;

/// The lines of a picture, two rows of modules each; `None` for a text that is too long for one.
///
/// Light modules are drawn and dark ones left out, as fits a dark terminal; readers take the negative, too.
pub(crate) fn picture_of(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let modules = -QUIET_MODULES..code.size() + QUIET_MODULES;
    let is_light = |x, y| !code.get_module(x, y);
    let line = |y| {
        let cells = modules.clone().map(move |x| match (is_light(x, y), is_light(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        cells.chain(['\n']).collect::<String>()
    };
    Some(modules.clone().step_by(2).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the modules back from the picture and compares them with the code.
    #[test]
    fn the_picture_has_the_modules_of_the_code_and_fits_a_screen() {
        let text = "vestry reset a-name-of-thirty-two-characters.\nABCDE-FGHJK-MNPQR-STVWX";
        let code = QrCode::encode_text(text, QrCodeEcc::Low).unwrap();
        let picture = picture_of(text).unwrap();
        let lines: Vec<Vec<char>> = picture.lines().map(|line| line.chars().collect()).collect();
        assert!(lines.len() <= 22 && lines.iter().all(|line| line.len() <= 78), "{picture}");
        for y in 0..code.size() {
            for x in 0..code.size() {
                let row = usize::try_from(y + QUIET_MODULES).unwrap();
                let cell = lines[row / 2][usize::try_from(x + QUIET_MODULES).unwrap()];
                let light = if row % 2 == 0 { "█▀" } else { "█▄" }.contains(cell);
                assert_eq!(light, !code.get_module(x, y), "{x} {y}");
            }
        }
    }
}
