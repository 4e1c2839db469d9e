"""Acknowledge problems: their alerts are quiet until a time, with a note and a ticket, for the whole team."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, Team, User
from snapshots.lists.problem_list import Group
from snapshots.models import LastAct
from snapshots.policy import acknowledgements, exclusions


class Acknowledgement(NamedTuple):
    """Until when problems are quiet, and what is written about them."""

    until: datetime
    note: str = ""
    ticket: str = ""

    @property
    def text(self) -> str:
        """As the audit keeps it."""
        return " ".join(filter(None, (f"{self.until:%Y-%m-%d %H:%M}", self.ticket, self.note)))


class Done(NamedTuple):
    """The result: when, which identifies the act, and how many problems it was about."""

    at: datetime
    number: int


def acknowledge(
    team: Team, group: Group, acknowledgement: Acknowledgement, *, person: User, request: HttpRequest | None = None
) -> Done:
    """Acknowledge the problems of a group, or change an acknowledgement.

    Those that ended, or became something else, since the group was read are left out.
    """
    said = {
        "acknowledged_by": person.email,
        "acknowledged_at": timezone.now(),
        "acknowledged_kind": group.kind.value,
        "acknowledged_until": acknowledgement.until,
        "note": acknowledgement.note,
        "ticket": acknowledgement.ticket,
    }
    return _write(team, group, said, EventKind.ACKNOWLEDGED, acknowledgement.text, person, request)


def end(team: Team, group: Group, *, person: User, request: HttpRequest | None = None) -> Done:
    """End the acknowledgement of a group now. Who gave it, and why, stays."""
    said = {"acknowledged_until": timezone.now()}
    return _write(team, group, said, EventKind.ACKNOWLEDGEMENT_ENDED, "", person, request)


@transaction.atomic
def _write(
    team: Team,
    group: Group,
    said: Mapping[str, object],
    event: EventKind,
    detail: str,
    person: User,
    request: HttpRequest | None,
) -> Done:
    # The locks of the environments: problems begin, change and end under them too.
    exclusions.lock(team)
    now = timezone.now()
    problems = [each for each in acknowledgements.of_team(team, group.pks) if each.kind == group.kind]
    if problems:
        LastAct.keep(LastAct.ACKNOWLEDGEMENT, problems, said, team=team, person=person, at=now)
        acknowledgements.update(problems, said)
        target = acknowledgements.names(problems)
        audit.record(event, team=team, actor=person, target=target, detail=detail, request=request)
    return Done(now, len(problems))
