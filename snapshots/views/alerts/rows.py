"""The rows of the alerts page: a problem group each, in words and addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.teams.access.guard import may
from dashboard.teams.models import Membership
from snapshots.lists.problem_list import Group, Line, dom_of, mark_of
from snapshots.models import Environment, Problem
from snapshots.text import problem_groups, problem_labels, times
from snapshots.text.labels import Badge, grouped, volume_name

# A group of more than `MOST_INLINE` has a box with its first volumes while it is unseen; later, and else, a line.
MOST_INLINE, MOST_BOXED = 3, 6


@dataclass(frozen=True, slots=True)
class Named:
    """A volume of a group, with the address of its problem."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Said:
    """An acknowledgement: until when, who, when, and what was written. `ticket_url`: "" if it is a number."""

    until: str
    iso: str
    by: str
    note: str
    ticket: str
    ticket_url: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A group. `key` names it in forms, `mark` exactly what is in it; `dom` is its id on the page."""

    key: str
    mark: str
    dom: str
    badge: Badge
    name: str
    reason: str
    detail: str
    url: str
    volumes: Sequence[Named]
    more: int
    is_boxed: bool
    unseen: str
    since: str
    since_iso: str
    length: str
    act_url: str
    act_label: str
    shows: int
    said: Said | None = None

    @property
    def is_seen(self) -> bool:
        return not self.unseen

    @property
    def tick_label(self) -> str:
        return _("Tick off: %(name)s, %(reason)s") % {"name": self.name, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class EndedRow:
    """Problems that ended together."""

    span: str
    name: str
    url: str
    place: str
    badge: Badge
    mark: str
    end: str
    length: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What all rows share. `replaced`: how many problems of volumes an environment's own one stands for."""

    membership: Membership
    places: Mapping[int, Environment]
    replaced: Mapping[int, int]
    now: datetime

    def url(self, name: str, query: Sequence[tuple[str, str]] = ()) -> str:
        address = reverse(f"snapshots:{name}", args=[self.membership.team.slug])
        return f"{address}?{urlencode(query)}" if query else address


def key_of(group: Group, place: Environment) -> str:
    """Name a group in a form: its problems may be others by then."""
    parts = [place.path, group.kind.code]
    if group.is_quiet and group.first.acknowledged_at is not None:
        parts.append(group.first.acknowledged_at.isoformat())
    return " ".join(parts)


def row_of(group: Group, scene: Scene) -> AlertRow:
    place, kind, now = scene.places[group.environment_id], group.kind, scene.now
    facts = [line.facts for line in group.lines]
    first = group.first
    began = min(line.began_at for line in group.lines)
    url, act_url, act_label = _addresses(group, place, scene)
    is_boxed = group.number > MOST_INLINE and bool(group.unseen)
    by_name = sorted(group.lines, key=lambda line: (line.began_at, volume_of(line))) if group.number > 1 else []
    shown = by_name[: MOST_BOXED if is_boxed else MOST_INLINE]
    of_place = problem_groups.of_environment(scene.replaced.get(place.pk, 0)) if group.is_of_environment else ""
    key = key_of(group, place)
    return AlertRow(
        key=key,
        mark=mark_of([group]),
        dom=dom_of(key),
        badge=problem_labels.badge(kind),
        name=problem_groups.name(kind, group.number, volume_of(first), place.place),
        reason=problem_groups.reason(kind, facts, place, now),
        detail=of_place or problem_groups.detail(facts, now),
        url=url,
        volumes=[Named(volume_of(line), _problem_url(line, place, scene)) for line in shown],
        more=group.number - len(shown) if shown else 0,
        is_boxed=is_boxed,
        unseen=_unseen(group),
        since=times.clock(began, now),
        since_iso=times.iso(began),
        length=problem_labels.length(now - began),
        act_url=act_url,
        act_label=act_label,
        shows=group.number if group.number > 1 else 0,
        said=_said(first, now) if group.is_quiet else None,
    )


def _unseen(group: Group) -> str:
    if not group.unseen or group.is_quiet:
        return ""
    if group.unseen == group.number:
        return _("unseen")
    return _("%(unseen)s of %(number)s unseen") % {"unseen": grouped(group.unseen), "number": grouped(group.number)}


def _addresses(group: Group, place: Environment, scene: Scene) -> tuple[str, str, str]:
    """Where the name and the button lead, and the button's words."""
    if group.is_of_environment:
        url = scene.url("volumes", [("environment", place.path)])
        if group.kind is Problem.Kind.REFUSED and may(scene.membership, "snapshots:key", "POST"):
            return url, scene.url("key"), _("Replace key")
        return url, url, _("Show volumes")
    if group.number == 1:
        url = _problem_url(group.first, place, scene)
        return url, url, _("Open")
    url = scene.url("volumes", [("environment", place.path), ("status", group.kind.code)])
    return url, url, _("Show %(number)s") % {"number": grouped(group.number)}


def volume_of(line: Line) -> str:
    return volume_name(line.volume_id or "", line.volume_name or "") if line.volume_pk else ""


def _problem_url(line: Line, place: Environment, scene: Scene) -> str:
    slug = scene.membership.team.slug
    parts = [slug, place.service_code, place.name, line.volume_id]
    return f"{reverse('snapshots:volume', args=parts)}#problem-{line.pk}"


def _said(line: Line, now: datetime) -> Said | None:
    until, at = line.acknowledged_until, line.acknowledged_at
    if until is None or at is None:
        return None
    is_address = line.ticket.startswith("https://")
    by = {"person": line.acknowledged_by, "time": times.stamp(at, now)}
    return Said(
        until=times.stamp(until, now),
        iso=times.iso(until),
        by=_("%(person)s, %(time)s") % by,
        note=line.note,
        ticket=line.ticket,
        ticket_url=line.ticket if is_address else "",
    )


def ended_row(group: Group, scene: Scene) -> EndedRow:
    place, first = scene.places[group.environment_id], group.first
    began, ended_at = min(line.began_at for line in group.lines), first.ended_at or scene.now
    many = ngettext("%(number)s volume", "%(number)s volumes", group.number) % {"number": grouped(group.number)}
    if group.is_of_environment:
        name, url = place.place, ""
    elif group.number == 1:
        name, url = volume_of(first), _problem_url(first, place, scene)
    else:
        name, url = many, ""
    return EndedRow(
        span=_("%(from)s – %(to)s") % {"from": times.clock(began, scene.now), "to": times.clock(ended_at, scene.now)},
        name=name,
        url=url,
        place="" if group.is_of_environment else place.place,
        badge=problem_labels.badge(group.kind),
        mark="✓" if first.end == Problem.End.RECOVERED else "–",
        end=str(problem_labels.ENDS.get(first.end, "")),
        length=problem_labels.length(ended_at - began),
    )
