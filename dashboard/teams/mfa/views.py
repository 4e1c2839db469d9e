"""The pages of the user's second factors: authenticator app, passkeys and recovery codes."""

import time
from dataclasses import dataclass

import qrcode
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.webauthn.internal.auth import begin_registration
from allauth.mfa.webauthn.views import AddWebAuthnView, LoginWebAuthnView, ReauthenticateWebAuthnView
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from dashboard.secrets import KeyUnreadable
from dashboard.teams.access.guard import RECENT_SECONDS, SignedInRequest
from dashboard.teams.mfa.forms import PasskeyAgainForm
from dashboard.teams.models import User

SEEN = "recovery_codes_seen"
GROUP = 4
"""The secret is shown in groups of this many characters, so that it can be typed."""
QUIET = 4
"""Blank modules around it, which cameras need."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A QR code as the path that an SVG of the page draws."""

    size: int
    path: str


@require_safe
def index(request: SignedInRequest) -> HttpResponse:
    """Show the user's second factors, and the teams that require one."""
    own = list(Authenticator.objects.filter(user=request.user).order_by("created_at", "pk"))
    by_type = {factor.type: factor for factor in own}
    codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
    context = {
        "app": by_type.get(Authenticator.Type.TOTP),
        "passkeys": [factor for factor in own if factor.type == Authenticator.Type.WEBAUTHN],
        "codes": codes,
        "codes_left": _codes_left(codes) if codes else 0,
        "wanted_by": request.user.teams.filter(requires_second_factor=True).order_by("name"),
        "can_keep": bool(settings.API_KEY_ENCRYPTION_KEYS),
    }
    return render(request, "mfa/index.html", context)


class AddApp(ActivateTOTPView):  # type: ignore[misc]  # allauth has no types
    """Show the secret as QR code and as text; a first code proves that the app has it."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return _refuse_without_ring() or super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        context: dict[str, object] = super().get_context_data(**kwargs)
        secret = context["form"].secret  # type: ignore[attr-defined]
        parts = [secret[at : at + GROUP] for at in range(0, len(secret), GROUP)]
        return context | {"picture": _qr_code(str(context["totp_url"])), "secret": " ".join(parts)}


class AddPasskey(AddWebAuthnView):  # type: ignore[misc]
    """Let the browser create a passkey that stays on its device and verifies its user."""

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return _refuse_without_ring() or super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        context: dict[str, object] = super().get_context_data(**kwargs)
        return context | {"options": begin_registration(self.request.user, passwordless=True)}


class MakeCodes(GenerateRecoveryCodesView):  # type: ignore[misc]
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        return _refuse_without_ring() or super().dispatch(request, *args, **kwargs)


class PasskeySignIn(LoginWebAuthnView):  # type: ignore[misc]
    """Sign in with only a passkey. A challenge is created when the form is sent, not when the page is viewed."""

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return HttpResponseRedirect(reverse("account_login"))

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        way = super().post if "credential" in request.POST else super().get
        answer: HttpResponse = way(request, *args, **kwargs)
        return answer


class PasskeyAgain(ReauthenticateWebAuthnView):  # type: ignore[misc]
    """Confirm with a passkey; if it is not accepted, the user may try again."""

    def form_invalid(self, form: PasskeyAgainForm) -> HttpResponse:
        for sentence in form.errors.get("credential", []):
            messages.error(self.request, sentence)
        return HttpResponseRedirect(self.request.get_full_path())


@require_safe
def recovery_codes(request: SignedInRequest) -> HttpResponse:
    """Show the codes for ten minutes to the session that created them; to all others, how to create new ones."""
    factor = _codes_of(request.user)
    if factor is None:
        return HttpResponseRedirect(reverse("mfa_index"))
    shown = _codes_to_show(request, factor)
    return render(request, "mfa/recovery_codes/index.html", {"codes": shown, "left": _codes_left(factor)})


@require_safe
def download(request: SignedInRequest) -> HttpResponse:
    """Send the codes as a file, under the same rule."""
    factor = _codes_of(request.user)
    codes = _codes_to_show(request, factor) if factor else []
    if not codes:
        return HttpResponseRedirect(reverse("mfa_view_recovery_codes"))
    text = render_to_string("mfa/recovery_codes/download.txt", {"codes": codes, "email": request.user.email})
    disposition = 'attachment; filename="recovery-codes.txt"'
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers={"Content-Disposition": disposition})


def _codes_of(user: User) -> Authenticator | None:
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()


def _codes_to_show(request: SignedInRequest, factor: Authenticator) -> list[str]:
    codes = factor.wrap()
    if not codes.did_view:
        codes.mark_as_viewed()
        request.session[SEEN] = factor.pk
    seen_here = request.session.get(SEEN) == factor.pk
    if not seen_here or time.time() - factor.data["viewed_at"] > RECENT_SECONDS:
        return []
    try:
        unused: list[str] = codes.get_unused_codes()
    except KeyUnreadable:
        return []
    return unused


def _codes_left(factor: Authenticator) -> int:
    used: int = factor.data["used_mask"].bit_count()
    return int(app_settings.RECOVERY_CODE_COUNT) - used


def _refuse_without_ring() -> HttpResponse | None:
    """Redirect to the page which explains that nothing can be stored without an encryption key."""
    return None if settings.API_KEY_ENCRYPTION_KEYS else HttpResponseRedirect(reverse("mfa_index"))


def _qr_code(text: str) -> Picture:
    """Draw a text as a QR code. `size` is the width in modules, `path` has one square for each dark module."""
    code = qrcode.QRCode(border=QUIET)
    code.add_data(text)
    modules = code.get_matrix()
    squares = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(modules) for x, dark in enumerate(row) if dark)
    return Picture(len(modules), "".join(squares))
