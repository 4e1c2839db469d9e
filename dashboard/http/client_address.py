"""The only place that reads a client's network address, for limits, logs and the audit."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "-"
"""The network of all clients with an unknown address: they share each limit."""
SUBSCRIBER_BITS = 64
"""A subscriber has at least an IPv6 network of this size and may use any address in it."""
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052


def address_of(request: HttpRequest | None) -> str | None:
    """Return a request's client address in normal form, behind the trusted proxies; None if there is none."""
    return None if request is None else address_in(request.META)


def address_in(environ: Mapping[str, object]) -> str | None:
    """Do the same for a WSGI environ.

    `X-Forwarded-For` is read from the right: each trusted proxy added one entry; entries before these are not trusted.
    With too few entries, or an entry that is not an address, the connection's address is used.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    entries = str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    claimed = entries[-proxies] if 0 < proxies <= len(entries) else ""
    found = _parse(claimed) or _parse(str(environ.get("REMOTE_ADDR", "")))
    return str(found) if found else None


def network_of(request: HttpRequest | None) -> str:
    """Return what limits count as one client: an IPv4 address, or the /64 of an IPv6 address."""
    address = address_of(request)
    if address is None:
        return UNKNOWN
    return str(ip_network((address, SUBSCRIBER_BITS), strict=False)) if ":" in address else address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: with quotes, brackets, port or zone."""
    bare = text.strip().strip('"').strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        found = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return _ipv4_in(found) or found if isinstance(found, IPv6Address) else found


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address inside an IPv6 address: mapped, translated (NAT64) or tunnelled (6to4)."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
