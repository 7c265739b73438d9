// @ts-check
// The theme without a round trip; the cookie is the one that the form would set.

export function theme() {
  document.querySelector("form.theme")?.addEventListener("submit", (event) => {
    const button = /** @type {SubmitEvent} */ (event).submitter;
    if (!(button instanceof HTMLButtonElement)) return;
    event.preventDefault();
    document.documentElement.dataset.theme = button.value;
    document.cookie = `helmward-theme=${button.value}; Path=/; SameSite=Strict; Max-Age=31536000`;
    for (const other of document.querySelectorAll("form.theme button")) other.setAttribute("aria-pressed", String(other === button));
  });
}
