"""When the syncs of a replay are: dense where much happens, as a minute's sync would be too long a year."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from tests.verdicts.year.faults import OURS_OFF, REFUSED
from tests.verdicts.year.schedule import CHAPTER, DAY, MINUTE

START = datetime(2026, 1, 5, tzinfo=UTC)
# Days of a chapter: (from, to, minutes between two syncs).
DENSE = (
    *((0.0, 0.02, 5), (3.1, 3.2, 10), (5.1, 5.2, 10), (7.495, 7.51, 5), (8.395, 8.48, 15), (9.625, 9.65, 5)),
    *((15.1, 15.23, 10), (16.4, 16.46, 10), (17.1, 17.23, 10), (26.01, 26.03, 4), (26.2, 26.24, 10)),
)
# Syncs without which the faults of their day would not be seen.
NEEDED = (7.495, 8.395, 9.625)
# Minutes between two syncs else, of the dense chapters and of the others, or where none is dense; and where nothing is
# looked for.
SPARSE, SPARSER, SPARSEST, SELDOM = (150, 330), (360, 700), (540, 960), (600, 700)
DENSE_CHAPTERS = (0, 5)


class Times:
    """The moments of the syncs. `focus`: the days of the first chapter that matter; nothing follows them."""

    def __init__(self, chapters: int, random: Random, *, focus: tuple[float, float] | None, is_dense: bool) -> None:
        self.random, self.focus, self.is_dense = random, focus, is_dense
        self.end = START + (focus[1] if focus else chapters * CHAPTER) * DAY
        self.days_off = 0.0
        self._turn = 0

    def __iter__(self) -> Iterator[datetime]:
        now = START
        while now < self.end:
            following = now + self._step(now)
            if OURS_OFF[0] <= day_of(now) < OURS_OFF[1]:
                self.days_off += (following - now) / DAY
            else:
                yield now
            now = following

    def is_whole(self, now: datetime) -> bool:
        """Whether all environments are asked: in the sparse chapters some have separate turns."""
        self._turn += 1
        is_near = REFUSED[0] - 1 <= day_of(now) < REFUSED[1] + 1
        return bool(self.focus or is_near or self._is_dense(now) or self._turn % 2)

    def _step(self, now: datetime) -> timedelta:
        day, stretches = day_of(now), self._stretches(now)
        minutes = next((step for first, last, step in stretches if first <= day < last), None)
        step = minutes or self.random.uniform(*self._sparse(now))
        # A sparse step ends where the next dense stretch begins.
        starts = [(first - day) * DAY / MINUTE for first, _, _ in stretches if first > day]
        return timedelta(seconds=max(60, round(60 * min([step, *starts[:1]]))))

    def _stretches(self, now: datetime) -> tuple[tuple[float, float, int], ...]:
        if self.focus or self._is_dense(now):
            return tuple(each for each in DENSE if not self.focus or each[0] >= self.focus[0])
        return tuple(each for each in DENSE if each[0] in NEEDED)

    def _sparse(self, now: datetime) -> tuple[int, int]:
        if self.focus:
            return SPARSE if day_of(now) >= self.focus[0] else SELDOM
        if not self.is_dense:
            return SPARSEST
        return SPARSE if self._is_dense(now) else SPARSER

    def _is_dense(self, now: datetime) -> bool:
        return self.is_dense and chapter_of(now) in DENSE_CHAPTERS


def chapter_of(moment: datetime) -> int:
    return (moment - START) // (CHAPTER * DAY)


def day_of(moment: datetime) -> float:
    return ((moment - START) / DAY) % CHAPTER
