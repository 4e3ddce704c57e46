import stringWidth from "string-width";

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: "left" | "right";
}

const padTo = (text: string, width: number, align: "left" | "right"): string => {
  const space = " ".repeat(Math.max(0, width - stringWidth(text)));
  return align === "right" ? space + text : text + space;
};

/**
 * Rows under their titles, columns two spaces apart, aligned by display width (a Chinese character takes
 * two). Without rows just the titles. Ends with a line end.
 */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  title: (text: string) => string = (text) => text,
): string {
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const widths = columns.map((column, index) =>
    Math.max(stringWidth(column.title), ...cells.map((line) => stringWidth(line[index] ?? ""))),
  );
  const line = (texts: readonly string[]) =>
    texts
      .map((text, index) => padTo(text, widths[index] ?? 0, columns[index]?.align ?? "left"))
      .join("  ")
      .trimEnd();
  return [title(line(columns.map((column) => column.title))), ...cells.map(line), ""].join("\n");
}

/** Names and values below each other, aligned; empty values are left out. */
export function renderFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([name]) => stringWidth(name)));
  return shown.map(([name, value]) => `${padTo(name, width, "left")}  ${value}\n`).join("");
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `share` (0 to 1) of `width` characters, in steps of an eighth. Not padded. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  return "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
}

const METER_WIDTHS = [24, 16, 8];

/** A padded bar with what is said behind it: the longest bar with which all of it fits, the shortest where none does. */
export function meter(share: number, behind: string, columns: number): string {
  const room = columns - 2 - stringWidth(behind);
  const width = METER_WIDTHS.find((each) => each <= room) ?? METER_WIDTHS.at(-1)!;
  return `${bar(share, width).padEnd(width, "·")} ${behind}`;
}
