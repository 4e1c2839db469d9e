"""How sign-in behaves here: closed to newcomers, bound to this site's address, plain about limits."""

from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import respond_429
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from dashboard.teams.invites import reset_url

# What the next page shows anyway needs no message on top of it.
UNSAID = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")


@dataclass(frozen=True, slots=True)
class Site:
    """What mails call this site: from SITE_URL, as the Host header is the visitor's to choose."""

    domain: str
    name: str


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Take only this very host for safe, and only https where the page is https."""
        request: HttpRequest = self.request
        hosts = {request.get_host()}
        return url_has_allowed_host_and_scheme(url, hosts, require_https=request.is_secure())

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return reset_url(uid, token)

    def pre_authenticate(self, request: HttpRequest, **credentials: object) -> None:
        """Answer 429 where allauth would show the form again, so that machines see the limit too."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            self._refuse(request)

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: object, **kwargs: object
    ) -> None:
        if message_template not in UNSAID:
            super().add_message(request, level, message_template, *args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, object]) -> None:
        host = urlsplit(settings.SITE_URL).netloc
        super().send_mail(template_prefix, email, {"current_site": Site(host, host)} | context)

    def _refuse(self, request: HttpRequest) -> NoReturn:
        raise ImmediateHttpResponse(respond_429(request)) from None
