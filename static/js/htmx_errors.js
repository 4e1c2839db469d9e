// A request that failed says so in one sentence; what the page shows stays.
(() => {
  const SENTENCES = { 429: "busy", 503: "busy", 400: "refused", 403: "refused", 404: "refused" };

  const tell = (status) => {
    const region = document.getElementById("failure");
    if (!region) return;
    region.textContent = region.dataset[SENTENCES[status] || "silent"];
    region.hidden = false;
  };

  const clear = (event) => {
    const region = document.getElementById("failure");
    if (!region || !event.detail.successful) return;
    region.hidden = true;
    region.textContent = "";
  };

  document.addEventListener("htmx:responseError", (event) => tell(event.detail.xhr.status));
  document.addEventListener("htmx:sendError", () => tell(0));
  document.addEventListener("htmx:timeout", () => tell(0));
  document.addEventListener("htmx:afterRequest", clear);
})();
