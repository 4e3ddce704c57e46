import stringWidth from "string-width";
import { expect, test } from "vitest";
import { bar, renderFields, renderTable } from "./table.ts";

const columns = [
  { title: "日期", value: (row: readonly string[]) => row[0] ?? "" },
  { title: "N", value: (row: readonly string[]) => row[1] ?? "", align: "right" as const },
];

test("columns line up by display width", () => {
  const text = renderTable(columns, [
    ["ab", "1"],
    ["成交股數", "22"],
  ]);
  const lines = text.split("\n");
  expect(lines).toEqual(["日期       N", "ab         1", "成交股數  22", ""]);
  expect(new Set(lines.slice(0, 3).map((line) => stringWidth(line)))).toEqual(new Set([12]));
});

test("a table without rows is its titles", () => {
  expect(renderTable(columns, [])).toBe("日期  N\n");
});

test("fields line up, and empty ones are left out", () => {
  expect(
    renderFields([
      ["job", "1"],
      ["reason", ""],
      ["state", "done"],
    ]),
  ).toBe("job    1\nstate  done\n");
});

test("bars go in eighths and stay within their width", () => {
  expect([bar(0, 4), bar(0.5, 4), bar(0.53, 4), bar(1, 4), bar(7, 4), bar(-1, 4)]).toEqual([
    "",
    "██",
    "██▏",
    "████",
    "████",
    "",
  ]);
});
