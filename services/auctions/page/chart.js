/** Draw the offers that were seen: a stepped line of the lowest price, a mark for each offer. */

import { money, timeOfDay } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { top: 12, right: 8, bottom: 26, left: 8 };
const AT_END = { "text-anchor": "end" };

/** More marks than this cannot be told apart on a screen; the oldest are forgotten. */
const OFFERS_MAX = 1_000;

/** @typedef {import("./stream.js").Offer} Offer */
/** @typedef {{offer: Offer, x: number, y: number, isLower: boolean}} Mark */

export class Chart {
  /** @type {Map<number, Offer>} */
  #offers = new Map();

  /** @param {SVGSVGElement} svg */
  constructor(svg) {
    this.svg = svg;
  }

  /** @param {Offer[]} offers Newest first, as the service sends them. */
  add(offers) {
    for (const offer of [...offers].reverse()) this.#offers.set(offer.seq, offer);
    for (const seq of this.#offers.keys()) {
      if (this.#offers.size <= OFFERS_MAX) break;
      this.#offers.delete(seq);
    }
  }

  /**
   * Draw up to an instant, in the pixels that there are, so that the letters keep their size.
   *
   * @param {{currency: string, own: string | undefined, until: number}} view
   */
  draw({ currency, own, until }) {
    const offers = [...this.#offers.values()];
    this.svg.toggleAttribute("hidden", offers.length === 0);
    this.svg.replaceChildren();
    if (offers.length === 0) return;
    const box = { width: this.svg.clientWidth, height: this.svg.clientHeight };
    const { marks, start, end, low, high } = place(offers, box, until);
    const bottom = box.height - MARGIN.bottom;
    const right = box.width - MARGIN.right;
    for (const y of new Set([MARGIN.top, bottom])) {
      this.#add("line", { class: "rule", x1: MARGIN.left, x2: right, y1: y, y2: y });
    }
    this.#add("path", { class: "lowest", d: stepsOf(marks, right) });
    for (const { offer, x, y } of marks) {
      const kind = offer.alias === own ? "offer own" : "offer";
      this.#add("circle", { class: kind, cx: x, cy: y, r: offer.alias === own ? 5 : 3 });
    }
    const { left } = MARGIN;
    // Prices fall from the top left to the bottom right: the other two corners are free.
    this.#label(money(high.unit_price, currency), { x: right, y: MARGIN.top + 16, ...AT_END });
    if (low !== high) this.#label(money(low.unit_price, currency), { x: left, y: bottom - 6 });
    this.#label(timeOfDay(start), { x: left, y: box.height - 6 });
    this.#label(timeOfDay(end), { x: right, y: box.height - 6, ...AT_END });
  }

  /**
   * Say what is drawn.
   *
   * @param {string} currency
   */
  words(currency) {
    const offers = [...this.#offers.values()];
    if (offers.length === 0) return "";
    const first = offers[0];
    const low = offers.reduce((best, offer) => (isBelow(offer, best) ? offer : best));
    const count = offers.length === 1 ? "1 offer" : `${offers.length} offers`;
    const price = (/** @type {Offer} */ offer) => money(offer.unit_price, currency);
    const range = `from ${price(first)} to a lowest of ${price(low)}`;
    return `${count} seen since ${timeOfDay(first.at)}, ${range}.`;
  }

  /**
   * @param {string} text
   * @param {Record<string, string | number>} attributes
   */
  #label(text, attributes) {
    this.#add("text", attributes).textContent = text;
  }

  /**
   * @param {string} name
   * @param {Record<string, string | number>} attributes
   */
  #add(name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    return this.svg.appendChild(element);
  }
}

/**
 * Find each offer's place. Prices are compared and placed as whole ten-thousandths.
 *
 * @param {Offer[]} offers
 * @param {{width: number, height: number}} box
 * @param {number} until
 */
function place(offers, box, until) {
  const low = offers.reduce((best, offer) => (isBelow(offer, best) ? offer : best));
  const high = offers.reduce((worst, offer) => (isBelow(worst, offer) ? offer : worst));
  const start = Date.parse(offers[0].at);
  const end = Math.max(until || 0, Date.parse(offers[offers.length - 1].at), start + 1000);
  const width = box.width - MARGIN.left - MARGIN.right;
  const height = box.height - MARGIN.top - MARGIN.bottom;
  const range = tenThousandths(high) - tenThousandths(low) || 1;
  let lowest = offers[0];
  const marks = offers.map((offer) => {
    const isLower = offer === offers[0] || isBelow(offer, lowest);
    if (isLower) lowest = offer;
    const x = MARGIN.left + ((Date.parse(offer.at) - start) / (end - start)) * width;
    const y = MARGIN.top + ((tenThousandths(high) - tenThousandths(offer)) / range) * height;
    return { offer, x, y, isLower };
  });
  return { marks, start, end, low, high };
}

/**
 * @param {Mark[]} marks
 * @param {number} right
 */
function stepsOf(marks, right) {
  const [first, ...rest] = marks.filter((mark) => mark.isLower);
  const steps = rest.map(({ x, y }) => `H${x.toFixed(1)}V${y.toFixed(1)}`);
  return `M${first.x.toFixed(1)} ${first.y.toFixed(1)}${steps.join("")}H${right}`;
}

/**
 * @param {Offer} one
 * @param {Offer} other
 */
function isBelow(one, other) {
  return tenThousandths(one) < tenThousandths(other);
}

/**
 * Count a price in ten-thousandths: below ten million, a whole number that every browser keeps.
 *
 * @param {Offer} offer
 */
function tenThousandths({ unit_price: price }) {
  const [whole, decimals = ""] = price.split(".");
  return Number(whole + decimals.padEnd(4, "0"));
}
