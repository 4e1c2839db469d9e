"""What is above the list of leftovers: a card for each reason, the two choices, and the matrix of reason and age."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from snapshots.lists.leftover_filters import BANDS, DELETED, KEPT, OLD, OLD_DAYS, OUTSIDE, SURPLUS, LeftoverFilters
from snapshots.lists.leftovers import Tally, reasons_of
from snapshots.text.labels import grouped
from snapshots.views.common.list_page import View

REASON_LABELS: Mapping[str, str | Promise] = {
    DELETED: gettext_lazy("Volume deleted"),
    OLD: gettext_lazy("Old"),
    SURPLUS: gettext_lazy("More than needed"),
    OUTSIDE: gettext_lazy("Outside any schedule"),
}
BAND_LABELS: Mapping[str, str | Promise] = {
    "30": gettext_lazy("30 to 90 days old"),
    "90": gettext_lazy("90 to 180 days"),
    "180": gettext_lazy("180 to 365 days"),
    "365": gettext_lazy("over 365 days"),
}
# The same where there is no room, for a chip and a phone.
SHORT_BANDS: Mapping[str, str | Promise] = {
    "30": gettext_lazy("30–90 d"),
    "90": gettext_lazy("90–180 d"),
    "180": gettext_lazy("180–365 d"),
    "365": gettext_lazy("over 365 d"),
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is a filter. `current`: the page shows just that; `length` of its bar, of 100."""

    text: str
    url: str
    current: bool
    is_none: bool
    label: str
    short: str = ""
    length: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    number: Number
    label: str
    detail: str


@dataclass(frozen=True, slots=True)
class MatrixRow:
    label: str
    cells: list[Number]
    total: Number


@dataclass(frozen=True, slots=True)
class Option:
    """A link that sets one of the two choices."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """One of the two choices: what is chosen, and what else can be."""

    id: str
    name: str
    chosen: str
    options: list[Option]


def cards(view: View[LeftoverFilters], tallied: Sequence[Tally]) -> list[Card]:
    return [
        Card(_number(view, tallied, reason), str(label), _detail(reason, tallied))
        for reason, label in REASON_LABELS.items()
    ]


def matrix(view: View[LeftoverFilters], tallied: Sequence[Tally]) -> list[MatrixRow]:
    most = max((_count(tallied, reason, (band,)) for reason in REASON_LABELS for band in BANDS), default=0)
    return [
        MatrixRow(
            str(label),
            [_number(view, tallied, reason, (band,), most) for band in BANDS],
            _number(view, tallied, reason),
        )
        for reason, label in REASON_LABELS.items()
    ]


def settings(view: View[LeftoverFilters]) -> list[Setting]:
    """Old means, and needed are."""
    filters, links = view.filters, view.links
    ages = [
        Option(_older_than(days), links.to(days=days), days == filters.days) for days in _with(OLD_DAYS, filters.days)
    ]
    kept = [Option(_newest(keep), links.to(keep=keep), keep == filters.keep) for keep in _with(KEPT, filters.keep)]
    return [
        Setting("old", _("Old means"), _older_than(filters.days), ages),
        Setting("needed", _("Needed are"), _newest(filters.keep), kept),
    ]


def _with(usual: Collection[int], chosen: int) -> list[int]:
    return sorted({*usual, chosen})


def _older_than(days: int) -> str:
    return ngettext("older than %(n)s day", "older than %(n)s days", days) % {"n": grouped(days)}


def _newest(keep: int) -> str:
    return ngettext("the newest of each volume", "the newest %(n)s of each volume", keep) % {"n": grouped(keep)}


def _detail(reason: str, tallied: Iterable[Tally]) -> str:
    if reason == DELETED:
        volumes = len({tally.place for tally in tallied if tally.deleted})
        return ngettext(
            "Snapshots of %(n)s volume that the provider no longer has.",
            "Snapshots of %(n)s volumes that the provider no longer has.",
            volumes,
        ) % {"n": grouped(volumes)}
    return {
        OLD: _("Taken longer ago than the age you choose."),
        SURPLUS: _("Older than the usable ones of each volume that you choose to keep."),
        OUTSIDE: _("Not taken by a schedule; the volume has one that takes its own."),
    }[reason]


def _number(
    view: View[LeftoverFilters], tallied: Iterable[Tally], reason: str, bands: tuple[str, ...] = (), most: int = 0
) -> Number:
    """How many have a reason, at these ages or at any: the number that its link shows."""
    number = _count(tallied, reason, bands)
    filters = view.filters
    is_current = (filters.reasons, filters.bands) == ((reason,), bands)
    url = view.links.to(reasons=(), bands=()) if is_current else view.links.to(reasons=(reason,), bands=bands)
    (band,) = bands or ("",)
    parts = [str(REASON_LABELS[reason]), *([str(BAND_LABELS[band])] if band else [])]
    label = _("%(number)s: %(what)s") % {"number": grouped(number), "what": ", ".join(parts)}
    short = str(SHORT_BANDS[band]) if band else ""
    # A small number still has a bar.
    length = max(2, round(number * 100 / most)) if number and most else 0
    return Number(grouped(number), url, is_current, number == 0, label, short, length)


def _count(tallied: Iterable[Tally], reason: str, bands: tuple[str, ...]) -> int:
    return sum(tally.number for tally in tallied if reason in reasons_of(tally) and (not bands or tally.band in bands))
