"""A report in words: its range, rules, shares, and what a manager should know in three sentences."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.utils.dates import MONTHS
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from snapshots.lists.export_rows import SCHEDULES
from snapshots.lists.report import Line, Range, Report, Shares
from snapshots.text import times
from snapshots.text.labels import grouped
from snapshots.text.problem_labels import length
from snapshots.text.verdict_labels import schedule_name, target_text
from snapshots.verdicts.rule_hours import Gap, Rule
from snapshots.verdicts.run_counts import Runs

HOUR, NOTHING = timedelta(hours=1), timedelta()
# A sentence says that few volumes, at most this many, account for this share of the time not met.
FEW, MOST_OF_IT = 5, 0.8
FAULTS: Mapping[str, str | Promise] = {
    "refused": gettext_lazy("the provider rejected the team’s key"),
    "invalid_key": gettext_lazy("the provider rejected the team’s key"),
    "key_unreadable": gettext_lazy("the stored key could not be read"),
    "timeout": gettext_lazy("the provider did not answer in time"),
    "unreachable": gettext_lazy("the provider could not be reached"),
    "internal": gettext_lazy("the dashboard could not process the answer"),
    "": gettext_lazy("the dashboard did not ask, or lists were incomplete or doubted"),
}


def range_text(wanted: Range) -> str:
    """ "November 2026", "12 Nov 2026", "3 Nov to 12 Nov 2026"."""
    if wanted.is_month:
        return f"{MONTHS[wanted.first.month]} {wanted.first.year}"
    if wanted.first == wanted.last:
        return times.day(wanted.first)
    return _("%(first)s to %(last)s") % {"first": times.day(wanted.first), "last": times.day(wanted.last)}


def percent(tenths: int) -> str:
    """ "96.7%"."""
    return _("%(number)s%%") % {"number": number_format(tenths / 10, 1)}


def hours(span: timedelta) -> str:
    """Hours with one digit: "283.0"; a plain 0 where there is nothing."""
    return number_format(span / HOUR, 1, force_grouping=True) if span else "0"


def rule_text(rule: Rule) -> str:
    """What was asked of a volume: "Daily, target 7 d"."""
    parts = [schedule_name(SCHEDULES[letter]) for letter in rule.schedules]
    if rule.target_hours:
        target = {"target": target_text(timedelta(hours=rule.target_hours))}
        parts.append(_("target %(target)s") % target if parts else _("Target %(target)s") % target)
    return ", ".join(parts) or _("One usable snapshot")


def rule_since(line: Line, report: Report) -> str:
    """Since when the newest rule is in force, and what was asked before; "" where it was all the time."""
    counted = line.hours.counted
    last = next((place for place in reversed(range(len(counted))) if counted[place][0] != line.hours.rule), None)
    if last is not None:
        facts = {"day": times.day(counted[last + 1][1].since, report.now), "rule": rule_text(counted[last][0])}
        return _("from %(day)s; before: %(rule)s") % facts
    if line.hours.since.date() > report.span.since.date():
        return _("since %(day)s") % {"day": times.day(line.hours.since, report.now)}
    return ""


def longest_text(runs: Runs, line: Line) -> str:
    """The longest time without a new usable snapshot."""
    if runs.longest is None:
        return _("unknown") if line.hours.unknown == line.hours.total else _("never had one")
    return _("over %(span)s") % {"span": length(runs.longest)} if runs.is_longer else length(runs.longest)


def gap_cause(gap: Gap) -> str:
    return str(FAULTS.get(gap.fault) or _("the provider answered with an error"))


def sentences(report: Report) -> list[str]:
    """Three sentences: how much was met, which volumes did not, and how much is unknown."""
    if not report.lines:
        return [_("No volume was counted in this time.")]
    return [_met(report), _not_met(report), _unknown(report)]


def _met(report: Report) -> str:
    shares, number = report.total.shares, len(report.lines)
    facts = {
        "range": range_text(report.range),
        "team": report.team.name,
        "n": grouped(number),
        "met": percent(shares.met),
    }
    if not shares.not_met and not shares.unknown:
        return (
            ngettext(
                "%(range)s: the one volume of %(team)s met its targets and schedules all the time.",
                "%(range)s: all %(n)s volumes of %(team)s met their targets and schedules all the time.",
                number,
            )
            % facts
        )
    if shares.unknown > shares.met + shares.not_met:
        return (
            ngettext(
                "%(range)s: for most of the time we can’t tell whether the one volume of %(team)s met its targets and "
                "schedules; it did for %(met)s of the time.",
                "%(range)s: for most of the time we can’t tell whether the %(n)s volumes of %(team)s met their targets "
                "and schedules; they did for %(met)s of the time.",
                number,
            )
            % facts
        )
    return (
        ngettext(
            "%(range)s: the one volume of %(team)s met its targets and schedules for %(met)s of the time.",
            "%(range)s: the %(n)s volumes of %(team)s met their targets and schedules for %(met)s of the time.",
            number,
        )
        % facts
    )


def _not_met(report: Report) -> str:
    bad = sorted((line for line in report.lines if line.hours.not_met), key=lambda line: -line.hours.not_met)
    if not bad:
        return _("No volume is known to have missed its target or a schedule.")
    worst = {"name": bad[0].name, "span": length(bad[0].hours.not_met)}
    if len(bad) == 1:
        return _("One volume did not meet its target or a schedule: %(name)s, for %(span)s.") % worst
    total, reached = report.total.hours.not_met, NOTHING
    for number, line in enumerate(bad[:FEW], 1):
        reached += line.hours.not_met
        if reached >= MOST_OF_IT * total and number < len(bad):
            share = percent(round(1000 * reached / total))
            return ngettext(
                "%(number)d volume accounts for %(share)s of the time not met: %(name)s, for %(span)s.",
                "%(number)d volumes account for %(share)s of the time not met, most of all %(name)s, for %(span)s.",
                number,
            ) % (worst | {"number": number, "share": share})
    return _("%(number)s volumes did not meet a target or a schedule at some time, longest %(name)s, for %(span)s.") % (
        worst | {"number": grouped(len(bad))}
    )


def _unknown(report: Report) -> str:
    unknown = report.total.hours.unknown
    if not unknown:
        return _("The data was complete all the time.")
    share = percent(report.total.shares.unknown)
    worst = max(report.gaps, key=lambda gap: gap.span.length * report.gap_volumes(gap), default=None)
    if worst is None or worst.span.length * report.gap_volumes(worst) * 2 < unknown:
        return _("For %(share)s of the time we can’t tell.") % {"share": share}
    place = next(each.place for each in report.environments if each.pk == worst.environment)
    facts = {
        "share": share,
        "place": place,
        "span": length(worst.span.length),
        "time": times.stamp(worst.span.since, report.now),
    }
    return (
        _(
            "For %(share)s of the time we can’t tell, mostly because there was no complete list of %(place)s for "
            "%(span)s from %(time)s UTC on."
        )
        % facts
    )


def notes(report: Report) -> list[str]:
    """What the figures mean, and which volumes they leave out."""
    found = [
        _("Time without a complete list is unknown: neither met nor not met."),
        _(
            "Days are UTC. A volume counts from the first list that showed it. Time in which it was excluded or "
            "deleted is not counted."
        ),
        _(
            "Time is not met from the moment the target or a run’s grace period ran out until a list shows a usable "
            "snapshot."
        ),
        _("A run counts as made when its snapshot became usable, however late."),
    ]
    if report.since is not None:
        days = (min(report.range.last, report.span.until.date()) - report.since).days + 1
        text = ngettext(
            "There are figures from %(day)s on; this report covers %(n)d of %(all)d days.",
            "There are figures from %(day)s on; this report covers %(n)d of %(all)d days.",
            max(days, 0),
        )
        found.insert(
            0, text % {"day": times.day(report.since, report.now), "n": max(days, 0), "all": report.range.days}
        )
    unasked = sum(line.hours.rule == Rule(0, "") for line in report.lines)
    if unasked:
        text = ngettext(
            "%(n)s volume has neither a target nor a schedule; it only needs one usable snapshot.",
            "%(n)s volumes have neither a target nor a schedule; each only needs one usable snapshot.",
            unasked,
        )
        found.append(text % {"n": grouped(unasked)})
    if report.excluded:
        found.append(_excluded(report))
    if number := report.problem_counts.acknowledged:
        text = ngettext(
            "%(n)s problem was acknowledged; that does not change the figures.",
            "%(n)s problems were acknowledged; that does not change the figures.",
            number,
        )
        found.append(text % {"n": grouped(number)})
    return found


def _excluded(report: Report) -> str:
    number, most = len(report.excluded), 3
    names = ", ".join(str(volume) for volume in report.excluded[:most])
    if number > most:
        return _("%(n)s volumes are excluded and not counted, among them %(names)s.") % {
            "n": grouped(number),
            "names": names,
        }
    return ngettext(
        "%(n)s volume is excluded and not counted: %(names)s.",
        "%(n)s volumes are excluded and not counted: %(names)s.",
        number,
    ) % {"n": grouped(number), "names": names}


def shares_text(shares: Shares) -> Sequence[tuple[str, str, str, str]]:
    """Each share: its name in CSS, its mark, its word, and its number."""
    return (
        ("met", "✓", _("Met"), percent(shares.met)),
        ("not-met", "!", _("Not met"), percent(shares.not_met)),
        ("unknown", "?", _("Unknown"), percent(shares.unknown)),
    )
