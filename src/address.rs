//! Ranges of IP addresses, as network policies name them, and which of them lie outside a cluster.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with the number of its leading bits that count; the bits after them are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressRange {
    first: IpAddr,
    bits: u8,
}

/// Everything that network policies call an address block: a range, and the ranges in it that are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressBlock {
    pub(crate) range: AddressRange,
    pub(crate) except: Vec<AddressRange>,
}

/// IPv4 addresses that are nobody's on the internet, and those by which clouds answer their own machines.
const INSIDE_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Azure's own services answer its machines there.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // Of Oracle's metadata, too.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    // To many at once, and reserved.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// The same of IPv6; the first holds IPv4 addresses in their mapped form.
const INSIDE_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::UNSPECIFIED, 64),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48),
    // Tunnels to IPv4 addresses.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];

/// Where networks without IPv4 translate to it: the last 32 bits are the IPv4 address.
const TRANSLATED: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// The fewest leading bits of a range in a garden, of IPv4 and IPv6: no network that somebody has is wider.
const LEAST_BITS: (u8, u8) = (8, 16);

/// Where IPv6 spells IPv4 addresses: the block, and at which bit of it the address begins; where that is not plain, none.
const OF_V4: &[(Ipv6Addr, u8, Option<u8>)] = &[
    // Compatible, mapped and translated without a state.
    (Ipv6Addr::UNSPECIFIED, 96, Some(96)),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, Some(96)),
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, Some(96)),
    // NAT64, well known and of one's own.
    (TRANSLATED, 96, Some(96)),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Some(96)),
    // Teredo turns the bits over.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, None),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Some(16)),
];

/// Why a range names no addresses that somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeProblem {
    /// It is wider than any network: its leading bits are fewer than these.
    TooWide(u8),
    /// It spells IPv4 addresses in a form of IPv6: these, where that is plain.
    OfIpv4(Option<AddressRange>),
}

impl AddressRange {
    /// Why the file of a cluster does not name this range; none where it may.
    pub(crate) fn problem(self) -> Option<RangeProblem> {
        let least = if self.first.is_ipv4() { LEAST_BITS.0 } else { LEAST_BITS.1 };
        if self.bits < least {
            return Some(RangeProblem::TooWide(least));
        }
        let block = |first: Ipv6Addr, bits: u8| Self { first: IpAddr::V6(first), bits };
        let (.., start) = OF_V4.iter().find(|(first, bits, _)| {
            let block = block(*first, *bits);
            block.contains(self) || self.contains(block)
        })?;
        Some(RangeProblem::OfIpv4(start.and_then(|start| self.spelled(start))))
    }

    /// The IPv4 range that begins at a bit of an IPv6 range; none where it would be too wide, or is of no network.
    fn spelled(self, start: u8) -> Option<Self> {
        let IpAddr::V6(first) = self.first else { return None };
        let bits = self.bits.checked_sub(start)?.min(32);
        let address = u32::try_from((first.to_bits() >> (96 - start)) & u128::from(u32::MAX)).ok()?;
        let of_network = bits >= LEAST_BITS.0 && address >> 24 != 0;
        of_network.then(|| Self::new(IpAddr::V4(Ipv4Addr::from_bits(address)), bits))
    }

    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or one address; bits after those that count are set to zero.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.len() <= 3 && bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(bits.parse::<u8>().ok()?))
            }
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = most_bits(address);
        let bits = bits.unwrap_or(most);
        (bits <= most).then(|| Self::new(address, bits))
    }

    fn new(address: IpAddr, bits: u8) -> Self {
        let first = match address {
            IpAddr::V4(address) => {
                let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & kept))
            }
            IpAddr::V6(address) => {
                let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
            }
        };
        Self { first, bits }
    }

    /// Whether every address of another range lies in this one.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.bits <= other.bits
            && self.first.is_ipv4() == other.first.is_ipv4()
            && Self::new(other.first, self.bits) == self
    }

    /// The range of the IPv6 addresses that are translated to those of an IPv4 range.
    fn translated(self) -> Option<Self> {
        let IpAddr::V4(first) = self.first else { return None };
        let address = Ipv6Addr::from_bits(TRANSLATED.to_bits() | u128::from(first.to_bits()));
        Some(Self { first: IpAddr::V6(address), bits: 96 + self.bits })
    }
}

fn most_bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.first, self.bits)
    }
}

/// Returns the addresses that lie outside every network of a cluster, whatever its file names: no private, link-local or other
/// special ones, in none of the forms that IPv6 has for IPv4 addresses, and none of `inside`.
pub(crate) fn outside(inside: &[AddressRange]) -> Vec<AddressBlock> {
    let fixed_v4 = INSIDE_V4.iter().map(|(first, bits)| AddressRange { first: IpAddr::V4(*first), bits: *bits });
    let fixed_v6 = INSIDE_V6.iter().map(|(first, bits)| AddressRange { first: IpAddr::V6(*first), bits: *bits });
    let (named_v4, named_v6): (Vec<AddressRange>, Vec<AddressRange>) =
        inside.iter().partition(|range| range.first.is_ipv4());
    let v4: Vec<AddressRange> = fixed_v4.chain(named_v4).collect();
    let translated = v4.iter().filter_map(|range| range.translated());
    let v6: Vec<AddressRange> = fixed_v6.chain(named_v6).chain(translated).collect();
    let block = |first: IpAddr, except: Vec<AddressRange>| AddressBlock {
        range: AddressRange { first, bits: 0 },
        except: widest(except),
    };
    vec![block(IpAddr::V4(Ipv4Addr::UNSPECIFIED), v4), block(IpAddr::V6(Ipv6Addr::UNSPECIFIED), v6)]
}

/// Whether an address lies outside every network of a cluster, whatever its file names.
pub(crate) fn is_outside(address: IpAddr) -> bool {
    let one = AddressRange { first: address, bits: most_bits(address) };
    outside(&[])
        .iter()
        .any(|block| block.range.contains(one) && !block.except.iter().any(|except| except.contains(one)))
}

/// Ranges in order, without those that lie in another one of them.
fn widest(mut ranges: Vec<AddressRange>) -> Vec<AddressRange> {
    ranges.sort();
    let mut widest: Vec<AddressRange> = Vec::new();
    for range in ranges {
        // What holds a range begins no later and has fewer bits, so it stands before it.
        if widest.last().is_none_or(|last| !last.contains(range)) {
            widest.push(range);
        }
    }
    widest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        AddressRange::parse(text).unwrap()
    }

    #[test]
    fn ranges_are_read_in_every_form_and_nothing_else_is() {
        for (text, shown) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.20.30.40/8", "10.0.0.0/8"),
            ("203.0.113.7", "203.0.113.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::7/32", "2001:db8::/32"),
            ("2001:db8::7", "2001:db8::7/128"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(range(text).to_string(), shown, "{text}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "::/129", "10.0.0.1-9", "010.0.0.1"] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_is_of_a_network_in_its_own_form() {
        for text in ["10.0.0.0/8", "203.0.113.7", "2001:db8::/32", "2003::/19", "fd00:1::/32", "65::/16", "2620::1"] {
            assert_eq!(range(text).problem(), None, "{text}");
        }
        for (text, least) in [
            ("0.0.0.0/0", 8),
            ("0.0.0.0/1", 8),
            ("128.0.0.0/1", 8),
            ("10.0.0.0/7", 8),
            ("::/0", 16),
            ("8000::/1", 16),
            ("2000::/3", 16),
        ] {
            assert_eq!(range(text).problem(), Some(RangeProblem::TooWide(least)), "{text}");
        }
        for (text, meant) in [
            ("::ffff:203.0.113.0/124", Some("203.0.113.0/28")),
            ("::ffff:203.0.113.7", Some("203.0.113.7/32")),
            ("::203.0.113.0/124", Some("203.0.113.0/28")),
            ("::ffff:0:203.0.113.0/124", Some("203.0.113.0/28")),
            ("64:ff9b::203.0.113.0/124", Some("203.0.113.0/28")),
            ("64:ff9b:1::203.0.113.0/124", Some("203.0.113.0/28")),
            ("2002:cb00:7100::/44", Some("203.0.113.0/28")),
            ("2002:cb00:7107:1::5", Some("203.0.113.7/32")),
            ("2002::/16", None),
            ("64:ff9b::/96", None),
            ("64:ff9b:1::/48", None),
            ("64:ff9b::/32", None),
            ("::ffff:0:0/96", None),
            ("::/64", None),
            ("::1", None),
            ("2001:0:1234::/48", None),
        ] {
            let meant = meant.map(range);
            assert_eq!(range(text).problem(), Some(RangeProblem::OfIpv4(meant)), "{text}");
        }
    }

    #[test]
    fn nothing_inside_lies_outside_in_any_of_its_forms() {
        let blocks = outside(&[range("203.0.113.0/26"), range("2001:db8:1::/48"), range("10.1.0.0/16")]);
        let reached = |text: &str| {
            let one = range(text);
            let open = |block: &AddressBlock| {
                block.range.contains(one) && !block.except.iter().any(|except| except.contains(one))
            };
            blocks.iter().any(open)
        };
        for inside in [
            "10.1.2.3",
            "172.31.255.255",
            "192.168.1.1",
            "100.100.100.200",
            "169.254.169.254",
            "168.63.129.16",
            "192.0.0.192",
            "127.0.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "203.0.113.63",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:203.0.113.1",
            "::10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b::203.0.113.1",
            "64:ff9b:1::1",
            "2002:a00:1::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2001:db8:1::1",
        ] {
            assert!(!reached(inside), "{inside}");
        }
        for outside in ["203.0.113.64", "1.1.1.1", "172.32.0.1", "2001:db8:2::1", "2606:4700::1", "64:ff9b::1.1.1.1"] {
            assert!(reached(outside), "{outside}");
        }
        for block in &blocks {
            let within = |except: &AddressRange| block.range.contains(*except) && except.bits > block.range.bits;
            assert!(block.except.iter().all(within), "{block:?}");
        }
        assert!(!blocks[0].except.contains(&range("10.1.0.0/16")), "what lies in another range is not said again");
    }
}
