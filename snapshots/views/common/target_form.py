"""The form field for a target: whose it is, where it comes from, and the choices."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from snapshots.models import Environment, Policy, Volume
from snapshots.policy import targets

USUAL_HOURS = (1, 4, 12, 24, 48, 72, 7 * 24, 14 * 24, 30 * 24, 90 * 24, 0)


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Target:
    """Whose target it is, its text, and the choices. `own`: it is not inherited."""

    name: str
    field: str
    value: str
    text: str
    own: bool
    options: list[Option]


def of_volume(volume: Volume, environment: Environment, policy: Policy | None) -> Target:
    """Return a volume's target, or that of its environment, which may be the team's."""
    inherited = of_environment(environment, policy)
    name = f"{volume} · {environment.place}"
    # A text that the environment inherits already says where it comes from.
    from_there = _from(inherited.text, environment.place) if inherited.own else inherited.text
    return _target(name, "volume", str(volume.pk), volume.target_hours, from_there)


def of_environment(environment: Environment, policy: Policy | None) -> Target:
    text = targets.in_words(policy.target_hours) if policy else _("not set yet")
    from_there = _("%(target)s (team default)") % {"target": text}
    return _target(environment.place, "environment", environment.path, environment.target_hours, from_there)


def _from(target: str, source: str) -> str:
    return _("%(target)s (from %(source)s)") % {"target": target, "source": source}


def _target(name: str, field: str, value: str, hours: int | None, from_there: str) -> Target:
    text = from_there if hours is None else targets.in_words(hours)
    return Target(
        name, field, value, text, hours is not None, [Option("", from_there, hours is None), *target_options(hours)]
    )


def target_options(hours: int | None) -> list[Option]:
    """The usual targets, and the chosen one if it is another."""
    known: Iterable[int] = USUAL_HOURS if hours is None or hours in USUAL_HOURS else (hours, *USUAL_HOURS)
    return [Option(str(each), targets.in_words(each), each == hours) for each in known]
