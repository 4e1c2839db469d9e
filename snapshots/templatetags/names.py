from unicodedata import combining

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()
ZERO_WIDTH_JOINER = "\u200d"


@register.simple_tag
def cut(name: str, tail: int) -> SafeString:
    """A name that is cut in its middle where it has no room; its last `tail` characters tell it from the others.

    All of it is in the page once, so that it is copied and searched as a whole.
    """
    start = _start_of_tail(name, tail)
    if not start:
        return format_html('<bdi title="{}">{}</bdi>', name, name)
    return format_html(
        '<bdi class="cut cut-{}" title="{}"><span class="head">{}</span><span>{}</span></bdi>',
        tail,
        name,
        name[:start],
        name[start:],
    )


def _start_of_tail(name: str, tail: int) -> int:
    """0: the name is not worth a cut. What stands upon the character before it goes with that."""
    start = len(name) - tail
    if start < tail:
        return 0
    while start and (combining(name[start]) or ZERO_WIDTH_JOINER in name[start - 1 : start + 1]):
        start -= 1
    return start
