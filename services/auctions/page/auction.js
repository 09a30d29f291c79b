/** The page of one auction: paint each picture, keep the time, say aloud what matters. */

import { announce } from "./announcements.js";
import { Chart } from "./chart.js";
import { byId, fillList, fillRows, flash, setFigure, setNote, setText } from "./paint.js";
import {
  day,
  extendedWords,
  isOver,
  lotWords,
  moment,
  money,
  ruleSentences,
  span,
  statusWord,
  timeOfDay,
  timeWords,
} from "./words.js";

/** @typedef {import("./stream.js").Picture} Picture */

/** When the time begins to be shown as short. */
const LAST_MS = 60_000;

export class AuctionPage {
  /** @type {Picture | undefined} */
  #picture;

  /** @param {import("./server-time.js").ServerTime} serverTime */
  constructor(serverTime) {
    this.serverTime = serverTime;
    this.chart = new Chart(byId("chart"));
    new ResizeObserver(() => this.#draw()).observe(byId("chart"));
  }

  /** @param {Picture} picture */
  show(picture) {
    const before = this.#picture;
    // Another replica may answer after a reconnect, and be a moment behind: time never runs back.
    if (before !== undefined && picture.seq < before.seq) return;
    this.#picture = picture;
    document.title = `${picture.title} · Commonlot`;
    paintHeading(picture);
    paintLead(picture);
    paintOwn(picture);
    paintOffers(picture);
    paintRanks(picture);
    fillList(byId("rules"), ruleSentences(picture));
    this.chart.add(picture.recent);
    this.#draw();
    this.tick();
    if (before !== undefined) tell(before, picture);
  }

  /** Show the time that is left; called four times a second. */
  tick() {
    if (this.#picture !== undefined) paintTime(this.#picture, this.serverTime.now());
  }

  /** Let the chart's line reach the present. */
  beat() {
    this.#draw();
  }

  #draw() {
    const picture = this.#picture;
    if (picture === undefined) return;
    const { currency, own } = picture;
    const until = isOver(picture) ? Date.parse(picture.closes_at) : this.serverTime.now();
    this.chart.draw({ currency, own: own?.alias, until });
    const sentences = [this.chart.words(currency), hiddenOffersWords(picture)].filter(Boolean);
    setText(byId("chart-words"), sentences.join(" ") || "The line begins with the first offer.");
  }
}

/** @param {Picture} picture */
function paintHeading(picture) {
  setText(byId("title"), picture.title);
  setText(byId("lot"), lotWords(picture));
  const status = byId("status");
  setText(status, statusWord(picture));
  status.dataset.status = picture.status;
}

/** @param {Picture} picture */
function paintLead({ lead, currency, unit, status }) {
  const price = lead?.unit_price;
  const figure = byId("lead-price");
  const text = price ? money(price, currency) : "Not shown";
  if (figure.textContent !== text) {
    setFigure(figure, text);
    flash(figure);
  }
  figure.classList.toggle("is-hidden", !price);
  setText(byId("lead-label"), status === "closed" ? "Final lead price" : "Lead price");
  const leader = lead?.alias ? `${lead.alias} leads` : "";
  const rule = price ? `per unit (${unit})` : "by the rules, until the auction is over";
  setText(byId("lead-note"), [leader, rule].filter(Boolean).join(" · "));
}

/**
 * @param {Picture} picture
 * @param {number} now
 */
function paintTime(picture, now) {
  const { label, until } = timeWords(picture);
  const left = until === null ? NaN : Date.parse(until) - now;
  const isShort = picture.status === "live" && left < LAST_MS;
  setText(byId("time-label"), label);
  setFigure(byId("time-left"), until === null ? timeOfDay(picture.closes_at) : span(left));
  byId("time-panel").classList.toggle("is-short", isShort);
  setText(byId("time-note"), timeNote(picture, left));
}

/**
 * @param {Picture} picture
 * @param {number} left
 */
function timeNote(picture, left) {
  const extended = extendedWords(picture.extensions);
  if (picture.status === "scheduled") return `on ${moment(picture.opens_at)}`;
  if (picture.status === "cancelled") return `${day(picture.closes_at)} · cancelled before`;
  if (picture.status === "closed") return `${day(picture.closes_at)} · ${extended}`;
  if (left <= 0) return "Time is up: waiting for the close";
  const urgency = left < LAST_MS ? "Last minute · " : "";
  return `${urgency}closes ${timeOfDay(picture.closes_at)} · ${extended}`;
}

/** @param {Picture} picture */
function paintOwn(picture) {
  const { own, currency } = picture;
  byId("own").hidden = own === null;
  if (own === null) return;
  setText(byId("own-label"), `Your standing as ${own.alias}`);
  setFigure(byId("own-rank"), `Rank ${own.rank}`);
  setText(byId("own-price"), money(own.unit_price, currency));
  byId("to-beat-pair").hidden = isOver(picture);
  // The service writes 0 where no lower price is possible.
  const isFree = /[1-9]/.test(own.price_to_beat);
  const highest = money(own.price_to_beat, currency);
  setText(byId("to-beat"), isFree ? `${highest} or less` : "no lower price possible");
}

/** @param {Picture} picture */
function paintOffers(picture) {
  const { offers, recent, own, currency } = picture;
  setFigure(byId("offers"), offers.toLocaleString());
  const newest = recent[0];
  const isWhole = newest !== undefined && hiddenOffersWords(picture) === "";
  setText(byId("offers-note"), isWhole ? `last at ${timeOfDay(newest.at)}` : "placed so far");
  byId("recent").hidden = recent.length === 0;
  setNote(byId("recent-note"), hiddenOffersWords(picture) || (offers === 0 ? "No offer yet." : ""));
  const rows = recent.map((offer) => {
    const isOwn = offer.alias === own?.alias;
    const price = money(offer.unit_price, currency);
    return { cells: [timeOfDay(offer.at), named(offer.alias, isOwn), price], isOwn };
  });
  fillRows(byId("recent-rows"), rows);
}

/** @param {Picture} picture */
function paintRanks({ ranks, own, currency, rules }) {
  const rows = ranks ?? [];
  const isPriced = rows.some((row) => row.unit_price !== null);
  byId("ranks").hidden = rows.length === 0;
  byId("ranks-price").hidden = !isPriced;
  setNote(byId("ranks-note"), ranksWords(rows.length > 0, isPriced, rules));
  fillRows(
    byId("ranks-rows"),
    rows.map(({ alias, rank, unit_price: price }) => {
      const isOwn = alias === own?.alias;
      const cells = [String(rank), named(alias, isOwn)];
      if (isPriced) cells.push(price === null ? "not shown" : money(price, currency));
      return { cells, isOwn };
    }),
  );
}

/**
 * @param {boolean} hasRows
 * @param {boolean} isPriced
 * @param {import("./stream.js").Rules} rules
 */
function ranksWords(hasRows, isPriced, rules) {
  if (isPriced) return "";
  if (hasRows) return "Prices stand beside the ranks once the auction is over.";
  if (rules.show_rank === "own") {
    return "Ranks are shown only to their own vendor until the auction is over.";
  }
  return "There is no ranking.";
}

/**
 * Say why offers are missing, where the rules hide some: an empty table would look like silence.
 *
 * @param {Picture} picture
 */
function hiddenOffersWords(picture) {
  const { rules, ranks, own } = picture;
  const seesAll = isOver(picture) || ranks?.some((row) => row.unit_price !== null);
  const isOpen = rules.show_lead === "always" && rules.show_rank === "all";
  if (seesAll || isOpen) return "";
  return own === null
    ? "Individual offers are not shown until the auction is over."
    : "Only your own offers are shown until the auction is over.";
}

/**
 * @param {string} alias
 * @param {boolean} isOwn
 */
function named(alias, isOwn) {
  return isOwn ? `${alias} (you)` : alias;
}

/**
 * Announce what changed from one picture to the next.
 *
 * @param {Picture} before
 * @param {Picture} now
 */
function tell(before, now) {
  if (leadWords(now) !== leadWords(before)) announce("lead", leadWords(now));
  if (now.own !== null && now.own.rank !== before.own?.rank) {
    announce("rank", `Your rank is now ${now.own.rank}.`);
  }
  if (now.extensions > before.extensions) {
    const closes = timeOfDay(now.closes_at);
    announce("close", `The close moved to ${closes}; ${extendedWords(now.extensions)}.`);
  }
  if (now.status !== before.status) {
    announce("status", `The auction is ${statusWord(now).toLowerCase()}.`);
  }
}

/** @param {Picture} picture */
function leadWords({ lead, currency }) {
  if (lead === null) return "";
  const price = lead.unit_price ? money(lead.unit_price, currency) : "";
  if (lead.alias === null) return `The lead price is ${price}.`;
  return price ? `${lead.alias} leads at ${price}.` : `${lead.alias} leads.`;
}
