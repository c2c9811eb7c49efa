"""Addresses: where a request may go that somebody else named, and where never (reliability 89, O-1, O-2, O-5).

The list is explicit, since what a library calls global is not always so: addresses that carry another one inside
(mapped, translated, tunnelled) are taken apart, and that one is looked at too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from avtale.rulebook import Environment
from avtale.wire.urls import check_web_url

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LONGEST_URL: Final = 2048
PORTS: Final = frozenset({80, 443, 8080})
"""The ports that a receiver may have; on this very machine, in test, any will do (api-facts 7.1)."""


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")
PRIVATE: Final = _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
NEVER: Final = _networks(
    "0.0.0.0/8",  # this network
    "100.64.0.0/10",  # carriers' own, and the metadata of a cloud
    "168.63.129.16/32",  # the host below a machine in a cloud, behind an address that looks public
    "169.254.0.0/16",  # the link, and the metadata of clouds
    "192.0.0.0/24",  # protocols
    "192.0.2.0/24",  # documentation
    "192.31.196.0/24",  # a hole for questions about private names
    "192.52.193.0/24",  # relays of multicast
    "192.88.99.0/24",  # 6to4 relays
    "192.175.48.0/24",  # a hole for questions about private names
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # many at once
    "240.0.0.0/4",  # kept back, and everybody at once
    "::/128",  # nobody
    "64:ff9b:1::/48",  # translated within a network
    "100::/64",  # a hole
    "2001::/23",  # protocols, Teredo among them
    "2001:db8::/32",  # documentation
    "2620:4f:8000::/48",  # a hole for questions about private names
    "3ffe::/16",  # an experiment that is over
    "3fff::/20",  # documentation
    "5f00::/16",  # segment routing
    "fd00:42::42/128",  # the metadata of a cloud
    "fd00:ec2::/32",  # the metadata of a cloud
    "fd20:ce::254/128",  # the metadata of a cloud
    "fe80::/10",  # the link
    "fec0::/10",  # sites, as once
    "ff00::/8",  # many at once
)
_PUBLIC_IPV6: Final = ip_network("2000::/3")
"""All that was ever given out; what lies outside of it and is not named here is nobody's."""
_MAPPED: Final = ip_network("::ffff:0:0/96")
_NAT64: Final = ip_network("64:ff9b::/96")
_CARRIERS: Final = (
    _MAPPED,
    _NAT64,
    ip_network("::ffff:0:0:0/96"),  # translated, as RFC 2765 writes it
    ip_network("::/96"),  # compatible, as once
)
"""Networks whose addresses end in an IPv4 one."""
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})


@dataclass(frozen=True)
class Policy:
    """What an installation lets its requests go to, beyond the public network."""

    environment: Environment
    subnets: tuple[Network, ...] = ()
    """Subnets of the operator's own whose receivers are wanted, whatever they are."""
    private: bool = False
    """Whether any private address will do; heeded in the environment `test` only."""

    @property
    def loopback(self) -> bool:
        """Whether receivers on this machine will do: in the environment `test` (rulings §9)."""
        return self.environment == "test"

    @property
    def neighbours(self) -> bool:
        """Whether any receiver in a private network will do, over http and on any port too.

        That is how shops in containers beside avtale are reached.
        """
        return self.private and self.environment == "test"

    def refusal(self, address: Address) -> str | None:
        """Why nothing may be sent to an address, as the end of a sentence, or None where it may."""
        for each in (address, *inside(address)):
            if any(each.version == net.version and each in net for net in self.subnets):
                continue
            if reason := self._refusal(each):
                return reason
        return None

    def _refusal(self, address: Address) -> str | None:
        if _is_in(address, LOOPBACK):
            return None if self.loopback else "is this machine"
        if _is_in(address, NEVER):
            return "is no address of a receiver"
        if _is_in(address, PRIVATE):
            return None if self.neighbours else "is in a private network"
        if address.version == 4 or address in _PUBLIC_IPV6 or _is_in(address, _CARRIERS):
            return None
        return "is no address of a receiver"


def inside(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that an IPv6 one carries inside."""
    if not isinstance(address, IPv6Address):
        return
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if _is_in(address, _CARRIERS) and int(address) > 1:
        yield low
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        yield low


class Place(NamedTuple):
    """Where a URL leads: its host in lower case, without brackets or the dot at its end."""

    scheme: str
    host: str
    port: int


def place_of(url: str) -> Place:
    """Where a URL leads that `check_receiver_url` has nothing against."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    return Place(parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80))


def check_receiver_url(url: str, policy: Policy) -> str | None:
    """Why a URL cannot be a receiver's, as the second half of a sentence, or None where it can.

    It is https, in `test` http too on this machine; without user, fragment or an odd port. What its name leads
    to is looked at when something is sent.
    """
    spelled = url
    if policy.neighbours and url[:7].lower() == "http://":
        spelled = "https" + url[4:]
    reason = check_web_url(spelled, environment=policy.environment, longest=LONGEST_URL)
    if reason is not None:
        return reason
    if not url.isascii():
        return "must be written in ASCII: names as xn--…, everything else as %…"
    if "#" in url:
        return "must not have a fragment"
    place = place_of(url)
    is_here = _is_this_machine(place.host)
    if is_here and not policy.loopback:
        return "must not be this machine"
    if place.port not in PORTS and not (policy.neighbours or (is_here and policy.loopback)):
        return f"must have one of the ports {', '.join(map(str, sorted(PORTS)))}"
    address = literal(place.host)
    refused = policy.refusal(address) if address is not None else None
    return None if refused is None else f"must not name an address that {refused}"


def literal(host: str) -> Address | None:
    """The address that a host is, or None where it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def is_name_of_this_machine(host: str) -> bool:
    """Whether a name means this machine wherever it is said (RFC 6761)."""
    return host == "localhost" or host.endswith(".localhost")


def _is_this_machine(host: str) -> bool:
    address = literal(host)
    if address is None:
        return is_name_of_this_machine(host)
    return any(_is_in(each, LOOPBACK) for each in (address, *inside(address)))


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == net.version and address in net for net in networks)
