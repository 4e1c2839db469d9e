// Makes the file of an export while the page says how far it is. One that breaks off is never saved half; without this
// script, or with a key held down, the link itself gives the file.
(() => {
  "use strict";
  const note = document.getElementById("export-note");
  if (!note) return;
  const [line, bar, stop] = ["p", "progress", "button"].map((name) => note.querySelector(name));
  const NEWLINE = 10;
  const TOO_MANY = 429;
  const KEEP_MS = 60_000;
  let running = null; // what ends the export that is being made

  const say = (what, rows) => {
    const number = Number(rows || 0).toLocaleString(document.documentElement.lang || undefined);
    line.textContent = what ? line.dataset[what].replace("{n}", number) : "";
    note.classList.toggle("bad", ["busy", "failed"].includes(what));
    note.classList.toggle("on", Boolean(what));
  };

  // The lines of a text can be counted; of an Excel file nothing comes before its last row is written.
  const showBar = (rows, isText) => {
    bar.hidden = stop.hidden = false;
    bar.max = Math.max(rows, 1);
    if (isText) bar.value = 0;
    else bar.removeAttribute("value");
  };

  const hideBar = () => {
    if (document.activeElement === stop) note.focus();
    bar.hidden = stop.hidden = true;
  };

  const linesIn = (bytes) => {
    let lines = 0;
    for (const byte of bytes) lines += byte === NEWLINE;
    return lines;
  };

  const read = async (body, isText) => {
    const parts = [];
    const reader = body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      if (isText) bar.value += linesIn(part.value);
    }
    return parts;
  };

  const nameOf = (response) => /filename="([\w.-]+)"/.exec(response.headers.get("Content-Disposition") || "");

  const save = (parts, response) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: response.headers.get("Content-Type") }));
    link.download = nameOf(response)[1];
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), KEEP_MS);
  };

  const make = async (url, signal) => {
    const response = await fetch(url, { signal });
    if (response.status === TOO_MANY) return say("busy");
    if (response.status >= 500) return say("failed");
    if (!response.ok || !nameOf(response)) return location.assign(url); // signed out, or removed: the page says it
    const rows = Number(response.headers.get("X-Export-Rows"));
    const isText = /csv|json/.test(response.headers.get("Content-Type"));
    say(rows ? "making" : "none", rows);
    showBar(rows, isText);
    const parts = await read(response.body, isText);
    save(parts, response);
    return say(rows === 1 ? "one" : "done", rows);
  };

  const start = async (url) => {
    running = new AbortController();
    try {
      await make(url, running.signal);
    } catch (fault) {
      say(fault.name === "AbortError" ? "stopped" : "failed");
    } finally {
      running = null;
      hideBar();
    }
  };

  stop.addEventListener("click", () => running && running.abort());
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-export]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    link.closest("details").open = false;
    note.focus();
    if (!running) start(link.href);
  });
})();
