"""What axe says of a page in one theme; of what looks the same it measures the contrast once."""

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page

# What another theme changes is colours: all else has been judged in the first.
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
JUDGE = """async (options) => {
  window.forgetContrasts();
  const { violations } = await axe.run({ resultTypes: ["violations"], ...options });
  return { violations };
}"""
# In a table of fifty rows axe would work out the same contrast some hundred times, for nine tenths of its time. An
# answer is valid for all elements with the same style upon the same backgrounds, unless their parent differs: it
# floats, and nothing opaque floats with it. Only a contrast that was measured and is enough is remembered.
ONCE_EACH = """(() => {
  const OWN = ["color", "fontSize", "fontWeight", "textShadow", "webkitTextStroke", "visibility"];
  const UNDER = [
    "backgroundColor", "backgroundImage", "backgroundClip", "opacity", "filter", "mixBlendMode", "position",
  ];
  const FLOATING = ["absolute", "fixed", "sticky"];
  const check = axe._audit.checks["color-contrast"];
  const measure = check.evaluate;
  let grounds, enough;
  const isOpaque = (style) => /^rgb\\(/.test(style.backgroundColor) && style.opacity === "1";
  const ground = (element) => {
    if (!element) return { name: "", floats: false };
    if (!grounds.has(element)) {
      const below = ground(element.parentElement);
      const style = getComputedStyle(element);
      const name = [below.name, ...UNDER.map((property) => style[property])].join("|");
      const floats = !isOpaque(style) && (below.floats || FLOATING.includes(style.position));
      grounds.set(element, { name, floats });
    }
    return grounds.get(element);
  };
  window.forgetContrasts = () => {
    grounds = new Map();
    enough = new Set();
  };
  check.evaluate = function (element, ...others) {
    const { name, floats } = ground(element);
    const style = getComputedStyle(element);
    const look = [name, ...OWN.map((property) => style[property])].join("|");
    if (enough.has(look)) return true;
    let measured;
    const told = Object.create(this);
    told.data = (found) => {
      measured = found.contrastRatio;
      this.data(found);
    };
    const verdict = measure.call(told, element, ...others);
    if (verdict === true && measured !== undefined && !floats) enough.add(look);
    return verdict;
  };
})()"""


def judged(page: Page, *, colours_alone: bool = False) -> AxeResults:
    """What is wrong with the page in the theme that it is shown in."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"{AXE_SCRIPT}\n;{ONCE_EACH}")
    return AxeResults(page.evaluate(JUDGE, COLOURS if colours_alone else {}))
