"""Text that holds a word, in any case of its letters: the same for every database and its collation.

Two characters are the same letter if Unicode folds them to one character; those of ASCII are those of ASCII alone. The
patterns name all cases of a letter, for SQLite knows no case beyond ASCII, and PostgreSQL's depends on its locale.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from functools import cache

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Lookup
from django.db.models.sql.compiler import SQLCompiler

Sql = tuple[str, list[str | int]]
# The last character with a case (Adlam's small sha).
LAST_CASED = 0x1E943
WILD = re.compile(r"([\\%_])")


def fold(text: str) -> str:
    """Write every letter in one case. `fold(word) in fold(text)` is what `holds` means."""
    return text.lower() if text.isascii() else "".join(map(_letter, text))


def _letter(sign: str) -> str:
    if sign.isascii():
        return sign.lower()
    return next((each for each in (sign.casefold(), sign.lower()) if len(each) == 1 and not each.isascii()), sign)


@cache
def _cases() -> dict[str, str]:
    """The characters of each letter that has several, by the letter as `fold` writes it."""
    found: dict[str, str] = defaultdict(str)
    for sign in map(chr, range(LAST_CASED + 1)):
        found[_letter(sign)] += sign
    return {letter: several for letter, several in found.items() if len(several) > 1}


def _pattern(word: str, quoted: Callable[[str], str]) -> str:
    cases = _cases()
    return "".join(f"[{cases[sign]}]" if sign in cases else quoted(sign) for sign in fold(word))


def _like(word: str) -> str:
    return WILD.sub(r"\\\1", word)


class Holds(Lookup):
    """`name__holds=word`: part of the text."""

    lookup_name = "holds"
    prepare_rhs = False
    start = end = True

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        if self.rhs.isascii():
            return f"{lhs} LIKE %s ESCAPE '\\'", [*params, f"{'%' * self.start}{_like(self.rhs)}%"]
        pattern = _pattern(self.rhs, lambda sign: f"[{sign}]" if sign in "*?[" else sign)
        return f"{lhs} GLOB %s", [*params, f"{'*' * self.start}{pattern}*"]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        if self.rhs.isascii():
            return f'{lhs} COLLATE "C" ILIKE %s', [*params, f"{'%' * self.start}{_like(self.rhs)}%"]
        return f'{lhs} COLLATE "C" ~ %s', [*params, "^" * (not self.start) + _pattern(self.rhs, re.escape)]


class Begins(Holds):
    """`name__begins=word`: the start of the text."""

    lookup_name = "begins"
    start = False


class Opens(Lookup):
    """`snapshot_id__opens=start`: the start of an id, by its index. The case counts."""

    lookup_name = "opens"
    prepare_rhs = False

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        return f"({lhs} >= %s AND {lhs} < %s)", [*params, self.rhs, *params, f"{self.rhs}{chr(0x10FFFF)}"]

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Sql:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} LIKE %s", [*params, f"{_like(self.rhs)}%"]


for lookup in (Holds, Begins, Opens):
    CharField.register_lookup(lookup)
