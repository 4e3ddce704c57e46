/* A picture of the flowers by their petals, as SVG. */
import { type Flower, kinds } from "./data.ts";

const WIDTH = 640;
const HEIGHT = 420;
const MARGIN = 50;
const colours = ["#0072b2", "#e69f00", "#009e73"];

const PETAL_LENGTH = 2;
const PETAL_WIDTH = 3;

export interface PlotData {
  readonly flowers: readonly Flower[];
  /** Which of them were classified wrongly. */
  readonly wrong: ReadonlySet<Flower>;
  readonly centres: readonly (readonly number[])[];
  readonly accuracy: number;
}

/** Flowers as dots in the colour of their kind, wrongly classified ones ringed, centres of groups as crosses. */
export function plot({ flowers, wrong, centres, accuracy }: PlotData): string {
  const x = (length: number) => MARGIN + (length / 7) * (WIDTH - 2 * MARGIN);
  const y = (width: number) => HEIGHT - MARGIN - (width / 2.6) * (HEIGHT - 2 * MARGIN);
  const at = (lengths: readonly number[]) => ({
    cx: x(lengths[PETAL_LENGTH]!),
    cy: y(lengths[PETAL_WIDTH]!),
  });
  const dots = flowers.map((flower) => {
    const { cx, cy } = at(flower.lengths);
    const ring = wrong.has(flower) ? ' stroke="#d00" stroke-width="2.5"' : "";
    return `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="5" fill="${colours[flower.kind]}" fill-opacity="0.7"${ring}/>`;
  });
  const crosses = centres.map((centre) => {
    const { cx, cy } = at(centre);
    return `<path d="M${cx - 8},${cy - 8}l16,16m0,-16l-16,16" stroke="#000" stroke-width="3"/>`;
  });
  const legend = kinds.map(
    (kind, index) =>
      `<circle cx="${MARGIN + 20}" cy="${MARGIN + 20 * index}" r="5" fill="${colours[index]}"/>` +
      `<text x="${MARGIN + 32}" y="${MARGIN + 4 + 20 * index}">${kind}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<path d="M${MARGIN},${MARGIN}V${HEIGHT - MARGIN}H${WIDTH - MARGIN}" fill="none" stroke="#444"/>`,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 15}" text-anchor="middle">petal length (cm, to 7)</text>`,
    `<text x="18" y="${HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 18 ${HEIGHT / 2})">petal width (cm, to 2.6)</text>`,
    `<text x="${WIDTH / 2}" y="28" text-anchor="middle">Iris: ${(accuracy * 100).toFixed(1)} % of unseen flowers classified rightly; rings: wrongly; crosses: k-means</text>`,
    ...dots,
    ...crosses,
    ...legend,
    "</svg>",
    "",
  ].join("\n");
}
