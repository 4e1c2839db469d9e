"""What a replay found, and how often each thing happened in it."""

from collections import Counter
from dataclasses import dataclass, field, fields

from tests.verdicts.year.happens import HAPPENS, HAPPENS_APART


@dataclass
class Tally:
    """What the replay found. `wrong` holds a line for each thing that must not be."""

    syncs: int = 0
    lists: int = 0
    verdicts: int = 0
    missed: int = 0
    false_fresh: int = 0
    false_late: int = 0
    found_late: int = 0
    other_words: int = 0
    # Stored problems that differ from what the pages said.
    problems: int = 0
    # Times of rules, and figures of the report, that differ from the truth.
    shares: int = 0
    hours_said: float = 0.0
    hours_open: float = 0.0
    # How often each thing happened that the year must hold.
    met: Counter[str] = field(default_factory=Counter)
    # Volume-hours of which the stored times, and the report's figures, were compared, by state.
    hours_stored: Counter[str] = field(default_factory=Counter)
    hours_reported: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for each in fields(self):
            found, more = getattr(self, each.name), getattr(other, each.name)
            if isinstance(found, Counter):
                found.update(more)
            else:
                setattr(self, each.name, found + more)

    @property
    def ratio(self) -> float:
        return self.hours_said / self.hours_open if self.hours_open else 1.0

    @property
    def is_right(self) -> bool:
        return not self.wrong and self.ratio <= 1.1 and all(self.met[each] for each in (*HAPPENS, *HAPPENS_APART))
