//! A set of addresses, made of prefixes once and asked often: sorted, merged ranges and a binary search.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// The addresses of a list of prefixes. IPv4 written inside IPv6 (`::ffff:192.0.2.1`) is IPv4.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrefixSet {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl PrefixSet {
    /// The set of these prefixes; they may overlap and come in any order.
    pub fn new<'a>(prefixes: impl IntoIterator<Item = &'a IpNet>) -> Self {
        let mut set = Self::default();
        for prefix in prefixes {
            match canonical(*prefix) {
                IpNet::V4(net) => set
                    .v4
                    .push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => set
                    .v6
                    .push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        set.v4 = merged(set.v4);
        set.v6 = merged(set.v6);
        set
    }

    /// Whether the address is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => covers(&self.v4, v4.to_bits(), v4.to_bits()),
            IpAddr::V6(v6) => covers(&self.v6, v6.to_bits(), v6.to_bits()),
        }
    }

    /// Whether every address of the prefix is in the set.
    pub fn contains_all(&self, prefix: IpNet) -> bool {
        match canonical(prefix) {
            IpNet::V4(net) => covers(&self.v4, net.network().to_bits(), net.broadcast().to_bits()),
            IpNet::V6(net) => covers(&self.v6, net.network().to_bits(), net.broadcast().to_bits()),
        }
    }

    /// Whether there is no address in it.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// A prefix without host bits; one of IPv4 inside IPv6 as what it is.
pub(super) fn canonical(prefix: IpNet) -> IpNet {
    let prefix = prefix.trunc();
    if let IpNet::V6(net) = prefix
        && net.prefix_len() >= 96
        && let Some(v4) = mapped(net.network())
        && let Ok(net) = ipnet::Ipv4Net::new(v4, net.prefix_len() - 96)
    {
        return IpNet::V4(net);
    }
    prefix
}

fn mapped(address: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    address.to_ipv4_mapped()
}

/// Sorted ranges that neither overlap nor touch.
fn merged<T: Copy + Ord + Step>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if before.1.next().is_none_or(|next| first <= next) => {
                before.1 = Ord::max(before.1, last);
            }
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn covers<T: Copy + Ord>(ranges: &[(T, T)], first: T, last: T) -> bool {
    let after = ranges.partition_point(|range| range.0 <= first);
    after > 0 && last <= ranges[after - 1].1
}

/// The next number, if there is one.
trait Step: Sized {
    fn next(self) -> Option<Self>;
}

impl Step for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

impl Step for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(prefixes: &[&str]) -> PrefixSet {
        let parsed: Vec<IpNet> = prefixes
            .iter()
            .map(|text| text.parse().expect("a prefix"))
            .collect();
        PrefixSet::new(&parsed)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn edges_of_prefixes() {
        let set = set(&[
            "192.0.2.0/25",
            "192.0.2.128/26",
            "0.0.0.0/32",
            "255.255.255.255/32",
            "2001:db8::/48",
            "::ffff:198.51.100.0/120",
        ]);
        for inside in [
            "192.0.2.0",
            "192.0.2.191",
            "0.0.0.0",
            "255.255.255.255",
            "2001:db8::",
            "2001:db8:0:ffff:ffff:ffff:ffff:ffff",
            "::ffff:192.0.2.7",
            "198.51.100.9",
            "::ffff:198.51.100.9",
        ] {
            assert!(set.contains(ip(inside)), "{inside}");
        }
        for outside in [
            "192.0.1.255",
            "192.0.2.192",
            "0.0.0.1",
            "255.255.255.254",
            "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001:db8:1::",
            "198.51.101.0",
            "::c000:207",
        ] {
            assert!(!set.contains(ip(outside)), "{outside}");
        }
        assert!(set.contains_all("192.0.2.64/26".parse().expect("a prefix")));
        assert!(!set.contains_all("192.0.2.0/24".parse().expect("a prefix")));
        assert!(PrefixSet::default().is_empty() && !set.is_empty());
        assert!(!PrefixSet::default().contains(ip("::")));
    }

    proptest! {
        #[test]
        fn agrees_with_looking_at_each(
            prefixes in prop::collection::vec((any::<u32>(), 8u8..=32), 0..40),
            more in prop::collection::vec((any::<u128>(), 8u8..=128), 0..40),
            address in any::<u32>(), long in any::<u128>(), at in any::<prop::sample::Index>(),
        ) {
            let mut all: Vec<IpNet> = prefixes.iter()
                .map(|(bits, len)| IpNet::new(IpAddr::V4((*bits).into()), *len).expect("good")).collect();
            all.extend(more.iter().map(|(bits, len)| IpNet::new(IpAddr::V6((*bits).into()), *len).expect("good")));
            let set = PrefixSet::new(&all);
            let mut asked = vec![IpAddr::V4(address.into()), IpAddr::V6(long.into())];
            if !all.is_empty() {
                let net = all[at.index(all.len())];
                asked.extend([net.network(), net.broadcast()]);
            }
            for address in asked {
                let slow = all.iter().any(|net| canonical(*net).contains(&address.to_canonical()));
                prop_assert_eq!(set.contains(address), slow);
            }
        }
    }
}
