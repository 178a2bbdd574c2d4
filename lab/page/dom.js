// Small help with the document: what every drawing needs, and nothing else.

export const $ = (id) => document.getElementById(id);

/** Makes an element. `attributes` that are functions become listeners; false and null ones are left out. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** As `el`, for a drawing. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Changes a text only where it differs, so that selections and screen readers are left in peace. */
export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** As `text`, for an attribute. */
export function attribute(node, name, value) {
  if (value == null || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/**
 * Makes the children of `parent` match `items`, keeping those that are there: so a focused button stays
 * focused while the state around it changes.
 */
export function keyed(parent, items, key, make, update) {
  const wanted = new Set(items.map((item) => String(key(item))));
  const old = new Map();
  for (const child of [...parent.children]) {
    if (wanted.has(child.dataset.key)) old.set(child.dataset.key, child);
    else child.remove();
  }
  let at = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = old.get(name);
    if (!child) {
      child = make(item);
      child.dataset.key = name;
      // What is new while the run is watched arrives visibly; what comes by a jump in time does not.
      if (document.body.dataset.flow === "on") child.dataset.fresh = "";
    }
    update(child, item);
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
  }
}

/** `3.5 MiB`. */
export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${count >= 10 || Number.isInteger(count) ? Math.round(count) : count.toFixed(1)} ${units[unit]}`;
}

/** `1 block`, `2 blocks`. */
export function count(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** `1:02.345` of a time in microseconds. */
export function clock(us) {
  const ms = Math.round(us / 1000);
  const [minutes, seconds] = [Math.floor(ms / 60_000), Math.floor(ms / 1000) % 60];
  return `${minutes}:${String(seconds).padStart(2, "0")}.${String(ms % 1000).padStart(3, "0")}`;
}

/** Names in the order of people: dn2 before dn10. */
export const byName = new Intl.Collator("en", { numeric: true }).compare;

/** The value of a colour of the style sheet, for a canvas. */
export function colour(name) {
  if (!colours.has(name)) {
    const probe = el("i", { hidden: "" });
    document.body.append(probe);
    probe.style.color = `var(--${name})`;
    colours.set(name, getComputedStyle(probe).color);
    probe.remove();
  }
  return colours.get(name);
}
const colours = new Map();
/** Says that colours are others now. */
export function forgetColours() {
  colours.clear();
}

/** Pixels of a canvas for each of the document. */
export const pixelRatio = () => Math.min(window.devicePixelRatio || 1, 2);

/** Fits a canvas to its box, and gives what to draw with, in pixels of the document. */
export function surface(canvas) {
  const ratio = pixelRatio();
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** Whether things should not move by themselves. */
export const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether a key pressed there is meant for the thing itself, and not for the page. */
export function isTyping(target) {
  return target.closest?.("input:not([type=range]), select, textarea, [contenteditable], [popover]") != null;
}
