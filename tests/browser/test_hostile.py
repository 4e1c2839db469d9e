"""Names that try to break the page, on every page of a real browser: nothing runs, nothing has to be stopped."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypedDict
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, expect

from dashboard.teams.access.capabilities import SIGNED_IN, capabilities
from snapshots.simulator.hostile import HOSTILE_NAMES
from tests.authorization.plan import PARTS
from tests.browser.conftest import PATIENCE, REPORTS
from tests.browser.stack import Stack
from tests.dashboard.teams.next_values import NEXT_VALUES
from tests.started import run

pytestmark = pytest.mark.browser
VISITOR, PASSWORD, KEY = "visitor@example.com", "three-horses-and-a-stapler", "CANARY-key-of-the-hostile"
FIELDS = ["name", "state", "intervalType", "volume", "volumeType"]
WORST = HOSTILE_NAMES[1]
SENT_NAMES = [name.encode("utf-8", "replace").decode() for name in HOSTILE_NAMES]
# What our templates never have: an inline script, an attribute that runs, something from another site.
ALIENS = """() => [...document.querySelectorAll("*")].filter((element) =>
  [...element.attributes].some((one) => /^on/i.test(one.name)
    || /^\\s*javascript:/i.test(one.value) && ["href", "src", "action", "formaction"].includes(one.name))
  || ["IFRAME", "OBJECT", "EMBED", "BASE"].includes(element.tagName)
  || ["SCRIPT", "IMG", "LINK"].includes(element.tagName) && element.type !== "application/json"
    && !(element.src || element.href || "").startsWith(location.origin + "/static/")
).map((element) => element.outerHTML.slice(0, 200))"""
Tell = Callable[..., None]
OpenSink = Callable[..., "Sink"]


class Told(TypedDict):
    """What the seeding tells."""

    teams: list[str]
    links: list[str]
    place: str


@dataclass
class Sink:
    """What a browser was made to do by what it was shown."""

    page: Page
    host: str
    executions: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    aliens: list[str] = field(default_factory=list)
    pages: int = 0

    def __post_init__(self) -> None:
        self.page.on("dialog", self._dismiss)
        self.page.on("popup", self._close)
        self.page.on("request", self._hear)

    def _dismiss(self, dialog: Dialog) -> None:
        self.executions.append(dialog.message)
        dialog.dismiss()

    def _close(self, popup: Page) -> None:
        self.executions.append(popup.url)
        popup.close()

    def _hear(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self.host:
            self.foreign.append(request.url)

    def visit(self, path: str) -> None:
        self.page.goto(f"http://{self.host}{path}", wait_until="domcontentloaded")
        self.look()

    def look(self) -> None:
        """Count what the page that is shown does by itself."""
        self.pages += 1
        self.reports += self.page.evaluate("window.reports")
        self.aliens += self.page.evaluate(ALIENS)

    @property
    def heard(self) -> dict[str, int]:
        return {
            "executions": len(self.executions),
            "foreign_requests": len(self.foreign),
            "csp_reports": len(self.reports),
            "alien_nodes": len(self.aliens),
        }


@pytest.fixture(scope="module")
def seeded(stack: Stack) -> Iterator[Told]:
    stack.simulator.keys[KEY] = None
    stack.simulator.fault(key=KEY, hostile_names=FIELDS)
    done = run("-m", "tests.browser.seed_hostile", env=stack.env)
    assert done.returncode == 0, done.stderr
    stack.manage("sync_snapshots", status=1)  # one environment is unknown there; what it said is made worse
    ask(stack, "UPDATE snapshots_environment SET fault_kind = 'other', fault_sentence = ? WHERE name = 'down'", WORST)
    told: Told = json.loads(done.stdout)
    yield told
    ask(stack, "DELETE FROM snapshots_environment WHERE name = 'down'")  # else each later sync on this stack fails


@pytest.fixture
def open_sink(stack: Stack, browser: Browser) -> Iterator[Callable[..., Sink]]:
    """A browser that calls itself by a hostile name, with the content policy in force or, to let all run, without."""
    contexts: list[BrowserContext] = []

    def open_sink(*, policy: bool = True) -> Sink:
        context = browser.new_context(user_agent="<img src=x onerror=alert(9)> Firefox/", bypass_csp=not policy)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(REPORTS)
        contexts.append(context)
        return Sink(context.new_page(), urlsplit(stack.url).netloc)

    yield open_sink
    for context in contexts:
        context.close()


def sign_in(sink: Sink) -> None:
    sink.visit("/accounts/login/")
    sink.page.get_by_label("Email").fill(VISITOR)
    sink.page.get_by_label("Password").fill(PASSWORD)
    sink.page.get_by_role("button", name="Sign in", exact=True).click()
    sink.page.wait_for_url("**/teams/")
    sink.look()


SHARE = """
INSERT INTO snapshots_sharelink
  (team_id, snapshot_id, maker_id, made_by, public_id, digest, shows_environment, made_at, expires_at, uses, form_id)
SELECT s.team_id, s.id, m.id, ?, 'hostile-' || printf('%06d', s.id), ?, 1, datetime('now'),
  datetime('now', '+1 day'), 0, s.id
FROM snapshots_snapshot s JOIN teams_team t ON t.id = s.team_id
JOIN teams_membership m ON m.team_id = t.id AND m.role = 'admin' WHERE t.slug = ? ORDER BY s.id DESC LIMIT ?
"""


def share_hostile(stack: Stack, slug: str) -> list[str]:
    """A shared link to each snapshot of a team with a hostile name, once; gives their paths."""
    query = """SELECT l.public_id FROM snapshots_sharelink l JOIN teams_team t ON t.id = l.team_id
        JOIN snapshots_snapshot s ON s.id = l.snapshot_id WHERE t.slug = ? ORDER BY s.id DESC"""
    if not ask(stack, query, slug):
        ask(stack, SHARE, WORST, sha256(b"secret").hexdigest(), slug, len(HOSTILE_NAMES))
    return [f"/s/{public}.secret" for (public,) in ask(stack, query, slug)]


def snapshots_of(stack: Stack, slug: str) -> list[tuple[str, str]]:
    query = """SELECT s.snapshot_id, s.name FROM snapshots_snapshot s JOIN teams_team t ON t.id = s.team_id
        WHERE t.slug = ? ORDER BY s.id DESC LIMIT ?"""
    return ask(stack, query, slug, len(HOSTILE_NAMES))


def ask(stack: Stack, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(stack.folder / "db.sqlite3", timeout=10)) as database, database:
        return list(database.execute(statement, values))


def own_pages() -> list[str]:
    """Every page of a signed-in user, future ones too."""
    names = [name for name, levels in capabilities().items() if levels.get("GET") is SIGNED_IN and not PARTS[name]]
    return [reverse(name) for name in names if "download" not in name and name != "oidc_confirm"]


def pages_with_many(seeded: Told) -> list[str]:
    """The pages that show many names at once, or echo what the address says."""
    team = f"/t/{seeded['teams'][0]}"
    words = "&".join(f"state={quote(name[:80])}&environment={quote(name[:80])}" for name in SENT_NAMES)
    worst = quote(SENT_NAMES[2])
    return [
        f"{team}/snapshots/?page_size=100",
        f"{team}/snapshots/?page_size=100&page=2",
        f"{team}/snapshots/?{words}",
        f"{team}/snapshots/?q={worst}&sort={worst}&age={worst}&from={worst}&page={worst}&volume_q={worst}",
        f"{team}/snapshots/volumes/?volume_q=a",
        f"{team}/settings/audit/",
        f"{team}/settings/audit/?person={worst}",
        f"{team}/settings/shared-links/",
        f"{team}/settings/shared-links/revoke-all/",
        f"{team}/settings/environments/",
        f"{team}/settings/environments/{seeded['place']}/remove/",
        f"{team}/settings/people/leave/",
        *(f"/invitation/{link}/" for link in seeded["links"]),
        f"/t/{worst}/snapshots/?{worst}={worst}",
        f"/nothing/{worst}?next={worst}",
        "/accounts/sessions/",
    ]


@pytest.mark.proof
def test_nothing_runs_where_the_policy_is_in_force(
    stack: Stack, seeded: Told, open_sink: OpenSink, figures: Tell
) -> None:
    sink, slugs = open_sink(), seeded["teams"]
    sign_in(sink)
    shared = share_hostile(stack, slugs[0])
    for path in [*own_pages(), *pages_with_many(seeded), *shared[:6], f"{shared[0]}{quote(WORST)}"]:
        sink.visit(path)
    # A name alone: in the title, and as whose key it is.
    for path in [f"/t/{slug}/settings/people/" for slug in slugs] + [f"/t/{slug}/settings/key/" for slug in slugs[:6]]:
        sink.visit(path)
    told_messages(sink, slugs[0])
    tell(sink, figures)


@pytest.mark.proof
def test_nothing_would_run_without_the_policy(stack: Stack, seeded: Told, open_sink: OpenSink, figures: Tell) -> None:
    """Each name on the page of its snapshot, and on that of the link to it."""
    sink = open_sink(policy=False)
    sign_in(sink)
    shown = snapshots_of(stack, seeded["teams"][0])
    assert len(shown) == len(HOSTILE_NAMES)
    assert sum("<" in name for _, name in shown) == sum("<" in name for name in HOSTILE_NAMES) > 0
    for path in pages_with_many(seeded):
        sink.visit(path)
    for snapshot, name in shown:
        sink.visit(f"/t/{seeded['teams'][0]}/snapshots/{seeded['place']}/{snapshot}/")
        told = sink.page.locator("h1").text_content()
        assert told == (name if name.strip() else snapshot)
    links = share_hostile(stack, seeded["teams"][0])
    for path in links:
        sink.visit(path)
    expect(sink.page.locator("dl div")).to_have_count(5)
    tell(sink, figures)


def told_messages(sink: Sink, slug: str) -> None:
    """Have the product say names in its messages: of people, of invitations, of a team, of a form that is refused."""
    people = f"/t/{slug}/settings/people/"
    for pressed in ("form.person-role button", "form.person-end button"):
        for number in range(3):
            sink.visit(people)
            sink.page.locator(pressed).nth(number).click()
            sink.page.locator(".messages").wait_for()
            sink.look()
    sink.visit(f"/t/{slug}/settings/key/")
    sink.page.get_by_label("API key of a Viewer account").fill("with blanks")
    sink.page.get_by_label("Key owner").fill(WORST)
    sink.page.get_by_role("button", name="Test this key").click()
    sink.page.locator(".form-error").wait_for()
    sink.look()
    sink.visit("/t/hostile-1/settings/people/leave/")


def tell(sink: Sink, figures: Tell) -> None:
    figures("hostile names in Chromium", pages=sink.pages, **sink.heard)
    assert sum(sink.heard.values()) == 0, sink


def test_whatever_runs_or_would_run_is_heard(open_sink: OpenSink) -> None:
    held, free = open_sink(), open_sink(policy=False)
    for sink in (held, free):
        sink.visit("/accounts/login/")
        sink.page.evaluate("name => document.body.insertAdjacentHTML('beforeend', name)", f"<p {WORST}</p>")
        sink.page.locator("img[src=x]").evaluate("image => image.decode().catch(() => {})")
        sink.look()
    assert (held.heard["csp_reports"] > 0, held.heard["executions"]) == (True, 0)
    assert free.heard["executions"] == 1
    assert held.heard["alien_nodes"] == free.heard["alien_nodes"] == 1


@pytest.mark.proof
def test_no_accepted_next_leaves_the_site(seeded: Told, open_sink: OpenSink, figures: Tell) -> None:
    sink = open_sink()
    sign_in(sink)
    accepted = [value for value in NEXT_VALUES if len(value) < 1_000 and is_accepted(sink, value)]
    for value in accepted:
        sink.page.goto(login(sink, value))
        assert urlsplit(sink.page.url).netloc == sink.host, value
    figures("next in Chromium", accepted=len(accepted), off_site=len(sink.foreign))
    assert (sink.foreign, sink.executions) == ([], [])
    assert len(accepted) >= 5


def is_accepted(sink: Sink, value: str) -> bool:
    answer = sink.page.request.get(login(sink, value), max_redirects=0)
    return answer.status == 302 and answer.headers["location"] != "/"


def login(sink: Sink, value: str) -> str:
    return f"http://{sink.host}/accounts/login/?{urlencode({'next': value})}"
