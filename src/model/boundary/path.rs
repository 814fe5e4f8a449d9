//! Paths of a garden as texts: whether they are what they seem to be.

/// Whether every part of a path is a name of its own, and none leads elsewhere or hides.
pub(super) fn is_plain(path: &str) -> bool {
    path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && !path.chars().any(|letter| letter.is_control() || letter == '\\' || is_unseen(letter))
}

/// Whether a path lies below a folder, or is that folder.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Why a text is no folder of a garden that can hold organisations; reads as a sentence.
pub(super) fn wrong_folder(folder: &str) -> Option<&'static str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
    let mut parts = folder.split('/');
    if folder.is_empty() || folder == "." {
        Some("the garden's own folder holds what all organisations share")
    } else if folder.starts_with('/') {
        Some("folders are named from the garden's own on, not from the root of a disk")
    } else if parts.clone().any(|part| part == "..") {
        Some("a folder outside of the garden is not read")
    } else if parts.clone().any(|part| part.starts_with('.')) {
        Some("folders that start with a dot are not read")
    } else if parts.any(|part| part.is_empty() || !part.chars().all(plain)) {
        Some("folders are words of a to z, digits, `-`, `_` and `.`, with one `/` between them")
    } else {
        None
    }
}

/// A path as a file system may take it for another: without case, width, accents and what is not seen.
pub(super) fn folded(path: &str) -> String {
    let seen = path.chars().filter(|letter| !is_unseen(*letter) && !is_accent(*letter)).map(narrow);
    let folded: String = seen.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    // Windows drops dots and blanks at the end of a name.
    let parts = folded.split('/').map(|part| part.trim_end_matches(['.', ' ']));
    parts.collect::<Vec<_>>().join("/")
}

/// A letter of full width as the ordinary one.
fn narrow(letter: char) -> char {
    match letter {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(letter) - 0xFEE0).unwrap_or(letter),
        _ => letter,
    }
}

fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36F}')
}

fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E01EF}')
}
