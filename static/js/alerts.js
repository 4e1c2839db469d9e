// Keys of the morning review: j and k move, x ticks off, Enter opens the link that has the focus. And the form under a row.
(() => {
  const results = document.getElementById("results");
  if (!results) return;

  const names = () => [...results.querySelectorAll(".alert-name")];
  const here = () => document.activeElement.closest(".alert");

  const move = (step) => {
    const all = names();
    const place = here() ? all.indexOf(here().querySelector(".alert-name")) : step > 0 ? -1 : all.length;
    const next = all[Math.min(Math.max(place + step, 0), all.length - 1)];
    if (!next) return;
    next.focus();
    next.closest(".alert").scrollIntoView({ block: "nearest" });
  };

  const ACTS = {
    j: () => move(1),
    k: () => move(-1),
    x: () => here()?.querySelector(".tick")?.click(),
  };

  const isTyping = (element) =>
    element.matches("textarea, select, input:not([type=checkbox], [type=button], [type=submit])") ||
    element.isContentEditable;

  document.addEventListener("keydown", (event) => {
    const isOn = document.getElementById("keys-on")?.checked;
    if (!isOn || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") || !Object.hasOwn(ACTS, event.key)) return;
    event.preventDefault();
    ACTS[event.key]();
  });

  const opener = (form) => form.closest(".alert").querySelector(".alert-acts a[data-hx-get]");

  const close = (slot) => {
    const link = opener(slot);
    slot.replaceChildren();
    link.focus();
  };

  results.addEventListener("click", (event) => {
    const slot = event.target.closest("[data-closes]")?.closest(".alert-form");
    if (!slot) return;
    event.preventDefault();
    close(slot);
  });
  results.addEventListener("keydown", (event) => {
    const slot = event.target.closest(".alert-form");
    if (event.key === "Escape" && slot) close(slot);
  });

  // One form at a time; its first field, or the first that is wrong, has the focus.
  document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
    if (!target.matches(".alert-form")) return;
    for (const other of results.querySelectorAll(".alert-form")) if (other !== target) other.replaceChildren();
    const wrong = target.querySelector("[aria-invalid=true]:not([type=radio])");
    (wrong || target.querySelector("[type=radio]:checked") || target.querySelector("input:not([type=hidden])"))?.focus();
  });

  // "Tick off all" is gone when it is done: the sentence in its place has the focus.
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const asked = detail.requestConfig.elt;
    if (asked.isConnected || !asked.querySelector("#tick-all")) return;
    if (document.activeElement === document.body) document.getElementById("strip").focus();
  });
})();
