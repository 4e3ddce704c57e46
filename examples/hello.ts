/*
 * A task and the program that uses it, in one file.
 *
 *   npx musketeers up            in one terminal
 *   npx tsx examples/hello.ts    in another
 */
import { connect, task } from "musketeers";

const greet = task((name: string) => `All for one, ${name}!`);

console.log(greet("you")); // Runs here: a task is an ordinary function.

await using cluster = await connect();
console.log(await cluster.run(greet, "d'Artagnan")); // Runs there.

for await (const { input, value, worker } of cluster.map(greet, ["Athos", "Porthos", "Aramis"])) {
  console.log(`${value}  (${input}, on ${worker})`);
}
