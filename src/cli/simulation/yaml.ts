import { parseDocument } from "yaml";
import { MusketeersError, parseDuration } from "../../protocol/index.ts";
import {
  type Availability,
  churn,
  clamp,
  type Draw,
  diurnal,
  exponential,
  logNormal,
  mortal,
  pareto,
  type Scenario,
  type Study,
  speeds,
  uniform,
  volunteer,
  weibull,
} from "../../simulator/index.ts";
import { checkStudy } from "./check.ts";

/*
 * YAML has no functions: distributions are lists that begin with a name, `[exponential, 20s]`; times may have units.
 */

const distributions: Readonly<Record<string, (...numbers: number[]) => Draw>> = {
  uniform,
  exponential,
  weibull,
  logNormal,
  pareto,
};
const numbersOf: Readonly<Record<string, number>> = {
  uniform: 2,
  exponential: 1,
  weibull: 2,
  logNormal: 2,
  pareto: 2,
};

const availabilities: Readonly<Record<string, (...numbers: number[]) => Availability>> = {
  volunteer: () => volunteer,
  churn: (onMs = 0, offMs = 0) => churn(onMs, offMs),
  diurnal: (onHour = 9, offHour = 18) => diurnal({ onHour, offHour }),
  leaving: (meanLifeMs = 0) => mortal(volunteer, exponential(meanLifeMs)),
};

/** @throws MusketeersError `BAD_ARGUMENT` with the line, or the place in the scenario. */
export function scenarioOfYaml(path: string, text: string): Scenario | Study {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) {
    throw new MusketeersError("BAD_ARGUMENT", `${path} is no YAML: ${error.message}`, {
      hint: "Mind the indentation; distributions are lists such as [exponential, 20s].",
    });
  }
  return checkStudy(path, revive(document.toJS(), "", path));
}

function revive(value: unknown, key: string, path: string): unknown {
  if (typeof value === "string") return reviveText(value, key, path);
  if (Array.isArray(value)) {
    return typeof value[0] === "string" && key !== "labels"
      ? call(value, key, path)
      : value.map((item) => revive(item, key, path));
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(item, name, path)]));
}

function reviveText(text: string, key: string, path: string): unknown {
  if (key === "speed" && Object.hasOwn(speeds, text)) return speeds[text as keyof typeof speeds];
  if (key === "availability") return call([text], key, path);
  return key.endsWith("Ms") ? parseDuration(key, text) : text;
}

function call([name, ...rest]: unknown[], key: string, path: string): unknown {
  const known = key === "availability" ? availabilities : distributions;
  const make = known[String(name)];
  const numbers = rest.map((item) => (typeof item === "string" ? parseDuration(key, item) : Number(item)));
  const wanted = numbersOf[String(name)];
  if (
    make === undefined ||
    (wanted !== undefined && wanted !== numbers.length) ||
    numbers.some(Number.isNaN)
  ) {
    throw new MusketeersError(
      "BAD_ARGUMENT",
      `${path}: ${key} cannot be ${JSON.stringify([name, ...rest])}`,
      {
        hint: `It begins with one of ${Object.keys(known).join(", ")}, such as [exponential, 20s] or [uniform, 1s, 3s].`,
      },
    );
  }
  const made = make(...numbers);
  return key === "availability" ? made : clamp(made as Exclude<Draw, number>, 0, Number.MAX_SAFE_INTEGER);
}
