/** Purposes of random sources; a new one changes none of the others. */
export const purpose = {
  arrivals: 1,
  work: 2,
  failing: 3,
  killing: 4,
  machine: 5,
  hub: 6,
  link: 7,
  cut: 8,
  swarm: 9,
  hanging: 10,
  refusing: 11,
  jumping: 12,
  shuffling: 13,
  datasets: 14,
  keeping: 15,
  adjusting: 17,
} as const;
