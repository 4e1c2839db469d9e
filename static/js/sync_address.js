/* Forms that carry the page's address take the one that is shown now: a filter may have changed it since. */
(() => {
  "use strict";
  if (document.documentElement.dataset.address) return;
  document.documentElement.dataset.address = "follows";

  const here = () => location.pathname + location.search;

  document.addEventListener("submit", (event) => {
    for (const field of event.target.querySelectorAll("input[data-address]")) {
      field.value = field.dataset.address === "query" ? location.search.slice(1) : here();
    }
  });
})();
