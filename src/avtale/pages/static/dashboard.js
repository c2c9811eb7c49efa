// What a script makes easier: copying. Everything else works without one.
(() => {
  "use strict";
  const show = () => document.querySelectorAll("[data-copy]").forEach((each) => { each.hidden = !navigator.clipboard; });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  document.addEventListener("htmx:afterSettle", show);
  show();
  // On a phone the menu is a row that is wider than the screen.
  document.querySelector(".menu [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
})();
