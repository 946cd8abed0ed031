// Decides when the words are sent, and keeps them when a request fails or the page is left.
(() => {
  const form = document.getElementById("words");
  const problem = document.getElementById("connection-problem");
  const PAUSE_MS = 150, LONGEST_MS = 400, RETRY_MS = 3000;
  let typed = 0, sent = 0, kept = 0; // numbers of the last key
  let timer = 0, firstUnsent = 0;

  const sendAfter = (milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(() => htmx.trigger(form, "renew"), milliseconds);
  };
  const fail = () => {
    problem.hidden = false;
    sendAfter(RETRY_MS);
  };

  form.addEventListener("input", () => {
    const now = performance.now();
    typed += 1;
    firstUnsent = firstUnsent || now;
    sendAfter(Math.max(0, Math.min(PAUSE_MS, firstUnsent + LONGEST_MS - now)));
  });
  form.addEventListener("submit", () => { kept = typed; });
  form.addEventListener("htmx:beforeRequest", () => {
    sent = typed;
    firstUnsent = 0;
    clearTimeout(timer);
  });
  form.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) {
      kept = Math.max(kept, sent);
      problem.hidden = true;
    }
  });
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    form.addEventListener(name, fail);
  }
  addEventListener("pagehide", () => {
    if (kept < typed) {
      navigator.sendBeacon(form.action, new URLSearchParams(new FormData(form)));
    }
  });
  addEventListener("beforeunload", (event) => {
    if (kept < typed && !problem.hidden) {
      event.preventDefault();
    }
  });
})();
