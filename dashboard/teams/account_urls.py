"""URLs of the user's own account and of confirming who it is; only those of allauth's that are used."""

from allauth.mfa.base import views as mfa
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import URLPattern, reverse_lazy

from dashboard.teams.access.capabilities import PUBLIC, SIGNED_IN, path
from dashboard.teams.account import views
from dashboard.teams.mfa import views as own

FACTOR = "second-factor/"
APP, CODES, PASSKEYS = f"{FACTOR}app/", f"{FACTOR}codes/", f"{FACTOR}passkeys/"
SHOWN = reverse_lazy("mfa_index")
urlpatterns: list[URLPattern] = [
    path("", views.home, name="account_home", get=SIGNED_IN, post=SIGNED_IN),
    path("email/", views.change_email, name="account_change_email", get=SIGNED_IN, post=SIGNED_IN),
    path("email/<str:token>/", views.confirm_email, name="account_confirm_email_change", get=SIGNED_IN, post=SIGNED_IN),
    path("passkey/", own.PasskeySignIn.as_view(), name="mfa_login_webauthn", get=PUBLIC, post=PUBLIC),
    path(FACTOR, own.index, name="mfa_index", get=SIGNED_IN),
    path(f"{FACTOR}ask/", mfa.authenticate, name="mfa_authenticate", get=PUBLIC, post=PUBLIC),
    path(f"{FACTOR}again/", mfa.reauthenticate, name="mfa_reauthenticate", get=SIGNED_IN, post=SIGNED_IN),
    path(
        f"{FACTOR}again/passkey/",
        own.PasskeyAgain.as_view(),
        name="mfa_reauthenticate_webauthn",
        get=SIGNED_IN,
        post=SIGNED_IN,
    ),
    path(APP, own.AddApp.as_view(), name="mfa_activate_totp", get=SIGNED_IN, post=SIGNED_IN),
    path(f"{APP}remove/", totp.deactivate_totp, name="mfa_deactivate_totp", get=SIGNED_IN, post=SIGNED_IN),
    path(CODES, own.recovery_codes, name="mfa_view_recovery_codes", get=SIGNED_IN),
    path(f"{CODES}file/", own.download, name="mfa_download_recovery_codes", get=SIGNED_IN),
    path(f"{CODES}new/", own.MakeCodes.as_view(), name="mfa_generate_recovery_codes", get=SIGNED_IN, post=SIGNED_IN),
    path(f"{PASSKEYS}add/", own.AddPasskey.as_view(), name="mfa_add_webauthn", get=SIGNED_IN, post=SIGNED_IN),
    path(
        f"{PASSKEYS}<int:pk>/",
        webauthn.EditWebAuthnView.as_view(success_url=SHOWN),
        name="mfa_edit_webauthn",
        get=SIGNED_IN,
        post=SIGNED_IN,
    ),
    path(
        f"{PASSKEYS}<int:pk>/remove/",
        webauthn.RemoveWebAuthnView.as_view(success_url=SHOWN),
        name="mfa_remove_webauthn",
        get=SIGNED_IN,
        post=SIGNED_IN,
    ),
]
