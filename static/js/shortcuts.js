// "/" searches everything, "?" shows the keys; both can be switched off for good (WCAG 2.1.4), kept in this browser alone.
(() => {
  const STORE = "shortcuts";
  const dialog = document.getElementById("keys");
  if (!dialog) return;
  const toggle = document.getElementById("keys-on");

  const remembered = () => {
    try {
      return localStorage.getItem(STORE) !== "off";
    } catch {
      return true; // a browser that forbids storage keeps the default
    }
  };

  const remember = (on) => {
    try {
      localStorage.setItem(STORE, on ? "on" : "off");
    } catch {
      // nothing to keep it in: it holds until the page is left
    }
  };

  const showOff = () => document.documentElement.classList.toggle("keys-off", !toggle.checked);
  // A box or a button takes no letters.
  const typing = (element) =>
    element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])") ||
    element.isContentEditable;

  const press = (event) => {
    if (!toggle.checked || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const search = document.querySelector("[data-search]");
    if (event.key === "/" && search) {
      event.preventDefault();
      if (search.offsetParent) search.focus();
      else document.querySelector("[data-search-open]").click();
      search.select();
    } else if (event.key === "?" && !dialog.open) {
      event.preventDefault();
      dialog.showModal();
    }
  };

  toggle.checked = remembered();
  showOff();
  toggle.addEventListener("change", () => {
    remember(toggle.checked);
    showOff();
  });
  document.addEventListener("keydown", press);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-opens=keys]")) dialog.showModal();
  });
})();
