"""The lines of the changes page, day by day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.dates import WEEKDAYS
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.teams.models import Team
from snapshots.lists.change_filters import ChangeFilters
from snapshots.lists.change_list import ChangePage, Line, find_page
from snapshots.models import Change, Environment, Volume
from snapshots.rules import states
from snapshots.text import change_labels, labels, times
from snapshots.text.labels import Badge, volume_name
from snapshots.views.common.list_page import kept_part
from snapshots.views.common.volume_filter import DatedView, only_volume_url

Volumes = Mapping[tuple[int, str], Volume]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One line: when, what, of which snapshot or how many, where."""

    time: str
    iso: str
    exact: str
    badge: Badge
    title: str
    url: str
    detail: str
    interval_type: str
    volume: str
    volume_url: str
    only_url: str
    instance: str
    place: str
    is_mono: bool = False
    is_many: bool = False


@dataclass(frozen=True, slots=True)
class Day:
    head: str
    iso: str
    rows: list[ChangeRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """What all lines share."""

    places: Mapping[int, Environment]
    volumes: Volumes
    now: datetime
    prefix: str
    list_url: str
    volumes_url: str
    view: DatedView[ChangeFilters]


def change_table(view: DatedView[ChangeFilters], line: Change | None) -> tuple[ChangePage, SafeString]:
    """The page's numbers and its rendered lines. `line`: the one that is opened."""

    def make() -> tuple[ChangePage, str]:
        page = find_page(view.team, view.environments, view.filters, line)
        places = {environment.pk: environment for environment in view.environments}
        list_url, volumes_url = (reverse(f"snapshots:{name}", args=[view.team.slug]) for name in ("list", "volumes"))
        scene = Scene(places, _volumes_of(view.team, page.lines), view.now, view.prefix, list_url, volumes_url, view)
        html = render_to_string("snapshots/changes/_days.html", {"days": _days(page.lines, scene)})
        return replace(page, lines=_ends(page.lines)), html

    page, html = kept_part(view, "changes", tuple[ChangePage, str], make)
    return page, SafeString(html)


def _ends(lines: Sequence[Line]) -> list[Line]:
    """The first and the last: all that the page still needs, as the lines are in the HTML."""
    return [lines[0], lines[-1]] if lines else []


def _volumes_of(team: Team, lines: Sequence[Line]) -> Volumes:
    ids = {line.volume_id for line in lines if line.volume_id}
    places = {line.environment_id for line in lines}
    found: Iterable[Volume] = Volume.objects.of_team(team).filter(environment__in=places, volume_id__in=ids)
    return {(volume.environment_id, volume.volume_id): volume for volume in found} if ids else {}


def _days(lines: Sequence[Line], scene: Scene) -> list[Day]:
    days: list[Day] = []
    for line in lines:
        if line.environment_id not in scene.places:
            continue
        day = line.at.date()
        if not days or days[-1].iso != day.isoformat():
            days.append(Day(_head(day, line.at, scene.now), day.isoformat()))
        days[-1].rows.append(_row(line, scene))
    return days


def _head(day: date, at: datetime, now: datetime) -> str:
    text = f"{WEEKDAYS[day.weekday()]} {times.day(at, now)}"
    named = {now.date(): _("Today"), now.date() - timedelta(days=1): _("Yesterday")}.get(day)
    return f"{named}, {text}" if named else text


def _row(line: Line, scene: Scene) -> ChangeRow:
    environment = scene.places[line.environment_id]
    volume = scene.volumes.get((line.environment_id, line.volume_id))
    has_volume = bool(line.volume_id) or line.snapshot_id is not None
    title, url = _title(line, environment, volume, scene)
    return ChangeRow(
        time=f"{line.at:%H:%M}",
        iso=times.iso(line.at),
        exact=times.exact(line.at),
        badge=change_labels.badge(line.kind),
        title=title,
        url=url,
        detail="" if line.number else change_labels.detail(line.kind, line.before, line.after, line.seconds),
        interval_type=states.type_label(line.interval_type) if line.interval_type else "",
        volume=volume_name(line.volume_id, volume.name if volume else line.volume or "") if has_volume else "",
        volume_url=_volume_url(line, environment, volume, scene),
        only_url=only_volume_url(scene.view, line.volume_id) if volume else "",
        instance=volume.instance_name if volume else "",
        # A line about the environment itself has its name already.
        place=environment.place if has_volume or line.number else "",
        is_mono=line.snapshot_id is not None,
        is_many=line.number is not None,
    )


def _title(line: Line, environment: Environment, volume: Volume | None, scene: Scene) -> tuple[str, str]:
    """What the line is about, and where that leads."""
    if line.number is not None:
        since = line.since
        text = (
            change_labels.repeated(line.number, since, line.at) if since else change_labels.many(line.kind, line.number)
        )
        return text, f"{scene.prefix}?line={line.pk}"
    if line.snapshot_id is not None:
        title = labels.title(line.name or "", line.snapshot_id)
        return title, f"{scene.list_url}{environment.path}/{line.snapshot_id}/"
    if line.volume_id:
        # By its name of today, as everywhere; the line says what it was.
        return volume_name(line.volume_id, volume.name if volume else line.after), _volume_url(
            line, environment, volume, scene
        )
    return environment.place, f"{scene.list_url}?environment={environment.path}"


def _volume_url(line: Line, environment: Environment, volume: Volume | None, scene: Scene) -> str:
    if volume is not None:
        return f"{scene.volumes_url}{environment.path}/{line.volume_id}/"
    return f"{scene.list_url}?volume_id={line.volume_id or 'none'}"
