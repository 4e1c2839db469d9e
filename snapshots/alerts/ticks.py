"""A member's ticks: which problems this member has looked at. They change nothing for anybody else."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from dashboard.teams.models import Membership
from snapshots.lists.problem_list import Group
from snapshots.models import Problem, ProblemTick
from snapshots.policy.exclusions import BATCH, batches


@transaction.atomic
def tick_off(member: Membership, groups: Iterable[Group]) -> None:
    """Tick off all problems of some groups, as bad as they are now."""
    _tick_off(member, [(line.pk, line.kind) for group in groups for line in group.lines if not line.is_seen])


@transaction.atomic
def tick_off_until(member: Membership, until: datetime) -> None:
    """Tick off all open problems of the team that were there by this time."""
    rows = Problem.objects.of_team(member.team).not_acknowledged(timezone.now()).not_replaced().unseen_by(member)
    _tick_off(member, list(rows.filter(noticed_at__lte=until).values_list("pk", "kind")))


def _tick_off(member: Membership, problems: Sequence[tuple[int, int]]) -> None:
    _delete(member, [pk for pk, _kind in problems])
    now = timezone.now().replace(microsecond=0)
    ticks = [ProblemTick(member=member, problem_id=pk, kind=kind, at=now) for pk, kind in problems]
    # The same member may have pressed twice.
    ProblemTick.objects.bulk_create(ticks, ignore_conflicts=True, batch_size=BATCH)


def take_back(member: Membership, group: Group) -> None:
    """Undo the ticks of a group."""
    _delete(member, group.pks)


def _delete(member: Membership, problems: Sequence[int]) -> None:
    for batch in batches(problems):
        ProblemTick.objects.filter(member=member, problem__in=batch).delete()
