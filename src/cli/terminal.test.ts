import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { drainedOrClosed } from "./terminal.ts";

test.each(["drain", "close"])(
  "who waits for a slow reader leaves nothing behind, after %s",
  async (event) => {
    const stream = new EventEmitter();
    for (let nth = 0; nth < 3; nth++) {
      const waiting = drainedOrClosed(stream);
      expect(stream.eventNames()).toEqual(["drain", "close"]);
      stream.emit(event);
      await waiting;
      expect(stream.eventNames()).toEqual([]);
    }
  },
);
