"""The list's table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.teams.models import Team
from snapshots.lists.snapshot_filters import SnapshotFilters
from snapshots.lists.snapshot_list import Line, ListPage, find_page
from snapshots.models import Environment, Volume
from snapshots.rules import states
from snapshots.rules.taken_time import UNDATED
from snapshots.text import labels, times
from snapshots.views.common.components import Column, Row
from snapshots.views.common.data_age import as_of
from snapshots.views.common.list_page import kept_part
from snapshots.views.common.volume_filter import DatedView, only_volume_url

Volumes = Mapping[tuple[int, str], Volume]


def table(view: DatedView[SnapshotFilters]) -> tuple[ListPage, SafeString]:
    """The page's numbers and its rendered table."""
    labels = {environment.pk: as_of(environment, view.now) for environment in view.environments}

    def make() -> tuple[ListPage, str]:
        page = find_page(view.team, view.environments, view.filters, view.now, view.volumes)
        html = render_to_string("snapshots/snapshots/_table.html", _context(view, labels, page))
        # The rows are in the HTML; the numbers around it are all that the page still needs.
        return replace(page, lines=[]), html

    page, html = kept_part(view, "table", tuple[ListPage, str], make)
    return page, SafeString(html)


def _context(view: DatedView[SnapshotFilters], labels: Mapping[int, str], page: ListPage) -> dict[str, object]:
    places = {environment.pk: environment for environment in view.environments}
    # With chosen volumes the rows are of these alone: they need not be asked for again.
    found = view.volumes if view.filters.volume_ids else _volumes_of(view.team, page.lines)
    volumes = {(volume.environment_id, volume.volume_id): volume for volume in found}
    home = reverse("snapshots:volumes", args=[view.team.slug])
    rows = [
        _row(line, places[line.environment_id], labels[line.environment_id], volumes, home, view)
        for line in page.lines
        if line.environment_id in places
    ]
    return {"columns": columns(view), "rows": rows, "has_notes": any(row.note for row in rows)}


def _volumes_of(team: Team, lines: Sequence[Line]) -> Iterable[Volume]:
    ids = {line.volume_id for line in lines if line.volume_id}
    # With the environments it is one look into the unique index for each; a team alone would be all its volumes.
    places = {line.environment_id for line in lines}
    found = Volume.objects.of_team(team).filter(environment__in=places, volume_id__in=ids)
    return found.only("environment_id", "volume_id", "name", "instance_name") if ids else []


def _row(
    line: Line, environment: Environment, label: str, volumes: Volumes, home: str, view: DatedView[SnapshotFilters]
) -> Row:
    prefix, now = view.prefix, view.now
    volume = volumes.get((environment.pk, line.volume_id))
    only_url = only_volume_url(view, line.volume_id)
    key = UNDATED if line.taken_after is None else line.taken_before
    return Row(
        url=f"{prefix}{environment.path}/{line.snapshot_id}/",
        name=labels.title(line.name, line.snapshot_id),
        taken=times.taken(line.taken_after, line.taken_before, line.taken_source, key, now),
        volume=labels.volume_name(line.volume_id, volume.name if volume else line.volume),
        volume_url=f"{home}{environment.path}/{line.volume_id}/" if volume else only_url,
        only_url=only_url if volume else "",
        instance=volume.instance_name if volume else "",
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


def columns(view: DatedView[SnapshotFilters]) -> list[Column]:
    """The heads: a second click turns the order round; times start with the newest, names with A."""
    labels = {
        "taken": _("Taken (UTC)"),
        "name": _("Name"),
        "volume": _("Volume"),
        "state": _("State"),
        "type": _("Type"),
    }
    return [_column(view, key, label) for key, label in labels.items()]


def _column(view: DatedView[SnapshotFilters], key: str, label: str) -> Column:
    upward, downward = key, f"-{key}"
    direction = {upward: "ascending", downward: "descending"}.get(view.filters.sort, "")
    first = downward if key == "taken" else upward
    sort = {"ascending": downward, "descending": upward}.get(direction, first)
    return Column(key, label, view.links.to(sort=sort), direction)
