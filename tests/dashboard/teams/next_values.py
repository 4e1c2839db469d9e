"""Values of `next` that would lead elsewhere, or look as if they did."""

import re
from typing import Final

NEXT_VALUES: Final = (
    "https://evil.example/",
    "http://evil.example/",
    "HTTPS://EVIL.EXAMPLE/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "\\/evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example/",
    "/\r/evil.example/",
    "\t//evil.example/",
    " //evil.example/",
    "\x08//evil.example/",
    "\u00a0//evil.example/",
    "http:///evil.example/",
    "https:evil.example",
    "https:/evil.example/",
    "https:\\\\evil.example/",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "ftp://evil.example/",
    "http://testserver@evil.example/",
    "http://localhost:8000@evil.example/",
    "http://testserver.evil.example/",
    "http://evil.example/?http://testserver/",
    "http://evil.example#testserver",
    "http://evil.example\\@testserver/",
    "http://[::1/",
    "http://2130706433/",
    "//evil。example/",
    "/" * 3_000 + "evil.example",
    "/ok/" + "a" * 4_000,
    "/ok/\r\nX-Injected: yes",
    "/%2f/evil.example/",
    "/%5cevil.example/",
    "/\tevil.example/",
    "/..//evil.example/",
    "/.//evil.example/",
    "/;@evil.example/",
    "?next=//evil.example/",
    "",
)


def is_off_site(location: str, host: str = "testserver") -> bool:
    """Whether a browser would leave the host for a redirect's target: read as the URL standard does, not as Python."""
    text = re.sub(r"[\t\n\r]", "", location.strip("".join(map(chr, range(33))))).replace("\\", "/")
    scheme = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", text)
    if scheme is None and not text.startswith("//"):
        return False
    if scheme is not None and scheme[1].lower() not in ("http", "https"):
        return True
    rest = text.removeprefix(scheme[0] if scheme else "").lstrip("/")
    return re.split(r"[/?#]", rest)[0] != host
