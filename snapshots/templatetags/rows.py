"""Rows of tables, which are rendered once: of those that a page shows, a sync or a minute changes few."""

from collections.abc import Hashable
from functools import lru_cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()
MOST_ROWS = 2_000
"""Some 3 KB each."""


@register.simple_tag
def kept_row(template_name: str, row: Hashable, **others: Hashable) -> SafeString:
    """Render a row, whose template is given nothing else: it is the same for everybody who is shown the same values."""
    return _rendered(template_name, row, tuple(others.items()), get_language())


@lru_cache(MOST_ROWS)
def _rendered(
    template_name: str, row: Hashable, others: tuple[tuple[str, Hashable], ...], language: str | None
) -> SafeString:
    return render_to_string(template_name, {"row": row, **dict(others)})
