// @ts-check
// Filters while somebody types. The address always says what is shown.
import { refresh } from "./live.js";

export function filter() {
  const box = document.querySelector("input[data-filter]");
  if (!(box instanceof HTMLInputElement) || !box.form) return;
  const form = box.form;
  /** @type {number | undefined} */
  let timer;
  const show = () => {
    const address = new URL("/releases", location.href);
    for (const [key, value] of new FormData(form)) if (value) address.searchParams.set(key, String(value));
    if (address.href === location.href) return;
    history.replaceState(null, "", address);
    refresh();
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, 120);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    show();
  });
}
