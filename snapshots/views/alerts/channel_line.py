"""Where the team's alerts go, in one line: what works, what fails, or that nobody is told."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.teams.models import Team
from snapshots.models import Channel
from snapshots.text import times
from snapshots.text.labels import grouped

MARKS = {"ok": "✓", "new": "–"}
FAILING = ("failing", "paused")


class Receiver(NamedTuple):
    """A channel, or mailboxes in the same state: how many members. `name`: of a channel."""

    state: str
    mark: str
    kind: str
    name: str
    text: str


class ChannelLine(NamedTuple):
    """`works`: in place of all, where there is little room and none fails."""

    receivers: Sequence[Receiver]
    works: str


def channel_line(team: Team, now: datetime) -> ChannelLine:
    channels = list(Channel.objects.of_team(team).for_alerts().with_next_try())
    receivers = [*_mails([one for one in channels if one.is_mail], now), *_others(channels, now)]
    number = 0 if any(one.state in FAILING for one in receivers) else len(receivers)
    works = ngettext("%(n)s channel works", "%(n)s channels work", number) % {"n": grouped(number)}
    return ChannelLine(receivers, works if number else "")


def _mails(channels: Sequence[Channel], now: datetime) -> Iterator[Receiver]:
    """Those that fail apart from those that do not: whose they are is said to admins alone, in the settings."""
    fine = [one for one in channels if one.state not in FAILING]
    if fine:
        text = ngettext("%(n)s member", "%(n)s members", len(fine)) % {"n": grouped(len(fine))}
        last = max((one.last_success_at for one in fine if one.last_success_at), default=None)
        state = "ok" if last else "new"
        if last:
            text = _("%(members)s, last %(time)s") % {"members": text, "time": times.clock(last, now)}
        yield Receiver(state, MARKS[state], _("Email"), "", text)
    for state in FAILING:
        found = [one for one in channels if one.state == state]
        if found:
            longest = min(found, key=lambda one: one.paused_at or one.failing_since or now)
            said = {"n": grouped(len(found)), "of": grouped(len(channels)), "state": _state(longest, now)}
            yield Receiver(state, "!", _("Email"), "", _("%(n)s of %(of)s members: %(state)s") % said)


def _others(channels: Sequence[Channel], now: datetime) -> Iterator[Receiver]:
    for one in channels:
        if not one.is_mail:
            mark = MARKS.get(one.state, "!")
            yield Receiver(one.state, mark, str(one.get_type_display()), one.name, _state(one, now))


def _state(channel: Channel, now: datetime) -> str:
    if channel.paused_at is not None:
        return _("paused since %(time)s") % {"time": times.clock(channel.paused_at, now)}
    if channel.failing_since is not None:
        since, next_at = times.clock(channel.failing_since, now), channel.next_try
        if next_at is None:
            return _("failing since %(time)s") % {"time": since}
        return _("failing since %(time)s, next try %(next)s") % {"time": since, "next": times.clock(next_at, now)}
    if channel.last_success_at is not None:
        return _("last %(time)s") % {"time": times.clock(channel.last_success_at, now)}
    return _("nothing sent yet")
