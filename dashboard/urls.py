"""Every address. Each name has an entry in `dashboard.teams.access.guard.CAPABILITIES`, or its view does not run."""

from allauth.account import views as account
from django.urls import URLPattern, URLResolver, include, path, re_path

from dashboard.http import errors, health
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
    path("", include("dashboard.teams.account_urls")),
    path("login/", account.login, name="account_login"),
    path("oidc/start/", oidc.start, name="oidc_start"),
    path("oidc/callback/", oidc.callback, name="oidc_callback"),
    path("oidc/confirm/", oidc.confirm, name="oidc_confirm"),
    path("logout/", account.logout, name="account_logout"),
    path("signup/", errors.closed, name="account_signup"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("sessions/", sessions.sessions, name="account_sessions"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)/$",
        SetPasswordByLink.as_view(),
        name="account_reset_password_from_key",
    ),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("accounts/", include(account_patterns)),
    path("invitation/<slug:token>/", join.join, name="invitation"),
    path("setup/<slug:token>/", views.setup, name="setup"),
    path("", include("dashboard.teams.urls")),
    path("", include("snapshots.urls")),
    path("", include("snapshots.api.urls")),
]
