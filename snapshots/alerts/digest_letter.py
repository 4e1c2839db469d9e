"""The words of a summary, in order; both parts of the mail show all of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from dashboard.teams.models import Role, Team
from snapshots.alerts.digest import Figures, Gap, Span
from snapshots.alerts.messages import group_url, site_url, volume_url
from snapshots.lists.problem_list import Group
from snapshots.models import Channel, Environment, Problem
from snapshots.rules.verdict import Verdict
from snapshots.text import problem_groups, problem_labels, times
from snapshots.text.alert_text import MOST_TEAM, shown
from snapshots.text.labels import Badge, volume_name
from snapshots.verdicts.daily import Day

MOST_OPEN, MOST_ENDED, MOST_GAPS = 10, 3, 3
BAR_PIXELS = 56
LATE = (Verdict.LATE, Verdict.STUCK, Verdict.FAILING)
GOOD = (Verdict.FRESH, Verdict.RUNNING, Verdict.NEW)


@dataclass(frozen=True, slots=True)
class Tile:
    number: str
    mark: str
    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class Line:
    """A problem or an environment: its name, which leads to its page, and what is beside it."""

    name: str
    url: str
    detail: str
    length: str = ""
    badge: Badge | None = None


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: Sequence[Line] = ()
    more: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A day: how many volumes had a problem at its worst moment; "?" without a complete list."""

    label: str
    number: str
    height: int


@dataclass(frozen=True, slots=True)
class DigestLetter:
    subject: str
    team: str
    span: str
    heading: str
    sentences: Sequence[str]
    tiles: Sequence[Tile]
    sections: Sequence[Section]
    bars_title: str
    bars: Sequence[Bar]
    link: tuple[str, str]
    why: str


def letter_of(channel: Channel, figures: Figures, now: datetime) -> DigestLetter:
    team, is_weekly = channel.team, channel.digest == Channel.Digest.WEEKLY
    return DigestLetter(
        subject=_subject(team, figures, now),
        team=shown(team.name),
        span=_span(figures.span, now),
        heading=_heading(figures),
        sentences=list(_sentences(figures)),
        tiles=list(_tiles(figures)),
        sections=[each for each in _sections(channel, figures, now) if each.lines or each.more],
        bars_title=_("Volumes with a problem, worst point of each day") if figures.days else "",
        bars=_bars(figures.days),
        link=(_("Open alerts"), site_url("snapshots:alerts", team)),
        why=(_("Weekly summary, Mondays %(hour)s UTC.") if is_weekly else _("Daily summary, %(hour)s UTC."))
        % {"hour": f"{channel.digest_hour:02}:00"},
    )


def _subject(team: Team, figures: Figures, now: datetime) -> str:
    number = len(figures.current.open)
    said = {
        "team": shown(team.name, MOST_TEAM),
        "span": _span(figures.span, now),
        "n": number,
        "ended": figures.ended_number,
        "share": _percent(figures),
    }
    if _is_week(figures.span):
        text = ngettext(
            "[%(team)s] Week %(span)s: %(n)d problem open, %(ended)d ended, checked %(share)s of the week",
            "[%(team)s] Week %(span)s: %(n)d problems open, %(ended)d ended, checked %(share)s of the week",
            number,
        )
    else:
        text = ngettext(
            "[%(team)s] %(n)d problem open, %(ended)d ended in 24 hours, checked %(share)s of them",
            "[%(team)s] %(n)d problems open, %(ended)d ended in 24 hours, checked %(share)s of them",
            number,
        )
    return text % said


def _span(span: Span, now: datetime) -> str:
    if _is_week(span):
        last = span.end - timedelta(days=1)
        first = str(span.start.day) if span.start.month == last.month else times.day(span.start, now)
        return _("%(first)s to %(last)s") % {"first": first, "last": times.day(last, now)}
    return _("%(first)s to %(last)s") % {"first": times.stamp(span.start, now), "last": times.stamp(span.end, now)}


def _is_week(span: Span) -> bool:
    return span.end - span.start > timedelta(days=1)


def _heading(figures: Figures) -> str:
    groups, total, good = figures.current.open, figures.verdicts.total(), _good(figures)
    number, worst = len(groups), sum(one.kind is Problem.Kind.NONE for one in groups)
    if not number:
        if total and good == total and not figures.current.quiet:
            return ngettext("The only volume is fresh", "All %(n)d volumes are fresh", total) % {"n": total}
        return _("No problem is open")
    if not worst:
        return ngettext("%(n)d problem is open", "%(n)d problems are open", number) % {"n": number}
    return ngettext(
        "%(n)d problem is open: no usable snapshot",
        "%(n)d problems are open, %(worst)d of them without a usable snapshot",
        number,
    ) % {"n": number, "worst": worst}


def _good(figures: Figures) -> int:
    return sum(figures.verdicts[verdict] for verdict in GOOD)


def _sentences(figures: Figures) -> Iterator[str]:
    total, ended, quiet = figures.verdicts.total(), figures.ended_number, len(figures.current.quiet)
    said = {"good": _good(figures), "n": total}
    yield ngettext("%(good)d of %(n)d volume is fresh.", "%(good)d of %(n)d volumes are fresh.", total) % said
    if quiet:
        text = ngettext("%(n)d more problem is acknowledged.", "%(n)d more problems are acknowledged.", quiet)
        yield text % {"n": quiet}
    yield _ended(figures, ended) % {"n": ended}
    if figures.share is None:
        yield _("Nothing could be checked: no environment has given a complete list yet.")
    elif _is_week(figures.span):
        yield _("We checked %(share)s of the week.") % {"share": _percent(figures)}
    else:
        yield _("We checked %(share)s of the 24 hours.") % {"share": _percent(figures)}


def _ended(figures: Figures, number: int) -> str:
    if not number:
        return _("No problem ended in this time.")
    if _is_week(figures.span):
        return ngettext("%(n)d problem ended during the week.", "%(n)d problems ended during the week.", number)
    return ngettext("%(n)d problem ended in the 24 hours.", "%(n)d problems ended in the 24 hours.", number)


def _percent(figures: Figures) -> str:
    """Rounded down: all of it only without a gap."""
    tenths = int((figures.share or 0) * 1000)
    return _("%(n)s%%") % {"n": tenths // 10 if tenths % 10 == 0 else f"{tenths / 10:.1f}"}


def _tiles(figures: Figures) -> Iterator[Tile]:
    for mark, label, tone, verdicts in (
        ("✕", _("No usable snapshot"), "bad", (Verdict.NONE,)),
        ("!", _("Late, stuck or failing"), "warn", LATE),
        ("?", pgettext("verdict", "Unknown"), "unknown", (Verdict.UNKNOWN,)),
        ("✓", pgettext("verdict", "Fresh"), "ok", GOOD),
    ):
        yield Tile(str(sum(figures.verdicts[verdict] for verdict in verdicts)), mark, label, tone)


def _sections(channel: Channel, figures: Figures, now: datetime) -> Iterator[Section]:
    groups, left = figures.current.open, len(figures.current.open) - MOST_OPEN
    lines = [_open_line(one, figures.places[one.environment_id], now) for one in groups[:MOST_OPEN]]
    yield Section(_("Open, worst first"), lines, _more(left))
    lines = [_ended_line(one, figures.places[one.environment_id], now) for one in figures.ended[:MOST_ENDED]]
    title = _("Ended this week") if _is_week(figures.span) else _("Ended in the 24 hours")
    yield Section(title, lines, _more(figures.ended_number - len(lines)))
    is_admin = channel.membership is not None and channel.membership.role == Role.ADMIN
    yield Section(_("What we can’t tell"), list(_unknown(channel.team, figures, now, is_admin=is_admin)))


def _more(number: int) -> str:
    return ngettext("and %(n)d more", "and %(n)d more", number) % {"n": number} if number > 0 else ""


def _open_line(group: Group, place: Environment, now: datetime) -> Line:
    began = min(line.began_at for line in group.lines)
    reason = problem_groups.reason(group.kind, [line.facts for line in group.lines], place, now)
    length = problem_labels.length(now - began)
    return Line(_name(group, place), _url(group, place), reason, length, problem_labels.badge(group.kind))


def _ended_line(group: Group, place: Environment, now: datetime) -> Line:
    first, began = group.first, min(line.began_at for line in group.lines)
    mark = "✓" if first.end == Problem.End.RECOVERED else "–"
    words = {"mark": mark, "status": str(group.kind.label), "end": str(problem_labels.ENDS.get(first.end, ""))}
    length = problem_labels.length((first.ended_at or now) - began)
    url = _url(group, place) if group.number == 1 else group_url(place, group.kind, is_ended=True)
    return Line(_name(group, place), url, _("%(status)s. %(mark)s %(end)s") % words, length)


def _name(group: Group, place: Environment) -> str:
    first = group.first
    volume = shown(volume_name(first.volume_id or "", first.volume_name or "")) if first.volume_pk else ""
    return problem_groups.name(group.kind, group.number, volume, shown(place.place))


def _url(group: Group, place: Environment) -> str:
    if group.number == 1 and group.first.volume_id:
        return f"{volume_url(place, group.first.volume_id)}#problem-{group.first.pk}"
    return group_url(place, group.kind)


def _unknown(team: Team, figures: Figures, now: datetime, *, is_admin: bool) -> Iterator[Line]:
    volumes = site_url("snapshots:volumes", team)
    for pk, number in figures.unknown.most_common():
        place = figures.places[pk]
        text = ngettext("%(n)d volume is unknown: %(why)s.", "%(n)d volumes are unknown: %(why)s.", number)
        kind = Problem.Kind.REFUSED if place.is_refused else Problem.Kind.SILENT
        why = problem_groups.reason(kind, [], place, now)
        url = site_url("snapshots:key", team) if place.is_refused and is_admin else volumes
        yield Line(shown(place.place), url, text % {"n": number, "why": why})
    if figures.doubtful:
        number = figures.doubtful
        name = ngettext("%(n)d volume", "%(n)d volumes", number) % {"n": number}
        yield Line(name, f"{volumes}?status=unknown", _("Unknown: what is known of the snapshots is not enough."))
    yield from _gap_lines(figures.gaps, volumes)


def _gap_lines(gaps: Sequence[Gap], url: str) -> Iterable[Line]:
    for gap in gaps[:MOST_GAPS]:
        text = _("There was no complete list for %(length)s.") % {"length": problem_labels.length(gap.length)}
        yield Line(shown(gap.environment.place), url, text)
    if len(gaps) > MOST_GAPS:
        number = len(gaps) - MOST_GAPS
        name = ngettext("%(n)d more environment", "%(n)d more environments", number) % {"n": number}
        yield Line(name, url, _("Shorter times without a complete list."))


def _bars(days: Sequence[Day]) -> list[Bar]:
    most = max((day.bad for day in days), default=0)
    return [
        Bar(
            _day(day.day),
            str(day.bad) if day.total else "?",
            max(2, round(BAR_PIXELS * day.bad / most)) if day.bad else 0,
        )
        for day in days
    ]


def _day(day: date) -> str:
    # No year: it is of the last week.
    return times.day(day, datetime.combine(day, time.min, UTC))
