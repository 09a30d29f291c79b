/** Put figures, instants and rules into words, in the reader's own locale and time zone. */

/** @typedef {import("./stream.js").Picture} Picture */

const STATUS_WORDS = {
  scheduled: "Scheduled",
  live: "Live",
  closed: "Closed",
  cancelled: "Cancelled",
};

const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
  timeZoneName: "short",
});
const DAY = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  timeZoneName: "short",
});
const QUANTITY = new Intl.NumberFormat(undefined, { maximumFractionDigits: 3 });

/** @type {Map<string, Intl.NumberFormat>} */
const MONEY = new Map();

/**
 * Write an amount. The text is handed over as it came: as a number it could lose its last digit.
 *
 * @param {string} amount
 * @param {string} currency
 */
export function money(amount, currency) {
  let format = MONEY.get(currency);
  if (format === undefined) {
    format = new Intl.NumberFormat(undefined, {
      style: "currency",
      currency,
      minimumFractionDigits: 2,
      maximumFractionDigits: 4,
    });
    MONEY.set(currency, format);
  }
  return format.format(/** @type {any} */ (amount));
}

/** @param {Picture} picture */
export function statusWord(picture) {
  return STATUS_WORDS[picture.status] ?? picture.status;
}

/** @param {Picture} picture */
export function isOver(picture) {
  return picture.status === "closed" || picture.status === "cancelled";
}

/** @param {Picture} picture */
export function lotWords(picture) {
  return `${QUANTITY.format(/** @type {any} */ (picture.quantity))} × ${picture.unit}`;
}

/** @param {string | number} instant */
export function timeOfDay(instant) {
  return TIME.format(new Date(instant));
}

/** @param {string | number} instant */
export function moment(instant) {
  return MOMENT.format(new Date(instant));
}

/** @param {string | number} instant */
export function day(instant) {
  return DAY.format(new Date(instant));
}

/**
 * Write a span of time: `2 d 03:04:05`, `3:04:05` or `4:05`. A begun second counts in full, so
 * that 0:00 is not shown before the time is really up.
 *
 * @param {number} ms
 */
export function span(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  const minutes = Math.floor(seconds / 60) % 60;
  const two = (/** @type {number} */ count) => String(count).padStart(2, "0");
  const end = two(seconds % 60);
  if (days > 0) return `${days} d ${two(hours)}:${two(minutes)}:${end}`;
  return hours > 0 ? `${hours}:${two(minutes)}:${end}` : `${minutes}:${end}`;
}

/** @param {number} times */
export function extendedWords(times) {
  if (times === 0) return "not extended";
  return times === 1 ? "extended once" : `extended ${times} times`;
}

/**
 * Tell the instant that the time runs towards, with what it is.
 *
 * @param {Picture} picture
 */
export function timeWords(picture) {
  if (picture.status === "scheduled") return { label: "Opens in", until: picture.opens_at };
  if (picture.status === "live") return { label: "Time left", until: picture.closes_at };
  // When it was cancelled is not told; the close that stood then is.
  return { label: picture.status === "closed" ? "Closed" : "Was to close", until: null };
}

/**
 * Say the rules in plain words.
 *
 * @param {Picture} picture
 * @returns {string[]}
 */
export function ruleSentences({ rules, currency, unit }) {
  const against = {
    own: "the vendor’s own last price",
    lead: "the lead price",
    both: "both the lead price and the vendor’s own last price",
  };
  return [
    `Prices are per unit (${unit}), in ${currency}. Only lower offers count: ` +
      `each must be at least ${money(rules.step, currency)} below ${against[rules.step_against]}.`,
    softCloseSentence(rules),
    "Of equal prices, the one offered earlier ranks better.",
    rules.show_rank === "all"
      ? "All ranks are shown, by alias."
      : "Ranks are shown only to their own vendor.",
    rules.show_lead === "always"
      ? "The lead price is shown."
      : "The lead price is not shown.",
    "The buyer and auditors see everything by alias; so does everyone once the auction is over.",
  ];
}

/** @param {import("./stream.js").Rules} rules */
function softCloseSentence(rules) {
  const { soft_close_window_s: window, soft_close_extension_s: extension } = rules;
  if (!window || !extension || !rules.extensions_max) return "The close does not move.";
  const times = rules.extensions_max === 1 ? "once" : `${rules.extensions_max} times`;
  const moves = `moves the close by ${seconds(extension)}`;
  return `An offer in the last ${seconds(window)} ${moves}, at most ${times}.`;
}

/** @param {number} count */
function seconds(count) {
  return count >= 60 && count % 60 === 0 ? `${count / 60} min` : `${count} s`;
}
