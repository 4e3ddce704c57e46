/** Results that count: the hub's part of it. What is believed the scheduler decides. */
export { type KnownPerson, PERSON_PREFIX, People, personIn, recoverPeople } from "./people.ts";
export { forgiven, peopleOf } from "./people-view.ts";
export { Referee } from "./referee.ts";
