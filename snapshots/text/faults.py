"""What went wrong with a list, in short: the reason behind a time or in brackets."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from snapshots.models import Environment


def fault_reason(environment: Environment) -> str:
    """Why it failed, short: the number of an error status; in words what went wrong with any other answer."""
    if environment.fault_status and environment.fault_status >= 400:
        return _("error %(status)d") % {"status": environment.fault_status}
    reasons = {
        "timeout": _("no answer in time"),
        "unreachable": _("cannot be reached"),
        "tls": _("its certificate cannot be trusted"),
        "too_large": _("the answer is too large"),
        "unreadable": _("the answer was not understood"),
        "redirect": _("it redirects elsewhere"),
        "rejected": _("it answered with an error"),
        "internal": _("the dashboard could not process the answer"),
    }
    return reasons.get(environment.fault_kind, environment.fault_sentence.rstrip("."))


def incomplete_reason(doubts: Iterable[str]) -> str:
    """Return why a list does not prove absence, from the client's machine-readable words."""
    reasons = {
        "record_count_absent": _("it did not say how many records it has"),
        "record_count_differs": _("its own count differs from what it sent"),
        "rows_skipped": _("some records could not be read"),
        "duplicates": _("some records came twice"),
    }
    return ", ".join(reasons.get(doubt, doubt) for doubt in doubts if doubt)
