// One menu open at a time; Escape or a press elsewhere closes it. Without this script every <details> still opens and closes.
(() => {
  const openMenus = () => document.querySelectorAll("details.menu[open]");

  const closeOthers = (kept) => {
    for (const menu of openMenus()) {
      if (menu !== kept && !menu.contains(kept)) menu.open = false;
    }
  };

  const focusField = (menu) => {
    const field = menu.querySelector("input[type=search]");
    if (field) field.focus();
  };

  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLDetailsElement) || !menu.open || !menu.classList.contains("menu")) return;
    closeOthers(menu);
    if (menu.contains(document.activeElement)) focusField(menu);
    menu.querySelector(".menu-panel")?.scrollIntoView({ block: "nearest" });
  }, true);

  document.addEventListener("pointerdown", (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement.closest("details.menu[open]");
    if (menu) menu.querySelector("summary").focus();
    closeOthers(null);
  });
})();
