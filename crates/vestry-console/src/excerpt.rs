//! Parts of a text that fit on a line of the screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use vestry_protocol::escape::Escaped;

/// A longer word is cut where it is told.
const WORD_CHARS_MAX: usize = 40;

/// Where a text stands in another, when it stands there once.
pub(crate) fn only_place(text: &str, part: &str) -> Option<usize> {
    let mut places = text.match_indices(part).map(|(place, _)| place);
    let first = places.next()?;
    (places.next().is_none() && !part.is_empty()).then_some(first)
}

/// A part of a line of at most `room` columns that contains the byte `at`, with an ellipsis where it was cut; and the column of that
/// byte. What would drive the terminal is spelled out, and a tab is a blank.
pub(crate) fn window(line: &str, at: usize, room: usize) -> (String, usize) {
    const CUT: char = '…';
    let spelled: Vec<(usize, String)> = line
        .char_indices()
        .map(|(place, c)| match c {
            '\t' => (place, " ".to_owned()),
            c => (place, Escaped(c.encode_utf8(&mut [0; 4])).to_string()),
        })
        .collect();
    let room = room.max(2);
    let width = |pieces: &[(usize, String)]| pieces.iter().map(|(_, text)| text.width()).sum::<usize>();
    let (mut before, mut behind): (Vec<_>, Vec<_>) = spelled.into_iter().partition(|(place, _)| *place < at);
    let whole = width(&before) + width(&behind).max(1);
    let mut cut_before = false;
    if whole > room {
        // A third of the room stays for what comes behind, so far as there is so much.
        let kept = room - (width(&behind).max(1) + 1).min(room / 3 + 1);
        // A line may have a hundred thousand characters: each is looked at once.
        let (mut used, mut dropped) = (width(&before), 0);
        while used + usize::from(cut_before) > kept
            && let Some((_, first)) = before.get(dropped)
        {
            (used, dropped, cut_before) = (used - first.width(), dropped + 1, true);
        }
        before.drain(..dropped);
        let left = room - used - usize::from(cut_before);
        let mut used = width(&behind);
        let is_cut = used > left;
        while used + usize::from(is_cut) > left
            && let Some((_, last)) = behind.pop()
        {
            used -= last.width();
        }
        behind.extend(is_cut.then(|| (0, CUT.to_string())));
    }
    let column = width(&before) + usize::from(cut_before);
    let mark = if cut_before { CUT.to_string() } else { String::new() };
    let text = before.into_iter().chain(behind).map(|(_, text)| text).collect::<String>();
    (mark + &text, column)
}

/// The begin of a word that is too long to be told whole.
pub(crate) fn shortened(word: &str) -> String {
    match word.char_indices().nth(WORD_CHARS_MAX) {
        Some((end, _)) => format!("{}…", word.get(..end).unwrap_or_default()),
        None => word.to_owned(),
    }
}

/// As many words of a list as fit, and that it goes on.
pub(crate) fn cut_at_words(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let (mut kept, mut used) = (String::new(), 0);
    for word in text.split_inclusive(' ') {
        used += word.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        if used + 1 > room {
            break;
        }
        kept.push_str(word);
    }
    kept + "…"
}
