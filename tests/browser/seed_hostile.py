"""Put every hostile name wherever a person's own words may stand; prints, as JSON, what the visitor needs to know.

Run in a separate process with the settings of the tested product.
"""

import json
from datetime import datetime, timedelta
from typing import Any

import django

django.setup()

from django.utils import timezone  # noqa: E402

from dashboard.secrets import Secret, seal_key  # noqa: E402
from dashboard.teams.core.create_account import create_account  # noqa: E402
from dashboard.teams.models import (  # noqa: E402
    ApiKey,
    AuditEvent,
    EventKind,
    Invitation,
    Membership,
    PendingKey,
    Role,
    Team,
    User,
)
from dashboard.teams.people.invitations import invite  # noqa: E402
from snapshots.models import Environment  # noqa: E402
from snapshots.simulator.hostile import HOSTILE_NAMES  # noqa: E402

KEY = "CANARY-key-of-the-hostile"
VISITOR, PASSWORD = "visitor@example.com", "three-horses-and-a-stapler"
# As they can be stored; an account's own fields are cleaned by their forms, which this does not rely on.
NAMES = [name.encode("utf-8", "replace").decode().replace("\0", "") for name in HOSTILE_NAMES]
WORST = NAMES[1]


def seed() -> dict[str, object]:
    visitor = create_account(VISITOR, PASSWORD)
    User.objects.filter(pk=visitor.pk).update(name=WORST)
    teams = [_team(number, name, visitor) for number, name in enumerate(NAMES)]
    first = teams[0]
    environment = Environment.objects.create(team=first, service_code="compute-qc", name="prod")
    Environment.objects.create(team=first, service_code="compute-on", name="down")
    for number, name in enumerate(NAMES):
        _person(first, visitor, number, name)
    _trial(first, visitor)
    invited = create_account("asked@example.com", PASSWORD)
    links = [invite(teams[1], email, Role.MEMBER, actor=visitor)[1] for email in ("new@example.com", invited.email)]
    return {"teams": [team.slug for team in teams], "links": links, "place": environment.path}


def _team(number: int, name: str, visitor: User) -> Team:
    team = Team.objects.create(slug=f"hostile-{number}", name=name[:100])
    Membership.objects.create(team=team, user=visitor, role=Role.ADMIN)
    ApiKey.replace(team, Secret(KEY), by=visitor, whose=name[:100])
    return team


def _person(team: Team, visitor: User, number: int, name: str) -> None:
    address = f"{name[:200]}{number}@example.com"
    Membership.objects.create(team=team, user=User.objects.create(email=address, name=name[:100]), role=Role.MEMBER)
    later = _now() + timedelta(days=1)
    Invitation.objects.create(team=team, email=address, token_hash=str(number), made_by=visitor, expires_at=later)
    AuditEvent.objects.create(
        team=team, actor_email=address, kind=EventKind.JOINED, target=name[:254], detail=name[:500]
    )


def _trial(team: Team, visitor: User) -> None:
    rows: list[dict[str, Any]] = [{"place": name, "count": None, "kind": "other", "sentence": name} for name in NAMES]
    rows[0]["count"] = 1
    sealed = seal_key(Secret(KEY), team_pk=team.pk)
    PendingKey.objects.create(team=team, made_by=visitor, made_at=_now(), sealed=sealed, whose=WORST, answers=rows)


def _now() -> datetime:
    return timezone.now()


if __name__ == "__main__":
    print(json.dumps(seed()))
