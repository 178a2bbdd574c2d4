// Where in a recording the page looks: a cursor that follows the end (live), plays at some speed in a direction, or stands.
// No document here: pure logic. Times are microseconds of the recording, `now` is milliseconds of the browser.

/** Live, the page looks this far behind, so that records which come in batches still move evenly. */
const BEHIND_US = 250_000;
/** How long catching up with the end takes. */
const CATCH_UP_MS = 600;

export const SPEEDS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 16, 64];

export class Player {
  cursor = 0;
  speed = 1;
  forward = true;
  /** `live`, `playing` or `paused`. */
  mode = "paused";
  /** Set while the cursor runs after the end. */
  #catching = false;
  #last = null;
  /** Recording time less browser time, in microseconds, of the quickest batch. */
  #offset = -Infinity;

  constructor(recording) {
    this.recording = recording;
  }

  /** Says that records came at `now`. */
  arrived(now) {
    this.#offset = Math.max(this.#offset, this.recording.end - now * 1000);
  }

  /** The latest moment that can be looked at: live, time goes on although nothing happens. */
  edge(now) {
    const { end, live } = this.recording;
    if (!live || !this.growing || this.#offset === -Infinity) return end;
    return Math.max(end - BEHIND_US, now * 1000 + this.#offset - BEHIND_US, 0);
  }

  /** Whether the lab still writes this recording. */
  growing = false;

  /** Moves the cursor on to `now`. */
  tick(now) {
    const passed = this.#last === null ? 0 : Math.min(now - this.#last, 250);
    this.#last = now;
    const edge = this.edge(now);
    if (this.mode === "live") {
      // Catching up takes the same time from anywhere; then it sticks to the edge.
      this.cursor += passed * 1000;
      const gap = edge - this.cursor;
      if (this.#catching && gap > 20_000) this.cursor += gap * Math.min(1, (passed * 4) / CATCH_UP_MS);
      else [this.cursor, this.#catching] = [edge, false];
      return;
    }
    if (this.mode !== "playing") return;
    const step = passed * 1000 * this.speed;
    this.cursor = this.forward ? this.cursor + step : this.cursor - step;
    if (this.cursor >= edge && this.forward) {
      this.cursor = edge;
      if (!this.growing) this.mode = "paused";
      else if (this.speed >= 1) this.mode = "live";
    }
    if (this.cursor <= 0) {
      this.cursor = 0;
      if (!this.forward) this.mode = "paused";
    }
  }

  follow(smoothly = true) {
    this.mode = "live";
    this.forward = true;
    this.speed = Math.max(this.speed, 1);
    this.#catching = smoothly;
  }

  pause() {
    this.mode = "paused";
  }

  /** Plays in a direction; from the end of what does not grow, it plays from the beginning again. */
  play(forward, now) {
    this.forward = forward;
    if (forward && !this.growing && this.cursor >= this.edge(now)) this.cursor = 0;
    this.mode = "playing";
  }

  /** Slower than life, a live view falls behind; at life's own speed or above it comes back. */
  setSpeed(speed) {
    this.speed = speed;
    if (this.mode === "live" && speed < 1) this.mode = "playing";
  }

  seek(time, now) {
    this.cursor = Math.max(0, Math.min(time, this.edge(now)));
    if (this.mode === "live") this.mode = "paused";
  }

  /** Goes to a moment that `find` knows, standing there. */
  jump(time, now) {
    this.mode = "paused";
    if (time !== undefined) this.seek(time, now);
  }
}
