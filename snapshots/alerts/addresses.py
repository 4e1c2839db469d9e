"""Which addresses a webhook may lead to: those of the public internet, and hosts that the operator allows.

An admin who sets a webhook chooses where this server connects to. So the address that is really connected to is
checked, not the name: a name may lead to another address at each lookup.
"""

import re
import socket
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

PORTS = (443, 8443)
MOST_URL = 500
# Printable ASCII, with a host of letters, digits, dots and hyphens, or an IPv6 address; no user, no fragment.
URL = re.compile(r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?:[/?][!-\"$-\[\]-~]*)?")
# What a system may read as an address of IPv4: the last part is a number.
NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
# Special-purpose addresses (IANA), without which IPv4 is public; and Azure's own, which every machine there can reach.
NOT_PUBLIC = [
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",
    )
]
# Of IPv6 only this is public, without what holds an IPv4 address (Teredo, 6to4) or has another special purpose. An IPv4
# address that is mapped or translated (::ffff:0:0/96, 64:ff9b::/96) lies outside of it.
PUBLIC_6 = ip_network("2000::/3")
NOT_PUBLIC_6 = [
    ip_network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "3ffe::/16")
]


class Refused(Exception):
    """Alerts may not be sent there. Its text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Target:
    """A webhook's address: host and port to connect to, and what to request there."""

    host: str
    port: int
    path: str

    @property
    def is_allowed(self) -> bool:
        """Whether the operator allows this host, wherever it is."""
        return self.host.rstrip(".") in settings.ALERT_PRIVATE_HOSTS

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[0] else f"{host}:{self.port}"


def target_of(url: str) -> Target:
    """Read a webhook's address. Raises `Refused` if it cannot be one, or is one of this network by its own words."""
    if len(url) > MOST_URL or not URL.fullmatch(url):
        raise Refused(_("Enter an address such as https://alerts.example.com/hook, without a user name and a #."))
    parts = urlsplit(url)
    try:
        port = PORTS[0] if parts.port is None else parts.port
    except ValueError:
        raise Refused(_("The port is not a number up to 65535.")) from None
    target = Target(parts.hostname or "", port, (parts.path or "/") + (parts.query and f"?{parts.query}"))
    if target.is_allowed:
        return target
    if target.port not in PORTS:
        raise Refused(_("Only the ports 443 and 8443 are allowed."))
    if ":" in target.host or NUMERIC.fullmatch(target.host):
        _check_literal(target.host)
    return target


def _check_literal(host: str) -> None:
    """Raise `Refused` unless it is a public address in its usual form: systems also read 0x7f.1 and 2130706433."""
    try:
        address = ip_address(host)
    except ValueError:
        raise Refused(_("Write the address as four numbers, or use a name.")) from None
    if not is_public(address):
        raise Refused(_not_public(host))


def addresses_of(target: Target, seconds: float) -> list[str]:
    """Look the host up, once. Raises `Refused` if one of its addresses may not be connected to, or there is none."""
    found = _look_up(target.host, target.port, seconds)
    if not target.is_allowed and not all(is_public(address) for address in found):
        raise Refused(_not_public(target.host))
    return [str(address) for address in found]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC)
    return address in PUBLIC_6 and not any(address in network for network in NOT_PUBLIC_6)


def _not_public(host: str) -> str:
    return _("%(host)s is not an address of the public internet. The operator can allow it.") % {"host": host}


def _look_up(host: str, port: int, seconds: float) -> list[IPv4Address | IPv6Address]:
    """Resolve in a thread, as nothing else bounds the time that the system takes."""
    found: Future[list[str]] = Future()

    def resolve() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.set_result([str(address[0]) for *_rest, address in rows])
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    Thread(target=resolve, name=f"lookup of {host}", daemon=True).start()
    try:
        texts = found.result(seconds)
    except (OSError, UnicodeError):  # a TimeoutError is an OSError
        texts = []
    # A zone of a link-local address ("%eth0") leads to no public address in any case.
    addresses = [ip_address(text.partition("%")[0]) for text in dict.fromkeys(texts)]
    if not addresses:
        raise Refused(_("The host %(host)s was not found.") % {"host": host})
    return addresses
