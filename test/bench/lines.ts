/** One measurement of both sides, in the unit of its line. */
export interface Round {
  readonly ours: number
  readonly peer: number
}

/** Measures the peer and ours by turns, so many times: what else the machine does falls on both. */
export async function byTurns(
  rounds: number,
  ours: () => Promise<number>,
  peer: () => Promise<number>
): Promise<Round[]> {
  const measured: Round[] = []
  for (let i = 0; i < rounds; i++) {
    const before = await peer()
    measured.push({ ours: await ours(), peer: before })
  }
  return measured
}

/** What must hold: the median over the rounds of ours ÷ peer, or of ours alone where there is no peer. */
export const lines = {
  acknowledged: { says: 'durable acknowledgements ÷ a bare Fastify that checks the signature', least: 0.45 },
  job: { says: 'whole job ÷ a loop that makes the same calls and keeps nothing', least: 0.45 },
  protection: { says: 'whole job ÷ without sealing and audit', least: 0.75 },
  'mongodb-protection': { says: 'whole job on MongoDB ÷ without sealing and audit', least: 0.75 },
  reply: { says: 'webhook to reply ÷ that loop, one message at a time', most: 8 },
  flood: {
    says: 'p95 from webhook to reply while somebody of another tenant sends ten times their budget ÷ in peace',
    most: 1.2
  },
  claim: { says: 'claim with many conversations waiting ÷ with 1,000', most: 1.5 },
  'mongodb-acknowledged': {
    says: 'durable acknowledgements on MongoDB ÷ that bare Fastify, 32 connections',
    least: 0.25
  },
  'mongodb-crowd': { says: 'durable acknowledgements on MongoDB ÷ that bare Fastify, 128 connections', least: 0.4 },
  'mongodb-inserts': { says: 'acknowledgements on MongoDB, 128 connections ÷ with one insert a message', least: 3 },
  'mongodb-claim': { says: 'claim on MongoDB with many conversations waiting ÷ with 1,000', most: 1.3 },
  'mongodb-claim-keys': { says: 'most index keys that a statement of such a claim examines', most: 2 },
  'mongodb-wake-up': { says: 'acknowledgement to claim in another process ÷ a majority write, p50 of both', most: 8 },
  'mongodb-slow-wake-up': { says: 'the same, p99 ÷ p50 of a majority write', most: 40 },
  'mongodb-job': { says: 'whole job on MongoDB ÷ that loop', least: 0.3 },
  'mongodb-replicas': { says: 'voice notes answered by two workers ÷ by one, with providers of 300 ms', least: 1.5 },
  receiving: { says: 'resident memory of a server that only receives, after its rounds, MB', most: 300 },
  working: { says: 'resident memory of a server that works, after its rounds, MB', most: 300 }
} as const satisfies Record<string, { says: string } & ({ least: number } | { most: number })>

export type LineName = keyof typeof lines

/** A line with its figure: `held` says whether it is met. */
export interface Verdict {
  readonly name: LineName
  readonly says: string
  readonly figure: number
  readonly bound: string
  readonly held: boolean
}

/** Holds a figure against its line. */
export function judge(name: LineName, figure: number): Verdict {
  const { says, ...bound } = lines[name]
  const held = 'least' in bound ? figure >= bound.least : figure <= bound.most
  return { name, says, figure, bound: 'least' in bound ? `≥ ${bound.least}` : `≤ ${bound.most}`, held }
}

/** The median over rounds of ours ÷ peer: each pair ran one after the other, so what else the machine did fell on both. */
export function ratio(rounds: readonly Round[]): number {
  return median(rounds.map(({ ours, peer }) => ours / peer))
}

/** The middle value; of an even number the lower of the two. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The smallest value that is not exceeded by that share of the values. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN
}
