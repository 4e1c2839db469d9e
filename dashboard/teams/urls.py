"""The addresses of a team's own pages."""

from django.urls import path

from dashboard.teams.people import security, views

app_name = "teams"
SETTINGS = "t/<slug:team>/settings/"
PEOPLE = f"{SETTINGS}people/"
urlpatterns = [
    path(SETTINGS, views.settings, name="settings"),
    path(PEOPLE, views.people, name="people"),
    path(f"{PEOPLE}leave/", views.leave, name="leave"),
    path(f"{PEOPLE}<int:member>/role/", views.set_role, name="set_role"),
    path(f"{PEOPLE}<int:member>/remove/", views.remove_member, name="remove_member"),
    path(f"{PEOPLE}invitations/<int:invitation>/revoke/", views.revoke_invitation, name="revoke_invitation"),
    path(f"{SETTINGS}security/", security.security, name="security"),
    path(f"{SETTINGS}audit/", views.audit, name="audit"),
]
