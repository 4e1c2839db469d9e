"""What an address or a query string may say: each parameter's schema, and the reading that holds to it.

Unlike on a page, where a wrong value is named and left out, a script is refused: a mistyped filter must not answer for
more than was asked.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.translation import gettext as _

from snapshots.lists.params import CONTROL, MOST_TEXT, MOST_VALUES, UNSHOWN

UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
SEGMENT = "[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
SLUG = "[-a-zA-Z0-9_]{1,50}"
MONTH = "[0-9]{4}-(?:0[1-9]|1[0-2])"
MOST_CURSOR = 2000
MOST_SHOWN = 40
Schema = Mapping[str, object]


class NotValid(Exception):
    """An invalid parameter; the message is a sentence for the author of the request."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the API. `many`: repeating it means "any of these"; `pattern`: of one in the path."""

    name: str
    about: str
    schema: Schema
    fits: Callable[[str], bool]
    many: bool = False
    pattern: str = ""


def _matching(name: str, about: str, pattern: str, **schema: object) -> Parameter:
    fits = re.compile(pattern).fullmatch
    said = {"type": "string", "pattern": f"^{pattern}$", **schema}
    return Parameter(name, about, said, lambda value: fits(value) is not None, pattern=pattern)


def uuid(name: str, about: str) -> Parameter:
    return _matching(name, about, UUID, format="uuid")


def segment(name: str, about: str) -> Parameter:
    """A service code or an environment's name."""
    return _matching(name, about, SEGMENT)


def slug(name: str, about: str) -> Parameter:
    return _matching(name, about, SLUG)


def month(name: str, about: str) -> Parameter:
    return _matching(name, about, MONTH)


def places(name: str, about: str) -> Parameter:
    """Environments, as "service code/name"."""
    one = _matching(name, about, f"{SEGMENT}/{SEGMENT}")
    return Parameter(name, about, one.schema, one.fits, many=True)


def one_of(name: str, about: str, values: Iterable[str], *, many: bool = False) -> Parameter:
    allowed = list(values)
    return Parameter(name, about, {"type": "string", "enum": allowed}, frozenset(allowed).__contains__, many=many)


def text(name: str, about: str) -> Parameter:
    plain = r"^[^\u0000-\u001f\u007f]*$"
    return Parameter(name, about, {"type": "string", "maxLength": MOST_TEXT, "pattern": plain}, _is_text)


def _is_text(value: str) -> bool:
    return len(value) <= MOST_TEXT and not CONTROL.search(value)


def whole_number(name: str, about: str, *, most: int, usual: int) -> Parameter:
    number = re.compile("[1-9][0-9]{0,8}")
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return Parameter(name, about, schema, lambda value: bool(number.fullmatch(value)) and int(value) <= most)


def cursor(name: str, about: str) -> Parameter:
    """An opaque text; it is validated where it is used."""
    schema = {"type": "string", "format": "cursor", "minLength": 1, "maxLength": MOST_CURSOR}
    return Parameter(name, about, schema, lambda value: 0 < len(value) <= MOST_CURSOR)


def read(query: QueryDict, parameters: Sequence[Parameter], *, only: bool) -> dict[str, list[str]]:
    """Read what the parameters allow; `only`: whether any other name is refused. Raises `NotValid`."""
    unknown = query.keys() - {parameter.name for parameter in parameters}
    if only and unknown:
        raise NotValid(_("There is no parameter “%(name)s” here.") % {"name": _shown(min(unknown))})
    return {parameter.name: _values(query, parameter) for parameter in parameters if parameter.name in query}


def _values(query: QueryDict, parameter: Parameter) -> list[str]:
    values = query.getlist(parameter.name)
    most = MOST_VALUES if parameter.many else 1
    if len(values) > most:
        raise NotValid(_("“%(name)s” can be given %(most)d times at most.") % {"name": parameter.name, "most": most})
    for value in values:
        if not parameter.fits(value):
            named = {"value": _shown(value), "name": parameter.name}
            raise NotValid(_("“%(value)s” is not a valid “%(name)s”.") % named)
    return values


def _shown(value: str) -> str:
    return UNSHOWN.sub("�", value[:MOST_SHOWN]) + ("…" if len(value) > MOST_SHOWN else "")
