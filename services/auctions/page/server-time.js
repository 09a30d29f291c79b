/**
 * Tell the service's time.
 *
 * The device's own clock may be minutes off, or be set while the page is open, so nothing here
 * reads it: what counts is how far the service's time is ahead of the page's stopwatch.
 */

/** Some minutes of a quiet auction, some seconds of a busy one. */
const SAMPLES_MAX = 30;

export class ServerTime {
  /** @type {number[]} */
  #leads = [];

  /**
   * Learn from an instant that the service has just told.
   *
   * @param {string} instant
   */
  hear(instant) {
    this.#leads.push(Date.parse(instant) - performance.now());
    if (this.#leads.length > SAMPLES_MAX) this.#leads.shift();
  }

  /** The service's time in milliseconds; NaN before it was told. */
  now() {
    if (this.#leads.length === 0) return NaN;
    // A message that was held up makes the service look slow: the quickest is nearest the truth.
    return Math.max(...this.#leads) + performance.now();
  }
}
