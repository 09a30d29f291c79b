"""Say where webhooks may go: https to public addresses, and nowhere inside.

A URL is judged when it is registered, so that its owner learns early what is wrong with it. What
protects us is the second judgement: each concrete address is judged where its socket is made, for
every attempt, because a name may lead elsewhere by then.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.domain.refusals import Kind, Refusal

URL_LENGTH_MAX: Final = 2_000
"""Longer ones are cut or refused by common servers and proxies."""

UNPRIVILEGED_PORT_MIN: Final = 1_024
"""Below it only 443 is let through: mail, shells and the like listen there."""

HTTPS_PORT: Final = 443

DENIED: Final = (
    IPv4Network("0.0.0.0/8"),  # this host on this network
    IPv4Network("10.0.0.0/8"),  # private
    IPv4Network("100.64.0.0/10"),  # shared by carriers
    IPv4Network("127.0.0.0/8"),  # loopback
    IPv4Network("169.254.0.0/16"),  # link-local, the clouds' metadata among it
    IPv4Network("172.16.0.0/12"),  # private
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.0.2.0/24"),  # documentation
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv4Network("192.168.0.0/16"),  # private
    IPv4Network("198.18.0.0/15"),  # benchmarks
    IPv4Network("198.51.100.0/24"),  # documentation
    IPv4Network("203.0.113.0/24"),  # documentation
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv4Network("240.0.0.0/4"),  # reserved, and broadcast
    IPv6Network("::/3"),  # loopback, embedded IPv4 in all its forms, NAT64, discard
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4, which embeds IPv4
    IPv6Network("3fff::/20"),  # documentation
    IPv6Network("4000::/2"),  # not given out; segment routing among it
    IPv6Network("8000::/1"),  # not given out; local, link-local, site-local, multicast among it
)
"""Every network that is not the public internet. Python's own `is_global` lets through multicast,
6to4, NAT64 and IPv4 that is embedded in IPv6, so the list is written out.
Source: IANA special-purpose address registries for IPv4 and IPv6; RFC 4291 section 2.4.
"""

LOOPBACK: Final = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_INNER_NAMES: Final = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "svc")
"""Endings of names that only ever lead inside. Source: RFC 6761, RFC 6762, RFC 8375."""

_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"({_LABEL}\.)*(?=[a-z0-9-]*[a-z]){_LABEL}", re.ASCII)
_NUMBER: Final = re.compile(r"0x[0-9a-f]*", re.ASCII)
_REST: Final = re.compile(r"[!-~]*", re.ASCII)


class UrlMalformed(Refusal):
    """The URL is not one that can be posted to."""

    kind = Kind.INVALID
    code = "url_malformed"


class UrlNotHttps(Refusal):
    """The URL's scheme is not https."""

    kind = Kind.INVALID
    code = "url_not_https"


class UrlWithUser(Refusal):
    """The URL carries a user's name or password, which would be sent in clear to logs."""

    kind = Kind.INVALID
    code = "url_with_user"


class UrlPortClosed(Refusal):
    """The URL's port is one on which no webhook is received."""

    kind = Kind.INVALID
    code = "url_port_closed"


class UrlNotPublic(Refusal):
    """The URL's host is not on the public internet."""

    kind = Kind.INVALID
    code = "url_not_public"


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Where this installation lets webhooks go.

    `is_loopback_allowed` admits http, and the addresses 127.0.0.0/8 and ::1, for an installation
    whose receivers run on the same machine.
    """

    is_loopback_allowed: bool = False

    def admits(self, address: str) -> bool:
        """Tell whether a socket may be connected to this address; what is unreadable may not."""
        try:
            read = ip_address(address)
        except ValueError:
            return False
        if self.is_loopback_allowed and _is_loopback(read):
            return True
        return not any(read in network for network in DENIED)

    def judge(self, url: str) -> str:
        """Return the URL in its plain form, if webhooks may be sent there.

        Raises:
            UrlMalformed: Not an absolute http(s) URL in plain ASCII, or too long.
            UrlNotHttps: Another scheme than https.
            UrlWithUser: It carries a user's name or password.
            UrlPortClosed: Another port below 1024 than 443.
            UrlNotPublic: Its host is an address or a name inside.
        """
        parts = _split(url)
        host = _host(parts)
        is_here = self.is_loopback_allowed and _is_loopback_host(host)
        if parts.scheme != "https" and not is_here:
            sentence = "Webhooks are sent to https URLs only."
            raise UrlNotHttps(sentence)
        if not is_here:
            _check_port(parts)
            self._check_host(host)
        netloc = f"[{host}]" if ":" in host else host
        if parts.port is not None:
            netloc = f"{netloc}:{parts.port}"
        return parts._replace(netloc=netloc, path=parts.path or "/").geturl()

    def _check_host(self, host: str) -> None:
        is_name = _address(host) is None
        is_inner = host.endswith(tuple(f".{name}" for name in _INNER_NAMES)) or "." not in host
        if is_inner if is_name else not self.admits(host):
            sentence = "Webhooks are sent to hosts on the public internet only."
            raise UrlNotPublic(sentence)


def _split(url: str) -> SplitResult:
    """Split a URL so strictly that no two readers could disagree on its host."""
    if len(url) > URL_LENGTH_MAX or not _REST.fullmatch(url) or set(url) & set('\\"<>^`{|}'):
        sentence = f"A URL is plain ASCII without spaces, at most {URL_LENGTH_MAX} characters."
        raise UrlMalformed(sentence)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        sentence = "The URL's host or port cannot be read."
        raise UrlMalformed(sentence) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or "#" in url:
        sentence = "Give an absolute https URL with a host, without a fragment."
        raise UrlMalformed(sentence)
    if "@" in parts.netloc:
        sentence = "The URL must not carry a user's name or password."
        raise UrlWithUser(sentence)
    return parts


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    address = _address(host)
    if address is not None:
        is_bracketed = parts.netloc.startswith("[")
        if is_bracketed == isinstance(address, IPv6Address):
            return str(address)
    elif _NAME.fullmatch(host) and not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return host
    sentence = "The URL's host is neither a plain DNS name nor a plain address."
    raise UrlMalformed(sentence)


def _check_port(parts: SplitResult) -> None:
    port = parts.port or HTTPS_PORT
    if port != HTTPS_PORT and port < UNPRIVILEGED_PORT_MIN:
        sentence = f"The port must be {HTTPS_PORT}, or {UNPRIVILEGED_PORT_MIN} and above."
        raise UrlPortClosed(sentence)


def _is_loopback_host(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else _is_loopback(address)


def _is_loopback(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in LOOPBACK)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Read a host as an address; a zone makes it none, for it names an interface of ours."""
    if "%" in host:
        return None
    try:
        return ip_address(host)
    except ValueError:
        return None
