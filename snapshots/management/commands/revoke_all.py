from allauth.usersessions.models import UserSession
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.translation import gettext as _

from dashboard import random_secrets
from dashboard.teams.core.audit import OPERATOR, record
from dashboard.teams.models import AccessToken, EventKind, Invitation, Team
from snapshots.models import Feed, ShareLink


class Command(BaseCommand):
    help = (
        "Revoke every access token, shared link, feed and open invitation, and end every session. Run it after a copy "
        "of the database was restored: a restore undoes everything revoked since the copy."
    )

    @transaction.atomic
    def handle(self, *args: object, **options: object) -> None:
        alive = random_secrets.unexpired()
        ended = {
            _("access tokens"): AccessToken.objects.filter(alive),
            _("shared links"): ShareLink.objects.filter(alive),
            _("invitations"): Invitation.objects.filter(alive, used_at=None),
        }
        for name, rows in ended.items():
            self.stdout.write(f"{name}: {random_secrets.revoke(rows)}")
        feeds, _by_model = Feed.objects.all().delete()
        self.stdout.write(f"{_('feeds')}: {feeds}")
        sessions = UserSession.objects.all()
        self.stdout.write(_("sessions: %(count)d") % {"count": len(sessions)})
        for session in sessions:
            session.end()
        for team in Team.objects.all():
            record(EventKind.TEAM_CHANGED, team=team, actor=OPERATOR, detail="every token, link and session ended")
