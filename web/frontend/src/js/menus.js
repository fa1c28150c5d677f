// Menus are <details> and the phone's drawer is :target, so they work alone; this only adds comfort.
function closeMenus(except) {
  document.querySelectorAll("details.tx-menu[open]").forEach((menu) => { if (menu !== except) menu.open = false; });
}

function toggleDrawer(open) {
  const side = document.getElementById("menu");
  side?.classList.toggle("tx-open", open);
  document.querySelector('[href="#menu"]')?.setAttribute("aria-expanded", String(open));
  if (open) side?.querySelector("a")?.focus();
}

/** The right side of a page starts closed on the phone; without JavaScript it stays open at the page's end. */
function foldDrawers() {
  if (!window.matchMedia("(max-width: 767.98px)").matches) return;
  document.querySelectorAll("details.tx-drawer[open]").forEach((drawer) => { drawer.open = false; });
}

/** [data-phone-after=".x"]: on the phone this part of the right side stands after .x, where it is seen while typing. */
function bringForward() {
  if (!window.matchMedia("(max-width: 767.98px)").matches) return;
  document.querySelectorAll("[data-phone-after]").forEach((part) => {
    const drawer = part.closest(".tx-aside");
    document.querySelector(part.dataset.phoneAfter)?.after(part);
    if (drawer && !drawer.querySelector(".tx-drawer-body")?.childElementCount) drawer.hidden = true;
  });
}

export function startMenus() {
  bringForward();
  foldDrawers();
  // From phone to desk width (turning a tablet): the side must not stay folded, its summary is hidden there.
  window.matchMedia("(min-width: 768px)").addEventListener("change", (event) => {
    if (event.matches) document.querySelectorAll("details.tx-drawer").forEach((drawer) => { drawer.open = true; });
  });
  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.tx-menu"));
    if (event.target.closest('[href="#menu"]')) { event.preventDefault(); toggleDrawer(true); }
    else if (event.target.closest(".tx-shade")) { event.preventDefault(); toggleDrawer(false); }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelector("details.tx-menu[open] > summary")?.focus();
    closeMenus(null);
    toggleDrawer(false);
  });
  const sendOnChange = (event) => event.target.closest("[data-autosubmit]") && event.target.form?.requestSubmit();
  document.addEventListener("change", sendOnChange);
}
