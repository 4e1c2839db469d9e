"""What an alert says, in whole sentences. All times are UTC.

Names come from outside: here they lose what could break a line or turn a text around, and are shortened in the middle.
"""

import unicodedata
from collections.abc import Iterator
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from snapshots.models import Alert, Problem
from snapshots.text import times

MOST_NAME, MOST_TEAM = 60, 24
Kind = Problem.Kind
# Control characters, invisible ones that turn a text around, and line ends; of these a name becomes several lines.
UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
MARKS = {Kind.NONE: ("✕", "bad"), Kind.REFUSED: ("✕", "bad")}
USUAL_MARK, END_MARK = ("!", "warn"), ("✓", "ok")
TITLES: dict[Kind, str | Promise] = {
    Kind.NONE: gettext_lazy("%(what)s in %(place)s: no usable snapshot since %(since)s"),
    Kind.LATE: gettext_lazy("%(what)s in %(place)s: late since %(since)s"),
    Kind.STUCK: gettext_lazy("%(what)s in %(place)s: snapshot in progress since %(since)s"),
    Kind.FAILING: gettext_lazy("%(what)s in %(place)s: runs failing since %(since)s"),
    Kind.SILENT: gettext_lazy("%(place)s: no data since %(since)s"),
    Kind.REFUSED: gettext_lazy("%(place)s: key rejected since %(since)s"),
}
NO_RUN = gettext_lazy("%(what)s in %(place)s: no run since %(since)s")
SUBJECTS: dict[Kind, str | Promise] = {
    Kind.NONE: gettext_lazy("[%(team)s] No usable snapshot: %(what)s in %(place)s, since %(since)s"),
    Kind.LATE: gettext_lazy("[%(team)s] Late: %(what)s in %(place)s, since %(since)s"),
    Kind.STUCK: gettext_lazy("[%(team)s] Stuck: %(what)s in %(place)s, in progress since %(since)s"),
    Kind.FAILING: gettext_lazy("[%(team)s] Failing: %(what)s in %(place)s, since %(since)s"),
    Kind.SILENT: gettext_lazy("[%(team)s] No data: %(place)s, since %(since)s"),
    Kind.REFUSED: gettext_lazy("[%(team)s] Key rejected: %(place)s, since %(since)s"),
}
NO_RUN_SUBJECT = gettext_lazy("[%(team)s] Late: %(what)s in %(place)s, no run since %(since)s")
EXPLAINED: dict[Kind, str | Promise] = {
    Kind.SILENT: gettext_lazy(
        "The provider has given no complete list for more than an hour. Until it does, the status of its volumes is "
        "unknown."
    ),
    Kind.REFUSED: gettext_lazy(
        "The provider rejects the team’s API key for this environment. Until it accepts one, the status of its volumes "
        "is unknown."
    ),
}


def shown(name: str, most: int = MOST_NAME) -> str:
    """Return a name in one line, without invisible characters, shortened in the middle."""
    text = " ".join("".join(" " if unicodedata.category(sign) in UNSHOWN else sign for sign in name).split())
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def title_of(alert: Alert) -> str:
    """ "61 volumes in prod · compute-on: no run since 03:10"."""
    values = _values(alert)
    if not alert.kind:
        return _("%(what)s in %(place)s: many fewer usable snapshots since %(since)s") % values
    if alert.event == Alert.Event.ENDED:
        if not alert.content["count"]:
            return _("%(place)s: “%(status)s” is in another alert since %(ended)s") % values
        if is_of_place(alert):
            return _("%(place)s: “%(status)s” ended at %(ended)s") % values
        return _("%(what)s in %(place)s: “%(status)s” ended at %(ended)s") % values
    return str(NO_RUN if alert.content["has_due"] else TITLES[Kind(alert.kind)]) % values


def subject_of(alert: Alert) -> str:
    """Return the title for a mail. It makes sense when it is cut after 60 characters."""
    values = _values(alert) | {"team": shown(alert.team.name, MOST_TEAM)}
    if not alert.kind:
        return _("[%(team)s] Many fewer usable: %(what)s in %(place)s, since %(since)s") % values
    if alert.event == Alert.Event.ENDED:
        if is_of_place(alert):
            return _("[%(team)s] Ended: %(status)s, %(place)s, until %(ended)s") % values
        return _("[%(team)s] Ended: %(status)s, %(what)s in %(place)s, until %(ended)s") % values
    return str(NO_RUN_SUBJECT if alert.content["has_due"] else SUBJECTS[Kind(alert.kind)]) % values


def mark_of(alert: Alert) -> tuple[str, str]:
    """Return mark and tone, as of `Badge`."""
    if not alert.kind:
        return USUAL_MARK
    return END_MARK if alert.event == Alert.Event.ENDED else MARKS.get(Kind(alert.kind), USUAL_MARK)


def is_of_place(alert: Alert) -> bool:
    """Whether it is about an environment itself."""
    return alert.kind in (Kind.SILENT, Kind.REFUSED)


def sentences_of(alert: Alert) -> list[str]:
    """Explain it, in one or two sentences."""
    if not alert.kind:
        return list(_fewer(alert))
    return list(_ends(alert) if alert.event == Alert.Event.ENDED else _explained(alert))


def facts_of_alert(alert: Alert) -> list[tuple[str, str]]:
    """Return when it began and ended, and what it is known from: pairs of a label and a value."""
    content = alert.content
    began, after = moment(content["began_at"]), moment(content["began_after"])
    value = at_text(began)
    if after is None:
        value = _("by %(at)s UTC") % {"at": _full(began)}
    elif after != began:
        value = _("between %(after)s and %(at)s UTC") % {"after": _full(after), "at": _full(began)}
    if not alert.kind:
        return [(_("Found"), at_text(began))]
    found = [(_("Began"), value)]
    if alert.event == Alert.Event.ENDED:
        found.append((_("Ended"), at_text(moment(content["ended_at"]))))
    if (checked := moment(content["checked_at"])) is not None:
        found.append((_("Newest list"), at_text(checked)))
    return found


def newest_text(problem: dict[str, dict[str, str | None]], now: datetime) -> str:
    """Return when a volume's newest usable snapshot was taken; a range by its end."""
    newest = moment(problem["facts"].get("newest_before"))
    return times.stamp(newest, now) if newest else _("none")


def moment(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None


def at_text(at: datetime | None) -> str:
    """ "30 Nov 2026 04:10 UTC"."""
    return _("%(at)s UTC") % {"at": _full(at)}


def _values(alert: Alert) -> dict[str, str]:
    content, at = alert.content, alert.at
    since, ended = moment(content["since"]), moment(content["ended_at"])
    return {
        "what": _what(alert),
        "place": shown(alert.environment.place),
        "status": alert.label,
        "since": times.clock(since, at) if since else "",
        "ended": times.clock(ended, at) if ended else "",
    }


def _what(alert: Alert) -> str:
    number, problems = int(alert.content["count"]), alert.content["problems"]
    if number == 1 and problems[0]["volume"]:
        return shown(problems[0]["volume"]["name"]) or str(problems[0]["volume"]["id"])
    return ngettext("%(n)d volume", "%(n)d volumes", number) % {"n": number}


def _explained(alert: Alert) -> Iterator[str]:
    kind, number, usable = Kind(alert.kind), int(alert.content["count"]), int(alert.content["usable"])
    if alert.content.get("was_acknowledged"):
        yield ngettext(
            "It was acknowledged until now, and has not ended.",
            "They were acknowledged until now, and have not ended.",
            number,
        )
    if kind in EXPLAINED:
        yield str(EXPLAINED[kind])
        return
    if kind == Kind.NONE:
        yield ngettext("It has no snapshot that can be used.", "None of them has a snapshot that can be used.", number)
    elif kind == Kind.LATE:
        yield from _late(alert, number)
    elif kind == Kind.STUCK:
        yield ngettext(
            "Its snapshot has been in progress for too long.",
            "Their snapshots have been in progress for too long.",
            number,
        )
    elif kind == Kind.FAILING:
        yield ngettext("Its newest run failed.", "Their newest runs failed.", number)
    if kind != Kind.NONE and usable == number:
        text = ngettext("It still has a usable snapshot.", "All %(n)d still have usable snapshots.", number)
        yield text % {"n": number}


def _fewer(alert: Alert) -> Iterator[str]:
    content, number = alert.content, int(alert.content["count"])
    yield ngettext(
        "More than half of its usable snapshots went within a day, beside those that newer ones replaced.",
        "Of each, more than half of the usable snapshots went within a day, beside those that newer ones replaced.",
        number,
    )
    text = ngettext("%(lost)d went, %(left)d is left.", "%(lost)d went, %(left)d are left.", int(content["usable"]))
    yield text % {"lost": content["lost"], "left": content["usable"]}


def _late(alert: Alert, number: int) -> Iterator[str]:
    if not alert.content["has_due"]:
        yield ngettext(
            "Its newest usable snapshot is older than its target.",
            "Their newest usable snapshots are older than their targets.",
            number,
        )
        return
    due, began = moment(alert.content["since"]), moment(alert.content["began_at"])
    text = ngettext(
        "Its run was due at %(due)s and had not started by the deadline, %(began)s.",
        "Their runs were due from %(due)s on; the first deadline passed at %(began)s.",
        number,
    )
    if due and began:
        yield text % {"due": times.clock(due, alert.at), "began": times.clock(began, alert.at)}


def _ends(alert: Alert) -> Iterator[str]:
    ends = alert.content["ends"]
    if not alert.content["count"]:
        yield _("Its problems became worse, or are announced again.")
        return
    if is_of_place(alert):
        if ends.get(Problem.End.RECOVERED):
            yield _("The provider gives complete lists again.")
        elif ends.get(Problem.End.EXCLUDED):
            yield _("The environment was excluded from monitoring.")
        else:
            yield _("The environment was removed.")
        return
    for end in Problem.End:
        if number := int(ends.get(end, 0)):
            yield _ended_by(end, number) % {"n": number}


def _ended_by(end: Problem.End, number: int) -> str:
    match end:
        case Problem.End.RECOVERED:
            return ngettext("%(n)d volume recovered.", "%(n)d volumes recovered.", number)
        case Problem.End.EXCLUDED:
            return ngettext(
                "%(n)d volume was excluded from monitoring.", "%(n)d volumes were excluded from monitoring.", number
            )
        case Problem.End.DELETED:
            return ngettext("%(n)d volume was deleted.", "%(n)d volumes were deleted.", number)
    return ngettext("%(n)d volume left with its environment.", "%(n)d volumes left with their environment.", number)


def _full(at: datetime | None) -> str:
    return f"{times.day(at, at.replace(year=at.year - 1))} {at:%H:%M}" if at else ""
