// Asks the server to check the provider: by the button, once when the data is old, then while somebody is reading.
(() => {
  const LEAST_EVERY_MS = 10_000;
  const TICK_MS = 1_000;
  const REST_AFTER_MS = 10 * 60_000;
  const RETRY_MS = 2_000;
  const FIRST_PAUSE_MS = 5_000; // after a check that the dashboard did not answer; then twice as long each time
  const GIVE_UP_MS = 45_000;
  const BUSY = 202;

  const form = document.getElementById("refresh");
  const every = form ? Math.max(Number(form.dataset.every) * 1000, LEAST_EVERY_MS) : 60_000;
  let lastAnswer = Date.now();
  let failures = 0; // requests in a row that the dashboard did not answer

  // "✓ checked 12 s ago" is untrue on a page left alone, or when the dashboard does not answer: say of when the data is.
  const showAge = () => {
    const line = document.getElementById("as-of");
    if (!line) return;
    const isOld = failures > 0 || Date.now() - lastAnswer >= 2 * every;
    line.hidden = !isOld;
    line.previousElementSibling.hidden = isOld;
  };

  const fail = () => {
    failures += 1;
    showAge();
  };

  document.addEventListener("htmx:sendError", fail);
  document.addEventListener("htmx:timeout", fail);
  document.addEventListener("htmx:responseError", ({ detail }) => detail.xhr.status >= 500 && fail());
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.xhr.status > 0 && detail.xhr.status < 500) failures = 0;
    if (detail.successful && (detail.elt === form || detail.target.id === "results")) lastAnswer = Date.now();
    showAge();
  });
  setInterval(showAge, TICK_MS);
  if (!form) return;

  const button = form.querySelector("button");
  const label = button.querySelector("[data-busy]");
  const quiet = label.textContent;
  let lastHand = Date.now();
  let lastCheck = form.querySelector("[data-due]") ? 0 : Date.now();
  let asking = false;
  let pressed = false; // the button's question is not answered yet
  let waitingSince = 0; // when somebody else's check was first in the way

  const setBusy = (busy) => {
    button.setAttribute("aria-busy", String(busy));
    label.textContent = busy ? label.dataset.busy : quiet;
  };

  const check = (values) => {
    const asked = { source: form, swap: "none", values: { auto: "1", ...values } };
    window.htmx.ajax("POST", form.action, asked).catch(() => {}); // the events say it
  };

  const finish = () => {
    waitingSince = 0;
    pressed = false;
    setBusy(false);
  };

  const askAgain = () => {
    waitingSince ||= Date.now();
    if (Date.now() - waitingSince > GIVE_UP_MS) finish();
    else setTimeout(() => check(pressed ? { again: "1" } : {}), RETRY_MS);
  };

  const pause = () => (failures ? Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), every) : every);

  const tick = () => {
    const resting = document.hidden || Date.now() - lastHand > REST_AFTER_MS;
    if (!form.dataset.watch || resting || asking || waitingSince || Date.now() - lastCheck < pause()) return;
    check({});
  };

  const comeBack = () => {
    if (document.hidden) return;
    lastHand = Date.now();
    if (failures) lastCheck = 0;
    showAge();
    tick();
  };

  // The filters may have changed since the form was made: ask for what the page shows now.
  form.addEventListener("htmx:configRequest", (event) => {
    const shown = form.querySelector("[data-url]");
    if (shown) event.detail.path = shown.dataset.url;
  });
  form.addEventListener("htmx:beforeRequest", (event) => {
    asking = true;
    if (event.detail.requestConfig.parameters.auto) return;
    pressed = true;
    setBusy(true);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    asking = false;
    lastCheck = Date.now();
    if (event.detail.xhr.status === BUSY) askAgain();
    else finish();
  });
  for (const hand of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    document.addEventListener(hand, () => { lastHand = Date.now(); }, { passive: true });
  }
  document.addEventListener("visibilitychange", comeBack);
  // What somebody unfolded in a banner stays so in the one that takes its place.
  document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
    if (target.id !== "banners") return;
    for (const { dataset } of target.querySelectorAll("details[open]")) {
      fragment.querySelector(`[data-fold="${dataset.fold}"]`)?.setAttribute("open", "");
    }
  });
  window.addEventListener("online", comeBack);
  if (form.querySelector("[name=first]")) setBusy(true);
  tick();
  setInterval(tick, TICK_MS);
})();
