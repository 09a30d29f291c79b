/**
 * Tell a screen reader what happened, no more often than it can be listened to.
 *
 * Of each topic the newest sentence counts: in a quick auction, a lead that was beaten before it
 * could be read out is not worth hearing.
 */

import { byId, setText } from "./paint.js";

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
