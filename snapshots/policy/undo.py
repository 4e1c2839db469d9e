"""Undo what a member did last: what was there before comes back, unless somebody changed it since."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Model
from django.http import HttpRequest

from dashboard.teams.access.roles import hold_role
from dashboard.teams.core import audit
from dashboard.teams.models import EventKind, Role, Team, User
from snapshots.models import Environment, LastAct, Policy, SavedView
from snapshots.models.policy import values_in
from snapshots.policy import acknowledgements, exclusions, rhythms, targets
from snapshots.policy.exclusions import Exclusion


def undo(team: Team, at: datetime, *, person: User, request: HttpRequest | None = None) -> bool:
    """Undo the act of this time. False if it is not this member's last one any more, or its rows changed since."""
    with transaction.atomic():
        places = {environment.pk: environment for environment in exclusions.lock(team)}
        act = LastAct.objects.select_for_update().filter(team=team, user=person, at=at).first()
        rest = UNDO[act.kind](act, places, request) if act else None
        if act is None or rest is None:
            return False
        hold_role(request)
    rest()
    # What undid it was an act too: there is no way back from it.
    LastAct.objects.filter(pk=act.pk).delete()
    return True


Places = Mapping[int, Environment]
# Each undoes an act under the locks, and gives what is left to do without them: to calculate verdicts takes long.
# None: its rows changed since.
Rest = Callable[[], object]
Undo = Callable[[LastAct, Places, HttpRequest | None], Rest | None]


def _nothing() -> None:
    """What is left of most acts."""


def _exclusion(act: LastAct, _places: Places, request: HttpRequest | None) -> Rest | None:
    volumes = exclusions.of_team(act.team, act.pks)
    if not _are_as_left(volumes, act):
        return None
    by_pk = {volume.pk: volume for volume in volumes}
    for values, pks in act.before:
        exclusions.update([by_pk[pk] for pk in pks if pk in by_pk], _read(values))
    kind = EventKind.RESUMED if act.after["excluded_until"] else EventKind.EXCLUDED
    names = exclusions.names(volumes)
    audit.record(kind, team=act.team, actor=act.user, target=names, detail="", request=request)
    return _nothing


def _place(act: LastAct, places: Places, request: HttpRequest | None) -> Rest | None:
    environment = places.get(act.pks[0])
    if environment is None or not _are_as_left([environment], act):
        return None
    values = _read(act.before[0][0])
    until = values["excluded_until"]
    exclusion = Exclusion(until, str(values["exclusion_reason"])) if isinstance(until, datetime) else None
    exclusions.exclude_environment(environment, exclusion, person=act.user, request=request)
    Environment.everything.filter(pk=environment.pk).update(**values)
    return _nothing


def _target(act: LastAct, _places: Places, request: HttpRequest | None) -> Rest | None:
    if not _are_as_left(exclusions.of_team(act.team, act.pks), act):
        return None

    def rest() -> None:
        for values, pks in act.before:
            targets.set_of_volumes(act.team, pks, values["target_hours"], person=act.user, request=request)

    return rest


def _place_target(act: LastAct, places: Places, request: HttpRequest | None) -> Rest | None:
    environment = places.get(act.pks[0])
    if environment is None or not _are_as_left([environment], act):
        return None
    hours = act.before[0][0]["target_hours"]
    return partial(targets.set_of_environment, environment, hours, person=act.user, request=request)


def _team_target(act: LastAct, _places: Places, request: HttpRequest | None) -> Rest | None:
    if not _are_as_left(list(Policy.objects.filter(team=act.team)), act):
        return None
    hours = act.before[0][0]["target_hours"] if act.before else None
    return partial(targets.set_of_team, act.team, hours, person=act.user, request=request)


def _acknowledgement(act: LastAct, _places: Places, request: HttpRequest | None) -> Rest | None:
    problems = acknowledgements.of_team(act.team, act.pks)
    if not _are_as_left(problems, act):
        return None
    for values, pks in act.before:
        acknowledgements.update([each for each in problems if each.pk in set(pks)], _read(values))
    is_given = "acknowledged_by" in act.after
    kind = EventKind.ACKNOWLEDGEMENT_ENDED if is_given else EventKind.ACKNOWLEDGED
    target = acknowledgements.names(problems)
    audit.record(kind, team=act.team, actor=act.user, target=target, detail="", request=request)
    return _nothing


def _rhythm(act: LastAct, places: Places, request: HttpRequest | None) -> Rest | None:
    volumes = rhythms.of_team(act.team, act.pks)
    since = act.after["rhythm"].get("since")
    if not volumes or any(volume.rhythm.get("since") != since for volume in volumes):
        return None
    before = {pk: values["rhythm"] for values, pks in act.before for pk in pks}
    rhythms.write(places, volumes, before)
    rhythms.record(EventKind.RHYTHM_ENDED if since else EventKind.RHYTHM_CONFIRMED, volumes, act.user, request)
    return _nothing


def _view(act: LastAct, _places: Places, _request: HttpRequest | None) -> Rest | None:
    """The view comes back under its name; as the start page only by an admin, and if there is no other by now."""
    (values, _pks) = act.before[0]
    views = SavedView.objects.filter(team=act.team)
    is_admin = act.user.memberships.filter(team=act.team, role=Role.ADMIN).exists()
    values["is_start"] = values["is_start"] and is_admin and not views.filter(is_start=True).exists()
    try:
        with transaction.atomic():
            SavedView.objects.create(**values, team=act.team)
    except IntegrityError:
        return None
    return _nothing


UNDO: Mapping[str, Undo] = {
    LastAct.EXCLUSION: _exclusion,
    LastAct.PLACE: _place,
    LastAct.TARGET: _target,
    LastAct.PLACE_TARGET: _place_target,
    LastAct.TEAM_TARGET: _team_target,
    LastAct.VIEW: _view,
    LastAct.ACKNOWLEDGEMENT: _acknowledgement,
    LastAct.RHYTHM: _rhythm,
}


def _are_as_left(rows: Sequence[Model], act: LastAct) -> bool:
    return bool(rows) and all(values_in(row, act.after) == act.after for row in rows)


def _read(values: Mapping[str, object]) -> dict[str, object]:
    """Values of a row from what `LastAct` kept of them."""
    times = ("excluded_until", "excluded_at", "acknowledged_at", "acknowledged_until")
    return {
        name: datetime.fromisoformat(str(value)) if name in times and value else value for name, value in values.items()
    }
