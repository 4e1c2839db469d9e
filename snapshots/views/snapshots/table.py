"""The list's table: rendered once for each state of the data, then taken from the cache.

The key holds everything the table depends on, led by the team: each environment's generation and age label, the
view's filters, the language and the minute (ages are relative). A new generation is a new key: nothing to invalidate.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboard.backends.redis_cache import kept, key_of
from dashboard.teams.models import Team
from snapshots.lists.snapshot_filters import Filters
from snapshots.lists.snapshot_list import Line, ListPage, find_page
from snapshots.models import Environment, Volume
from snapshots.rules import states
from snapshots.rules.taken_time import UNDATED
from snapshots.text import labels, times
from snapshots.views.common.components import Column, Row
from snapshots.views.common.data_age import as_of

KEEP_SECONDS = 120
Instances = Mapping[tuple[int, str], str]


def table(
    team: Team,
    environments: Sequence[Environment],
    filters: Filters,
    now: datetime,
    prefix: str,
    volumes: Sequence[Volume],
) -> tuple[ListPage, SafeString]:
    """The page's numbers and its rendered table. `prefix` is the list's own address, `volumes` are the chosen ones."""
    labels = {environment.pk: as_of(environment, now) for environment in environments}

    def make() -> tuple[ListPage, str]:
        page = find_page(team, environments, filters, now, volumes)
        # With chosen volumes the rows are of these alone: their instances need not be asked for again.
        instances = _instances(volumes) if filters.volume_ids else _instances(_volumes_of(team, page.lines))
        context = _context(environments, labels, filters, page, instances, now, prefix)
        html = render_to_string("snapshots/snapshots/_table.html", context)
        # The rows are in the HTML; the numbers around it are all that the page still needs.
        return replace(page, lines=[]), html

    key = _key(team, environments, labels, filters, now, prefix)
    page, html = kept(key, tuple[ListPage, str], make, seconds=KEEP_SECONDS)
    return page, SafeString(html)


def _key(
    team: Team,
    environments: Sequence[Environment],
    labels: Mapping[int, str],
    filters: Filters,
    now: datetime,
    prefix: str,
) -> str:
    versions = [(environment.rows_version, labels[environment.pk]) for environment in environments]
    parts = (versions, filters.query(page=filters.page), get_language(), int(now.timestamp()) // 60, prefix)
    return key_of("table", team.pk, parts)


def _context(
    environments: Sequence[Environment],
    labels: Mapping[int, str],
    filters: Filters,
    page: ListPage,
    instances: Instances,
    now: datetime,
    prefix: str,
) -> dict[str, object]:
    places = {environment.pk: environment for environment in environments}
    rows = [
        _row(line, places[line.environment_id], labels[line.environment_id], instances, now, prefix)
        for line in page.lines
        if line.environment_id in places
    ]
    return {"columns": columns(filters, prefix), "rows": rows, "has_notes": any(row.note for row in rows)}


def _volumes_of(team: Team, lines: Sequence[Line]) -> Iterable[Volume]:
    ids = {line.volume_id for line in lines if line.volume_id}
    # With the environments it is one look into the unique index for each; a team alone would be all its volumes.
    places = {line.environment_id for line in lines}
    found = Volume.objects.of_team(team).filter(environment__in=places, volume_id__in=ids)
    return found.only("environment_id", "volume_id", "instance_name") if ids else []


def _instances(volumes: Iterable[Volume]) -> Instances:
    return {(volume.environment_id, volume.volume_id): volume.instance_name for volume in volumes}


def _row(line: Line, environment: Environment, label: str, instances: Instances, now: datetime, prefix: str) -> Row:
    key = UNDATED if line.taken_after is None else line.taken_before
    return Row(
        url=f"{prefix}{environment.path}/{line.snapshot_id}/",
        name=labels.title(line.name, line.snapshot_id),
        taken=times.taken(line.taken_after, line.taken_before, line.taken_source, key, now),
        volume=labels.volume_name(line.volume_id, line.volume),
        volume_url=f"{prefix}?volume_id={line.volume_id or 'none'}",
        instance=instances.get((environment.pk, line.volume_id), ""),
        place=environment.place,
        badge=labels.badge(line.state, listed=line.listed, candidate=line.missing_since is not None),
        interval_type=states.type_label(line.interval_type),
        note=_note(line, label, now),
    )


def _note(line: Line, label: str, now: datetime) -> str:
    if line.missing_since is None:
        return label
    since = times.clock(line.missing_since, now)
    if line.listed:
        return _("not in the list of %(time)s") % {"time": since}
    return _("not listed since %(time)s") % {"time": since}


def columns(filters: Filters, prefix: str) -> list[Column]:
    """The heads: a second click turns the order round; times start with the newest, names with A."""
    labels = {
        "taken": _("Taken (UTC)"),
        "name": _("Name"),
        "volume": _("Volume"),
        "state": _("State"),
        "type": _("Type"),
    }
    return [_column(key, label, filters, prefix) for key, label in labels.items()]


def _column(key: str, label: str, filters: Filters, prefix: str) -> Column:
    upward, downward = key, f"-{key}"
    if filters.sort == upward:
        return Column(key, label, prefix + filters.query(sort=downward), "ascending")
    if filters.sort == downward:
        return Column(key, label, prefix + filters.query(sort=upward), "descending")
    return Column(key, label, prefix + filters.query(sort=downward if key == "taken" else upward))
