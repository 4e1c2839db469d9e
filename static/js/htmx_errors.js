// A request that failed says so in one sentence; what the page shows stays. What the page asks by itself it asks again.
(() => {
  const SENTENCES = { 429: "busy", 503: "busy", 400: "refused", 403: "refused", 404: "refused" };

  const tell = ({ xhr, requestConfig }) => {
    const region = document.getElementById("failure");
    const isUnanswered = xhr.status === 0 || xhr.status >= 500;
    if (!region || (isUnanswered && requestConfig.parameters.auto)) return;
    const sentence = region.dataset[SENTENCES[xhr.status] || "silent"];
    if (region.textContent !== sentence) region.textContent = sentence; // said once, however often it is tried
    region.hidden = false;
  };

  const clear = ({ detail }) => {
    const region = document.getElementById("failure");
    if (!region || !detail.successful) return;
    region.hidden = true;
    region.textContent = "";
  };

  for (const failure of ["responseError", "sendError", "timeout"]) {
    document.addEventListener(`htmx:${failure}`, (event) => tell(event.detail));
  }
  document.addEventListener("htmx:afterRequest", clear);
})();
