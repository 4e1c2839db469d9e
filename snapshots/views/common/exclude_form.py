"""The form that excludes volumes or an environment."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from snapshots.lists.params import UNSHOWN
from snapshots.policy.exclusions import MOST_REASON, Exclusion
from snapshots.verdicts.sql import FOR_EVER

FIELD = {"class": "field"}


def shown_text(text: str) -> str:
    """Text without what would turn the words around it. Raises `ValidationError` if nothing is left."""
    shown = UNSHOWN.sub(" ", text).strip()
    if not shown:
        raise forms.ValidationError(_("Nothing that can be read was typed."))
    return shown


class ExcludeForm(forms.Form):
    """The reason of an exclusion, and until when."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MOST_REASON,
        widget=forms.TextInput(attrs=FIELD | {"autocomplete": "off"}),
    )
    ends = forms.ChoiceField(
        label=_("How long"),
        choices=[("day", _("Until a day")), ("never", _("Without end"))],
        initial="day",
        widget=forms.RadioSelect,
    )
    until = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs=FIELD | {"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        help_text=_("Checks resume at the beginning of that day, UTC."),
    )

    def clean_reason(self) -> str:
        return shown_text(self.cleaned_data["reason"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        day = cleaned.get("until")
        if cleaned.get("ends") != "day" or "until" in self.errors:
            return cleaned
        if day is None:
            self.add_error("until", _("Choose a day, or “Without end”."))
        elif not timezone.now().date() < day < FOR_EVER.date():
            self.add_error("until", _("That day is not in the future."))
        return cleaned

    @property
    def exclusion(self) -> Exclusion:
        """What a valid form says."""
        day = self.cleaned_data["until"]
        until = datetime.combine(day, time.min, UTC) if self.cleaned_data["ends"] == "day" else FOR_EVER
        return Exclusion(until, self.cleaned_data["reason"])
