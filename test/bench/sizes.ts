/** How much is measured: rounds, and in each so many messages, voice notes or claims; pairs of servers where two sides are so alike that the luck of one pair would decide. */
export type Size = Readonly<Record<keyof typeof full, number>>

/** What the lines are judged by. */
export const full = {
  rounds: 5,
  pairs: 5,
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
  pairs: 2,
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
