"""What the templates are given: plain values, already worded, so that a template only loops and prints."""

from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from snapshots.text.labels import Badge
from snapshots.text.times import Taken


@dataclass(frozen=True, slots=True)
class Row:
    """`only_url` filters by the row's volume; empty where `volume_url` does, or where the page shows only it."""

    url: str
    name: str
    taken: Taken
    volume: str
    volume_url: str
    only_url: str
    instance: str
    place: str
    badge: Badge
    interval_type: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head; `direction` is "", "ascending" or "descending" (for aria-sort)."""

    key: str
    label: str
    url: str
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use, the address of the page without it, and its value alone."""

    label: str
    remove_url: str
    word: str = ""

    @property
    def remove_label(self) -> str:
        return _("Remove filter: %(label)s") % {"label": self.label}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    count: str = ""
    checked: bool = False
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """A link (or, with `post`, a button) that leads out of a message."""

    label: str
    url: str
    post: bool = False


@dataclass(frozen=True, slots=True)
class FilterGroup:
    """One drop-down of the filter bar. `kind` is "checkbox" (several) or "radio" (one); `links` choose at once."""

    name: str
    label: str
    kind: str
    choices: list[Choice]
    chosen: int = 0
    links: list[Action] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VolumeFilter:
    """The typed volume filter: the chosen volumes first, then what the search found (at most 20)."""

    query: str
    chosen: list[Choice]
    found: list[Choice]
    more: bool
    search_url: str

    @property
    def choices(self) -> list[Choice]:
        return self.chosen + self.found


@dataclass(frozen=True, slots=True)
class PageSize:
    size: int
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Pager:
    text: str
    first_url: str = ""
    previous_url: str = ""
    next_url: str = ""
    last_url: str = ""
    sizes: list[PageSize] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Banner:
    """Sentences above the table about one environment, several or the team; tone warn or bad.

    `text` names `place`, which is shown in bold. `folded`: a sentence about each of several environments.
    """

    tone: str
    place: str
    text: str
    actions: list[Action] = field(default_factory=list)
    folded: list["Banner"] = field(default_factory=list)

    @property
    def around(self) -> tuple[str, str]:
        """The text before the place and after it."""
        before, _, after = self.text.partition(self.place) if self.place else ("", "", self.text)
        return before, after


@dataclass(frozen=True, slots=True)
class Freshness:
    """The age line of every page: tone ok (all current), warn (some old), busy (first fetch), bad (nothing ever).

    `iso` and, for people, `as_of` are the moment of the oldest data, where there is any.
    """

    tone: str
    text: str
    iso: str = ""
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Refresh:
    """What the refresh form and the page's script need. `due`: fire one POST on load. Times in seconds.

    `since` and `generation` say what the page shows, so that the answer can tell what changed under it.
    """

    url: str
    due: bool
    every: int
    first_fetch: bool
    allowed: bool = True
    since: str = ""
    generation: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """A designed empty state: kind is no_team, no_key, no_environment, first_fetch, no_snapshot or no_match."""

    kind: str
    title: str
    text: str
    actions: list[Action] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    mono: bool = False
    url: str = ""
    extra: str = ""


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """A dot of a time line. Tone as in `Badge`; `current` marks the snapshot whose page it is."""

    text: str
    tone: str
    url: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class TeamLink:
    """`number`: how many things wait there, and `label` says it; "" with none."""

    name: str
    url: str
    current: bool = False
    detail: str = ""
    number: str = ""
    label: str = ""


def chip(kind: str, value: str, url: str) -> Chip:
    return Chip(f"{kind}: {value}", url, value)
