// @ts-check
// Everything here is a convenience: each page and each action works without it.
import * as live from "./live.js";
import { filter } from "./filter.js";
import { keys } from "./keys.js";
import { theme } from "./theme.js";

document.documentElement.classList.add("js");
theme();
filter();
keys();
live.start();

// "Copy" beside a text.
document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  const text = button?.closest("figure")?.querySelector("pre")?.textContent;
  if (!button || !text) return;
  const label = button.lastChild;
  try {
    await navigator.clipboard.writeText(text);
    if (label) label.textContent = "Copied";
  } catch {
    if (label) label.textContent = "Select and copy";
  }
  setTimeout(() => { if (label) label.textContent = "Copy"; }, 2000);
});
