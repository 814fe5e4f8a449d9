//! What is done to a file, and what must come of it.

use std::ops::Range;

use super::scan::{Role, Word, words};
use super::{Expect, Mutation};

mod words_of;

use words_of::{Meaning, meaning};

/// Every mutation of a file that the generator knows.
pub fn mutations(path: &str, text: &str) -> Vec<Mutation> {
    let words = words(text);
    let mut file = File { path, text, words: &words, out: Vec::new() };
    for word in &words {
        file.spelling(word);
        file.values(word);
        file.quotes(word);
        file.wide(word);
    }
    file.amounts();
    file.braces();
    file.nodes();
    file.form();
    file.harmless();
    file.out
}

struct File<'a> {
    path: &'a str,
    text: &'a str,
    words: &'a [Word],
    out: Vec<Mutation>,
}

impl File<'_> {
    fn push(&mut self, kind: &'static str, what: String, text: String, expect: Expect) {
        self.out.push(Mutation { kind, path: self.path.to_owned(), what, text, expect });
    }

    /// Replaces bytes; the finding is where `expect` says.
    fn replace(&mut self, kind: &'static str, range: Range<usize>, with: &str, expect: Expect) {
        let line = self.text[..range.start].matches('\n').count() + 1;
        let what = format!("line {line}: {:?} becomes {with:?}", &self.text[range.clone()]);
        let mut text = self.text.to_owned();
        text.replace_range(range, with);
        self.push(kind, what, text, expect);
    }

    /// Replaces a word; the finding begins inside it.
    fn replace_word(&mut self, kind: &'static str, word: &Word, with: &str) {
        let expect = here(word.range.start, with);
        self.replace(kind, word.range.clone(), with, expect);
    }

    /// Misspelled names, keys and words that are looked up.
    fn spelling(&mut self, word: &Word) {
        let kind = match word.role {
            Role::Name => "misspelled-name",
            Role::Key => "misspelled-key",
            _ => "misspelled-value",
        };
        let is_looked_up =
            matches!(meaning(word), Meaning::Node | Meaning::Choice | Meaning::Reference | Meaning::Unit);
        let free = matches!(meaning(word), Meaning::Unknown);
        if !(is_looked_up || free) || word.is_quoted() || word.role == Role::Brace {
            return;
        }
        for with in misspellings(&word.text) {
            // One day, one hour, one core: units have both forms.
            if meaning(word) == Meaning::Unit && format!("{with}s") == word.text {
                continue;
            }
            // A smaller grant is too little for each organisation that has more.
            if word.is_number() && word.around.last().is_some_and(|around| around == "grants") {
                continue;
            }
            let expect = if free { Expect::AtMostOne } else { here(word.range.start, &with) };
            self.replace(kind, word.range.clone(), &with, expect);
        }
    }

    /// Values of another kind.
    fn values(&mut self, word: &Word) {
        if !matches!(word.role, Role::Argument(_) | Role::Property(_)) {
            return;
        }
        let of = meaning(word);
        let wrong: &[&str] = match of {
            Meaning::Choice | Meaning::Reference => &["42", "#true", "\"\"", "yes", "a/b", "2026-assises", "[x]"],
            Meaning::Name => &["Les-Communs", "les_communs", "école", "a--b", "-a", "\"\"", "#true", "2026-assises"],
            Meaning::Host => &[
                "42",
                "#true",
                "350.org",
                "\"https://cloud.example.org\"",
                "https://cloud.example.org",
                "Cloud.Example.Org",
                "cloud_1.example.org",
                "cloud",
                "\"\"",
                "école.example",
                "*.example.org",
            ],
            Meaning::Email => &["tech", "@", "tech@", "\"tech at example.org\"", "42", "#true", "\"\""],
            Meaning::Number => &["many", "\"2\"", "#true", "-1", "1.5", "\"\"", "1e3x", "9999999999999999999999"],
            Meaning::Time => &["22:00", "\"22h00\"", "\"25:00\"", "noon", "22", "#true", "\"\"", "\"22:00:00\""],
            Meaning::Zone => &["\"Europe/Pariss\"", "Europe/Paris", "CET+1", "42", "#false", "\"\""],
            Meaning::Url => &["s3.example.org", "\"s3.example.org\"", "https://s3.example.org", "42", "#null", "\"\""],
            Meaning::Text => &["#true", "\"\"", "true", "Deux mots"],
            Meaning::Opaque => &["#true", "\"\"", "a/b"],
            _ => return,
        };
        for with in wrong {
            if matches!(word.role, Role::Property(_)) && *with == "Deux mots" {
                continue;
            }
            self.replace_word("value-of-another-kind", word, with);
        }
        if of == Meaning::Unit {
            self.replace_word("value-of-another-kind", word, "#true");
        }
    }

    /// Quotation marks lost, halved and of other kinds.
    fn quotes(&mut self, word: &Word) {
        let line = word.range.clone();
        if !word.is_quoted() {
            if !word.is_number() && word.role != Role::Brace && word.role != Role::Key {
                self.replace("harmless-quotes", line.clone(), &format!("\"{}\"", word.text), Expect::Nothing);
                self.replace(
                    "unclosed-quote",
                    line.clone(),
                    &format!("\"{}", word.text),
                    Expect::OnLines(line.clone()),
                );
            }
            return;
        }
        let inner = word.text[1..word.text.len() - 1].to_owned();
        self.replace("unclosed-quote", line.clone(), &format!("\"{inner}"), Expect::OnLines(line.clone()));
        self.replace("unopened-quote", line.clone(), &format!("{inner}\""), Expect::OnLines(line.clone()));
        for (open, close) in [('\'', '\''), ('“', '”'), ('‘', '’'), ('`', '`')] {
            self.replace_word("other-quotes", word, &format!("{open}{inner}{close}"));
        }
        self.replace_word("other-quotes", word, &format!("« {inner} »"));
        let plain = inner.chars().all(|letter| letter.is_alphabetic() || letter == '-') && !inner.is_empty();
        let expect = if plain { Expect::Nothing } else { Expect::OnLines(line.clone()) };
        let is_bare = inner.starts_with(char::is_alphabetic) && !inner.contains([' ', '/', ':', '(', '=']);
        let expect = if is_bare { Expect::AtMostOne } else { expect };
        self.replace("quotes-taken-off", line.clone(), &inner, expect);
        self.replace_word("escapes", word, &format!("\"{inner}\\q\""));
    }

    /// The same mistake behind wide, joined and right-to-left text of the same line and of the line above.
    fn wide(&mut self, word: &Word) {
        if !matches!(word.role, Role::Name | Role::Key) || word.text.len() < 3 {
            return;
        }
        let with = format!("{}q", word.text);
        let line_start = self.text[..word.range.start].rfind('\n').map_or(0, |at| at + 1);
        let first = self
            .words
            .iter()
            .find(|other| other.range.start >= line_start)
            .map_or(line_start, |other| other.range.start);
        for comment in ["/* 🌍👩‍🔬 é */ ", "/* مرحبا שלום */ ", "/* 漢字 e\u{301} */ "] {
            let mut text = self.text.to_owned();
            text.replace_range(word.range.clone(), &with);
            text.insert_str(first, comment);
            let at = word.range.start + comment.len();
            let line = self.text[..word.range.start].matches('\n').count() + 1;
            let what = format!("line {line}: {with} behind {comment}");
            self.push("behind-wide-text", what, text, here(at, &with));
        }
    }

    /// Amounts: glued, without their unit, with another one, turned round, quoted, negative, none.
    fn amounts(&mut self) {
        let words = self.words;
        for pair in words.windows(2) {
            let [number, unit] = pair else { continue };
            if !number.is_number() || meaning(unit) != Meaning::Unit {
                continue;
            }
            let (from, both) = (number.range.start, number.range.start..unit.range.end);
            let kind = "amount";
            for with in [
                format!("{}{}", number.text, unit.text),
                number.text.clone(),
                unit.text.clone(),
                format!("{} {}", unit.text, number.text),
                format!("-{} {}", number.text, unit.text),
                format!("\"{}\" {}", number.text, unit.text),
                format!("\"{} {}\"", number.text, unit.text),
                format!("{},{}", number.text, unit.text),
                format!("{}.{}.1 {}", number.text, number.text, unit.text),
                format!("{} {} {}", number.text, unit.text, unit.text),
                format!("{}Gi", number.text),
                "0 GiB".to_owned(),
                "many".to_owned(),
            ] {
                let expect = here(from, &with);
                self.replace(kind, both.clone(), &with, expect);
            }
            for other in ["GiBs", "Gio", "apples", "percent"] {
                self.replace_word(kind, unit, other);
            }
            let wrong = if unit.text == "GiB" || unit.text == "TiB" { "days" } else { "GiB" };
            self.replace_word(kind, unit, wrong);
            let node = words.iter().rfind(|word| word.range.start < from && word.role == Role::Name);
            let Some(node) = node else { continue };
            let line = node.range.start..unit.range.end;
            for with in ["=", " = ", ": "] {
                let mut text = self.text.to_owned();
                text.replace_range(node.range.end..from, with);
                let what = format!("{}{with}{} {}", node.text, number.text, unit.text);
                self.push("amount", what, text, Expect::OnLines(line.clone()));
            }
        }
    }

    /// Braces dropped, doubled, and added where none belongs.
    fn braces(&mut self) {
        let mut open = Vec::new();
        let words = self.words;
        for word in words.iter().filter(|word| word.role == Role::Brace) {
            if word.text == "{" {
                open.push(word.range.start);
                continue;
            }
            let start = open.pop().expect("the file is well formed");
            let block = start..word.range.end;
            self.replace("brace-dropped", start..start + 1, "", Expect::OnLines(block.clone()));
            self.replace("brace-dropped", word.range.clone(), "", Expect::OnLines(block.clone()));
            self.replace("brace-doubled", start..start + 1, "{ {", Expect::OnLines(block.clone()));
            self.replace("brace-doubled", word.range.clone(), "}}", Expect::OnLines(block.clone()));
            self.replace("brace-turned", start..start + 1, "(", Expect::OnLines(block.clone()));
            self.replace("brace-turned", word.range.clone(), ")", Expect::OnLines(block.clone()));
            self.replace("brace-on-next-line", start..start + 1, "\n{", Expect::OnLines(start..start + 2));
        }
        for (range, line) in lines(self.text) {
            if line.trim().is_empty() || line.contains(['{', '}']) || line.trim_start().starts_with("//") {
                continue;
            }
            let end = range.end;
            self.replace("brace-added", end..end, " {", Expect::OnLines(range.clone()));
            self.replace("brace-added", end..end, " }", Expect::OnLines(range.clone()));
            // Of the braces in a row below the last line of a block any may be the one too many.
            let rest = &self.text[end..];
            let row = rest.len() - rest.trim_start_matches([' ', '\n', '}']).len();
            self.replace("brace-added", end..end, "\n}", Expect::OnLines(end + 1..end + 2 + row));
        }
    }

    /// Whole nodes: twice, gone, emptied, with a word too many.
    fn nodes(&mut self) {
        for (range, line) in lines(self.text) {
            let bare = line.trim();
            if bare.is_empty() || bare.starts_with("//") || bare == "}" {
                continue;
            }
            if !self.is_granting(range.start, bare) {
                self.replace("line-removed", range.start..(range.end + 1).min(self.text.len()), "", Expect::AtMostOne);
            }
            if !bare.contains(['{', '}']) {
                let again = format!("\n{line}");
                let twice = range.end + 1..range.end + again.len();
                self.replace("line-twice", range.end..range.end, &again, Expect::OnLines(twice));
                let extra = range.end + 1..range.end + 2;
                // A list of names that only people know may be one longer.
                if !bare.starts_with("groups ") {
                    self.replace("word-too-many", range.end..range.end, " zorglub", Expect::OnLines(range.clone()));
                }
                self.replace("word-too-many", range.end..range.end, " zorglub=1", Expect::OnLines(range.clone()));
                let unknown = format!("\n{}zorglub 1", &line[..line.len() - line.trim_start().len()]);
                self.replace("unknown-line", range.end..range.end, &unknown, Expect::OnLines(extra));
                let name = bare.split_whitespace().next().unwrap_or_default();
                let start = range.start + (line.len() - line.trim_start().len()) + name.len();
                if start < range.end {
                    self.replace("values-removed", start..range.end, "", Expect::OnLines(range.clone()));
                    let block =
                        self.words.iter().filter(|word| word.range.start >= start && word.range.end <= range.end);
                    let last = { block }.next_back().map(|word| word.range.clone());
                    if let Some(last) = last {
                        self.replace("value-removed", last.clone(), "", Expect::AtMostOne);
                    }
                    self.replace("equals", start..start + 1, "=", Expect::OnLines(range.clone()));
                    self.replace("equals", start..start + 1, " = ", Expect::OnLines(range.clone()));
                    self.replace("equals", start..start + 1, ": ", Expect::OnLines(range.clone()));
                }
                self.replace("comma", range.end..range.end, ",", Expect::OnLines(range.clone()));
            }
        }
        self.blocks();
        self.lists();
    }

    /// Whether a line says what an offer grants: without it the garden's ceiling is too little for each that has more.
    fn is_granting(&self, at: usize, line: &str) -> bool {
        let open = self.text[..at].rfind("grants {");
        line == "grants {" || open.is_some_and(|open| !self.text[open..at].contains('}'))
    }

    /// Blocks of several lines: twice, gone, moved into the block after them.
    fn blocks(&mut self) {
        let all: Vec<_> = lines(self.text).collect();
        for (at, (range, line)) in all.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            if !line.trim_end().ends_with('{') {
                continue;
            }
            let closes = |(_, other): &&(Range<usize>, &str)| {
                other.len() - other.trim_start().len() == indent && other.trim() == "}"
            };
            let Some((end, _)) = all[at..].iter().find(closes) else { continue };
            let block = self.text[range.start..end.end].to_owned();
            let again = format!("\n{block}");
            let second = end.end + 1..end.end + again.len();
            self.replace("block-twice", end.end..end.end, &again, Expect::OnLines(second));
            if !self.is_granting(range.start, line.trim()) {
                self.replace("block-removed", range.start..(end.end + 1).min(self.text.len()), "", Expect::AtMostOne);
            }
        }
    }

    /// Lists as other languages write them, and words in them twice.
    fn lists(&mut self) {
        let words = self.words;
        for (at, word) in words.iter().enumerate().filter(|(_, word)| word.node == "modules" && word.role == Role::Name)
        {
            let args: Vec<&Word> =
                words[at + 1..].iter().take_while(|arg| matches!(arg.role, Role::Argument(_))).collect();
            let (Some(first), Some(last)) = (args.first(), args.last()) else { continue };
            let all = first.range.start..last.range.end;
            let texts: Vec<&str> = args.iter().map(|arg| arg.text.as_str()).collect();
            let line = word.range.start..last.range.end;
            for with in [
                texts.join(", "),
                format!("[{}]", texts.join(", ")),
                format!("[{}]", texts.join(" ")),
                format!("\"{}\"", texts.join(" ")),
                texts.join(","),
            ] {
                if texts.len() > 1 {
                    self.replace("list", all.clone(), &with, Expect::OnLines(line.clone()));
                }
            }
            let twice = format!("{} {}", texts.join(" "), texts[0]);
            self.replace("list", all.clone(), &twice, here(last.range.end, &twice));
        }
    }

    /// The file as a whole.
    fn form(&mut self) {
        let text = self.text;
        for (what, edition) in [
            ("none", ""),
            ("before", "edition 2025\n"),
            ("after", "edition 2031\n"),
            ("misspelled", "editon 2026\n"),
            ("twice", "edition 2026\nedition 2026\n"),
            ("glued", "edition2026\n"),
            ("empty", "edition\n"),
            ("quoted", "edition \"26\"\n"),
        ] {
            let rest = text.strip_prefix("edition 2026\n").unwrap_or(text);
            self.push("edition", what.to_owned(), format!("{edition}{rest}"), Expect::Somewhere);
        }
        self.push("emptied", "nothing is left".into(), String::new(), Expect::Somewhere);
        self.push("emptied", "the edition is left".into(), "edition 2026\n".into(), Expect::Somewhere);
        self.push(
            "emptied",
            "all is a comment".into(),
            text.lines().map(|line| format!("// {line}\n")).collect(),
            Expect::Somewhere,
        );
        for part in 1..12 {
            let mut at = text.len() * part / 12;
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let expect = Expect::AtMostOne;
            self.push("cut-off", format!("after {at} bytes"), text[..at].to_owned(), expect);
        }
        for (range, line) in lines(text) {
            let indent = line.len() - line.trim_start().len();
            if line.trim().is_empty() || line.starts_with("edition") || line.trim().starts_with("//") {
                continue;
            }
            let own = range.end + 1..range.end + 2;
            for comment in ["# a comment", "#a comment"] {
                let with = format!("\n{}{comment}", &line[..indent]);
                self.replace("hash-comment", range.end..range.end, &with, Expect::OnLines(own.clone()));
            }
            self.replace("unclosed-comment", range.end..range.end, " /* never closed", Expect::OnLines(range.clone()));
            self.replace("misleading", range.end..range.end, " // \u{202E}x", Expect::OnLines(range.clone()));
            self.replace(
                "misleading",
                range.start + indent..range.start + indent,
                "\u{FEFF}",
                Expect::OnLines(range.clone()),
            );
            self.replace(
                "misleading",
                range.start + indent..range.start + indent,
                "\u{200B}",
                Expect::OnLines(range.clone()),
            );
            let marker = format!("\n<<<<<<< HEAD\n{line}\n=======\n{line}\n>>>>>>> theirs");
            let lines = range.end + 1..range.end + marker.len();
            self.replace("merge-conflict", range.end..range.end, &marker, Expect::OnLines(lines));
        }
    }

    /// What is no mistake.
    fn harmless(&mut self) {
        let text = self.text;
        let mut same = |what: &str, text: String| self.push("harmless-form", what.to_owned(), text, Expect::Nothing);
        same("CRLF", text.replace('\n', "\r\n"));
        same("BOM", format!("\u{FEFF}{text}"));
        same("BOM and CRLF", format!("\u{FEFF}{}", text.replace('\n', "\r\n")));
        same("tabs", text.replace("    ", "\t"));
        same("two blanks", text.replace("    ", "  "));
        same("no indentation", text.lines().map(|line| format!("{}\n", line.trim())).collect());
        same("blanks at line ends", text.replace('\n', "  \n"));
        same("no line end at the end", text.trim_end().to_owned());
        same(
            "blank lines",
            lines(text)
                .map(|(_, line)| format!("{line}{}", if line.starts_with("///") { "\n" } else { "\n\n" }))
                .collect(),
        );
        same("blank lines at the start", format!("\n\n{text}"));
        same("comments at line ends", text.replace('\n', " // 🌍 שלום\n"));
        same(
            "semicolons",
            text.lines()
                .map(|line| {
                    if line.trim().is_empty() || line.contains(['{', '}', '/']) {
                        format!("{line}\n")
                    } else {
                        format!("{line};\n")
                    }
                })
                .collect(),
        );
        for word in self.words.iter().filter(|word| word.role == Role::Name && word.range.start > 0) {
            let at = word.range.start;
            self.replace("harmless-comments", at..at, "/* é */ ", Expect::Nothing);
            self.replace("harmless-comments", at..at, "/-zorglub \"é\" { a; }\n", Expect::Nothing);
        }
        self.turned_lines();
    }

    /// Neighbouring lines of one block change places.
    fn turned_lines(&mut self) {
        let all: Vec<_> = lines(self.text).collect();
        for pair in all.windows(2) {
            let [(first, a), (second, b)] = pair else { continue };
            let indent = |line: &str| line.len() - line.trim_start().len();
            let plain = |line: &str| !line.trim().is_empty() && !line.contains(['{', '}', '/']);
            if plain(a) && plain(b) && indent(a) == indent(b) {
                self.replace("harmless-order", first.start..second.end, &format!("{b}\n{a}"), Expect::Nothing);
            }
        }
    }
}

fn here(start: usize, with: &str) -> Expect {
    Expect::At(start..start + with.len().max(1))
}

/// The lines of a text without their ends.
fn lines(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let range = start..start + line.trim_end_matches('\n').len();
        start += line.len();
        (range, line.trim_end_matches('\n'))
    })
}

/// A word with letters turned, dropped, doubled, raised, and another word.
fn misspellings(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut all = vec!["zorglub".to_owned(), format!("{word}x")];
    if letters.len() > 2 {
        let mut turned = letters.clone();
        turned.swap(1, 2);
        all.push(turned.iter().collect());
        all.push(letters[..letters.len() - 1].iter().collect());
        let doubled = letters.iter().enumerate().flat_map(|(at, letter)| vec![*letter; 1 + usize::from(at == 1)]);
        all.push(doubled.collect());
    }
    let mut raised = letters.clone();
    raised[0] = raised[0].to_ascii_uppercase();
    all.push(raised.iter().collect());
    if word.contains('-') {
        all.push(word.replace('-', "_"));
    }
    all.retain(|other| other != word);
    all.dedup();
    all
}
