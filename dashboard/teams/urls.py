"""URLs of the people, security and audit pages."""

from dashboard.teams.access.capabilities import ADMIN, VIEWER, path
from dashboard.teams.people import security, views

app_name = "teams"
SETTINGS = "t/<slug:team>/settings/"
PEOPLE = f"{SETTINGS}people/"
urlpatterns = [
    path(SETTINGS, views.settings, name="settings", get=VIEWER),
    path(PEOPLE, views.people, name="people", get=VIEWER, post=ADMIN),
    path(f"{PEOPLE}leave/", views.leave, name="leave", get=VIEWER, post=VIEWER),
    path(f"{PEOPLE}<int:member>/role/", views.set_role, name="set_role", post=ADMIN),
    path(f"{PEOPLE}<int:member>/remove/", views.remove_member, name="remove_member", get=ADMIN, post=ADMIN),
    path(
        f"{PEOPLE}invitations/<int:invitation>/revoke/", views.revoke_invitation, name="revoke_invitation", post=ADMIN
    ),
    path(f"{SETTINGS}security/", security.security, name="security", get=ADMIN, post=ADMIN),
    path(f"{SETTINGS}audit/", views.audit, name="audit", get=ADMIN),
]
