// The search of the top bar, a combobox: focus stays in the field, arrows choose. Without it the form opens its page.
(() => {
  const form = document.getElementById("search");
  if (!form) return;
  const LEAST = 2;
  const field = form.querySelector("[data-search]");
  const opener = document.querySelector("[data-search-open]");
  const panel = form.querySelector(".search-panel");
  const results = document.getElementById("search-results");
  const failed = form.querySelector("[data-search-failed]");
  const status = form.querySelector("[data-search-status]");
  let chosen = null;
  let answered = ""; // the text that the results are of

  const text = () => field.value.trim();
  const options = () => [...results.querySelectorAll("[role=option]")];

  const choose = (option) => {
    chosen?.setAttribute("aria-selected", "false");
    chosen = option || null;
    if (!chosen) return field.removeAttribute("aria-activedescendant");
    chosen.setAttribute("aria-selected", "true");
    chosen.scrollIntoView({ block: "nearest" });
    return field.setAttribute("aria-activedescendant", chosen.id);
  };

  const show = (isShown) => {
    panel.hidden = !isShown;
    const isExpanded = isShown && options().length > 0;
    field.setAttribute("aria-expanded", String(isExpanded));
    if (isExpanded) field.setAttribute("aria-controls", "hits");
    else field.removeAttribute("aria-controls");
    if (isShown) return;
    choose(null);
    window.htmx.trigger(field, "htmx:abort");
  };

  const isAnswered = () => answered === text() && results.childElementCount > 0;
  const ask = () => (isAnswered() ? show(true) : window.htmx.trigger(field, "ask"));

  const fail = (event) => {
    event.stopPropagation(); // what fails is this search, and not the page
    answered = "";
    results.replaceChildren();
    failed.hidden = false;
    status.textContent = failed.textContent;
    show(true);
  };

  const closeSheet = () => {
    show(false);
    form.classList.remove("open");
    opener.focus();
  };
  // Opening it is a step of the history, so that Back closes it.
  const leaveSheet = () => (history.state?.search ? history.back() : closeSheet());

  const move = (step) => {
    const all = options();
    const place = all.indexOf(chosen) + step;
    choose(place === -2 ? all.at(-1) : all[place]);
  };

  const escape = () => {
    if (!panel.hidden) show(false);
    else if (field.value) field.value = "";
    else if (form.classList.contains("open")) leaveSheet();
    status.textContent = "";
  };

  const press = (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const isDown = event.key === "ArrowDown";
    if (event.key === "Escape") escape();
    else if (isDown && panel.hidden && text().length >= LEAST) ask();
    else if ((isDown || event.key === "ArrowUp") && !panel.hidden) move(isDown ? 1 : -1);
    else if (event.key === "Home" && chosen) choose(options()[0]);
    else if (event.key === "End" && chosen) choose(options().at(-1));
    else if (event.key === "Enter" && chosen) chosen.click();
    else return;
    event.preventDefault();
  };

  field.addEventListener("keydown", press);
  field.addEventListener("input", () => {
    choose(null);
    if (text().length < LEAST) show(false);
  });
  field.addEventListener("focus", () => {
    if (text().length >= LEAST && isAnswered()) show(true);
  });

  form.addEventListener("htmx:configRequest", (event) => {
    if (text().length < LEAST) event.preventDefault();
  });
  form.addEventListener("htmx:beforeSwap", (event) => {
    // An answer to what nobody asks any more.
    if (event.detail.requestConfig.parameters.q !== field.value || !form.contains(document.activeElement)) event.preventDefault();
  });
  form.addEventListener("htmx:afterSwap", () => {
    answered = text();
    failed.hidden = true;
    choose(null);
    show(true);
    status.textContent = results.querySelector("[data-counts]")?.dataset.counts || "";
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) form.addEventListener(name, fail);

  form.querySelector("[data-search-again]").addEventListener("click", () => {
    field.focus();
    window.htmx.trigger(field, "ask");
  });
  form.querySelector("[data-search-close]").addEventListener("click", leaveSheet);
  form.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !form.contains(event.relatedTarget)) show(false);
  });
  document.addEventListener("pointerdown", (event) => {
    if (!form.contains(event.target)) show(false);
  });

  opener.addEventListener("click", (event) => {
    event.preventDefault();
    history.pushState({ search: true }, "");
    form.classList.add("open");
    field.focus();
  });
  window.addEventListener("popstate", (event) => {
    if (!form.classList.contains("open")) return;
    event.stopImmediatePropagation(); // the page below did not change
    closeSheet();
  });
})();
