"""A picture for phone cameras, as the outline that an SVG of the page draws."""

from dataclasses import dataclass

import qrcode

QUIET = 4
"""Blank modules around it, as cameras need them."""


@dataclass(frozen=True, slots=True)
class Picture:
    size: int
    path: str


def draw(text: str) -> Picture:
    """Draw a text: `size` modules wide and high, `path` one square for each dark one."""
    code = qrcode.QRCode(border=QUIET)
    code.add_data(text)
    modules = code.get_matrix()
    squares = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(modules) for x, dark in enumerate(row) if dark)
    return Picture(len(modules), "".join(squares))
