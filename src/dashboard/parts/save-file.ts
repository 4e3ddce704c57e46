/** Somewhere to write a file to, piece by piece. */
export interface FileSink {
  write(text: string): Promise<void>;
  close(): Promise<void>;
  /** What was written is of no use. */
  abort(): Promise<void>;
}

interface SavePicker {
  showSaveFilePicker?(options: { readonly suggestedName: string }): Promise<{
    createWritable(): Promise<{
      write(text: string): Promise<void>;
      close(): Promise<void>;
      abort(): Promise<void>;
    }>;
  }>;
}

/** A file in the browser's own store for blobs, which leaves the page's memory; it is downloaded when it is whole. */
function blobSink(name: string, type: string): FileSink {
  const parts: Blob[] = [];
  return {
    write: async (text) => void parts.push(new Blob([text])),
    close: async () => {
      const url = URL.createObjectURL(new Blob(parts, { type }));
      Object.assign(document.createElement("a"), { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    abort: async () => void parts.splice(0),
  };
}

/**
 * Where a file is written to: for a large one straight to the disk, where the browser can and the reader says where
 * to. To be called at once when something was pressed.
 * @param large whether it may be more than a browser should keep
 * @returns undefined where the reader thought better of it
 */
export async function openFile(name: string, type: string, large: boolean): Promise<FileSink | undefined> {
  const picker = globalThis as unknown as SavePicker;
  if (!large || picker.showSaveFilePicker === undefined) return blobSink(name, type);
  try {
    return await (await picker.showSaveFilePicker({ suggestedName: name })).createWritable();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    throw error;
  }
}
