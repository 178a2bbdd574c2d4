// Small help with the document: what every drawing needs, and nothing else.

/** Makes an element. `attributes` that are functions become listeners; false and null ones are left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
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
      if (document.body.classList.contains("settled")) child.dataset.fresh = "";
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
