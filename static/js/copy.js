// Buttons that copy: data-copy holds an address of this site, data-copy-text plain text.
(() => {
  const SHOWN_MS = 2000;

  const textOf = (button) =>
    button.dataset.copy ? new URL(button.dataset.copy, location.origin).href : button.dataset.copyText;

  // navigator.clipboard exists on https and localhost only; elsewhere a selected field still copies.
  const copyBySelection = (text) => {
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.className = "visually-hidden";
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  };

  const copy = async (text) => {
    if (!navigator.clipboard) return copyBySelection(text);
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copyBySelection(text); // the reader or a policy refused the clipboard
    }
  };

  const confirmOn = (button, words) => {
    const label = button.querySelector("[data-label]") || button;
    const before = label.dataset.before || label.textContent;
    label.dataset.before = before;
    label.textContent = words;
    button.classList.add("done");
    clearTimeout(button.confirming);
    button.confirming = setTimeout(() => {
      label.textContent = before;
      button.classList.remove("done");
    }, SHOWN_MS);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text]");
    if (!button) return;
    const region = document.getElementById("copied");
    const copied = await copy(textOf(button));
    button.focus();
    region.textContent = "";
    requestAnimationFrame(() => {
      region.textContent = copied ? region.dataset.done : region.dataset.failed;
      region.classList.toggle("visually-hidden", copied);
    });
    if (copied) confirmOn(button, region.dataset.done);
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.matches("input[readonly]")) event.target.select();
  });
})();
