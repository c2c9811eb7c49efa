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
    if (screen().hasAttribute("data-reload")) {
      // Where the page is the answer to a form, loading it again would send the form again.
      const where = new URL(screen().getAttribute("hx-get"), location);
      if (where.href === location.href) location.reload(); else location.replace(where);
      return;
    }
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

  // A browser keeps six connections to a server, and a stream holds one for as long as it listens; with six streams,
  // not even a form could be sent. So of all pages of a browser only four listen, each while it can be seen;
  // any other hangs up once it has heard what there is to see, and rings again.
  const PLACES = ["listens 1", "listens 2", "listens 3", "listens 4"];
  const placeNamed = (name) => new Promise((tell) => {
    const hold = (lock) => (lock ? new Promise((leave) => tell(leave)) : tell(null));
    navigator.locks.request(name, { ifAvailable: true }, hold).catch(() => tell(null));
  });
  const anyPlace = async () => {
    if (!navigator.locks) return () => {};
    for (const name of PLACES) {
      const leave = await placeNamed(name);
      if (leave) return leave;
    }
    return null;
  };

  let source = null, leave = null, again = 0;
  const hangUp = () => { clearTimeout(again); source?.close(); leave?.(); source = leave = null; };
  const ringAgain = (milliseconds) => { hangUp(); again = setTimeout(listen, milliseconds); };
  const listen = () => {
    const where = screen().dataset.stream;
    if (!where || source || document.hidden) return;
    clearTimeout(again);
    const mine = source = new EventSource(where);
    // The server says what there is to see; the page says what it shows, which may be older, or as new already.
    const look = (event) => { if (event.data !== screen().dataset.seen) refresh(); };
    for (const kind of ["here", "changed"]) mine.addEventListener(kind, look);
    mine.addEventListener("here", async () => {
      if (leave) return;
      const found = await anyPlace();
      if (source !== mine) { found?.(); return; }
      leave = found;
      if (!found) ringAgain(2000);
    });
    // What the server refuses (it is full, or its database is away), a browser does not try again by itself.
    mine.addEventListener("error", () => { if (source === mine && mine.readyState === EventSource.CLOSED) ringAgain(5000); });
  };
  addEventListener("pagehide", hangUp);
  document.addEventListener("visibilitychange", () => (document.hidden ? hangUp() : listen()));

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
    if (!cancel) return;
    // Once is enough, and a page that came anew has what it did before.
    const stay = () => history.state?.here || history.pushState({ here: true }, "");
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
    if (!event.persisted) return;
    document.querySelectorAll("button[disabled]").forEach((each) => { each.disabled = false; });
    listen();
  });
  listen();
  count();
  watchForBack();
})();
