"""What the process that all replays are forked from does first, so that none of them does it again."""

from tests.verdicts.year.alone import empty_database

empty_database()
