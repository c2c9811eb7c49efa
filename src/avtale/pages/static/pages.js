// Pages stay as they are until the server says that something has changed; then the middle is fetched anew.
(() => {
  "use strict";
  const screen = () => document.getElementById("main");

  // Somebody who is writing is not interrupted; what came meanwhile is shown afterwards.
  const isWriting = () => {
    const at = document.activeElement;
    return at && screen().contains(at) && at.matches("input:not([type=hidden]):not([type=radio]), select, textarea");
  };
  let stale = false;
  const refresh = () => {
    if (isWriting() || document.hidden) { stale = true; return; }
    stale = false;
    if (screen().hasAttribute("data-reload")) { location.reload(); return; }
    htmx.trigger(screen(), "changed");
  };
  // What is answered with no page to put here is a page of its own.
  document.addEventListener("htmx:responseError", () => location.assign(screen().getAttribute("hx-get")));
  // What somebody has opened stays open, and what is chosen stays chosen.
  let open = [], chosen = [];
  const ids = (which) => [...document.querySelectorAll(which)].map((each) => each.id);
  document.addEventListener("htmx:beforeSwap", () => { open = ids("details[open][id]"); chosen = ids("[type=radio][id]:checked"); });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const id of chosen) { const radio = document.getElementById(id); if (radio) radio.checked = true; }
  });
  document.addEventListener("htmx:afterSettle", () => count());
  document.addEventListener("focusout", () => setTimeout(() => stale && refresh(), 50));
  document.addEventListener("visibilitychange", () => !document.hidden && stale && refresh());

  const listen = () => {
    const where = screen().dataset.stream;
    if (!where) return;
    const source = new EventSource(where);
    // The server says what there is to see; the page says what it shows, which may be older, or as new already.
    const look = (event) => { if (event.data !== screen().dataset.seen) refresh(); };
    for (const kind of ["here", "changed"]) source.addEventListener(kind, look);
    addEventListener("pagehide", () => source.close());
  };

  // The server says what is left on the sales unit's clock; between its words the browser counts, where that clock runs.
  let ticking = 0;
  const count = () => {
    clearInterval(ticking);
    const clock = document.querySelector("[data-seconds]");
    if (!clock) return;
    const until = performance.now() + Number(clock.dataset.seconds) * 1000;
    const show = () => {
      const left = Math.max(0, Math.ceil((until - performance.now()) / 1000));
      clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (left === 0) { clearInterval(ticking); setTimeout(refresh, 700); }
    };
    if (clock.dataset.runs === "1") { show(); ticking = setInterval(show, 250); }
  };

  // Whoever goes back from the landing page has changed their mind.
  const watchForBack = () => {
    const cancel = document.querySelector("form[data-cancels]");
    if (!cancel || history.state?.here) return;
    const stay = () => history.pushState({ here: true }, "");
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, stay, { once: true });
    addEventListener("popstate", () => document.querySelector("form[data-cancels]")?.requestSubmit());
  };

  document.addEventListener("submit", (event) => {
    const button = event.submitter ?? event.target.querySelector("button");
    if (button?.dataset.confirm && !confirm(button.dataset.confirm)) { event.preventDefault(); return; }
    // Two clicks are one.
    setTimeout(() => event.target.querySelectorAll("button").forEach((each) => { each.disabled = true; }));
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("button[disabled]").forEach((each) => { each.disabled = false; });
  });
  listen();
  count();
  watchForBack();
})();
