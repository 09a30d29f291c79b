/**
 * Watch one auction, or the board of all, and come back by itself when the connection breaks.
 *
 * A stream is opened by a ticket that works once, so the browser's own way of reconnecting, which
 * repeats the old address, can only fail. Each connection here is a new EventSource with a new
 * ticket, after a pause that grows and is different in every browser.
 */

/** The service beats every 10 seconds; after this long the connection is dead, whatever TCP says. */
const SILENCE_MS = 25_000;

const ASK_TIMEOUT_MS = 8_000;
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 15_000;
const RETRY_AFTER_MS_MAX = 60_000;

/** The longest list that the API answers at once. */
const LIST_LIMIT = 200;

/**
 * @typedef {"scheduled" | "live" | "paused" | "closed" | "cancelled"} Status
 * @typedef {"english" | "japanese" | "dutch" | "vickrey" | "rounds"} Format
 * @typedef {"always" | "after_first_offer" | "never"} Show
 * @typedef {{format: Format, step: string, step_kind: "amount" | "percent" | "bands",
 *   step_against: "own" | "lead" | "both", step_mode: "minimum" | "multiple" | "free",
 *   step_bands: {above: string, step: string}[], step_min: string | null, step_max: string | null,
 *   ties: "allowed" | "none" | "none_among_first", ties_first: number,
 *   tie_ranking: "earliest" | "equal_best" | "equal_worst",
 *   soft_close_window_s: number, soft_close_extension_s: number, extensions_max: number,
 *   soft_close_base: "close" | "receipt", soft_close_rank: number | null,
 *   soft_close_scope: "lot" | "all", hard_stop_s: number | null,
 *   lots: "parallel" | "serial" | "staggered", extension_moves_next: boolean,
 *   show_lead: Show, show_own_rank: Show, show_all_ranks: Show, show_prices: Show | null,
 *   show_bidders: Show, proxies: boolean, score: "price" | "factored" | "coefficient",
 *   ceiling: string | null, decimals: number, one_bidder: "cancel" | "reasonableness",
 *   ticker_start: string | null, ticker_change: string | null, ticker_period_s: number | null,
 *   ticker_price: "own" | "runner_up" | null, rounds: number | null, turn_s: number | null,
 *   round_pause_s: number | null}} Rules
 * @typedef {{alias: string, rank: number, unit_price: string | null}} Rank
 * @typedef {{seq: number, alias: string, unit_price: string, at: string}} Offer
 * @typedef {{alias: string, rank: number | null, unit_price: string | null,
 *   price_to_beat: string | null, sealed_price: string | null, still_in: boolean | null,
 *   accepted: boolean | null, is_turn: boolean | null}} Own
 * @typedef {{ends_at: string, level: string | null, round: number | null,
 *   turn_of: string | null}} Progress
 * @typedef {{id: string, title: string, unit: string, quantity: string, currency: string,
 *   status: Status, opens_at: string, closes_at: string, rules: Rules, extensions: number,
 *   offers: number, seq: number, lead: {alias: string | null, unit_price: string | null} | null,
 *   ranks: Rank[] | null, recent: Offer[], own: Own | null, bidders: number | null,
 *   progress: Progress | null, resumes_at: string | null, pause_reason: string | null,
 *   ended_at: string | null, cancel_reason: string | null,
 *   saving: string | null, winner: string | null,
 *   outcome: "won" | "reasonableness" | "reserve_not_met" | "no_offer" | null,
 *   contract_price: string | null, reserve_met: boolean | null,
 *   is_practice: boolean, server_time: string}} Picture
 */

/** @typedef {"connecting" | "live" | "reconnecting" | "signed-out" | "refused"} State */

/**
 * @typedef {object} Hears
 * @property {(picture: Picture) => void} picture
 * @property {(serverTime: string) => void} time
 * @property {(state: State, sentence?: string) => void} state
 */

/** The service has said no in a way that asking again does not change. */
class Refused extends Error {
  /** @param {State} state @param {string} sentence */
  constructor(state, sentence) {
    super(sentence);
    this.state = state;
  }
}

/** The service is away or busy; `pauseMs` is how long it asked to be left alone. */
class Away extends Error {
  /** @param {number} pauseMs */
  constructor(pauseMs) {
    super("The service is away.");
    this.pauseMs = pauseMs;
  }
}

/**
 * Watch until the service refuses for good.
 *
 * @param {string | null} auctionId The auction to watch; null is the board.
 * @param {string} token
 * @param {Hears} hears
 */
export async function watch(auctionId, token, hears) {
  hears.state("connecting");
  for (let failures = 0; ; failures += 1) {
    let pauseMs = 0;
    try {
      const address = await openingOf(auctionId, token);
      if (auctionId === null) await listRunning(token, hears);
      if (await listen(address, hears)) failures = 0;
    } catch (error) {
      if (error instanceof Refused) {
        hears.state(error.state, error.message);
        return;
      }
      pauseMs = error instanceof Away ? error.pauseMs : 0;
    }
    hears.state("reconnecting");
    await pause(Math.max(pauseMs, pauseBefore(failures)));
  }
}

/**
 * Get the address of one stream, with a fresh ticket in it.
 *
 * @param {string | null} auctionId
 * @param {string} token
 */
async function openingOf(auctionId, token) {
  const body = JSON.stringify({ auction_id: auctionId });
  const { ticket } = await ask("/v1/stream-tickets", token, { method: "POST", body });
  const path = auctionId === null ? "/v1/board/stream" : `/v1/auctions/${auctionId}/stream`;
  return `${path}?ticket=${encodeURIComponent(ticket)}`;
}

/**
 * Show what runs or will run: the board's stream begins with the newest auctions alone, and an
 * older one would be missing until something happens in it.
 *
 * @param {string} token
 * @param {Hears} hears
 */
async function listRunning(token, hears) {
  for (const status of ["live", "paused", "scheduled"]) {
    const page = await ask(`/v1/auctions?status=${status}&limit=${LIST_LIMIT}`, token, {});
    page.items.forEach(hears.picture);
  }
}

/**
 * Ask the API.
 *
 * @param {string} path
 * @param {string} token
 * @param {RequestInit} options
 */
async function ask(path, token, options) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
  const answer = await fetch(path, { ...options, headers, signal, cache: "no-store" });
  if (answer.ok) return answer.json();
  if (answer.status === 401) {
    throw new Refused("signed-out", "The token has expired, or is not valid here.");
  }
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
    const seconds = Number(answer.headers.get("Retry-After")) || 0;
    throw new Away(Math.min(seconds * 1000, RETRY_AFTER_MS_MAX));
  }
  const problem = await answer.json().catch(() => ({}));
  throw new Refused("refused", problem.detail ?? "The service refuses to show this.");
}

/**
 * Listen to one stream until it breaks or falls silent; tell whether it was ever open.
 *
 * @param {string} address
 * @param {Hears} hears
 * @returns {Promise<boolean>}
 */
function listen(address, hears) {
  return new Promise((resolve) => {
    const source = new EventSource(address);
    let wasOpen = false;
    let silence = setTimeout(end, SILENCE_MS);

    function end() {
      clearTimeout(silence);
      source.close();
      resolve(wasOpen);
    }

    function stayAwake() {
      clearTimeout(silence);
      silence = setTimeout(end, SILENCE_MS);
    }

    source.addEventListener("open", () => {
      wasOpen = true;
      hears.state("live");
    });
    source.addEventListener("picture", (event) => {
      stayAwake();
      hears.picture(JSON.parse(event.data));
    });
    source.addEventListener("time", (event) => {
      stayAwake();
      hears.time(JSON.parse(event.data).server_time);
    });
    source.addEventListener("error", end);
  });
}

/**
 * Half of the pause is fixed and half is random, so that a thousand browsers that lost the same
 * server do not come back in the same instant.
 *
 * @param {number} failures
 */
function pauseBefore(failures) {
  const longest = Math.min(PAUSE_MS_MIN * 2 ** failures, PAUSE_MS_MAX);
  return longest / 2 + (Math.random() * longest) / 2;
}

/**
 * Wait, but no longer than until the device says that it has a network again.
 *
 * @param {number} ms
 */
function pause(ms) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      resolve(undefined);
    };
    const timer = setTimeout(end, ms);
    addEventListener("online", end);
  });
}
