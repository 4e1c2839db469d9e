"""Limit the length of request bodies. `DATA_UPLOAD_MAX_NUMBER_FILES` refuses every file in a form."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase


def limited(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer 400 to a body that is too long, or without a declared length."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if request.META.get("HTTP_TRANSFER_ENCODING") or not (length.isascii() and length.isdecimal()):
            raise BadRequest("The request does not tell the length of its body.")
        most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if len(length) > len(str(most)) or int(length) > most:
            raise RequestDataTooBig(f"The request's body is longer than {most} bytes.")
        return get_response(request)

    return middleware
