// Ticked rows: how many, all of a page, a range, all that match. The bar is at the bottom of the window while there are any.
(() => {
  "use strict";
  const bar = document.getElementById("acts");
  const results = document.getElementById("results");
  if (!bar || !results) return;
  const SHOWN_MS = 8000;
  const said = document.getElementById("selected");
  const all = document.getElementById("select-all");

  let isAll = false; // all that match, on other pages too
  let last = null; // the box that was pressed last, where a range begins
  let kept = null; // what was ticked before the rows were replaced
  let fading = 0;

  const BOX = "input[type=checkbox][form=acts]";
  const boxes = () => [...results.querySelectorAll(BOX)];
  const boxesOf = (group) => [...group.closest("tbody").querySelectorAll(BOX)];
  const matching = () => results.querySelector("[data-filters]");
  const ticked = () => boxes().filter((box) => box.checked);

  const say = (text) => {
    if (said.textContent !== text) said.textContent = text;
  };

  const show = () => {
    const number = ticked().length;
    const found = matching();
    clearTimeout(fading);
    for (const head of results.querySelectorAll("[data-page], [data-group]")) {
      const below = head.matches("[data-group]") ? boxesOf(head) : boxes();
      const chosen = below.filter((box) => box.checked).length;
      head.checked = chosen > 0 && chosen === below.length;
      head.indeterminate = chosen > 0 && !head.checked;
    }
    bar.classList.toggle("on", number > 0);
    bar.classList.remove("told");
    if (all) {
      all.hidden = !found || isAll || Number(found.dataset.matching) <= number;
      if (found) all.textContent = found.dataset.offer;
    }
    bar.dispatchEvent(new CustomEvent("selected", { detail: ticked() }));
    if (number === 0) say("");
    else if (isAll) say(found.dataset.chosen);
    else say(number === 1 ? said.dataset.one : said.dataset.many.replace("{n}", number));
  };

  const tick = (chosen, state) => {
    isAll = false;
    for (const box of chosen) box.checked = state;
    show();
  };

  const clear = () => {
    const hadFocus = bar.contains(document.activeElement);
    const first = ticked()[0];
    tick(boxes(), false);
    if (hadFocus && first) first.focus();
  };

  const tell = () => {
    show();
    say(said.dataset.cleared);
    bar.classList.add("told");
    fading = setTimeout(show, SHOWN_MS);
  };

  results.addEventListener("click", (event) => {
    const box = event.target;
    if (box.matches("[data-page]")) tick(boxes(), box.checked);
    if (box.matches("[data-group]")) tick(boxesOf(box), box.checked);
    if (!box.matches(BOX)) return;
    const places = boxes();
    const [from, to] = [places.indexOf(last), places.indexOf(box)].sort((a, b) => a - b);
    const range = event.shiftKey && from >= 0 ? places.slice(from, to + 1) : [box];
    last = box;
    tick(range, box.checked);
  });

  all?.addEventListener("click", () => {
    for (const box of boxes()) box.checked = true;
    isAll = true;
    show();
    bar.querySelector("[type=submit]").focus();
  });
  document.getElementById("select-none").addEventListener("click", clear);

  // Before the menus close, of which Escape closes the open one first.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.target.matches("input[type=search]")) return;
    if (!document.querySelector("details.menu[open], dialog[open]")) clear();
  }, true);

  // All that match are named by the filters, not one by one.
  bar.addEventListener("submit", (event) => {
    if (!isAll) return;
    event.preventDefault();
    const url = new URL(event.submitter.formAction);
    url.search = location.search;
    url.searchParams.set("which", "match");
    url.searchParams.set("back", location.pathname + location.search);
    location.assign(url);
  });

  // The rows may be sorted, paged or refreshed: what is still there stays ticked, under the same filters alone.
  results.addEventListener("htmx:beforeSwap", () => {
    const found = matching();
    kept = { pks: new Set(ticked().map((box) => box.value)), filters: found && found.dataset.filters, isAll };
  });
  const restore = () => {
    const found = matching();
    const before = kept;
    kept = null;
    last = null;
    if (!before || !before.pks.size) return show();
    const isSame = found && found.dataset.filters === before.filters;
    isAll = isSame && before.isAll;
    for (const box of boxes()) box.checked = isSame && (isAll || before.pks.has(box.value));
    return isSame ? show() : tell();
  };
  results.addEventListener("htmx:afterSwap", restore);
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target !== results) return;
    const found = matching();
    kept = { pks: new Set(ticked().map((box) => box.value)), filters: found && found.dataset.filters, isAll };
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target === results) restore();
  });
  window.addEventListener("pageshow", show);
})();
