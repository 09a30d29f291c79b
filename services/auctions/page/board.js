/** The board: a card for each auction, what runs first, and what closes soonest first of these. */

import { announce } from "./announcements.js";
import { byId, setText } from "./paint.js";
import {
  formatWords,
  isOver,
  isShort,
  lastWords,
  lotWords,
  moment,
  money,
  noPriceWords,
  offersWords,
  priceNow,
  span,
  statusWord,
  timeWords,
} from "./words.js";

/** @typedef {import("./stream.js").Picture} Picture */
/** @typedef {"live" | "paused" | "scheduled" | "over"} Group */

/** More cards than this are no overview; of those that are over, the oldest go. */
const CARDS_MAX = 500;

/** @type {Group[]} */
const GROUPS = ["live", "paused", "scheduled", "over"];

export class BoardPage {
  /** @type {Map<string, {picture: Picture, card: HTMLElement}>} */
  #entries = new Map();
  #isConnected = false;
  #isDue = false;

  /** @param {import("./server-time.js").ServerTime} serverTime */
  constructor(serverTime) {
    this.serverTime = serverTime;
  }

  /** @param {Picture} picture */
  show(picture) {
    const before = this.#entries.get(picture.id);
    if (before !== undefined && picture.seq < before.picture.seq) return;
    const card = before?.card ?? newCard();
    this.#entries.set(picture.id, { picture, card });
    paintCard(card, picture);
    if (before !== undefined) tell(before.picture, picture);
    this.#arrangeSoon();
  }

  /** @param {boolean} isConnected */
  connect(isConnected) {
    this.#isConnected = isConnected;
    this.#arrangeSoon();
  }

  /** Show the time that is left; called four times a second. */
  tick() {
    const now = this.serverTime.now();
    for (const { picture, card } of this.#entries.values()) paintTime(card, picture, now);
  }

  /** Nothing on the board moves with the beat alone. */
  beat() {}

  /** Many auctions may change at once: they are put in order once for each frame of the screen. */
  #arrangeSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#arrange();
    });
  }

  #arrange() {
    this.#forget();
    for (const group of GROUPS) {
      const cards = this.#sorted(group).map(({ card }) => card);
      const section = byId(group);
      section.hidden = cards.length === 0;
      setText(/** @type {Element} */ (section.querySelector(".count")), String(cards.length));
      place(/** @type {Element} */ (section.querySelector(".cards")), cards);
    }
    byId("empty").hidden = !this.#isConnected || this.#entries.size > 0;
    this.tick();
  }

  #forget() {
    const over = this.#sorted("over");
    while (this.#entries.size > CARDS_MAX) {
      const oldest = over.pop();
      if (oldest === undefined) return;
      this.#entries.delete(oldest.picture.id);
    }
  }

  /** @param {Group} group */
  #sorted(group) {
    const entries = [...this.#entries.values()].filter(({ picture }) => groupOf(picture) === group);
    const at = (/** @type {Picture} */ picture) =>
      Date.parse(group === "scheduled" ? picture.opens_at : picture.closes_at);
    const sign = group === "over" ? -1 : 1;
    return entries.sort((one, other) => sign * (at(one.picture) - at(other.picture)));
  }
}

/**
 * @param {Picture} picture
 * @returns {Group}
 */
function groupOf(picture) {
  if (isOver(picture)) return "over";
  return picture.status === "live" || picture.status === "paused" ? picture.status : "scheduled";
}

/**
 * Bring a list to this order; a card that stands right is not moved, so that it keeps the focus.
 *
 * @param {Element} list
 * @param {HTMLElement[]} cards
 */
function place(list, cards) {
  cards.forEach((card, index) => {
    const standing = list.children[index];
    if (standing !== card) list.insertBefore(card, standing ?? null);
  });
  while (list.children.length > cards.length) list.lastElementChild?.remove();
}

function newCard() {
  const template = byId("card");
  if (!(template instanceof HTMLTemplateElement)) throw new Error("#card is no template");
  const card = template.content.firstElementChild?.cloneNode(true);
  return /** @type {HTMLElement} */ (card);
}

/**
 * @param {Element} card
 * @param {string} name
 * @returns {HTMLElement}
 */
function part(card, name) {
  const found = card.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof HTMLElement)) throw new Error(`the card has no ${name}`);
  return found;
}

/**
 * @param {HTMLElement} card
 * @param {Picture} picture
 */
function paintCard(card, picture) {
  const title = part(card, "title");
  setText(title, picture.title);
  title.setAttribute("href", `/auctions/${encodeURIComponent(picture.id)}`);
  const status = part(card, "status");
  setText(status, statusWord(picture));
  status.dataset.status = picture.status;
  setText(part(card, "lot"), lotWords(picture));
  setText(part(card, "format"), formatWords(picture));
  part(card, "practice").hidden = !picture.is_practice;
  const { label, price } = priceNow(picture);
  setText(part(card, "lead-label"), label);
  const none = picture.outcome === "reserve_not_met" ? "Reserve not met" : noPriceWords(picture);
  const isTold = price !== null && picture.outcome !== "reserve_not_met";
  setText(part(card, "lead"), isTold ? money(price, picture.currency) : none);
  setText(part(card, "offers"), offersWords(picture));
}

/**
 * @param {HTMLElement} card
 * @param {Picture} picture
 * @param {number} now
 */
function paintTime(card, picture, now) {
  const { label, until } = timeWords(picture);
  const left = until === null ? NaN : Date.parse(until) - now;
  const isLast = isShort(picture, left);
  const standing = picture.status === "paused" ? "Stands still" : moment(picture.closes_at);
  const urgency = isLast ? `, ${lastWords(picture).toLowerCase()}` : "";
  setText(part(card, "time-label"), label + urgency);
  setText(part(card, "time"), until === null ? standing : span(left));
  card.classList.toggle("is-short", isLast);
}

/**
 * Announce what begins and ends; the leads of a whole board would never let a listener go.
 *
 * @param {Picture} before
 * @param {Picture} now
 */
function tell(before, now) {
  if (now.status === before.status) return;
  announce(now.id, `${now.title}: ${statusWord(now).toLowerCase()}.`);
}
