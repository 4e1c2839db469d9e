"""Every page at every width, with the longest names: it never scrolls sideways, and every text can be read."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page

from dashboard.teams.access.capabilities import capabilities
from tests.authorization.plan import TOKEN_VIEWS, UNOWNED, address
from tests.browser.conftest import PATIENCE, launched
from tests.browser.stack import PASSWORD, Stack
from tests.waiting import until

pytestmark = pytest.mark.browser
# A tablet upright, half a screen, a laptop at 150 %; 320 is also 1280 at 400 %, 640 the same at 200 %.
WIDTHS = (1920, 1280, 1024, 925, 853, 768, 701, 640, 600, 390, 320)
# `make test` looks at each page at the narrowest one, and at one of the others in turn.
HEIGHT = 900
MOST_SHIFT = 0.02
SEED = """
import json
from datetime import timedelta
from django.db.models import F, Value
from django.db.models.functions import Cast, Concat
from django.db.models import CharField
from django.utils import timezone
from dashboard.teams.access import issue_tokens
from dashboard.teams.models import AuditEvent, EventKind, Membership, Role, Team, User
from dashboard.teams.people.invitations import invite
from snapshots.models import Channel, Environment, SavedView, Snapshot, Volume
from snapshots.policy.exclusions import FOR_EVER, Exclusion, exclude
from snapshots.policy.targets import set_of_team, set_of_volume
from snapshots.sharing import links

team, alice = Team.objects.get(slug="acme"), User.objects.get(email="alice@example.com")
admin = team.memberships.get(user=alice)
long = lambda most: "W" * (most - 9) + "_20261130"
ending = lambda most: Concat(Value(long(most - 3)), Cast("pk", CharField()))
Team.objects.filter(pk=team.pk).update(name=long(100))
User.objects.filter(pk=alice.pk).update(name=long(100))
Environment.objects.filter(team=team, name="prod").update(name=long(64).replace("_", "-"))
Volume.objects.filter(team=team).annotate(third=F("pk") % 3).exclude(third=0).update(
    name=ending(200), instance_name=ending(200), zone_name=long(200))
Snapshot.objects.filter(team=team).annotate(third=F("pk") % 3).exclude(third=0).update(
    name=ending(200), volume=ending(200))
set_of_team(team, 168, person=alice)
volumes = list(Volume.objects.filter(team=team).order_by("pk"))
set_of_volume(volumes[0], 24, person=alice)
exclude(team, [volumes[1].pk], Exclusion(FOR_EVER, long(200)), person=alice)
for page in ("volumes", "snapshots", "changes"):
    SavedView.objects.create(team=team, name=long(50) + page, page=page, query="q=" + long(180), made_by=long(200))
other = User.objects.create(email=long(200) + "@example.com", name=long(100))
member = Membership.objects.create(team=team, user=other, role=Role.MEMBER)
invitation, link = invite(team, long(200) + "@example.net", Role.MEMBER, actor=alice)
AuditEvent.objects.create(team=team, actor_email=other.email, actor=other, kind=EventKind.JOINED, target=long(250),
    detail=long(400), ip="2001:db8:1111:2222:3333:4444:5555:6666")
issue_tokens.make(admin, name=long(60), days=30, environments=[], form_id="long")
hook = Channel.objects.create(team=team, type="webhook", name=long(60), url="https://" + long(200) + "/",
    failing_since=timezone.now(), failure=long(200), quiet_from="22:00", quiet_until="07:00")
Channel.objects.create(team=team, type="mail", membership=member, paused_at=timezone.now(), is_given_up=True)
snapshot = Snapshot.objects.filter(team=team, state="BackedUp", name__endswith="3").first()
shared, shared_url = links.make(snapshot, maker=admin, days=7, form_id="long", shows_environment=True)
Environment.objects.filter(pk=volumes[-1].environment_id).update(fault_kind="other", fault_sentence=long(400),
    fault_since=timezone.now(), fault_count=3, next_try_at=timezone.now() + timedelta(hours=1))
place = snapshot.environment
print(json.dumps({
    "team": "acme", "service_code": place.service_code, "environment_name": place.name,
    "snapshot_id": snapshot.snapshot_id, "volume_id": snapshot.volume_id, "member": str(member.pk),
    "invitation": str(invitation.pk), "access_token": str(team.access_tokens.get().pk), "public_id": shared.public_id,
    "channel": str(hook.pk),
    "shared": shared_url.rpartition("/s/")[2], "link": link, "query": f"volume_id={snapshot.volume_id}&q={long(200)}",
    "volume": str(volumes[2].pk),
}))
"""
# Where a text is seen: not what the boxes around it cut off. A badge or a button counts as a whole.
LOOK = """() => {
  const wide = document.documentElement.scrollWidth - innerWidth;
  const isSeen = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const clips = new Map();
  const clip = (one) => {
    if (!one || one === document.documentElement) return { left: -1e5, top: -1e5, right: 1e5, bottom: 1e5 };
    if (clips.has(one)) return clips.get(one);
    const style = getComputedStyle(one);
    let found = style.position === "fixed" ? clip(null) : clip(one.parentElement);
    if (style.overflowX !== "visible" && one !== document.body) {
      const box = one.getBoundingClientRect();
      found = common(found, box);
    }
    clips.set(one, found);
    return found;
  };
  const common = (a, b) => ({
    left: Math.max(a.left, b.left), top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom),
  });
  const boxes = [], cut = [], outside = [];
  const add = (owner, rect, clipped, text) => {
    const box = common(rect, clipped);
    const isSomething = box.right - box.left > 1 && box.bottom - box.top > 1 && box.bottom > 0;
    if (isSomething) boxes.push({ owner, text: text.trim().slice(0, 30), ...box });
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const whole = new Set();
  const range = document.createRange();
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "STYLE", "NOSCRIPT", "OPTION", "KBD"].includes(parent.tagName)) continue;
    if (!isSeen(parent)) continue;
    const box = parent.closest(".badge, .button, .chip, .menu > summary");
    if (box) {
      if (!whole.has(box)) add(box, box.getBoundingClientRect(), clip(box.parentElement), node.data);
      whole.add(box);
      continue;
    }
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      add(node, rect, clip(parent), node.data);
      if (wide > 0 && rect.right > innerWidth) outside.push(node.data.trim().slice(0, 30));
    }
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (isSeen(field)) add(field, field.getBoundingClientRect(), clip(field.parentElement), `<${field.name}>`);
  }
  boxes.sort((a, b) => a.top - b.top);
  const holds = (a, b) => a === b || a.contains(b) || b.contains(a);
  const over = [];
  boxes.forEach((a, place) => {
    for (let next = place + 1; next < boxes.length && boxes[next].top < a.bottom - 4; next += 1) {
      const b = boxes[next];
      const shared = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      if (shared > 2 && !holds(a.owner, b.owner)) over.push(`${a.text} | ${b.text}`);
    }
  });
  const plain = (text) => text.replace(/\\s+/g, " ").trim();
  for (const one of document.querySelectorAll("main *, header *")) {
    if (one.scrollWidth <= one.clientWidth + 1 || one.clientWidth < 2 || !isSeen(one)) continue;
    if (one.matches("input, select, textarea")) continue;
    const style = getComputedStyle(one);
    if (style.overflowX !== "hidden" && style.overflowX !== "clip") continue;
    const titled = [one.closest("[title]"), ...one.querySelectorAll("[title]")];
    const text = plain(one.textContent);
    const tells = (title) => title.includes(text) || (text.includes(title) && title.length > 0.8 * text.length);
    if (!titled.some((each) => each && tells(plain(each.title)))) cut.push(text.slice(0, 40));
  }
  const some = (found) => [...new Set(found)].slice(0, 4);
  return { wide: Math.max(0, wide), outside: some(outside), over: some(over), cut: some(cut) };
}"""
SHIFTS = """
window.shifted = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) {
    const names = one.sources.map(({ node }) => node?.id || node?.className || "");
    if (!one.hadRecentInput) window.shifted.push([one.value, names]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, database: Path) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("widths"), database) as running:
        yield running


@pytest.fixture(scope="module")
def seeded(stack: Stack) -> Mapping[str, str]:
    told: dict[str, str] = json.loads(stack.manage("shell", "--verbosity=0", "-c", SEED).strip().splitlines()[-1])
    return told


def pages_of(seeded: Mapping[str, str], *, signed_in: bool) -> list[str]:
    """Every address that answers a GET, with and without rows; some lead to another of them."""
    arguments = {**UNOWNED, **seeded, "link": seeded["shared"]}
    names = sorted(name for name, levels in capabilities().items() if "GET" in levels and name not in TOKEN_VIEWS)
    paths = [address(name, arguments) for name in names if "former_" not in name]
    files = (".csv", ".json", ".xlsx", ".txt", ".svg", ".ico", "/metrics", "/healthz", "/readyz")
    paths = [path for path in paths if not path.rstrip("/").endswith(files) and "download" not in path]
    if not signed_in:
        return [path for path in paths if not path.startswith("/t/")] + [f"/invitation/{seeded['link']}/"]
    team = "/t/acme"
    return [
        *paths,
        f"{team}/volumes/?group=instance",
        f"{team}/volumes/?{seeded['query']}",
        f"{team}/snapshots/?{seeded['query']}",
        f"{team}/snapshots/?volume_id={seeded['volume_id']}",
        f"{team}/volumes/exclude/?volume={seeded['volume']}",
        f"{team}/volumes/resume/?volume={seeded['volume']}",
    ]


def visit(page: Page, url: str, paths: list[str]) -> list[str]:
    """What is wrong with these pages, at which width."""
    wrong: list[str] = []
    seen: set[str] = set()
    for path in paths:
        page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
        reply = page.goto(url + path)
        here = page.url.removeprefix(url)
        here = path if here == path else here.partition("?")[0]  # where it leads to is judged once
        if here in seen or reply is None or not page.title():  # a file, or part of a page
            continue
        seen.add(here)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            wrong += [f"{here[:70]} {width}: {what} {found}" for what, found in page.evaluate(LOOK).items() if found]
        shifted = page.evaluate("window.shifted")
        if sum(value for value, _ in shifted) > MOST_SHIFT:
            wrong.append(f"{here[:70]}: moves {shifted}")
    assert len(seen) > 10
    return wrong


@pytest.fixture(params=["light", pytest.param("dark", marks=pytest.mark.proof)])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce", color_scheme=request.param)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(SHIFTS)
    yield context.new_page()
    context.close()


def enter(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("Email").fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/t/acme/")


@pytest.mark.proof
def test_a_page_fits_every_width(stack: Stack, seeded: Mapping[str, str], page: Page) -> None:
    wrong = visit(page, stack.url, pages_of(seeded, signed_in=False))
    enter(page, stack.url)
    wrong += visit(page, stack.url, pages_of(seeded, signed_in=True))
    assert not wrong, "\n".join(wrong)


def box(locator: Locator) -> FloatRect:
    """Where it is in the window."""
    found = locator.bounding_box()
    assert found is not None
    return found


@pytest.mark.proof
def test_a_long_list_can_be_walked(stack: Stack, seeded: Mapping[str, str], page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 480})
    enter(page, stack.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "results"
    # The head row stays, and never lies on what has the focus.
    page.mouse.wheel(0, 5_000)
    # The policy forbids Chromium to evaluate a condition again and again in the page.
    until(lambda: page.evaluate("scrollY > 300"), what="the list to scroll")
    head = page.locator(".volumes thead th").nth(1)
    assert box(head)["y"] == 0
    link = page.locator("tr.vrow a.first").first
    row = box(page.locator("tr.vrow").first)
    link.focus()
    assert box(link)["y"] >= box(head)["height"]
    assert box(page.locator("tr.vrow").first)["height"] == row["height"]
    # A panel opens where it is seen, also from the last row in sight.
    why = page.locator("tr.vrow details.why").nth(3)
    why.evaluate("(one) => one.scrollIntoView({ block: 'end' })")
    why.locator("summary").click()
    last = page.locator("details.why[open] p").first
    until(lambda: last.evaluate("(one) => one.getBoundingClientRect().bottom < innerHeight"), what="the panel in sight")
    # A name that is cut is seen whole by the keyboard, and told and copied as a whole.
    name = page.locator("tr.vrow a.first:has(.head)").first
    page.keyboard.press("Escape")
    name.focus()
    assert name.locator(".head").evaluate("(one) => one.offsetWidth >= one.scrollWidth")
    below = page.locator("tr.vrow th:has(a.first:focus) .second")
    assert box(below)["width"] > box(page.locator("tr.vrow th:has(a.first:not(:focus)) .second").last)["width"]
    assert len(str(name.get_attribute("aria-label"))) > 190
    copied = name.evaluate("(one) => { getSelection().selectAllChildren(one); return getSelection().toString(); }")
    assert copied == name.get_attribute("aria-label")


@pytest.mark.proof
def test_a_scrollbar_moves_nothing(stack: Stack, seeded: Mapping[str, str], browser: Browser) -> None:
    with closing(launched(browser.browser_type, shows_scrollbars=True)) as another:
        page = another.new_page(viewport={"width": 1280, "height": HEIGHT})
        enter(page, stack.url)
        lefts = []
        for path in ("/t/acme/volumes/", "/t/acme/search/"):
            page.goto(stack.url + path)
            lefts.append((page.evaluate("innerHeight < document.body.scrollHeight"), box(page.locator("main"))["x"]))
    assert [is_long for is_long, _ in lefts] == [True, False]
    assert len({left for _, left in lefts}) == 1, lefts


@pytest.mark.proof
def test_forced_colours_underline_the_current_page_alone(stack: Stack, seeded: Mapping[str, str], page: Page) -> None:
    page.emulate_media(forced_colors="active")
    enter(page, stack.url)
    page.goto(f"{stack.url}/t/acme/settings/people/")
    for nav in (".pages a", ".tabs a"):
        lines = page.locator(nav).evaluate_all(
            "(all) => all.map((one) => [one.ariaCurrent !== null, getComputedStyle(one).borderBottomColor])"
        )
        ground = page.locator("body").evaluate("(one) => getComputedStyle(one).backgroundColor")
        assert [is_current for is_current, line in lines if line != ground] == [True], lines
