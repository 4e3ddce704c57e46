import { expect, test } from "vitest";
import { GivenKeeper, givenTo, keepSettings, keptSettings } from "./kept.ts";

class Store {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
}

const refusing = {
  getItem: () => {
    throw new Error("SecurityError");
  },
  setItem: () => {
    throw new Error("QuotaExceededError");
  },
};

test("half of the cores are lent where nothing was said, and one of one", () => {
  expect(keptSettings(new Store(), 8)).toEqual({
    slots: 4,
    onlyWhenVisible: false,
    onlyWhenCharging: false,
    awake: false,
    name: "",
  });
  expect(keptSettings(new Store(), 1).slots).toBe(1);
});

test("what was said is kept, as far as this machine goes", () => {
  const store = new Store();
  const settings = {
    slots: 6,
    onlyWhenVisible: true,
    onlyWhenCharging: true,
    awake: true,
    name: "Ana's phone",
  };
  keepSettings(store, settings);
  expect(keptSettings(store, 8)).toEqual(settings);
  expect(keptSettings(store, 2).slots).toBe(2);
});

test.each(["null", "7", "[]", "{", '{"slots":"all","name":7,"awake":1}', '{"slots":-3}'])(
  "what makes no sense is as if nothing was said: %s",
  (text) => {
    const store = new Store();
    store.items.set("musketeers.volunteer", text);
    store.items.set("musketeers.given.p", text);
    expect(keptSettings(store, 4)).toEqual(keptSettings(new Store(), 4));
    expect(givenTo(store, "p")).toEqual({ inputs: 0, seconds: 0 });
  },
);

test("what was given adds up over visits and over tabs, for each project by itself", () => {
  const store = new Store();
  const first = new GivenKeeper(store, "p");
  first.add({ inputs: 3, seconds: 1 });
  const second = new GivenKeeper(store, "p");
  second.add({ inputs: 10, seconds: 2 });
  expect(first.add({ inputs: 5, seconds: 1.5 })).toEqual({ inputs: 15, seconds: 3.5 });
  expect(givenTo(store, "p")).toEqual({ inputs: 15, seconds: 3.5 });
  expect(givenTo(store, "q")).toEqual({ inputs: 0, seconds: 0 });
});

test("where nothing can be kept all goes on", () => {
  expect(keptSettings(refusing, 4).slots).toBe(2);
  keepSettings(refusing, keptSettings(refusing, 4));
  expect(new GivenKeeper(refusing, "p").add({ inputs: 2, seconds: 1 })).toEqual({ inputs: 2, seconds: 1 });
});
