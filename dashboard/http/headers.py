"""What every answer tells the browser beside the content security policy, whatever made the answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from dashboard.http.request_log import ONE_TIME

OFF = ["accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "fullscreen", "geolocation"]
OFF += ["gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"]
OFF += ["screen-wake-lock", "serial", "usb", "xr-spatial-tracking"]
# Our own pages copy links and ask for passkeys; whoever frames one of ours, or is framed, may not.
OWN = ["clipboard-write", "publickey-credentials-create", "publickey-credentials-get"]

# Django's own middleware sets some of these too, but not on an answer that it refuses itself.
HEADERS = {
    "Cache-Control": "private, no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join([*(f"{feature}=()" for feature in OFF), *(f"{feature}=(self)" for feature in OWN)]),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# The page's own files and forms need not tell its address, which logs would keep. Forms need the origin.
REFERRER_OF_ONE_TIME = "strict-origin"

SHARED = "/s/"
"""Where every view of the level `share` lives: its address is a secret, its reader nobody in particular."""
SHARED_HEADERS = HEADERS | {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "style-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


def with_headers(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Add the headers that an answer lacks. Pages are private and not stored unless they say otherwise themselves."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(SHARED):
            return _shared(request, get_response)
        response = get_response(request)
        if request.path_info.startswith(ONE_TIME):
            response.headers["Referrer-Policy"] = REFERRER_OF_ONE_TIME
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def _shared(request: HttpRequest, get_response: Callable[[HttpRequest], HttpResponseBase]) -> HttpResponseBase:
    """Answer without any cookie, read or set: a shared page knows nobody, and nobody's session is touched by it."""
    request.COOKIES = {}
    response = get_response(request)
    response.cookies.clear()
    for name, value in SHARED_HEADERS.items():
        response.headers[name] = value
    return response
