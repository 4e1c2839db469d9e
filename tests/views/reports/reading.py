"""A report as its reader meets it."""

from snapshots.lists.report import Shares
from tests.views.snapshots.reading import Element, Response, tree

CELLS = ("r-met", "r-not_met", "r-unknown", "r-problems")


def rows(page: Response) -> dict[str, Element]:
    """Each row of the volumes, in order, by its name; the last one is the total."""
    found = tree(page).all("tr", css="report-row")
    return {row.one("th").all("bdi")[0].text: row for row in found}


def cells(page: Response) -> dict[str, list[str]]:
    """Volume -> share met, hours not met and unknown, problems; then its runs expected, made, failed, missed."""
    return {
        name: [*(row.one(css=cell).text for cell in CELLS), *(run.text for run in row.all(css="r-run"))]
        for name, row in rows(page).items()
    }


def shares(page: Response) -> Shares:
    """The shares of the whole, in tenths."""
    parts = {part.attributes["data-share"]: part.one("dd").text for part in tree(page).all(css="part")}
    return Shares(*(round(float(parts[name].rstrip("%")) * 10) for name in ("met", "not-met", "unknown")))


def days(page: Response) -> dict[str, str]:
    """Day of the calendar -> its mark and number; those of no range have none."""
    found = tree(page).one("table", css="calendar").all(css="day")
    marks = {day.one(css="day-number").text: day.all(css="day-mark") for day in found}
    return {number: " ".join(mark.text for mark in own) for number, own in marks.items()}
