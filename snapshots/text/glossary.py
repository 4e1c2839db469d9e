"""What the words of the pages mean: the statuses, and terms beside them. `docs/glossary.md` has the same sentences."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from snapshots.rules.verdict import Verdict
from snapshots.verdicts.last_30_days import Kind

MEANINGS: Mapping[Verdict, str | Promise] = {
    Verdict.NONE: _(
        "No snapshot of the volume can be used: it never had a usable one, or the provider lists none now."
    ),
    Verdict.LATE: _(
        "A run that was due did not start in time, or the newest usable snapshot is older than the target."
    ),
    Verdict.STUCK: _("A run started in time, but has been in progress for too long."),
    Verdict.FAILING: _("A run after the newest usable snapshot failed; that snapshot is still young enough."),
    Verdict.UNKNOWN: _(
        "The data is too old, the API key hides the volume, or a time or a state is not known well enough to tell."
    ),
    Verdict.NEW: _("The volume has no usable snapshot yet, but is younger than its target, or than a day without one."),
    Verdict.RUNNING: _("A run started in time and is in progress."),
    Verdict.FRESH: _(
        "The newest usable snapshot is young enough for each schedule and target. Without either, any age is."
    ),
    Verdict.EXCLUDED: _("A member took the volume or its environment out of monitoring: no problem of it is shown."),
    Verdict.DELETED: _("The provider no longer has the volume, or a member said so. Snapshots of it may be left."),
}
TERMS: Mapping[str | Promise, str | Promise] = {
    _("Usable"): _(
        "In state BackedUp and listed by the provider; also while it is copied later. Nobody tried to restore it."
    ),
    _("Schedule"): _(
        "HOURLY, DAILY, WEEKLY or MONTHLY, seen in the interval types of a volume’s snapshots, or a rhythm that a "
        "member confirmed."
    ),
    _("Rhythm"): _(
        "When a script takes a volume’s manual snapshots: suggested from its history, expected once confirmed."
    ),
    _("Run"): _("One snapshot of a schedule, from start to end."),
    _("Target"): _("How old the newest usable snapshot may be: set for the team, an environment or a volume."),
    _("Sync"): _("One complete fetch of an environment’s list of snapshots."),
    _("From the name"): _("The snapshot’s default name ends with the time when it was taken."),
    _("Between two syncs"): _("It was taken after the last sync without it, and before the first one with it."),
    _("Not watched"): _("There is no complete list of that time, so what was taken and deleted in it is not known."),
    _("Not listed"): _("Two complete lists in a row did not have the snapshot. Assume that it cannot be used."),
}
# The marks of the last 30 days, one for each day.
MARKS: Mapping[Kind, str | Promise] = {
    Kind.TAKEN: _(
        "At least one snapshot was completed on that day. The bar is shorter if fewer were completed than due."
    ),
    Kind.FAILED: _("A run of that day failed, and none was completed."),
    Kind.MISSED: _("A run was due on that day, and none started in time."),
    Kind.NONE_DUE: _("No run was due on that day, or its deadline has not passed yet."),
    Kind.NOT_WATCHED: _("There is no complete list of that day, so what was taken and deleted in it is not known."),
}
