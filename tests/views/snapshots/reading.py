"""A page as its reader meets it: a small tree of its elements, and the parts that tests speak of by name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html import unescape
from typing import Protocol
from uuid import UUID

from django.http import QueryDict

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
# A tag with its attributes, or what is no part of the tree: a comment, the document's type.
TAG = re.compile(r"""<(?:(/?)([a-zA-Z][\w-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)|!--.*?--|![^>]*)>""", re.DOTALL)
ATTRIBUTE = re.compile(r"""([^\s"'=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")


class Response(Protocol):
    @property
    def content(self) -> bytes: ...
    @property
    def status_code(self) -> int: ...


@dataclass(eq=False)
class Element:
    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    def __iter__(self) -> Iterator["Element"]:
        """Every element inside it, in the order of the page. (A loop: nested generators cost a test run its speed.)"""
        waiting = self._elements()
        while waiting:
            element = waiting.pop()
            yield element
            waiting += element._elements()

    def _elements(self) -> list["Element"]:
        return [child for child in reversed(self.children) if not isinstance(child, str)]

    def all(self, tag: str = "", *, css: str = "", **attributes: str) -> list["Element"]:
        return [each for each in self if each.is_like(tag, css, attributes)]

    def shown(self, tag: str = "", *, css: str = "", **attributes: str) -> "Element":
        """The one that is not hidden."""
        (found,) = [each for each in self.all(tag, css=css, **attributes) if "hidden" not in each.attributes]
        return found

    def one(self, tag: str = "", *, css: str = "", **attributes: str) -> "Element":
        (found,) = self.all(tag, css=css, **attributes)
        return found

    def is_like(self, tag: str, css: str, attributes: dict[str, str]) -> bool:
        if (tag and self.tag != tag) or (css and css not in self.attributes.get("class", "").split()):
            return False
        return all(self.attributes.get(name) == value for name, value in attributes.items())

    @property
    def text(self) -> str:
        """Everything it says, blanks collapsed."""
        return " ".join(self.exact_text().split())

    def exact_text(self) -> str:
        return "".join(child if isinstance(child, str) else child.exact_text() for child in self.children)


def _built(page: str) -> Element:
    """Build the tree of a page that is well formed, as ours are: the parser of the library takes ten times as long."""
    root = Element("", {})
    open_elements, end = [root], 0
    for found in TAG.finditer(page):
        if text := page[end : found.start()]:
            open_elements[-1].children.append(unescape(text))
        assert found.start() == end or "<" not in text, f"not a tag: {text[:80]}"
        end = found.end()
        closed, tag, attributes = found[1], (found[2] or "").lower(), found[3]
        if tag and closed:
            assert open_elements[-1].tag == tag, f"</{tag}> closes <{open_elements[-1].tag}>"
            open_elements.pop()
        elif tag:
            named = ATTRIBUTE.findall(attributes)
            element = Element(tag, {name.lower(): unescape("".join(value)) for name, *value in named})
            open_elements[-1].children.append(element)
            if tag not in VOID and not attributes.endswith("/"):
                open_elements.append(element)
    root.children.append(unescape(page[end:]))
    assert open_elements == [root], f"<{open_elements[-1].tag}> is never closed"
    return root


def tree(response: Response) -> Element:
    """The page's elements; every one that is opened must be closed."""
    return _tree(response.content)


@lru_cache(maxsize=16)
def _tree(content: bytes) -> Element:
    return _built(content.decode())


def by_id(response: Response, id: str) -> Element:
    return tree(response).one(id=id)


def rows(response: Response) -> list[Element]:
    return tree(response).all("tr", css="row")


def cells(response: Response, column: str) -> list[str]:
    return [row.one(css=f"col-{column}").text for row in rows(response)]


def numbers(response: Response) -> list[int]:
    """The snapshots of a list in their order, each by the number that its id is made of."""
    links = [row.one(css="col-name").one("a").attributes["href"] for row in rows(response)]
    return [UUID(link.rstrip("/").rpartition("/")[2]).int for link in links]


def chips(response: Response) -> dict[str, str]:
    """What is filtered by, and the address without it."""
    found = tree(response).all("a", css="chip")
    assert [chip.attributes["aria-label"].split() for chip in found] == [
        f"Remove filter: {chip.text}".split() for chip in found
    ]
    assert all(chip.attributes["data-hx-get"] == chip.attributes["href"] for chip in found)
    return {chip.text: chip.attributes["href"] for chip in found}


def problems(response: Response) -> list[str]:
    return [banner.one("p").text for banner in tree(response).all(css="flush")]


def banners(response: Response) -> list[str]:
    return [banner.text for banner in by_id(response, "banners").all(css="banner")]


def freshness(response: Response) -> tuple[str, str]:
    """The age line's tone and words: the page's first; each environment of a first fetch has another one."""
    line = tree(response).all(css="tone")[0]
    return line.attributes["class"].removeprefix("tone "), line.text


def count(response: Response) -> str:
    return by_id(response, "count").text


def empty(response: Response) -> str:
    """The empty state's kind and words; "" where there is a table."""
    found = [element for element in tree(response) if "empty" in element.attributes.get("class", "").split()]
    return " ".join([found[0].attributes["class"].removeprefix("empty empty-"), found[0].text]) if found else ""


def choices(response: Response, group: str) -> dict[str, str]:
    """The numbers beside a filter's choices, by value."""
    labels = by_id(response, f"choices-{group}").all("label", css="choice")
    return {label.one("input").attributes["value"]: _count_of(label) for label in labels}


def menus(response: Response) -> dict[str, dict[str, str]]:
    """The numbers beside the choices of every filter menu."""
    ids = [each.attributes.get("id", "").partition("choices-") for each in tree(response).all("div")]
    return {name: choices(response, name) for start, _mark, name in ids if name and not start}


def each_choice(counted: dict[str, dict[str, str]]) -> list[tuple[str, str, str]]:
    """Each menu, choice and number."""
    return [(menu, value, number) for menu, found in counted.items() for value, number in found.items()]


def alone(query: str, menu: str, value: str, *cleared: str) -> str:
    """The query with one choice of a menu in place of those chosen in it."""
    asked = QueryDict(query, mutable=True)
    for name in (menu, *cleared):
        asked.pop(name, None)
    if value:
        asked[menu] = value
    return asked.urlencode()


def checked(response: Response, group: str) -> list[str]:
    boxes = by_id(response, f"choices-{group}").all("input")
    return [box.attributes["value"] for box in boxes if "checked" in box.attributes]


def links(response: Response) -> dict[str, str]:
    """Every link by its words; of equal words the last."""
    return {link.text: link.attributes.get("href", "") for link in tree(response).all("a")}


def _count_of(label: Element) -> str:
    return "".join(count.text for count in label.all(css="choice-count"))
