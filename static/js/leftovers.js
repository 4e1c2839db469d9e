// What the bar of ticked leftovers does: it copies their ids or names, and says whose last usable snapshots are among them.
(() => {
  "use strict";
  const bar = document.getElementById("acts");
  const results = document.getElementById("results");
  if (!bar || !results) return;
  const line = document.getElementById("last-usable");

  // A volume's rows may be on several pages: its number of usable ones is of all of them.
  const isWithoutRest = (rows) => {
    const usable = Number(rows.dataset.usable);
    return usable > 0 && rows.querySelectorAll("[data-usable]:checked").length === usable;
  };

  bar.addEventListener("selected", ({ detail: boxes }) => {
    document.getElementById("copy-ids").dataset.copyText = boxes.map((box) => box.value).join("\n");
    document.getElementById("copy-names").dataset.copyText = boxes.map((box) => box.dataset.name).join("\n");
    const number = [...results.querySelectorAll(".volume-rows")].filter(isWithoutRest).length;
    const text = number > 1 ? line.dataset.many.replace("{n}", number) : number ? line.dataset.one : "";
    if (line.textContent !== text) line.textContent = text;
  });
})();
