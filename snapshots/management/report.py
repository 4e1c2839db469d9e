"""Report a refresh in one line for the terminal."""

from datetime import datetime

from django.utils.translation import gettext as _

from snapshots.models import Environment
from snapshots.sync.failures import Fault
from snapshots.sync.leases import Denied, Why
from snapshots.sync.refresh import Outcome
from snapshots.sync.store_snapshots import Written
from snapshots.text.faults import incomplete_reason

# Another process is syncing, or has just synced: the data is not older because of it.
HARMLESS = (Why.HELD, Why.GAP, Why.FRESH)
# Consequences of a fault, until the next try.
WAITING = (Why.BACK_OFF, Why.RETRY_AFTER, Why.REFUSED)


def is_failure(outcome: Outcome) -> bool:
    """Return whether the data stays old: a fault, or a denial for any reason except that another process syncs."""
    if outcome.denied is not None:
        return outcome.denied.why not in HARMLESS
    return outcome.fault is not None


def is_harmless_denial(outcome: Outcome) -> bool:
    return outcome.denied is not None and outcome.denied.why in HARMLESS


def is_waiting(outcome: Outcome) -> bool:
    return outcome.denied is not None and outcome.denied.why in WAITING


def what_happened(outcome: Outcome) -> str:
    """Return `+3 new  1 changed  0 missing  (0.4 s)` with any notes, or why there is no new list."""
    if outcome.written is None:
        return remark(outcome)
    parts = [_counts(outcome.written), remark(outcome), f"({outcome.seconds:.1f} s)"]
    return "  ".join(filter(None, parts))


def remark(outcome: Outcome) -> str:
    """Return any problem as a sentence; empty without one."""
    if outcome.denied is not None:
        return _denial(outcome.denied, outcome.environment)
    if outcome.fault is not None:
        return _fault(outcome.fault)
    return "; ".join(_doubts(outcome.written)) if outcome.written else ""


def _counts(written: Written) -> str:
    text = _("+%(added)d new  %(changed)d changed  %(missing)d missing") % {
        "added": written.added,
        "changed": written.changed,
        "missing": written.missing,
    }
    if written.left_out:
        text += "  " + _("%(count)d left out, perhaps missing") % {"count": written.left_out}
    if written.returned:
        text += "  " + _("%(count)d listed again") % {"count": written.returned}
    return text


def _doubts(written: Written) -> list[str]:
    doubts = []
    if written.incomplete:
        doubts.append(_("incomplete: %(reasons)s") % {"reasons": incomplete_reason(written.incomplete)})
    if written.doubted:
        doubts.append(_("doubted: too much is gone at once; nothing is removed until two later lists agree"))
    return doubts


def _fault(fault: Fault) -> str:
    if fault.next_try_at is None:
        return fault.sentence
    return fault.sentence + " " + _("Next try: %(time)s.") % {"time": _clock(fault.next_try_at)}


def _denial(denied: Denied, environment: Environment) -> str:
    texts = {
        Why.HELD: _("not asked: another refresh is under way"),
        Why.GAP: _("not asked: the last call was less than 10 seconds ago"),
        Why.FRESH: _("not asked: the data is fresh"),
        Why.BACK_OFF: _("not asked: back-off until %(time)s. %(fault)s"),
        Why.RETRY_AFTER: _("not asked: the provider asks to wait until %(time)s (Retry-After)"),
        Why.REFUSED: _("not asked: refused, tried again at %(time)s. %(fault)s"),
        Why.NO_KEY: _("not asked: the team has no API key"),
    }
    words = {"time": _clock(denied.until) if denied.until else "", "fault": environment.fault_sentence}
    return (texts[denied.why] % words).rstrip()


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC"
