"""URLs of the provider: every part is checked before a byte is sent.

Quoting does not protect against `..`, so nothing is quoted: a part with special characters is refused.
"""

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from snapshots.cloudca.clean_text import canonical_uuid
from snapshots.cloudca.errors import InvalidInput

BASE_URL_NOT_VALID = "The provider's base address must be https://host/path (http only on this machine)."
SEGMENT_NOT_VALID = "A service code or an environment name has characters that are not allowed."
PROXY_NOT_VALID = "The address of the proxy must be http(s)://user:password@host:port, or without user and password."
ID_NOT_VALID = "This is not the id of a snapshot or a volume."

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HOST = r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_BASE_URL = re.compile(rf"https?://{_HOST}(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*/*")
_PROXY = re.compile(rf"https?://(?:(?:(?![/?#@:])[!-~])+:(?:(?![/?#@])[!-~])+@)?{_HOST}/?")


def checked_base_url(text: str) -> str:
    """Return the base URL without trailing slashes, with scheme and host in lower case.

    Raises InvalidInput unless it is https, or http on a loopback address, without user, query or fragment.
    """
    if not _BASE_URL.fullmatch(text):
        raise InvalidInput(BASE_URL_NOT_VALID)
    parts = _split(text)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise InvalidInput(BASE_URL_NOT_VALID)
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def is_proxy(text: str) -> bool:
    """Return whether it is a proxy URL. Raises nothing, because the URL may contain a password."""
    try:
        # Basic authentication can only send Latin-1; a port may be too large.
        unquote(text).encode("latin-1")
        return bool(_PROXY.fullmatch(text)) and urlsplit(text).port != 0
    except ValueError:
        return False


def environment_path(service_code: str, environment_name: str) -> str:
    """`/services/:service_code/:environment_name`. Raises InvalidInput."""
    if not (_SEGMENT.fullmatch(service_code) and _SEGMENT.fullmatch(environment_name)):
        raise InvalidInput(SEGMENT_NOT_VALID)
    return f"/services/{service_code}/{environment_name}"


def checked_id(text: str) -> str:
    """Return the canonical form of a UUID. Raises InvalidInput if it is not one."""
    canonical = canonical_uuid(text)
    if not canonical:
        raise InvalidInput(ID_NOT_VALID)
    return canonical


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        usable = parts.port != 0  # the port is parsed, and may raise, only when asked for
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(BASE_URL_NOT_VALID)
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
