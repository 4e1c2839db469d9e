// The page shows UTC; the tooltip of each exact time shows the reader's time zone.
(() => {
  const format = new Intl.DateTimeFormat(document.documentElement.lang || undefined, {
    dateStyle: "full",
    timeStyle: "long",
  });

  const mark = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      time.title = [time.title, format.format(moment)].filter(Boolean).join("\n");
      time.dataset.local = "";
    }
  };

  mark(document);
  document.addEventListener("htmx:load", (event) => mark(event.target.parentNode || document));
})();
