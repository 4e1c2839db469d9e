"""Every address, and beside it the least level that each method takes. A view without one does not run."""

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include
from django.urls import path as prefix
from django.views.generic import RedirectView

from dashboard.http import errors, health
from dashboard.teams.access.capabilities import PUBLIC, SIGNED_IN, path, re_path
from dashboard.teams.account import sessions
from dashboard.teams.account.views import SetPasswordByLink
from dashboard.teams.first_run import views
from dashboard.teams.oidc import views as oidc
from dashboard.teams.people import join

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler429 = errors.too_many
handler500 = errors.server_error

# Of allauth's addresses those alone that are used: no sign-up.
account_patterns: list[URLPattern | URLResolver] = [
    prefix("", include("dashboard.teams.account_urls")),
    path("login/", account.login, name="account_login", get=PUBLIC, post=PUBLIC),
    path("login/oidc/", oidc.start, name="oidc_start", post=PUBLIC),
    path("oidc/callback/", oidc.callback, name="oidc_callback", get=PUBLIC),
    path("oidc/confirm/", oidc.confirm, name="oidc_confirm", get=SIGNED_IN),
    path("logout/", account.logout, name="account_logout", get=PUBLIC, post=PUBLIC),
    path("signup/", errors.closed, name="account_signup", get=PUBLIC, post=PUBLIC),
    path("inactive/", account.account_inactive, name="account_inactive", get=PUBLIC),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate", get=SIGNED_IN, post=SIGNED_IN),
    path("sessions/", sessions.sessions, name="account_sessions", get=SIGNED_IN, post=SIGNED_IN),
    path("password/change/", account.password_change, name="account_change_password", get=SIGNED_IN, post=SIGNED_IN),
    path("password/set/", account.password_set, name="account_set_password", get=SIGNED_IN, post=SIGNED_IN),
    path("password/reset/", account.password_reset, name="account_reset_password", get=PUBLIC, post=PUBLIC),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done", get=PUBLIC),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
        get=PUBLIC,
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)/$",
        SetPasswordByLink.as_view(),
        name="account_reset_password_from_key",
        get=PUBLIC,
        post=PUBLIC,
    ),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz", get=PUBLIC),
    path("readyz", health.ready, name="readyz", get=PUBLIC),
    # Where password managers lead to, see https://w3c.github.io/webappsec-change-password-url/
    path(
        ".well-known/change-password",
        RedirectView.as_view(pattern_name="account_change_password"),
        name="well_known_change_password",
        get=PUBLIC,
    ),
    prefix("accounts/", include(account_patterns)),
    path("invitation/<slug:token>/", join.join, name="invitation", get=PUBLIC, post=PUBLIC),
    path("setup/<slug:token>/", views.setup, name="setup", get=PUBLIC, post=PUBLIC),
    prefix("", include("dashboard.teams.urls")),
    prefix("", include("snapshots.urls")),
    prefix("", include("snapshots.api.urls")),
]
