/** Put text on the page. What comes from outside is only ever text, never markup. */

/**
 * @template {Element} [Kind=HTMLElement]
 * @param {string} id
 * @returns {Kind}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return /** @type {any} */ (element);
}

/**
 * Set a text where it differs: a text that is set anew loses the reader's selection.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Set a figure that stands large, and tell the style sheet its length: a long price is written
 * smaller instead of being broken over two lines.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setFigure(element, text) {
  setText(element, text);
  element.style.setProperty("--letters", String(text.length));
}

/**
 * Show a sentence in its place, or take the place away where there is none.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setNote(element, text) {
  setText(element, text);
  element.hidden = text === "";
}

/**
 * Bring a table's body to these rows of cells, touching only what changed.
 *
 * @param {HTMLTableSectionElement} body
 * @param {{cells: string[], isOwn: boolean}[]} rows
 */
export function fillRows(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach(({ cells, isOwn }, index) => {
    const row = body.rows[index] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((text, column) => setText(row.cells[column] ?? row.insertCell(), text));
    row.classList.toggle("is-own", isOwn);
  });
}

/**
 * Bring a list to these sentences.
 *
 * @param {HTMLElement} list
 * @param {string[]} sentences
 */
export function fillList(list, sentences) {
  while (list.children.length > sentences.length) list.lastElementChild?.remove();
  sentences.forEach((sentence, index) => {
    const item = list.children[index] ?? list.appendChild(document.createElement("li"));
    setText(item, sentence);
  });
}

/**
 * Let an element light up once, so that an eye that looked elsewhere finds what changed.
 *
 * @param {Element} element
 */
export function flash(element) {
  element.classList.remove("is-new");
  // Without a layout between the two, the browser would see no change and not begin again.
  element.getBoundingClientRect();
  element.classList.add("is-new");
}
