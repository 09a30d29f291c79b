/** Put figures, instants and rules into words, in the reader's own locale and time zone. */

/** @typedef {import("./stream.js").Picture} Picture */

const STATUS_WORDS = {
  scheduled: "Scheduled",
  live: "Live",
  paused: "Paused",
  closed: "Closed",
  cancelled: "Cancelled",
};

const FORMAT_WORDS = {
  english: "Open offers (English)",
  japanese: "Falling price (Japanese)",
  dutch: "Rising price (Dutch)",
  vickrey: "Sealed, second price (Vickrey)",
  rounds: "Rounds of turns",
};

/** When the time begins to be shown as short: of an auction, and of a level or a turn of it. */
const LAST_MS = 60_000;
const LAST_OF_STEP_MS = 10_000;

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
export function formatWords({ rules }) {
  return FORMAT_WORDS[rules.format] ?? rules.format;
}

/**
 * Whether the format names the prices itself, level by level.
 *
 * @param {Picture} picture
 */
export function hasTicker({ rules }) {
  return rules.format === "japanese" || rules.format === "dutch";
}

/**
 * Whether vendors see nothing of each other before the close, whatever else the rules say.
 *
 * @param {Picture} picture
 */
export function isHiding(picture) {
  return !isOver(picture) && (hasTicker(picture) || picture.rules.format === "vickrey");
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
 * Count the offers, where the viewer may know how many there are: others' hidden ones are not even
 * counted for it, and 0 would say that there are none.
 *
 * @param {Picture} picture
 */
export function offersWords(picture) {
  const isUntold = isHiding(picture) && picture.own === null && picture.offers === 0;
  return isUntold ? "Not shown" : picture.offers.toLocaleString();
}

/**
 * Tell the price that counts now, with what it is; null where there is none to show.
 *
 * @param {Picture} picture
 * @returns {{label: string, price: string | null}}
 */
export function priceNow(picture) {
  const { lead, outcome, progress, rules, status } = picture;
  if (outcome === "won") return { label: "Contract price", price: picture.contract_price };
  if (outcome === "reasonableness") return { label: "Only price", price: picture.contract_price };
  if (hasTicker(picture) && !isOver(picture)) {
    const isBegun = progress !== null;
    const label = isBegun ? "Price level" : "First price level";
    return { label, price: isBegun ? progress.level : rules.ticker_start };
  }
  const label = status === "closed" ? "Final lead price" : "Lead price";
  return { label, price: lead?.unit_price ?? null };
}

/**
 * Say in a word or two why there is no price.
 *
 * @param {Picture} picture
 */
export function noPriceWords({ outcome, status, rules, offers, lead }) {
  if (outcome === "no_offer") return "No offer";
  if (rules.format === "vickrey" && status !== "closed") return "Sealed";
  const isShown = rules.show_lead === "always" && rules.score === "price";
  return isShown && offers === 0 && lead === null ? "No offer yet" : "Not shown";
}

/**
 * Tell the instant that the time runs towards, with what it is.
 *
 * @param {Picture} picture
 * @returns {{label: string, until: string | null}}
 */
export function timeWords(picture) {
  const { status, progress, resumes_at: resumesAt } = picture;
  if (status === "scheduled") return { label: "Opens in", until: picture.opens_at };
  if (status === "paused") return { label: resumesAt ? "Resumes in" : "Time", until: resumesAt };
  if (status === "live") {
    if (progress === null) return { label: "Time left", until: picture.closes_at };
    const label = hasTicker(picture) ? "Level ends in" : turnLabel(picture, progress);
    return { label, until: progress.ends_at };
  }
  if (status === "cancelled") return { label: "Was to close", until: null };
  return { label: "Closed", until: null };
}

/**
 * Whether the viewer would be told whose turn it is, so that nobody's means a pause.
 *
 * @param {Picture} picture
 */
export function knowsTurns({ ranks, rules }) {
  return ranks !== null || rules.show_all_ranks === "always";
}

/**
 * @param {Picture} picture
 * @param {import("./stream.js").Progress} progress
 */
function turnLabel(picture, { turn_of: turnOf, round }) {
  if (picture.own?.is_turn) return "Your turn ends in";
  if (turnOf !== null) return "Turn ends in";
  if (!round) return "First turn in";
  return knowsTurns(picture) ? "Next round in" : "Turn or pause ends in";
}

/**
 * Whether so little time is left that it is shown as short; a level may last no longer than a
 * minute, and would be shown so all the time.
 *
 * @param {Picture} picture
 * @param {number} left
 */
export function isShort({ status, progress }, left) {
  return status === "live" && left < (progress === null ? LAST_MS : LAST_OF_STEP_MS);
}

/** @param {Picture} picture */
export function lastWords({ progress }) {
  return progress === null ? "Last minute" : "Last seconds";
}

/**
 * Tell when all offers are shown to vendors: as the rules say, or with the lead and all ranks.
 *
 * @param {import("./stream.js").Rules} rules
 * @returns {import("./stream.js").Show}
 */
export function offersShown(rules) {
  const { score, show_prices: prices, show_lead: lead, show_all_ranks: ranks } = rules;
  if (score !== "price") return "never";
  if (prices !== null) return prices;
  if (lead === "never" || ranks === "never") return "never";
  return lead === "always" && ranks === "always" ? "always" : "after_first_offer";
}

/**
 * Say the rules in plain words.
 *
 * @param {Picture} picture
 * @returns {string[]}
 */
export function ruleSentences(picture) {
  const { rules, currency, unit } = picture;
  const hasSteps = rules.format === "english" || rules.format === "rounds";
  return [
    formatSentence(rules, currency),
    `Prices are per unit (${unit}), in ${currency}${decimalsWords(rules)}.`,
    ...(hasSteps ? stepSentences(rules, currency) : []),
    ceilingSentence(rules, currency),
    weighedSentence(rules),
    rules.format === "english" ? softCloseSentence(rules) : "",
    ...lotSentences(rules),
    ...tieSentences(rules),
    rules.proxies ? "Vendors may let the house bid for them, down to a limit nobody sees." : "",
    ...(hasSteps ? sightSentences(rules) : [hidingSentence(rules)]),
    shownSentence("How many vendors are in", "is", rules.show_bidders),
    rules.format === "dutch" ? "" : aloneSentence(rules),
    hasSteps
      ? "The buyer and auditors see everything by alias; so does everyone once the auction is over."
      : "Once the auction is over, everyone sees its result by alias.",
  ].filter(Boolean);
}

/**
 * @param {import("./stream.js").Rules} rules
 * @param {string} currency
 */
function formatSentence(rules, currency) {
  const price = (/** @type {string | null} */ amount) => money(amount ?? "0", currency);
  const every = `by ${price(rules.ticker_change)} every ${seconds(rules.ticker_period_s ?? 0)}`;
  const begins = `The price begins at ${price(rules.ticker_start)} and`;
  switch (rules.format) {
    case "english":
      return "Vendors offer at any time until the close; the best offer wins.";
    case "japanese": {
      const whose = rules.ticker_price === "runner_up" ? "the runner-up’s" : "its own";
      return (
        `${begins} falls ${every}. Who does not accept a level is out for good; ` +
        `the last to accept wins, and is paid ${whose} last level.`
      );
    }
    case "dutch":
      return `${begins} rises ${every}. The first to accept wins, at that price.`;
    case "vickrey":
      return (
        "Each vendor has one sealed offer, which it may replace until the close. " +
        "The best wins, and is paid what the second-best comes to."
      );
    case "rounds":
      return roundsSentence(rules);
    default:
      return "";
  }
}

/** @param {import("./stream.js").Rules} rules */
function roundsSentence({ rounds, turn_s: turn, round_pause_s: pause }) {
  const count = rounds === 1 ? "There is 1 round" : `There are ${rounds} rounds`;
  const rest = pause && rounds !== 1 ? ` Between rounds is a pause of ${seconds(pause)}.` : "";
  return (
    `${count}. In each, every vendor has one turn of ${seconds(turn ?? 0)}, the worst placed ` +
    `first; an offer is secret until its turn ends.${rest}`
  );
}

/** @param {import("./stream.js").Rules} rules */
function decimalsWords({ decimals }) {
  if (decimals === 0) return ", without decimals";
  if (decimals === 4) return "";
  return `, with at most ${decimals} ${decimals === 1 ? "decimal" : "decimals"}`;
}

/**
 * @param {import("./stream.js").Rules} rules
 * @param {string} currency
 */
function stepSentences(rules, currency) {
  const against = {
    own: "the vendor’s own last price",
    lead: "the lead price",
    both: "both the lead price and the vendor’s own last price",
  }[rules.step_against];
  const price = (/** @type {string} */ amount) => money(amount, currency);
  const { step_kind: kind, step_mode: mode, step_min: least, step_max: most } = rules;
  const isFree = mode === "free";
  const steps = { amount: price(rules.step), percent: `${rules.step} %`, bands: "a step" }[kind];
  const how = {
    minimum: `at least ${steps} below`,
    multiple: kind === "bands" ? "a whole number of steps below" : `a multiple of ${steps} below`,
    free: "below",
  }[mode];
  const bands = rules.step_bands.map(({ above, step }) => `${price(step)} above ${price(above)}`);
  return [
    `Only lower offers count: each must be ${how} ${against}.`,
    kind === "bands" && !isFree
      ? `The step depends on that price: ${bands.join(", ")}, and ${price(rules.step)} else.`
      : "",
    least && kind !== "amount" && !isFree ? `The step is never less than ${price(least)}.` : "",
    most ? `One offer may go down by ${price(most)} at most.` : "",
  ];
}

/**
 * @param {import("./stream.js").Rules} rules
 * @param {string} currency
 */
function ceilingSentence({ ceiling, format }, currency) {
  if (ceiling === null) return "";
  const highest = money(ceiling, currency);
  return format === "dutch"
    ? `The price rises to ${highest} at most.`
    : `No offer may be above ${highest}.`;
}

/** @param {import("./stream.js").Rules} rules */
function weighedSentence({ score }) {
  if (score === "price") return "";
  return "Prices are weighed before they are ranked; each vendor sees its own price to beat.";
}

/** @param {import("./stream.js").Rules} rules */
function softCloseSentence(rules) {
  const { soft_close_window_s: window, soft_close_extension_s: extension } = rules;
  const { soft_close_rank: rank, soft_close_base: base, hard_stop_s: stop } = rules;
  if (!window || !extension || !rules.extensions_max) return "The close does not move.";
  const times = rules.extensions_max === 1 ? "once" : `${rules.extensions_max} times`;
  const ranked = rank === 1 ? " that takes rank 1" : ` that takes rank ${rank} or better`;
  const which = `An offer in the last ${seconds(window)}${rank === null ? "" : ranked}`;
  const by = `moves the close by ${seconds(extension)}`;
  const to = `moves the close to ${seconds(extension)} after the offer, if that is later`;
  const never = stop === null ? "" : ` It never moves past ${seconds(stop)} after the first close.`;
  return `${which} ${base === "receipt" ? to : by}, at most ${times}.${never}`;
}

/** @param {import("./stream.js").Rules} rules */
function lotSentences({ lots, soft_close_scope: scope, extension_moves_next: movesNext }) {
  const order = {
    parallel: "",
    serial: "The lots held together run one after the other.",
    staggered: "The lots held together close one after the other.",
  }[lots];
  return [
    order,
    scope === "all" ? "An extension moves the close of all lots held together." : "",
    movesNext ? "An extension moves the lots that come after it as well." : "",
  ];
}

/** @param {import("./stream.js").Rules} rules */
function tieSentences({ format, score, ties, ties_first: first, tie_ranking: ranking }) {
  if (format === "dutch") return [];
  const equal = score === "price" ? "equal prices" : "prices that weigh the same";
  const excluded = {
    allowed: "",
    none: "No offer may tie with another vendor’s.",
    none_among_first: `No offer may tie with another vendor’s within the best ${first} ranks.`,
  }[ties];
  const verb = format === "japanese" ? "accepted" : "offered";
  const ranked = {
    earliest: `Of ${equal}, the one ${verb} earlier ranks better.`,
    equal_best: `Of ${equal}, all take the best rank among them (1, 1, 3); the earlier leads.`,
    equal_worst: `Of ${equal}, all take the worst rank among them (2, 2, 3); the earlier leads.`,
  }[ranking];
  return [excluded, ties === "none" ? "" : ranked];
}

/** @param {import("./stream.js").Rules} rules */
function sightSentences(rules) {
  const { show_all_ranks: all, show_own_rank: own } = rules;
  return [
    shownSentence("The lead price", "is", rules.show_lead),
    all === "never" ? "" : shownSentence("All ranks, by alias,", "are", all),
    ownRankSentence(all, own),
    shownSentence("Individual offers", "are", offersShown(rules)),
  ];
}

/**
 * @param {import("./stream.js").Show} all
 * @param {import("./stream.js").Show} own
 */
function ownRankSentence(all, own) {
  if (own === "never") return "Ranks are not shown.";
  const when = own === "always" ? "" : ", after its first offer";
  if (all === "never") return `Ranks are shown only to their own vendor${when}.`;
  return all === own || all === "always" ? "" : `Each vendor is shown its own rank${when}.`;
}

/** @param {import("./stream.js").Rules} rules */
function hidingSentence({ format }) {
  return format === "vickrey"
    ? "Before the close, nobody sees another’s offer: not even the buyer."
    : "Before the close, only the buyer and auditors see who accepted.";
}

/**
 * @param {string} what
 * @param {"is" | "are"} verb
 * @param {import("./stream.js").Show} when
 */
function shownSentence(what, verb, when) {
  if (when === "never") return `${what} ${verb} not shown.`;
  return when === "always"
    ? `${what} ${verb} shown.`
    : `${what} ${verb} shown to a vendor after its first offer.`;
}

/** @param {import("./stream.js").Rules} rules */
function aloneSentence({ one_bidder: follows }) {
  return follows === "cancel"
    ? "Where one vendor stands alone at the close, the auction is cancelled."
    : "Where one vendor stands alone at the close, its price is to be judged.";
}

/** @param {number} count */
export function seconds(count) {
  return count >= 60 && count % 60 === 0 ? `${count / 60} min` : `${count} s`;
}
