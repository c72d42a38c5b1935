//! Where the fetches of hooks may go, decided on the addresses that a name resolves to.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;
use url::{Host, Url};

/// Where fetches may go (`--egress`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// Everywhere but link-local addresses and those where clouds tell machines their secrets.
    #[default]
    Guarded,
    /// Everywhere.
    All,
    /// Nowhere.
    Nothing,
    /// To these hosts; a name among them must not lead to a guarded address.
    Hosts(Vec<Rule>),
}

/// One allowed host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In lower case; `*.example.com` means every name below `example.com`.
    host: String,
    /// Any, when absent.
    port: Option<u16>,
}

/// A text that is no `--egress`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no host: write NAME, *.NAME or ADDRESS, each with :PORT if only that is meant")]
pub struct BadRule(String);

impl FromStr for Egress {
    type Err = BadRule;

    /// `default`, `all`, `none`, or hosts parted by commas.
    fn from_str(text: &str) -> Result<Egress, BadRule> {
        match text.trim() {
            "" | "default" => Ok(Egress::Guarded),
            "all" => Ok(Egress::All),
            "none" => Ok(Egress::Nothing),
            hosts => hosts
                .split(',')
                .map(|host| rule(host.trim()))
                .collect::<Result<_, _>>()
                .map(Egress::Hosts),
        }
    }
}

fn rule(text: &str) -> Result<Rule, BadRule> {
    let bad = || BadRule(text.into());
    if text.is_empty() || text.contains(['/', ' ', '@']) {
        return Err(bad());
    }
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address has colons of its own: with a port it stands in brackets.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, Some(port.parse().map_err(|_| bad())?))
        }
        _ => (text, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.strip_prefix("*.").unwrap_or(host).contains('*') {
        return Err(bad());
    }
    Ok(Rule {
        host: host.to_ascii_lowercase(),
        port,
    })
}

impl Rule {
    fn allows(&self, host: &str, port: Option<u16>) -> bool {
        if self.port.is_some() && self.port != port {
            return false;
        }
        match self.host.strip_prefix("*.") {
            Some(parent) => host
                .strip_suffix(parent)
                .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
            None => self.host == host,
        }
    }
}

/// Why a fetch may not go there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden(String);

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this server forbids it: {} (--egress)", self.0)
    }
}

impl Error for Forbidden {}

impl Egress {
    /// Looks at a URL before it is fetched, and again at each redirect. What a name leads to is
    /// looked at by [`Egress::resolver`].
    ///
    /// # Errors
    /// [`Forbidden`].
    pub fn check(&self, url: &Url) -> Result<(), Forbidden> {
        let address = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            _ => None,
        };
        match self {
            Egress::All => Ok(()),
            Egress::Nothing => Err(Forbidden("hooks may fetch nothing here".into())),
            Egress::Guarded => match address {
                Some(ip) => permit(ip),
                None => Ok(()),
            },
            Egress::Hosts(rules) => {
                let host = url.host_str().unwrap_or_default();
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let port = url.port_or_known_default();
                if rules.iter().any(|rule| rule.allows(&host, port)) {
                    Ok(())
                } else {
                    Err(Forbidden(format!("{host} is not among the hosts allowed")))
                }
            }
        }
    }

    /// Resolves names to addresses that are permitted: the ones connected to.
    pub fn resolver(&self) -> Arc<dyn Resolve> {
        Arc::new(Resolver {
            guarded: matches!(self, Egress::Guarded | Egress::Hosts(_)),
        })
    }
}

struct Resolver {
    guarded: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guarded = self.guarded;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let mut forbidden = None;
            let permitted: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| {
                    !guarded
                        || permit(address.ip())
                            .map_err(|why| forbidden = Some(why))
                            .is_ok()
                })
                .collect();
            match forbidden {
                Some(why) if permitted.is_empty() => Err(why.into()),
                _ => Ok(Box::new(permitted.into_iter()) as Addrs),
            }
        })
    }
}

/// Addresses of clouds' metadata services that are not link-local.
const METADATA: [IpAddr; 6] = [
    // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    // Azure
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    // Oracle Cloud
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    // AWS: instances, and pods
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    // Google Cloud
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

fn permit(ip: IpAddr) -> Result<(), Forbidden> {
    let real = inner(ip);
    let link_local = match real {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    if link_local {
        Err(Forbidden(format!("{ip} is a link-local address")))
    } else if METADATA.contains(&real) {
        Err(Forbidden(format!("{ip} is a cloud's metadata service")))
    } else {
        Ok(())
    }
}

/// The IPv4 address that an IPv6 address stands for, where it does.
fn inner(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        // Mapped, and the older compatible form.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] if (high, low) > (0, 1) => v4(high, low),
        // NAT64
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // 6to4
        [0x2002, high, low, ..] => v4(high, low),
        _ => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(egress: &str, url: &str) -> bool {
        let egress: Egress = egress.parse().unwrap();
        egress.check(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn metadata_and_link_local_addresses_are_guarded() {
        for url in [
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::169.254.169.254]/",
            "http://[2002:a9fe:a9fe::1]/",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://169.254.169.254./",
            "http://１６９.254.169.254/",
            "http://[fd20:ce::254]/",
            "http://100.100.100.200/",
            "http://168.63.129.16/",
        ] {
            assert!(!check("default", url), "{url}");
            assert!(check("all", url), "{url}");
        }
        for url in [
            "http://127.0.0.1:8080/",
            "http://[::1]/",
            "http://10.0.0.1/",
            "https://api.example.com/",
        ] {
            assert!(check("default", url), "{url}");
            assert!(!check("none", url), "{url}");
        }
    }

    #[test]
    fn hosts_are_matched_whole() {
        let rules = "api.example.com, *.internal.test,127.0.0.1:8080,[::1]:80,Upper.example";
        for (url, expected) in [
            ("https://api.example.com/x", true),
            ("https://API.example.com:8443/", true),
            ("https://api.example.com./", true),
            ("https://evil-api.example.com/", false),
            ("https://api.example.com.evil.test/", false),
            ("https://user@evil.test/api.example.com", false),
            ("https://a.internal.test/", true),
            ("https://a.b.internal.test/", true),
            ("https://internal.test/", false),
            ("https://xinternal.test/", false),
            ("http://127.0.0.1:8080/", true),
            ("http://127.0.0.1/", false),
            ("http://[::1]/", true),
            ("http://upper.EXAMPLE/", true),
        ] {
            assert_eq!(check(rules, url), expected, "{url}");
        }
        for bad in ["a b", "http://x", "a,,b", "*", "a:port", "*.*.x"] {
            assert!(bad.parse::<Egress>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_leads_to() {
        let resolver = Egress::default().resolver();
        let name: Name = "127.0.0.1".parse().unwrap();
        assert!(resolver.resolve(name).await.is_ok());
        let name: Name = "169.254.169.254".parse().unwrap();
        let Err(error) = resolver.resolve(name).await else {
            panic!("resolved");
        };
        assert!(error.to_string().contains("link-local"), "{error}");
    }
}
