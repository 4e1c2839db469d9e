// Asks the server to check the provider: by the button, once when the data is old, then while somebody is reading.
(() => {
  const form = document.getElementById("refresh");
  if (!form) return;
  const LEAST_EVERY_MS = 10_000;
  const TICK_MS = 1_000;
  const REST_AFTER_MS = 10 * 60_000;
  const RETRY_MS = 2_000;
  const GIVE_UP_MS = 45_000;
  const BUSY = 202;

  const every = Math.max(Number(form.dataset.every) * 1000, LEAST_EVERY_MS);
  const button = form.querySelector("button");
  const label = button.querySelector("[data-busy]");
  const quiet = label.textContent;
  let lastHand = Date.now();
  let lastAnswer = Date.now();
  let lastCheck = form.querySelector("[data-due]") ? 0 : Date.now();
  let pressed = false; // the button's question is not answered yet
  let waitingSince = 0; // when somebody else's check was first in the way

  const setBusy = (busy) => {
    button.setAttribute("aria-busy", String(busy));
    label.textContent = busy ? label.dataset.busy : quiet;
  };

  const check = (values) => {
    lastCheck = Date.now();
    window.htmx.ajax("POST", form.action, { source: form, swap: "none", values: { auto: "1", ...values } });
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

  // "12 s ago" is untrue on a page left alone: say which moment it shows.
  const showMoment = () => {
    const line = document.getElementById("resting");
    if (!line) return;
    line.querySelector("[data-clock]").textContent = new Date(lastAnswer).toISOString().slice(11, 16);
    line.hidden = Date.now() - lastAnswer < 2 * every;
  };

  const tick = () => {
    showMoment();
    const resting = document.hidden || Date.now() - lastHand > REST_AFTER_MS;
    if (!form.dataset.watch || resting || waitingSince || Date.now() - lastCheck < every) return;
    check({});
  };

  // The filters may have changed since the form was made: ask for what the page shows now.
  form.addEventListener("htmx:configRequest", (event) => {
    const shown = form.querySelector("[data-url]");
    if (shown) event.detail.path = shown.dataset.url;
  });
  form.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig.parameters.auto) return;
    pressed = true;
    setBusy(true);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) lastAnswer = Date.now();
    if (event.detail.xhr.status === BUSY) askAgain();
    else finish();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && event.detail.target.id === "results") lastAnswer = Date.now();
  });
  for (const hand of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    document.addEventListener(hand, () => { lastHand = Date.now(); }, { passive: true });
  }
  document.addEventListener("visibilitychange", tick);
  if (form.querySelector("[name=first]")) setBusy(true);
  tick();
  setInterval(tick, TICK_MS);
})();
