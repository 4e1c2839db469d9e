"""A member's ticks: which problems this member has looked at. They change nothing for anybody else."""

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone

from dashboard.teams.models import Membership
from snapshots.lists.problem_list import Group
from snapshots.models import ProblemTick
from snapshots.policy.exclusions import BATCH, batches


@transaction.atomic
def tick_off(member: Membership, groups: Iterable[Group]) -> None:
    """Tick off all problems of some groups, as bad as they are now."""
    lines = [line for group in groups for line in group.lines if not line.is_seen]
    _delete(member, [line.pk for line in lines])
    now = timezone.now().replace(microsecond=0)
    ticks = [ProblemTick(member=member, problem_id=line.pk, kind=line.kind, at=now) for line in lines]
    # The same member may have pressed twice.
    ProblemTick.objects.bulk_create(ticks, ignore_conflicts=True, batch_size=BATCH)


def take_back(member: Membership, group: Group) -> None:
    """Undo the ticks of a group."""
    _delete(member, group.pks)


def _delete(member: Membership, problems: Sequence[int]) -> None:
    for batch in batches(problems):
        ProblemTick.objects.filter(member=member, problem__in=batch).delete()
