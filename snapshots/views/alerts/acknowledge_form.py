"""The form that acknowledges a problem: how long, a note, a ticket."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from snapshots.alerts.acknowledge import Acknowledgement
from snapshots.lists.params import UNSHOWN
from snapshots.models import Problem
from snapshots.text import times

FIELD = {"class": "field", "autocomplete": "off"}
MOST_AHEAD = timedelta(days=366)
MORNING = time(8, tzinfo=UTC)
DATE, SAME = "date", "same"
# "OPS-1482", "#77", "INC0012345".
TICKET = re.compile(r"[#]?[A-Za-z0-9][A-Za-z0-9 ._#/-]{0,59}")
IS_ADDRESS = URLValidator(schemes=["https"])


class AcknowledgeForm(forms.Form):
    """`former`: the end of the acknowledgement that it changes."""

    ends = forms.ChoiceField(label=gettext_lazy("Quiet until"), widget=forms.RadioSelect)
    day = forms.DateField(
        label=gettext_lazy("Day"),
        required=False,
        widget=forms.DateInput(attrs=FIELD | {"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        help_text=gettext_lazy("Until the beginning of that day, UTC."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=Problem._meta.get_field("note").max_length,
        widget=forms.TextInput(attrs=FIELD),
    )
    ticket = forms.CharField(
        label=gettext_lazy("Ticket"),
        required=False,
        max_length=Problem._meta.get_field("ticket").max_length,
        widget=forms.TextInput(attrs=FIELD | {"autocapitalize": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("A number, such as OPS-1482, or an https address."),
    )

    def __init__(self, *args: Any, now: datetime, former: datetime | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now, self.former = now, former
        choices = [(name, label % {"time": times.stamp(end, now)}) for name, label, end in self._ends()]
        self._choice_field.choices = [*choices, (DATE, _("Another day"))]
        self.fields["ends"].initial = choices[0][0]

    @property
    def _choice_field(self) -> forms.ChoiceField:
        field = self.fields["ends"]
        assert isinstance(field, forms.ChoiceField)
        return field

    def _ends(self) -> list[tuple[str, str, datetime]]:
        tomorrow = datetime.combine(self.now.date() + timedelta(days=1), MORNING)
        ends = [
            ("4h", _("4 hours, until %(time)s UTC"), self.now + timedelta(hours=4)),
            ("tomorrow", _("Tomorrow, %(time)s UTC"), tomorrow),
            ("7d", _("7 days, until %(time)s UTC"), self.now + timedelta(days=7)),
        ]
        former = [(SAME, _("As it is, until %(time)s UTC"), self.former)] if self.former else []
        return [*former, *ends]

    def clean_note(self) -> str:
        return UNSHOWN.sub(" ", self.cleaned_data["note"]).strip()

    def clean_ticket(self) -> str:
        ticket: str = self.cleaned_data["ticket"].strip()
        if not ticket or TICKET.fullmatch(ticket):
            return ticket
        try:
            IS_ADDRESS(ticket)
        except ValidationError:
            raise ValidationError(_("Enter a number of letters and digits, or an address with https://.")) from None
        return ticket

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("ends") != DATE or "day" in self.errors:
            return cleaned
        day = cleaned.get("day")
        if day is None:
            self.add_error("day", _("Choose a day."))
        elif not timezone.now().date() < day:
            self.add_error("day", _("That day is not in the future."))
        elif day > (timezone.now() + MOST_AHEAD).date():
            self.add_error("day", _("At most a year ahead."))
        return cleaned

    @property
    def acknowledgement(self) -> Acknowledgement:
        """What a valid form says. Its time is a whole minute: pages are cached so long."""
        chosen, cleaned = self.cleaned_data["ends"], self.cleaned_data
        ends = {name: end for name, _label, end in self._ends()}
        until = datetime.combine(cleaned["day"], time.min, UTC) if chosen == DATE else ends[chosen]
        if until.second or until.microsecond:
            until = until.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return Acknowledgement(until, cleaned["note"], cleaned["ticket"])
