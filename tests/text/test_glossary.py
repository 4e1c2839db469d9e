"""The words of the pages are explained in one place; the document says the same."""

from pathlib import Path

from django.conf import settings

from snapshots.rules.verdict import Verdict
from snapshots.text.glossary import MARKS, MEANINGS, TERMS
from snapshots.text.verdict_labels import LABELS
from snapshots.verdicts.last_30_days import Kind
from snapshots.views.volumes import strip_svg

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "glossary.md"


def test_the_document_has_each_term_with_the_sentence_of_the_pages() -> None:
    rows = [line.strip("| \n").split(" | ") for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    statuses = [[str(LABELS[verdict]), verdict.name.lower(), str(MEANINGS[verdict])] for verdict in LABELS]
    terms = [[str(term), str(meaning)] for term, meaning in TERMS.items()]
    marks = [[str(strip_svg.LABELS[kind]).capitalize(), str(MARKS[kind])] for kind in Kind]
    assert [row for row in rows if not row[0].startswith(("---", "Status", "Term", "Mark"))] == [
        [label, f"`{name}`", meaning] for label, name, meaning in statuses
    ] + terms + marks


def test_each_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Verdict)
