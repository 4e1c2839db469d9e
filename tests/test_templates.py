"""What must hold for every template, style sheet and script, whichever page uses it."""

import re
from pathlib import Path

from django.conf import settings
from django.template import Engine

from tests.loops import in_turn

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STATIC = Path(settings.BASE_DIR) / "static"
# A mail has no style sheet.
MAILS = "snapshots/mail/"
MOST_CSS_LINES = 300
MOST_JS_LINES = 150
SVG_NAMESPACE = "http://www.w3.org/2000/svg"
# Plain text has no markup to be smuggled into; escaping would put entities into a mail.
UNESCAPED = re.compile(r"\|\s*safe\b|autoescape\s+off|\|\s*safeseq\b")
INLINE = re.compile(r"<style|<script(?![^>]*\ssrc=)|\sstyle\s*=|\son[a-z]+\s*=|javascript:|hx-on|hx-vals|\sjs:", re.I)
FOREIGN = re.compile(r"https?://|[\"'(]//|data:[a-z]+/", re.I)
DANGEROUS_JS = re.compile(r"(inner|outer)HTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser")
TAG = re.compile(r"<([a-z]+)((?:\s[^<>]*)?)>", re.S)
COMMENT = re.compile(r"{% comment %}.*?{% endcomment %}|<!--.*?-->", re.S)
TRANSLATED = re.compile(r"{% blocktranslate.*?{% endblocktranslate %}", re.S)
LOGIC = re.compile(r"{%.*?%}|{{.*?}}", re.S)
SPOKEN_ATTRIBUTE = re.compile(r"\s(?:alt|title|placeholder|aria-label|data-busy|data-done|data-failed)=\"([^\"]*)\"")
WORD = re.compile(r"[A-Za-z]{2,}")


def names(folder: Path, *endings: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in endings)


HTML = names(TEMPLATES, ".html")
SCRIPTS = names(STATIC, ".js")
STYLES = names(STATIC, ".css")


def html(name: str) -> str:
    return COMMENT.sub("", (TEMPLATES / name).read_text())


def found(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match.group() for match in pattern.finditer(text)]


@in_turn("name", names(TEMPLATES, ".html", ".txt"))
def test_compiles(name: str) -> None:
    assert Engine.get_default().get_template(name).origin.name == str(TEMPLATES / name)


@in_turn("name", HTML)
def test_has_no_inline_code_and_no_way_around_escaping(name: str) -> None:
    markup = LOGIC.sub("x", html(name))
    allowed = " style=" if name.startswith(MAILS) else None
    assert [each for each in found(INLINE, markup) if each != allowed] == []
    assert found(UNESCAPED, html(name)) == []


@in_turn("path", [*TEMPLATES.rglob("*.*"), *STATIC.rglob("*.*")])
def test_asks_no_third_party(path: Path) -> None:
    assert found(FOREIGN, path.read_text("latin-1").replace(SVG_NAMESPACE, "")) == []


@in_turn("name", HTML)
def test_htmx_has_a_plain_way_too(name: str) -> None:
    """A link has its href, a form its action; a field is sent by its form. Without `data-` it would not be HTML."""
    assert found(re.compile(r"\shx-[a-z-]+"), html(name)) == []
    tags = TAG.findall(re.sub(r"{%.*?%}", "", html(name)))
    swapped = [(tag, attributes) for tag, attributes in tags if re.search(r"\sdata-hx-(get|post)=", attributes)]
    for tag, attributes in swapped:
        address = re.search(r"\sdata-hx-(?:get|post)=\"([^\"]*)\"", attributes)
        assert address
        assert tag == "input" or re.search(rf"\s(href|action)=\"{re.escape(address[1])}\"", attributes), attributes


@in_turn("name", HTML)
def test_every_word_is_marked_for_translation(name: str) -> None:
    text = LOGIC.sub("", TRANSLATED.sub("", html(name)))
    spoken = [value for value in SPOKEN_ATTRIBUTE.findall(text) if WORD.search(value)]
    assert spoken == []
    assert found(WORD, re.sub(r"<[^>]*>", " ", text)) == []


@in_turn("name", HTML)
def test_every_form_that_posts_carries_a_token(name: str) -> None:
    posting = re.findall(r"<form[^>]*method=\"post\".*?</form>", html(name), re.S)
    assert all("{% csrf_token %}" in form for form in posting)


@in_turn("name", SCRIPTS)
def test_script_builds_no_markup_and_runs_no_text(name: str) -> None:
    text = (STATIC / name).read_text()
    assert found(DANGEROUS_JS, text) == []
    assert len(text.splitlines()) <= MOST_JS_LINES


@in_turn("name", STYLES)
def test_style_sheet_is_small_and_imports_nothing(name: str) -> None:
    text = (STATIC / name).read_text()
    assert found(re.compile(r"@import|url\("), text) == []
    assert len(text.splitlines()) <= MOST_CSS_LINES


def test_checks_can_fail() -> None:
    assert found(INLINE, '<p onclick="x">') == [" onclick="]
    assert found(INLINE, "<script>x</script>") == ["<script"]
    assert found(UNESCAPED, "{{ name|safe }}") == ["|safe"]
    assert found(FOREIGN, '<img src="//cdn.example/x">') == ['"//']
    assert found(DANGEROUS_JS, "a.innerHTML = b") == ["innerHTML"]
