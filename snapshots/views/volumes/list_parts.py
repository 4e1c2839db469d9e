"""The costly parts of the volumes page: rendered once for each state of the data, then taken from the cache.

The key holds everything they depend on, led by the team: each environment's generation, the age of its data and what
the team says of it, the policy, the filters, the language and the minute, since a verdict may change with each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from dashboard.backends.redis_cache import kept, key_of
from dashboard.teams.access.guard import may
from dashboard.teams.models import Membership, Team
from snapshots.lists import volume_groups, volume_list
from snapshots.lists.outages import Outage, outages
from snapshots.lists.params import PAGE_SIZES
from snapshots.lists.volume_filters import VolumeFilters
from snapshots.lists.volume_list import Tally, VolumePage
from snapshots.models import Environment, Policy
from snapshots.models.volume import VolumeQuerySet
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.verdicts.sql import DataAges, volumes_of_team
from snapshots.views.common.components import Action, Empty, Pager, PageSize
from snapshots.views.common.data_age import as_of
from snapshots.views.common.page_state import never_fetched
from snapshots.views.volumes import strip_svg
from snapshots.views.volumes import tiles as volume_bar
from snapshots.views.volumes.rows import Scene, columns

KEEP_SECONDS = 120


class View(Protocol):
    """What the parts depend on."""

    @property
    def membership(self) -> Membership: ...
    @property
    def team(self) -> Team: ...
    @property
    def environments(self) -> Sequence[Environment]: ...
    @property
    def shown(self) -> Sequence[Environment]: ...
    @property
    def policy(self) -> Policy | None: ...
    @property
    def filters(self) -> VolumeFilters: ...
    @property
    def now(self) -> datetime: ...
    @property
    def prefix(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """Rendered HTML: the tiles with what stopped, the filter bar or what brings it in line, the table."""

    summary: SafeString
    bar: SafeString
    results: SafeString
    count_text: str


def parts(view: View, *, is_fragment: bool) -> Parts:
    """Render the parts of a view. `is_fragment`: the filter bar status already and is only brought in line."""

    def make() -> tuple[str, str, str, str]:
        made = _made(view, is_fragment=is_fragment)
        return made.summary, made.bar, made.results, made.count_text

    key = _key(view, is_fragment=is_fragment)
    summary, bar, results, count_text = kept(key, tuple[str, str, str, str], make, seconds=KEEP_SECONDS)
    return Parts(SafeString(summary), SafeString(bar), SafeString(results), count_text)


def _key(view: View, *, is_fragment: bool) -> str:
    environments = [_state_of(environment, view.now) for environment in view.environments]
    parts = (
        environments,
        view.policy.target_hours if view.policy else None,
        view.filters.query(page=view.filters.page),
        view.filters.problems,
        get_language(),
        int(view.now.timestamp()) // 60,
        view.prefix,
        _may_act(view),
        is_fragment,
    )
    return key_of("volumes", view.team.pk, parts)


def _state_of(environment: Environment, now: datetime) -> tuple[object, ...]:
    return (
        environment.rows_version,
        as_of(environment, now),
        environment.listed_at,
        environment.data_at,
        environment.target_hours,
        environment.exempt_until,
        environment.exempt_reason,
        environment.fault_kind,
        environment.knows_volumes,
    )


def _may_act(view: View) -> bool:
    """Whoever may say something of volumes gets a box before each."""
    return may(view.membership, "snapshots:exempt")


def _made(view: View, *, is_fragment: bool) -> Parts:
    ages = DataAges.of(view.environments, view.now)
    team_hours = view.policy.target_hours if view.policy else None
    volumes = volume_list.narrowed(view.environments, view.filters, ages)
    counted = volume_list.tallies(volumes, view.environments, team_hours)
    total = volume_list.total_of(counted, view.filters)
    bar = "snapshots/volumes/_follow.html" if is_fragment else "snapshots/volumes/_filters.html"
    return Parts(
        summary=_summary(view, volumes, counted, ages),
        bar=render_to_string(bar, _bar_context(view, counted)),
        results=_results(view, volumes, total, ages),
        count_text=_count_text(view, total),
    )


def _summary(view: View, volumes: VolumeQuerySet, counted: Sequence[Tally], ages: DataAges) -> SafeString:
    filters, prefix = view.filters, view.prefix
    if view.policy is None:
        tiles = volume_bar.age_tiles(volume_list.band_counts(volumes, ages), filters, prefix)
    else:
        tiles = volume_bar.verdict_tiles(counted, filters, ages, prefix)
    context = {
        "tiles": tiles,
        "asides": volume_bar.asides(counted, filters, prefix) + volume_bar.unknown_volumes(view.shown),
        "outages": [_outage(found, view) for found in outages(volumes, counted, view.environments)],
    }
    return render_to_string("snapshots/volumes/_summary.html", context)


def _outage(found: Outage, view: View) -> dict[str, str]:
    text = ngettext(
        "Runs in %(place)s stopped about %(time)s UTC: %(number)s volume.",
        "Runs in %(place)s stopped about %(time)s UTC: %(number)s volumes.",
        found.number,
    ) % {
        "place": found.environment.place,
        "time": times.clock(found.at, view.now),
        "number": grouped(found.number),
    }
    statuses = ("late", "stuck", "failing")
    return {"text": text, "url": view.prefix + view.filters.query(environments=(found.environment,), statuses=statuses)}


def _bar_context(view: View, counted: Sequence[Tally]) -> dict[str, object]:
    filters = view.filters
    return {
        "list_url": view.prefix,
        "query": filters.q,
        "groups": volume_bar.groups(view.environments, filters, counted),
        "chips": volume_bar.chips(filters, view.prefix),
        "hidden": [pair for pair in filters.pairs() if pair[0] in ("age", "sort", "page_size")],
    }


def _results(view: View, volumes: VolumeQuerySet, total: int, ages: DataAges) -> SafeString:
    filters = view.filters
    context: dict[str, object] = {
        "chips": volume_bar.chips(filters, view.prefix),
        "clear_url": view.prefix,
        "problems": filters.problems,
    }
    if total == 0:
        context["empty"] = _empty(view)
    else:
        context |= _table(view, volume_list.shown(volumes, filters, ages), total, ages)
    return render_to_string("snapshots/volumes/_results_body.html", context)


def _table(view: View, volumes: VolumeQuerySet, total: int, ages: DataAges) -> dict[str, object]:
    places = {environment.pk: environment for environment in view.environments}
    team_hours = view.policy.target_hours if view.policy else None
    scene = Scene(places, team_hours, view.now, view.prefix)
    context: dict[str, object] = {
        "columns": columns(view.filters, view.prefix, oldest_first=view.policy is None),
        "strip_legend": strip_svg.legend(),
        "may_act": _may_act(view),
    }
    if view.filters.group:
        page, blocks = volume_groups.find_page(volume_groups.blocks_of(volumes), view.filters, ages)
        context["row_groups"] = scene.groups(page.volumes, blocks)
    else:
        page = volume_list.find_page(volumes, view.filters, total, ages, oldest_first=view.policy is None)
        context["rows"] = scene.rows(page.volumes)
    return context | {"pager": _pager(page, view)}


def _empty(view: View) -> Empty:
    if not any(environment.answered_at for environment in view.shown):
        return never_fetched(view.environments, view.shown)
    if view.filters.is_narrowed:
        total = volumes_of_team(view.environments).count()
        text = ngettext(
            "Without the filters there is %(number)s volume.",
            "Without the filters there are %(number)s volumes.",
            total,
        ) % {"number": grouped(total)}
        return Empty("no_match", _("Nothing matches"), text, [Action(_("Clear all filters"), view.prefix)])
    text = _("The provider lists no snapshot of a volume here, and no volume. What it lists from now on appears here.")
    return Empty("no_snapshot", _("No volume yet"), text)


def _count_text(view: View, total: int) -> str:
    if not view.filters.is_narrowed:
        return ngettext("%(n)s volume", "%(n)s volumes", total) % {"n": grouped(total)}
    every = volumes_of_team(view.environments).count()
    text = ngettext("%(n)s of %(all)s volume", "%(n)s of %(all)s volumes", every)
    return text % {"n": grouped(total), "all": grouped(every)}


def _pager(page: VolumePage, view: View) -> Pager:
    filters, prefix = view.filters, view.prefix
    first = (page.number - 1) * filters.page_size + 1
    last = min(page.total, first + filters.page_size - 1)
    last_page = -(-page.total // filters.page_size)
    numbers = {"first": grouped(first), "last": grouped(last), "total": grouped(page.total)}
    is_first, is_last = page.number == 1, page.number == last_page
    return Pager(
        text=_("%(first)s–%(last)s of %(total)s") % numbers,
        first_url="" if is_first else prefix + filters.query(page=1),
        previous_url="" if is_first else prefix + filters.query(page=page.number - 1),
        next_url="" if is_last else prefix + filters.query(page=page.number + 1),
        last_url="" if is_last else prefix + filters.query(page=last_page),
        sizes=[
            PageSize(size, prefix + filters.query(page_size=size), size == filters.page_size) for size in PAGE_SIZES
        ],
    )
