"""URLs that merchants hand in: where a payer's browser or phone may be sent, and where not.

Source: rulings §5.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from unicodedata import normalize

from avtale.rulebook import Environment

# RFC 3986: a scheme, then what follows its colon.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_AUTHORITY: Final = re.compile(r"//([^/?#]*)")
_LABEL: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_NOT_IN_A_URL: Final = re.compile(
    r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]"
)
_NEVER_BARE: Final = re.compile(r'[\\<>"]')
_NEVER_BARE_NAMES: Final = {"\\": "a backslash", "<": "<", ">": ">", '"': "a quotation mark"}
_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

# What a browser or a phone takes for a document, a program or a file rather than for an app.
_NO_APP: Final = frozenset(
    {
        "about",
        "blob",
        "chrome",
        "content",
        "data",
        "file",
        "filesystem",
        "ftp",
        "ftps",
        "feed",
        "intent",
        "jar",
        "javascript",
        "jscript",
        "livescript",
        "mailto",
        "mhtml",
        "mocha",
        "resource",
        "sms",
        "tel",
        "vbs",
        "vbscript",
        "view-source",
        "ws",
        "wss",
    }
)


def check_web_url(
    url: str, *, environment: Environment, app_link_allowed: bool = False, longest: int
) -> str | None:
    """Why a URL is refused, as the second half of a sentence, or None where it may be used.

    It is an https URL of at most `longest` characters; in the test environment http to this very
    machine will do, and where `app_link_allowed` a link such as `myApp://home`.
    """
    if not url:
        return "must not be empty"
    if len(url) > longest:
        return f"must be at most {longest} characters"
    if _NOT_IN_A_URL.search(url):
        return "must not contain white space or control characters"
    if found := _NEVER_BARE.search(url):
        return f"must not contain {_NEVER_BARE_NAMES[found[0]]}"
    if _BROKEN_ESCAPE.search(url):
        return "must have two hexadecimal digits after every %"
    parts = _SCHEME.fullmatch(url)
    if parts is None:
        return "must be a whole URL that begins with https://"
    scheme, rest = parts[1].lower(), parts[2]
    if scheme in {"https", "http"}:
        return _web_reason(scheme, rest, environment)
    if not app_link_allowed or scheme in _NO_APP or len(scheme) == 1:
        return _wanted(environment, app_link_allowed=app_link_allowed)
    return _app_reason(rest)


def _wanted(environment: Environment, *, app_link_allowed: bool) -> str:
    kinds = ["begin with https://"]
    if environment == "test":
        kinds.append("be http:// to a loopback host")
    if app_link_allowed:
        kinds.append("be a link that opens an app")
    return "must " + " or ".join(kinds)


def _web_reason(scheme: str, rest: str, environment: Environment) -> str | None:
    authority = _AUTHORITY.match(rest)
    if authority is None or not authority[1]:
        return "must have a host after //"
    if "@" in authority[1]:
        return "must not contain a user name or password"
    host, port = _split_port(authority[1])
    if port is not None and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        return "must have a port from 1 to 65535, or none"
    if not _is_host(host):
        return "must have a host that exists in the form of a name or an address"
    if scheme == "http" and not (environment == "test" and _is_loopback(host)):
        return _wanted(environment, app_link_allowed=False)
    return None


def _split_port(authority: str) -> tuple[str, str | None]:
    if authority.startswith("["):
        host, bracket, after = authority.partition("]")
        if not bracket or (after and not after.startswith(":")):
            return "", None
        return host + bracket, after[1:] if after else None
    host, colon, port = authority.partition(":")
    return host, port if colon else None


def _is_host(host: str) -> bool:
    if "%" in host or normalize("NFKC", host) != host:
        return False
    if host.startswith("["):
        return _address(host) is not None
    labels = host.removesuffix(".").split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return False
    # A last label that begins with a digit is a number: then the whole is an address in four
    # parts, and not an older spelling (2130706433, 127.1) that not every program reads alike.
    return not labels[-1][0].isdigit() or _address(host) is not None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        if host.startswith("["):
            return IPv6Address(host[1:-1])
        return ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address is not None and address.is_loopback


def _app_reason(rest: str) -> str | None:
    if not rest:
        return "must say something after the scheme"
    authority = _AUTHORITY.match(rest)
    if authority is not None and "@" in authority[1]:
        return "must not contain a user name or password"
    return None
