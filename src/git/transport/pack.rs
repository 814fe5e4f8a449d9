//! Packs, measured while they come: what the objects in one will take once they are unpacked, before libgit2 unpacks them.
//!
//! A pack of a few megabytes can stand for gigabytes: as zeros, or as deltas of a large object, of which base and result are
//! held in memory at once. Git says every size before the bytes that it is of.

use flate2::{Decompress, FlushDecompress, Status};

use crate::git::mirror::MOST_FETCHED;

/// The most bytes of an object, of a delta, and of what a delta is of or makes: libgit2 may hold each of these in memory.
const LARGEST_OBJECT: u64 = 32 << 20;
/// The most bytes of all objects of one fetch, unpacked.
const MOST_UNPACKED: u64 = 4 << 30;

/// What answers a fetch, taken apart as far as sizes go: lines of Git's protocol, and in them a pack.
#[derive(Debug)]
pub(super) struct PackMeter {
    line: LineState,
    pack: PackState,
    /// Objects that are still to come.
    left: u32,
    /// Bytes of the objects so far, unpacked.
    unpacked: u64,
}

#[derive(Debug)]
enum LineState {
    /// The four digits of a line's length, as far as they came.
    Length(Vec<u8>),
    /// The byte that says what the line carries, before so many bytes.
    Band { left: usize },
    /// The rest of a line.
    Line { left: usize, is_pack: bool },
    /// A pack that stands in no lines.
    Bare,
}

#[derive(Debug)]
enum PackState {
    /// The signature, the version and the number of objects, as far as they came.
    Header(Vec<u8>),
    /// What an object is and its size, in groups of bits; `kind` is known after the first byte.
    Object { kind: Option<u8>, size: u64, shift: u32 },
    /// How far back the base of a delta stands.
    Offset { size: u64 },
    /// The id of the base of a delta.
    Base { size: u64, left: usize },
    /// Compressed bytes.
    Content(Box<Content>),
    /// The checksum, and whatever follows it.
    End,
}

#[derive(Debug)]
struct Content {
    inflate: Decompress,
    /// The bytes that the object says it has.
    size: u64,
    /// The first bytes of a delta, in which the sizes of its base and of its result stand.
    delta: Option<Vec<u8>>,
}

impl Default for PackMeter {
    fn default() -> Self {
        Self { line: LineState::Length(Vec::new()), pack: PackState::Header(Vec::new()), left: 0, unpacked: 0 }
    }
}

impl PackMeter {
    /// Measures what came next.
    ///
    /// # Errors
    /// What is too large or no pack, in words.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some(first) = bytes.first() {
            match &mut self.line {
                LineState::Bare => return self.feed_pack(bytes),
                LineState::Length(digits) => {
                    digits.push(*first);
                    bytes = &bytes[1..];
                    if digits.len() == 4 {
                        let digits = std::mem::take(digits);
                        self.begin_line(&digits)?;
                    }
                }
                LineState::Band { left } => {
                    let (left, is_pack) = (*left, *first == 1);
                    bytes = &bytes[1..];
                    self.go_on(left, is_pack);
                }
                LineState::Line { left, is_pack } => {
                    let (here, rest) = bytes.split_at(bytes.len().min(*left));
                    let (left, is_pack) = (*left - here.len(), *is_pack);
                    bytes = rest;
                    self.go_on(left, is_pack);
                    if is_pack {
                        self.feed_pack(here)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn go_on(&mut self, left: usize, is_pack: bool) {
        self.line = if left == 0 { LineState::Length(Vec::new()) } else { LineState::Line { left, is_pack } };
    }

    fn begin_line(&mut self, digits: &[u8]) -> Result<(), String> {
        if digits == b"PACK" {
            self.line = LineState::Bare;
            return self.feed_pack(digits);
        }
        let length = std::str::from_utf8(digits).ok().and_then(|digits| usize::from_str_radix(digits, 16).ok());
        match length.ok_or("it does not answer as Git does")? {
            // Marks between lines, and a line of nothing.
            ..=4 => self.line = LineState::Length(Vec::new()),
            length => self.line = LineState::Band { left: length - 5 },
        }
        Ok(())
    }

    fn feed_pack(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some(first) = bytes.first().copied() {
            match &mut self.pack {
                PackState::End => return Ok(()),
                PackState::Content(_) => {
                    let used = self.unpack(bytes)?;
                    bytes = &bytes[used..];
                    continue;
                }
                PackState::Header(header) => {
                    header.push(first);
                    if header.len() == 12 {
                        let count = <[u8; 4]>::try_from(&header[8..]).map_or(0, u32::from_be_bytes);
                        let is_pack = header.starts_with(b"PACK");
                        self.begin_pack(is_pack, count)?;
                    }
                }
                PackState::Object { kind, size, shift } => {
                    let (group, bits) = if kind.is_none() { (first & 0x0f, 4) } else { (first & 0x7f, 7) };
                    *size |= shifted(group, *shift)?;
                    *shift += bits;
                    let kind = *kind.get_or_insert(first >> 4 & 7);
                    let size = *size;
                    if first & 0x80 == 0 {
                        self.begin_object(kind, size)?;
                    }
                }
                PackState::Offset { size } => {
                    let size = *size;
                    if first & 0x80 == 0 {
                        self.begin_content(size, true);
                    }
                }
                PackState::Base { size, left } => {
                    *left -= 1;
                    let (size, left) = (*size, *left);
                    if left == 0 {
                        self.begin_content(size, true);
                    }
                }
            }
            bytes = &bytes[1..];
        }
        Ok(())
    }

    fn begin_pack(&mut self, is_pack: bool, count: u32) -> Result<(), String> {
        if !is_pack {
            return Err("what it sends is no pack".to_owned());
        }
        if usize::try_from(count).is_ok_and(|count| count > MOST_FETCHED) {
            return Err(format!("it brings {count} objects; at most {MOST_FETCHED} are taken at once"));
        }
        self.left = count;
        self.next_object();
        Ok(())
    }

    fn next_object(&mut self) {
        self.pack = match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                PackState::Object { kind: None, size: 0, shift: 0 }
            }
            None => PackState::End,
        };
    }

    fn begin_object(&mut self, kind: u8, size: u64) -> Result<(), String> {
        const OFFSET_DELTA: u8 = 6;
        const REFERENCE_DELTA: u8 = 7;
        within(size)?;
        match kind {
            OFFSET_DELTA => self.pack = PackState::Offset { size },
            REFERENCE_DELTA => self.pack = PackState::Base { size, left: 20 },
            _ => self.begin_content(size, false),
        }
        Ok(())
    }

    fn begin_content(&mut self, size: u64, is_delta: bool) {
        let delta = is_delta.then(Vec::new);
        self.pack = PackState::Content(Box::new(Content { inflate: Decompress::new(true), size, delta }));
    }

    /// Unpacks some of an object's bytes and drops them; returns how many packed ones were used.
    fn unpack(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let PackState::Content(content) = &mut self.pack else { return Ok(0) };
        let mut room = [0; 16 << 10];
        let before = (content.inflate.total_in(), content.inflate.total_out());
        let status = content.inflate.decompress(bytes, &mut room, FlushDecompress::None);
        let status = status.map_err(|_| "what it sends is no pack".to_owned())?;
        let step = |before: u64, after: u64| usize::try_from(after - before).unwrap_or(usize::MAX);
        let used = step(before.0, content.inflate.total_in());
        let made = step(before.1, content.inflate.total_out());
        if content.inflate.total_out() > content.size {
            return Err("an object is larger than it says".to_owned());
        }
        if let Some(delta) = &mut content.delta {
            let wanted = DELTA_HEAD.saturating_sub(delta.len()).min(made);
            delta.extend_from_slice(&room[..wanted]);
            check_delta(delta)?;
        }
        self.unpacked += u64::try_from(made).unwrap_or(u64::MAX);
        if self.unpacked > MOST_UNPACKED {
            return Err(format!("its objects take over {} GiB unpacked", MOST_UNPACKED >> 30));
        }
        if status == Status::StreamEnd {
            self.next_object();
        } else if used == 0 && made == 0 {
            return Err("what it sends is no pack".to_owned());
        }
        Ok(used)
    }
}

/// The longest two sizes at the beginning of a delta.
const DELTA_HEAD: usize = 20;

/// Checks the sizes of a delta's base and of its result, as far as they came.
fn check_delta(head: &[u8]) -> Result<(), String> {
    let mut rest = head;
    for _ in ["base", "result"] {
        let (mut size, mut shift) = (0, 0);
        while let Some((byte, behind)) = rest.split_first() {
            rest = behind;
            size |= shifted(byte & 0x7f, shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        within(size)?;
    }
    Ok(())
}

/// A group of bits of a number in its place.
fn shifted(group: u8, shift: u32) -> Result<u64, String> {
    let group = u64::from(group);
    let value = group.checked_shl(shift).filter(|value| value >> shift == group);
    value.ok_or_else(|| "an object says no size that there can be".to_owned())
}

fn within(size: u64) -> Result<(), String> {
    if size <= LARGEST_OBJECT {
        return Ok(());
    }
    Err(format!(
        "an object in it is one of {} MiB unpacked; at most {} MiB are taken",
        size >> 20,
        LARGEST_OBJECT >> 20
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn number(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
            value >>= 7;
        }
        bytes.push(u8::try_from(value).expect("seven bits"));
        bytes
    }

    fn object(kind: u8, says: u64, between: &[u8], content: &[u8]) -> Vec<u8> {
        let low = u8::try_from(says & 0x0f).expect("four bits");
        let mut bytes = vec![kind << 4 | low | if says > 0x0f { 0x80 } else { 0 }];
        if says > 0x0f {
            bytes.extend(number(says >> 4));
        }
        bytes.extend(between);
        let mut packed = ZlibEncoder::new(bytes, Compression::best());
        packed.write_all(content).expect("in memory");
        packed.finish().expect("in memory")
    }

    fn pack(count: u32, objects: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"PACK\0\0\0\x02".to_vec();
        bytes.extend(count.to_be_bytes());
        objects.iter().for_each(|object| bytes.extend(object));
        bytes.extend([0; 20]);
        bytes
    }

    /// The lines in which a server sends a pack: an answer, progress, the pack in pieces, the end.
    fn lined(pack: &[u8]) -> Vec<u8> {
        let mut bytes = b"0008NAK\n000e\x02counting\n".to_vec();
        for piece in pack.chunks(999) {
            bytes.extend(format!("{:04x}\x01", piece.len() + 5).into_bytes());
            bytes.extend(piece);
        }
        bytes.extend(b"0000");
        bytes
    }

    fn fed(bytes: &[u8], at_once: usize) -> Result<bool, String> {
        let mut meter = PackMeter::default();
        bytes.chunks(at_once).try_for_each(|bytes| meter.feed(bytes))?;
        Ok(matches!(meter.pack, PackState::End))
    }

    fn delta(base: u64, result: u64) -> Vec<u8> {
        let mut head = number(base);
        head.extend(number(result));
        head.extend([1, b'x']);
        head
    }

    #[test]
    fn a_pack_is_followed_to_its_end_however_it_comes() {
        let text = "edition 2026\n".repeat(500);
        let size = text.len() as u64;
        let of = delta(size, size + 1);
        let objects = [
            object(1, 3, &[], b"abc"),
            object(3, size, &[], text.as_bytes()),
            object(6, of.len() as u64, &[0x81, 0x02], &of),
            object(7, of.len() as u64, &[7; 20], &of),
            object(2, 0, &[], b""),
        ];
        let pack = pack(5, &objects);
        for at_once in [1, 2, 7, 100, 100_000] {
            assert_eq!(fed(&lined(&pack), at_once), Ok(true), "{at_once} at once");
            assert_eq!(fed(&[b"0008NAK\n", &*pack].concat(), at_once), Ok(true), "bare, {at_once} at once");
        }
        assert_eq!(fed(&lined(&pack[..pack.len() / 2]), 100), Ok(false));
    }

    #[test]
    fn what_takes_too_much_is_refused_before_it_is_unpacked() {
        let large = LARGEST_OBJECT + 1;
        let base = delta(large, 3);
        let result = delta(3, large);
        let zeros = vec![0; 1 << 20];
        for (why, pack) in [
            ("of 32 MiB unpacked", pack(1, &[object(3, large, &[], b"")])),
            ("of 32 MiB unpacked", pack(1, &[object(2, large, &[], b"")])),
            ("of 32 MiB unpacked", pack(1, &[object(7, base.len() as u64, &[0; 20], &base)])),
            ("of 32 MiB unpacked", pack(1, &[object(6, result.len() as u64, &[1], &result)])),
            ("larger than it says", pack(1, &[object(3, 5, &[], &zeros)])),
            ("4000000000 objects", pack(4_000_000_000, &[])),
            ("no size that there can be", pack(1, &[[&[0xbf][..], &[0xff; 12]].concat()])),
            ("no pack", b"PICK and so on".to_vec()),
        ] {
            let told = fed(&lined(&pack), 4096).expect_err(why);
            assert!(told.contains(why), "{why}: {told}");
        }
        assert_eq!(fed(b"zzzz", 4), Err("it does not answer as Git does".to_owned()));
    }

    #[test]
    fn many_objects_that_are_small_in_a_pack_count_together() {
        let zeros = object(3, LARGEST_OBJECT, &[], &vec![0; usize::try_from(LARGEST_OBJECT).expect("it fits")]);
        let mut meter = PackMeter::default();
        let mut head = b"PACK\0\0\0\x02".to_vec();
        head.extend(1_000_u32.to_be_bytes());
        meter.feed(&head).expect("a head");
        let most = MOST_UNPACKED / LARGEST_OBJECT;
        meter.unpacked = MOST_UNPACKED - 2 * LARGEST_OBJECT;
        assert!(most > 2);
        assert_eq!(meter.feed(&zeros), Ok(()));
        assert_eq!(meter.feed(&zeros), Ok(()));
        let told = meter.feed(&zeros).expect_err("too much");
        assert!(told.contains("over 4 GiB unpacked"), "{told}");
    }
}
