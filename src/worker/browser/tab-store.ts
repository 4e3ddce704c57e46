/* The little of IndexedDB that is used here. */

interface Request<T> {
  readonly result: T;
  onsuccess: (() => void) | null;
  onerror: (() => void) | null;
}

interface OpenRequest extends Request<Database> {
  onupgradeneeded: (() => void) | null;
  onblocked: (() => void) | null;
}

interface Database {
  createObjectStore(name: string): void;
  transaction(
    name: string,
    mode: "readonly" | "readwrite",
  ): {
    objectStore(name: string): {
      get(key: string): Request<unknown>;
      put(value: unknown, key: string): Request<unknown>;
    };
  };
  close(): void;
}

interface Scope {
  readonly indexedDB?: { open(name: string, version: number): OpenRequest };
}

const DATABASE = "musketeers";
const STORE = "tab";

const settled = <T>(request: Request<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error("the browser keeps nothing"));
  });

function open(): Promise<Database> {
  const request = (globalThis as Scope).indexedDB?.open(DATABASE, 1);
  if (request === undefined) return Promise.reject(new Error("the browser keeps nothing"));
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

/** What a browser keeps for the pages of one hub; of each page only where it keeps nothing, as in private windows. */
export class TabStore {
  async get(key: string): Promise<unknown> {
    try {
      const database = await open();
      try {
        return await settled(database.transaction(STORE, "readonly").objectStore(STORE).get(key));
      } finally {
        database.close();
      }
    } catch {
      return undefined;
    }
  }

  async set(key: string, value: unknown): Promise<void> {
    try {
      const database = await open();
      try {
        await settled(database.transaction(STORE, "readwrite").objectStore(STORE).put(value, key));
      } finally {
        database.close();
      }
    } catch {
      // It is asked for again next time.
    }
  }
}
