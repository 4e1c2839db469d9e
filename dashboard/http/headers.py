"""Headers of every answer, besides the content security policy."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from dashboard.http.request_log import ONE_TIME

OFF = ["accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "fullscreen", "geolocation"]
OFF += ["gyroscope", "hid", "magnetometer", "microphone", "midi", "payment"]
OFF += ["screen-wake-lock", "serial", "usb", "xr-spatial-tracking"]
# Our pages copy links and use passkeys; pages that frame ours, or are framed, may not.
OWN = ["clipboard-write", "publickey-credentials-create", "publickey-credentials-get"]

# Django's middleware also sets some of these, but not if it answers itself.
HEADERS = {
    "Cache-Control": "private, no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join([*(f"{feature}=()" for feature in OFF), *(f"{feature}=(self)" for feature in OWN)]),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# Requests for files need not send the page's URL, which logs would store. Forms need the origin.
REFERRER_OF_ONE_TIME = "strict-origin"

SHARED = "/s/"
"""Every view of the level `share` is below this path: its URL is a secret, and its reader is anonymous."""
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
    """Add missing headers. Pages are private and not cached unless their view says otherwise."""

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
    """Answer without reading or setting a cookie: a shared page is anonymous and does not change any session."""
    request.COOKIES = {}
    response = get_response(request)
    response.cookies.clear()
    for name, value in SHARED_HEADERS.items():
        # A feed may be kept by its reader, to be asked for again only if it changed.
        if name != "Cache-Control" or name not in response.headers:
            response.headers[name] = value
    return response
