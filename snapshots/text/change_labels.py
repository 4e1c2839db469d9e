"""Texts for changes: the badge of each kind, and the text beside it."""

from datetime import datetime, timedelta

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from snapshots.models import REFUSED_KINDS, Change
from snapshots.rules import states
from snapshots.rules.states import USABLE_STATE
from snapshots.text import times
from snapshots.text.labels import Badge

Kind = Change.Kind
# Mark, tone and word of each kind, in the order in which they are offered.
LOOKS: dict[str, tuple[str, str, str | Promise]] = {
    Kind.COMPLETED: ("✓", "ok", pgettext_lazy("change", "Completed")),
    Kind.FAILED: ("✕", "bad", pgettext_lazy("change", "Failed")),
    Kind.VANISHED: ("✕", "bad", pgettext_lazy("change", "Vanished")),
    Kind.DELETED: ("–", "warn", pgettext_lazy("change", "Deleted")),
    Kind.RETURNED: ("+", "busy", pgettext_lazy("change", "Reappeared")),
    Kind.RENAMED: ("→", "unknown", pgettext_lazy("change", "Renamed")),
    Kind.VOLUME_RENAMED: ("→", "unknown", pgettext_lazy("change", "Volume renamed")),
    Kind.REFUSED: ("✕", "bad", pgettext_lazy("change", "Rejected")),
    Kind.ANSWERING: ("✓", "ok", pgettext_lazy("change", "Reachable again")),
    Kind.BEGAN: ("•", "unknown", pgettext_lazy("change", "Monitoring started")),
    Kind.ROTATED: ("–", "gone", pgettext_lazy("change", "Rotated")),
    # Of rows that were written before the kinds above told them apart.
    Kind.APPEARED: ("+", "busy", pgettext_lazy("change", "Appeared")),
    Kind.STATE: ("→", "unknown", pgettext_lazy("change", "State changed")),
    Kind.MISSING: ("–", "gone", pgettext_lazy("change", "No longer listed")),
}
EARLIER = frozenset({Kind.APPEARED, Kind.STATE, Kind.MISSING})
OFFERED = [kind for kind in LOOKS if kind not in EARLIER]
PROBLEMS = tuple(str(kind) for kind in OFFERED if LOOKS[kind][1] in ("bad", "warn"))
ABOUT_VOLUMES = frozenset({Kind.VOLUME_RENAMED})


def badge(kind: str) -> Badge:
    mark, tone, word = LOOKS[kind]
    return Badge(mark, str(word), tone)


def label(kind: str) -> str:
    return str(LOOKS[kind][2])


def many(kind: str, count: int) -> str:
    """What a line says that stands for many."""
    number = {"number": number_format(count, force_grouping=True)}
    if kind in ABOUT_VOLUMES:
        return ngettext("%(number)s volume at once", "%(number)s volumes at once", count) % number
    return ngettext("%(number)s snapshot at once", "%(number)s snapshots at once", count) % number


def repeated(count: int, since: datetime, at: datetime) -> str:
    """What a line says that counts the failures of one volume."""
    words_of = {"number": number_format(count, force_grouping=True), "time": times.clock(since, at)}
    return ngettext("%(number)s time since %(time)s", "%(number)s times since %(time)s", count) % words_of


def detail(kind: str, before: str, after: str, seconds: int | None) -> str:
    """What is known beside the kind; empty where it says it all."""
    match kind:
        case Kind.COMPLETED | Kind.FAILED:
            return _end(kind, before, seconds)
        case Kind.VANISHED:
            return _("while being made, it probably failed")
        case Kind.ROTATED:
            return _("newer ones of its type are kept")
        case Kind.DELETED:
            return _was(states.state_label(before)) if before not in ("", USABLE_STATE) else ""
        case Kind.RENAMED | Kind.VOLUME_RENAMED:
            return _was(before) if before.strip() else _("had no name")
        case Kind.STATE:
            return f"{states.state_label(before)} → {states.state_label(after)}"
        case _:
            return _of_environment(kind, before, after, seconds)


def _end(kind: str, before: str, seconds: int | None) -> str:
    if kind == Kind.FAILED and before == USABLE_STATE:
        return _was(states.state_label(before))
    if seconds is None:
        return ""
    length = {"age": times.age(timedelta(seconds=seconds))}
    return _("in %(age)s") % length if kind == Kind.COMPLETED else _("after %(age)s") % length


def _was(before: str) -> str:
    return _("was %(before)s") % {"before": before}


def _of_environment(kind: str, before: str, after: str, seconds: int | None) -> str:
    if kind == Kind.BEGAN and after.isdigit():
        count = int(after)
        text = ngettext("%(number)s snapshot was there", "%(number)s snapshots were there", count)
        return text % {"number": number_format(count, force_grouping=True)}
    if kind == Kind.REFUSED:
        is_refused = after in ("", "refused")
        return _("the provider rejects the key") if is_refused else _("the key cannot be used")
    if kind == Kind.ANSWERING:
        age = {"age": times.age(timedelta(seconds=seconds or 0))}
        return _("it was rejected for %(age)s") % age if before in REFUSED_KINDS else _("silent for %(age)s") % age
    return ""


# Said with a small letter within a sentence of a snapshot's life.
IN_LIFE: dict[str, str | Promise] = {
    Kind.VANISHED: gettext_lazy("vanished"),
    Kind.ROTATED: gettext_lazy("rotated"),
    Kind.DELETED: gettext_lazy("deleted"),
    Kind.RETURNED: gettext_lazy("listed again"),
    Kind.RENAMED: gettext_lazy("renamed"),
    Kind.MISSING: gettext_lazy("no longer listed"),
}


def in_life(kind: str, before: str, after: str, seconds: int | None) -> str:
    """The same as part of a snapshot's life: "renamed, was web-01"."""
    if kind == Kind.STATE:
        return states.state_label(after)
    word = str(IN_LIFE.get(kind, label(kind)))
    return ", ".join(part for part in (word, detail(kind, before, after, seconds)) if part)
