// Without this script the browser's own menu prints the page.
document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
