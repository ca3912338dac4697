/** How much is measured: rounds, many of them where two sides are so alike that the noise would decide, and in each so many messages, voice notes or claims. */
export type Size = Readonly<Record<keyof typeof full, number>>

/** What the lines are judged by. */
export const full = {
  rounds: 5,
  manyRounds: 9,
  sideRounds: 3,
  messages: 16_000,
  single: 1_500,
  inserts: 6_000,
  notes: 800,
  alone: 60,
  inPeace: 200,
  slowNotes: 96,
  lanes: 100_000,
  claims: 150,
  wakeUps: 500
}

/** Enough to see that it runs, and about where the figures are. */
export const quick: Size = {
  rounds: 3,
  manyRounds: 3,
  sideRounds: 3,
  messages: 4_000,
  single: 500,
  inserts: 1_500,
  notes: 150,
  alone: 20,
  inPeace: 60,
  slowNotes: 48,
  lanes: 20_000,
  claims: 50,
  wakeUps: 90
}
