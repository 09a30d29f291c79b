/** The page of one auction: paint each picture, keep the time, say aloud what matters. */

import { announceChanges } from "./announcements.js";
import { Chart } from "./chart.js";
import { byId, fillList, fillRows, flash, setFigure, setNote, setText } from "./paint.js";
import {
  day,
  extendedWords,
  formatWords,
  hasTicker,
  isHiding,
  isOver,
  isShort,
  knowsTurns,
  lastWords,
  lotWords,
  moment,
  money,
  noPriceWords,
  offersShown,
  offersWords,
  priceNow,
  ruleSentences,
  seconds,
  span,
  statusWord,
  timeOfDay,
  timeWords,
} from "./words.js";

/** @typedef {import("./stream.js").Picture} Picture */

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
    if (before !== undefined) announceChanges(before, picture);
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
    const until = isOver(picture) ? Date.parse(endOf(picture)) : this.serverTime.now();
    this.chart.draw({ currency, own: own?.alias, until });
    const sentences = [this.chart.words(currency), hiddenOffersWords(picture)].filter(Boolean);
    setText(byId("chart-words"), sentences.join(" ") || noLineWords(picture));
  }
}

/** @param {Picture} picture */
function noLineWords(picture) {
  return isOver(picture) ? "There is no line to draw." : "The line begins with the first offer.";
}

/** @param {Picture} picture */
function paintHeading(picture) {
  setText(byId("title"), picture.title);
  setText(byId("lot"), lotWords(picture));
  setText(byId("format"), formatWords(picture));
  byId("practice").hidden = !picture.is_practice;
  const status = byId("status");
  setText(status, statusWord(picture));
  status.dataset.status = picture.status;
  setNote(byId("pause"), haltWords(picture));
}

/**
 * Say why an auction stands still, or was ended before its time.
 *
 * @param {Picture} picture
 */
function haltWords({ status, pause_reason: paused, cancel_reason: cancelled }) {
  if (status === "paused") return paused ? `Paused by the buyer: ${paused}` : "Paused by the buyer";
  return status === "cancelled" && cancelled ? `Cancelled: ${cancelled}` : "";
}

/** @param {Picture} picture */
function paintLead(picture) {
  const { label, price } = priceNow(picture);
  const isMet = picture.outcome !== "reserve_not_met";
  const figure = byId("lead-price");
  const known = price === null ? noPriceWords(picture) : money(price, picture.currency);
  const text = isMet ? known : "Reserve not met";
  if (figure.textContent !== text) {
    setFigure(figure, text);
    flash(figure);
  }
  figure.classList.toggle("is-hidden", price === null || !isMet);
  setText(byId("lead-label"), isMet ? label : "No contract");
  setText(byId("lead-note"), leadNote(picture, price));
  setNote(byId("saving"), savingWords(picture));
}

/**
 * @param {Picture} picture
 * @param {string | null} price
 */
function leadNote(picture, price) {
  const { lead, outcome, rules, currency, own, unit } = picture;
  if (outcome !== null) return outcomeWords(picture);
  const leads = hasTicker(picture) && !isOver(picture) ? "" : lead?.alias;
  const leader = leads ? `${leads} leads` : "";
  const isWeighed = rules.score !== "price" && own !== null && !isOver(picture);
  const weighed = isWeighed ? "as you would have to offer it · " : "";
  return [leader, price === null ? whyNoPrice() : `${weighed}per unit (${unit})${changeWords()}`]
    .filter(Boolean)
    .join(" · ");

  function changeWords() {
    if (!hasTicker(picture) || isOver(picture)) return "";
    const verb = rules.format === "dutch" ? "rises" : "falls";
    const change = money(rules.ticker_change ?? "0", currency);
    return ` · ${verb} by ${change} every ${seconds(rules.ticker_period_s ?? 0)}`;
  }

  function whyNoPrice() {
    if (isOver(picture)) return "There is no price.";
    if (rules.format === "vickrey") return "no offer is opened before the close";
    if (noPriceWords(picture) === "No offer yet") return "the first offer leads";
    return own !== null && rules.show_lead === "after_first_offer"
      ? "by the rules, until your first offer"
      : "by the rules, until the auction is over";
  }
}

/** @param {Picture} picture */
function outcomeWords(picture) {
  const { outcome, winner, contract_price: paid, lead, currency, unit, reserve_met: met } = picture;
  const best = lead?.unit_price ?? null;
  // What is paid is not what was offered where the second-best sets the price.
  const [asked, price] = [best, paid].map((amount) => (amount ? money(amount, currency) : ""));
  const offered = asked && price && asked !== price ? `, which had offered ${asked}` : "";
  const reserve = met ? " · the reserve is met" : "";
  switch (outcome) {
    case "won":
      return `Won by ${winner}${offered} · per unit (${unit})${reserve}`;
    case "reasonableness":
      return `${winner} stood alone: its price is to be judged · per unit (${unit})${reserve}`;
    case "reserve_not_met":
      return best === null ? "" : `The best price, ${money(best, currency)}, is above the reserve.`;
    default:
      return "Nobody had offered when it closed.";
  }
}

/** @param {Picture} picture */
function savingWords(picture) {
  const { saving, currency, status } = picture;
  if (saving === null) return "";
  const amount = money(saving.replace("-", ""), currency);
  const when = status === "closed" ? "" : " so far";
  return saving.startsWith("-")
    ? `${amount} over the budget for the whole lot${when}`
    : `${amount} saved against the budget for the whole lot${when}`;
}

/**
 * @param {Picture} picture
 * @param {number} now
 */
function paintTime(picture, now) {
  const { label, until } = timeWords(picture);
  const left = until === null ? NaN : Date.parse(until) - now;
  setText(byId("time-label"), label);
  setFigure(byId("time-left"), until === null ? standingTime(picture) : span(left));
  byId("time-panel").classList.toggle("is-short", isShort(picture, left));
  setText(byId("time-note"), timeNote(picture, left));
}

/** @param {Picture} picture */
function standingTime(picture) {
  if (picture.status === "paused") return "Stands still";
  return timeOfDay(picture.status === "closed" ? endOf(picture) : picture.closes_at);
}

/**
 * Tell when an auction ended; where that is not told, when it was to.
 *
 * @param {Picture} picture
 */
function endOf(picture) {
  return picture.ended_at ?? picture.closes_at;
}

/**
 * @param {Picture} picture
 * @param {number} left
 */
function timeNote(picture, left) {
  const isExtensible = picture.rules.format === "english";
  const extended = isExtensible ? ` · ${extendedWords(picture.extensions)}` : "";
  switch (picture.status) {
    case "scheduled":
      return `on ${moment(picture.opens_at)}`;
    case "paused":
      return picture.resumes_at
        ? `at ${timeOfDay(picture.resumes_at)} · the clock stands until then`
        : "The clock stands until the buyer resumes.";
    case "cancelled":
      return `cancelled on ${moment(endOf(picture))}`;
    case "closed":
      return `${day(endOf(picture))}${extended}`;
  }
  if (left <= 0) return picture.progress ? "Time is up" : "Time is up: waiting for the close";
  const urgency = isShort(picture, left) ? `${lastWords(picture)} · ` : "";
  const closes = timeOfDay(picture.closes_at);
  if (picture.rules.format === "rounds") return urgency + roundWords(picture);
  return `${urgency}closes ${closes}${hasTicker(picture) ? " at the latest" : extended}`;
}

/** @param {Picture} picture */
function roundWords(picture) {
  const { progress, rules, own } = picture;
  if (!progress?.round) return `${rules.rounds} rounds`;
  const round = `Round ${progress.round} of ${rules.rounds}`;
  if (own?.is_turn) return `${round} · your turn`;
  if (progress.turn_of !== null) return `${round} · ${progress.turn_of}’s turn`;
  return `${round} · ${knowsTurns(picture) ? "pause" : "whose turn it is is not shown"}`;
}

/** @param {Picture} picture */
function paintOwn(picture) {
  const { own, currency } = picture;
  byId("own").hidden = own === null;
  if (own === null) return;
  const { figure, note } = standingWords(picture, own);
  setText(byId("own-label"), `Your standing as ${own.alias}`);
  setFigure(byId("own-rank"), figure);
  setNote(byId("own-note"), note);
  const price = (/** @type {string | null} */ amount) =>
    amount === null ? "" : money(amount, currency);
  const place = own.rank === null ? "" : String(own.rank);
  setPair("own-place", figure.startsWith("Rank") ? "" : place);
  setPair("own-price", price(own.unit_price));
  setPair("own-sealed", price(own.sealed_price));
  setPair("to-beat", toBeatWords(picture, own));
}

/**
 * Set one pair of the vendor's standing, or take it away where there is nothing to say.
 *
 * @param {string} name
 * @param {string} text
 */
function setPair(name, text) {
  setText(byId(name), text);
  byId(`${name}-pair`).hidden = text === "";
}

/**
 * Say how the vendor stands, and what that means for it.
 *
 * @param {Picture} picture
 * @param {import("./stream.js").Own} own
 */
function standingWords(picture, own) {
  const isRunning = !isOver(picture);
  if (isRunning && own.still_in === false) {
    return { figure: "Out", note: "You left, or let a level pass." };
  }
  if (isRunning && own.accepted) {
    return { figure: "Accepted", note: "You are bound by this level until it ends." };
  }
  if (isRunning && own.still_in) {
    const isFalling = picture.rules.format === "japanese";
    const note = isFalling ? "Accept this level before it ends, or you are out." : "";
    return { figure: "Still in", note: note || "The first to accept wins." };
  }
  const figure = own.rank === null ? noRankWords(picture, own) : `Rank ${own.rank}`;
  if (!own.is_turn) return { figure, note: "" };
  return { figure: "Your turn", note: "Others see your offer when the turn has ended." };
}

/**
 * @param {Picture} picture
 * @param {import("./stream.js").Own} own
 */
function noRankWords(picture, own) {
  if (!isOver(picture) && picture.rules.format === "vickrey") {
    return own.sealed_price === null ? "No offer yet" : "Offer sealed";
  }
  if (own.unit_price === null) return isOver(picture) ? "No rank" : "No rank yet";
  return "Rank not shown";
}

/**
 * @param {Picture} picture
 * @param {import("./stream.js").Own} own
 */
function toBeatWords(picture, { price_to_beat: price }) {
  if (isOver(picture) || isHiding(picture)) return "";
  if (price === null) return "any price";
  // The service writes 0 where no lower price is possible.
  if (!/[1-9]/.test(price)) return "no lower price possible";
  return `${money(price, picture.currency)} or less`;
}

/** @param {Picture} picture */
function paintOffers(picture) {
  const { offers, recent, own, currency } = picture;
  setFigure(byId("offers"), offersWords(picture));
  setText(byId("offers-note"), offersNote(picture));
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
function offersNote(picture) {
  const { recent, own, bidders } = picture;
  const newest = recent[0];
  const isWhole = newest !== undefined && hiddenOffersWords(picture) === "";
  const yours = own !== null && isHiding(picture) ? "your own" : "placed so far";
  const untold = offersWords(picture) === "Not shown" ? "until the auction is over" : yours;
  const told = isWhole ? `last at ${timeOfDay(newest.at)}` : untold;
  if (bidders === null) return told;
  return `${told} · ${bidders} ${bidders === 1 ? "vendor" : "vendors"} in`;
}

/** @param {Picture} picture */
function paintRanks(picture) {
  const { ranks, own, currency } = picture;
  const rows = ranks ?? [];
  const isPriced = rows.some((row) => row.unit_price !== null);
  byId("ranks").hidden = rows.length === 0;
  byId("ranks-price").hidden = !isPriced;
  setNote(byId("ranks-note"), ranksWords(picture, rows.length > 0, isPriced));
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
 * @param {Picture} picture
 * @param {boolean} hasRows
 * @param {boolean} isPriced
 */
function ranksWords(picture, hasRows, isPriced) {
  const { rules, own } = picture;
  if (isPriced) return "";
  if (hasRows) return "Prices stand beside the ranks once the auction is over.";
  if (isOver(picture) || rules.show_all_ranks === "always") return "There is no ranking.";
  if (rules.format === "vickrey") return "The offers are sealed: nobody ranks before the close.";
  if (isHiding(picture)) return "Until the auction is over, the ranking is not shown to vendors.";
  if (rules.show_all_ranks === "after_first_offer") {
    return own === null
      ? "The ranking is shown only to vendors that have offered, until the auction is over."
      : "The ranking is shown after your first offer.";
  }
  return rules.show_own_rank === "never"
    ? "Ranks are not shown until the auction is over."
    : "Ranks are shown only to their own vendor until the auction is over.";
}

/**
 * Say why offers are missing, where the rules hide some: an empty table would look like silence.
 *
 * @param {Picture} picture
 */
function hiddenOffersWords(picture) {
  const { rules, ranks, own, offers, recent } = picture;
  const seesAll = isOver(picture) || ranks?.some((row) => row.unit_price !== null);
  if (seesAll) return "";
  if (isHiding(picture)) {
    return rules.format === "vickrey"
      ? "Offers are sealed for all, the buyer too, until the close."
      : "Until the auction is over, only the buyer and auditors see who accepted.";
  }
  const shown = offersShown(rules);
  if (shown === "always" || offers === 0) return "";
  if (own === null) return "Individual offers are not shown until the auction is over.";
  if (shown === "never") return "Only your own offers are shown until the auction is over.";
  return recent.length > 0 ? "" : "Others’ offers are shown after your first offer.";
}

/**
 * @param {string} alias
 * @param {boolean} isOwn
 */
function named(alias, isOwn) {
  return isOwn ? `${alias} (you)` : alias;
}
