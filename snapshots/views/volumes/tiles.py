"""The tiles, the filter bar and the chips of the volumes page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from snapshots.lists.leftover_filters import DELETED, LeftoverFilters
from snapshots.lists.params import Links
from snapshots.lists.volume_filters import NO_AGE, NO_SCHEDULE, OLDER, STATUSES, VolumeFilters
from snapshots.lists.volume_list import MenuCounts, Tally
from snapshots.models import Environment
from snapshots.rules.schedules import TYPES
from snapshots.rules.verdict import Verdict
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.text.verdict_labels import LABELS, MARKS, schedule_name
from snapshots.verdicts.sql import DataAges
from snapshots.views.common.components import Chip, Choice, FilterGroup, chip
from snapshots.views.common.list_page import View, environment_chips, environment_group, search_chips

AGE_LABELS: Mapping[str, str | Promise] = {
    "1d": gettext_lazy("Newest usable under 24 hours"),
    "7d": gettext_lazy("Newest usable 1 to 7 days old"),
    "30d": gettext_lazy("Newest usable 7 to 30 days old"),
    OLDER: gettext_lazy("Newest usable older than 30 days, or unknown"),
    NO_AGE: gettext_lazy("No usable snapshot"),
}
TILES: Sequence[tuple[str | Promise, tuple[Verdict, ...]]] = (
    (LABELS[Verdict.NONE], (Verdict.NONE,)),
    (gettext_lazy("Late, stuck or failing"), (Verdict.LATE, Verdict.STUCK, Verdict.FAILING)),
    (LABELS[Verdict.UNKNOWN], (Verdict.UNKNOWN,)),
    (pgettext_lazy("verdict", "Fresh"), (Verdict.FRESH, Verdict.RUNNING, Verdict.NEW)),
)
AGE_TILES: Sequence[tuple[str, str, str | Promise, tuple[str, ...]]] = (
    ("✕", "bad", gettext_lazy("No usable snapshot"), (NO_AGE,)),
    ("!", "warn", gettext_lazy("Older than 7 days"), ("30d", OLDER)),
    ("◐", "busy", gettext_lazy("Within 7 days"), ("7d",)),
    ("✓", "ok", gettext_lazy("Within 24 hours"), ("1d",)),
)


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that is a filter, and all of it as a sentence.

    `current`: the page shows just that; the link then leads back.
    """

    mark: str
    tone: str
    label: str
    number: str
    detail: str
    sentence: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Aside:
    """A number beside the tiles, with the filter that shows it; without an address it is text.

    `is_elsewhere`: it leads to another page.
    """

    text: str
    url: str = ""
    is_elsewhere: bool = False


def verdict_tiles(view: View[VolumeFilters], counted: Sequence[Tally], ages: DataAges) -> list[Tile]:
    """Four tiles that add up to the checked volumes."""
    return [_verdict_tile(view, str(label), verdicts, counted, ages) for label, verdicts in TILES]


def age_tiles(view: View[VolumeFilters], bands: Mapping[str, int]) -> list[Tile]:
    """The same for a team that has not said what is young enough."""
    return [
        _tile(view, mark, tone, str(label), sum(bands[age] for age in ages), _age_detail(ages), ages=ages)
        for mark, tone, label, ages in AGE_TILES
    ]


def asides(view: View[VolumeFilters], counted: Iterable[Tally]) -> list[Aside]:
    """Those that the tiles do not count."""
    number = dict.fromkeys((None, Verdict.EXCLUDED, Verdict.DELETED), 0)
    for tally in counted:
        number[tally.verdict if tally.verdict >= Verdict.EXCLUDED else None] += tally.number
    checked, excluded, deleted = number.values()
    found = [Aside(ngettext("%(n)s checked", "%(n)s checked", checked) % {"n": grouped(checked)})]
    if excluded:
        text = ngettext("%(n)s excluded", "%(n)s excluded", excluded)
        found.append(Aside(text % {"n": grouped(excluded)}, view.links.to(statuses=("excluded",))))
    if deleted:
        text = ngettext("%(n)s deleted with snapshots left", "%(n)s deleted with snapshots left", deleted)
        found.append(Aside(text % {"n": grouped(deleted)}, view.links.to(statuses=("deleted",))))
        chosen = LeftoverFilters(environments=view.filters.environments, reasons=(DELETED,))
        url = Links(reverse("snapshots:leftovers", args=[view.team.slug]), chosen).to()
        found.append(Aside(_("Leftovers"), url, is_elsewhere=True))
    return found


def unknown_volumes(environments: Iterable[Environment]) -> list[Aside]:
    """Where the volumes endpoint is closed to the key, nobody knows which volumes never had a snapshot."""
    closed = [environment.place for environment in environments if not environment.knows_volumes]
    text = _("volumes without snapshots can’t be seen in %(places)s") % {"places": ", ".join(closed)}
    return [Aside(text)] if closed else []


def groups(view: View[VolumeFilters], counts: MenuCounts) -> list[FilterGroup]:
    filters = view.filters
    return [
        environment_group(view, counts.environments),
        _schedule_group(filters, counts.schedules),
        _status_group(filters, counts.verdicts),
        _grouping(filters),
    ]


def chips(view: View[VolumeFilters]) -> Iterator[Chip]:
    filters, links = view.filters, view.links
    yield from environment_chips(view)
    for value in filters.schedules:
        word = _("No schedule") if value == NO_SCHEDULE else schedule_name(value)
        yield chip(_("Schedule"), word, links.without("schedules", value))
    for value in filters.statuses:
        yield chip(_("Status"), str(LABELS[STATUSES[value]]), links.without("statuses", value))
    if filters.since:
        yield chip(
            _("Problem since"), _("%(time)s UTC") % {"time": times.stamp(filters.since, view.now)}, links.to(since=None)
        )
    for value in filters.ages:
        yield chip(_("Age"), str(AGE_LABELS[value]), links.without("ages", value))
    yield from search_chips(view)


def _verdict_tile(
    view: View[VolumeFilters], label: str, verdicts: tuple[Verdict, ...], counted: Sequence[Tally], ages: DataAges
) -> Tile:
    own = [tally for tally in counted if tally.verdict in verdicts]
    mark, tone = MARKS[verdicts[0]]
    statuses = tuple(verdict.name.lower() for verdict in verdicts)
    number = sum(tally.number for tally in own)
    return _tile(view, mark, tone, label, number, _detail(verdicts[0], own, ages), statuses=statuses)


def _tile(
    view: View[VolumeFilters], mark: str, tone: str, label: str, number: int, detail: str, **chosen: tuple[str, ...]
) -> Tile:
    current = all(getattr(view.filters, name) == values for name, values in chosen.items())
    url = view.links.to(**(dict.fromkeys(chosen, ()) if current else chosen))
    (values,) = chosen.values()
    sentence = _sentence(values[0], number, detail)
    return Tile(mark, tone if number else "zero", label, grouped(number), detail, sentence, url, current)


def _sentence(name: str, number: int, detail: str) -> str:
    """ "7 volumes with no usable snapshot: 1 never had one, 6 lost theirs"."""
    said = {
        "none": ngettext("%(n)s volume with no usable snapshot", "%(n)s volumes with no usable snapshot", number),
        "late": ngettext("%(n)s volume late, stuck or failing", "%(n)s volumes late, stuck or failing", number),
        "unknown": ngettext("%(n)s volume unknown", "%(n)s volumes unknown", number),
        "fresh": ngettext("%(n)s volume fresh", "%(n)s volumes fresh", number),
        "30d": ngettext(
            "%(n)s volume with a newest usable snapshot older than 7 days",
            "%(n)s volumes with a newest usable snapshot older than 7 days",
            number,
        ),
        "7d": ngettext(
            "%(n)s volume with a usable snapshot within 7 days",
            "%(n)s volumes with a usable snapshot within 7 days",
            number,
        ),
        "1d": ngettext(
            "%(n)s volume with a usable snapshot within 24 hours",
            "%(n)s volumes with a usable snapshot within 24 hours",
            number,
        ),
    }[name] % {"n": grouped(number)}
    return _("%(volumes)s: %(detail)s") % {"volumes": said, "detail": detail} if detail else said


def _detail(verdict: Verdict, own: Sequence[Tally], ages: DataAges) -> str:
    """What a tile's number is made of."""
    match verdict:
        case Verdict.NONE:
            return _none_detail(own)
        case Verdict.LATE:
            oldest = min((tally.oldest for tally in own if tally.oldest), default=None)
            return _("oldest: %(age)s") % {"age": times.age(ages.now - oldest)} if oldest else ""
        case Verdict.UNKNOWN:
            return _unknown_detail(own, ages)
    return _fresh_detail(own)


def _none_detail(own: Sequence[Tally]) -> str:
    never = sum(tally.never for tally in own)
    lost = sum(tally.number for tally in own) - never
    parts = [
        (never, ngettext("%(n)s never had one", "%(n)s never had one", never)),
        (lost, ngettext("%(n)s lost its last one", "%(n)s lost theirs", lost)),
    ]
    return ", ".join(text % {"n": grouped(number)} for number, text in parts if number)


def _unknown_detail(own: Sequence[Tally], ages: DataAges) -> str:
    """The largest reason first."""
    on_old_data = sum(
        tally.number
        for tally in own
        if tally.verdict_by_data is not Verdict.UNKNOWN or tally.environment_id in ages.blind
    )
    others = sum(tally.number for tally in own) - on_old_data
    parts = [
        (on_old_data, _("%(n)s on stale data") % {"n": grouped(on_old_data)}),
        (others, _("%(n)s undated or unconfirmed") % {"n": grouped(others)}),
    ]
    return ", ".join(text for number, text in sorted(parts, reverse=True) if number)


def _fresh_detail(own: Sequence[Tally]) -> str:
    new = sum(tally.number for tally in own if tally.verdict is Verdict.NEW)
    running = sum(tally.number for tally in own if tally.verdict is Verdict.RUNNING)
    idle = sum(tally.idle for tally in own if tally.verdict is Verdict.FRESH)
    parts = [
        (new, ngettext("%(n)s new", "%(n)s new", new)),
        (running, ngettext("%(n)s running", "%(n)s running", running)),
        (idle, ngettext("%(n)s without schedule or target", "%(n)s without schedule or target", idle)),
    ]
    return ", ".join(text % {"n": grouped(number)} for number, text in parts if number)


def _age_detail(chosen: tuple[str, ...]) -> str:
    if OLDER in chosen:
        return _("or of unknown age")
    return _("by the newest usable snapshot") if chosen != (NO_AGE,) else ""


def _schedule_group(filters: VolumeFilters, counts: Mapping[str, int]) -> FilterGroup:
    words = {value: schedule_name(value) for value in TYPES} | {NO_SCHEDULE: _("No schedule")}
    choices = [
        Choice(value, word, grouped(counts.get(value, 0)), value in filters.schedules) for value, word in words.items()
    ]
    return FilterGroup("schedule", _("Schedule"), "checkbox", choices, len(filters.schedules))


def _status_group(filters: VolumeFilters, counts: Mapping[Verdict, int]) -> FilterGroup:
    choices = [
        Choice(name, str(LABELS[verdict]), grouped(counts.get(verdict, 0)), name in filters.statuses)
        for name, verdict in STATUSES.items()
    ]
    checked = [choice for choice in choices if STATUSES[choice.value] < Verdict.EXCLUDED]
    others = [choice for choice in choices if STATUSES[choice.value] >= Verdict.EXCLUDED]
    return FilterGroup("status", _("Status"), "checkbox", [*checked, *reversed(others)], len(filters.statuses))


def _grouping(filters: VolumeFilters) -> FilterGroup:
    choices = [
        Choice("", pgettext("grouping", "None"), checked=not filters.group),
        Choice("instance", _("By instance"), checked=filters.group == "instance"),
    ]
    return FilterGroup("group", _("Group"), "radio", choices, 1 if filters.group else 0)
