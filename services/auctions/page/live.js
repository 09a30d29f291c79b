/**
 * The live pages: sign in, watch, say how the connection is.
 *
 * Who opens a page with `#token=…` is signed in by it; anyone else pastes a token. It is kept in
 * the tab's own storage and sent nowhere but to this service.
 */

import { announce } from "./announcements.js";
import { AuctionPage } from "./auction.js";
import { BoardPage } from "./board.js";
import { byId, setNote, setText } from "./paint.js";
import { ServerTime } from "./server-time.js";
import { watch } from "./stream.js";
import { timeOfDay } from "./words.js";

const TOKEN_KEY = "commonlot-token";
const TICK_MS = 250;

/** What a header can carry, and no longer than the service reads. */
const TOKEN = /^[\x21-\x7e]{1,8000}$/;

/** @typedef {import("./stream.js").State} State */

const serverTime = new ServerTime();

/** When the service last told anything: what is shown is as of then. */
let heardAt = "";

function begin() {
  takeTokenFromAddress();
  addEventListener("hashchange", () => takeTokenFromAddress() && location.reload());
  byId("sign-in-form").addEventListener("submit", signIn);
  byId("sign-out").addEventListener("click", signOut);
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (token === null) {
    showState("signed-out");
    return;
  }
  watchWith(token);
}

/**
 * Move a token from the address into the tab, before anybody reads it over a shoulder or copies
 * the address; tell whether there was one.
 */
function takeTokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  if (TOKEN.test(token)) sessionStorage.setItem(TOKEN_KEY, token);
  return true;
}

/** @param {Event} event */
function signIn(event) {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (byId("token"));
  const token = field.value.trim().replace(/^Bearer\s+/i, "");
  if (!TOKEN.test(token)) {
    setText(byId("token-fault"), "This is not a token: a token is one line without spaces.");
    field.focus();
    return;
  }
  sessionStorage.setItem(TOKEN_KEY, token);
  // A new page, so that nothing which the last bearer was shown stays for the next.
  location.reload();
}

function signOut() {
  sessionStorage.removeItem(TOKEN_KEY);
  location.reload();
}

/** @param {string} token */
function watchWith(token) {
  const isBoard = document.body.dataset.page === "board";
  const page = isBoard ? new BoardPage(serverTime) : new AuctionPage(serverTime);
  const auctionId = isBoard ? null : decodeURIComponent(location.pathname.split("/")[2] ?? "");
  byId("sign-out").hidden = false;
  if (isBoard) byId("content").hidden = false;
  setInterval(() => page.tick(), TICK_MS);
  watch(auctionId, token, {
    picture(picture) {
      hearTime(picture.server_time);
      byId("content").hidden = false;
      page.show(picture);
    },
    time(instant) {
      hearTime(instant);
      page.beat();
    },
    state(state, sentence) {
      if (page instanceof BoardPage) page.connect(state === "live");
      showState(state, sentence);
    },
  });
}

/** @param {string} instant */
function hearTime(instant) {
  serverTime.hear(instant);
  heardAt = instant;
}

/**
 * Say how the connection is: in words, in the page's look, and aloud when it changes.
 *
 * @param {State} state
 * @param {string} [sentence]
 */
function showState(state, sentence = "") {
  const before = document.body.dataset.state;
  if (state === before) return;
  document.body.dataset.state = state;
  setText(byId("connection"), stateWords(state));
  setNote(byId("notice"), sentence);
  if (state === "signed-out") showSignIn();
  const wasBegun = before === "live" || before === "reconnecting";
  if (wasBegun) announce("connection", `${stateWords(state)}.`);
}

function showSignIn() {
  sessionStorage.removeItem(TOKEN_KEY);
  byId("sign-out").hidden = true;
  byId("sign-in").hidden = false;
}

/** @param {State} state */
function stateWords(state) {
  const asOf = heardAt === "" ? "" : `, figures as of ${timeOfDay(heardAt)}`;
  switch (state) {
    case "connecting":
      return "Connecting";
    case "live":
      return "Live connection";
    case "reconnecting":
      return `Reconnecting${asOf}`;
    case "refused":
      return "Not connected";
    default:
      return `Signed out${asOf}`;
  }
}

begin();
