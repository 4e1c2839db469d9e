"""The words of the pages are explained in one place; the document says the same."""

from pathlib import Path

from django.conf import settings

from snapshots.rules.verdict import Verdict
from snapshots.text.glossary import MEANINGS, TERMS
from snapshots.text.verdict_labels import LABELS

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "glossary.md"


def test_the_document_has_each_term_with_the_sentence_of_the_pages() -> None:
    rows = [line.strip("| \n").split(" | ") for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    statuses = [[str(LABELS[verdict]), verdict.name.lower(), str(MEANINGS[verdict])] for verdict in LABELS]
    terms = [[str(term), str(meaning)] for term, meaning in TERMS.items()]
    assert [row for row in rows if not row[0].startswith(("---", "Status", "Term"))] == [
        [label, f"`{name}`", meaning] for label, name, meaning in statuses
    ] + terms


def test_each_status_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Verdict)
