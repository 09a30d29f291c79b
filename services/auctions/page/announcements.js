/**
 * Tell a screen reader what happened, no more often than it can be listened to.
 *
 * Of each topic the newest sentence counts: in a quick auction, a lead that was beaten before it
 * could be read out is not worth hearing.
 */

import { byId, setText } from "./paint.js";
import { extendedWords, hasTicker, isOver, money, statusWord, timeOfDay } from "./words.js";

/** @typedef {import("./stream.js").Picture} Picture */

/** A sentence or two take about this long to be spoken. */
const PAUSE_MS = 4_000;

/** @type {Map<string, string>} */
const waiting = new Map();
let isSpeaking = false;

/**
 * @param {string} topic
 * @param {string} sentence
 */
export function announce(topic, sentence) {
  // Taken out first, so that sentences are told in the order in which they became true.
  waiting.delete(topic);
  waiting.set(topic, sentence);
  if (!isSpeaking) speak();
}

function speak() {
  isSpeaking = waiting.size > 0;
  if (!isSpeaking) return;
  setText(byId("announcements"), [...waiting.values()].join(" "));
  waiting.clear();
  setTimeout(speak, PAUSE_MS);
}

/**
 * Announce what changed in one auction from one picture to the next.
 *
 * @param {Picture} before
 * @param {Picture} now
 */
export function announceChanges(before, now) {
  const { own, progress } = now;
  const lead = leadWords(now);
  if (lead !== "" && lead !== leadWords(before)) announce("lead", lead);
  const level = progress?.level ?? null;
  if (level !== null && level !== (before.progress?.level ?? null)) {
    announce("lead", `The price level is ${money(level, now.currency)}.`);
  }
  if (own !== null && own.rank !== null && own.rank !== before.own?.rank) {
    announce("rank", `Your rank is now ${own.rank}.`);
  }
  if (own?.is_turn && !before.own?.is_turn) announce("turn", "It is your turn.");
  if (own?.still_in === false && before.own?.still_in) announce("turn", "You are out.");
  if (now.extensions > before.extensions) {
    const closes = timeOfDay(now.closes_at);
    announce("close", `The close moved to ${closes}; ${extendedWords(now.extensions)}.`);
  }
  if (now.status !== before.status) announce("status", statusSentence(now));
}

/** @param {Picture} picture */
function statusSentence(picture) {
  const { outcome, winner, contract_price: price, currency } = picture;
  const status = `The auction is ${statusWord(picture).toLowerCase()}.`;
  switch (outcome) {
    case "won":
      return `${status} ${winner} won at ${money(price ?? "0", currency)}.`;
    case "reasonableness":
      return `${status} ${winner} stood alone; its price is to be judged.`;
    case "reserve_not_met":
      return `${status} The reserve was not met.`;
    case "no_offer":
      return `${status} There was no offer.`;
    default:
      return status;
  }
}

/** @param {Picture} picture */
function leadWords(picture) {
  const { lead, currency } = picture;
  // Of a ticker the level is told; who accepted it first means little before the close.
  if (lead === null || (hasTicker(picture) && !isOver(picture))) return "";
  const price = lead.unit_price ? money(lead.unit_price, currency) : "";
  if (lead.alias === null) return `The lead price is ${price}.`;
  return price ? `${lead.alias} leads at ${price}.` : `${lead.alias} leads.`;
}
