// Writes the name in addresses from the team's name, until somebody writes it by hand.
(() => {
  const from = document.querySelector("[data-slug-from]");
  const to = document.querySelector("[data-slug-to]");
  if (!from || !to || to.value) return;
  const slug = (text) => text.normalize("NFKD").toLowerCase().replace(/[^\w\s-]/g, "").trim().replace(/[-\s]+/g, "-");
  const follow = () => { to.value = slug(from.value).slice(0, to.maxLength); };
  from.addEventListener("input", follow);
  to.addEventListener("input", () => from.removeEventListener("input", follow), { once: true });
})();
