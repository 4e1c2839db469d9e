"""What the environment variables must satisfy. Each rule returns sentences; one is enough to refuse the start."""

import binascii
import re
import ssl
from base64 import urlsafe_b64decode
from collections.abc import Iterable
from hashlib import sha256
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

MOST_DAYS = 36500
LOOPBACK_SECRET = "insecure-secret-for-loopback-only-never-for-a-site-that-others-reach"  # noqa: S105
MIN_SECRET_LENGTH = 50
MIN_DISTINCT = 8
"""Fewer distinct characters (or bytes of a key) than this are a placeholder, not chance."""
EXAMPLE_MARKS = ("insecure", "example", "change", "secret")
FERNET_KEY_BYTES = 32
MIN_METRICS_TOKEN = 32

DATABASE_SCHEMES = ("sqlite", "postgres", "postgresql")
CACHE_SCHEMES = ("redis", "rediss")
MOST_ISSUER, MOST_OIDC_NAME = 200, 40  # the one is kept with each link, the other is a button
ONE_WORD = re.compile(r"[\x21-\x7e]*")

EMAIL_SCHEMES = ("smtp", "smtp+tls", "smtp+ssl", "consolemail", "filemail")

# User and password together or none, percent-encoded where they hold / ? # @ or : themselves.
PROXY = re.compile(
    r"https?://(?:[^\s/?#@:]+:[^\s/?#@]+@)?(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?", re.ASCII
)

MAKE_SECRET = 'python3 -c "import secrets; print(secrets.token_urlsafe(50))"'  # noqa: S105
MAKE_RING_KEY = 'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'


def refuse(problems: Iterable[str]) -> NoReturn:
    """End the process, be it a command or a server, with one line per problem and no traceback."""
    lines = [f"The dashboard does not start: {problem}" for problem in problems]
    raise SystemExit("\n".join(lines))


def is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def site_url(url: str) -> list[str]:
    """Judge SITE_URL: https and a host, or http on this machine; nothing after the host."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return ["SITE_URL must be an address such as https://snapshots.your-company.com."]
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        return ["SITE_URL must end after the host and port: no path, no user name, no ? and no #."]
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return ["SITE_URL must begin with https://; http:// is for this machine alone (localhost, 127.0.0.1)."]
    return []


def debug(on: bool, *, production: bool) -> list[str]:
    if on and production:
        return ["DEBUG is on. It shows the inside of the program to visitors; switch it off where SITE_URL is https."]
    return []


def secret_key(key: str, *, production: bool) -> list[str]:
    """Judge SECRET_KEY, on which signatures rest: in production long and random, else anything."""
    if not production:
        return []
    if not key:
        return [f"SECRET_KEY is missing. Make one with: {MAKE_SECRET}"]
    if len(key) < MIN_SECRET_LENGTH or len(set(key)) < MIN_DISTINCT:
        return [f"SECRET_KEY is too short or too plain. Make one with: {MAKE_SECRET}"]
    if any(mark in key.lower() for mark in EXAMPLE_MARKS):
        return [f"SECRET_KEY looks like an example. Make one with: {MAKE_SECRET}"]
    return []


def encryption_keys(keys: list[str], *, secret_key: str, production: bool) -> list[str]:
    """Judge API_KEY_ENCRYPTION_KEYS: Fernet keys, newest first, none of them in use for anything else."""
    if not keys and production:
        return [f"API_KEY_ENCRYPTION_KEYS is missing. Make a key with: {MAKE_RING_KEY}"]
    if secret_key in keys:
        return ["API_KEY_ENCRYPTION_KEYS holds the SECRET_KEY; each must be able to change alone."]
    if not all(map(_is_fernet_key, keys)):
        return [
            f"API_KEY_ENCRYPTION_KEYS holds something that is no random 32-byte key. Make one with: {MAKE_RING_KEY}"
        ]
    return []


def allowed_hosts(hosts: list[str], *, production: bool) -> list[str]:
    if production and "*" in hosts:
        return ["ALLOWED_HOSTS holds *, so that any Host header would be believed. Name the hosts, or leave it out."]
    return []


def api_url(url: str) -> list[str]:
    """Judge CLOUDCA_API_URL: keys are sent there, so it is https unless on this machine, and nothing but an address."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return ["CLOUDCA_API_URL must be an address such as https://api.cloud.ca/v1."]
    if parts.username is not None or "?" in url or "#" in url:
        return ["CLOUDCA_API_URL must hold no user name, no ? and no #."]
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return ["CLOUDCA_API_URL must begin with https://; API keys are sent there."]
    return []


def proxy(url: str) -> list[str]:
    """Judge CLOUDCA_PROXY; the sentence repeats nothing of it, as it may hold a password."""
    parts = _split(url)
    if not url or (parts and parts.port != 0 and PROXY.fullmatch(url) and url.isascii() and _is_latin(unquote(url))):
        return []
    return [
        "CLOUDCA_PROXY must be an address such as http://proxy.your-company.com:3128 or "
        "http://user:password@proxy.your-company.com:3128, characters other than letters and digits as %40."
    ]


def ca_bundle(path: str) -> list[str]:
    """Judge CLOUDCA_CA_BUNDLE: a PEM file with at least one certificate."""
    if not path:
        return []
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        return ["CLOUDCA_CA_BUNDLE must name a PEM file of certificates; in this one there is none that can be read."]
    except (OSError, ValueError):
        return ["CLOUDCA_CA_BUNDLE must name a PEM file of certificates; there is no such file that can be read."]
    return []


def metrics_token(token: str, *, others: Iterable[str]) -> list[str]:
    """Judge METRICS_TOKEN, which shows numbers of all teams: long, random, fit for a header, used for nothing else."""
    if not token:
        return []
    if len(token) < MIN_METRICS_TOKEN or len(set(token)) < MIN_DISTINCT or not ONE_WORD.fullmatch(token):
        return [
            f"METRICS_TOKEN must be one random word of at least {MIN_METRICS_TOKEN} ASCII letters, digits and marks. "
            f"Make one with: {MAKE_SECRET}"
        ]
    if token in others:
        return ["METRICS_TOKEN must not be a secret that is used for something else."]
    return []


def digest(secret: str) -> str:
    """Give what a secret can be compared by; nothing of none."""
    return sha256(secret.encode()).hexdigest() if secret else ""


def oidc(issuer: str, client_id: str, client_secret: str, name: str) -> list[str]:
    """Judge the OIDC_ settings, which come together or not at all; the sentences repeat no secret."""
    needed = {"OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": client_id, "OIDC_CLIENT_SECRET": client_secret}
    if not any(needed.values()) and not name:
        return []
    if missing := [setting for setting, value in needed.items() if not value]:
        return [f"{', '.join(needed)} belong together, and {', '.join(missing)} is missing."]
    if not all(map(ONE_WORD.fullmatch, needed.values())):
        return [f"{', '.join(needed)} must each be one word of ASCII letters, digits and punctuation."]
    if len(name) > MOST_OIDC_NAME or not name.isprintable():
        return [f"OIDC_NAME must be a name of at most {MOST_OIDC_NAME} letters; a button says it."]
    return _issuer(issuer)


def _issuer(url: str) -> list[str]:
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or len(url) > MOST_ISSUER:
        return ["OIDC_ISSUER must be an address such as https://login.your-company.com, as the provider writes it."]
    if parts.username is not None or "?" in url or "#" in url or ".well-known" in url:
        return ["OIDC_ISSUER must hold no user name, no ? and no #, and end before /.well-known."]
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return ["OIDC_ISSUER must begin with https://; it decides who may sign in."]
    return []


def scheme(name: str, url: str, schemes: tuple[str, ...]) -> list[str]:
    """Judge how the address of a service begins; without one the default is used."""
    parts = _split(url)
    if not url or (parts and parts.scheme in schemes):
        return []
    return [f"{name} must be an address that begins with {' or '.join(f'{known}://' for known in schemes)}."]


def whole_number(name: str, text: str, *, least: int, most: int = 10**9) -> list[str]:
    if text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most:
        return []
    limit = f" and at most {most}" if most < 10**9 else ""
    return [f"{name} must be a whole number of at least {least}{limit}."]


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def _is_latin(text: str) -> bool:
    """Whether Basic authentication can carry it."""
    return all(ord(sign) < 256 for sign in text)


def _is_fernet_key(key: str) -> bool:
    try:
        raw = urlsafe_b64decode(key.encode("ascii"))
    except (binascii.Error, ValueError):
        return False
    return len(raw) == FERNET_KEY_BYTES and len(set(raw)) >= MIN_DISTINCT
