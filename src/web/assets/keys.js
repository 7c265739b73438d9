// @ts-check
// Keys; the help page lists them.

const PLACES = /** @type {Record<string, string>} */ ({ o: "/", r: "/releases", d: "/drift", s: "/sources" });

export function keys() {
  let chord = 0;
  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (at instanceof HTMLInputElement || at instanceof HTMLTextAreaElement) {
      if (event.key === "Escape") at.blur();
      return;
    }
    const second = Date.now() - chord < 1200;
    chord = 0;
    if (second && PLACES[event.key]) location.assign(PLACES[event.key]);
    else if (event.key === "g") chord = Date.now();
    else if (event.key === "/") {
      const box = document.getElementById("q") ?? document.getElementById("search");
      if (!(box instanceof HTMLInputElement)) return;
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "?") help();
    else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
  });
}

/** To the next or previous entry of the list. @param {number} by */
function step(by) {
  const links = [...document.querySelectorAll("main .c-name a, main .card-name, main .c-unit a, main .inbox td:first-child a")];
  const here = links.indexOf(/** @type {Element} */ (document.activeElement));
  const next = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : here + by];
  if (next instanceof HTMLElement) {
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
}

async function help() {
  const open = document.querySelector("dialog.help");
  if (open instanceof HTMLDialogElement) {
    open.close();
    return;
  }
  const page = new DOMParser().parseFromString(await (await fetch("/help")).text(), "text/html");
  const dialog = document.createElement("dialog");
  dialog.className = "help";
  dialog.setAttribute("aria-label", "Help");
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(close, ...(page.querySelector("main")?.children ?? []));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
