// The filter bar with htmx: a choice applies at once, addresses stay short, and focus is never lost.
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const results = document.getElementById("results");
  const search = form.elements.q;
  const volumeSearch = form.elements.volume_q;

  const clearDates = () => {
    form.elements.from.value = "";
    form.elements.to.value = "";
  };

  const clearAge = () => {
    for (const radio of form.querySelectorAll("input[name=age]")) radio.checked = radio.value === "";
  };

  form.addEventListener("change", (event) => {
    const { type, name } = event.target;
    if (type === "date") clearAge();
    if (type !== "checkbox" && type !== "radio") return;
    if (name === "age") clearDates();
    form.requestSubmit();
  });

  // The search for a volume is a step on the way, not a filter: the list is not asked with it.
  document.addEventListener("htmx:configRequest", (event) => {
    const { elt, parameters } = event.detail;
    if (elt === form || elt === search) delete parameters.volume_q;
  });

  // Somebody ticking what a volume search found must not see the list replaced under the pointer.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target } = event.detail;
    if (target.id !== "volume-choices") return;
    if (volumeSearch.closest("details").open) event.preventDefault();
    else volumeSearch.value = "";
  });

  const followQuery = () => {
    const answered = document.querySelector("#filters-hidden [data-query]");
    if (answered && document.activeElement !== search) search.value = answered.dataset.query;
  };

  // The link that asked may have been swapped away before its answer came: that would then fill the table and find
  // nothing else of the page. A request with the user's choice is repeated; a background refresh is dropped.
  results.addEventListener("htmx:beforeSwap", (event) => {
    const { pathInfo, requestConfig } = event.detail;
    if (requestConfig.elt.isConnected) return;
    event.preventDefault();
    if (requestConfig.elt.matches("[data-hx-trigger]")) return;
    window.htmx.ajax("GET", pathInfo.finalRequestPath, { source: results, target: results }).catch(() => {});
  });

  let wasInResults = false;
  results.addEventListener("htmx:beforeSwap", () => {
    wasInResults = results.contains(document.activeElement);
  });
  results.addEventListener("htmx:afterSwap", () => {
    followQuery();
    if (wasInResults && !results.contains(document.activeElement)) results.focus({ preventScroll: true });
    wasInResults = false;
  });
})();
